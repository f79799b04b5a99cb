/* Health, metrics, and every path that nobody else has. */
#include "base/clock.h"
#include "domain/change.h"
#include "pipeline/path.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define OPENAPI_MAX ((size_t)8 * 1024 * 1024)
#define METRICS_MAX ((size_t)16 * 1024 * 1024)

struct check {
	bool skipped;
	bool connected;
	const char *error; /* if not connected */
	const char *backend;
};

/* Is this name in the comma list, blanks trimmed, case ignored? */
static bool
in_list(struct str list, const char *name)
{
	while (list.n > 0)
		if (str_is_nocase(str_trim(str_split(&list, ',')), name))
			return true;
	return false;
}

/* A store answers within health_timeout, or it counts as down. */
static void
judge(const struct world *w, struct check *c, bool answered, int64_t began)
{
	c->connected = answered;
	if (!answered)
		c->error = clock_ms() - began >= w->conf.health_timeout ?
			  "timed out" :
			  "connection failed";
}

static void
check_sql(struct world *w, struct check *c)
{
	int64_t began = clock_ms();
	struct err e = { 0 };

	pthread_mutex_lock(&w->sql_lock);
	judge(w, c, sql_ping(w->sql, &e) == 0, began);
	pthread_mutex_unlock(&w->sql_lock);
}

struct kv_check {
	struct world *world;
	struct check *check;
};

static void *
check_kv(void *arg)
{
	struct kv_check *k = arg;
	struct world *w = k->world;
	int64_t began = clock_ms();
	struct err e = { 0 };

	judge(w, k->check,
	    counters_ping(w->counters, w->conf.health_timeout, &e) == 0, began);
	return NULL;
}

/* Both at once, where both may take their time. */
static void
check_both(struct world *w, struct check *kv, struct check *sql)
{
	struct kv_check k = { w, kv };
	pthread_t t;
	bool beside = !kv->skipped && !sql->skipped &&
	    !counters_quick(w->counters) &&
	    pthread_create(&t, NULL, check_kv, &k) == 0;

	if (!sql->skipped)
		check_sql(w, sql);
	if (beside)
		pthread_join(t, NULL);
	else if (!kv->skipped)
		check_kv(&k);
}

static void
put_check(struct jw *w, const char *key, const struct check *c)
{
	jw_obj(w, key);
	jw_bool(w, "connected", c->connected);
	jw_strc(w, "backend", c->backend);
	if (c->skipped)
		jw_bool(w, "skipped", true);
	if (!c->connected)
		jw_strc(w, "error", c->error);
	jw_end(w);
}

static void
put_health(struct req *r, const struct check *kv, const struct check *sql,
    struct buf *b)
{
	bool draining = atomic_load(&r->world->draining);
	bool ok = kv->connected && sql->connected && !draining;
	struct jw w = JW_TO(b);

	jw_obj(&w, NULL);
	jw_strc(&w, "message",
	    ok		       ? "LLM Gateway is running" :
	    draining	       ? "Service Unavailable - shutting down" :
	    kv->connected      ? "Service Unavailable - Database is unavailable" :
	    sql->connected     ? "Service Unavailable - Redis is unavailable" :
				 "Service Unavailable - Redis, Database are "
				 "unavailable");
	jw_strc(&w, "version", PACKAGE_VERSION);
	jw_obj(&w, "health");
	jw_strc(&w, "status", ok ? "healthy" : "unhealthy");
	put_check(&w, "redis", kv);
	put_check(&w, "database", sql);
	jw_end(&w);
	if (!ok) {
		jw_bool(&w, "error", true);
		jw_int(&w, "status", 503);
		jw_strc(&w, "code",
		    draining ? "shutting_down" : "unhealthy");
	}
	jw_end(&w);
	reply_whole(r, ok ? 200 : 503, NULL,
	    ok ? STR("") : STR("Retry-After: 5\r\n"), buf_str(b));
}

enum verdict
stage_health(struct req *r)
{
	struct str skip = path_query(r, "skip");
	struct buf b = BUF_LIMIT(4096);
	struct check sql = { .connected = true,
		.backend = sql_backend(r->world->sql) };
	struct check kv = { .connected = true,
		.backend = counters_backend(r->world->counters) };

	kv.skipped = in_list(skip, "redis");
	sql.skipped = in_list(skip, "database");
	check_both(r->world, &kv, &sql);
	put_health(r, &kv, &sql, &b);
	buf_free(&b);
	return DONE;
}

static bool
may_scrape(const struct req *r)
{
	struct str want = str_from(r->world->conf.metrics_token);
	struct str got = req_param(r, "HTTP_AUTHORIZATION");

	if (want.n == 0)
		return true;
	if (got.n < 7 || strncasecmp(got.p, "Bearer ", 7) != 0)
		return false;
	got = str_trim((struct str){ got.p + 7, got.n - 7 });
	return got.n == want.n && hash_equal(got.p, want.p, want.n);
}

/* Not of one process: what all of them hold. */
static void
put_held(struct counters *c, struct buf *b)
{
	static const char *const heads[] = {
		"# HELP gateway_reservations_open Requests that hold something.\n"
		"# TYPE gateway_reservations_open gauge\n"
		"gateway_reservations_open{service=\"llmgateway-gateway\"} ",
		"# HELP gateway_reserved_usd Money that requests hold.\n"
		"# TYPE gateway_reserved_usd gauge\n"
		"gateway_reserved_usd{service=\"llmgateway-gateway\"} "
	};
	struct jw w = JW_TO(b);
	int64_t holds, nano;

	counters_held(c, &holds, &nano);
	buf_add(b, str_from(heads[0]));
	buf_int(b, holds);
	buf_addc(b, '\n');
	buf_add(b, str_from(heads[1]));
	jw_nano(&w, NULL, nano);
	buf_addc(b, '\n');
}

/* Who answers, and who does not. */
static void
put_stores(struct world *w, struct buf *b)
{
	struct check sql = { .backend = sql_backend(w->sql) };
	struct check kv = { .backend = counters_backend(w->counters) };
	const struct check *const all[] = { &sql, &kv };

	check_both(w, &kv, &sql);
	buf_add(b,
	    STR("# HELP gateway_store_up Whether a store answers.\n"
		"# TYPE gateway_store_up gauge\n"));
	for (size_t i = 0; i < NROWS(all); i++)
		buf_fmt(b, "gateway_store_up{" METRICS_SERVICE
		    ",store=\"%s\"} %d\n",
		    all[i]->backend, all[i]->connected);
}

/* The version of what the admin API sets; without the database there is none. */
static void
put_generation(struct world *w, struct buf *b)
{
	struct err ignored = { 0 };
	int64_t version;
	int rc;

	pthread_mutex_lock(&w->read_lock);
	rc = change_read(w->read_sql, &version, &ignored);
	pthread_mutex_unlock(&w->read_lock);
	buf_add(b,
	    STR("# HELP gateway_config_generation Grows with each change of "
		"what is configured in the database.\n"
		"# TYPE gateway_config_generation gauge\n"));
	if (rc == 0)
		buf_fmt(b,
		    "gateway_config_generation{" METRICS_SERVICE "} %lld\n",
		    (long long)version);
}

/* Of the gateway's own keys. */
static void
put_keys(const struct world *w, struct buf *b)
{
	enum { STATES = NROWS(health_key_words) };
	const struct upstream *u;
	struct health_key_state key;
	int i, k, n[STATES];

	buf_add(b,
	    STR("# HELP gateway_keys Keys of providers by their state.\n"
		"# TYPE gateway_keys gauge\n"));
	for (i = 0; i < providers_count(w->providers); i++) {
		u = providers_at(w->providers, i);
		memset(n, 0, sizeof(n));
		for (k = 0; k < u->nkeys; k++) {
			health_key_state(w->health, u->marks[k], &key);
			n[key.why]++;
		}
		for (k = 0; u->nkeys > 0 && k < STATES; k++)
			buf_fmt(b,
			    "gateway_keys{" METRICS_SERVICE
			    ",provider=\"%.*s\",state=\"%s\"} %d\n",
			    STR_ARG(u->id), health_key_words[k], n[k]);
	}
}

/* How many models of a provider have an open circuit; -1: none was asked. */
static int
count_open(const struct world *w, struct str provider)
{
	struct health_state s;
	int n = -1;

	for (int i = 0; i < health_places(); i++)
		if (health_state(w->health, i, &s) &&
		    str_eq(s.provider, provider))
			n = (n < 0 ? 0 : n) + (s.gate != HEALTH_CLOSED);
	return n;
}

static void
put_breakers(const struct world *w, struct buf *b)
{
	const struct upstream *u;
	int i, n;

	buf_add(b,
	    STR("# HELP gateway_breaker_open Models whose circuit is open.\n"
		"# TYPE gateway_breaker_open gauge\n"));
	for (i = 0; i < providers_count(w->providers); i++) {
		u = providers_at(w->providers, i);
		if ((n = count_open(w, u->id)) >= 0)
			buf_fmt(b,
			    "gateway_breaker_open{" METRICS_SERVICE
			    ",provider=\"%.*s\"} %d\n",
			    STR_ARG(u->id), n);
	}
}

enum verdict
stage_metrics(struct req *r)
{
	struct buf b = BUF_LIMIT(METRICS_MAX);

	if (!may_scrape(r)) {
		err_set(&r->err, ERR_AUTH, "Unauthorized: Invalid API key");
		return FAIL;
	}
	metrics_text(r->world->metrics, &b);
	put_held(r->world->counters, &b);
	put_stores(r->world, &b);
	put_generation(r->world, &b);
	put_keys(r->world, &b);
	put_breakers(r->world, &b);
	reply_whole(r, 200, "text/plain; version=0.0.4; charset=utf-8",
	    STR(""), buf_str(&b));
	buf_free(&b);
	return DONE;
}

/* What the main of the program knows about all programs. */
enum verdict
stage_openapi(struct req *r)
{
	struct buf b = BUF_LIMIT(OPENAPI_MAX);

	if (r->world->program->describe == NULL)
		return stage_not_found(r);
	r->world->program->describe(&b);
	reply_whole(r, 200, NULL, STR("Cache-Control: max-age=300\r\n"),
	    buf_str(&b));
	buf_free(&b);
	return DONE;
}

enum verdict
stage_not_found(struct req *r)
{
	err_set(&r->err, ERR_NOT_FOUND, "Not found");
	return FAIL;
}

/* Nothing is kept between requests. */
enum verdict
stage_stored(struct req *r)
{
	err_set(&r->err, ERR_NOT_FOUND, "Responses are not stored");
	return FAIL;
}
