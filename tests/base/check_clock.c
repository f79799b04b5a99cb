#include "base/clock.h"
#include "room.h"

static const struct {
	int64_t ms;
	const char *text;
} times[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ 1795381507123, "2026-11-22T21:05:07.123Z" },
	{ 951782400001, "2000-02-29T00:00:00.001Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	{ 253402300800000, "1970-01-01T00:00:00.000Z" },
	{ INT64_MAX, "1970-01-01T00:00:00.000Z" },
};

START_TEST(text)
{
	char out[CLOCK_TEXT];

	clock_text(times[_i].ms, out);
	ck_assert_str_eq(out, times[_i].text);
}
END_TEST

START_TEST(moves)
{
	int64_t ms = clock_ms(), us = clock_us();

	ck_assert_int_ge(clock_ms(), ms);
	ck_assert_int_ge(clock_us(), us);
	ck_assert_int_lt(us / 1000 - ms, 1000);
	ck_assert_int_gt(clock_wall_ms(), 1700000000000);
}
END_TEST

CASE(case_clock)
{
	TCase *t = tcase_create("clock");

	tcase_add_loop_test(t, text, 0, NROWS(times));
	tcase_add_test(t, moves);
	return t;
}
