#include "domain/provider_key.h"
#include "google_key.h"
#include "room.h"
#include "setup.h"

#define ACCOUNT(more)                                                          \
	"{\"type\":\"service_account\",\"client_email\":\"a@b\","              \
	"\"private_key\":\"" GOOGLE_PEM "\"" more "}"

/* An own key, and the base URL it is asked at, or what is wrong with it. */
static const struct {
	const char *provider, *key, *options;
	const char *url; /* or NULL */
	const char *why; /* parameter and a part of the message */
} cases[] = {
	{ "openai", "sk-1", "", "https://api.openai.com", NULL },
	{ "azure", "k", "{\"resource\":\"my-res\"}",
	    "https://my-res.openai.azure.com", NULL },
	{ "azure-ai-foundry", "k",
	    "{\"resource\":\"r\",\"api_version\":\"2025-01-01\"}",
	    "https://r.services.ai.azure.com", NULL },
	{ "azure-anthropic", "k", "{\"resource\":\"r\"}",
	    "https://r.services.ai.azure.com", NULL },
	{ "aws-bedrock", "AKID:secret", "{\"region\":\"eu-west-1\"}",
	    "https://bedrock-runtime.eu-west-1.amazonaws.com", NULL },
	{ "aws-mantle", "k", "{\"region\":\"eu-west-1\"}",
	    "https://bedrock-mantle.eu-west-1.api.aws", NULL },
	{ "google-vertex", "k", "{\"project\":\"example.com:p\"}",
	    "https://aiplatform.googleapis.com", NULL },
	{ "vertex-openai", ACCOUNT(",\"project_id\":\"p\""), "",
	    "https://aiplatform.googleapis.com", NULL },
	{ "alibaba", "k", "{\"workspace_id\":\"ws-1\"}",
	    "https://dashscope-intl.aliyuncs.com/compatible-mode", NULL },
	{ "house", "k", "", "http://10.1.2.3/v1", NULL },
	{ "house", "k", "{\"region\":\"x\"}", NULL,
	    "options: region is no option" },
	{ "vertex-openai", ACCOUNT(""), "", NULL,
	    "options: project is needed" },
	{ "vertex-openai",
	    ACCOUNT(",\"project_id\":\"p\",\"token_uri\":"
		    "\"http://127.0.0.1/token\""),
	    "", NULL, "key: token_uri" },
	{ "vertex-openai", "ya29.abc", "{\"project\":\"p\"}", NULL,
	    "key: the credentials are not JSON" },
	{ "openai", "{\"a\":1}", "", NULL, "key: must not be JSON" },
	{ "openai", "a b", "", NULL, "key: must be printable" },
	{ "aws-bedrock", ":secret", "", NULL, "key: must be ACCESS_KEY_ID" },
	{ "aws-bedrock", "AKID:s:", "", NULL, "key: must be ACCESS_KEY_ID" },
	{ "azure", "k", "{\"use_responses_api\":\"yes\"}", NULL,
	    "options: use_responses_api must be true or false" },
	{ "azure", "k", "[]", NULL, "options: must be an object" },
	{ "azure", "k", "{\"resource\":5}", NULL, "options: resource must be" },
	{ "open", "k", "", NULL, "base_url: is needed" },
	{ "nobody", "k", "", NULL, "provider: is not known" },
	{ "custom", "k", "", NULL, "name: must be" },
};

START_TEST(own)
{
	struct arena *a = arena_new(65536, SIZE_MAX);
	struct own_spec spec = { .id = STR("pkey_1"),
		.provider = str_from(cases[_i].provider),
		.options = str_from(cases[_i].options),
		.secret = str_from(cases[_i].key),
		.mark = 7 };
	struct upstream u;
	struct err e = { 0 };
	struct setup s;
	int rc;

	setup_clear();
	ck_assert_int_eq(setup_load(&s,
			     "[provider house]\ndialect = openai-chat\n"
			     "base_url = http://10.1.2.3/v1\n"
			     "auth = bearer\n"
			     "[provider open]\ndialect = openai-chat\n"
			     "base_url = http://10.1.2.4/v1\n"),
	    0);
	rc = upstream_own(
	    &u, &spec, &s.conf, providers_scale(s.providers), a, &e);
	if (cases[_i].url == NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(e.code, ERR_BAD_PARAM);
		ck_assert_msg(
		    strstr(e.msg, cases[_i].why) != NULL, "%s", e.msg);
	} else {
		ck_assert_msg(rc == 0, "%s", e.msg);
		ck_assert_msg(str_is(u.base_url, cases[_i].url), "%.*s",
		    STR_ARG(u.base_url));
		ck_assert(upstream_usable(&u));
		ck_assert_uint_eq(u.marks[0], 7);
		upstream_own_free(&u);
	}
	setup_free(&s);
	arena_free(a);
}
END_TEST

START_TEST(masks)
{
	static const char *const rows[][2] = {
		{ "sk-0123456789abcd", "sk-…abcd" },
		{ "short", "…" },
		{ "AKIDEXAMPLE01234:secret:token", "AKI…1234" },
		{ "{\"client_email\":\"a@b\",\"private_key\":\"x\"}", "a@b" },
		{ "{\"a\":1}", "{…}" },
	};
	struct arena *a = arena_new(4096, SIZE_MAX);

	for (size_t i = 0; i < NROWS(rows); i++)
		ck_assert_msg(str_is(provider_key_mask(str_from(rows[i][0]), a),
				  rows[i][1]),
		    "%s", rows[i][0]);
	ck_assert(provider_key_mark(STR("a"), STR("1")) !=
	    provider_key_mark(STR("a"), STR("2")));
	ck_assert(provider_key_mark(STR("a"), STR("1")) !=
	    provider_key_mark(STR("b"), STR("1")));
	arena_free(a);
}
END_TEST

CASE(case_own)
{
	TCase *c = tcase_create("own");

	tcase_add_loop_test(c, own, 0, (int)NROWS(cases));
	tcase_add_test(c, masks);
	return c;
}
