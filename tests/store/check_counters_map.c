/* What only the mapped file has: its makers, its dead, its end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "room.h"
#include "store/clock_shift.h"
#include "store/counters_map.h"

#define ORG STR("org_1")

static char dir[SCRATCH_PATH], url[SCRATCH_PATH + 16];

static struct counters *
open_one(void)
{
	struct counters_setup setup = { .url = url, .hold_ms = 60000 };
	struct counters *c;
	struct err e = { 0 };

	if (counters_open(&c, &setup, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return c;
}

static void
begin(void)
{
	scratch_begin(dir);
	snprintf(url, sizeof(url), "embedded:%s", dir);
	clock_shift = clock_shift_wall = 0;
}

static void
end(void)
{
	clock_shift = 0;
	scratch_end(dir);
}

static void
path_of(char *out, size_t n)
{
	snprintf(
	    out, n, "%s/counters-%d-%zu", dir, MAP_LAYOUT, sizeof(struct map));
}

static enum counter_result
hold(struct counters *c, const char *id, int64_t by, int64_t limit,
    struct counter_op *out)
{
	struct counter_op o = { COUNTER_HELD, STR("o:c"), by, limit, 0, 0, 0,
		0 };
	struct err e = { 0 };
	enum counter_result rc;
	int at;

	rc = counters_apply(c, ORG, str_from(id), &o, 1, &at, &e);
	if (out != NULL)
		*out = o;
	return rc;
}

static void
load(struct counters *c, int64_t value)
{
	struct counter_value v = { STR("o:c"), value, 1 };
	struct err e = { 0 };

	ck_assert_int_eq(counters_load(c, ORG, &v, 1, &e), 0);
}

START_TEST(file_is_private_and_sparse)
{
	char path[256];
	struct stat st;

	begin();
	counters_close(open_one());
	path_of(path, sizeof(path));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(st.st_size, (off_t)sizeof(struct map));
	ck_assert_int_lt(st.st_blocks * 512, 16 << 20);
	end();
}
END_TEST

/* Holds of processes that are gone stay: their records may still come. */
START_TEST(survives_processes)
{
	struct counters *c;

	begin();
	c = open_one();
	load(c, 0);
	ck_assert_int_eq(hold(c, "log_1", 60, 100, NULL), COUNTERS_TAKEN);
	counters_close(c);
	c = open_one();
	ck_assert_int_eq(hold(c, "log_2", 60, 100, NULL), COUNTERS_REFUSED);
	ck_assert_int_eq(hold(c, "log_2", 40, 100, NULL), COUNTERS_TAKEN);
	counters_close(c);
	end();
}
END_TEST

START_TEST(other_boot)
{
	struct map_file f;
	struct counter_op o;
	struct counters *c;
	struct err e = { 0 };

	begin();
	c = open_one();
	load(c, 5);
	ck_assert_int_eq(hold(c, "log_1", 60, 100, NULL), COUNTERS_TAKEN);
	counters_close(c);
	ck_assert_int_eq(counters_map_open(&f, dir, &e), 0);
	f.map->boot[0] ^= 1;
	counters_map_close(&f);
	c = open_one();
	ck_assert_int_eq(hold(c, "log_2", 60, 100, &o), COUNTERS_UNKNOWN);
	ck_assert_int_eq(o.held, 0);
	counters_close(c);
	end();
}
END_TEST

START_TEST(foreign_file)
{
	char path[256];
	struct counters *c;
	FILE *out;

	begin();
	path_of(path, sizeof(path));
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fputs("no counters", out);
	fclose(out);
	c = open_one();
	load(c, 0);
	ck_assert_int_eq(hold(c, "log_1", 60, 100, NULL), COUNTERS_TAKEN);
	counters_close(c);
	end();
}
END_TEST

/* The lock's owner is killed when only half of its change is written. */
START_TEST(owner_dies)
{
	struct map_file f;
	struct counter_op o;
	struct counters *c;
	struct err e = { 0 };
	int status, stripe = -1;
	pid_t pid;

	begin();
	c = open_one();
	load(c, 0);
	ck_assert_int_eq(hold(c, "log_1", 30, 100, NULL), COUNTERS_TAKEN);
	ck_assert_int_eq(hold(c, "log_2", 30, 100, NULL), COUNTERS_TAKEN);
	if ((pid = fork()) == 0) {
		if (counters_map_open(&f, dir, &e) == -1)
			_exit(1);
		for (int i = 0; i < MAP_HOLDS; i++)
			if (f.map->owner[i] != 0)
				stripe = f.map->owner[i] - 1;
		if (stripe == -1 || counters_map_lock(&f, stripe, &e) == -1)
			_exit(2);
		for (int i = 0; i < MAP_HELD; i++)
			f.map->tables[stripe].held[i].held += 1000;
		f.map->stripes[stripe].nano = -7;
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(hold(c, "log_3", 30, 100, &o), COUNTERS_UNKNOWN);
	ck_assert_int_eq(o.held, 60);
	load(c, 0);
	ck_assert_int_eq(hold(c, "log_3", 50, 100, NULL), COUNTERS_REFUSED);
	ck_assert_int_eq(hold(c, "log_3", 40, 100, NULL), COUNTERS_TAKEN);
	counters_held(c, &(int64_t){ 0 }, &o.held);
	ck_assert_int_eq(o.held, 40 + 30 + 30);
	counters_close(c);
	end();
}
END_TEST

/* Somebody holds the lock and does not go on. */
START_TEST(lock_is_held)
{
	struct map_file f;
	struct counters *c;
	struct err e = { 0 };
	int64_t began;
	int status, fds[2];
	pid_t pid;
	char b;

	begin();
	c = open_one();
	ck_assert_int_eq(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		if (counters_map_open(&f, dir, &e) == -1)
			_exit(1);
		for (int i = 0; i < MAP_STRIPES; i++)
			if (counters_map_lock(&f, i, &e) == -1)
				_exit(2);
		(void)!write(fds[1], "x", 1);
		pause();
	}
	ck_assert_int_eq(read(fds[0], &b, 1), 1);
	began = clock_ms();
	ck_assert_int_eq(hold(c, "log_1", 1, INT64_MAX, NULL), COUNTERS_DOWN);
	ck_assert_int_ge(clock_ms() - began, MAP_LOCK_MS - 1);
	ck_assert_int_le(clock_ms() - began, 1000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(hold(c, "log_1", 1, INT64_MAX, NULL), COUNTERS_TAKEN);
	counters_close(c);
	end();
}
END_TEST

/* The file is removed under two processes that have holds. */
START_TEST(file_is_removed)
{
	struct counter_op o = { COUNTER_HELD, STR("o:c"), 60, 100, 0, 0, 0, 0 };
	struct counter_op rate = { COUNTER_RATE, STR("rpm"), 1, 9, 60000, 0, 0,
		0 };
	struct counters *c, *d;
	struct err e = { 0 };
	char path[256];
	int at;

	begin();
	c = open_one();
	d = open_one();
	load(c, 0);
	ck_assert_int_eq(hold(c, "log_1", 60, 100, NULL), COUNTERS_TAKEN);
	path_of(path, sizeof(path));
	unlink(path);
	ck_assert_int_eq(counters_tend(c, &e), 1);
	ck_assert_int_eq(counters_tend(d, &e), 1);
	load(d, 0);
	ck_assert_int_eq(hold(d, "log_2", 60, 100, NULL), COUNTERS_DOWN);
	e = (struct err){ 0 };
	ck_assert_int_eq(counters_apply(d, ORG, STR_NONE, &rate, 1, &at, &e),
	    COUNTERS_TAKEN);
	counters_renewed(d);
	ck_assert_int_eq(counters_tend(d, &e), 0);
	clock_shift += COUNTERS_BUILD_MS + 1;
	ck_assert_int_eq(hold(d, "log_2", 60, 100, NULL), COUNTERS_DOWN);
	ck_assert_int_eq(counters_renew(c, ORG, STR("log_1"), &o, 1, &e), 0);
	counters_renewed(c);
	ck_assert_int_eq(counters_tend(c, &e), 0);
	ck_assert_int_eq(hold(d, "log_2", 60, 100, NULL), COUNTERS_REFUSED);
	ck_assert_int_eq(hold(d, "log_2", 40, 100, NULL), COUNTERS_TAKEN);
	counters_close(c);
	counters_close(d);
	end();
}
END_TEST

/* More counters than there are places: idle ones go, holds stay. */
START_TEST(full_tables)
{
	struct counter_op o = { COUNTER_HELD, STR_NONE, 1, INT64_MAX, 60000, 0,
		0, 0 };
	struct counters *c;
	struct err e = { 0 };
	char key[32];
	int at, refused = 0;

	begin();
	c = open_one();
	load(c, 0);
	ck_assert_int_eq(hold(c, "log_1", 60, 100, NULL), COUNTERS_TAKEN);
	for (int i = 0; i < 3 * MAP_HELD; i++) {
		snprintf(key, sizeof(key), "k:%d:u", i);
		clock_shift += i % 64 == 0;
		o.key = str_from(key);
		o.by = 0;
		ck_assert_int_eq(
		    counters_apply(c, ORG, STR_NONE, &o, 1, &at, &e),
		    COUNTERS_TAKEN);
	}
	ck_assert_int_eq(hold(c, "log_2", 60, INT64_MAX, &o), COUNTERS_TAKEN);
	ck_assert_int_eq(o.held, 60);
	/* Rates in use are never lifted: there is no room for others. */
	o = (struct counter_op){ COUNTER_RATE, STR_NONE, 1, 5, 60000, 0, 0, 0 };
	for (int i = 0; i < 2 * MAP_RATES; i++) {
		snprintf(key, sizeof(key), "k:%d:rpm", i);
		o.key = str_from(key);
		refused += counters_apply(c, ORG, STR_NONE, &o, 1, &at, &e) ==
		    COUNTERS_DOWN;
	}
	ck_assert_int_ge(refused, MAP_RATES);
	o.key = STR("k:0:rpm");
	ck_assert_int_eq(
	    counters_apply(c, ORG, STR_NONE, &o, 1, &at, &e), COUNTERS_TAKEN);
	ck_assert_int_eq(o.used, 1);
	clock_shift += 60000;
	o.key = STR("k:9999:rpm");
	ck_assert_int_eq(
	    counters_apply(c, ORG, STR_NONE, &o, 1, &at, &e), COUNTERS_TAKEN);
	counters_close(c);
	end();
}
END_TEST

CASE(case_counters_map)
{
	TCase *t = tcase_create("counters_map");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, file_is_private_and_sparse);
	tcase_add_test(t, survives_processes);
	tcase_add_test(t, other_boot);
	tcase_add_test(t, foreign_file);
	tcase_add_test(t, owner_dies);
	tcase_add_test(t, lock_is_held);
	tcase_add_test(t, file_is_removed);
	tcase_add_test(t, full_tables);
	return t;
}
