/*
 * Who is asked, by what was counted in the last hour (api.md 12.4): stages of a
 * request, with clocks of the test and statistics fed minute by minute.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "pipeline/choose.h"
#include "pipeline/own.h"
#include "pipeline/world.h"
#include "clocks.h"
#include "room.h"
#include "store/health_map.h"

#define MINUTE INT64_C(60000)
#define HOUR 60
#define MANY 20
#define MOST_US 5.0
#define ROUNDS 9
#define TIMES 2000

/* Sanitizers make everything several times dearer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_US (MOST_US * 20)
#else
#define LIMIT_US MOST_US
#endif

/* --- the world --- */

#define RISING                                                                 \
	{                                                                      \
		1, 1.2, 1.4                                                    \
	}

/* Ids must rise.  What p0, p1, ... take for a million tokens, in dollars. */
static const struct {
	const char *model;
	int n;
	double price[4];
	const char *caps;
} models[] = {
	{ "behind", 4, { 1, 1, 1, 0.5 }, "" }, /* p3 has priority 0.5 */
	{ "double", 2, { 2, 1 }, "" },
	{ "drawn", 2, { 2, 1 }, ",\"draw\"" },
	{ "free", 3, { 3, 0, 1 }, "" },
	{ "lonely", 1, { 1 }, "" },
	{ "rising", 3, RISING, "" },
	{ "same", 3, { 1, 1, 1 }, "" },
};

static void
add_mapping(FILE *f, int i, const char *model, double price, const char *caps)
{
	fprintf(f,
	    "%s{\"provider\":\"p%d\",\"model\":\"%s\",\"context\":100000,"
	    "\"caps\":[\"tools\",\"stream\",\"plain\",\"chat\"%s],"
	    "\"tiers\":[{\"input\":\"%g\",\"output\":\"%g\"}]}",
	    i == 0 ? "" : ",", i, model, caps, price, price);
}

static void
write_files(const char *dir)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/list", dir);
	f = fopen(path, "w");
	fprintf(f, "{\"catalog\":1}\n");
	for (size_t m = 0; m < NROWS(models); m++) {
		fprintf(f, "{\"id\":\"%s\",\"mappings\":[", models[m].model);
		for (int i = 0; i < models[m].n; i++)
			add_mapping(f, i, models[m].model, models[m].price[i],
			    models[m].caps);
		fprintf(f, "]}\n");
	}
	fprintf(f, "{\"id\":\"twenty\",\"mappings\":[");
	for (int i = 0; i < MANY; i++)
		add_mapping(f, i, "twenty", 1 + i * 0.01, "");
	fprintf(f, "]}\n");
	fclose(f);
	snprintf(path, sizeof(path), "%s/conf", dir);
	f = fopen(path, "w");
	fprintf(f, "[llmgw]\nstate_dir = %s\nexploration_rate = 0\n", dir);
	for (int i = 0; i < MANY; i++)
		fprintf(f,
		    "[provider p%d]\ndialect = openai-chat\nbase_url = "
		    "http://127.0.0.1:9\nauth = bearer\nkey = k%d\n%s",
		    i, i, i == 3 ? "priority = 0.5\n" : "");
	fclose(f);
}

struct test {
	char dir[SCRATCH_PATH];
	struct world w;
	struct org org;
	struct principal who;
	int norgs;
};

static void
begin(struct test *t)
{
	char path[128];
	struct err e = { 0 };

	clocks_begin();
	memset(t, 0, sizeof(*t));
	scratch_begin(t->dir);
	write_files(t->dir);
	snprintf(path, sizeof(path), "%s/conf", t->dir);
	ck_assert_msg(conf_load(&t->w.conf, path, &e) == 0, "%s", e.msg);
	snprintf(path, sizeof(path), "%s/list", t->dir);
	ck_assert_msg(catalog_load(&t->w.catalog, path, &t->w.conf, &e) == 0,
	    "%s", e.msg);
	ck_assert_msg(
	    providers_load(&t->w.providers, &t->w.conf, &e) == 0, "%s", e.msg);
	ck_assert_msg(health_open(&t->w.health, NULL, &e) == 0, "%s", e.msg);
	t->w.health->now = clocks_now;
	t->w.health->wall = clocks_wall;
	t->org = (struct org){ .id = "org_0" };
	t->who = (struct principal){ .org = &t->org, .mode = "credits" };
}

static void
end(struct test *t)
{
	health_close(t->w.health);
	providers_free(t->w.providers);
	catalog_free(t->w.catalog);
	conf_free(&t->w.conf);
	scratch_end(t->dir);
}

/* One that was not here before: nothing was chosen for it. */
static void
another_org(struct test *t)
{
	snprintf(t->org.id, sizeof(t->org.id), "org_%d", ++t->norgs);
}

static int
place(struct test *t, int provider, const char *model)
{
	char name[16];

	snprintf(name, sizeof(name), "p%d", provider);
	return health_find(
	    t->w.health, str_from(name), str_from(model), STR_NONE);
}

/* So many requests in this minute, of which some failed. */
static void
note(struct test *t, int provider, const char *model, int n, int failed,
    int64_t first_ms, int64_t speed)
{
	struct health_event good = {
		.first_ms = first_ms, .busy_ms = 2000, .tokens = 2 * speed
	};
	struct health_event bad = { .failed = true, .first_ms = -1 };
	int at = place(t, provider, model);

	for (int i = 0; i < n; i++)
		health_note(t->w.health, at, i < failed ? &bad : &good);
}

/* --- a request --- */

struct ask {
	const char *model, *more; /* members of the body: ",\"x\":1" */
	const char *session;
	bool no_fallback;
};

/* What a request was told; `first` is the number of the provider, -1: none. */
struct told {
	int first, second;
	char reason[40];
	double scores[MANY]; /* by provider */
};

static struct req *
make(struct test *t, const struct ask *ask)
{
	struct req *r = calloc(1, sizeof(*r));
	struct str *params;
	int n = 0;

	r->world = &t->w;
	r->setup = arena_new(4096, SIZE_MAX);
	r->life = arena_new(4096, SIZE_MAX);
	r->endpoint = &program_chat.endpoints[0];
	r->who = &t->who;
	params = arena_zalloc(r->life, 4 * sizeof(*params));
	if (ask->session != NULL)
		params[n++] =
		    arena_fmt(r->life, "HTTP_X_SESSION_ID=%s", ask->session);
	if (ask->no_fallback)
		params[n++] = STR("HTTP_X_NO_FALLBACK=true");
	r->in.params = params;
	r->chat.body = arena_fmt(r->life,
	    "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":"
	    "\"Hi\"}]%s}",
	    ask->model, ask->more == NULL ? "" : ask->more);
	if (stage_parse(r) != NEXT || resolve_model(r, &r->err) == -1 ||
	    stage_iam(r) != NEXT || stage_capability(r) != NEXT)
		ck_abort_msg("%s: %s", ask->model, r->err.msg);
	return r;
}

static void
drop(struct req *r)
{
	arena_free(r->setup);
	arena_free(r->life);
	free(r);
}

static int
number_of(struct str provider)
{
	return atoi(provider.p + 1);
}

static struct told
choose(struct test *t, struct ask ask)
{
	struct req *r = make(t, &ask);
	struct told told = { .first = -1, .second = -1 };
	struct jmember m;
	struct str s;

	if (stage_route(r) != NEXT)
		ck_abort_msg("%s: %s", ask.model, r->err.msg);
	told.first = number_of(r->targets[0].upstream->id);
	if (r->ntargets > 1)
		told.second = number_of(r->targets[1].upstream->id);
	s = jscan_text(jscan_at(r->record.decision, "reason"), r->life);
	snprintf(told.reason, sizeof(told.reason), "%.*s", STR_ARG(s));
	for (struct jiter it =
		 jscan_into(jscan_at(r->record.decision, "candidates"));
	     jscan_next(&it, &m);) {
		s = jscan_text(jscan_at(m.raw, "provider"), r->life);
		told.scores[number_of(s)] =
		    strtod(jscan_at(m.raw, "score").p, NULL);
	}
	drop(r);
	return told;
}

static void
expect(struct told told, int first, const char *reason)
{
	ck_assert_msg(told.first == first && strcmp(told.reason, reason) == 0,
	    "p%d, %s; not p%d, %s", told.first, told.reason, first, reason);
}

/* --- the formula, as it stands in api.md --- */

struct minute {
	double requests, failed, first_ms, speed;
};

struct figures {
	bool seen;
	double uptime, latency, throughput;
};

static struct figures
weigh(const struct minute v[HOUR], int now)
{
	double requests = 0, failed = 0, good = 0, first = 0, tokens = 0;
	int from = now < HOUR ? 0 : now - HOUR + 1;

	for (int i = from; i <= now; i++) {
		double w = now - i <= 1 ? 10 : now - i <= 5 ? 3 : 1;
		double ok = v[i].requests - v[i].failed;

		requests += w * v[i].requests;
		failed += w * v[i].failed;
		good += w * ok;
		first += w * ok * v[i].first_ms;
		tokens += w * ok * v[i].speed;
	}
	if (requests <= 0)
		return (struct figures){ false, 100, 1000, 50 };
	return (struct figures){ true, (1 - failed / requests) * 100,
		good > 0 ? first / good : 1000, good > 0 ? tokens / good : 50 };
}

static double
formula(const struct figures *f, const double *price, int n, int i, bool stream)
{
	double low = price[0], up = 0, fast = 0, quick = INFINITY, sum, u;
	double latency = stream ? 0.025 : 0;

	for (int k = 0; k < n; k++) {
		low = fmin(low, price[k]);
		up = fmax(up, f[k].uptime);
		fast = fmax(fast, f[k].throughput);
		quick = fmin(quick, f[k].latency);
	}
	u = f[i].uptime;
	sum = 0.6 * (price[i] / low - 1) + 0.5 * (u > 0 ? up / u - 1 : 1) +
	    0.05 * (fast / f[i].throughput - 1) +
	    latency * (f[i].latency / quick - 1);
	return sum / (0.6 + 0.5 + 0.05 + latency) +
	    (u >= 95 ? 0 : pow((95 - u) / 95 * 5, 2));
}

/* An hour: p0 is cheap and fails for a while, then p1 crawls. */
static struct minute
happens(int provider, int minute)
{
	struct minute m = { 20 + (minute * 7 + provider * 3) % 11, 0,
		300 + 40 * ((minute + provider) % 5),
		60 - (minute * provider) % 7 };

	if (provider == 0 && minute >= 15 && minute < 30)
		m.failed = floor(m.requests * 0.4);
	if (provider == 1 && minute >= 24 && minute < 40) {
		m.first_ms = 9000;
		m.speed = 3;
	}
	if (provider == 2)
		m.failed = minute % 10 == 0 ? 1 : 0;
	return m;
}

START_TEST(an_hour)
{
	static const double rising[] = RISING;
	static struct minute v[3][HOUR];
	static const int at[][2] = { { 10, 0 }, { 20, 1 }, { 28, 2 },
		{ 59, 0 } };
	struct figures f[3];
	bool stream;
	struct told told;
	struct test t;
	double want[3];
	int best, k = 0;

	begin(&t);
	for (int minute = 0; minute < HOUR; minute++, clocks_pass(MINUTE)) {
		for (int i = 0; i < 3; i++) {
			v[i][minute] = happens(i, minute);
			note(&t, i, "rising", (int)v[i][minute].requests,
			    (int)v[i][minute].failed,
			    (int64_t)v[i][minute].first_ms,
			    (int64_t)v[i][minute].speed);
			f[i] = weigh(v[i], minute);
		}
		stream = minute % 2 == 0;
		another_org(&t);
		told = choose(&t,
		    (struct ask){ .model = "rising",
			.more = stream ? ",\"stream\":true" : NULL });
		best = 0;
		for (int i = 0; i < 3; i++) {
			want[i] = formula(f, rising, 3, i, stream);
			ck_assert_msg(fabs(told.scores[i] - want[i]) < 0.0006,
			    "minute %d: p%d has %f, not %f", minute, i,
			    told.scores[i], want[i]);
			best = want[i] < want[best] ? i : best;
		}
		expect(told, best, "weighted-score");
		if (k < (int)NROWS(at) && at[k][0] == minute)
			ck_assert_int_eq(told.first, at[k++][1]);
	}
	ck_assert_int_eq(k, NROWS(at));
	end(&t);
}
END_TEST

/* --- the rest of 12.4 --- */

/* 90 -> 0.07, and so on, in the score of a whole decision. */
START_TEST(worked_penalties)
{
	static const struct {
		int failed;
		double penalty;
	} rows[] = { { 5, 0 }, { 10, 0.07 }, { 20, 0.62 }, { 30, 1.73 },
		{ 50, 5.61 } };
	struct test t;
	double rest;

	for (size_t i = 0; i < NROWS(rows); i++) {
		begin(&t);
		note(&t, 0, "same", 100, rows[i].failed, 1000, 50);
		note(&t, 1, "same", 100, 0, 1000, 50);
		rest = 0.5 / 1.15 * (100.0 / (100 - rows[i].failed) - 1);
		ck_assert_double_eq_tol(
		    choose(&t, (struct ask){ .model = "same" }).scores[0] -
			rest,
		    rows[i].penalty, 0.0056);
		end(&t);
	}
}
END_TEST

/* What nobody has counted: price alone; ties as in the catalogue. */
START_TEST(without_data)
{
	struct test t;
	struct told told;

	begin(&t);
	expect(choose(&t, (struct ask){ .model = "same" }), 0,
	    "price-only-no-metrics");
	told = choose(&t, (struct ask){ .model = "double" });
	expect(told, 1, "price-only-no-metrics");
	ck_assert_double_eq_tol(told.scores[0], 1, 1e-9);
	/* 0 for the free one, price / smallest positive price for others. */
	told = choose(&t, (struct ask){ .model = "free" });
	expect(told, 1, "price-only-no-metrics");
	ck_assert_double_eq_tol(told.scores[0], 3, 1e-9);
	ck_assert_double_eq_tol(told.scores[2], 1, 1e-9);
	expect(choose(&t, (struct ask){ .model = "lonely" }), 0,
	    "single-provider-available");
	/* 1 - priority, in the place of a price twice as high */
	told = choose(&t, (struct ask){ .model = "behind" });
	ck_assert_double_eq_tol(told.scores[3], 0.5, 1e-9);
	ck_assert_double_eq_tol(told.scores[0], 1, 1e-9);
	/* One has data: the others count as 100 %, 1000 ms, 50 a second. */
	note(&t, 1, "same", 10, 0, 1000, 50);
	clocks_pass(1000);
	another_org(&t);
	told = choose(&t, (struct ask){ .model = "same" });
	expect(told, 0, "weighted-score");
	for (int i = 0; i < 3; i++)
		ck_assert_double_eq_tol(told.scores[i], 0, 1e-9);
	end(&t);
}
END_TEST

START_TEST(weights)
{
	struct test t;

	begin(&t);
	note(&t, 0, "double", 10, 0, 1000, 50);
	note(&t, 0, "drawn", 10, 0, 1000, 50);
	ck_assert_double_eq_tol(
	    choose(&t, (struct ask){ .model = "double" }).scores[0], 0.522,
	    1e-9);
	/* 1.0 / 1.55 of models that make images */
	ck_assert_double_eq_tol(
	    choose(&t, (struct ask){ .model = "drawn" }).scores[0], 0.645,
	    1e-9);
	end(&t);
}
END_TEST

START_TEST(wishes)
{
	struct ask ask = { .model = "rising", .more = ",\"stream\":true" };
	struct test t;

	begin(&t);
	note(&t, 0, "rising", 10, 1, 5000, 20);
	note(&t, 1, "rising", 10, 1, 100, 10);
	note(&t, 2, "rising", 10, 1, 5000, 300);
	ask.more = ",\"routing\":\"price\"";
	ck_assert_int_eq(choose(&t, ask).first, 0);
	ask.more = ",\"routing\":\"throughput\"";
	ck_assert_int_eq(choose(&t, ask).first, 2);
	ask.more = ",\"stream\":true,\"routing\":\"latency\"";
	ck_assert_int_eq(choose(&t, ask).first, 1);
	end(&t);
}
END_TEST

/* The last choice stays, within 0.15 and above 85 %, for an hour. */
START_TEST(hysteresis)
{
	struct ask ask = { .model = "same" };
	struct test t;

	begin(&t);
	note(&t, 0, "same", 100, 0, 1000, 50);
	expect(choose(&t, ask), 0, "weighted-score");
	/* 92 %: 0.064 + 0.025 behind */
	note(&t, 0, "same", 0, 0, 0, 0);
	note(&t, 0, "same", 10, 9, 1000, 50);
	clocks_pass(1000);
	expect(choose(&t, ask), 0, "preferred-provider");
	another_org(&t);
	expect(choose(&t, ask), 1, "weighted-score");
	t.org = (struct org){ .id = "org_0" };
	clocks_pass(t.w.conf.preferred_ttl);
	note(&t, 0, "same", 100, 9, 1000, 50);
	clocks_pass(1000);
	expect(choose(&t, ask), 1, "weighted-score");
	end(&t);
	/* 89 %: 0.154 behind, more than 0.15 */
	begin(&t);
	expect(choose(&t, ask), 0, "price-only-no-metrics");
	note(&t, 0, "same", 100, 11, 1000, 50);
	clocks_pass(1000);
	expect(choose(&t, ask), 1, "weighted-score");
	end(&t);
	/* Below 85 %, however bad the others are. */
	begin(&t);
	expect(choose(&t, ask), 0, "price-only-no-metrics");
	for (int i = 0; i < 3; i++)
		note(&t, i, "same", 1000, 156 + (i == 0), 1000, 50);
	clocks_pass(1000);
	expect(choose(&t, ask), 1, "weighted-score");
	end(&t);
}
END_TEST

/* A session stays with its provider, and comes before all else. */
START_TEST(session)
{
	struct ask ask = { .model = "same", .session = "s1" };
	struct str mark[] = { STR("org_0"), STR("same"), STR("s1") };
	struct str p2 = STR("p2");
	struct test t;

	begin(&t);
	expect(choose(&t, ask), 0, "price-only-no-metrics");
	health_remember(t.w.health, health_mark(t.w.health, mark, 3),
	    health_mark(t.w.health, &p2, 1));
	note(&t, 2, "same", 100, 40, 1000, 50);
	clocks_pass(t.w.conf.session_ttl - 1);
	t.w.conf.exploration_rate = 1000;
	expect(choose(&t, ask), 2, "session-sticky");
	ask.session = "s2";
	ck_assert_str_eq(choose(&t, ask).reason, "random-exploration");
	t.w.conf.exploration_rate = 0;
	ask.session = "s1";
	clocks_pass(1);
	ck_assert_str_ne(choose(&t, ask).reason, "session-sticky");
	end(&t);
}
END_TEST

START_TEST(exploration)
{
	int drawn[3] = { 0 }, n = 0;
	struct test t;
	struct told told;

	begin(&t);
	t.w.conf.exploration_rate = 100; /* of 1000 */
	for (int i = 0; i < 4000; i++) {
		told = choose(&t, (struct ask){ .model = "rising" });
		if (strcmp(told.reason, "random-exploration") != 0) {
			ck_assert_int_eq(told.first, 0);
			continue;
		}
		n++;
		drawn[told.first]++;
		/* The order of the others stays. */
		ck_assert_int_eq(told.second, told.first == 0 ? 1 : 0);
	}
	/* 400 and five times 19 */
	ck_assert_msg(n > 305 && n < 495, "%d of 4000", n);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(drawn[i] > 70, "p%d: %d of %d", i, drawn[i], n);
	end(&t);
}
END_TEST

START_TEST(pinned)
{
	struct ask ask = { .model = "p0/rising" };
	struct test t;

	begin(&t);
	note(&t, 0, "rising", 100, 10, 1000, 50);
	expect(choose(&t, ask), 0, "direct-provider-specified");
	note(&t, 0, "rising", 1, 1, 1000, 50);
	clocks_pass(1000);
	/* Below 90 %, and nothing is known of the others. */
	expect(choose(&t, ask), 1, "low-uptime-fallback");
	ask.no_fallback = true;
	expect(choose(&t, ask), 0, "direct-provider-specified");
	ask.no_fallback = false;
	/* No better ones: it stays. */
	note(&t, 1, "rising", 100, 50, 1000, 50);
	note(&t, 2, "rising", 100, 50, 1000, 50);
	clocks_pass(1000);
	expect(choose(&t, ask), 0, "direct-provider-specified");
	end(&t);
	/* A better one with an open circuit is none. */
	begin(&t);
	note(&t, 0, "rising", 100, 50, 1000, 50);
	for (int i = 0; i < 10; i++)
		health_note(t.w.health, place(&t, 1, "rising"),
		    &(struct health_event){ true, true, -1, 1, 0 });
	note(&t, 1, "rising", 1000, 0, 1000, 50);
	expect(choose(&t, ask), 2, "low-uptime-fallback");
	end(&t);
}
END_TEST

/* Dry, nothing is remembered, and nothing drawn. */
START_TEST(dry)
{
	struct ask ask = { .model = "same", .session = "s" };
	struct choosing *c = calloc(1, sizeof(*c));
	struct test t;

	begin(&t);
	c->r = make(&t, &ask);
	c->dry = true;
	t.w.conf.exploration_rate = 1000;
	route_usable(&c->r->route, &c->r->route_world, &c->r->err);
	ck_assert_int_eq(choose_candidates(c), 0);
	choose_order(c);
	ck_assert_str_eq(c->reason, "price-only-no-metrics");
	for (int i = 0; i < HEALTH_CHOICES; i++)
		ck_assert_uint_eq(t.w.health->map->choices[i].what, 0);
	drop(c->r);
	free(c);
	end(&t);
}
END_TEST

/* --- the figure --- */

static double
cpu_us(void)
{
	struct timespec s;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &s);
	return (double)s.tv_sec * 1e6 + (double)s.tv_nsec / 1e3;
}

/* CPU of one choice, the best of some rounds; `all`: with its record. */
static double
measure(struct test *t, bool all)
{
	struct ask ask = { .model = "twenty", .more = ",\"stream\":true" };
	struct choosing c __attribute__((uninitialized));
	double best = INFINITY, since;
	struct req *r;

	for (int round = 0; round < ROUNDS; round++) {
		r = make(t, &ask);
		route_usable(&r->route, &r->route_world, &r->err);
		since = cpu_us();
		for (int i = 0; i < TIMES; i++) {
			c.r = r;
			c.dry = false;
			c.drops = NULL;
			r->ntargets = 0;
			choose_candidates(&c);
			choose_order(&c);
			choose_targets(&c);
			if (all)
				choose_note(&c);
		}
		best = fmin(best, (cpu_us() - since) / TIMES);
		ck_assert_int_eq(c.n, MANY);
		drop(r);
	}
	return best;
}

START_TEST(twenty_candidates)
{
	struct test t;
	double us, noted;

	begin(&t);
	t.w.health->now = clock_ms;
	t.w.conf.exploration_rate = 10;
	for (int minute = 0; minute < HOUR; minute++, clocks_pass(MINUTE))
		for (int i = 0; i < MANY; i++)
			note(&t, i, "twenty", 5 + i, i % 3, 400 + 10 * i, 50);
	us = measure(&t, false);
	noted = measure(&t, true);
	printf("choosing among %d candidates: %.2f us, with its record %.2f\n",
	    MANY, us, noted);
	ck_assert_msg(us <= LIMIT_US, "%.2f us", us);
	end(&t);
}
END_TEST

CASE(case_choose)
{
	TCase *c = tcase_create("choose");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, an_hour);
	tcase_add_test(c, worked_penalties);
	tcase_add_test(c, without_data);
	tcase_add_test(c, weights);
	tcase_add_test(c, wishes);
	tcase_add_test(c, hysteresis);
	tcase_add_test(c, session);
	tcase_add_test(c, exploration);
	tcase_add_test(c, pinned);
	tcase_add_test(c, dry);
	tcase_add_test(c, twenty_candidates);
	return c;
}
