#include <math.h>

#include "json/jscan.h"
#include "room.h"

/* What an iterator gives, as "key=value;" each. */
static const struct {
	struct str in;
	const char *out;
} walks[] = {
	{ STR("{}"), "" },
	{ STR("[]"), "" },
	{ STR(" { \"a\" : 1 , \"b\":[ 2 ,3] } "), "a=1;b=[ 2 ,3];" },
	{ STR("[1,\"a,]\",{\"b\":\"}\\\"\"} ,null]"),
	    "=1;=\"a,]\";={\"b\":\"}\\\"\"};=null;" },
	{ STR("{\"a\":\"\\\\\",\"b\":\"\\\\\\\"\"}"),
	    "a=\"\\\\\";b=\"\\\\\\\"\";" },
	{ STR("{\"n\\u00e4\":[[],{}]}"), "n\\u00e4=[[],{}];" },
	{ STR("5"), "" },
	{ STR("\"{\""), "" },
	{ STR(""), "" },
	{ STR_NONE, "" },
	/* Not JSON: whatever it gives, nothing outside is read. */
	{ STR("{\"a\""), "" },
	{ STR("{\"a\":"), "" },
	{ STR("{\"a\":\"b"), "" },
	{ STR("{\"a\":\"b\\"), "" },
	{ STR("[[[{]"), "" },
	{ STR("[1"), "=1;" },
	{ STR("{1:2}"), "" },
	{ STR("[\x80]"), "" },
};

START_TEST(walk)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(4096);
	struct jmember m;
	struct jiter it;

	for (it = jscan_into(arena_dup(a, walks[_i].in));
	     jscan_next(&it, &m);) {
		buf_add(&out, m.key);
		buf_addc(&out, '=');
		buf_add(&out, m.raw);
		buf_addc(&out, ';');
	}
	ck_assert(!jscan_next(&it, &m));
	buf_addc(&out, '\0');
	ck_assert_str_eq(out.p, walks[_i].out);
	buf_free(&out);
	arena_free(a);
}
END_TEST

START_TEST(at)
{
	struct str raw = STR("{\"a\":1,\"b\\u00e4\":{\"c\":\"x\"},\"\":2}");
	struct jmember v[] = { { STR("k"), STR("1") }, { STR("l"), STR("2") } };

	ck_assert(str_is(jscan_at(raw, "a"), "1"));
	ck_assert(str_is(jscan_at(raw, "b\xc3\xa4"), "{\"c\":\"x\"}"));
	ck_assert(str_is(jscan_at(raw, ""), "2"));
	ck_assert_ptr_null(jscan_at(raw, "c").p);
	ck_assert_ptr_null(jscan_at(STR("[1]"), "a").p);
	ck_assert_ptr_null(jscan_at(STR_NONE, "a").p);
	ck_assert(str_is(jscan_get(v, 2, "l"), "2"));
	ck_assert_ptr_null(jscan_get(v, 2, "m").p);
	ck_assert(jscan_null(STR("null")));
	ck_assert(!jscan_null(STR("true")));
	ck_assert(!jscan_null(STR_NONE));
}
END_TEST

static const struct {
	struct str key, name;
	bool same;
} keys[] = {
	{ STR("abc"), STR("abc"), true },
	{ STR("abc"), STR("ab"), false },
	{ STR(""), STR(""), true },
	{ STR("a\\u0062c"), STR("abc"), true },
	{ STR("\\u0061bc"), STR("abc"), true },
	{ STR("ab\\u0063"), STR("abc"), true },
	{ STR("ab\\u0063"), STR("ab"), false },
	{ STR("ab\\u0063"), STR("abcd"), false },
	{ STR("\\n\\/"), STR("\n/"), true },
	{ STR("\\u20ac"), STR("\xe2\x82\xac"), true },
	{ STR("\\u20ac"), STR("\xe2\x82"), false },
	{ STR("a\\"), STR("a"), false },
	{ STR("\\u00"), STR("a"), false },
};

START_TEST(key_is)
{
	ck_assert(jscan_key_is(keys[_i].key, keys[_i].name) == keys[_i].same);
}
END_TEST

static const struct {
	struct str raw, text;
	bool lone;
	struct str repaired;
} texts[] = {
	{ STR("\"\""), STR(""), false, STR_NONE },
	{ STR("\"abc\""), STR("abc"), false, STR_NONE },
	{ STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR("\"\\/\b\f\n\r\t"), false,
	    STR_NONE },
	{ STR("\"x\\u0041\\u00e4\\u20AC\\ud83d\\ude00y\""),
	    STR("xA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80y"), false, STR_NONE },
	{ STR("\"a\\u0000b\""), STR("a\0b"), false, STR_NONE },
	{ STR("\"\\ud800\""), STR("\xef\xbf\xbd"), true, STR("\"\\ufffd\"") },
	{ STR("\"\\udc00x\""), STR("\xef\xbf\xbdx"), true,
	    STR("\"\\ufffdx\"") },
	{ STR("\"\\ud83d\\ud83d\\ude00\\ude00\""),
	    STR("\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd"), true,
	    STR("\"\\ufffd\\ud83d\\ude00\\ufffd\"") },
	{ STR("\"\\ud83d\\n\\\\ud800\""), STR("\xef\xbf\xbd\n\\ud800"), true,
	    STR("\"\\ufffd\\n\\\\ud800\"") },
	{ STR("\"\\\\ud800\""), STR("\\ud800"), false, STR_NONE },
	{ STR("5"), STR_NONE, false, STR_NONE },
	{ STR("\""), STR_NONE, false, STR_NONE },
	{ STR_NONE, STR_NONE, false, STR_NONE },
};

START_TEST(text)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct str raw = texts[_i].raw, s;

	s = jscan_text(arena_dup(a, raw), a);
	ck_assert(str_eq(s, texts[_i].text));
	ck_assert((s.p == NULL) == (texts[_i].text.p == NULL));
	ck_assert(jscan_has_lone_surrogate(raw) == texts[_i].lone);
	s = jscan_repair(raw, a);
	ck_assert(str_eq(s, texts[_i].lone ? texts[_i].repaired : raw));
	ck_assert(texts[_i].lone || s.p == raw.p);
	arena_free(a);
}
END_TEST

static const struct {
	const char *in;
	bool ok;
	int64_t v;
} ints[] = {
	{ "0", true, 0 },
	{ "-0", true, 0 },
	{ "0.0", true, 0 },
	{ "0e99999999999", true, 0 },
	{ "1", true, 1 },
	{ "1.0", true, 1 },
	{ "1e2", true, 100 },
	{ "1.5e1", true, 15 },
	{ "1500e-2", true, 15 },
	{ "-12.000E+1", true, -120 },
	{ "0.001e3", true, 1 },
	{ "1000000000000000000000000000e-25", true, 100 },
	{ "9223372036854775807", true, INT64_MAX },
	{ "9223372036854775808", false, 0 },
	{ "-9223372036854775808", true, INT64_MIN },
	{ "-9223372036854775809", false, 0 },
	{ "18446744073709551617", false, 0 },
	{ "1e18", true, 1000000000000000000 },
	{ "1e19", false, 0 },
	{ "1e999999999999", false, 0 },
	{ "1.5", false, 0 },
	{ "15e-2", false, 0 },
	{ "1e-1", false, 0 },
	{ "9223372036854775807.5", false, 0 },
	{ "\"1\"", false, 0 },
	{ "true", false, 0 },
	{ "", false, 0 },
	{ "-", false, 0 },
};

START_TEST(ints_read)
{
	int64_t v = 0;
	bool ok = jscan_int(str_from(ints[_i].in), &v);

	ck_assert_msg(ok == ints[_i].ok, "%s", ints[_i].in);
	ck_assert_msg(!ok || v == ints[_i].v, "%s", ints[_i].in);
}
END_TEST

static const struct {
	const char *in;
	bool ok;
	double v;
} nums[] = {
	{ "0", true, 0 },
	{ "-1.5", true, -1.5 },
	{ "1e3", true, 1000 },
	{ "0.1", true, 0.1 },
	{ "0.1000000000000000000000000000000000000000000000001", true, 0.1 },
	{ "0.00000000000000000000000000000000000000000000012e46", true, 1.2 },
	{ "-1200000000000000000000000000000000000000000000000e-48", true,
	    -1.2 },
	/* 1 + 2^-53 is half way: up only if something follows. */
	{ "1.00000000000000011102230246251565404236316680908203125", true, 1 },
	{ "1.000000000000000111022302462515654042363166809082031251", true,
	    1.0000000000000002 },
	{ "1e-400", true, 0 },
	{ "1e400", false, 0 },
	{ "\"1\"", false, 0 },
	{ "null", false, 0 },
	{ "-", false, 0 },
	{ "", false, 0 },
};

START_TEST(nums_read)
{
	double v = 0;
	bool ok = jscan_num(str_from(nums[_i].in), &v);

	ck_assert_msg(ok == nums[_i].ok, "%s", nums[_i].in);
	ck_assert_msg(!ok || fabs(v - nums[_i].v) <= 0, "%s", nums[_i].in);
}
END_TEST

CASE(case_jscan_read)
{
	TCase *t = tcase_create("jscan_read");

	tcase_add_loop_test(t, walk, 0, NROWS(walks));
	tcase_add_test(t, at);
	tcase_add_loop_test(t, key_is, 0, NROWS(keys));
	tcase_add_loop_test(t, text, 0, NROWS(texts));
	tcase_add_loop_test(t, ints_read, 0, NROWS(ints));
	tcase_add_loop_test(t, nums_read, 0, NROWS(nums));
	return t;
}
