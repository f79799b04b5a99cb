/* What only Redis can do: be flushed, restarted, slow, no primary, or false. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "room.h"
#include "store/clock_shift.h"
#include "store/counters.h"
#include "store/redis_server.h"
#include "store/sql.h"

#define ORG STR("org_1")

static char dir[SCRATCH_PATH], url[SCRATCH_PATH + 16];
static pid_t server;

static struct counters *
open_at(const char *local_dir)
{
	struct counters_setup setup = {
		.url = url, .hold_ms = 60000, .local_dir = local_dir
	};
	struct counters *c;
	struct err e = { 0 };

	if (counters_open(&c, &setup, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return c;
}

static struct counters *
open_one(void)
{
	return open_at(dir);
}

static struct counters *
begin(void)
{
	struct counters *c;
	struct err e = { 0 };

	scratch_begin(dir);
	clock_shift = clock_shift_wall = 0;
	server = redis_server_start(dir);
	snprintf(url, sizeof(url), "unix:%s/redis", dir);
	c = open_one();
	clock_shift += 5000;
	ck_assert_int_eq(counters_tend(c, &e), 0);
	return c;
}

static void
end(struct counters *c)
{
	counters_close(c);
	redis_server_stop(server);
	clock_shift = 0;
	scratch_end(dir);
}

static struct counter_op
money(int64_t by)
{
	return (
	    struct counter_op){ COUNTER_HELD, STR("o:c"), by, 100, 0, 0, 0, 0 };
}

static enum counter_result
hold(struct counters *c, const char *id, int64_t by)
{
	struct counter_op o = money(by);
	struct err e = { 0 };
	int at;

	return counters_apply(c, ORG, str_from(id), &o, 1, &at, &e);
}

static enum counter_result
rate(struct counters *c, int64_t *used)
{
	struct counter_op o = { COUNTER_RATE, STR("rpm"), 1, 3, 60000, 0, 0,
		0 };
	struct err e = { 0 };
	enum counter_result rc;
	int at;

	rc = counters_apply(c, ORG, STR_NONE, &o, 1, &at, &e);
	*used = o.used;
	return rc;
}

static int
load(struct counters *c)
{
	struct counter_value v = { STR("o:c"), 0, 1 };
	struct err e = { 0 };

	return counters_load(c, ORG, &v, 1, &e);
}

/* The thread of the handle may be the one that probes: then once more. */
static int
tend_up(struct counters *c)
{
	struct err e = { 0 };
	int rc = -1;

	for (int i = 0; i < 100 && rc == -1; i++) {
		rc = counters_tend(c, &e);
		if (rc == -1)
			usleep(10000);
	}
	return rc;
}

/* All were lost; the holds of two processes come back before any is taken. */
static void
rebuild(struct counters *c, struct counters *d)
{
	struct counter_op o = money(60);
	struct err e = { 0 };

	ck_assert_int_eq(hold(c, "log_2", 60), COUNTERS_DOWN);
	ck_assert_int_eq(hold(d, "log_2", 60), COUNTERS_DOWN);
	usleep(100000);      /* the thread's deadline is of the old clock */
	clock_shift += 1500; /* the breaker lets a probe through */
	ck_assert_int_eq(tend_up(c), 0); /* calls may be under way */
	ck_assert_int_eq(tend_up(d), 0);
	clock_shift += 300;
	ck_assert_int_eq(counters_tend(c, &e), 1);
	ck_assert_int_eq(counters_tend(d, &e), 1);
	ck_assert_int_eq(hold(d, "log_2", 10), COUNTERS_DOWN);
	counters_renewed(d);
	clock_shift += 3000;
	ck_assert_int_eq(counters_tend(d, &e), 0);
	ck_assert_int_eq(hold(d, "log_2", 10), COUNTERS_DOWN);
	ck_assert_int_eq(counters_renew(c, ORG, STR("log_1"), &o, 1, &e), 0);
	counters_renewed(c);
	ck_assert_int_eq(counters_tend(c, &e), 0);
	/* The other one hears of it with its next call. */
	ck_assert_int_eq(counters_tend(d, &e), 0);
	ck_assert_int_eq(hold(d, "log_2", 60), COUNTERS_UNKNOWN);
	ck_assert_int_eq(load(d), 0);
	ck_assert_int_eq(hold(d, "log_2", 60), COUNTERS_REFUSED);
	ck_assert_int_eq(hold(d, "log_2", 40), COUNTERS_TAKEN);
}

START_TEST(flushed)
{
	struct counters *c = begin(), *d = open_one();

	ck_assert_int_eq(load(c), 0);
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_TAKEN);
	redis_server_do(dir, "FLUSHALL");
	rebuild(c, d);
	counters_close(d);
	end(c);
}
END_TEST

START_TEST(restarted)
{
	struct counters *c = begin(), *d = open_one();
	struct err e = { 0 };
	int64_t used;

	ck_assert_int_eq(load(c), 0);
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_TAKEN);
	redis_server_stop(server);
	ck_assert_int_eq(hold(c, "log_2", 1), COUNTERS_DOWN);
	ck_assert_int_eq(counters_tend(c, &e), -1);
	ck_assert_int_eq(counters_ping(c, 100, &e), -1);
	/* Rates are never lifted. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(rate(c, &used), COUNTERS_TAKEN);
	ck_assert_int_eq(rate(c, &used), COUNTERS_REFUSED);
	ck_assert_int_eq(rate(d, &used), COUNTERS_REFUSED);
	server = redis_server_start(dir);
	rebuild(c, d);
	ck_assert_int_eq(counters_ping(c, 100, &e), 0);
	counters_close(d);
	end(c);
}
END_TEST

/* It comes back with an old snapshot: same generation, but another server. */
START_TEST(old_snapshot)
{
	struct counters *c = begin(), *d = open_one();

	ck_assert_int_eq(load(c), 0);
	redis_server_do(dir, "SAVE");
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_TAKEN);
	redis_server_stop(server);
	server = redis_server_start(dir);
	rebuild(c, d);
	counters_close(d);
	end(c);
}
END_TEST

START_TEST(script_is_forgotten)
{
	struct counters *c = begin();
	struct counter_op o = money(5);
	struct err e = { 0 };
	int64_t before;

	ck_assert_int_eq(load(c), 0);
	redis_server_do(dir, "SCRIPT FLUSH");
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_TAKEN);
	redis_server_do(dir, "SCRIPT FLUSH");
	before = redis_server_scripts(dir);
	counters_change(c, ORG, STR("log_1"), &o, 1, clock_wall_ms());
	redis_server_wait(dir, before + 1); /* once in vain, and whole */
	ck_assert_int_eq(hold(c, "log_2", 95), COUNTERS_TAKEN);
	ck_assert_int_eq(counters_ping(c, 50, &e), 0);
	end(c);
}
END_TEST

START_TEST(read_only)
{
	struct counters *c = begin();
	int64_t used;

	ck_assert_int_eq(load(c), 0);
	redis_server_do(dir, "REPLICAOF 127.0.0.1 1");
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_DOWN);
	ck_assert_int_eq(rate(c, &used), COUNTERS_TAKEN);
	redis_server_do(dir, "REPLICAOF NO ONE");
	clock_shift += 1500;
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_TAKEN);
	end(c);
}
END_TEST

START_TEST(slow)
{
	struct counters *c = begin();
	int64_t used, began;
	enum counter_result rc;

	ck_assert_int_eq(load(c), 0);
	redis_server_do(dir, "CLIENT PAUSE 400 ALL");
	began = clock_ms();
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_DOWN);
	ck_assert_int_le(clock_ms() - began, 300); /* not the 400 */
	began = clock_ms();
	ck_assert_int_eq(rate(c, &used), COUNTERS_TAKEN);
	ck_assert_int_le(clock_ms() - began, 45); /* nobody asks again */
	usleep(500000);
	clock_shift += 1500;
	/* What it may have taken is given back in the end. */
	for (int i = 0; i < 20; i++) {
		rc = hold(c, "log_2", 100);
		if (rc == COUNTERS_TAKEN)
			break;
		clock_shift += 61000 / 20;
		usleep(20000);
	}
	ck_assert_int_eq(rc, COUNTERS_TAKEN);
	end(c);
}
END_TEST

/* Replies of the wrong type, of the wrong size, errors, and noise. */
static const char *const lies[] = { "$-1\r\n", ":1\r\n", "+OK\r\n", "*0\r\n",
	"*-1\r\n", "*5\r\n:0\r\n:0\r\n$-1\r\n$-1\r\n*0\r\n",
	"*5\r\n:0\r\n:9\r\n:0\r\n:0\r\n:0\r\n",
	"*5\r\n$3\r\nabc\r\n:0\r\n:0\r\n:0\r\n:0\r\n", "-ERR no\r\n",
	"-LOADING\r\n", "-READONLY\r\n", "-NOSCRIPT\r\n", "*1\r\n*1\r\n*0\r\n",
	"$99999999999\r\n", "\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
	"" };

struct liar {
	int fd;
	const char *lie;
};

static void *
liar_main(void *arg)
{
	struct liar *l = arg;
	char b[65536];
	int fd;

	while ((fd = accept(l->fd, NULL, NULL)) != -1) {
		while (read(fd, b, sizeof(b)) > 0)
			for (int i = 0; i < 4; i++)
				(void)!send(
				    fd, l->lie, strlen(l->lie), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

START_TEST(false_server)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct liar l = { .lie = lies[_i] };
	struct counters *c;
	struct err e = { 0 };
	int64_t used, holds;
	pthread_t t;

	scratch_begin(dir);
	clock_shift = 0;
	snprintf(url, sizeof(url), "unix:%s/redis", dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", url + 5);
	l.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(l.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(l.fd, 8), 0);
	pthread_create(&t, NULL, liar_main, &l);
	c = open_one();
	for (int i = 0; i < 3; i++) {
		counters_tend(c, &e);
		ck_assert_int_eq(hold(c, "log_1", 1), COUNTERS_DOWN);
		ck_assert_int_eq(load(c), -1);
		counters_held(c, &holds, &used);
		rate(c, &used);
		clock_shift += 1500;
	}
	ck_assert_int_eq(rate(c, &used), COUNTERS_REFUSED);
	counters_close(c);
	shutdown(l.fd, SHUT_RDWR);
	pthread_join(t, NULL);
	close(l.fd);
	clock_shift = 0;
	scratch_end(dir);
}
END_TEST

START_TEST(urls)
{
	static const char *const bad[] = { "rediss://host", "redis:host",
		"http://host", "" };
	struct counters_setup setup = { .hold_ms = 1 };
	struct counters *c;
	struct err e = { 0 };

	for (size_t i = 0; i < NROWS(bad); i++) {
		setup.url = bad[i];
		ck_assert_int_eq(counters_open(&c, &setup, &e), -1);
		ck_assert_int_eq(e.code, ERR_CONFIG);
		if (i == 0)
			ck_assert_ptr_nonnull(strstr(e.msg, "tunnel"));
	}
	/* Nobody is there: that is no failure. */
	setup.url = "redis://user:p%40ss@127.0.0.1:1/3";
	ck_assert_int_eq(counters_open(&c, &setup, &e), 0);
	ck_assert_int_eq(hold(c, "log_1", 1), COUNTERS_DOWN);
	counters_close(c);
}
END_TEST

static bool
tally_of(struct str key, struct counter_tally *out)
{
	*out = (struct counter_tally){ "organization", STR_NONE, 0, true };
	return str_is(key, "o:c");
}

static char sql_url[SCRATCH_PATH + 32];

static struct counters *
open_with_sql(void)
{
	struct counters_setup setup = { .url = url,
		.hold_ms = 60000,
		.local_dir = dir,
		.sql_url = sql_url,
		.tally = tally_of };
	struct counters *c;
	struct err e = { 0 };

	if (counters_open(&c, &setup, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return c;
}

static void
make_sql(void)
{
	struct err e = { 0 };
	struct sql *s;

	snprintf(sql_url, sizeof(sql_url), "sqlite:%s/llmgw.db", dir);
	ck_assert_int_eq(sql_open(&s, sql_url, SQL_WRITE, &e), 0);
	ck_assert_int_eq(sql_migrate(s, &e), 0);
	ck_assert_int_eq(
	    sql_exec(s,
		"INSERT INTO tally(scope, id, from_ms, cost_nano, billed_nano,"
		" requests, version) VALUES ('organization', 'org_1', 0, 99, "
		"30,"
		" 1, 1)",
		&e),
	    0);
	sql_close(s);
}

/* Money goes to SQL, for all processes, and back. */
static void
in_sql(struct counters *c, struct counters *d)
{
	struct counter_op v[] = {
		{ COUNTER_RATE, STR("r"), 1, 1, 60000, 0, 0, 0 }, money(60)
	};
	struct counter_op part = money(10);
	struct str id = STR("log_3");
	struct counter_drop drop = { ORG, &id, 1, NULL, 0 };
	struct err e = { 0 };
	int64_t holds, nano;
	int at;

	/* 30 are used and 60 held: what comes with it is given back. */
	ck_assert_int_eq(counters_apply(d, ORG, STR("log_2"), v, 2, &at, &e),
	    COUNTERS_REFUSED);
	ck_assert_int_eq(at, 1);
	ck_assert_int_eq(v[1].used, 30);
	ck_assert_int_eq(v[1].held, 60);
	v[1].by = 10;
	ck_assert_int_eq(
	    counters_apply(d, ORG, id, v, 2, &at, &e), COUNTERS_TAKEN);
	ck_assert_int_eq(hold(c, "log_4", 1), COUNTERS_REFUSED);
	counters_change(c, ORG, STR("log_1"), &part, 1, clock_wall_ms());
	for (int i = 0; i < 500; i++) {
		counters_held(c, &holds, &nano);
		if (nano == 20)
			break;
		usleep(10000);
	}
	ck_assert_int_eq(holds, 2);
	ck_assert_int_eq(nano, 20);
	ck_assert_int_eq(counters_drop(d, &drop, 1, &e), 0);
	ck_assert_int_eq(counters_drop(d, &drop, 1, &e), 0);
	ck_assert_int_eq(hold(d, "log_5", 60), COUNTERS_TAKEN);
	ck_assert_int_eq(hold(d, "log_6", 1), COUNTERS_REFUSED);
}

START_TEST(money_moves_to_sql)
{
	struct counters *c = begin(), *d;
	struct counter_op o = money(60);
	struct err e = { 0 };

	counters_close(c);
	make_sql();
	c = open_with_sql();
	d = open_with_sql();
	ck_assert_int_eq(counters_tend(c, &e), 0);
	ck_assert_int_eq(load(c), 0);
	ck_assert_int_eq(hold(c, "log_1", 60), COUNTERS_TAKEN);
	redis_server_stop(server);
	ck_assert_int_eq(counters_tend(c, &e), -1);
	ck_assert_int_eq(hold(c, "log_2", 1), COUNTERS_DOWN);
	clock_shift += 1100;
	(void)counters_tend(c, &e); /* writes where money is */
	clock_shift += 300;
	ck_assert_int_eq(counters_tend(c, &e), 1);
	ck_assert_int_eq(counters_renew(c, ORG, STR("log_1"), &o, 1, &e), 0);
	counters_renewed(c);
	(void)counters_tend(d, &e); /* hears of it */
	ck_assert_int_eq(hold(d, "log_2", 1), COUNTERS_DOWN);
	clock_shift += 3000;
	ck_assert_int_eq(counters_tend(d, &e), 1);
	counters_renewed(d);
	in_sql(c, d);
	server = redis_server_start(dir);
	clock_shift += 6000;
	(void)counters_tend(c, &e);
	ck_assert_int_eq(hold(c, "log_7", 1), COUNTERS_DOWN);
	clock_shift += 300;
	ck_assert_int_eq(counters_tend(c, &e), 1);
	counters_renewed(c);
	clock_shift += 3000;
	ck_assert_int_eq(counters_tend(c, &e), 0);
	ck_assert_int_eq(hold(c, "log_7", 1), COUNTERS_UNKNOWN);
	counters_close(d);
	end(c);
}
END_TEST

static void
run_sql(const char *text)
{
	struct err e = { 0 };
	struct sql *s;

	ck_assert_int_eq(sql_open(&s, sql_url, SQL_WRITE, &e), 0);
	ck_assert_msg(sql_exec(s, text, &e) == 0, "%s", e.msg);
	sql_close(s);
}

static bool
counts_in_sql(void)
{
	struct err e = { 0 };
	struct sql_stmt *st;
	struct sql *s;
	bool is;

	ck_assert_int_eq(sql_open(&s, sql_url, SQL_WRITE, &e), 0);
	st = sql_prepare(
	    s, "SELECT count(*) FROM store_state WHERE backend = 'sql'", &e);
	ck_assert_int_eq(sql_step(st, &e), 1);
	is = sql_int(st, 0) == 1;
	sql_done(st);
	sql_close(s);
	return is;
}

/* Who reaches neither store is cut off, and does not speak for the others. */
START_TEST(cut_off)
{
	struct counters *c = begin();
	struct err e = { 0 };

	counters_close(c);
	make_sql();
	c = open_with_sql();
	ck_assert_int_eq(tend_up(c), 0);
	run_sql("ALTER TABLE store_state RENAME TO gone");
	redis_server_stop(server);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(counters_tend(c, &e), -1);
		clock_shift += 2000;
	}
	/* SQL is there again, and Redis would be soon. */
	run_sql("ALTER TABLE gone RENAME TO store_state");
	ck_assert_int_eq(counters_tend(c, &e), -1);
	clock_shift += 1500;
	ck_assert_int_eq(counters_tend(c, &e), -1);
	ck_assert(!counts_in_sql());
	/* It is not: now it is Redis that is down. */
	clock_shift += 3000;
	(void)counters_tend(c, &e);
	ck_assert(counts_in_sql());
	server = redis_server_start(dir);
	end(c);
}
END_TEST

/* Three hosts, one of them with two processes; each grants its share. */
START_TEST(hosts_share)
{
	static const struct {
		int64_t limit, each;
		enum counter_kind kind;
	} rows[] = { { 9, 3, COUNTER_RATE }, { 10, 3, COUNTER_RATE },
		{ 2, 1, COUNTER_RATE }, { 0, 0, COUNTER_RATE },
		{ INT64_MAX, 20, COUNTER_RATE }, { 7, 2, COUNTER_OPEN } };
	struct counters *c = begin(), *v[4] = { c };
	struct counter_op o;
	struct err e = { 0 };
	char key[16], id[32], other[2][SCRATCH_PATH + 16];
	int at, taken;

	v[3] = open_one();
	for (int i = 0; i < 2; i++) {
		snprintf(other[i], sizeof(other[i]), "%s/host%d", dir, i);
		ck_assert_int_eq(mkdir(other[i], 0700), 0);
		v[1 + i] = open_at(other[i]);
	}
	/* The first has been there alone; it meets the others later. */
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(tend_up(v[i]), 0);
	clock_shift += 5000;
	ck_assert_int_eq(tend_up(c), 0);
	ck_assert_int_eq(tend_up(v[1]), 0);
	redis_server_stop(server);
	for (size_t r = 0; r < NROWS(rows); r++)
		for (int h = 0; h < 3; h++) {
			snprintf(key, sizeof(key), "row%zu", r);
			for (taken = 0; taken < 20; taken++) {
				o = (struct counter_op){ rows[r].kind,
					str_from(key), 1, rows[r].limit, 60000,
					0, 0, 0 };
				snprintf(id, sizeof(id), "log_%zu_%d_%d", r, h,
				    taken);
				if (counters_apply(v[h], ORG, str_from(id), &o,
					1, &at, &e) != COUNTERS_TAKEN)
					break;
				ck_assert_int_eq(o.limit, rows[r].limit);
			}
			ck_assert_int_eq(taken, rows[r].each);
			if (rows[r].kind == COUNTER_RATE && taken < 20)
				ck_assert_int_ge(o.used, rows[r].limit);
		}
	/* The second process of the first host knows it all from the file. */
	o = (struct counter_op){ COUNTER_RATE, STR("row0"), 1, 9, 60000, 0, 0,
		0 };
	ck_assert_int_eq(
	    counters_apply(v[3], ORG, STR("log_x"), &o, 1, &at, &e),
	    COUNTERS_REFUSED);
	for (int i = 1; i < 4; i++)
		counters_close(v[i]);
	server = redis_server_start(dir);
	end(c);
}
END_TEST

CASE(case_counters_redis)
{
	TCase *t = tcase_create("counters_redis");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, false_server, 0, NROWS(lies));
	tcase_add_test(t, urls);
	if (!redis_server_there())
		return t;
	tcase_add_test(t, flushed);
	tcase_add_test(t, restarted);
	tcase_add_test(t, old_snapshot);
	tcase_add_test(t, script_is_forgotten);
	tcase_add_test(t, read_only);
	tcase_add_test(t, slow);
	tcase_add_test(t, money_moves_to_sql);
	tcase_add_test(t, hosts_share);
	tcase_add_test(t, cut_off);
	return t;
}
