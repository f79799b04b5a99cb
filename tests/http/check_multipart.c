/* Forms, whole and split at every byte (reliability.md T13). */
#include "http/multipart.h"
#include "room.h"

#define TYPE STR("multipart/form-data; boundary=xyz")
#define PART(head, data) "--xyz\r\n" head "\r\n\r\n" data "\r\n"
#define NAMED(name) "Content-Disposition: form-data; name=\"" name "\""

/* In pieces of n bytes. */
static int
feed(
    struct multipart *m, struct arena *a, struct str s, size_t n, struct err *e)
{
	size_t i, k;

	if (multipart_init(m, TYPE, a, e) == -1)
		return -1;
	for (i = 0; i < s.n; i += k) {
		k = s.n - i < n ? s.n - i : n;
		if (multipart_feed(m, (struct str){ s.p + i, k }, e) == -1)
			return -1;
	}
	return multipart_end(m, e);
}

static struct str
data(const struct multipart *m, int i, struct str s)
{
	return (struct str){ s.p + m->parts[i].from, m->parts[i].n };
}

static const char form[] =
    PART(NAMED("prompt"), "F\xc3\xbcge --xy Schnee\r\r\n--xy\r\n")
	PART("content-type: image/png\r\n" NAMED(
		 "image[]") "; filename=\"a \\\"b;c.png\"",
	    "\x89PNG\0\r\n--xyy\r\n\r\n")
	    PART(NAMED("empty"), "") "--xyz--\r\nbehind";

START_TEST(parts)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct str s = { form, sizeof(form) - 1 };
	struct multipart m;
	struct err e = { 0 };
	size_t n;

	for (n = 1; n <= s.n; n++) {
		ck_assert_msg(feed(&m, a, s, n, &e) == 0, "%zu: %s", n, e.msg);
		ck_assert_int_eq(m.n, 3);
		ck_assert(str_is(m.parts[0].name, "prompt"));
		ck_assert(m.parts[0].filename.p == NULL);
		ck_assert(str_is(
		    data(&m, 0, s), "F\xc3\xbcge --xy Schnee\r\r\n--xy\r\n"));
		ck_assert(str_is(m.parts[1].name, "image[]"));
		ck_assert(str_is(m.parts[1].type, "image/png"));
		ck_assert(str_is(m.parts[1].filename, "a \\\"b;c.png"));
		ck_assert(
		    str_eq(data(&m, 1, s), STR("\x89PNG\0\r\n--xyy\r\n\r\n")));
		ck_assert_uint_eq(m.parts[2].n, 0);
	}
	arena_free(a);
}
END_TEST

/* Split once at every byte, and cut off at every byte. */
START_TEST(splits)
{
	struct arena *a = arena_new(4096, 1 << 20);
	size_t all = sizeof(form) - 1, over = all - sizeof("\r\nbehind") + 1, i;
	struct multipart m;
	struct err e = { 0 };

	for (i = 0; i <= all; i++) {
		ck_assert_int_eq(multipart_init(&m, TYPE, a, &e), 0);
		ck_assert_int_eq(
		    multipart_feed(&m, (struct str){ form, i }, &e), 0);
		ck_assert_int_eq(
		    multipart_feed(&m, (struct str){ form + i, all - i }, &e),
		    0);
		ck_assert_int_eq(multipart_end(&m, &e), 0);
		ck_assert_int_eq(m.n, 3);
		ck_assert_int_eq(
		    feed(&m, a, (struct str){ form, i }, i + 1, &e),
		    i < over ? -1 : 0);
	}
	arena_free(a);
}
END_TEST

START_TEST(broken)
{
	static const struct {
		const char *form;
		const char *why;
	} rows[] = {
		{ "", "ends before" },
		{ "x--xyz\r\n", "does not begin" },
		{ "--xyzz\r\n", "boundary goes on" },
		{ "--xyz-x", "boundary goes on" },
		{ "--xyz\rx", "boundary goes on" },
		{ "--xyz\r\nno colon\r\n\r\n", "no colon" },
		{ "--xyz\r\nx: y\n\r\n", "CRLF" },
		{ "--xyz\r\nx: y\rz", "CRLF" },
		{ PART("x: y", ""), "no name" },
		{ PART("Content-Disposition: form-data; name=\"\"", ""),
		    "no name" },
		{ PART("Content-Disposition: attachment; name=\"a\"", ""),
		    "no form-data" },
		{ "--xyz\r\n\r\n", "no name" },
		{ PART(NAMED("a"), "data") "--xyz", "ends before" },
	};
	struct arena *a = arena_new(4096, 1 << 20);
	struct multipart m;
	struct err e = { 0 };
	size_t i, n;

	for (i = 0; i < NROWS(rows); i++)
		for (n = 1; n < 100; n += 98) {
			ck_assert_int_eq(
			    feed(&m, a, str_from(rows[i].form), n, &e), -1);
			ck_assert_msg(strstr(e.msg, rows[i].why) != NULL,
			    "%zu: %s", i, e.msg);
			ck_assert_int_eq(e.code, ERR_BAD_PARAM);
		}
	arena_free(a);
}
END_TEST

START_TEST(limits)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf b = BUF_LIMIT(1 << 20);
	struct multipart m;
	struct err e = { 0 };
	int i;

	for (i = 0; i < MULTIPART_PARTS; i++)
		buf_add(&b, STR(PART(NAMED("a"), "1")));
	buf_add(&b, STR("--xyz--"));
	ck_assert_int_eq(feed(&m, a, buf_str(&b), 1000, &e), 0);
	ck_assert_int_eq(m.n, MULTIPART_PARTS);
	b.n -= 2;
	buf_add(&b, STR("\r\n" NAMED("a") "\r\n\r\n\r\n--xyz--"));
	ck_assert_int_eq(feed(&m, a, buf_str(&b), 1000, &e), -1);
	ck_assert(strstr(e.msg, "64 parts") != NULL);

	buf_clear(&b);
	buf_add(&b, STR("--xyz\r\nx: "));
	for (i = 0; i < 8192; i++)
		buf_addc(&b, 'y');
	ck_assert_int_eq(feed(&m, a, buf_str(&b), 100, &e), -1);
	ck_assert(strstr(e.msg, "8192") != NULL);
	buf_free(&b);
	arena_free(a);
}
END_TEST

START_TEST(boundaries)
{
#define TEN "0123456789"
	static const struct {
		const char *type;
		bool good;
	} rows[] = {
		{ "multipart/form-data; boundary=x", true },
		{ "Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a b\"",
		    true },
		{ "multipart/form-data; boundary=" TEN TEN TEN TEN TEN TEN TEN,
		    true },
		{ "multipart/form-data; boundary=" TEN TEN TEN TEN TEN TEN TEN
		  "x",
		    false },
		{ "multipart/form-data; boundary=", false },
		{ "multipart/form-data; boundary=\"\"", false },
		{ "multipart/form-data; boundary=\"a \"", false },
		{ "multipart/form-data; boundary=\"a\tb\"", false },
		{ "multipart/form-data; boundary=\"a", true },
		{ "multipart/form-data", false },
		{ "multipart/form-data; boundary", false },
		{ "multipart/mixed; boundary=x", false },
	};
	struct arena *a = arena_new(4096, 1 << 20);
	struct multipart m;
	struct err e = { 0 };
	size_t i;

	for (i = 0; i < NROWS(rows); i++)
		ck_assert_msg((multipart_init(&m, str_from(rows[i].type), a,
				   &e) == 0) == rows[i].good,
		    "%s", rows[i].type);
	arena_free(a);
}
END_TEST

CASE(case_multipart)
{
	TCase *t = tcase_create("multipart");

	tcase_add_test(t, parts);
	tcase_add_test(t, splits);
	tcase_add_test(t, broken);
	tcase_add_test(t, limits);
	tcase_add_test(t, boundaries);
	return t;
}
