#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/scratch.h"
#include "clocks.h"
#include "room.h"
#include "store/health_map.h"
#include "store/health_share.h"
#include "store/redis_server.h"

#define MINUTE 60000

/* A host: a directory of its own, and processes that share it. */
struct host {
	char dir[SCRATCH_PATH];
	struct health *h;
	struct health_share *s;
	int place;
};

struct world {
	char dir[SCRATCH_PATH]; /* of Redis */
	char url[SCRATCH_PATH + 16];
	pid_t redis;
	struct log log;
	struct host a, b;
};

static void
open_host(struct world *w, struct host *x)
{
	struct err e = { 0 };

	if (health_open(&x->h, x->dir, &e) == -1 ||
	    health_share_open(&x->s, x->h, w->url, &w->log, &e) == -1)
		ck_abort_msg("%s", e.msg);
	x->h->now = clocks_now;
	x->h->wall = clocks_wall;
	x->place =
	    health_find(x->h, STR("openai"), STR("gpt-4o-mini"), STR_NONE);
}

static void
begin(struct world *w)
{
	struct err e = { 0 };

	memset(w, 0, sizeof(*w));
	clocks_begin();
	scratch_begin(w->dir);
	scratch_begin(w->a.dir);
	scratch_begin(w->b.dir);
	ck_assert_int_eq(
	    log_open(&w->log, "check", "error", "/dev/null", &e), 0);
	w->redis = redis_server_start(w->dir);
	snprintf(w->url, sizeof(w->url), "unix:%s/redis", w->dir);
	open_host(w, &w->a);
	open_host(w, &w->b);
}

static void
close_host(struct host *x)
{
	health_share_close(x->s);
	health_close(x->h);
}

static void
end(struct world *w)
{
	close_host(&w->a);
	close_host(&w->b);
	if (w->redis != 0)
		redis_server_stop(w->redis);
	log_close(&w->log);
	scratch_end(w->dir);
	scratch_end(w->a.dir);
	scratch_end(w->b.dir);
}

static void
note(struct host *x, bool failed, int n)
{
	struct health_event ev = { failed, true, failed ? -1 : 200, 2000, 100 };

	while (n-- > 0)
		health_note(x->h, x->place, &ev);
}

/* A second, in which both tell and hear. */
static int
second(struct world *w)
{
	struct err e = { 0 };
	int rc;

	clocks_pass(1000);
	rc = health_share_tend(w->a.s, &e);
	return health_share_tend(w->b.s, &e) == -1 ? -1 : rc;
}

static double
uptime(struct host *x)
{
	struct health_view v;

	clocks_pass(1000);
	health_look(x->h, x->place, &v);
	return v.uptime;
}

START_TEST(seen_by_the_other)
{
	struct health_view v;
	struct err e = { 0 };
	struct world w;

	begin(&w);
	note(&w.a, false, 6);
	note(&w.a, true, 4);
	ck_assert_int_eq(second(&w), 1);
	health_look(w.b.h, w.b.place, &v);
	ck_assert(v.seen);
	ck_assert_double_eq_tol(v.uptime, 60, 1e-9);
	ck_assert_double_eq_tol(v.latency, 200, 1e-9);
	ck_assert_double_eq_tol(v.throughput, 50, 1e-9);
	/* What is read again is not counted again, of oneself neither. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(second(&w), 1);
	ck_assert_double_eq_tol(uptime(&w.a), 60, 1e-9);
	ck_assert_double_eq_tol(uptime(&w.b), 60, 1e-9);
	/* Both count. */
	note(&w.b, true, 10);
	second(&w);
	second(&w);
	ck_assert_double_eq_tol(uptime(&w.a), 30, 1e-9);
	ck_assert_double_eq_tol(uptime(&w.b), 30, 1e-9);
	/* Twice in a second: one of the processes is enough. */
	second(&w);
	ck_assert_int_eq(health_share_tend(w.a.s, &e), 0);
	end(&w);
}
END_TEST

START_TEST(a_new_host_reads_the_hour)
{
	struct world w;

	begin(&w);
	note(&w.a, true, 10);
	ck_assert_int_eq(second(&w), 1);
	clocks_pass(40 * MINUTE);
	note(&w.a, false, 1); /* ten times as heavy */
	ck_assert_int_eq(second(&w), 1);
	close_host(&w.b);
	scratch_end(w.b.dir);
	scratch_begin(w.b.dir);
	open_host(&w, &w.b);
	ck_assert_int_eq(second(&w), 1);
	ck_assert_double_eq_tol(uptime(&w.b), 50, 1e-9);
	/* And what is older than an hour is over. */
	clocks_pass(21 * MINUTE);
	ck_assert_double_eq_tol(uptime(&w.b), 100, 1e-9);
	end(&w);
}
END_TEST

START_TEST(redis_lost_and_back)
{
	struct err e = { 0 };
	struct world w;

	begin(&w);
	note(&w.a, true, 5);
	ck_assert_int_eq(second(&w), 1);
	redis_server_stop(w.redis);
	w.redis = 0;
	note(&w.a, true, 5);
	note(&w.b, false, 10);
	ck_assert_int_eq(second(&w), -1);
	/* Each goes on with what it knows. */
	ck_assert_double_eq_tol(uptime(&w.a), 0, 1e-9);
	ck_assert_double_eq_tol(uptime(&w.b), 100 * 10 / 15.0, 1e-9);
	/* It comes back empty: all is told anew, once. */
	w.redis = redis_server_start(w.dir);
	for (int i = 0; i < 5000; i++) {
		struct timespec t = { .tv_nsec = 1000000 };

		if (second(&w) == 1 && health_share_tend(w.b.s, &e) == 0)
			break;
		nanosleep(&t, NULL);
		clocks_pass(-1000); /* the hour is not over by waiting */
		w.a.h->map->shared_at = w.b.h->map->shared_at = 0;
	}
	second(&w);
	second(&w);
	ck_assert_double_eq_tol(uptime(&w.a), 50, 1e-9);
	ck_assert_double_eq_tol(uptime(&w.b), 50, 1e-9);
	end(&w);
}
END_TEST

/* What others may have written there. */
static const char *const strange[] = {
	"x y",
	"h\x1fopenai\x1fgpt-4o-mini\x1f 1",
	"h\x1fopenai\x1fgpt-4o-mini 5,5,0,0,0,0",
	"h\x1fopenai\x1fgpt-4o-mini\x1f x",
	"h\x1fopenai\x1fgpt-4o-mini\x1f -1",
};

START_TEST(garbage)
{
	char command[200];
	struct world w;

	begin(&w);
	snprintf(command, sizeof(command), "HSET llmgw:{health}:m:%lld %s",
	    (long long)(clocks_wall() / MINUTE), strange[_i]);
	redis_server_do(w.dir, command);
	ck_assert_int_eq(second(&w), 1);
	ck_assert_double_eq_tol(uptime(&w.a), 100, 1e-9);
	redis_server_do(w.dir, "FLUSHALL");
	snprintf(command, sizeof(command), "SET llmgw:{health}:m:%lld x",
	    (long long)(clocks_wall() / MINUTE));
	redis_server_do(w.dir, command);
	note(&w.a, true, 1);
	ck_assert_int_eq(second(&w), -1);
	ck_assert_double_eq_tol(uptime(&w.a), 0, 1e-9);
	end(&w);
}
END_TEST

START_TEST(embedded)
{
	struct err e = { 0 };
	char dir[SCRATCH_PATH];
	struct health_share *s;
	struct health *h;

	scratch_begin(dir);
	ck_assert_int_eq(health_open(&h, dir, &e), 0);
	ck_assert_int_eq(
	    health_share_open(&s, h, "embedded:/nowhere", NULL, &e), 0);
	ck_assert_ptr_null(s);
	health_close(h);
	scratch_end(dir);
}
END_TEST

CASE(case_health_share)
{
	TCase *t = tcase_create("health_share");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, embedded);
	if (!redis_server_there())
		return t;
	tcase_add_test(t, seen_by_the_other);
	tcase_add_test(t, a_new_host_reads_the_hour);
	tcase_add_test(t, redis_lost_and_back);
	tcase_add_loop_test(t, garbage, 0, (int)NROWS(strange));
	return t;
}
