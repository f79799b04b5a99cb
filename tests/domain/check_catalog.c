#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "domain/catalog.h"
#include "room.h"

#define META "{\"catalog\":1,\"made\":\"2026-11-22\"}\n"
#define LISTS(v)                                                               \
	META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"      \
	     "\"u\",\"caps\":[\"chat\"],\"prices\":[" v "]," TIER "}]}\n"
#define TIER "\"tiers\":[{\"input\":\"0.15\",\"output\":\"0.6\"}]"
#define MAP "{\"provider\":\"p\",\"model\":\"u\",\"caps\":[\"chat\"]," TIER "}"
#define MODEL(id) "{\"id\":\"" id "\",\"mappings\":[" MAP "]}\n"

/* A file with this text; the caller frees the name. */
static char *
write_file(const char *text)
{
	char *name = strdup("/tmp/check-catalog-XXXXXX");
	int fd = mkstemp(name);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return name;
}

static int
load(struct catalog **c, const char *text, struct err *e)
{
	char *name = write_file(text);
	int rc = catalog_load(c, name, NULL, e);

	unlink(name);
	free(name);
	return rc;
}

/* What is refused, and a piece of the message; "" means taken. */
static const struct {
	const char *text;
	const char *msg;
} files[] = {
	{ META MODEL("a") MODEL("b"), "" },
	{ META, "" },
	{ META MODEL("sim-slow-*"), "" },
	{ "", "empty" },
	{ "{}\n", ":1: this is no list" },
	{ "{\"catalog\":2}\n", ":1: this is no list" },
	{ "[1]\n", ":1: " },
	{ META "\n", ":2: " },
	{ META MODEL("b") MODEL("a"), ":3: ids must rise" },
	{ META MODEL("a") MODEL("a"), ":3: ids must rise" },
	{ META "{\"id\":\"a\"}\n", "\"mappings\" are needed" },
	{ META "{\"id\":\"a\",\"mappings\":[]}\n", "\"mappings\" are needed" },
	{ META "{\"mappings\":[" MAP "]}\n", "\"id\" is missing" },
	{ META MODEL("a b"), "no model name" },
	{ META MODEL("a*b"), "no model name" },
	{ META "{\"id\":7,\"mappings\":[" MAP "]}\n", "\"id\" is no text" },
	{ META "{\"id\":\"a\",\"mappings\":[" MAP "," MAP "]}\n",
	    "provider p twice" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\"," TIER "}]}\n",
	    "\"model\" is missing" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\"," TIER "}]}\n",
	    "\"caps\" are missing" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"fly\"]," TIER "}]}\n",
	    "\"caps\" has no \"fly\"" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"tiers\":[{\"input\":0.1}]}]}\n",
	    "\"input\" is no price" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"tiers\":[{\"input\":\"-1\"}]}]}\n",
	    "\"input\" is no price" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"tiers\":[]}]}\n",
	    "\"tiers\" are needed" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"tiers\":[{\"upto\":9}]}]}\n",
	    "\"upto\" must rise" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"tiers\":[{\"upto\":9},"
	       "{\"upto\":9},{}]}]}\n",
	    "\"upto\" must rise" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"context\":-1," TIER "}]}\n",
	    "\"context\" is no count" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"deactivated_at\":\"soon\"," TIER
	       "}]}\n",
	    "\"deactivated_at\" is no day" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"stability\":\"fine\"," TIER "}]}\n",
	    "no such word" },
	{ META "{\"id\":\"a\",\"mappings\":[" MAP "]", ":2: " },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"discount\":\"0.25\"," TIER "}]}\n",
	    "" },
	{ META "{\"id\":\"a\",\"mappings\":[{\"provider\":\"p\",\"model\":"
	       "\"u\",\"caps\":[\"chat\"],\"discount\":\"1.5\"," TIER "}]}\n",
	    "\"discount\" is no fraction" },
	{ LISTS("{\"hours\":\"16:30-00:30\"," TIER "}"), "" },
	{ LISTS("{\"region\":\"eu\"," TIER "},{\"region\":\"us\",\"hours\":"
		"\"00:00-12:00\"," TIER "}"),
	    "" },
	{ LISTS("{" TIER "}"), "need a \"region\" or \"hours\"" },
	{ LISTS("{\"region\":\"eu\"}"), "\"tiers\" are needed" },
	{ LISTS("{\"region\":7," TIER "}"), "\"region\" is no text" },
	{ LISTS("{\"hours\":\"16:30\"," TIER "}"), "\"hours\" must be" },
	{ LISTS("{\"hours\":\"16:30-24:00\"," TIER "}"), "\"hours\" must be" },
	{ LISTS("{\"hours\":\"16:60-17:00\"," TIER "}"), "\"hours\" must be" },
	{ LISTS("{\"hours\":\"16:00-16:00\"," TIER "}"), "\"hours\" must be" },
};

/* The first mapping of a model at a provider, or NULL. */
static const struct mapping *
at(const struct model *m, const char *provider)
{
	for (int i = 0; i < m->nmappings; i++)
		if (str_is(m->mappings[i].provider, provider))
			return &m->mappings[i];
	return NULL;
}

START_TEST(reject_or_usable)
{
	struct catalog *c = NULL;
	struct err e = { 0 };
	int rc = load(&c, files[_i].text, &e);

	if (files[_i].msg[0] == '\0') {
		ck_assert_msg(rc == 0, "%d: %s", _i, e.msg);
		catalog_free(c);
		return;
	}
	ck_assert_msg(rc == -1, "%d: taken", _i);
	ck_assert_int_eq(e.code, ERR_CONFIG);
	ck_assert_msg(
	    strstr(e.msg, files[_i].msg) != NULL, "%d: %s", _i, e.msg);
}
END_TEST

static const struct {
	const char *text;
	int decimals;
	int64_t value; /* -1: refused */
} decimals[] = {
	{ "0.15", 6, 150000 },
	{ "0", 6, 0 },
	{ "1", 12, INT64_C(1000000000000) },
	{ "0.000001", 6, 1 },
	{ "0.1500000000", 6, 150000 },
	{ "0.0000001", 6, -1 },
	{ "", 6, -1 },
	{ ".5", 6, -1 },
	{ "5.", 6, -1 },
	{ "-1", 6, -1 },
	{ "+1", 6, -1 },
	{ "1e3", 6, -1 },
	{ "1.2.3", 6, -1 },
	{ " 1", 6, -1 },
	{ "9223372036854775807", 0, INT64_MAX },
	{ "9223372036854775808", 0, -1 },
	{ "9223372036855", 6, -1 },
	{ "99999999999999999999999", 6, -1 },
};

START_TEST(decimal)
{
	int64_t v = -1;
	int rc = catalog_decimal(
	    str_from(decimals[_i].text), decimals[_i].decimals, &v);

	ck_assert_msg(rc == (decimals[_i].value == -1 ? -1 : 0), "\"%s\"",
	    decimals[_i].text);
	ck_assert_int_eq(v, decimals[_i].value);
}
END_TEST

START_TEST(words)
{
	unsigned bit;

	for (bit = 1; bit != 0; bit <<= 1) {
		ck_assert_ptr_nonnull(catalog_cap_word(bit));
		ck_assert_uint_eq(
		    bit, catalog_cap_bit(str_from(catalog_cap_word(bit))));
	}
	ck_assert_ptr_null(catalog_cap_word(0));
	ck_assert_uint_eq(catalog_cap_bit(STR("fly")), 0);
}
END_TEST

/* The list that is shipped. */
START_TEST(shipped)
{
	const struct mapping *p;
	const struct model *m;
	struct catalog *c;
	struct err e = { 0 };
	char path[4096];

	snprintf(
	    path, sizeof(path), "%s/../data/catalog.ndjson", getenv("srcdir"));
	ck_assert_msg(catalog_load(&c, path, NULL, &e) == 0, "%s", e.msg);
	ck_assert_int_gt(catalog_count(c), 300);
	ck_assert(str_starts(catalog_source(c), "{\"catalog\":1"));
	m = catalog_find(c, STR("gpt-4o-mini-2024-07-18"));
	ck_assert_ptr_nonnull(m);
	ck_assert(str_is(m->id, "gpt-4o-mini"));
	p = at(m, "openai");
	ck_assert_int_eq(p->tiers[0].input, 150000);
	ck_assert_int_eq(p->tiers[0].cached_input, 75000);
	ck_assert_int_eq(p->tiers[0].output, 600000);
	ck_assert_int_eq(p->tiers[0].cache_write, NO_PRICE);
	ck_assert_int_eq(p->tiers[0].upto, INT64_MAX);
	ck_assert_int_eq(p->context, 128000);
	m = catalog_find(c, STR("o4-mini"));
	p = at(m, "openai");
	ck_assert_uint_ne(p->caps & LLM_WANTS_MAX_COMPLETION, 0);
	ck_assert_uint_eq(p->efforts,
	    1u << LLM_EFFORT_LOW | 1u << LLM_EFFORT_MEDIUM |
		1u << LLM_EFFORT_HIGH);
	m = catalog_find(c, STR("sim-slow-c20-i50"));
	ck_assert(str_is(m->id, "sim-slow-*"));
	ck_assert_ptr_null(catalog_find(c, STR("sim-slow-")));
	ck_assert_ptr_null(catalog_find(c, STR("gpt")));
	p = catalog_upstream(c, STR("groq"), STR("openai/gpt-oss-120b"));
	ck_assert(str_is(p->model->id, "gpt-oss-120b"));
	catalog_free(c);
}
END_TEST

/* Names that the recorded traffic uses; each must be there with prices. */
static const char *const wanted[] = { "claude-3-7-sonnet-20250219",
	"claude-3-haiku-20240307", "claude-haiku-4-5-20251001",
	"claude-opus-4-6", "claude-opus-4-7", "claude-sonnet-4-5-20250929",
	"claude-sonnet-4-20250514", "deepseek-chat", "deepseek-reasoner",
	"gemini-2.5-flash", "gemini-3-pro-preview", "gpt-3.5-turbo",
	"gpt-4.1-nano-2025-04-14", "gpt-4o", "gpt-4o-2024-08-06",
	"gpt-4o-audio-preview", "gpt-4o-mini", "gpt-5-2025-08-07",
	"gpt-5-nano-2025-08-07", "gpt-5.6-terra", "gpt-image-1-mini",
	"gpt-image-2", "gpt-oss-120b", "grok-3-mini", "llama-3.3-70b-versatile",
	"mistral-large-latest", "mistral-small-latest", "nova-lite", "o4-mini",
	"sonar", "text-embedding-3-small" };

/* How models want to be asked is data; these are what cases rely on. */
static const struct {
	const char *model;
	const char *provider;
	unsigned all;
	unsigned none;
} wants[] = {
	{ "claude-opus-5-5", "anthropic",
	    LLM_WANTS_ADAPTIVE | LLM_WANTS_FREE_CHOICE | LLM_WANTS_THOUGHT |
		LLM_WANTS_NO_SAMPLING | LLM_WANTS_NO_PREFILL,
	    LLM_CAN_BUDGET },
	{ "claude-sonnet-4-5", "aws-bedrock",
	    LLM_WANTS_MESSAGES | LLM_WANTS_ONE_SAMPLING | LLM_CAN_BUDGET,
	    LLM_WANTS_ADAPTIVE | LLM_WANTS_NO_PREFILL },
	{ "claude-sonnet-4-5", "anthropic", 0, LLM_WANTS_MESSAGES },
	{ "gemini-3-pro-preview", "google-ai-studio",
	    LLM_WANTS_SEALS | LLM_WANTS_LEVEL, LLM_CAN_BUDGET },
	{ "gemini-2.5-flash", "google-ai-studio",
	    LLM_WANTS_NO_PENALTIES | LLM_CAN_BUDGET,
	    LLM_WANTS_LEVEL | LLM_WANTS_THOUGHT },
	{ "gemini-2.5-pro", "google-vertex", LLM_WANTS_THOUGHT,
	    LLM_WANTS_NO_PENALTIES },
	{ "gpt-5.2-pro", "openai", LLM_WANTS_RESPONSES, 0 },
	{ "gpt-5.2", "openai", 0, LLM_WANTS_RESPONSES },
	{ "text-embedding-3-small", "openai", LLM_CAN_EMBED | LLM_CAN_RESIZE,
	    LLM_CAN_CHAT },
	{ "text-embedding-ada-002", "openai", LLM_CAN_EMBED, LLM_CAN_RESIZE },
};

START_TEST(shipped_wants)
{
	const struct mapping *p;
	struct catalog *c;
	struct err e = { 0 };
	char path[4096];
	size_t i;

	snprintf(
	    path, sizeof(path), "%s/../data/catalog.ndjson", getenv("srcdir"));
	ck_assert_msg(catalog_load(&c, path, NULL, &e) == 0, "%s", e.msg);
	for (i = 0; i < NROWS(wants); i++) {
		p = at(catalog_find(c, str_from(wants[i].model)),
		    wants[i].provider);
		ck_assert_msg(p != NULL, "%s", wants[i].model);
		ck_assert_msg((p->caps & wants[i].all) == wants[i].all &&
			(p->caps & wants[i].none) == 0,
		    "%s/%s: %x", wants[i].provider, wants[i].model, p->caps);
	}
	catalog_free(c);
}
END_TEST

START_TEST(shipped_names)
{
	const struct model *m;
	struct catalog *c;
	struct err e = { 0 };
	char path[4096];
	size_t i;

	snprintf(
	    path, sizeof(path), "%s/../data/catalog.ndjson", getenv("srcdir"));
	ck_assert_msg(catalog_load(&c, path, NULL, &e) == 0, "%s", e.msg);
	for (i = 0; i < NROWS(wanted); i++) {
		m = catalog_find(c, str_from(wanted[i]));
		ck_assert_msg(m != NULL, "%s", wanted[i]);
		ck_assert_msg(
		    m->mappings[0].tiers[0].input > 0, "%s", wanted[i]);
	}
	catalog_free(c);
}
END_TEST

START_TEST(aliases)
{
	struct catalog *c;
	struct err e = { 0 };

	ck_assert_int_eq(load(&c,
			     META "{\"id\":\"a\",\"aliases\":[\"x\",\"y\"],"
				  "\"mappings\":[" MAP "]}\n"
				  "{\"id\":\"b\",\"aliases\":[\"x\",\"a\"],"
				  "\"mappings\":[" MAP "]}\n",
			     &e),
	    0);
	ck_assert_ptr_null(catalog_find(c, STR("x"))); /* whose? */
	ck_assert(str_is(catalog_find(c, STR("y"))->id, "a"));
	ck_assert(str_is(catalog_find(c, STR("a"))->id, "a"));
	catalog_free(c);
}
END_TEST

#define CONF(...)                                                              \
	&(struct conf)                                                         \
	{                                                                      \
		.path = (char *)(uintptr_t) "t.conf",                          \
		.models = &(struct conf_model)                                 \
		{                                                              \
			.line = 3, __VA_ARGS__                                 \
		}                                                              \
	}
#define T(text) ((char *)(uintptr_t)(text))

START_TEST(sections)
{
	const struct mapping *p;
	const struct model *m;
	struct catalog *c;
	struct err e = { 0 };

	ck_assert_int_eq(
	    catalog_load(&c, NULL,
		CONF(.name = T("mine"), .provider = T("vllm/org/m-1, ollama"),
		    .aliases = T("m1, m2"), .context = 8192,
		    .capabilities = T("chat, stream, reason"),
		    .input_price = T("0.5"), .request_price = T("0.001")),
		&e),
	    0);
	m = catalog_find(c, STR("m2"));
	ck_assert(str_is(m->id, "mine"));
	ck_assert_int_eq(m->nmappings, 2);
	p = at(m, "vllm");
	ck_assert(str_is(p->upstream, "org/m-1"));
	ck_assert_ptr_eq(p->model, m);
	ck_assert_int_eq(p->context, 8192);
	ck_assert_int_eq(p->tiers[0].input, 500000);
	ck_assert_int_eq(p->tiers[0].output, NO_PRICE);
	ck_assert_int_eq(p->tiers[0].request, 1000000000);
	ck_assert_uint_eq(
	    p->caps, LLM_CAN_CHAT | LLM_CAN_STREAM | LLM_CAN_REASON);
	p = at(m, "ollama");
	ck_assert(str_is(p->upstream, "mine"));
	catalog_free(c);
}
END_TEST

START_TEST(section_replaces)
{
	char *name = write_file(META MODEL("a"));
	struct catalog *c;
	struct err e = { 0 };

	ck_assert_int_eq(catalog_load(&c, name,
			     CONF(.name = T("a"), .provider = T("p,q/x"),
				 .input_price = T("7")),
			     &e),
	    0);
	ck_assert_int_eq(catalog_count(c), 1);
	ck_assert_int_eq(catalog_at(c, 0)->nmappings, 2);
	ck_assert_int_eq(catalog_at(c, 0)->mappings[0].tiers[0].input, 7000000);
	ck_assert(str_is(catalog_at(c, 0)->mappings[0].upstream, "a"));
	catalog_free(c);
	unlink(name);
	free(name);
}
END_TEST

START_TEST(bad_sections)
{
	struct catalog *c;
	struct err e = { 0 };

	ck_assert_int_eq(catalog_load(&c, NULL, CONF(.name = T("a")), &e), -1);
	ck_assert_str_eq(e.msg, "t.conf:3: model a names no provider");
	ck_assert_int_eq(catalog_load(&c, NULL,
			     CONF(.name = T("a"), .provider = T("p"),
				 .capabilities = T("chat,fly")),
			     &e),
	    -1);
	ck_assert_str_eq(e.msg, "t.conf:3: no capability \"fly\"");
	ck_assert_int_eq(catalog_load(&c, NULL,
			     CONF(.name = T("a"), .provider = T("p"),
				 .output_price = T("1,5")),
			     &e),
	    -1);
	ck_assert_str_eq(e.msg, "t.conf:3: output_price: \"1,5\" is no price");
	ck_assert_int_eq(catalog_load(&c, NULL,
			     CONF(.name = T("a"), .provider = T("p/")), &e),
	    -1);
	ck_assert_int_eq(catalog_load(&c, NULL,
			     CONF(.name = T("a b"), .provider = T("p")), &e),
	    -1);
}
END_TEST

START_TEST(ends)
{
	struct mapping m = { .deactivated_at = STR("2026-11-22") };

	ck_assert(mapping_ended(&m, "2026-11-22"));
	ck_assert(!mapping_ended(&m, "2026-11-21"));
	m.deactivated_at = STR_NONE;
	ck_assert(!mapping_ended(&m, "2026-11-22"));
}
END_TEST

CASE(case_catalog)
{
	TCase *t = tcase_create("catalog");

	tcase_add_loop_test(t, reject_or_usable, 0, NROWS(files));
	tcase_add_loop_test(t, decimal, 0, NROWS(decimals));
	tcase_add_test(t, words);
	tcase_add_test(t, shipped);
	tcase_add_test(t, shipped_names);
	tcase_add_test(t, shipped_wants);
	tcase_add_test(t, aliases);
	tcase_add_test(t, sections);
	tcase_add_test(t, section_replaces);
	tcase_add_test(t, bad_sections);
	tcase_add_test(t, ends);
	return t;
}
