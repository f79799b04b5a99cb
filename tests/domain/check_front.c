/*
 * What the front stages cost a request: a key that was seen before, rules,
 * limits, hold and settlement with the embedded stores, when everything is
 * limited.  CPU time of this thread; the
 * best of some rounds counts, for the machine may be busy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "domain/budget.h"
#include "domain/iam.h"
#include "domain/key.h"
#include "domain/limit.h"
#include "domain/price.h"
#include "domain/tenant.h"
#include "room.h"

#define MOST_US 15.0
#define ROUNDS 7
#define TIMES 4000

/* Sanitizers make everything several times dearer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_US (MOST_US * 20)
#else
#define LIMIT_US MOST_US
#endif

#define MANY INT64_C(1000000000)

struct world {
	char dir[SCRATCH_PATH];
	struct conf conf;
	char secrets[16], none[1], prefix[16]; /* of the configuration */
	struct arena *a;
	struct sql *sql;
	struct keys *keys;
	char key[KEY_SIZE];
	struct counters *counters;
	struct org org;
	struct principal who;
	struct prices tier;
	struct mapping mapping;
	struct llm_request q;
};

static const struct str models[] = { STR("m1"), STR("m2*") };
static const struct str providers[] = { STR("p1"), STR("p2") };
static const struct str addresses[] = { STR("10.0.0.0/8"), STR("::1/128") };
static const struct iam_rule rules[] = {
	{ .type = IAM_MODELS, .words = models, .nwords = 2 },
	{ .type = IAM_PROVIDERS, .words = providers, .nwords = 2 },
	{ .type = IAM_IPS, .words = addresses, .nwords = 2 },
	{ .type = IAM_PRICING, .max_input = MANY, .max_output = MANY },
};

/* A key in a database. */
static void
begin_keys(struct world *w)
{
	struct tenant_new_key n = { .label = STR("k") };
	char url[SCRATCH_PATH + 32];
	struct tenant project, t;
	struct err e = { 0 };

	snprintf(w->secrets, sizeof(w->secrets), "secret");
	snprintf(w->prefix, sizeof(w->prefix), "llmgtwy_");
	w->conf.key_hash_secrets = w->secrets;
	w->conf.key_hash_secrets_file = w->none;
	w->conf.key_prefix = w->prefix;
	w->conf.key_cache_ttl = 600000;
	w->a = arena_new(4096, SIZE_MAX);
	snprintf(url, sizeof(url), "sqlite:%s/db", w->dir);
	if (sql_open(&w->sql, url, SQL_WRITE, &e) == -1 ||
	    sql_migrate(w->sql, &e) == -1 ||
	    keys_open(&w->keys, w->sql, &w->conf, &e) == -1 ||
	    tenant_bootstrap(w->sql, w->a, &project, &e) == -1)
		ck_abort_msg("%s", e.msg);
	n.project = project.id;
	if (tenant_add_key(w->sql, w->keys, &n, w->a, &t, w->key, &e) == -1)
		ck_abort_msg("%s", e.msg);
}

static void
begin(struct world *w)
{
	struct counters_setup setup = { .hold_ms = 60000 };
	char url[SCRATCH_PATH + 32];
	struct err e = { 0 };

	*w = (struct world){ .org = { .id = "org_1",
				 .credits_nano = INT64_MAX / 2,
				 .limits = { MANY, MANY, 1000 },
				 .budget = { INT64_MAX / 2, 1, PERIOD_DAY },
				 .created_ms = 1000 },
		.who = { .key = "key_0VbkaaaaaaaaaaaaaaAA",
		    .project = "prj_0VbkaaaaaaaaaaaaaaAA",
		    .mode = "hybrid",
		    .usage_limit_nano = INT64_MAX / 2,
		    .key_period = { INT64_MAX / 2, 1, PERIOD_HOUR },
		    .project_budget = { INT64_MAX / 2, 1, PERIOD_MONTH },
		    .key_created_ms = 1000,
		    .project_created_ms = 1000,
		    .key_limits = { MANY, MANY, 1000 },
		    .project_limits = { MANY, MANY, 1000 } },
		.tier = { .upto = INT64_MAX, .input = 1000, .output = 10000 },
		.q = { .text_bytes = 4000, .n = 1, .max_output = 500 } };
	w->who.org = &w->org;
	w->who.rules = rules;
	w->who.nrules = (int)NROWS(rules);
	w->mapping = (struct mapping){ .provider = STR("p1"),
		.upstream = STR("m1"),
		.context = 100000,
		.max_output = 4000,
		.tiers = &w->tier,
		.ntiers = 1 };
	scratch_begin(w->dir);
	snprintf(url, sizeof(url), "embedded:%s/kv", w->dir);
	setup.url = url;
	ck_assert_msg(
	    counters_open(&w->counters, &setup, &e) == 0, "%s", e.msg);
	begin_keys(w);
}

/* Who asks, and may he? */
static void
admit(struct world *w, int64_t wall_ms)
{
	struct route route = {
		.root = STR("m1"), .found = { &w->mapping }, .nfound = 1
	};
	const struct principal *p;
	struct err e = { 0 };

	ck_assert_msg(
	    keys_find(w->keys, str_from(w->key), wall_ms, &p, &e) == 0, "%s",
	    e.msg);
	ck_assert_int_eq(key_tenant(p, &e), 0);
	principal_drop(p);
	ck_assert_msg(
	    iam_route(&w->who, &route, STR("10.1.2.3"), &e) == 0, "%s", e.msg);
	ck_assert_int_eq(route.nfound, 1);
}

static void
take(struct world *w, struct str id, struct counter_op *ops, int n)
{
	struct counter_value v = { .version = 1 };
	struct err e = { 0 };
	int at, tries;

	for (tries = 0; tries < 10000; tries++)
		switch (counters_apply(
		    w->counters, STR("org_1"), id, ops, n, &at, &e)) {
		case COUNTERS_TAKEN:
			return;
		case COUNTERS_UNKNOWN:
			v.key = ops[at].key;
			counters_load(w->counters, STR("org_1"), &v, 1, &e);
			break;
		case COUNTERS_DOWN: { /* it is built, and asks for holds */
			struct timespec t = { .tv_nsec = 1000000 };

			if (counters_tend(w->counters, &e) == 1)
				counters_renewed(w->counters);
			nanosleep(&t, NULL);
			break;
		}
		case COUNTERS_REFUSED:
			ck_abort_msg("refused by %.*s", STR_ARG(ops[at].key));
		}
	ck_abort_msg("the counters are down: %s", e.msg);
}

static void
one(struct world *w, int i)
{
	struct limit_ask ask = { .who = &w->who,
		.key_defaults = { -1, -1, -1 },
		.model = STR("m1"),
		.tokens = 1500,
		.count_rpm = -1,
		.wall_ms = clock_wall_ms() };
	struct budget_ask money = { .who = &w->who,
		.request = &w->q,
		.candidates = { { &w->mapping, PRICE_FULL, false } },
		.n = 1,
		.min_output = 1024,
		.wall_ms = ask.wall_ms };
	struct limit_plan *p = malloc(sizeof(*p));
	struct budget_plan b;
	struct counter_drop drop = { .org = STR("org_1"), .nids = 1 };
	struct err e = { 0 };
	char name[32];
	struct str id = { name,
		(size_t)snprintf(name, sizeof(name), "log_%d", i) };
	int k;

	admit(w, ask.wall_ms);
	limit_make(p, &ask);
	ck_assert_int_eq(p->n, 11);
	take(w, id, p->ops, p->n);
	budget_make(&b, &money);
	ck_assert_int_eq(b.n, 5);
	take(w, id, b.ops, b.n);
	for (k = 0; k < b.n; k++)
		b.ops[k].by = 1;
	counters_change(w->counters, STR("org_1"), id, b.ops, b.n, ask.wall_ms);
	drop.ids = &id;
	counters_drop(w->counters, &drop, 1, &e);
	free(p);
}

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

START_TEST(cost)
{
	double best = 1e9, start, us;
	struct world w;

	begin(&w);
	for (int round = 0; round < ROUNDS; round++) {
		start = cpu_us();
		for (int i = 0; i < TIMES; i++)
			one(&w, i);
		us = (cpu_us() - start) / TIMES;
		best = us < best ? us : best;
	}
	counters_close(w.counters);
	keys_close(w.keys);
	sql_close(w.sql);
	arena_free(w.a);
	scratch_end(w.dir);
	ck_assert_msg(best <= LIMIT_US, "%.1f us a request, at most %.0f", best,
	    LIMIT_US);
	printf("front stages: %.1f us a request\n", best);
}
END_TEST

CASE(case_front)
{
	TCase *t = tcase_create("front");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, cost);
	return t;
}
