/* What every backend of counters.h has to do. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "room.h"
#include "store/clock_shift.h"
#include "store/counters.h"
#include "store/redis_server.h"

#define HOLD_MS 60000
#define ORG STR("org_1")

static char dir[SCRATCH_PATH], url[SCRATCH_PATH + 16];

static struct counters *
open_one(void)
{
	struct counters_setup setup = { .url = url, .hold_ms = HOLD_MS };
	struct counters *c;
	struct err e = { 0 };

	if (counters_open(&c, &setup, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return c;
}

/* Which backend a test is run with: its number in the loop. */
enum { EMBEDDED, REDIS, BACKENDS };

static pid_t server;

/* A directory, and the server that there must be. */
static void
begin_place(int backend)
{
	scratch_begin(dir);
	clock_shift = clock_shift_wall = 0;
	server = 0;
	snprintf(url, sizeof(url), "embedded:%s", dir);
	if (backend == EMBEDDED)
		return;
	server = redis_server_start(dir);
	snprintf(url, sizeof(url), "unix:%s/redis", dir);
}

static struct counters *
begin_counters(int backend)
{
	struct counters *c = open_one();
	struct err e = { 0 };

	if (backend == EMBEDDED)
		return c;
	ck_assert_str_eq(counters_backend(c), "redis");
	clock_shift += 5000; /* the generation has been built */
	ck_assert_int_eq(counters_tend(c, &e), 0);
	return c;
}

static struct counters *
begin(int backend)
{
	begin_place(backend);
	return begin_counters(backend);
}

static void
end(struct counters *c)
{
	counters_close(c);
	redis_server_stop(server);
	clock_shift = clock_shift_wall = 0;
	scratch_end(dir);
}

/* And wait until it is done. */
static void
change(struct counters *c, const char *id, const struct counter_op *ops, int n,
    int64_t at_ms)
{
	int64_t before = server == 0 ? 0 : redis_server_scripts(dir);

	counters_change(c, ORG, str_from(id), ops, n, at_ms);
	if (server != 0)
		redis_server_wait(dir, before);
}

/* Rates are counted by the second: this one is not over at once. */
static void
early_in_second(void)
{
	while (clock_wall_ms() % 1000 > 500)
		usleep(10000);
}

static struct counter_op
op(enum counter_kind kind, const char *key, int64_t by, int64_t limit)
{
	return (struct counter_op){ .kind = kind,
		.key = str_from(key),
		.by = by,
		.limit = limit,
		.window_ms = 60000 };
}

static enum counter_result
apply(struct counters *c, const char *id, struct counter_op *ops, int n)
{
	struct err e = { 0 };
	enum counter_result rc;
	int at;

	rc = counters_apply(c, ORG, str_from(id), ops, n, &at, &e);
	ck_assert((rc == COUNTERS_DOWN) == (e.code == ERR_STORE));
	ck_assert_int_lt(at, n);
	return rc;
}

static enum counter_result
one(struct counters *c, const char *id, struct counter_op *o)
{
	return apply(c, id, o, 1);
}

static void
load(struct counters *c, const char *key, int64_t value, int64_t version)
{
	struct counter_value v = { str_from(key), value, version };
	struct err e = { 0 };

	if (counters_load(c, ORG, &v, 1, &e) == -1)
		ck_abort_msg("%s", e.msg);
}

static void
drop(struct counters *c, const char *id, const char *key, int64_t value,
    int64_t version)
{
	struct counter_value v = { str_from(key), value, version };
	struct str ids[] = { str_from(id) };
	struct counter_drop d = { ORG, ids, 1, &v, 1 };
	struct err e = { 0 };

	ck_assert_int_eq(counters_drop(c, &d, 1, &e), 0);
}

/* used and held of a counter, as the next request sees them. */
static void
expect(struct counters *c, const char *key, int64_t used, int64_t held)
{
	struct counter_op o = op(COUNTER_HELD, key, 0, INT64_MAX);

	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(o.used, used);
	ck_assert_int_eq(o.held, held);
}

START_TEST(all_or_none)
{
	struct counters *c = begin(_i);
	struct counter_op ops[] = { op(COUNTER_RATE, "k:1:rpm", 1, 10),
		op(COUNTER_OPEN, "k:1:con", 1, 10),
		op(COUNTER_HELD, "o:c", 60, 100),
		op(COUNTER_BELOW, "k:1:u", 0, 5) };
	struct err e = { 0 };
	int at;

	ck_assert_int_eq(counters_apply(c, ORG, STR("log_1"), ops, 4, &at, &e),
	    COUNTERS_UNKNOWN);
	ck_assert_int_eq(at, 2);
	load(c, "o:c", 30, 7);
	ck_assert_int_eq(counters_apply(c, ORG, STR("log_1"), ops, 4, &at, &e),
	    COUNTERS_UNKNOWN);
	ck_assert_int_eq(at, 3);
	load(c, "k:1:u", 4, 1);
	ck_assert_int_eq(apply(c, "log_1", ops, 4), COUNTERS_TAKEN);
	ck_assert_int_eq(ops[0].used, 0);
	ck_assert_int_eq(ops[1].held, 0);
	ck_assert_int_eq(ops[2].used, 30);
	/* 30 + 60 + 60 > 100: nothing of it is taken, and all is told. */
	ck_assert_int_eq(counters_apply(c, ORG, STR("log_2"), ops, 4, &at, &e),
	    COUNTERS_REFUSED);
	ck_assert_int_eq(at, 2);
	ck_assert_int_eq(ops[0].used, 1);
	ck_assert_int_eq(ops[1].held, 1);
	ck_assert_int_eq(ops[2].held, 60);
	ck_assert_int_eq(ops[3].used, 4);
	load(c, "k:1:u", 5, 2);
	ck_assert_int_eq(counters_apply(c, ORG, STR("log_2"), ops, 2, &at, &e),
	    COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, NULL, &ops[3]), COUNTERS_REFUSED);
	ck_assert_int_eq(ops[3].used, 5);
	ck_assert_int_eq(one(c, NULL, &ops[0]), COUNTERS_TAKEN);
	ck_assert_int_eq(ops[0].used, 2);
	end(c);
}
END_TEST

START_TEST(order_of_failure)
{
	struct counters *c = begin(_i);
	struct counter_op ops[] = { op(COUNTER_RATE, "r1", 1, 1),
		op(COUNTER_RATE, "r2", 1, 1), op(COUNTER_OPEN, "o1", 1, 1) };
	struct err e = { 0 };
	int at;

	ck_assert_int_eq(one(c, NULL, &ops[1]), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, "log_1", &ops[2]), COUNTERS_TAKEN);
	ck_assert_int_eq(counters_apply(c, ORG, STR("log_2"), ops, 3, &at, &e),
	    COUNTERS_REFUSED);
	ck_assert_int_eq(at, 1);
	ck_assert_int_gt(ops[1].wait_ms, 0);
	ck_assert_int_eq(ops[0].wait_ms, 0);
	/* Another organisation has counters of its own. */
	ck_assert_int_eq(
	    counters_apply(c, STR("org_2"), STR("log_2"), ops, 3, &at, &e),
	    COUNTERS_TAKEN);
	end(c);
}
END_TEST

START_TEST(window_slides)
{
	struct counters *c = begin(_i);
	struct counter_op o = op(COUNTER_RATE, "rpm", 1, 3);

	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	clock_shift += 30000;
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_REFUSED);
	ck_assert_int_eq(o.used, 3);
	ck_assert_int_ge(o.wait_ms, 28000);
	ck_assert_int_le(o.wait_ms, 30000);
	clock_shift += o.wait_ms + 1; /* only the first has left */
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_REFUSED);
	clock_shift += 120000;
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(o.used, 0);
	end(c);
}
END_TEST

START_TEST(large_request)
{
	struct counters *c = begin(_i);
	struct counter_op big = op(COUNTER_RATE, "tpm", 500, 100);
	struct counter_op small = op(COUNTER_RATE, "tpm", 1, 100);
	struct counter_op zero = op(COUNTER_RATE, "none", 1, 0);

	ck_assert_int_eq(one(c, NULL, &big), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, NULL, &small), COUNTERS_REFUSED);
	ck_assert_int_eq(one(c, NULL, &big), COUNTERS_REFUSED);
	clock_shift += 60000;
	ck_assert_int_eq(one(c, NULL, &small), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, NULL, &big), COUNTERS_REFUSED);
	ck_assert_int_eq(one(c, NULL, &zero), COUNTERS_REFUSED);
	end(c);
}
END_TEST

/* The real count replaces the estimate, in the slot of the admission. */
START_TEST(rate_changes)
{
	struct counters *c = begin(_i);
	struct counter_op o = op(COUNTER_RATE, "tpm", 80, 100);
	int64_t then;

	early_in_second();
	then = clock_wall_ms();
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	clock_shift += 20000;
	o.by = -70;
	change(c, NULL, &o, 1, then);
	o.by = 90;
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(o.used, 10);
	o.by = -500; /* never below nothing */
	change(c, NULL, &o, 1, then);
	clock_shift += 41000;
	o.by = -50; /* its slot has left the window */
	change(c, NULL, &o, 1, then);
	o.by = 1;
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(o.used, 90);
	end(c);
}
END_TEST

START_TEST(wall_clock_jumps)
{
	struct counters *c = begin(_i);
	struct counter_op o = op(COUNTER_RATE, "rpm", 1, 2);
	const int64_t jumps[] = { -3600000, 5000, 86400000, -86400000 };

	for (size_t i = 0; i < NROWS(jumps); i++) {
		clock_shift_wall += jumps[i];
		(void)one(c, NULL, &o);
		ck_assert_int_ge(o.used, 0);
		ck_assert_int_le(o.used, 2);
		ck_assert_int_le(o.wait_ms, 60000);
	}
	clock_shift += 121000;
	ck_assert_int_eq(one(c, NULL, &o), COUNTERS_TAKEN);
	end(c);
}
END_TEST

START_TEST(holds_repeat)
{
	struct counters *c = begin(_i);
	struct counter_op ops[] = { op(COUNTER_HELD, "o:c", 50, 100),
		op(COUNTER_OPEN, "con", 1, 5) };
	int64_t holds, nano;
	struct err e = { 0 };

	load(c, "o:c", 0, 1);
	ck_assert_int_eq(apply(c, "log_1", ops, 2), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, "log_1", &ops[0]), COUNTERS_TAKEN);
	expect(c, "o:c", 0, 100);
	for (int i = 0; i < 3; i++) {
		ops[0].by = 20;
		ops[1].by = 0;
		change(c, "log_1", ops, 2, clock_wall_ms());
	}
	expect(c, "o:c", 0, 20);
	expect(c, "con", 0, 0);
	counters_held(c, &holds, &nano);
	ck_assert_int_eq(holds, 1);
	ck_assert_int_eq(nano, 20);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
		    counters_renew(c, ORG, STR("log_1"), ops, 2, &e), 0);
	expect(c, "o:c", 0, 20);
	for (int i = 0; i < 3; i++)
		drop(c, "log_1", "o:c", 18, 2);
	expect(c, "o:c", 18, 0);
	change(c, "log_1", ops, 2, clock_wall_ms());
	expect(c, "o:c", 18, 0);
	ck_assert_int_eq(counters_renew(c, ORG, STR("log_9"), ops, 2, &e), 0);
	expect(c, "o:c", 18, 20);
	ops[0].by = 0;
	change(c, "log_9", ops, 1, clock_wall_ms());
	counters_held(c, &holds, &nano);
	ck_assert_int_eq(holds, 0);
	ck_assert_int_eq(nano, 0);
	end(c);
}
END_TEST

START_TEST(versions_only_grow)
{
	struct counters *c = begin(_i);

	load(c, "o:c", 10, 5);
	load(c, "o:c", 7, 4);
	expect(c, "o:c", 10, 0);
	load(c, "o:c", 12, 6);
	expect(c, "o:c", 12, 0);
	drop(c, "log_none", "o:c", 11, 5);
	expect(c, "o:c", 12, 0);
	drop(c, "log_none", "o:c", -3, 9);
	expect(c, "o:c", -3, 0);
	end(c);
}
END_TEST

START_TEST(large_amounts)
{
	const int64_t most = INT64_MAX - 1;
	struct counters *c = begin(_i);
	struct counter_op o = op(COUNTER_HELD, "o:c", 1, most);

	load(c, "o:c", most - 2, 1);
	ck_assert_int_eq(one(c, "log_1", &o), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, "log_2", &o), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, "log_3", &o), COUNTERS_REFUSED);
	ck_assert_int_eq(o.used, most - 2);
	ck_assert_int_eq(o.held, 2);
	o.by = INT64_MAX;
	ck_assert_int_eq(one(c, "log_3", &o), COUNTERS_REFUSED);
	end(c);
}
END_TEST

START_TEST(holds_expire)
{
	struct counters *c = begin(_i);
	struct counter_op o = op(COUNTER_OPEN, "con", 1, 1);
	struct counter_op ended = op(COUNTER_HELD, "o:c", 5, 100);

	load(c, "o:c", 0, 1);
	ck_assert_int_eq(one(c, "log_1", &o), COUNTERS_TAKEN);
	ck_assert_int_eq(one(c, "log_2", &ended), COUNTERS_TAKEN);
	change(c, "log_2", &ended, 1, clock_wall_ms());
	clock_shift += HOLD_MS - 1000;
	ck_assert_int_eq(one(c, "log_3", &o), COUNTERS_REFUSED);
	clock_shift += 2000;
	ck_assert_int_eq(one(c, "log_3", &o), COUNTERS_TAKEN);
	/* What ended waits for its record, however long that takes. */
	expect(c, "o:c", 0, 5);
	end(c);
}
END_TEST

#define LIMIT 7
#define THREADS 8

static void *
hammer(void *arg)
{
	struct counters *c = arg;
	struct err e = { 0 };
	char id[32];
	intptr_t taken = 0;
	int at;

	for (int i = 0; i < 200; i++) {
		struct counter_op ops[] = { op(COUNTER_HELD, "o:c", 10,
						LIMIT * 10),
			op(COUNTER_OPEN, "con", 1, 1000) };
		enum counter_result rc;

		snprintf(id, sizeof(id), "log_%d_%lx_%d", (int)getpid(),
		    (unsigned long)pthread_self(), i);
		rc = counters_apply(c, ORG, str_from(id), ops, 2, &at, &e);
		ck_assert_int_ne(rc, COUNTERS_UNKNOWN);
		taken += rc == COUNTERS_TAKEN;
	}
	return (void *)taken;
}

static int
hammer_process(void)
{
	struct counters *c = open_one();
	pthread_t t[THREADS];
	void *one_taken;
	int taken = 0;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, hammer, c), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &one_taken);
		taken += (int)(intptr_t)one_taken;
	}
	counters_close(c);
	return taken;
}

START_TEST(exactly_seven)
{
	struct counters *c;
	int taken = 0, status, gate[2];
	pid_t pids[4];
	char byte;

	/* Before there are threads: a child of a process with threads may
	 * wait for ever for a lock of the sanitizer's allocator. */
	begin_place(_i);
	ck_assert_int_eq(pipe(gate), 0);
	for (size_t i = 0; i < NROWS(pids); i++)
		if ((pids[i] = fork()) == 0) {
			close(gate[1]);
			_exit(read(gate[0], &byte, 1) == 0 ? hammer_process() :
							     100);
		}
	c = begin_counters(_i);
	load(c, "o:c", 0, 1);
	close(gate[1]); /* go */
	close(gate[0]);
	for (size_t i = 0; i < NROWS(pids); i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status));
		taken += WEXITSTATUS(status);
	}
	ck_assert_int_eq(taken, LIMIT);
	expect(c, "o:c", 0, LIMIT * 10);
	end(c);
}
END_TEST

CASE(case_counters)
{
	TCase *t = tcase_create("counters");
	int n = redis_server_there() ? BACKENDS : REDIS;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, all_or_none, 0, n);
	tcase_add_loop_test(t, order_of_failure, 0, n);
	tcase_add_loop_test(t, window_slides, 0, n);
	tcase_add_loop_test(t, large_request, 0, n);
	tcase_add_loop_test(t, rate_changes, 0, n);
	tcase_add_loop_test(t, wall_clock_jumps, 0, n);
	tcase_add_loop_test(t, holds_repeat, 0, n);
	tcase_add_loop_test(t, versions_only_grow, 0, n);
	tcase_add_loop_test(t, large_amounts, 0, n);
	tcase_add_loop_test(t, holds_expire, 0, n);
	tcase_add_loop_test(t, exactly_seven, 0, n);
	return t;
}
