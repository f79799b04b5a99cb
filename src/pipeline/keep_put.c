/* Answers into the store, once they have gone out whole. */
#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/relay.h"
#include "pipeline/world.h"

#define LIFE_MAX ((size_t)256 * 1024 * 1024)

static void
mark(struct kept *k, struct str bytes)
{
	struct keep_mark m = { .events = 0 };
	int64_t now = clock_ms();
	const char *p = bytes.p, *end = bytes.p + bytes.n;

	while ((p = memmem(p, (size_t)(end - p), "\n\n", 2)) != NULL) {
		m.events++;
		p += 2;
	}
	m.wait_ms = k->marked_ms == 0 ? 0 : (uint32_t)(now - k->marked_ms);
	k->marked_ms = now;
	buf_add(&k->marks, (struct str){ (const char *)&m, sizeof(m) });
}

void
keep_copy(struct req *r, struct str bytes)
{
	struct kept *k = r->kept;

	if (k->copy.full || k->hit || bytes.n == 0)
		return;
	buf_add(&k->copy, bytes);
	if (k->copy.full) { /* it will not be kept */
		buf_free(&k->copy);
		k->copy.full = true;
	} else if (r->chat.stream &&
	    strcmp(r->world->conf.replay_gaps, "original") == 0)
		mark(k, bytes);
}

/* An answer on its way into the store. */
struct deposit {
	struct loop_task task; /* first, so casts work */
	struct arena *arena;   /* of all this */
	struct keep *keep;
	const struct dialect *dialect;
	bool stream, leads;
	unsigned char key[CACHE_KEY];
	struct str org;
	int64_t ttl_ms;
	struct keep_entry entry;
	struct buf copy, marks;
};

static void
store(struct deposit *d, const struct str *value)
{
	struct keep *k = d->keep;
	struct cache *c = keep_store(k);
	struct err e = { 0 };
	int rc;

	if (c == NULL)
		return;
	rc = cache_put(c, d->org, d->key, *value, d->ttl_ms, &e);
	if (rc == -1)
		keep_failed(k, &e);
	else if (rc == 1)
		keep_count(k, "stored");
}

/* Front thread. */
static void
deposit(struct loop_task *t)
{
	struct deposit *d = (struct deposit *)t;
	struct arena *a = d->arena;
	struct buf b = BUF_LIMIT(LIFE_MAX);
	struct str value;

	d->entry.marks = (const struct keep_mark *)(const void *)d->marks.p;
	d->entry.nmarks = d->marks.n / sizeof(struct keep_mark);
	if (reuse_cut(d->dialect, d->stream, buf_str(&d->copy), &d->entry.usage,
		a, &d->entry.answer) == 0) {
		keep_pack(&d->entry, d->key, &b);
		value = buf_str(&b);
		if (!b.full)
			store(d, &value);
	}
	if (d->leads)
		keep_land(d->keep, d->key);
	buf_free(&b);
	buf_free(&d->copy);
	buf_free(&d->marks);
	arena_free(a);
}

/* Whole, well, and not blocked? */
static bool
is_good(const struct req *r, const struct llm_facts *f)
{
	if (!r->complete || r->status != 200 || r->err.code != ERR_NONE ||
	    f == NULL || attempt_target(r) == NULL)
		return false;
	return f->why == LLM_STOP_END || f->why == LLM_STOP_LENGTH ||
	    f->why == LLM_STOP_CALLS || f->why == LLM_STOP_SEQUENCE;
}

static void
hand_over(struct req *r, const struct llm_facts *f)
{
	struct arena *a = arena_new(4096, LIFE_MAX);
	struct deposit *d = ARENA_NEW(a, struct deposit);
	struct kept *k = r->kept;
	struct keep_entry *e = &d->entry;

	d->task.run = deposit;
	d->arena = a;
	d->keep = r->world->keep;
	d->dialect = r->endpoint->dialect;
	d->stream = r->chat.stream;
	d->leads = k->leads;
	memcpy(d->key, k->key, CACHE_KEY);
	d->org = arena_dup(a, str_from(r->who->org->id));
	d->ttl_ms = r->who->cache_ttl_ms;
	e->used_model = arena_dup(a, r->record.used_model);
	e->used_provider = arena_dup(a, r->record.used_provider);
	e->upstream_model = arena_dup(a, r->record.upstream_model);
	e->used_region = arena_dup(a, attempt_target(r)->region);
	e->dropped = arena_dup(a, buf_str(&r->dropped));
	e->raw_stop = arena_dup(a, str_from(f->raw_stop));
	e->why = f->why;
	e->usage = r->record.usage;
	d->copy = k->copy;
	d->marks = k->marks;
	k->copy = k->marks = BUF_LIMIT(0);
	fronts_task(r->world->fronts, &d->task);
}

void
keep_end(struct req *r)
{
	const struct llm_facts *f = relay_facts(r);
	struct kept *k = r->kept;

	if (!k->hit && !k->copy.full && k->copy.n > 0 && is_good(r, f))
		hand_over(r, f);
	else if (k->leads)
		keep_land(r->world->keep, k->key);
	buf_free(&k->copy);
	buf_free(&k->marks);
}
