#include <math.h>

#include "json/jscan.h"
#include "json/jw.h"
#include "json/jx.h"
#include "room.h"

static const struct {
	struct str in;
	const char *out;
} texts[] = {
	{ STR(""), "\"\"" },
	{ STR_NONE, "\"\"" },
	{ STR("plain text, longer than eight"),
	    "\"plain text, longer than eight\"" },
	{ STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
	{ STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
	{ STR("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"" },
	{ STR("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
	    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ STR("\xff"), "\"\xef\xbf\xbd\"" },
	{ STR("a\xc3"), "\"a\xef\xbf\xbd\"" },
	{ STR("\xe2\x82z"), "\"\xef\xbf\xbd\xef\xbf\xbdz\"" },
	{ STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ STR("\xc0\xaf\"\x80"),
	    "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\xef\xbf\xbd\"" },
};

START_TEST(text)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(4096);
	struct jw w = JW_TO(&out);
	struct err e = { 0 };

	jw_str(&w, NULL, texts[_i].in);
	ck_assert_int_eq(jscan_value(buf_str(&out), a, &e), 0);
	buf_addc(&out, '\0');
	ck_assert_str_eq(out.p, texts[_i].out);
	buf_free(&out);
	arena_free(a);
}
END_TEST

static const struct {
	int64_t v;
	const char *whole, *nano;
} ints[] = {
	{ 0, "0", "0" },
	{ 1, "1", "0.000000001" },
	{ -1, "-1", "-0.000000001" },
	{ 10, "10", "0.00000001" },
	{ 285000, "285000", "0.000285" },
	{ 999999999, "999999999", "0.999999999" },
	{ 1000000000, "1000000000", "1" },
	{ -1500000000, "-1500000000", "-1.5" },
	{ 1000000001, "1000000001", "1.000000001" },
	{ 120000000000, "120000000000", "120" },
	{ INT64_MAX, "9223372036854775807", "9223372036.854775807" },
	{ INT64_MIN, "-9223372036854775808", "-9223372036.854775808" },
};

START_TEST(integer)
{
	struct buf out = BUF_LIMIT(4096);
	struct jw w = JW_TO(&out);

	jw_int(&w, NULL, ints[_i].v);
	buf_addc(&out, '\0');
	ck_assert_str_eq(out.p, ints[_i].whole);
	buf_clear(&out);
	w = JW_TO(&out);
	jw_nano(&w, NULL, ints[_i].v);
	buf_addc(&out, '\0');
	ck_assert_str_eq(out.p, ints[_i].nano);
	buf_free(&out);
}
END_TEST

static const struct {
	double v;
	const char *out;
} nums[] = {
	{ 0, "0" },
	{ 1, "1" },
	{ 0.7, "0.7" },
	{ -1.5, "-1.5" },
	{ 1e6, "1000000" },
	{ 123456789012345, "123456789012345" },
	{ 1e15, "1e+15" },
	{ 0.1 + 0.2, "0.30000000000000004" },
	{ 1.0 / 3, "0.3333333333333333" },
	{ 1e-7, "1e-07" },
	{ 1e300, "1e+300" },
	{ HUGE_VAL, "null" },
	{ -HUGE_VAL, "null" },
	{ (double)NAN, "null" },
};

START_TEST(number)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(4096);
	struct jw w = JW_TO(&out);
	struct err e = { 0 };

	jw_num(&w, NULL, nums[_i].v);
	ck_assert_int_eq(jscan_value(buf_str(&out), a, &e), 0);
	buf_addc(&out, '\0');
	ck_assert_str_eq(out.p, nums[_i].out);
	buf_free(&out);
	arena_free(a);
}
END_TEST

START_TEST(whole)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(4096);
	struct jw w = JW_TO(&out);
	struct err e = { 0 };

	jw_obj(&w, NULL);
	jw_strc(&w, "k\\\"", "v");
	jw_arr(&w, "a");
	jw_int(&w, NULL, 1);
	jw_bool(&w, NULL, true);
	jw_null(&w, NULL);
	jw_obj(&w, NULL);
	jw_end(&w);
	jw_arr(&w, NULL);
	jw_end(&w);
	jw_end(&w);
	jw_raw(&w, "r", STR("[ 1]"));
	jw_raw(&w, "none", STR_NONE);
	jw_node(&w, "n", jx_parse(a, STR("{\"x\": [1.50, \"a/b\"]}"), &e));
	jw_node(&w, "no", NULL);
	jw_nano(&w, "cost", 285000);
	jw_end(&w);
	ck_assert(jscan_is_object(buf_str(&out)));
	buf_addc(&out, '\0');
	ck_assert_str_eq(out.p,
	    "{\"k\\\"\":\"v\",\"a\":[1,true,null,{},[]],\"r\":[ 1],"
	    "\"none\":null,\"n\":{\"x\":[1.50,\"a/b\"]},\"no\":null,"
	    "\"cost\":0.000285}");
	buf_free(&out);
	arena_free(a);
}
END_TEST

START_TEST(times)
{
	struct buf b = BUF_LIMIT(200);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	jw_time(&w, "a", INT64_C(1795300000123));
	jw_time(&w, "b", 0);
	jw_end(&w);
	ck_assert(str_is(buf_str(&b),
	    "{\"a\":\"2026-11-21T22:26:40.123Z\",\"b\":null}"));
	buf_free(&b);
}
END_TEST

CASE(case_jw)
{
	TCase *t = tcase_create("jw");

	tcase_add_loop_test(t, text, 0, NROWS(texts));
	tcase_add_loop_test(t, integer, 0, NROWS(ints));
	tcase_add_loop_test(t, number, 0, NROWS(nums));
	tcase_add_test(t, whole);
	tcase_add_test(t, times);
	return t;
}
