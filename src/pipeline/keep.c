#include "base/clock.h"
#include "pipeline/keep.h"
#include "pipeline/keep_key.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/world.h"

#define REST_MS 1000 /* a store that failed is left alone */
#define LOOK_MS 10   /* between two looks whether the other has its answer */
#define FLIGHTS_MAX ((size_t)1024 * 1024) /* bytes of their keys */

struct keep {
	struct arena *arena; /* of this */
	struct world *world;
	pthread_mutex_t lock;
	struct cache *cache; /* NULL: not opened yet */
	int64_t rest_until;  /* clock_ms() */
	struct buf
	    flights; /* keys of those in the air that may be waited for */
};

void
keep_open(struct keep **out, struct world *w)
{
	struct arena *a = arena_new(sizeof(struct keep), SIZE_MAX);
	struct keep *k = ARENA_NEW(a, struct keep);

	k->arena = a;
	k->world = w;
	k->flights = BUF_LIMIT(FLIGHTS_MAX);
	pthread_mutex_init(&k->lock, NULL);
	*out = k;
}

void
keep_close(struct keep *k)
{
	if (k == NULL)
		return;
	buf_free(&k->flights);
	cache_close(k->cache);
	pthread_mutex_destroy(&k->lock);
	arena_free(k->arena);
}

void
keep_tend(struct keep *k)
{
	struct cache *c;

	pthread_mutex_lock(&k->lock);
	c = k->cache;
	pthread_mutex_unlock(&k->lock);
	if (c != NULL)
		cache_tend(c);
}

/* --- the store --- */

void
keep_count(const struct keep *k, const char *result)
{
	struct str label = str_from(result);

	metrics_add(k->world->metrics, METRIC_CACHE, &label, 1);
}

void
keep_failed(struct keep *k, const struct err *e)
{
	struct str store = STR("cache");
	int64_t now = clock_ms();
	bool first;

	metrics_add(k->world->metrics, METRIC_STORE_ERRORS, &store, 1);
	pthread_mutex_lock(&k->lock);
	first = k->rest_until < now;
	k->rest_until = now + REST_MS;
	pthread_mutex_unlock(&k->lock);
	if (first)
		log_say(&k->world->log, LOG_WARN_,
		    "the response cache fails: %s", e->msg);
}

struct cache *
keep_store(struct keep *k)
{
	const struct conf *c = &k->world->conf;
	struct err e = { 0 };
	struct cache *cache;
	int rc = 0;

	pthread_mutex_lock(&k->lock);
	if (k->cache == NULL && k->rest_until < clock_ms())
		rc = cache_open(&k->cache,
		    c->store_cache[0] != '\0' ? c->store_cache : c->store_kv,
		    c->cache_max_bytes, &k->world->log, &e);
	cache = k->rest_until < clock_ms() ? k->cache : NULL;
	pthread_mutex_unlock(&k->lock);
	if (rc == -1)
		keep_failed(k, &e);
	return rc == -1 ? NULL : cache;
}

/* --- requests in the air --- */

/* Under the lock. */
static char *
flight_of(const struct keep *k, const unsigned char key[CACHE_KEY])
{
	char *p = k->flights.p, *end = p + k->flights.n;

	for (; p < end; p += CACHE_KEY)
		if (memcmp(p, key, CACHE_KEY) == 0)
			return p;
	return NULL;
}

static bool
in_the_air(struct keep *k, const unsigned char key[CACHE_KEY])
{
	bool found;

	pthread_mutex_lock(&k->lock);
	found = flight_of(k, key) != NULL;
	pthread_mutex_unlock(&k->lock);
	return found;
}

/* false: there are very many already. */
static bool
take_off(struct keep *k, const unsigned char key[CACHE_KEY])
{
	bool full;

	pthread_mutex_lock(&k->lock);
	buf_add(&k->flights, (struct str){ (const char *)key, CACHE_KEY });
	full = k->flights.full;
	k->flights.full = false;
	pthread_mutex_unlock(&k->lock);
	return !full;
}

void
keep_land(struct keep *k, const unsigned char key[CACHE_KEY])
{
	char *p;

	pthread_mutex_lock(&k->lock);
	if ((p = flight_of(k, key)) != NULL) {
		k->flights.n -= CACHE_KEY;
		memmove(p, k->flights.p + k->flights.n, CACHE_KEY);
	}
	pthread_mutex_unlock(&k->lock);
}

/* Has the other its answer, or none?  Then the store is asked once more. */
static void
look(struct req *r, int64_t now)
{
	struct kept *k = r->kept;

	if (r->gone) {
		loop_over(r);
		return;
	}
	if (now < k->until_ms && in_the_air(r->world->keep, k->key)) {
		loop_due(r, now + LOOK_MS);
		return;
	}
	r->on_due = NULL;
	loop_queue(r);
}

static enum verdict
wait_for_other(struct req *r, int64_t ms)
{
	int64_t now = clock_ms();

	r->kept->waited = true;
	r->kept->until_ms = now + ms;
	r->at--; /* this stage once more */
	r->state = REQ_TIMED;
	r->on_due = look;
	r->due_ms = now + LOOK_MS;
	return loop_give(r);
}

/* --- asking --- */

static struct kept *
begin(struct req *r)
{
	struct kept *k = ARENA_NEW(r->life, struct kept);
	const struct keep_ask ask = {
		.project = str_from(r->who->project),
		.endpoint = str_from(r->endpoint->path),
		.version = r->chat.version,
		.betas = r->chat.betas,
		.model = r->route.root,
		.provider = r->route.provider,
		.region = r->route.region,
		.stream = r->chat.stream,
		.updated_ms = r->who->project_updated_ms,
		.guardrails = (int64_t)r->who->org->guard_generation,
		.shape = str_from(r->world->conf.reasoning_field),
		.members = r->chat.members,
		.nmembers = r->chat.nmembers,
	};

	keep_key(&ask, k->key);
	k->copy.limit = (size_t)r->world->conf.cache_max_entry;
	k->marks.limit = k->copy.limit;
	return k;
}

static bool
find(struct req *r, struct keep_entry *e)
{
	struct keep *k = r->world->keep;
	struct cache *c = keep_store(k);
	struct err err = { 0 };
	struct str value;
	int rc;

	if (c == NULL)
		return false;
	rc = cache_get(
	    c, str_from(r->who->org->id), r->kept->key, r->life, &value, &err);
	if (rc == -1)
		keep_failed(k, &err);
	return rc == 1 && keep_unpack(e, r->kept->key, value, r->life) == 0;
}

/* Chats in every dialect, and embeddings. */
static bool
is_kind(const struct req *r)
{
	enum llm_task task = r->endpoint->dialect->task;

	return (task == LLM_CHAT && r->chat.envelope.n == 0) ||
	    task == LLM_EMBED;
}

static bool
is_barred(const struct req *r)
{
	return str_is_nocase(req_param(r, "HTTP_X_NO_CACHE"), "true") ||
	    keep_is_hosted(&r->chat);
}

enum verdict
stage_keep(struct req *r)
{
	int64_t wait_ms = r->world->conf.cache_single_flight;
	struct keep *k = r->world->keep;
	struct keep_entry *e;

	if (!r->who->caching || !is_kind(r))
		return NEXT;
	if (is_barred(r)) {
		keep_count(k, "bypass");
		return NEXT;
	}
	if (loop_is_here(r->world->loop))
		return loop_defer(r);
	if (r->kept == NULL)
		r->kept = begin(r);
	e = ARENA_NEW(r->life, struct keep_entry);
	if (find(r, e)) {
		keep_count(k, "hit");
		return keep_answer(r, e);
	}
	if (r->unrouted != NULL) {
		keep_count(k, "miss");
		r->err = *r->unrouted;
		return FAIL;
	}
	if (wait_ms > 0 && !r->kept->waited && in_the_air(k, r->kept->key))
		return wait_for_other(r, wait_ms);
	if (wait_ms > 0)
		r->kept->leads = take_off(k, r->kept->key);
	keep_count(k, "miss");
	return NEXT;
}

enum verdict
keep_unrouted(struct req *r)
{
	struct err *e;

	if (!r->who->caching || !is_kind(r) || is_barred(r))
		return FAIL;
	e = ARENA_NEW(r->life, struct err);
	*e = r->err;
	e->param = arena_dup(r->life, e->param);
	e->word = arena_dup(r->life, e->word);
	r->unrouted = e;
	r->err = (struct err){ .code = ERR_NONE };
	record_resolved(r);
	return NEXT;
}
