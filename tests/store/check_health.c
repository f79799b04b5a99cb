#include <stdio.h>

#include "base/scratch.h"
#include "clocks.h"
#include "room.h"
#include "store/health_map.h"

#define MINUTE 60000

static struct health *
open_in(const char *dir)
{
	struct err e = { 0 };
	struct health *h;

	if (health_open(&h, dir, &e) == -1)
		ck_abort_msg("%s", e.msg);
	h->now = clocks_now;
	h->wall = clocks_wall;
	return h;
}

static struct health *
begin(char dir[SCRATCH_PATH])
{
	clocks_begin();
	scratch_begin(dir);
	return open_in(dir);
}

static void
end(struct health *h, const char *dir)
{
	health_close(h);
	scratch_end(dir);
}

static void
note(struct health *h, int place, bool failed, int n)
{
	struct health_event ev = { failed, true, failed ? -1 : 200, 2000, 100 };

	while (n-- > 0)
		health_note(h, place, &ev);
}

static int
some_place(struct health *h)
{
	return health_find(h, STR("openai"), STR("gpt-4o-mini"), STR_NONE);
}

START_TEST(places)
{
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir), *other = open_in(dir);
	struct health_state s;
	int a = some_place(h), b;

	b = health_find(h, STR("openai"), STR("gpt-4o-mini"), STR("eu"));
	ck_assert_int_ge(a, 0);
	ck_assert_int_ne(a, b);
	ck_assert_int_eq(some_place(other), a);
	/* The same letters, cut elsewhere. */
	ck_assert_int_ne(
	    health_find(h, STR("openaig"), STR("pt-4o-mini"), STR_NONE), a);
	ck_assert(health_state(other, b, &s));
	ck_assert(str_is(s.provider, "openai"));
	ck_assert(str_is(s.model, "gpt-4o-mini"));
	ck_assert(str_is(s.region, "eu"));
	ck_assert(!health_state(h, HEALTH_PLACES, &s));
	ck_assert(!health_state(h, -1, &s));
	health_close(other);
	end(h, dir);
}
END_TEST

START_TEST(no_room)
{
	char dir[SCRATCH_PATH], name[16];
	struct health *h = begin(dir);
	struct health_view v;
	int n;

	for (n = 0; n < HEALTH_PLACES; n++) {
		snprintf(name, sizeof(name), "m%d", n);
		ck_assert_int_ge(
		    health_find(h, STR("p"), str_from(name), STR_NONE), 0);
	}
	ck_assert_int_eq(some_place(h), -1);
	note(h, -1, true, 99);
	health_look(h, -1, &v);
	ck_assert(!v.seen);
	ck_assert_int_eq(health_gate(h, -1), HEALTH_CLOSED);
	end(h, dir);
}
END_TEST

START_TEST(looks)
{
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir), *other = open_in(dir);
	int p = some_place(h);
	struct health_view v;

	health_look(h, p, &v);
	ck_assert(!v.seen);
	ck_assert_double_eq(v.uptime, 100);
	ck_assert_double_eq(v.latency, 1000);
	ck_assert_double_eq(v.throughput, 50);
	note(h, p, true, 5);
	clocks_pass(6 * MINUTE); /* weighs 1 from now on */
	note(other, p, false, 10);
	clocks_pass(3 * MINUTE); /* 3 */
	note(h, p, false, 1);
	clocks_pass(MINUTE); /* 10: one minute old */
	health_look(h, p, &v);
	ck_assert(v.seen);
	/* 5 * 1 of 5 * 1 + 10 * 3 + 1 * 10 */
	ck_assert_double_eq_tol(v.uptime, 100.0 * 40 / 45, 1e-9);
	ck_assert_double_eq_tol(v.latency, 200, 1e-9);
	ck_assert_double_eq_tol(v.throughput, 50, 1e-9);
	/* A second is computed once. */
	note(h, p, true, 1000);
	health_look(h, p, &v);
	ck_assert_double_gt(v.uptime, 80);
	clocks_pass(1000);
	health_look(h, p, &v);
	ck_assert_double_lt(v.uptime, 10);
	/* After an hour nothing is known. */
	clocks_pass(61 * MINUTE);
	health_look(h, p, &v);
	ck_assert(!v.seen);
	ck_assert_double_eq(v.uptime, 100);
	health_close(other);
	end(h, dir);
}
END_TEST

START_TEST(ten_in_a_row)
{
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir), *other = open_in(dir);
	int p = some_place(h);

	note(h, p, true, 9);
	note(h, p, false, 1);
	note(h, p, true, 9);
	ck_assert_int_eq(health_gate(h, p), HEALTH_CLOSED);
	note(other, p, true, 1);
	ck_assert_int_eq(health_gate(h, p), HEALTH_OPEN);
	/* What was under way when it opened neither opens nor closes it. */
	note(h, p, false, 3);
	note(h, p, true, 3);
	clocks_pass(29999);
	ck_assert_int_eq(health_gate(h, p), HEALTH_OPEN);
	clocks_pass(1);
	ck_assert_int_eq(health_peek(h, p), HEALTH_PROBE);
	ck_assert_int_eq(health_gate(other, p), HEALTH_PROBE);
	ck_assert_int_eq(health_gate(h, p), HEALTH_OPEN);
	note(other, p, false, 1);
	ck_assert_int_eq(health_gate(h, p), HEALTH_CLOSED);
	note(h, p, true, 9);
	ck_assert_int_eq(health_gate(h, p), HEALTH_CLOSED);
	health_close(other);
	end(h, dir);
}
END_TEST

START_TEST(probes_that_fail)
{
	static const int64_t open_for[] = { 30000, 60000, 120000, 240000,
		480000, 600000, 600000 };
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir);
	int p = some_place(h);
	struct health_state s;

	note(h, p, true, 10);
	for (size_t i = 0; i < NROWS(open_for); i++) {
		ck_assert(health_state(h, p, &s));
		ck_assert_int_eq(s.open_ms, open_for[i]);
		clocks_pass(open_for[i]);
		ck_assert_int_eq(health_gate(h, p), HEALTH_PROBE);
		note(h, p, true, 1);
	}
	/* Who was to try and died: somebody else does, a minute later. */
	clocks_pass(600000);
	ck_assert_int_eq(health_gate(h, p), HEALTH_PROBE);
	clocks_pass(59999);
	ck_assert_int_eq(health_gate(h, p), HEALTH_OPEN);
	clocks_pass(1);
	ck_assert_int_eq(health_gate(h, p), HEALTH_PROBE);
	health_reset(h, p);
	ck_assert_int_eq(health_gate(h, p), HEALTH_CLOSED);
	/* It begins with the shortest time again. */
	note(h, p, true, 10);
	ck_assert(health_state(h, p, &s));
	ck_assert_int_eq(s.open_ms, 30000);
	end(h, dir);
}
END_TEST

START_TEST(half_of_twenty)
{
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir);
	int p = some_place(h), i;

	for (i = 0; i < 9; i++) {
		note(h, p, true, 1);
		note(h, p, false, 1);
	}
	note(h, p, false, 1);
	ck_assert_int_eq(health_gate(h, p), HEALTH_CLOSED); /* of 19 */
	note(h, p, true, 1);
	ck_assert_int_eq(health_gate(h, p), HEALTH_OPEN); /* 10 of 20 */
	/* The same over more than a minute says nothing. */
	health_reset(h, p);
	for (i = 0; i < 10; i++) {
		note(h, p, true, 1);
		note(h, p, false, 1);
		clocks_pass(7000);
	}
	ck_assert_int_eq(health_gate(h, p), HEALTH_CLOSED);
	end(h, dir);
}
END_TEST

/* Refusals that are no fault of the provider count for nothing there. */
START_TEST(that_does_not_count)
{
	struct health_event ev = { true, false, -1, 10, 0 };
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir);
	int p = some_place(h);

	for (int i = 0; i < 100; i++)
		health_note(h, p, &ev);
	ck_assert_int_eq(health_gate(h, p), HEALTH_CLOSED);
	end(h, dir);
}
END_TEST

START_TEST(keys)
{
	const uint64_t mark = UINT64_C(0x1234567890abcdef);
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir), *other = open_in(dir);
	struct health_key_state s;

	health_key_note(h, mark, HEALTH_KEY_FAILED);
	health_key_note(h, mark, HEALTH_KEY_FAILED);
	health_key_note(h, mark, HEALTH_KEY_OK);
	health_key_note(h, mark, HEALTH_KEY_FAILED);
	health_key_note(h, mark, HEALTH_KEY_FAILED);
	ck_assert(health_key_usable(other, mark));
	clocks_pass(301000); /* they are forgotten */
	health_key_note(h, mark, HEALTH_KEY_FAILED);
	ck_assert(health_key_usable(other, mark));
	health_key_note(h, mark, HEALTH_KEY_FAILED);
	health_key_note(h, mark, HEALTH_KEY_FAILED);
	ck_assert(!health_key_usable(other, mark));
	ck_assert(health_key_usable(other, mark + 1));
	clocks_pass(30000);
	ck_assert(health_key_usable(h, mark));
	health_key_note(h, mark, HEALTH_KEY_EMPTY);
	clocks_pass(599999);
	health_key_state(h, mark, &s);
	ck_assert_int_eq(s.why, HEALTH_KEY_EMPTY);
	ck_assert_int_eq(s.wait_ms, 1);
	clocks_pass(1);
	ck_assert(health_key_usable(h, mark));
	health_key_note(h, mark, HEALTH_KEY_BAD);
	clocks_pass(86400000);
	health_key_note(h, mark, HEALTH_KEY_OK); /* one that was under way */
	health_key_state(other, mark, &s);
	ck_assert_int_eq(s.why, HEALTH_KEY_BAD);
	ck_assert_int_eq(s.wait_ms, -1);
	health_key_reset(other, mark);
	ck_assert(health_key_usable(h, mark));
	health_close(other);
	end(h, dir);
}
END_TEST

START_TEST(choices)
{
	char dir[SCRATCH_PATH], name[16];
	struct health *h = begin(dir), *other = open_in(dir);
	struct str ab[] = { STR("a"), STR("b") }, ba[] = { STR("ab"), STR("") };
	uint64_t one = health_mark(h, ab, 2), last;
	struct str s;

	ck_assert(one != health_mark(h, ba, 2));
	ck_assert(one == health_mark(other, ab, 2));
	ck_assert_uint_eq(health_recall(h, one, 1000), 0);
	health_remember(h, one, 7);
	ck_assert_uint_eq(health_recall(other, one, 1000), 7);
	clocks_pass(600);
	health_remember(other, one, 8);
	clocks_pass(600);
	ck_assert_uint_eq(health_recall(h, one, 1000), 8);
	clocks_pass(400);
	ck_assert_uint_eq(health_recall(h, one, 1000), 0);
	/* Others make room for new ones, the oldest first. */
	for (int i = 0; i < 8 * HEALTH_CHOICES; i++) {
		clocks_pass(1);
		snprintf(name, sizeof(name), "s%d", i);
		s = str_from(name);
		last = health_mark(h, &s, 1);
		health_remember(h, last, 9);
	}
	ck_assert_uint_eq(health_recall(h, one, INT64_MAX), 0);
	ck_assert_uint_eq(health_recall(h, last, 1000), 9);
	health_close(other);
	end(h, dir);
}
END_TEST

START_TEST(another_boot)
{
	char dir[SCRATCH_PATH];
	struct health *h = begin(dir);
	int p = some_place(h);

	note(h, p, true, 10);
	health_close(h);
	h = open_in(dir);
	ck_assert_int_eq(health_gate(h, some_place(h)), HEALTH_OPEN);
	memcpy(h->map->boot, "another", 8);
	health_close(h);
	h = open_in(dir);
	ck_assert_int_eq(health_gate(h, some_place(h)), HEALTH_CLOSED);
	end(h, dir);
}
END_TEST

CASE(case_health)
{
	TCase *c = tcase_create("health");

	tcase_add_test(c, places);
	tcase_add_test(c, no_room);
	tcase_add_test(c, looks);
	tcase_add_test(c, ten_in_a_row);
	tcase_add_test(c, probes_that_fail);
	tcase_add_test(c, half_of_twenty);
	tcase_add_test(c, that_does_not_count);
	tcase_add_test(c, keys);
	tcase_add_test(c, choices);
	tcase_add_test(c, another_boot);
	return c;
}
