#include <stdio.h>
#include <stdlib.h>

#include "base/scratch.h"
#include "room.h"
#include "store/cache.h"
#include "store/clock_shift.h"
#include "store/redis_server.h"

#define ORG STR("org_1")

static char dir[SCRATCH_PATH], url[SCRATCH_PATH + 16];
static pid_t server;

static struct cache *
open_one(int64_t max)
{
	struct cache *c;
	struct err e = { 0 };

	if (cache_open(&c, url, max, NULL, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return c;
}

static void
begin(int backend)
{
	scratch_begin(dir);
	clock_shift = 0;
	server = backend == 0 ? 0 : redis_server_start(dir);
	if (backend == 0)
		snprintf(url, sizeof(url), "embedded:%s", dir);
	else
		snprintf(url, sizeof(url), "unix:%s/redis", dir);
}

static void
end(void)
{
	redis_server_stop(server);
	clock_shift = 0;
	scratch_end(dir);
}

static int
get(struct cache *c, struct str org, int n, struct arena *a, struct str *out)
{
	unsigned char key[CACHE_KEY] = { (unsigned char)n,
		(unsigned char)(n >> 8) };
	struct err e = { 0 };

	return cache_get(c, org, key, a, out, &e);
}

static int
put(struct cache *c, int n, struct str value, int64_t ttl_ms)
{
	unsigned char key[CACHE_KEY] = { (unsigned char)n,
		(unsigned char)(n >> 8) };
	struct err e = { 0 };

	return cache_put(c, ORG, key, value, ttl_ms, &e);
}

START_TEST(gives_back)
{
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct cache *c, *d;
	struct str v;

	begin(_i);
	c = open_one(4 << 20);
	d = open_one(4 << 20);
	ck_assert_int_eq(get(c, ORG, 1, a, &v), 0);
	ck_assert_int_eq(put(c, 1, STR("one"), 60000), 1);
	ck_assert_int_eq(put(c, 1, STR("an\0other"), 60000), 1);
	ck_assert_int_eq(get(d, ORG, 1, a, &v), 1);
	ck_assert(str_eq(v, STR("an\0other")));
	ck_assert_int_eq(get(d, STR("org_2"), 1, a, &v), 0);
	ck_assert_int_eq(put(c, 2, STR("short"), _i == 0 ? 60000 : 1), 1);
	clock_shift += 61000;
	ck_assert_int_eq(_i == 0 ? get(d, ORG, 2, a, &v) : 0, 0);
	cache_tend(c);
	cache_close(c);
	cache_close(d);
	arena_free(a);
	end();
}
END_TEST

/* What is too much lets the oldest go, and never fails. */
START_TEST(stays_small)
{
	static char big[300000];
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct cache *c;
	struct str v;

	begin(0);
	c = open_one(2 << 20);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(
		    put(c, i, (struct str){ big, 100000 }, 1000 * (i + 1)),
		    1);
	/* It would be most of what there is room for. */
	ck_assert_int_eq(
	    put(c, 1000, (struct str){ big, (2 << 20) / 8 + 1 }, 60000), 0);
	ck_assert_int_eq(get(c, ORG, 1000, a, &v), 0);
	ck_assert_int_eq(get(c, ORG, 199, a, &v), 1);
	ck_assert_uint_eq(v.n, 100000);
	ck_assert_int_eq(get(c, ORG, 0, a, &v), 0);
	cache_close(c);
	arena_free(a);
	end();
}
END_TEST

START_TEST(foreign_file)
{
	struct cache *c;
	char path[128];
	FILE *f;

	begin(0);
	snprintf(path, sizeof(path), "%s/cache.mdb", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 10000; i++)
		fputs("no LMDB", f);
	fclose(f);
	c = open_one(2 << 20);
	ck_assert_int_eq(put(c, 1, STR("x"), 1000), 1);
	cache_close(c);
	end();
}
END_TEST

START_TEST(redis_is_gone)
{
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct cache *c;
	struct str v;

	begin(1);
	c = open_one(2 << 20);
	ck_assert_int_eq(put(c, 1, STR("x"), 60000), 1);
	redis_server_stop(server);
	ck_assert_int_eq(get(c, ORG, 1, a, &v), -1);
	ck_assert_int_eq(put(c, 1, STR("x"), 60000), -1);
	server = redis_server_start(dir);
	clock_shift += 1500;
	ck_assert_int_eq(get(c, ORG, 1, a, &v), 0);
	cache_close(c);
	arena_free(a);
	end();
}
END_TEST

CASE(case_cache)
{
	TCase *t = tcase_create("cache");
	int n = redis_server_there() ? 2 : 1;

	tcase_add_loop_test(t, gives_back, 0, n);
	tcase_add_test(t, stays_small);
	tcase_add_test(t, foreign_file);
	if (n == 2)
		tcase_add_test(t, redis_is_gone);
	return t;
}
