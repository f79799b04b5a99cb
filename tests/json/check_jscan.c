#include <stdio.h>

#include "json/jscan.h"
#include "room.h"

/* A string's contents, as it would stand in a body. */
#define IN(lit) STR("{\"a\":\"" lit "\"}")

static const struct {
	const char *name;
	struct str in;
	int n; /* members; -1: refused */
} cases[] = {
	{ "empty object", STR("{}"), 0 },
	{ "blanks of all four kinds", STR(" \t\r\n{ \n} \t\r\n"), 0 },
	{ "blanks everywhere", STR("{ \"a\" : [ 1 , 2 ] , \"b\" : { } }"), 2 },
	{ "literals", STR("{\"a\":true,\"b\":false,\"c\":null}"), 3 },
	{ "empty name", STR("{\"\":1}"), 1 },

	{ "nothing", STR(""), -1 },
	{ "absent", STR_NONE, -1 },
	{ "blanks only", STR("  "), -1 },
	{ "array at the top", STR("[1]"), -1 },
	{ "string at the top", STR("\"a\""), -1 },
	{ "byte-order mark", STR("\xef\xbb\xbf{}"), -1 },
	{ "form feed is no blank", STR("{\f}"), -1 },
	{ "no-break space is no blank", STR("{\xc2\xa0}"), -1 },
	{ "bytes after the end", STR("{} {}"), -1 },
	{ "NUL after the end", STR("{}\0"), -1 },
	{ "NUL before the start", STR("\0{}"), -1 },
	{ "comma after the end", STR("{},"), -1 },
	{ "open object", STR("{"), -1 },
	{ "open object after member", STR("{\"a\":1"), -1 },
	{ "open name", STR("{\"a"), -1 },
	{ "name only", STR("{\"a\"}"), -1 },
	{ "no value", STR("{\"a\":}"), -1 },
	{ "value cut off", STR("{\"a\":"), -1 },
	{ "no name", STR("{:1}"), -1 },
	{ "comma before the end", STR("{\"a\":1,}"), -1 },
	{ "comma at the start", STR("{,\"a\":1}"), -1 },
	{ "two commas", STR("{\"a\":1,,\"b\":1}"), -1 },
	{ "missing comma", STR("{\"a\":1 \"b\":2}"), -1 },
	{ "comma before the end of an array", STR("{\"a\":[1,]}"), -1 },
	{ "missing comma in an array", STR("{\"a\":[1 2]}"), -1 },
	{ "open array", STR("{\"a\":[1}"), -1 },
	{ "mismatched nesting", STR("{\"a\":{]}"), -1 },
	{ "single quotes", STR("{'a':1}"), -1 },
	{ "bare name", STR("{a:1}"), -1 },
	{ "comment", STR("{/**/}"), -1 },
	{ "name is a number", STR("{1:1}"), -1 },

	{ "capital literal", STR("{\"a\":True}"), -1 },
	{ "cut literal", STR("{\"a\":tru}"), -1 },
	{ "cut literal at the end", STR("{\"a\":nul"), -1 },
	{ "long literal", STR("{\"a\":nulls}"), -1 },
	{ "NaN", STR("{\"a\":NaN}"), -1 },
	{ "Infinity", STR("{\"a\":Infinity}"), -1 },
	{ "-Infinity", STR("{\"a\":-Infinity}"), -1 },
	{ "undefined", STR("{\"a\":undefined}"), -1 },

	{ "number forms", STR("{\"a\":[0,-0,10,1.5,0.0,1e5,1E+5,1.2e-05]}"),
	    1 },
	{ "leading zero", STR("{\"a\":01}"), -1 },
	{ "leading zero, negative", STR("{\"a\":-01}"), -1 },
	{ "plus", STR("{\"a\":+1}"), -1 },
	{ "lone minus", STR("{\"a\":-}"), -1 },
	{ "point first", STR("{\"a\":.5}"), -1 },
	{ "point last", STR("{\"a\":1.}"), -1 },
	{ "point, exponent", STR("{\"a\":1.e5}"), -1 },
	{ "exponent without digits", STR("{\"a\":1e}"), -1 },
	{ "exponent without digits, sign", STR("{\"a\":1e+}"), -1 },
	{ "number cut off", STR("{\"a\":1e"), -1 },
	{ "hex", STR("{\"a\":0x10}"), -1 },
	{ "two numbers", STR("{\"a\":1-2}"), -1 },
	{ "largest double", STR("{\"a\":1.7976931348623157e308}"), 1 },
	{ "still the largest", STR("{\"a\":1.7976931348623158e308}"), 1 },
	{ "infinite", STR("{\"a\":1.7976931348623159e308}"), -1 },
	{ "more than infinite", STR("{\"a\":1e400}"), -1 },
	{ "less than infinite", STR("{\"a\":-1e400}"), -1 },
	{ "huge exponent", STR("{\"a\":1e99999999999999999999}"), -1 },
	{ "tiny", STR("{\"a\":1e-99999999999999999999}"), 1 },
	{ "nothing times a lot", STR("{\"a\":0.0e99999999999999999999}"), 1 },
	{ "small after all", STR("{\"a\":0.0000000001e310}"), 1 },

	{ "escapes", IN("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uABCD"), 1 },
	{ "bad escape", IN("\\x"), -1 },
	{ "escaped control", IN("\\\n"), -1 },
	{ "capital U", IN("\\U0041"), -1 },
	{ "short hex", IN("\\u12"), -1 },
	{ "no hex", IN("\\u12g4"), -1 },
	{ "escape cut off", STR("{\"a\":\"\\"), -1 },
	{ "hex cut off", STR("{\"a\":\"\\u00"), -1 },
	{ "escaped quote does not end", STR("{\"a\":\"\\\"}"), -1 },
	{ "lone high surrogate", IN("\\ud800"), 1 },
	{ "lone low surrogate", IN("\\udfff"), 1 },
	{ "escaped NUL in a value", IN("\\u0000"), 1 },
	{ "raw newline", IN("\n"), -1 },
	{ "raw tab", IN("\t"), -1 },
	{ "raw 0x1f", IN("1234567\x1f"), -1 },
	{ "raw NUL", IN("\0"), -1 },
	{ "raw 0x7f", IN("\x7f"), 1 },
	{ "U+FEFF inside", IN("\xef\xbb\xbf"), 1 },
	{ "two bytes", IN("\xc2\x80\xdf\xbf"), 1 },
	{ "three bytes", IN("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"), 1 },
	{ "four bytes", IN("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 1 },
	{ "noncharacter", IN("\xef\xbf\xbf"), 1 },
	{ "overlong slash", IN("\xc0\xaf"), -1 },
	{ "overlong, c1", IN("\xc1\xbf"), -1 },
	{ "overlong, three", IN("\xe0\x9f\xbf"), -1 },
	{ "overlong, four", IN("\xf0\x8f\xbf\xbf"), -1 },
	{ "surrogate", IN("\xed\xa0\x80"), -1 },
	{ "past the last", IN("\xf4\x90\x80\x80"), -1 },
	{ "f5", IN("\xf5\x80\x80\x80"), -1 },
	{ "ff", IN("\xff"), -1 },
	{ "continuation first", IN("abcdefgh\x80"), -1 },
	{ "cut sequence", IN("\xe2\x82"), -1 },
	{ "cut sequence at the end", STR("{\"a\":\"\xf0\x9f\x98"), -1 },
	{ "Latin-1", IN("caf\xe9"), -1 },
	{ "not UTF-8 in a name", STR("{\"\xff\":1}"), -1 },
	{ "not UTF-8 outside", STR("{\"a\":1}\xc3\xa4"), -1 },

	{ "same name", STR("{\"a\":1,\"a\":2}"), -1 },
	{ "same name, not side by side", STR("{\"a\":1,\"b\":1,\"a\":2}"), -1 },
	{ "same empty name", STR("{\"\":1,\"\":2}"), -1 },
	{ "same name below", STR("{\"x\":{\"a\":1,\"a\":2}}"), -1 },
	{ "same name deep", STR("{\"x\":[[{\"y\":{\"a\":1,\"a\":2}}]]}"), -1 },
	{ "same name in other objects",
	    STR("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}"), 2 },
	{ "same name after an inner object",
	    STR("{\"x\":{\"a\":1,\"b\":{\"c\":1},\"a\":2}}"), -1 },
	{ "same name, one escaped", STR("{\"x\":{\"\\u0061\":1,\"a\":2}}"),
	    -1 },
	{ "same name, both escaped",
	    STR("{\"x\":{\"\\u00e4\":1,\"\\u00E4\":2}}"), -1 },
	{ "same name, escaped pair",
	    STR("{\"x\":{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}}"), -1 },
	{ "same name once repaired",
	    STR("{\"x\":{\"\\ud800\":1,\"\\udfff\":2}}"), -1 },
	{ "names differ in their escape",
	    STR("{\"x\":{\"\\u0061\":1,\"b\":2,\"\\u0063\":3}}"), 1 },
	{ "escaped name at the top", STR("{\"m\\u006fdel\":\"a\"}"), -1 },
	{ "escaped quote in a name at the top", STR("{\"a\\\"\":1}"), -1 },
	{ "escaped name below", STR("{\"a\":{\"n\\u00e4me\":1}}"), 1 },
	{ "NUL in a name", STR("{\"a\":{\"b\\u0000\":1}}"), -1 },
};

START_TEST(object)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct jmember *m = NULL, *m2;
	struct err e = { 0 };
	int n;

	n = jscan_object(cases[_i].in, a, &m, &e);
	ck_assert_msg(n == cases[_i].n, "%s: %d", cases[_i].name, n);
	ck_assert_int_eq(jscan_event(cases[_i].in, a, &m2), n);
	if (n == -1) {
		ck_assert_int_eq(e.code, ERR_BAD_JSON);
		ck_assert_str_eq(e.msg, "Invalid JSON in request body");
	} else {
		ck_assert_ptr_nonnull(m);
		ck_assert(jscan_is_object(cases[_i].in));
		ck_assert_int_eq(jscan_value(cases[_i].in, a, &e), 0);
	}
	arena_free(a);
}
END_TEST

/* Where jscan_object() says no and the others need not. */
static const struct {
	const char *name;
	struct str in;
	bool value, object;
} others[] = {
	{ "escaped name at the top", STR("{\"m\\u006fdel\":1}"), true, true },
	{ "array", STR(" [1, \"a\"] "), true, false },
	{ "string", STR("\"a\""), true, false },
	{ "number", STR("12"), true, false },
	{ "number, cut", STR("12."), false, false },
	{ "literal", STR("null"), true, false },
	{ "two values", STR("1 2"), false, false },
	{ "blanks around", STR("\n{} "), true, true },
	{ "same name twice", STR("[{\"a\":1,\"a\":2}]"), false, false },
	{ "breaks out", STR("{}},{\"a\":{}"), false, false },
	{ "blanks only", STR(" "), false, false },
	{ "nothing", STR(""), false, false },
	{ "infinite", STR("-1e999"), false, false },
};

START_TEST(value)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct err e = { 0 };

	ck_assert_msg(
	    (jscan_value(others[_i].in, a, &e) == 0) == others[_i].value, "%s",
	    others[_i].name);
	ck_assert_int_eq(e.code, others[_i].value ? ERR_NONE : ERR_BAD_JSON);
	ck_assert_msg(jscan_is_object(others[_i].in) == others[_i].object, "%s",
	    others[_i].name);
	arena_free(a);
}
END_TEST

static const struct {
	struct str in, out;
} soles[] = {
	{ STR("{\"a\":1}"), STR("{\"a\":1}") },
	{ STR(" \t\r\n{\"a\":1}\n "), STR("{\"a\":1}") },
	{ STR("[{\"a\":1}]"), STR("{\"a\":1}") },
	{ STR(" [ {} ]\n"), STR("{}") },
	{ STR("[{},{}]"), STR_NONE },
	{ STR("[[{}]]"), STR_NONE },
	{ STR("[]"), STR_NONE },
	{ STR("[ ]"), STR_NONE },
	{ STR("["), STR_NONE },
	{ STR(" "), STR_NONE },
	{ STR(""), STR_NONE },
	{ STR_NONE, STR_NONE },
	{ STR("{}\0"), STR_NONE },
	{ STR("\0{}"), STR_NONE },
	{ STR("\"text\""), STR_NONE },
	{ STR("<html>"), STR_NONE },
	{ STR("{\"long\":\"...\"}"), STR_NONE }, /* 14 bytes, 12 allowed */
};

START_TEST(sole_object)
{
	struct str s = jscan_sole_object(soles[_i].in, 12);

	ck_assert_msg(str_eq(s, soles[_i].out), "row %d: %.*s", _i, STR_ARG(s));
	ck_assert((s.p == NULL) == (soles[_i].out.p == NULL));
}
END_TEST

/* Every prefix of a valid text is refused, and read no further than it goes. */
START_TEST(prefixes)
{
	const char *text =
	    "{\"a\":[1.5e-3,true,null,{\"\\u00e4\":\"\\n\xc3\xa4"
	    "\xe2\x82\xac\xf0\x9f\x98\x80 0123456789\"}],\"b\":-0}";
	struct arena *a = arena_new(4096, 1 << 20);
	size_t len = strlen(text), n;
	struct jmember *m;
	struct str cut;

	for (n = 0; n <= len; n++) {
		cut = arena_dup(a, (struct str){ text, n });
		ck_assert_int_eq(jscan_event(cut, a, &m), n == len ? 2 : -1);
	}
	arena_free(a);
}
END_TEST

/* A special byte at every place of the eight that are tested at once. */
START_TEST(places)
{
	static const char *const odd[] = { "\x1f", "\xff", "\xc3", "\n", "\\" };
	struct arena *a = arena_new(4096, 1 << 20);
	char text[64];
	struct jmember *m;
	size_t i, at;

	for (i = 0; i < NROWS(odd); i++)
		for (at = 0; at < 20; at++) {
			snprintf(text, sizeof(text), "{\"a\":\"%.*s%s%.*s\"}",
			    (int)at, "\x7f~!{[]},: 0123456789", odd[i],
			    (int)(20 - at), " !}#$%&'()*+,-./0123456789");
			ck_assert_int_eq(
			    jscan_event(str_from(text), a, &m), -1);
		}
	arena_free(a);
}
END_TEST

/* `levels` objects inside each other, the innermost with `values` numbers. */
static int
scan_big(int levels, int values)
{
	struct arena *a = arena_new(4096, 64 << 20);
	struct buf in = BUF_LIMIT(64 << 20);
	struct err e = { 0 };
	struct jmember *m;
	char name[24];
	int i, n;

	for (i = 0; i < levels - 1; i++)
		buf_add(&in, i % 2 == 0 ? STR("{\"a\":") : STR("["));
	buf_addc(&in, '{');
	for (i = 0; i < values; i++) {
		snprintf(name, sizeof(name), "%s\"%d\":1", i > 0 ? "," : "", i);
		buf_add(&in, str_from(name));
	}
	buf_addc(&in, '}');
	for (i = levels - 2; i >= 0; i--)
		buf_addc(&in, i % 2 == 0 ? '}' : ']');
	n = jscan_object(buf_str(&in), a, &m, &e);
	ck_assert(jscan_is_object(buf_str(&in)) == (n != -1));
	buf_free(&in);
	arena_free(a);
	return n;
}

START_TEST(limits)
{
	ck_assert_int_eq(scan_big(128, 1), 1);
	ck_assert_int_eq(scan_big(129, 1), -1);
	ck_assert_int_eq(scan_big(1, 500000), 500000);
	ck_assert_int_eq(scan_big(1, 500001), -1);
	ck_assert_int_eq(scan_big(2, 499999), 1);
	ck_assert_int_eq(scan_big(2, 500000), -1);
}
END_TEST

/* Around the numbers where names are sorted or need more memory. */
START_TEST(many_names)
{
	struct arena *a = arena_new(4096, 64 << 20);
	struct buf in = BUF_LIMIT(1 << 20);
	struct jmember *m;
	int n, i, twice;

	for (n = 2; n < 140; n++)
		for (twice = 0; twice < 2; twice++) {
			buf_clear(&in);
			buf_add(&in, STR("{\"x\":{"));
			for (i = 0; i < n; i++)
				buf_add(&in,
				    arena_fmt(a, "\"n%s%d\":{\"a\":%d},",
					i % 3 == 0 ? "\\u0061" : "a", i, i));
			buf_add(&in,
			    arena_fmt(a, "\"%s\":0}}", twice ? "na0" : "na"));
			ck_assert_int_eq(
			    jscan_event(buf_str(&in), a, &m), twice ? -1 : 1);
			arena_reset(a);
		}
	buf_free(&in);
	arena_free(a);
}
END_TEST

/* Numbers of many digits, on both sides of what a double holds. */
static int
scan_digits(char first, int zeros, const char *tail)
{
	struct arena *a = arena_new(4096, 64 << 20);
	char *p = arena_zalloc(a, (size_t)zeros + 1);
	struct jmember *m;
	int n;

	memset(p, '0', (size_t)zeros);
	n = jscan_event(arena_fmt(a, "{\"a\":%c%s%s}", first, p, tail), a, &m);
	arena_free(a);
	return n;
}

START_TEST(long_numbers)
{
	ck_assert_int_eq(scan_digits('1', 308, ""), 1);
	ck_assert_int_eq(scan_digits('1', 309, ""), -1);
	ck_assert_int_eq(scan_digits('2', 308, ""), -1);
	ck_assert_int_eq(scan_digits('1', 100000, "e-99999"), 1);
	ck_assert_int_eq(scan_digits('1', 100000, "e-1"), -1);
	ck_assert_int_eq(scan_digits('0', 0, ".1e309"), 1);
	ck_assert_int_eq(scan_digits('0', 0, ".1e310"), -1);
	ck_assert_int_eq(scan_digits('1', 190, "e99"), 1);
}
END_TEST

CASE(case_jscan)
{
	TCase *t = tcase_create("jscan");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, object, 0, NROWS(cases));
	tcase_add_loop_test(t, value, 0, NROWS(others));
	tcase_add_loop_test(t, sole_object, 0, NROWS(soles));
	tcase_add_test(t, prefixes);
	tcase_add_test(t, places);
	tcase_add_test(t, limits);
	tcase_add_test(t, many_names);
	tcase_add_test(t, long_numbers);
	return t;
}
