#include "base/err.h"
#include "room.h"

START_TEST(every_code)
{
	const struct err_row *r = &err_rows[_i];

	ck_assert_ptr_nonnull(r->code);
	ck_assert_int_ge(r->http, 200);
	ck_assert(_i == ERR_NONE || (r->http >= 400 && r->http < 600));
	ck_assert(_i == ERR_NONE || (r->type != NULL && r->anthropic != NULL));
}
END_TEST

START_TEST(message)
{
	struct err e = { .status = 500 };

	ck_assert_int_eq(err_set(&e, ERR_TIMEOUT, "%s", "late"), -1);
	ck_assert_int_eq(e.code, ERR_TIMEOUT);
	ck_assert_int_eq(e.status, 500);
	err_set(&e, e.code, "front: %s", e.msg);
	ck_assert_str_eq(e.msg, "front: late");
}
END_TEST

/* Cut at 1,000 bytes, never within a character. */
START_TEST(cut)
{
	struct err e = { 0 };
	char in[1200];

	memset(in, 'x', sizeof(in));
	in[1199] = '\0';
	memcpy(in + 998, "\xe2\x82\xac", 3);
	err_set(&e, ERR_INTERNAL, "%s", in);
	ck_assert_uint_eq(strlen(e.msg), 998);
	memcpy(in + 996, "\xf0\x9f\x98\x80\xf0\x9f", 6);
	err_set(&e, ERR_INTERNAL, "%s", in);
	ck_assert_uint_eq(strlen(e.msg), 996);
	memset(in + 990, 'x', 209);
	err_set(&e, ERR_INTERNAL, "%s", in);
	ck_assert_uint_eq(strlen(e.msg), 1000);
}
END_TEST

CASE(case_err)
{
	TCase *t = tcase_create("err");

	tcase_add_loop_test(t, every_code, 0, ERR__MAX);
	tcase_add_test(t, message);
	tcase_add_test(t, cut);
	return t;
}
