#include <stdlib.h>
#include <unistd.h>

#include "domain/route.h"
#include "room.h"

#define TODAY "2026-11-22"
#define CHAT "\"caps\":[\"chat\",\"stream\",\"plain\""
#define PRICE(in, out)                                                         \
	"\"tiers\":[{\"input\":\"" in "\",\"output\":\"" out "\"}]"

/* A small world: two providers that are known and have keys, one without. */
/* clang-format off */
static const char list[] =
"{\"catalog\":1}\n"
"{\"id\":\"both\",\"aliases\":[\"both-1\"],\"mappings\":["
"{\"provider\":\"dear\",\"model\":\"org/both\",\"context\":1000,"
"\"max_output\":100," CHAT ",\"tools\",\"json\",\"images\"],"
PRICE("5", "5") "},"
"{\"provider\":\"cheap\",\"model\":\"both-x\",\"context\":2000,"
"\"max_output\":50," CHAT ",\"tools\"]," PRICE("1", "1") "},"
"{\"provider\":\"nokey\",\"model\":\"both\"," CHAT "],"
PRICE("0", "0") "}]}\n"
"{\"id\":\"embed\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"embed\",\"caps\":[\"plain\",\"embed\"]," PRICE("1", "0") "}]}\n"
"{\"id\":\"gift\",\"free\":true,\"mappings\":[{\"provider\":\"dear\","
"\"model\":\"gift\",\"context\":9000," CHAT ",\"reason\",\"files\"],\"efforts\":["
"\"low\",\"high\"]," PRICE("0", "0") "}]}\n"
"{\"id\":\"gone\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"gone\"," CHAT "],\"deactivated_at\":\"2026-01-01\","
PRICE("1", "1") "}]}\n"
"{\"id\":\"gpt-5-nano\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"nano\",\"context\":5000," CHAT "]," PRICE("0.1", "0.1") "}]}\n"
"{\"id\":\"half\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"half\"," CHAT "],\"deactivated_at\":\"2026-11-22\"," PRICE("1", "1")
"},{\"provider\":\"cheap\",\"model\":\"half\"," CHAT "],"
PRICE("1", "1") "}]}\n"
"{\"id\":\"paint\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"paint\",\"caps\":[\"plain\",\"draw\"]," PRICE("1", "1") "}]}\n"
"{\"id\":\"shaky\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"shaky\"," CHAT "],\"stability\":\"unstable\"," PRICE("1", "1") "},"
"{\"provider\":\"cheap\",\"model\":\"shaky\"," CHAT "],"
PRICE("2", "2") "}]}\n"
"{\"id\":\"sim-*\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"sim-*\"," CHAT "]," PRICE("1", "2") "}]}\n"
"{\"id\":\"two-ways\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"thinks\"," CHAT ",\"reason\"]," PRICE("1", "1") "},"
"{\"provider\":\"cheap\",\"model\":\"thinks\"," CHAT ",\"reason\"],"
PRICE("2", "2") "},{\"provider\":\"dear\",\"model\":\"plain\","
"\"max_output\":90," CHAT ",\"tools\"]," PRICE("3", "3") "}]}\n"
"{\"id\":\"v:1\",\"mappings\":[{\"provider\":\"dear\",\"model\":"
"\"v:1\"," CHAT "]," PRICE("1", "1") "}]}\n";
/* clang-format on */

static struct catalog *
load(void)
{
	char name[] = "/tmp/check-route-XXXXXX";
	struct catalog *c;
	struct err e = { 0 };
	int fd = mkstemp(name);

	ck_assert_int_eq(
	    write(fd, list, sizeof(list) - 1), (ssize_t)sizeof(list) - 1);
	close(fd);
	ck_assert_msg(catalog_load(&c, name, NULL, &e) == 0, "%s", e.msg);
	unlink(name);
	return c;
}

static bool
known(void *arg, struct str id)
{
	(void)arg;
	return str_is(id, "dear") || str_is(id, "cheap") ||
	    str_is(id, "nokey") || str_is(id, "vllm");
}

static bool
usable(void *arg, struct str id)
{
	(void)arg;
	return known(arg, id) && !str_is(id, "nokey");
}

static bool
unusable(void *arg, struct str id)
{
	(void)arg;
	(void)id;
	return false;
}

static bool
any_model(void *arg, struct str id)
{
	(void)arg;
	return str_is(id, "vllm");
}

static bool
regional(void *arg, struct str id, struct str region)
{
	(void)arg;
	return str_is(id, "dear") && str_is(region, "us");
}

static struct route_world
world(const struct catalog *c)
{
	return (struct route_world){ c, TODAY, NULL, known, usable, any_model,
		regional, NULL, NULL, NULL, false, "gpt-5-nano, both-9" };
}

/* What a string names: root, the provider pinned, upstream name, or error. */
static const struct {
	const char *asked;
	const char *root;
	const char *provider;
	const char *upstream; /* of the first found */
	int nfound;
	enum err_code code;
	const char *msg;
} strings[] = {
	{ "both", "both", NULL, "org/both", 3, 0, NULL },
	{ "both-1", "both", NULL, "org/both", 3, 0, NULL },
	{ "cheap/both", "both", "cheap", "both-x", 1, 0, NULL },
	{ "cheap/both-1", "both", "cheap", "both-x", 1, 0, NULL },
	{ "cheap/both-x", "both", "cheap", "both-x", 1, 0, NULL },
	{ "dear/org/both", "both", "dear", "org/both", 1, 0, NULL },
	{ "dear/v:1", "v:1", "dear", "v:1", 1, 0, NULL },
	{ "half", "half", NULL, "half", 1, 0, NULL },
	{ "dear/half", "half", NULL, "half", 1, 0, NULL },
	{ "sim-x7", "sim-x7", NULL, "sim-x7", 1, 0, NULL },
	{ "dear/sim-x7", "sim-x7", "dear", "sim-x7", 1, 0, NULL },
	{ "vllm/org/free:text", "org/free:text", "vllm", "org/free:text", 1, 0,
	    NULL },
	{ "gone", 0, 0, 0, 0, ERR_MODEL_GONE,
	    "Model gone has been deactivated and is no longer available" },
	{ "dear/gone", 0, 0, 0, 0, ERR_MODEL_GONE,
	    "Model dear/gone has been deactivated and is no longer "
	    "available" },
	{ "what", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Requested model what not supported" },
	{ "dear/what", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Requested model dear/what not supported" },
	{ "a b", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Requested model a b not supported" },
	{ "", 0, 0, 0, 0, ERR_NO_MODEL, "Requested model  not supported" },
	{ "cheap/embed", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Provider cheap does not support model cheap/embed" },
	{ "dear/both:eu", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Region 'eu' is not available for model dear/both:eu" },
	{ "both:eu", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Requested model both:eu not supported" },
	{ "nobody/both", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Provider 'nobody' not found." },
	{ "custom", 0, 0, 0, 0, ERR_NO_MODEL, "Provider 'custom' not found." },
	{ "No.body/both", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Requested model No.body/both not supported" },
	{ "both-x", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Model both-x must be requested with a provider prefix. Use the "
	    "format: cheap/both" },
	{ "vllm/", 0, 0, 0, 0, ERR_NO_MODEL,
	    "Requested model vllm/ not supported" },
};

START_TEST(resolve)
{
	struct catalog *c = load();
	struct route_world w = world(c);
	struct err e = { 0 };
	struct route r;
	int rc = route_resolve(&r, &w, str_from(strings[_i].asked), &e);

	if (strings[_i].msg != NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_str_eq(e.msg, strings[_i].msg);
		ck_assert_int_eq(e.code, strings[_i].code);
	} else {
		ck_assert_msg(rc == 0, "%s: %s", strings[_i].asked, e.msg);
		ck_assert(str_is(r.root, strings[_i].root));
		ck_assert(str_eq(r.provider, str_from(strings[_i].provider)));
		ck_assert(str_is(r.found[0]->upstream, strings[_i].upstream));
		ck_assert_int_eq(r.nfound, strings[_i].nfound);
	}
	catalog_free(c);
}
END_TEST

START_TEST(region)
{
	struct catalog *c = load();
	struct route_world w = world(c);
	struct err e = { 0 };
	struct route r;

	ck_assert_int_eq(route_resolve(&r, &w, STR("dear/both:us"), &e), 0);
	ck_assert(str_is(r.region, "us"));
	ck_assert(str_is(r.root, "both"));
	ck_assert(str_is(r.provider, "dear"));
	ck_assert_int_eq(route_resolve(&r, &w, STR("dear/both"), &e), 0);
	ck_assert_ptr_null(r.region.p);
	catalog_free(c);
}
END_TEST

START_TEST(long_names)
{
	struct catalog *c = load();
	struct route_world w = world(c);
	struct err e = { 0 };
	char name[260];
	struct route r;

	memset(name, 'x', sizeof(name));
	ck_assert_int_eq(
	    route_resolve(&r, &w, (struct str){ name, 257 }, &e), -1);
	ck_assert_uint_eq(
	    strlen(e.msg), strlen("Requested model  not supported") + 200);
	memset(name, '\xc3', 1);
	memset(name + 1, '\xa4', 1);
	memcpy(name + 199, "\xc3\xa4", 2);
	route_resolve(&r, &w, (struct str){ name, 257 }, &e);
	ck_assert_uint_eq(
	    strlen(e.msg), strlen("Requested model  not supported") + 199);
	catalog_free(c);
}
END_TEST

/* What a request needs of a model, and who is left, best first. */
static const struct {
	const char *asked;
	unsigned needs;
	int64_t max_output;
	size_t text_bytes;
	const char *left; /* providers, some with =upstream name */
	enum err_code code;
	const char *msg;
} requests[] = {
	{ "both", LLM_CAN_CHAT, 0, 0, "nokey cheap dear", 0, NULL },
	{ "both", 0, 0, 0, "nokey cheap dear", 0, NULL },
	{ "both", LLM_CAN_TOOLS, 0, 0, "cheap dear", 0, NULL },
	{ "both", LLM_CAN_JSON, 0, 0, "dear", 0, NULL },
	{ "cheap/both", LLM_CAN_JSON, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model cheap/both does not support JSON output mode" },
	{ "both", LLM_CAN_SCHEMA | LLM_CAN_REASON, 0, 0, NULL,
	    ERR_NO_CAPABILITY,
	    "Model both does not support JSON schema output mode" },
	{ "nokey/both", LLM_CAN_TOOLS, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model nokey/both does not support tool calls. Remove the "
	    "tools/tool_choice parameter or use a tool-capable model." },
	{ "both", LLM_CAN_REASON, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model both does not support reasoning. Remove the "
	    "reasoning_effort parameter or use a reasoning-capable model." },
	{ "both", LLM_CAN_BUDGET, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model both does not support reasoning.max_tokens. Remove the "
	    "reasoning.max_tokens parameter or use a model that supports "
	    "explicit reasoning token budgets." },
	/* one that reasons and one that does not, of the same provider */
	{ "two-ways", LLM_CAN_REASON, 0, 0, "dear=thinks cheap", 0, NULL },
	{ "two-ways", 0, 0, 0, "cheap dear=plain", 0, NULL },
	{ "dear/two-ways", 0, 0, 0, "dear=plain", 0, NULL },
	{ "dear/two-ways", LLM_CAN_REASON, 0, 0, "dear=thinks", 0, NULL },
	{ "dear/thinks", 0, 0, 0, "dear=thinks", 0, NULL },
	{ "two-ways", 0, 91, 0, "dear=thinks cheap", 0, NULL },
	{ "both", LLM_CAN_SEARCH, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model both does not support native web search. Remove the "
	    "web_search tool or use a model that supports it." },
	{ "half", LLM_CAN_IMAGES, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model half does not support image input" },
	{ "both", LLM_CAN_AUDIO, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model both does not support audio input" },
	{ "both", LLM_CAN_FILES, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model both does not support document input" },
	{ "both", LLM_CAN_PARALLEL | LLM_CAN_STREAM, 0, 0, "nokey cheap dear",
	    0, NULL },
	{ "both", LLM_CAN_TOOLS, 60, 0, "dear", 0, NULL },
	{ "both", LLM_CAN_TOOLS, 101, 0, NULL, ERR_BAD_PARAM,
	    "The requested max_tokens (101) exceeds the maximum output "
	    "tokens allowed for model both (100)" },
	{ "both", LLM_CAN_TOOLS, 0, 8007, "cheap dear", 0, NULL },
	{ "both", LLM_CAN_TOOLS, 0, 8008, "cheap", 0, NULL },
	{ "both", LLM_CAN_TOOLS, 0, 16008, NULL, ERR_CONTEXT,
	    "The input (about 2001 tokens) exceeds the context of model both "
	    "(2000)" },
	{ "embed", LLM_CAN_EMBED, 0, 0, "dear", 0, NULL },
	{ "both", LLM_CAN_EMBED, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model both is not an embeddings model" },
	{ "embed", 0, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model embed is an embeddings model and cannot be used with "
	    "/v1/chat/completions. Use the /v1/embeddings endpoint "
	    "instead." },
	{ "paint", LLM_CAN_DRAW, 0, 0, "dear", 0, NULL },
	{ "paint", 0, 0, 0, NULL, ERR_NO_CAPABILITY,
	    "Model paint does not support text output" },
	{ "vllm/x", LLM_CAN_TOOLS | LLM_CAN_REASON, 1 << 20, 1 << 20, "vllm", 0,
	    NULL },
	{ "auto", 0, 0, 0, "dear", 0, NULL },
	{ "auto", LLM_CAN_TOOLS, 10, 0, "cheap dear", 0, NULL },
	{ "auto", LLM_CAN_VIDEO, 0, 0, NULL, ERR_NO_PROVIDER,
	    "No model is available for auto routing." },
};

static void
expect_left(const struct route *r, const char *left)
{
	struct str rest = str_from(left), name, provider;
	int i;

	for (i = 0; rest.p != NULL; i++) {
		ck_assert_int_lt(i, r->nfound);
		name = str_split(&rest, ' ');
		provider = str_split(&name, '=');
		ck_assert(str_eq(r->found[i]->provider, provider));
		ck_assert(
		    name.p == NULL || str_eq(r->found[i]->upstream, name));
	}
	ck_assert_int_eq(i, r->nfound);
}

START_TEST(narrow)
{
	struct catalog *c = load();
	struct route_world w = world(c);
	struct llm_request q = { .needs = requests[_i].needs,
		.max_output = requests[_i].max_output,
		.text_bytes = requests[_i].text_bytes };
	struct err e = { 0 };
	struct route r;
	int rc;

	ck_assert_int_eq(
	    route_resolve(&r, &w, str_from(requests[_i].asked), &e), 0);
	rc = route_narrow(&r, &q, &e);
	if (requests[_i].msg == NULL) {
		ck_assert_msg(rc == 0, "%d: %s", _i, e.msg);
		expect_left(&r, requests[_i].left);
	} else {
		ck_assert_int_eq(rc, -1);
		ck_assert_str_eq(e.msg, requests[_i].msg);
		ck_assert_int_eq(e.code, requests[_i].code);
	}
	catalog_free(c);
}
END_TEST

START_TEST(keys)
{
	struct catalog *c = load();
	struct route_world w = world(c), none = w;
	struct err e = { 0 };
	struct route r;

	none.usable = unusable;
	ck_assert_int_eq(route_resolve(&r, &w, STR("both"), &e), 0);
	ck_assert_int_eq(route_usable(&r, &w, &e), 0);
	expect_left(&r, "dear cheap");
	ck_assert_int_eq(route_usable(&r, &none, &e), -1);
	ck_assert_int_eq(e.code, ERR_NO_PROVIDER);
	ck_assert_str_eq(
	    e.msg, "No available provider could be found for model both");
	ck_assert_int_eq(route_resolve(&r, &w, STR("nokey/both"), &e), 0);
	ck_assert_int_eq(route_usable(&r, &w, &e), -1);
	ck_assert_int_eq(e.code, ERR_NO_PROVIDER_KEY);
	ck_assert_str_eq(e.msg,
	    "No API key set for provider: nokey. Please add a provider key "
	    "in your settings or add credits and switch to credits or hybrid "
	    "mode.");
	ck_assert_int_eq(route_resolve(&r, &w, STR("shaky"), &e), 0);
	ck_assert_int_eq(route_usable(&r, &w, &e), 0);
	expect_left(&r, "cheap");
	ck_assert_int_eq(route_resolve(&r, &w, STR("dear/shaky"), &e), 0);
	ck_assert_int_eq(route_usable(&r, &w, &e), 0);
	expect_left(&r, "dear");
	catalog_free(c);
}
END_TEST

/* "auto", and what a client may ask of models that others choose. */
static const struct {
	const char *asked;
	const char *members; /* of the request */
	unsigned needs;
	int64_t max_output;
	size_t text_bytes;
	int images;
	const char *root; /* what was chosen; NULL: refused */
	enum llm_effort brief;
	enum err_code code;
	const char *msg;
} autos[] = {
	{ "auto", "{}", 0, 0, 0, 0, "gpt-5-nano", 0, 0, NULL },
	/* 5000 tokens: 904 of text and 4096 to come, then one more. */
	{ "auto", "{}", 0, 0, 3616, 0, "gpt-5-nano", 0, 0, NULL },
	{ "auto", "{}", 0, 0, 3617, 0, "gift", LLM_EFFORT_LOW, 0, NULL },
	{ "auto", "{}", 0, 4440, 0, 1, "gpt-5-nano", 0, 0, NULL },
	{ "auto", "{}", 0, 4441, 0, 1, "gift", LLM_EFFORT_LOW, 0, NULL },
	{ "auto", "{\"free_models_only\":true}", 0, 0, 0, 0, "gift",
	    LLM_EFFORT_LOW, 0, NULL },
	{ "auto", "{\"free_models_only\":true,\"reasoning_effort\":\"high\"}",
	    LLM_CAN_REASON, 0, 0, 0, "gift", 0, 0, NULL },
	{ "auto", "{\"free_models_only\":true,\"reasoning\":{\"effort\":"
	    "\"none\"}}", 0, 0, 0, 0, "gift", 0, 0, NULL },
	{ "auto", "{\"free_models_only\":true,\"thinking\":{\"type\":"
	    "\"disabled\"}}", 0, 0, 0, 0, "gift", 0, 0, NULL },
	{ "auto", "{\"free_models_only\":true}", LLM_CAN_VIDEO, 0, 0, 0, NULL,
	    0, ERR_NO_PROVIDER,
	    "No free models are available for auto routing. Remove "
	    "free_models_only parameter or use a specific model." },
	{ "auto", "{\"no_reasoning\":true}", LLM_CAN_FILES, 0, 0, 0, NULL, 0,
	    ERR_NO_PROVIDER,
	    "No non-reasoning models are available for auto routing. Remove "
	    "no_reasoning parameter or use a specific model." },
	{ "auto", "{\"no_reasoning\":true,\"free_models_only\":true}", 0, 0,
	    0, 0, NULL, 0,
	    ERR_NO_PROVIDER,
	    "No non-reasoning models are available for auto routing. Remove "
	    "no_reasoning parameter or use a specific model." },
	{ "auto", "{\"no_reasoning\":true}", LLM_CAN_VIDEO, 0, 0, 0, NULL, 0,
	    ERR_NO_PROVIDER, "No model is available for auto routing." },
	{ "both", "{\"free_models_only\":true}", 0, 0, 0, 0, NULL, 0,
	    ERR_NO_CAPABILITY,
	    "Model both is not free. Remove free_models_only parameter or use "
	    "a free model." },
	{ "vllm/x", "{\"free_models_only\":true}", 0, 0, 0, 0, NULL, 0,
	    ERR_NO_CAPABILITY,
	    "Model vllm/x is not free. Remove free_models_only parameter or "
	    "use a free model." },
	{ "gift", "{\"free_models_only\":true}", 0, 0, 0, 0, "gift", 0, 0,
	    NULL },
	{ "dear/gift", "{\"no_reasoning\":true}", 0, 0, 0, 0, NULL, 0,
	    ERR_NO_CAPABILITY,
	    "Model dear/gift is a reasoning model. Remove no_reasoning "
	    "parameter or use another model." },
	{ "both", "{\"no_reasoning\":true,\"free_models_only\":false}", 0, 0,
	    0, 0, "both", 0, 0, NULL },
};

START_TEST(automatic)
{
	struct llm_request q = { .needs = autos[_i].needs,
		.max_output = autos[_i].max_output,
		.text_bytes = autos[_i].text_bytes,
		.images = autos[_i].images };
	struct arena *a = arena_new(1024, 1 << 20);
	struct catalog *c = load();
	struct route_world w = world(c);
	struct err e = { 0 };
	struct route r;
	int rc;

	q.nmembers =
	    jscan_object(str_from(autos[_i].members), a, &q.members, &e);
	ck_assert_int_eq(
	    route_resolve(&r, &w, str_from(autos[_i].asked), &e), 0);
	rc = route_narrow(&r, &q, &e);
	if (autos[_i].root == NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_str_eq(e.msg, autos[_i].msg);
		ck_assert_int_eq(e.code, autos[_i].code);
	} else {
		ck_assert_msg(rc == 0, "%d: %s", _i, e.msg);
		ck_assert_msg(str_is(r.root, autos[_i].root), "%d", _i);
		ck_assert(str_is(r.model->id, autos[_i].root));
	}
	ck_assert_int_eq(q.brief, autos[_i].brief);
	catalog_free(c);
	arena_free(a);
}
END_TEST

static bool
not_nano(void *arg, const struct mapping *m)
{
	(void)arg;
	return !str_is(m->model->id, "gpt-5-nano");
}

/* Rules of a key are asked of each model, and keys of each provider. */
START_TEST(automatic_world)
{
	struct llm_request q = { .max_output = 100 };
	struct catalog *c = load();
	struct route_world w = world(c);
	struct err e = { 0 };
	struct route r;

	ck_assert_int_eq(route_resolve(&r, &w, STR("auto"), &e), 0);
	w.allowed = not_nano;
	ck_assert_int_eq(route_narrow(&r, &q, &e), 0);
	ck_assert(str_is(r.root, "gift"));
	w.allowed = NULL;
	w.usable = unusable;
	ck_assert_int_eq(route_resolve(&r, &w, STR("auto"), &e), 0);
	ck_assert_int_eq(route_narrow(&r, &q, &e), -1);
	ck_assert_str_eq(e.msg, "No model is available for auto routing.");
	/* The list of the setting, and the cheapest in it. */
	w.usable = usable;
	w.auto_models = "embed,both";
	ck_assert_int_eq(route_resolve(&r, &w, STR("auto"), &e), 0);
	ck_assert_int_eq(route_narrow(&r, &q, &e), 0);
	ck_assert(str_is(r.root, "both"));
	w.auto_models = "paint, half ,shaky";
	ck_assert_int_eq(route_resolve(&r, &w, STR("auto"), &e), 0);
	ck_assert_int_eq(route_narrow(&r, &q, &e), 0);
	ck_assert(str_is(r.root, "half"));
	expect_left(&r, "cheap");
	catalog_free(c);
}
END_TEST

CASE(case_route)
{
	TCase *t = tcase_create("route");

	tcase_add_loop_test(t, resolve, 0, NROWS(strings));
	tcase_add_test(t, region);
	tcase_add_test(t, long_names);
	tcase_add_loop_test(t, narrow, 0, NROWS(requests));
	tcase_add_test(t, keys);
	tcase_add_loop_test(t, automatic, 0, NROWS(autos));
	tcase_add_test(t, automatic_world);
	return t;
}
