#include "json/jscan.h"
#include "room.h"

static void
shout(struct str raw, struct buf *out)
{
	if (str_is(raw, "\"eos\""))
		buf_add(out, STR("\"STOP\""));
}

#define SET(path, arg)                                                         \
	{                                                                      \
		JPATCH_SET, STR(path), STR(arg), NULL                          \
	}
#define DEL(path)                                                              \
	{                                                                      \
		JPATCH_DEL, STR(path), STR_NONE, NULL                          \
	}
#define REN(path, arg)                                                         \
	{                                                                      \
		JPATCH_REN, STR(path), STR(arg), NULL                          \
	}
#define MAP(path)                                                              \
	{                                                                      \
		JPATCH_MAP, STR(path), STR_NONE, shout                         \
	}

/* What is asked, what is patched, what must come out; "" means refused. */
static const struct {
	const char *name;
	const char *in;
	struct jpatch patch;
	const char *out;
} cases[] = {
	{ "replace keeps the other bytes",
	    "{\"n\": 1.0e2, \"model\":\"a\" , \"x\":[1 ,2]}",
	    SET("model", "\"b\""),
	    "{\"n\":1.0e2,\"model\":\"b\",\"x\":[1 ,2]}" },
	{ "set appends what is missing", "{\"a\":1}", SET("s", "true"),
	    "{\"a\":1,\"s\":true}" },
	{ "delete first, no stray comma", "{\"a\":1,\"b\":2}", DEL("a"),
	    "{\"b\":2}" },
	{ "rename keeps the value", "{\"max_tokens\":12345678901234567890}",
	    REN("max_tokens", "m"), "{\"m\":12345678901234567890}" },
	{ "rename gives way to a key already there", "{\"a\":1,\"b\":2}",
	    REN("a", "b"), "{\"b\":2}" },
	{ "brackets in strings do not count", "{\"a\":{\"b\":\"}]\\\"\"}}",
	    DEL("zz"), "{\"a\":{\"b\":\"}]\\\"\"}}" },
	{ "duplicate key", "{\"model\":\"a\",\"model\":\"b\"}", { 0 }, "" },
	{ "escaped key", "{\"m\\u006fdel\":\"a\"}", { 0 }, "" },
	{ "escaped key below the top", "{\"a\":{\"n\\u00e4me\":1}}", DEL("zz"),
	    "{\"a\":{\"n\\u00e4me\":1}}" },
	{ "path into each element",
	    "{\"choices\":[{\"i\":0, \"why\":\"eos\"},{\"i\":1}]}",
	    SET("choices/*/why", "\"stop\""),
	    "{\"choices\":[{\"i\":0,\"why\":\"stop\"},"
	    "{\"i\":1,\"why\":\"stop\"}]}" },
	{ "delete between others, below",
	    "{\"m\":[{\"a\":1, \"b\":2, \"c\":3},{\"b\":4},{\"a\":5}]}",
	    DEL("m/*/b"),
	    "{\"m\":[{\"a\":1,\"c\":3},{},{\"a\":5}]}" },
	{ "path into what is not there", "{\"a\":1,\"b\":[]}", SET("x/y", "1"),
	    "{\"a\":1,\"b\":[]}" },
	{ "path through a number", "{\"a\":1}", SET("a/y", "1"), "{\"a\":1}" },
	{ "bytes after the end", "{} {}", { 0 }, "" },
	{ "comma before the end", "{\"a\":1,}", { 0 }, "" },
	{ "missing comma", "{\"a\":1 \"b\":2}", { 0 }, "" },
	{ "mismatched nesting", "{\"a\":[1}", { 0 }, "" },
	{ "control in string", "{\"a\":\"\n\"}", { 0 }, "" },
	{ "no object", "[1]", { 0 }, "" },
	{ "nothing", "", { 0 }, "" },
};

START_TEST(splice)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(4096);
	struct err e = { 0 };
	struct jmember *m;
	int n;

	n = jscan_object(str_from(cases[_i].in), a, &m, &e);
	if (cases[_i].out[0] == '\0') {
		ck_assert_msg(n == -1, "%s: accepted", cases[_i].name);
		ck_assert_int_eq(e.code, ERR_BAD_JSON);
	} else {
		ck_assert_msg(n >= 0, "%s: %s", cases[_i].name, e.msg);
		jscan_splice(m, n, &cases[_i].patch, 1, &out);
		buf_addc(&out, '\0');
		ck_assert_str_eq(out.p, cases[_i].out);
	}
	buf_free(&out);
	arena_free(a);
}
END_TEST

/* Several patches, and places deeper down. */
static const struct {
	const char *name;
	const char *in;
	struct jpatch patches[4];
	const char *out;
} lists[] = {
	{ "map", "{\"why\":\"eos\",\"x\":\"eos\"}", { MAP("why") },
	    "{\"why\":\"STOP\",\"x\":\"eos\"}" },
	{ "map that writes nothing", "{\"why\":[ 1]}", { MAP("why") },
	    "{\"why\":[ 1]}" },
	{ "map of what is not there", "{\"a\":1}", { MAP("why") },
	    "{\"a\":1}" },
	{ "map of elements", "{\"a\":[\"eos\", 5,\"eos\" ]}", { MAP("a/*") },
	    "{\"a\":[\"STOP\",5,\"STOP\"]}" },
	{ "one element", "{\"a\":[{\"b\":1},{\"b\":2},{\"b\":3}]}",
	    { SET("a/1/b", "9") }, "{\"a\":[{\"b\":1},{\"b\":9},{\"b\":3}]}" },
	{ "first and last element", "{\"a\":[1,2,3]}",
	    { DEL("a/0"), SET("a/2", "[]") }, "{\"a\":[2,[]]}" },
	{ "no such element", "{\"a\":[1]}", { SET("a/1", "2"), DEL("a/7") },
	    "{\"a\":[1]}" },
	{ "all elements deleted", "{\"a\":[1,2],\"b\":3}", { DEL("a/*") },
	    "{\"a\":[],\"b\":3}" },
	{ "elements have no names", "{\"a\":[1,2]}", { REN("a/0", "x") },
	    "{\"a\":[1,2]}" },
	{ "a number is a name too", "{\"a\":{\"0\":1,\"*\":2}}",
	    { SET("a/0", "5"), DEL("a/*") }, "{\"a\":{\"0\":5}}" },
	{ "no index", "{\"a\":[1]}",
	    { DEL("a/"), DEL("a/0x"), DEL("a/18446744073709551616") },
	    "{\"a\":[1]}" },
	{ "untouched members stay byte for byte",
	    "{\"a\":{\"p\": 1 , \"q\" :[ 2 ],\"r\":3,\"s\" : 4 }}",
	    { SET("a/r", "0") },
	    "{\"a\":{\"p\": 1 , \"q\" :[ 2 ],\"r\":0,"
	    "\"s\" : 4}}" },
	{ "delete between members that stay", "{\"a\":[{\"p\":1,\"q\":2,\"r\":3}]}",
	    { DEL("a/*/q") }, "{\"a\":[{\"p\":1,\"r\":3}]}" },
	{ "rename away between members that stay",
	    "{\"a\":{\"p\":1,\"q\":2,\"r\":3}}", { REN("a/q", "r") },
	    "{\"a\":{\"p\":1,\"r\":3}}" },
	{ "escaped name below", "{\"a\":{\"us\\u0065r\":1,\"b\":2}}",
	    { DEL("a/user") }, "{\"a\":{\"b\":2}}" },
	{ "escaped name stays", "{\"a\":{\"us\\u0065r\":1}}",
	    { SET("a/user", "2") }, "{\"a\":{\"us\\u0065r\":2}}" },
	{ "append below", "{\"a\":{},\"b\":[{}]}",
	    { SET("a/x", "1"), SET("b/*/y", "2") },
	    "{\"a\":{\"x\":1},\"b\":[{\"y\":2}]}" },
	{ "append to nothing", "{}", { SET("a", "1"), SET("b", "2") },
	    "{\"a\":1,\"b\":2}" },
	{ "delete all", "{\"a\":1,\"b\":2}", { DEL("a"), DEL("b") }, "{}" },
	{ "first patch of a path counts", "{\"a\":1}",
	    { SET("a", "2"), SET("a", "3"), DEL("a") }, "{\"a\":2}" },
	{ "also if it is not there", "{}",
	    { SET("a", "2"), SET("a", "3"), DEL("b"), SET("b", "1") },
	    "{\"a\":2}" },
	{ "a value outdoes what is in it", "{\"a\":{\"b\":1}}",
	    { SET("a/b", "2"), SET("a", "{}") }, "{\"a\":{}}" },
	{ "two into one object", "{\"a\":{\"b\":1,\"c\":2,\"d\":3}}",
	    { SET("a/b", "5"), DEL("a/d") }, "{\"a\":{\"b\":5,\"c\":2}}" },
	{ "rename below", "{\"a\":{\"b\": 1 ,\"c\":2}}", { REN("a/b", "x") },
	    "{\"a\":{\"x\":1,\"c\":2}}" },
	{ "rename gives way to what is set", "{\"a\":1}",
	    { REN("a", "b"), SET("b", "2") }, "{\"b\":2}" },
	{ "two renamed to one", "{\"b\":1,\"a\":2}",
	    { REN("a", "c"), REN("b", "c") }, "{\"c\":2}" },
	{ "rename of what is not there leaves the name", "{\"b\":1}",
	    { REN("a", "c"), REN("b", "c") }, "{\"c\":1}" },
	{ "through a string", "{\"a\":\"{}\"}", { SET("a/b", "1") },
	    "{\"a\":\"{}\"}" },
	{ "into nested arrays", "{\"a\":[[{\"x\":1}],[]]}",
	    { SET("a/*/*/x", "2") }, "{\"a\":[[{\"x\":2}],[]]}" },
};

START_TEST(patches)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(4096);
	struct err e = { 0 };
	struct jmember *m;
	int n;

	n = jscan_object(str_from(lists[_i].in), a, &m, &e);
	ck_assert_int_ge(n, 0);
	jscan_splice(m, n, lists[_i].patches, 4, &out);
	ck_assert(jscan_is_object(buf_str(&out)));
	buf_addc(&out, '\0');
	ck_assert_msg(
	    strcmp(out.p, lists[_i].out) == 0, "%s: %s", lists[_i].name, out.p);
	buf_free(&out);
	arena_free(a);
}
END_TEST

/* As many patches as there may be, and a buffer that is too small. */
START_TEST(ends)
{
	struct jpatch v[JPATCH_MAX];
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(4096), small = BUF_LIMIT(8);
	struct jmember *m;
	int i, n;

	for (i = 0; i < JPATCH_MAX; i++)
		v[i] = (struct jpatch){ JPATCH_SET, arena_fmt(a, "x/%d", i),
			STR("0"), NULL };
	n = jscan_event(STR("{\"x\":{\"31\":1}}"), a, &m);
	jscan_splice(m, n, v, JPATCH_MAX, &out);
	n = jscan_event(buf_str(&out), a, &m);
	ck_assert_int_eq(n, 1);
	ck_assert(str_is(jscan_at(m[0].raw, "0"), "0"));
	ck_assert(str_is(jscan_at(m[0].raw, "31"), "0"));
	jscan_splice(m, n, v, JPATCH_MAX, &small);
	ck_assert(small.full);
	buf_free(&out);
	buf_free(&small);
	arena_free(a);
}
END_TEST

CASE(case_jscan_splice)
{
	TCase *t = tcase_create("jscan_splice");

	tcase_add_loop_test(t, splice, 0, NROWS(cases));
	tcase_add_loop_test(t, patches, 0, NROWS(lists));
	tcase_add_test(t, ends);
	return t;
}
