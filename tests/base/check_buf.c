#include <stdlib.h>

#include "base/buf.h"
#include "room.h"

START_TEST(limit)
{
	struct buf b = BUF_LIMIT(1000);

	for (int i = 0; i < 1000; i++)
		buf_addc(&b, 'x');
	ck_assert(!b.full);
	ck_assert_uint_le(b.cap, 1001);
	buf_add(&b, STR(""));
	ck_assert(!b.full);
	buf_addc(&b, 'y');
	ck_assert(b.full);
	buf_clear(&b);
	ck_assert(!b.full);
	buf_fmt(&b, "%01000d", 1);
	ck_assert(!b.full);
	ck_assert_uint_eq(b.n, 1000);
	buf_clear(&b);
	buf_fmt(&b, "%01001d", 1);
	ck_assert(b.full);
	ck_assert_uint_eq(b.n, 0);
	buf_add(&b, STR("dropped too"));
	ck_assert_uint_eq(b.n, 0);
	buf_free(&b);
	ck_assert_uint_eq(b.limit, 1000);
}
END_TEST

/* Growth in many steps keeps what is there and stays under the limit. */
START_TEST(growth)
{
	struct buf b = BUF_LIMIT(100000);

	for (int i = 0; i < 10000; i++)
		buf_fmt(&b, "%09d,", i);
	ck_assert(!b.full);
	ck_assert_uint_eq(b.n, 100000);
	ck_assert_uint_le(b.cap, 100001);
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(strtol(b.p + 10 * i, NULL, 10), i);
	buf_free(&b);
}
END_TEST

static const struct {
	int64_t v;
	const char *text;
} ints[] = {
	{ 0, "0" },
	{ 7, "7" },
	{ -1, "-1" },
	{ 1234567890, "1234567890" },
	{ INT64_MAX, "9223372036854775807" },
	{ INT64_MIN, "-9223372036854775808" },
};

START_TEST(numbers)
{
	struct buf b = BUF_LIMIT(100);

	buf_int(&b, ints[_i].v);
	ck_assert(str_is(buf_str(&b), ints[_i].text));
	buf_free(&b);
}
END_TEST

CASE(case_buf)
{
	TCase *t = tcase_create("buf");

	tcase_add_test(t, limit);
	tcase_add_test(t, growth);
	tcase_add_loop_test(t, numbers, 0, NROWS(ints));
	return t;
}
