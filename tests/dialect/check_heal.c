#include "dialect/heal.h"
#include "room.h"

/* In single quotes for double ones; `out` "" means that it is given up. */
static const struct {
	const char *name;
	const char *in;
	const char *out;
} cases[] = {
	{ "JSON stays", " {\"a\": 1}\n", "{\"a\": 1}" },
	{ "a string is JSON", "\"x\"", "\"x\"" },
	{ "code block", "Here:\n```json\n{\"a\":1}\n```\nBye", "{\"a\":1}" },
	{ "code block without a word", "```\n[1]\n```", "[1]" },
	{ "mixed text", "The answer is {\"a\":[1,{}]} as asked",
	    "{\"a\":[1,{}]}" },
	{ "mixed text, first is none", "use {x} like {\"a\":\"}\"}",
	    "{\"a\":\"}\"}" },
	{ "trailing commas", "{\"a\":[1,2,],}", "{\"a\":[1,2]}" },
	{ "bare names", "{a: 1, b_c: true}", "{\"a\":1,\"b_c\":true}" },
	{ "single quotes", "{'a': 'it\\'s \"x\"'}",
	    "{\"a\":\"it's \\\"x\\\"\"}" },
	{ "Python's words", "{\"a\": True, \"b\": None}",
	    "{\"a\":true,\"b\":null}" },
	{ "cut in a string", "{\"a\":\"hel", "{\"a\":\"hel\"}" },
	{ "cut in an array", "{\"a\":[1,{\"b\":2", "{\"a\":[1,{\"b\":2}]}" },
	{ "cut after a name", "{\"a\":1,\"b\":", "{\"a\":1,\"b\":null}" },
	{ "cut code block", "```json\n{\"a\":1", "{\"a\":1}" },
	{ "bare word", "{\"a\": hello world}", "{\"a\":\"hello world\"}" },
	{ "line end in a string", "{\"a\":\"x\ny\"}", "{\"a\":\"x\\u000ay\"}" },
	{ "missing comma", "{\"a\":1 \"b\":2}", "" },
	{ "no JSON", "I cannot do that", "" },
	{ "nothing", "", "" },
};

START_TEST(heal)
{
	struct arena *a = arena_new(512, 1 << 20);
	struct str out;
	bool ok = heal_json(str_from(cases[_i].in), a, &out);

	if (cases[_i].out[0] == '\0')
		ck_assert_msg(!ok || out.n > 0, "%s", cases[_i].name);
	else
		ck_assert_msg(ok && str_is(out, cases[_i].out), "%s: %d %.*s",
		    cases[_i].name, ok, STR_ARG(out));
	arena_free(a);
}
END_TEST

START_TEST(deep)
{
	struct arena *a = arena_new(512, 1 << 24);
	char in[4096];
	struct str out;

	memset(in, '[', sizeof(in));
	heal_json((struct str){ in, sizeof(in) }, a, &out);
	arena_free(a);
}
END_TEST

CASE(case_heal)
{
	TCase *t = tcase_create("heal");

	tcase_add_loop_test(t, heal, 0, NROWS(cases));
	tcase_add_test(t, deep);
	return t;
}
