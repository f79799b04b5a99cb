#include <stdio.h>
#include <stdlib.h>

#include "base/scratch.h"
#include "domain/report.h"
#include "domain/usage_field.h"
#include "json/jscan.h"
#include "room.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define T0 INT64_C(1760000000000) /* 2025-10-09 */
#define RECORDS 4000

/* Records whose members are as if drawn, and the same again out of SQL. */
struct world {
	char dir[SCRATCH_PATH];
	struct arena *a;
	struct sql *sql;
	struct usage_record *v;
	int n;
};

static const struct str orgs[] = { STR("org_a"), STR("org_b") };
static const struct str projects[] = { STR("proj_1"), STR("proj_2"),
	STR("proj_3") };
static const struct str keys[] = { STR("key_1"), STR("key_2"), STR("key_3"),
	STR("key_4") };
static const struct str models[] = { STR("m1"), STR("m2"), { NULL, 0 } };
static const struct str providers[] = { STR("p1"), STR("p2"), { NULL, 0 } };
static const struct str sources[] = { STR("a.example"), STR("=b"), STR("c,\"d"),
	{ NULL, 0 } };
static const struct str users[] = { STR("u1"), STR("u2"), { NULL, 0 } };
static const struct str sessions[] = { STR("s1"), { NULL, 0 } };
static const struct str modes[] = { STR("credits"), STR("hybrid") };
static const struct str endpoints[] = { STR("chat-completions"),
	STR("messages") };
static const struct str headers[] = { STR("{\"team\":\"red\",\"x\":\"1\"}"),
	STR("{\"team\":\"red\",\"x\":\"2\"}"), STR("{\"team\":\"\\u0062lue\"}"),
	STR("{\"x\":\"1\"}"), { NULL, 0 } };
static const struct str codes[] = { STR("upstream_error"), { NULL, 0 } };

static unsigned
draw(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}
#define ONE_OF(t) (t)[draw(seed, NROWS(t))]

static struct usage_record
any(struct arena *a, unsigned *seed, int i)
{
	char id[ID_SIZE];
	struct usage_record r = { .request_id = arena_fmt(a, "req_%d", i / 2),
		.org = ONE_OF(orgs),
		.project = ONE_OF(projects),
		.key = ONE_OF(keys),
		.used_model = ONE_OF(models),
		.used_provider = ONE_OF(providers),
		.source = ONE_OF(sources),
		.user = ONE_OF(users),
		.session = ONE_OF(sessions),
		.mode = ONE_OF(modes),
		.endpoint = ONE_OF(endpoints),
		.headers = ONE_OF(headers),
		.error_code = ONE_OF(codes),
		.credential = draw(seed, 4) == 0 ? STR("own") : STR("gateway"),
		.started_ms = T0 + (int64_t)draw(seed, 1 << 24) * 200,
		.duration_ms = (int)draw(seed, 9000) - 3000,
		.ttft_ms = (int)draw(seed, 900) - 450,
		.status = draw(seed, 5) == 0 ? 502 : 200,
		.cached = draw(seed, 6) == 0,
		.streamed = draw(seed, 2) == 0 };

	if (r.duration_ms < 0)
		r.duration_ms = -1;
	if (r.ttft_ms < 0)
		r.ttft_ms = -1;
	if (draw(seed, 8) == 0)
		r.attempt_of = STR("log_other");
	r.usage.input = draw(seed, 1000);
	r.usage.cache_read = draw(seed, 100);
	r.usage.cache_write_5m = draw(seed, 10);
	r.usage.cache_write_1h = draw(seed, 10);
	r.usage.output = draw(seed, 1000);
	r.usage.reasoning = draw(seed, 100);
	if (draw(seed, 3) != 0) {
		r.cost.input = draw(seed, 1 << 20);
		r.cost.image_in = draw(seed, 100);
		r.cost.image_out = draw(seed, 100);
		r.cost.audio_in = draw(seed, 100);
		r.cost.output = draw(seed, 1 << 20);
		r.cost.total = r.cost.input + r.cost.image_in +
		    r.cost.image_out + r.cost.audio_in + r.cost.output;
		r.cost.billed = draw(seed, 2) * r.cost.total;
		r.cost.discount = draw(seed, 1000);
	}
	rand_id(id, "log_", r.started_ms);
	r.id = arena_dup(a, str_from(id));
	return r;
}

static void
begin_with(struct world *w, int n)
{
	struct spool_record *s;
	struct usage_batch batch = { 0 };
	struct err e = { 0 };
	char url[SCRATCH_PATH + 16];
	unsigned seed = 7;
	struct buf b = BUF_LIMIT(1 << 20);

	scratch_begin(w->dir);
	snprintf(url, sizeof(url), "sqlite:%s/u.db", w->dir);
	w->a = arena_new(1 << 16, SIZE_MAX);
	w->n = n;
	w->v = arena_alloc(w->a, (size_t)n * sizeof(*w->v));
	s = arena_zalloc(w->a, (size_t)n * sizeof(*s));
	for (int i = 0; i < n; i++) {
		w->v[i] = any(w->a, &seed, i);
		buf_clear(&b);
		usage_end(&w->v[i], &b);
		s[i] = (struct spool_record){ .kind = SPOOL_END,
			.json = arena_dup(w->a, buf_str(&b)) };
	}
	buf_free(&b);
	ck_assert_int_eq(sql_open(&w->sql, url, SQL_WRITE, &e), 0);
	ck_assert_msg(sql_migrate(w->sql, &e) == 0, "%s", e.msg);
	batch.arena = w->a;
	for (int i = 0; i < n; i += 1000) {
		int k = n - i < 1000 ? n - i : 1000;

		ck_assert_msg(usage_insert(w->sql, s + i, k, &batch, &e) == 0,
		    "%s", e.msg);
	}
	sql_set_timeout(w->sql, 60000);
}

static void
end(struct world *w)
{
	sql_close(w->sql);
	arena_free(w->a);
	scratch_end(w->dir);
}

/* --- the same, by hand --- */

static bool
eq_or_any(struct str want, struct str got)
{
	return want.p == NULL || (got.p != NULL && str_eq(want, got));
}

static bool
flag_ok(enum report_flag f, bool v)
{
	return f == REPORT_ANY || (f == REPORT_YES) == v;
}

static bool
passes(const struct report_filter *f, const struct usage_record *r)
{
	return r->started_ms >= f->from_ms &&
	    (f->until_ms == 0 || r->started_ms < f->until_ms) &&
	    eq_or_any(f->org, r->org) && eq_or_any(f->project, r->project) &&
	    eq_or_any(f->key, r->key) && eq_or_any(f->model, r->used_model) &&
	    eq_or_any(f->provider, r->used_provider) &&
	    eq_or_any(f->error_code, r->error_code) &&
	    eq_or_any(f->session, r->session) &&
	    eq_or_any(f->source, r->source) &&
	    eq_or_any(f->request, r->request_id) &&
	    (f->status == 0 || f->status == r->status) &&
	    flag_ok(f->cached, r->cached) &&
	    flag_ok(f->streamed, r->streamed) &&
	    r->cost.total >= f->min_cost_nano;
}

static void
add(struct report_sums *s, const struct usage_record *r)
{
	bool request = r->attempt_of.p == NULL;

	s->v[REPORT_REQUESTS] += request;
	s->v[REPORT_ERRORS] += request && r->status >= 400;
	s->v[REPORT_CACHED] += request && r->cached;
	s->v[REPORT_INPUT] += r->usage.input;
	s->v[REPORT_CACHE_READ] += r->usage.cache_read;
	s->v[REPORT_CACHE_WRITE] +=
	    r->usage.cache_write_5m + r->usage.cache_write_1h;
	s->v[REPORT_OUTPUT] += r->usage.output;
	s->v[REPORT_REASONING] += r->usage.reasoning;
	s->v[REPORT_COST] += r->cost.total;
	s->v[REPORT_INPUT_COST] += r->cost.input;
	s->v[REPORT_OUTPUT_COST] += r->cost.output;
	s->v[REPORT_IMAGE_COST] += r->cost.image_in + r->cost.image_out;
	s->v[REPORT_AUDIO_COST] += r->cost.audio_in;
	s->v[REPORT_BILLED] += r->cost.billed;
	s->v[REPORT_OWN_KEY_COST] +=
	    str_is(r->credential, "own") ? r->cost.total : 0;
	s->v[REPORT_DISCOUNT] += r->cost.discount;
	s->v[REPORT_DURATION] +=
	    request && r->duration_ms >= 0 ? r->duration_ms : 0;
	s->v[REPORT_DURATIONS] += request && r->duration_ms >= 0;
	s->v[REPORT_TTFT] += r->ttft_ms >= 0 ? r->ttft_ms : 0;
	s->v[REPORT_TTFTS] += r->ttft_ms >= 0;
}

static void
same(const struct report_sums *x, const struct report_sums *y)
{
	for (int i = 0; i < REPORT__NUMBERS; i++)
		ck_assert_msg(x->v[i] == y->v[i], "number %d: %lld, not %lld",
		    i, (long long)x->v[i], (long long)y->v[i]);
}

static const struct report_filter filters[] = {
	{ 0 },
	{ .from_ms = T0 + 5 * DAY, .until_ms = T0 + 9 * DAY },
	{ .org = STR("org_a"), .project = STR("proj_2") },
	{ .key = STR("key_3"), .model = STR("m1") },
	{ .provider = STR("p2"), .session = STR("s1") },
	{ .source = STR("c,\"d"), .status = 502 },
	{ .error_code = STR("upstream_error"), .cached = REPORT_YES },
	{ .cached = REPORT_NO, .streamed = REPORT_YES },
	{ .streamed = REPORT_NO, .min_cost_nano = 500000 },
	{ .request = STR("req_77") },
	{ .request = STR("req_77' OR 1=1 --") },
	{ .org = STR("%") },
	{ .until_ms = T0 - 1 },
};

START_TEST(totals)
{
	struct world w;

	begin_with(&w, RECORDS);
	for (size_t i = 0; i < NROWS(filters); i++) {
		struct report_sums want = { 0 }, got;
		struct err e = { 0 };

		for (int k = 0; k < w.n; k++)
			if (passes(&filters[i], &w.v[k]))
				add(&want, &w.v[k]);
		ck_assert_msg(report_totals(w.sql, &filters[i], &got, &e) == 0,
		    "%s", e.msg);
		same(&got, &want);
	}
	end(&w);
}
END_TEST

/* Page by page: each once, newest first, with all members. */
START_TEST(list)
{
	struct world w;

	begin_with(&w, 500);
	for (size_t i = 0; i < 2 * NROWS(filters); i++) {
		struct report_list q = { .filter = filters[i / 2],
			.limit = 7,
			.no_attempts = i % 2 == 0 };
		struct str last = STR("log_~"), next;
		struct usage_record *v;
		struct err e = { 0 };
		int want = 0, got = 0, n;

		for (int k = 0; k < w.n; k++)
			want += passes(&q.filter, &w.v[k]) &&
			    !(q.no_attempts && w.v[k].attempt_of.p != NULL);
		do {
			n = report_list(w.sql, &q, w.a, &v, &next, &e);
			ck_assert_msg(n >= 0, "%s", e.msg);
			for (int k = 0; k < n; k++) {
				ck_assert_int_lt(str_cmp(v[k].id, last), 0);
				ck_assert(passes(&q.filter, &v[k]));
				last = v[k].id;
			}
			got += n;
			q.cursor = next;
		} while (next.p != NULL);
		ck_assert_int_eq(got, want);
	}
	end(&w);
}
END_TEST

START_TEST(bad_cursors)
{
	static const char *const bad[] = { "", "x", "log_a'b", "log_a%",
		"log_012345678901234567890123456789" };
	struct report_list q = { .limit = 1 };
	struct report_activity act = { .step = REPORT_WHOLE };
	struct report_row *rows;
	struct usage_record *v;
	struct str next;
	struct world w;

	begin_with(&w, 1);
	for (size_t i = 0; i < NROWS(bad); i++) {
		struct err e = { 0 }, f = { 0 };

		q.cursor = act.cursor = str_from(bad[i]);
		ck_assert_int_eq(
		    report_list(w.sql, &q, w.a, &v, &next, &e), -1);
		ck_assert_int_eq(e.code, ERR_BAD_PARAM);
		ck_assert_int_eq(
		    report_activity(w.sql, &act, w.a, &rows, &next, &f), -1);
		ck_assert_int_eq(f.code, ERR_BAD_PARAM);
	}
	end(&w);
}
END_TEST

START_TEST(get)
{
	struct usage_record r;
	struct err e = { 0 };
	struct world w;

	begin_with(&w, 3);
	ck_assert_int_eq(
	    report_get(w.sql, w.v[1].id, STR_NONE, w.a, &r, &e), 1);
	ck_assert(str_eq(r.request_id, w.v[1].request_id));
	ck_assert_int_eq(r.cost.total, w.v[1].cost.total);
	ck_assert_int_eq(
	    report_get(w.sql, w.v[1].id, w.v[1].org, w.a, &r, &e), 1);
	ck_assert_int_eq(
	    report_get(w.sql, w.v[1].id, STR("org_z"), w.a, &r, &e), 0);
	ck_assert_int_eq(
	    report_get(w.sql, STR("log_x"), STR_NONE, w.a, &r, &e), 0);
	end(&w);
}
END_TEST

/* --- activity --- */

static struct str
team(struct str json)
{
	struct str v = json.p == NULL ? STR_NONE : jscan_at(json, "team");

	return v.p == NULL       ? STR_NONE :
	    str_is(v, "\"red\"") ? STR("red") :
				   STR("blue");
}

static struct str
value_of(const struct usage_record *r, enum report_group g)
{
	const struct str v[] = { r->used_model, r->used_provider, r->key,
		r->project, r->org, r->endpoint, r->source, r->mode, r->user,
		team(r->headers) };

	return v[g];
}

static bool
in_row(const struct report_activity *q, const struct report_row *row,
    const struct usage_record *r)
{
	bool hours = q->step == REPORT_HOURS;

	if (!passes(&q->filter, r) ||
	    (q->step != REPORT_WHOLE &&
		zone_slot(q->zone, r->started_ms, hours) != row->slot_ms))
		return false;
	for (int i = 0; i < q->nby; i++) {
		struct str v = value_of(r, q->by[i]);

		if ((v.p == NULL) != (row->by[i].p == NULL) ||
		    !str_eq(v, row->by[i]))
			return false;
	}
	return true;
}

static const struct {
	enum report_step step;
	const char *zone;
	enum report_group by[3];
	int nby;
	int filter, limit;
} questions[] = {
	{ REPORT_DAYS, "UTC", { 0 }, 0, 0, 0 },
	{ REPORT_DAYS, "Europe/Berlin", { REPORT_MODEL }, 1, 0, 5 },
	{ REPORT_DAYS, "America/New_York", { REPORT_KEY, REPORT_MODEL }, 2, 1,
	    0 },
	{ REPORT_HOURS, "Asia/Kolkata", { REPORT_PROVIDER }, 1, 1, 3 },
	{ REPORT_HOURS, "Europe/Berlin", { REPORT_MODE }, 1, 2, 500 },
	{ REPORT_DAYS, "UTC", { REPORT_HEADER }, 1, 0, 2 },
	{ REPORT_DAYS, "UTC", { REPORT_HEADER, REPORT_USER, REPORT_SOURCE }, 3,
	    7, 11 },
	{ REPORT_WHOLE, "UTC", { REPORT_ORGANIZATION, REPORT_PROJECT }, 2, 0,
	    0 },
	{ REPORT_WHOLE, "UTC", { REPORT_ENDPOINT }, 1, 4, 1 },
	{ REPORT_DAYS, "UTC", { REPORT_MODEL }, 1, 9, 0 },
	{ REPORT_DAYS, "UTC", { REPORT_MODEL }, 1, 12, 0 },
};

static int
cmp_rows(const struct report_row *a, const struct report_row *b)
{
	if (a->slot_ms != b->slot_ms)
		return a->slot_ms < b->slot_ms ? -1 : 1;
	for (int i = 0; i < 3; i++) {
		struct str x = a->by[i], y = b->by[i];
		int c = (x.p != NULL) - (y.p != NULL);

		if (c == 0)
			c = str_cmp(x, y);
		if (c != 0)
			return c;
	}
	return 0;
}

/* Each row is the sum of its records, and all rows are all records. */
static void
check_rows(struct world *w, const struct report_activity *q,
    const struct report_row *v, int n, struct report_sums *all)
{
	for (int i = 0; i < n; i++) {
		struct report_sums want = { 0 };

		for (int k = 0; k < w->n; k++)
			if (in_row(q, &v[i], &w->v[k]))
				add(&want, &w->v[k]);
		same(&v[i].sums, &want);
		ck_assert(
		    want.v[REPORT_REQUESTS] > 0 || want.v[REPORT_COST] > 0);
		for (int k = 0; k < REPORT__NUMBERS; k++)
			all->v[k] += v[i].sums.v[k];
	}
}

START_TEST(activity)
{
	struct report_activity q = { .step = questions[_i].step,
		.nby = questions[_i].nby,
		.filter = filters[questions[_i].filter],
		.limit = questions[_i].limit,
		.header = STR("team") };
	struct report_sums all = { 0 }, want;
	struct report_row *v, last = { .slot_ms = INT64_MIN };
	struct err e = { 0 };
	struct str next;
	struct world w;
	int n;

	begin_with(&w, 1500);
	memcpy(q.by, questions[_i].by, sizeof(questions[_i].by));
	ck_assert_int_eq(
	    zone_load(&q.zone, str_from(questions[_i].zone), w.a, &e), 0);
	do {
		n = report_activity(w.sql, &q, w.a, &v, &next, &e);
		ck_assert_msg(n >= 0, "%s", e.msg);
		ck_assert(q.limit == 0 || n <= q.limit);
		ck_assert((next.p == NULL) || n == q.limit);
		for (int i = 0; i < n; i++) {
			ck_assert_int_lt(cmp_rows(&last, &v[i]), 0);
			last = v[i];
		}
		check_rows(&w, &q, v, n, &all);
		q.cursor = next;
	} while (next.p != NULL);
	q.cursor = STR_NONE;
	ck_assert_int_eq(report_totals(w.sql, &q.filter, &want, &e), 0);
	ck_assert_int_eq(all.v[REPORT_COST], want.v[REPORT_COST]);
	ck_assert_int_eq(all.v[REPORT_BILLED], want.v[REPORT_BILLED]);
	ck_assert_int_eq(all.v[REPORT_DISCOUNT], want.v[REPORT_DISCOUNT]);
	ck_assert_int_eq(all.v[REPORT_REQUESTS], want.v[REPORT_REQUESTS]);
	end(&w);
}
END_TEST

/* --- queries --- */

static struct str
param(void *arg, const char *name)
{
	struct str rest = str_from(arg), pair, value;

	while (rest.n > 0) {
		pair = str_split(&rest, '&');
		value = pair;
		if (str_is(str_split(&value, '='), name))
			return value.p == NULL ? STR("") : value;
	}
	return STR_NONE;
}

static const struct {
	const char *query;
	const char *bad; /* the parameter that is refused */
	int64_t from_ms, until_ms;
	int nby;
} queries[] = {
	{ "", NULL, T0 + 1 - 7 * DAY, T0 + 1, 0 },
	{ "range=1h&granularity=hour", NULL, T0 + 1 - HOUR, T0 + 1, 0 },
	{ "range=30d&group_by=model,key, header:Team", NULL, T0 + 1 - 30 * DAY,
	    T0 + 1, 3 },
	{ "from=2025-10-01&to=2025-10-02&timezone=Asia/Tokyo", NULL,
	    INT64_C(1759276800000), INT64_C(1759449600000), 0 },
	{ "from=2025-10-01T00:00:00Z", NULL, INT64_C(1759276800000), T0 + 1,
	    0 },
	{ "range=31d", "range", 0, 0, 0 },
	{ "range=1h&from=2025-10-01", "range", 0, 0, 0 },
	{ "from=yesterday", "from", 0, 0, 0 },
	{ "from=2025-10-03&to=2025-10-01", "to", 0, 0, 0 },
	{ "from=2026-10-03", "from", 0, 0, 0 },
	{ "granularity=week", "granularity", 0, 0, 0 },
	{ "granularity=hour&range=90d", "granularity", 0, 0, 0 },
	{ "group_by=model,model", "group_by", 0, 0, 0 },
	{ "group_by=color", "group_by", 0, 0, 0 },
	{ "group_by=header", "group_by", 0, 0, 0 },
	{ "group_by=header:", "group_by", 0, 0, 0 },
	{ "group_by=header:a\"b", "group_by", 0, 0, 0 },
	{ "timezone=Mars/Base", "timezone", 0, 0, 0 },
	{ "limit=0", "limit", 0, 0, 0 },
	{ "limit=501", "limit", 0, 0, 0 },
	{ "cached=1", "cached", 0, 0, 0 },
	{ "streamed=yes", "streamed", 0, 0, 0 },
	{ "status=abc", "status", 0, 0, 0 },
	{ "min_cost=-1", "min_cost", 0, 0, 0 },
	{ "min_cost=1e3", "min_cost", 0, 0, 0 },
};

START_TEST(query)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct report_activity q;
	struct err e = { 0 };
	char text[128];
	int rc;

	snprintf(text, sizeof(text), "%s", queries[_i].query);
	rc = report_read_activity(param, text, T0, a, &q, &e);
	if (queries[_i].bad != NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(e.code, ERR_BAD_PARAM);
		ck_assert_msg(
		    str_is(e.param, queries[_i].bad), "%.*s", STR_ARG(e.param));
	} else {
		ck_assert_msg(rc == 0, "%s", e.msg);
		ck_assert_int_eq(q.filter.from_ms, queries[_i].from_ms);
		ck_assert_int_eq(q.filter.until_ms, queries[_i].until_ms);
		ck_assert_int_eq(q.nby, queries[_i].nby);
	}
	arena_free(a);
}
END_TEST

START_TEST(filter_query)
{
	char text[] = "organization_id=o&project_id=p&key_id=k&model=m&"
		      "provider=v&status=404&error_code=c&request_id=r&"
		      "session_id=s&source=x&cached=true&streamed=false&"
		      "min_cost=0.000000285";
	struct report_filter f;
	struct err e = { 0 };

	ck_assert_int_eq(report_read_filter(param, text, &f, &e), 0);
	ck_assert(str_is(f.org, "o") && str_is(f.project, "p") &&
	    str_is(f.key, "k") && str_is(f.model, "m") &&
	    str_is(f.provider, "v") && str_is(f.error_code, "c") &&
	    str_is(f.request, "r") && str_is(f.session, "s") &&
	    str_is(f.source, "x"));
	ck_assert_int_eq(f.status, 404);
	ck_assert_int_eq(f.cached, REPORT_YES);
	ck_assert_int_eq(f.streamed, REPORT_NO);
	ck_assert_int_eq(f.min_cost_nano, 285);
}
END_TEST

/* --- answers --- */

START_TEST(json)
{
	static const char *const members[] = { "time", "model", "header:team",
		"requests", "errors", "error_rate", "cached", "cache_rate",
		"input_tokens", "cached_tokens", "cache_write_tokens",
		"output_tokens", "reasoning_tokens", "total_tokens", "cost",
		"input_cost", "cached_input_cost", "output_cost",
		"request_cost", "image_cost", "web_search_cost",
		"data_storage_cost", "billed", "own_key_cost",
		"discount_savings", "avg_duration_ms", "avg_ttft_ms" };
	struct report_activity q = { .step = REPORT_DAYS,
		.filter = { .from_ms = T0, .until_ms = T0 + DAY },
		.by = { REPORT_MODEL, REPORT_HEADER },
		.nby = 2,
		.header = STR("team") };
	struct report_row row = { .slot_ms = INT64_C(1759968000000),
		.by = { STR("m\"1"), { NULL, 0 } },
		.sums = { .v = { [REPORT_REQUESTS] = 120,
			      [REPORT_ERRORS] = 3,
			      [REPORT_CACHED] = 10,
			      [REPORT_COST] = 1000000001,
			      [REPORT_DURATION] = 5,
			      [REPORT_DURATIONS] = 2 } } };
	struct buf b = BUF_LIMIT(1 << 16);
	struct jw w = JW_TO(&b);
	struct str data;
	struct jmember m;
	struct jiter it;

	report_put_activity(&w, &q, &row.sums, &row, 1, STR_NONE);
	ck_assert(jscan_is_object(buf_str(&b)));
	data = jscan_at(buf_str(&b), "data");
	it = jscan_into(data);
	ck_assert(jscan_next(&it, &m));
	for (size_t i = 0; i < NROWS(members); i++)
		ck_assert_msg(
		    jscan_at(m.raw, members[i]).p != NULL, "%s", members[i]);
	ck_assert(str_is(jscan_at(m.raw, "time"), "\"2025-10-09T00:00:00Z\""));
	ck_assert(str_is(jscan_at(m.raw, "error_rate"), "0.025"));
	ck_assert(str_is(jscan_at(m.raw, "cache_rate"), "0.0833"));
	ck_assert(str_is(jscan_at(m.raw, "cost"), "1.000000001"));
	ck_assert(str_is(jscan_at(m.raw, "avg_duration_ms"), "3"));
	ck_assert(str_is(jscan_at(m.raw, "avg_ttft_ms"), "null"));
	ck_assert(str_is(jscan_at(m.raw, "header:team"), "null"));
	ck_assert(str_is(
	    jscan_at(buf_str(&b), "group_by"), "[\"model\",\"header:team\"]"));
	buf_free(&b);
}
END_TEST

static const struct {
	const char *text, *cell;
} cells[] = {
	{ "plain", "plain" },
	{ "a,b", "\"a,b\"" },
	{ "say \"x\"", "\"say \"\"x\"\"\"" },
	{ "two\nlines", "\"two\nlines\"" },
	{ "=1+1", "'=1+1" },
	{ "+1", "'+1" },
	{ "-1", "'-1" },
	{ "@x", "'@x" },
	{ "=a,\"b\"", "\"'=a,\"\"b\"\"\"" },
	{ "\tx", "'\tx" },
	{ "a=b", "a=b" },
	{ "", "" },
};

START_TEST(csv)
{
	struct report_activity q = {
		.step = REPORT_DAYS, .by = { REPORT_USER }, .nby = 1
	};
	struct report_row row = { .slot_ms = T0 };
	struct buf b = BUF_LIMIT(1 << 16);
	char want[200];

	for (size_t i = 0; i < NROWS(cells); i++) {
		buf_clear(&b);
		row.by[0] = str_from(cells[i].text);
		row.sums.v[REPORT_DISCOUNT] = -5; /* a number stays one */
		report_put_csv(&b, &q, &row, 1);
		buf_addc(&b, '\0');
		ck_assert(str_starts(
		    buf_str(&b), "time,user,requests,errors,error_rate,"));
		snprintf(want, sizeof(want),
		    "\r\n2025-10-09T08:53:20Z,%s,0,0,0,", cells[i].cell);
		ck_assert_msg(strstr(b.p, want) != NULL, "%s", b.p);
		ck_assert_ptr_nonnull(strstr(b.p, ",-0.000000005,,\r\n"));
	}
	buf_free(&b);
}
END_TEST

START_TEST(log_json)
{
	struct buf b = BUF_LIMIT(1 << 16);
	struct jw w = JW_TO(&b);
	struct usage_record r = { .id = STR("log_1"),
		.started_ms = T0,
		.status = 200,
		.duration_ms = 12,
		.ttft_ms = -1,
		.reasoning_ms = -1,
		.dropped = STR("seed, top_k"),
		.cost = { .total = 285, .input = 285, .billed = 285 } };

	report_put_log(&w, NULL, &r, NULL);
	ck_assert(jscan_is_object(buf_str(&b)));
	ck_assert(
	    str_is(jscan_at(buf_str(&b), "dropped"), "[\"seed\",\"top_k\"]"));
	ck_assert(str_is(jscan_at(buf_str(&b), "cost"), "0.000000285"));
	ck_assert(str_is(jscan_at(buf_str(&b), "ttft_ms"), "null"));
	ck_assert(str_is(jscan_at(buf_str(&b), "routing"), "[]"));
	ck_assert(str_is(jscan_at(buf_str(&b), "decision"), "null"));
	ck_assert(str_is(jscan_at(buf_str(&b), "state"), "\"completed\""));
	buf_clear(&b);
	w = JW_TO(&b);
	r.status = 499;
	report_put_usage(&w, &r);
	ck_assert(str_is(jscan_at(buf_str(&b), "state"), "\"cancelled\""));
	ck_assert(str_is(jscan_at(buf_str(&b), "log_id"), "\"log_1\""));
	buf_free(&b);
}
END_TEST

CASE(case_report)
{
	TCase *t = tcase_create("report");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, totals);
	tcase_add_test(t, list);
	tcase_add_test(t, bad_cursors);
	tcase_add_test(t, get);
	tcase_add_loop_test(t, activity, 0, (int)NROWS(questions));
	tcase_add_loop_test(t, query, 0, (int)NROWS(queries));
	tcase_add_test(t, filter_query);
	tcase_add_test(t, json);
	tcase_add_test(t, csv);
	tcase_add_test(t, log_json);
	return t;
}
