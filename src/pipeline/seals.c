#include "base/hash.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/seals.h"
#include "pipeline/world.h"
#include "store/cache.h"

#define SEAL_MS ((int64_t)24 * 3600 * 1000)
#define SEALS_BYTES ((size_t)1024 * 1024) /* of one answer */
#define CALLS_ASKED 64 /* the last of a conversation; Google looks at them */

/* In req.seals: both strings follow. */
struct note {
	size_t id, seal; /* bytes */
};

/* On their way into the store. */
struct deposit {
	struct loop_task task; /* first, so casts work */
	struct arena *arena;   /* of all this */
	struct keep *keep;
	struct str org, project;
	struct buf notes;
};

static void
key_of(struct str project, struct str id, unsigned char key[CACHE_KEY])
{
	struct buf b = BUF_LIMIT(SIZE_MAX);

	buf_add(&b, STR("seal "));
	buf_int(&b, (int64_t)project.n);
	buf_addc(&b, ' ');
	buf_add(&b, project);
	buf_add(&b, id);
	hash_sha256(buf_str(&b), key);
	buf_free(&b);
}

/* --- keeping --- */

void
seals_note(struct req *r, const struct llm_event *ev)
{
	struct note n;

	if (ev->kind != LLM_EV_OPEN || ev->open.kind != LLM_CALL ||
	    ev->open.id.n == 0 || ev->open.seal.n == 0)
		return;
	n = (struct note){ ev->open.id.n, ev->open.seal.n };
	r->seals.limit = SEALS_BYTES;
	if (r->seals.n + sizeof(n) + n.id + n.seal > SEALS_BYTES)
		return;
	buf_add(&r->seals, (struct str){ (const char *)&n, sizeof(n) });
	buf_add(&r->seals, ev->open.id);
	buf_add(&r->seals, ev->open.seal);
}

static bool
next_note(struct str *rest, struct str *id, struct str *seal)
{
	struct note n;

	if (rest->n < sizeof(n))
		return false;
	memcpy(&n, rest->p, sizeof(n));
	*id = (struct str){ rest->p + sizeof(n), n.id };
	*seal = (struct str){ id->p + n.id, n.seal };
	rest->p += sizeof(n) + n.id + n.seal;
	rest->n -= sizeof(n) + n.id + n.seal;
	return true;
}

/* Front thread. */
static void
deposit(struct loop_task *t)
{
	struct deposit *d = (struct deposit *)t;
	struct cache *c = keep_store(d->keep);
	struct str rest = buf_str(&d->notes), id, seal;
	unsigned char key[CACHE_KEY];
	struct err e = { 0 };

	while (c != NULL && next_note(&rest, &id, &seal)) {
		key_of(d->project, id, key);
		if (cache_put(c, d->org, key, seal, SEAL_MS, &e) != -1)
			continue;
		keep_failed(d->keep, &e);
		break;
	}
	buf_free(&d->notes);
	arena_free(d->arena);
}

void
seals_end(struct req *r)
{
	struct arena *a;
	struct deposit *d;

	if (r->seals.n == 0)
		return;
	a = arena_new(256, SIZE_MAX);
	d = ARENA_NEW(a, struct deposit);
	d->task.run = deposit;
	d->arena = a;
	d->keep = r->world->keep;
	d->org = arena_dup(a, str_from(r->who->org->id));
	d->project = arena_dup(a, str_from(r->who->project));
	d->notes = r->seals;
	r->seals = BUF_LIMIT(0);
	fronts_task(r->world->fronts, &d->task);
}

/* --- putting them back --- */

static bool
contains(struct str s, struct str word)
{
	return memmem(s.p, s.n, word.p, word.n) != NULL;
}

/* May there be calls in it, as any dialect spells them? */
static bool
has_calls(struct str body)
{
	return contains(body, STR("\"tool_calls\"")) ||
	    contains(body, STR("\"tool_use\"")) ||
	    contains(body, STR("\"function_call\""));
}

static bool
wants_seals(const struct req *r)
{
	for (int i = 0; i < r->ntargets; i++)
		if ((r->targets[i].caps & LLM_WANTS_SEALS) != 0)
			return true;
	return false;
}

static bool
lacks_seal(const struct llm_part *p)
{
	return p->kind == LLM_CALL && p->call.seal.n == 0 && p->call.id.n > 0;
}

/* Calls without one in all messages; those before the last are skipped. */
static int
count(const struct req *r)
{
	int n = 0;

	for (const struct llm_message *m = r->chat.messages; m != NULL;
	     m = m->next)
		for (const struct llm_part *p = m->parts; p != NULL;
		     p = p->next)
			n += lacks_seal(p);
	return n;
}

static int
find(struct req *r, struct cache *c, struct llm_part *p)
{
	unsigned char key[CACHE_KEY];
	struct err e = { 0 };
	int rc;

	key_of(str_from(r->who->project), p->call.id, key);
	rc = cache_get(
	    c, str_from(r->who->org->id), key, r->setup, &p->call.seal, &e);
	if (rc == -1)
		keep_failed(r->world->keep, &e);
	return rc;
}

static void
find_all(struct req *r, struct cache *c)
{
	int skip = count(r) - CALLS_ASKED;

	for (struct llm_message *m = r->chat.messages; m != NULL; m = m->next)
		for (struct llm_part *p = m->parts; p != NULL; p = p->next)
			if (lacks_seal(p) && skip-- <= 0 && find(r, c, p) == -1)
				return;
}

enum verdict
stage_seals(struct req *r)
{
	struct cache *c;

	if (!wants_seals(r) || !has_calls(r->chat.body))
		return NEXT;
	if (loop_is_here(r->world->loop))
		return loop_defer(r);
	if ((c = keep_store(r->world->keep)) == NULL)
		return NEXT;
	if (r->chat.doc == NULL &&
	    r->chat.from->decode_request(&r->chat, r->setup, &r->err) == -1)
		return FAIL;
	find_all(r, c);
	return NEXT;
}
