#include "dialect/vector.h"
#include "room.h"

/* Known answers: struct.pack("<f", ...) and base64 of another language. */
static const struct {
	const char *array;
	const char *base64;
} known[] = {
	{ "[]", "" },
	{ "[1]", "AACAPw==" },
	{ "[1,-2]", "AACAPwAAAMA=" },
	{ "[0.1,0.25,-0.5]", "zczMPQAAgD4AAAC/" },
	{ "[1e-10,16777216,3.1415927]", "/+bbLgAAgEvbD0lA" },
};

START_TEST(both_ways)
{
	struct buf b = BUF_LIMIT(1000), back = BUF_LIMIT(1000);
	struct buf again = BUF_LIMIT(1000);

	ck_assert_int_eq(vector_pack(str_from(known[_i].array), &b), 0);
	ck_assert_msg(
	    str_is(buf_str(&b), known[_i].base64), "%.*s", (int)b.n, b.p);
	ck_assert_int_eq(vector_unpack(buf_str(&b), &back), 0);
	ck_assert_int_eq(vector_pack(buf_str(&back), &again), 0);
	ck_assert(str_eq(buf_str(&b), buf_str(&again)));
	buf_free(&b);
	buf_free(&back);
	buf_free(&again);
}
END_TEST

START_TEST(shortest)
{
	struct buf b = BUF_LIMIT(1000);

	ck_assert_int_eq(vector_unpack(STR("zczMPQAAgD4AAAC/"), &b), 0);
	ck_assert_msg(
	    str_is(buf_str(&b), "[0.1,0.25,-0.5]"), "%.*s", (int)b.n, b.p);
	buf_free(&b);
}
END_TEST

START_TEST(refused)
{
	struct buf b = BUF_LIMIT(1000);

	ck_assert_int_eq(vector_pack(STR("[1,\"2\"]"), &b), -1);
	ck_assert_int_eq(vector_pack(STR("\"AACAPw==\""), &b), -1);
	ck_assert_int_eq(vector_unpack(STR("AACAP"), &b), -1);
	ck_assert_int_eq(vector_unpack(STR("AACA"), &b), -1);
	ck_assert_int_eq(vector_unpack(STR("!!!!"), &b), -1);
	ck_assert_int_eq(vector_unpack(STR("AACAfw=="), &b), -1); /* infinite */
	buf_free(&b);
}
END_TEST

CASE(case_vector)
{
	TCase *t = tcase_create("vector");

	tcase_add_loop_test(t, both_ways, 0, NROWS(known));
	tcase_add_test(t, shortest);
	tcase_add_test(t, refused);
	return t;
}
