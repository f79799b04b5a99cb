#include "room.h"
#include "store/slow.h"

START_TEST(percentile)
{
	struct slow *s = slow_new();
	int i;

	for (i = 1; i < 20; i++)
		slow_note(s, 3, true, 10);
	ck_assert_int_eq(slow_p95(s, 3, true), -1);
	slow_note(s, 3, true, 5000);
	ck_assert_int_eq(slow_p95(s, 3, true), 11);
	slow_note(s, 3, true, 5000);
	/* Two of 21 are more than one of twenty; an eighth too much at most. */
	ck_assert_int_ge(slow_p95(s, 3, true), 5001);
	ck_assert_int_le(slow_p95(s, 3, true), 5626);
	/* Plain answers, and other places, are others. */
	ck_assert_int_eq(slow_p95(s, 3, false), -1);
	ck_assert_int_eq(slow_p95(s, 4, true), -1);
	slow_note(s, -1, true, 1);
	slow_note(s, 1 << 20, true, 1);
	ck_assert_int_eq(slow_p95(s, -1, true), -1);
	for (i = 0; i < 20; i++)
		slow_note(s, 5, false, i < 10 ? -7 : INT64_MAX);
	ck_assert_int_gt(slow_p95(s, 5, false), 1000000);
	slow_free(s);
	slow_free(NULL);
}
END_TEST

CASE(case_slow)
{
	TCase *t = tcase_create("slow");

	tcase_add_test(t, percentile);
	return t;
}
