#include <ctype.h>

#include "base/rand.h"
#include "base/str.h"
#include "room.h"

START_TEST(word)
{
	char out[1001];
	int seen[128] = { 0 }, kinds = 0;

	rand_word(out, 0);
	ck_assert_str_eq(out, "");
	rand_word(out, 1000);
	ck_assert_uint_eq(strlen(out), 1000);
	for (int i = 0; i < 1000; i++) {
		ck_assert(isalnum((unsigned char)out[i]));
		kinds += seen[(int)out[i]]++ == 0;
	}
	/* One of 62 missing in 1000 has a chance of 1 in 200,000. */
	ck_assert_int_ge(kinds, 61);
}
END_TEST

START_TEST(id)
{
	char a[ID_SIZE], b[ID_SIZE], c[ID_SIZE];

	rand_id(a, "log_", 1795381507123);
	rand_id(b, "log_", 1795381507123);
	rand_id(c, "log_", 1795381507124);
	ck_assert_uint_eq(strlen(a), 24);
	ck_assert(memcmp(a, b, 12) == 0);
	ck_assert_str_ne(a, b);
	ck_assert_str_lt(a, c);
	ck_assert_str_lt(b, c);
	rand_id(a, "log_", 61);
	rand_id(b, "log_", 62);
	ck_assert_str_lt(a, b);
}
END_TEST

CASE(case_rand)
{
	TCase *t = tcase_create("rand");

	tcase_add_test(t, word);
	tcase_add_test(t, id);
	return t;
}
