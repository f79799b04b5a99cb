#include <stdint.h>

#include "base/arena.h"
#include "room.h"

START_TEST(aligned_and_zero)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 100, 4000, 40000, 3 };
	struct arena *a = arena_new(64, 1 << 20);

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < NROWS(sizes); i++) {
			unsigned char *p = arena_zalloc(a, sizes[i]);

			ck_assert_uint_eq((uintptr_t)p % 16, 0);
			for (size_t j = 0; j < sizes[i]; j++)
				ck_assert_uint_eq(p[j], 0);
			memset(p, 0xff, sizes[i]);
		}
		arena_reset(a);
		ck_assert_uint_eq(arena_taken(a), 0);
	}
	arena_free(a);
}
END_TEST

/* A big thing does not waste the chunk that small ones come from. */
START_TEST(big_beside_small)
{
	struct arena *a = arena_new(1024, 1 << 20);
	char *p = arena_zalloc(a, 16);

	arena_zalloc(a, 100000);
	ck_assert_ptr_eq((char *)arena_zalloc(a, 16), p + 16);
	arena_free(a);
}
END_TEST

START_TEST(full)
{
	struct arena *a = arena_new(64, 1000);

	arena_zalloc(a, 992);
	ck_assert(!arena_full(a));
	ck_assert_ptr_nonnull(arena_zalloc(a, 992));
	ck_assert(arena_full(a));
	arena_reset(a);
	ck_assert(!arena_full(a));
	arena_free(a);
}
END_TEST

struct note {
	char **at;
	char c;
};

static void
write_note(void *arg)
{
	struct note *n = arg;

	*(*n->at)++ = n->c;
}

START_TEST(deferred)
{
	struct arena *a = arena_new(64, 1000);
	char text[8] = "", *at = text;
	struct note *n;

	for (char c = 'a'; c < 'e'; c++) {
		n = ARENA_NEW(a, struct note);
		*n = (struct note){ &at, c };
		arena_defer(a, write_note, n);
	}
	arena_reset(a);
	ck_assert_str_eq(text, "dcba");
	arena_free(a);
	ck_assert_str_eq(text, "dcba");
	arena_free(NULL);
}
END_TEST

START_TEST(texts)
{
	struct arena *a = arena_new(64, 1000);

	ck_assert_ptr_null(arena_dup(a, STR_NONE).p);
	ck_assert_str_eq(arena_dup(a, STR("")).p, "");
	ck_assert_str_eq(arena_dup(a, STR("abc")).p, "abc");
	ck_assert_str_eq(arena_cstr(a, STR_NONE), "");
	ck_assert(str_is(arena_fmt(a, "%d-%s", 7, "x"), "7-x"));
	arena_free(a);
}
END_TEST

CASE(case_arena)
{
	TCase *t = tcase_create("arena");

	tcase_add_test(t, aligned_and_zero);
	tcase_add_test(t, big_beside_small);
	tcase_add_test(t, full);
	tcase_add_test(t, deferred);
	tcase_add_test(t, texts);
	return t;
}
