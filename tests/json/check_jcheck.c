#include <math.h>

#include "json/jcheck.h"
#include "room.h"

enum { SAW_TOOLS = 1u << 0, SAW_IMAGE = 1u << 1, SAW_ODD = 1u << 2 };

/* Tools answer calls. */
static int
also_message(struct jcheck *c, struct str raw)
{
	if (str_is(jscan_at(raw, "role"), "\"tool\"") &&
	    jscan_at(raw, "tool_call_id").p == NULL)
		return jcheck_fail_at(c, "tool_call_id", "is required");
	return 0;
}

static int
also_not_7(struct jcheck *c, struct str raw)
{
	return str_is(raw, "7") ? jcheck_fail(c, "must not be %d", 7) : 0;
}

static const struct jrule text_members[] = {
	{ .name = "text", .types = JT_STR, .required = true },
	{ .name = NULL },
};

static const struct jrule url_members[] = {
	{ .name = "url",
	    .types = JT_STR,
	    .required = true,
	    .min = 1,
	    .max = 64 },
	{ .name = "detail", .types = JT_STR, .words = "auto|low|high" },
	{ .name = NULL },
};

static const struct jrule image_members[] = {
	{ .name = "image_url",
	    .types = JT_OBJ,
	    .required = true,
	    .members = url_members },
	{ .name = NULL },
};

static const struct jvariant parts[] = {
	{ "text", text_members, 0 },
	{ "image_url", image_members, SAW_IMAGE },
	{ NULL, NULL, 0 },
};

static const struct jrule part = {
	.name = "*",
	.types = JT_OBJ,
	.variants = parts,
};

static const struct jrule message_members[] = {
	{ .name = "role",
	    .types = JT_STR,
	    .required = true,
	    .words = "system|user|assistant|tool" },
	{ .name = "content",
	    .types = JT_STR | JT_ARR | JT_NULL,
	    .required = true,
	    .min = 1,
	    .max = 3,
	    .items = &part },
	{ .name = "name", .types = JT_STR, .min = 1, .max = 4 },
	{ .name = NULL },
};

static const struct jrule message = {
	.name = "*",
	.types = JT_OBJ,
	.members = message_members,
	.also = also_message,
};

static const struct jrule stop = { .name = "*", .types = JT_STR };

static const struct jvariant tools[] = {
	{ "function", NULL, 0 },
	{ NULL, NULL, 0 },
};

static const struct jvariant odd_tool = { NULL, NULL, SAW_ODD };

static const struct jrule tool = {
	.name = "*",
	.types = JT_OBJ,
	.variants = tools,
	.unknown = &odd_tool,
};

static const struct jrule bias[] = {
	{ .name = "x", .types = JT_ANY },
	{ .name = "*", .types = JT_NUM, .min = -100, .max = 100 },
	{ .name = NULL },
};

static const struct jrule chat[] = {
	{ .name = "model",
	    .types = JT_STR,
	    .required = true,
	    .min = 1,
	    .max = 256 },
	{ .name = "messages",
	    .types = JT_ARR,
	    .required = true,
	    .min = 1,
	    .max = 4,
	    .items = &message },
	{ .name = "temperature", .types = JT_NUM, .min = 0, .max = 2 },
	{ .name = "max_tokens", .types = JT_INT, .min = 1, .max = HUGE_VAL },
	{ .name = "top_k", .types = JT_NUM, .min = 1 },
	{ .name = "below", .types = JT_NUM, .min = -HUGE_VAL, .max = 5 },
	{ .name = "seed", .types = JT_INT, .also = also_not_7 },
	{ .name = "stream", .types = JT_BOOL },
	{ .name = "stop",
	    .types = JT_STR | JT_ARR,
	    .min = 1,
	    .max = 2,
	    .items = &stop },
	{ .name = "tool_choice",
	    .types = JT_STR | JT_OBJ,
	    .words = "auto|none|required" },
	{ .name = "kind", .types = JT_STR, .words = "one" },
	{ .name = "tools", .types = JT_ARR, .items = &tool, .mark = SAW_TOOLS },
	{ .name = "logit_bias", .types = JT_OBJ, .members = bias },
	{ .name = "pair", .types = JT_ARR, .min = 2, .max = 2 },
	{ .name = "any", .types = JT_ANY },
	{ .name = NULL },
};

#define M1 "{\"role\":\"user\",\"content\":\"hi\"}"
#define BODY(more) "{\"model\":\"m\",\"messages\":[" M1 "]" more "}"
#define MSG(m) "{\"model\":\"m\",\"messages\":[" M1 "," m "]}"
#define PART(p) MSG("{\"role\":\"user\",\"content\":[" p "]}")

/* No path: the body passes. */
static const struct {
	const char *in;
	const char *path;
	const char *why;
} cases[] = {
	{ BODY(""), NULL, NULL },
	{ BODY(",\"unknown\":[{}]"), NULL, NULL },
	{ "{}", "model", "is required" },
	{ "{\"model\":\"m\"}", "messages", "is required" },
	{ "{\"messages\":[" M1 "]}", "model", "is required" },
	{ "{\"model\":null,\"messages\":[]}", "model", "must be a string" },
	{ "{\"model\":5}", "model", "must be a string" },
	{ "{\"model\":\"\"}", "model", "must not be empty" },
	{ "{\"model\":\"m\",\"messages\":{}}", "messages", "must be an array" },
	{ "{\"model\":\"m\",\"messages\":[]}", "messages",
	    "must not be empty" },
	{ "{\"messages\":[],\"model\":5}", "messages", "must not be empty" },
	{ "{\"model\":5,\"messages\":[]}", "model", "must be a string" },
	{ "{\"model\":\"m\",\"messages\":[" M1 "," M1 "," M1 "," M1 "]}", NULL,
	    NULL },
	{ "{\"model\":\"m\",\"messages\":[" M1 "," M1 "," M1 "," M1 "," M1 "]}",
	    "messages", "must have at most 4 entries" },

	{ BODY(",\"temperature\":0"), NULL, NULL },
	{ BODY(",\"temperature\":2.0"), NULL, NULL },
	{ BODY(",\"temperature\":null"), NULL, NULL },
	{ BODY(",\"temperature\":2.1"), "temperature",
	    "must be between 0 and 2" },
	{ BODY(",\"temperature\":-0.1"), "temperature",
	    "must be between 0 and 2" },
	{ BODY(",\"temperature\":\"1\""), "temperature", "must be a number" },
	{ BODY(",\"max_tokens\":1"), NULL, NULL },
	{ BODY(",\"max_tokens\":1.0"), NULL, NULL },
	{ BODY(",\"max_tokens\":1e2"), NULL, NULL },
	{ BODY(",\"max_tokens\":9007199254740992"), NULL, NULL },
	{ BODY(",\"max_tokens\":9007199254740993"), "max_tokens",
	    "must be a whole number" },
	{ BODY(",\"max_tokens\":1.5"), "max_tokens", "must be a whole number" },
	{ BODY(",\"max_tokens\":0"), "max_tokens", "must be at least 1" },
	{ BODY(",\"top_k\":1e300"), NULL, NULL },
	{ BODY(",\"top_k\":0.5"), "top_k", "must be at least 1" },
	{ BODY(",\"below\":-1e300"), NULL, NULL },
	{ BODY(",\"below\":6"), "below", "must be at most 5" },
	{ BODY(",\"seed\":-5"), NULL, NULL },
	{ BODY(",\"seed\":7"), "seed", "must not be 7" },
	{ BODY(",\"stream\":false"), NULL, NULL },
	{ BODY(",\"stream\":\"false\""), "stream", "must be true or false" },
	{ BODY(",\"stop\":\"longer than two\""), NULL, NULL },
	{ BODY(",\"stop\":[\"a\",\"b\"]"), NULL, NULL },
	{ BODY(",\"stop\":[]"), "stop", "must not be empty" },
	{ BODY(",\"stop\":[\"a\",\"b\",\"c\"]"), "stop",
	    "must have at most 2 entries" },
	{ BODY(",\"stop\":[\"a\",2,\"c\"]"), "stop[1]", "must be a string" },
	{ BODY(",\"stop\":[null]"), "stop[0]", "must be a string" },
	{ BODY(",\"stop\":1"), "stop", "must be a string or an array" },
	{ BODY(",\"pair\":[1]"), "pair", "must have at least 2 entries" },
	{ BODY(",\"pair\":[1,[]]"), NULL, NULL },
	{ BODY(",\"tool_choice\":\"none\""), NULL, NULL },
	{ BODY(",\"tool_choice\":\"n\\u006fne\""), NULL, NULL },
	{ BODY(",\"tool_choice\":{}"), NULL, NULL },
	{ BODY(",\"tool_choice\":\"non\""), "tool_choice",
	    "must be one of auto, none, required" },
	{ BODY(",\"tool_choice\":\"auto|none\""), "tool_choice",
	    "must be one of auto, none, required" },
	{ BODY(",\"kind\":\"\""), "kind", "must be one" },
	{ BODY(",\"any\":[null]"), NULL, NULL },
	{ BODY(",\"logit_bias\":{\"50256\":-100,\"x\":\"y\"}"), NULL, NULL },
	{ BODY(",\"logit_bias\":{\"1\":0,\"50256\":101}"), "logit_bias.50256",
	    "must be between -100 and 100" },
	{ BODY(",\"tools\":[{\"type\":\"function\"},{\"type\":\"new\"}]"), NULL,
	    NULL },
	{ BODY(",\"tools\":[{}]"), "tools[0].type", "is required" },

	{ MSG("5"), "messages[1]", "must be an object" },
	{ MSG("{\"role\":\"user\"}"), "messages[1].content", "is required" },
	{ MSG("{\"role\":\"user\",\"content\":null}"), NULL, NULL },
	{ MSG("{\"role\":\"bot\",\"content\":5}"), "messages[1].role",
	    "must be one of system, user, assistant, tool" },
	{ MSG("{\"content\":5,\"role\":\"bot\"}"), "messages[1].content",
	    "must be a string or an array or null" },
	{ MSG("{\"r\\u006fle\":1,\"content\":\"\"}"), "messages[1].role",
	    "must be a string" },
	{ MSG("{\"role\":\"user\",\"content\":\"\",\"name\":\"abcd\"}"), NULL,
	    NULL },
	{ MSG("{\"role\":\"user\",\"content\":\"\",\"name\":\"abcde\"}"),
	    "messages[1].name", "must have at most 4 bytes" },
	{ MSG("{\"role\":\"user\",\"content\":\"\",\"name\":\"\\u0061bcd\"}"),
	    NULL, NULL },
	{ MSG("{\"role\":\"tool\",\"content\":\"\"}"),
	    "messages[1].tool_call_id", "is required" },

	{ PART("{\"type\":\"text\",\"text\":\"a\"}"), NULL, NULL },
	{ PART("{\"text\":\"a\",\"type\":\"te\\u0078t\"}"), NULL, NULL },
	{ PART("{\"type\":\"text\"}"), "messages[1].content[0].text",
	    "is required" },
	{ PART("{\"type\":\"text\",\"text\":1}"), "messages[1].content[0].text",
	    "must be a string" },
	{ PART("{\"text\":\"a\"}"), "messages[1].content[0].type",
	    "is required" },
	{ PART("{\"type\":5}"), "messages[1].content[0].type",
	    "must be a string" },
	{ PART("{\"type\":\"film\"}"), "messages[1].content[0].type",
	    "must be one of text, image_url" },
	{ PART("{\"type\":\"text\",\"text\":\"a\"},"
	       "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\","
	       "\"detail\":\"fine\"}}"),
	    "messages[1].content[1].image_url.detail",
	    "must be one of auto, low, high" },
	{ PART(""), "messages[1].content", "must not be empty" },
};

static struct jcheck
run(struct arena *a, struct str body, struct err *e, int *rc)
{
	struct jcheck c = { .arena = a, .err = e };
	struct jmember *m;
	int n;

	n = jscan_object(body, a, &m, e);
	ck_assert_int_ge(n, 0);
	*rc = jcheck_members(&c, m, n, chat);
	return c;
}

START_TEST(table)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct err e = { 0 };
	struct str want;
	int rc;

	run(a, str_from(cases[_i].in), &e, &rc);
	if (cases[_i].path == NULL) {
		ck_assert_msg(rc == 0, "%s: %s", cases[_i].in, e.msg);
	} else {
		want = arena_fmt(a, "Invalid request parameters: %s: %s",
		    cases[_i].path, cases[_i].why);
		ck_assert_msg(rc == -1, "%s: passes", cases[_i].in);
		ck_assert_int_eq(e.code, ERR_BAD_PARAM);
		ck_assert_str_eq(e.msg, want.p);
		ck_assert(str_is(e.param, cases[_i].path));
	}
	arena_free(a);
}
END_TEST

START_TEST(marks)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct err e = { 0 };
	struct jcheck c;
	int rc;

	c = run(a, STR(BODY("")), &e, &rc);
	ck_assert_uint_eq(c.marks, 0);
	ck_assert_uint_eq(c.text_bytes, 7); /* of the strings that rules name */
	c = run(a, STR(BODY(",\"tools\":null")), &e, &rc);
	ck_assert_uint_eq(c.marks, 0);
	c = run(a, STR(BODY(",\"tools\":[{\"type\":\"function\"}]")), &e, &rc);
	ck_assert_uint_eq(c.marks, SAW_TOOLS);
	c = run(a, STR(BODY(",\"tools\":[{\"type\":\"film\"}]")), &e, &rc);
	ck_assert_uint_eq(c.marks, SAW_TOOLS | SAW_ODD);
	c = run(a,
	    STR(PART("{\"type\":\"image_url\",\"image_url\":"
		     "{\"url\":\"12345678901234567\"}},"
		     "{\"type\":\"text\",\"text\":\"1234567890123456\"},"
		     "{\"type\":\"text\",\"text\":\"123456789012345678\"}")),
	    &e, &rc);
	ck_assert_uint_eq(c.marks, SAW_IMAGE);
	ck_assert_uint_eq(c.text_bytes, 62);
	arena_free(a);
}
END_TEST

/* Of a name of the client's own 200 bytes are told, and no half characters. */
START_TEST(long_name)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct err e = { 0 };
	char name[2000];
	int rc;

	memset(name, 'k', sizeof(name));
	memcpy(name + 199, "\xc3\xa9", 2);
	run(a,
	    arena_fmt(a, BODY(",\"logit_bias\":{\"%.*s\":\"\"}"),
		(int)sizeof(name), name),
	    &e, &rc);
	ck_assert_int_eq(rc, -1);
	ck_assert_uint_eq(e.param.n, strlen("logit_bias.") + 199);
	ck_assert(str_starts(e.param, "logit_bias.kkk"));
	ck_assert_ptr_nonnull(strstr(e.msg, "kkk: must be a number"));
	arena_free(a);
}
END_TEST

CASE(case_jcheck)
{
	TCase *t = tcase_create("jcheck");

	tcase_add_loop_test(t, table, 0, NROWS(cases));
	tcase_add_test(t, marks);
	tcase_add_test(t, long_name);
	return t;
}
