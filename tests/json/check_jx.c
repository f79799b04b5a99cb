#include "json/jx.h"
#include "room.h"

/* What json-c would take by itself, and what it cannot give back. */
static const struct {
	const char *name;
	struct str in;
	bool ok;
} cases[] = {
	{ "object", STR("{\"a\":[1,2.5,\"x\",null,true]}"), true },
	{ "bare number", STR("12"), true },
	{ "bare double", STR("-1.5e3"), true },
	{ "bare word", STR("true"), true },
	{ "bare string", STR("\"a\\u0000b\""), true },
	{ "blanks around", STR(" {} \n"), true },
	{ "nothing", STR(""), false },
	{ "absent", STR_NONE, false },
	{ "null", STR("null"), false },
	{ "single quotes", STR("{'a':1}"), false },
	{ "NaN", STR("[NaN]"), false },
	{ "Infinity", STR("[Infinity]"), false },
	{ "point last", STR("[1.]"), false },
	{ "same name", STR("{\"a\":1,\"a\":2}"), false },
	{ "raw control", STR("[\"\n\"]"), false },
	{ "overlong", STR("[\"\xc0\xaf\"]"), false },
	{ "surrogate", STR("[\"\xed\xa0\x80\"]"), false },
	{ "infinite", STR("[1e400]"), false },
	{ "NUL at the end", STR("[1]\0"), false },
	{ "NUL in a name", STR("{\"a\\u0000\":1}"), false },
};

START_TEST(parse)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct json_object *o;
	struct err e = { 0 };

	o = jx_parse(a, cases[_i].in, &e);
	ck_assert_msg((o != NULL) == cases[_i].ok, "%s", cases[_i].name);
	ck_assert_int_eq(e.code, cases[_i].ok ? ERR_NONE : ERR_BAD_JSON);
	arena_free(a);
}
END_TEST

START_TEST(depth)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct err e = { 0 };
	char s[2 * 129 + 1];
	int n;

	for (n = 128; n <= 129; n++) {
		memset(s, '[', (size_t)n);
		s[n] = '1';
		memset(s + n + 1, ']', (size_t)n);
		ck_assert((jx_parse(a, (struct str){ s, 2 * (size_t)n + 1 },
			       &e) != NULL) == (n == 128));
		if (n == 128)
			ck_assert_int_eq(e.code, ERR_NONE);
	}
	arena_free(a);
}
END_TEST

START_TEST(reads)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct json_object *o, *item;
	struct err e = { 0 };
	int64_t v = 0;
	double d = 0;
	int n = 0;

	o = jx_parse(a,
	    STR("{\"s\":\"a\\u0000b\",\"i\":5,\"w\":5.0,\"d\":5.5,"
		"\"big\":123456789012345678901234567890,\"t\":true,"
		"\"arr\":[1,2],\"lone\":\"\\ud800\"}"),
	    &e);
	ck_assert_ptr_nonnull(o);
	ck_assert(str_eq(jx_str(o, "s"), STR("a\0b")));
	ck_assert(str_eq(jx_str(o, "lone"), STR("\xef\xbf\xbd")));
	ck_assert_ptr_null(jx_str(o, "i").p);
	ck_assert(jx_int(o, "i", &v) && v == 5);
	ck_assert(jx_int(o, "w", &v) && v == 5);
	ck_assert(!jx_int(o, "d", &v));
	ck_assert(!jx_int(o, "big", &v));
	ck_assert(!jx_int(o, "s", &v));
	ck_assert(!jx_int(o, "none", &v));
	ck_assert(jx_num(o, "i", &d) && d > 4.9 && d < 5.1);
	ck_assert(jx_num(o, "d", &d) && d > 5.4 && d < 5.6);
	ck_assert(!jx_num(o, "s", &d));
	ck_assert(jx_true(o, "t"));
	ck_assert(!jx_true(o, "none"));
	JX_EACH (jx_arr(o, "arr"), i, item)
		n += json_object_get_int(item);
	ck_assert_int_eq(n, 3);
	ck_assert_ptr_null(jx_arr(o, "s"));
	ck_assert_ptr_null(jx_get(NULL, "s"));
	arena_free(a);
}
END_TEST

CASE(case_jx)
{
	TCase *t = tcase_create("jx");

	tcase_add_loop_test(t, parse, 0, NROWS(cases));
	tcase_add_test(t, depth);
	tcase_add_test(t, reads);
	return t;
}
