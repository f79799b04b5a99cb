/*
 * The targets of a request (api.md 12.5): the keys of the candidates in their
 * order, and the decision for its record.
 */
#include "base/clock.h"
#include "pipeline/choose.h"
#include "pipeline/keep.h"
#include "pipeline/record.h"
#include "pipeline/world.h"

#define DECISION_MAX ((size_t)8192)

/*
 * Keys that are well, in their order; if none is, all of them, beginning with
 * another each time.
 */
static int
order_keys(struct req *r, const struct upstream *u, int out[UPSTREAM_KEYS_MAX])
{
	unsigned turn;
	int n = 0;

	for (int i = 0; i < u->nkeys; i++)
		if (health_key_usable(r->world->health, u->marks[i]))
			out[n++] = i;
	if (n > 0 || u->nkeys == 0)
		return n;
	turn = atomic_fetch_add(&r->world->turn, 1);
	for (int i = 0; i < u->nkeys; i++)
		out[n++] = (int)((turn + (unsigned)i) % (unsigned)u->nkeys);
	return n;
}

static void
add_keys(struct req *r, const struct candidate *c, int u)
{
	int keys[UPSTREAM_KEYS_MAX] = { 0 };
	int n = order_keys(r, c->u[u], keys), i = 0;

	do {
		if (r->ntargets == ATTEMPTS_MAX)
			return;
		r->targets[r->ntargets++] = (struct target){
			.upstream = c->u[u],
			.way = c->way[u],
			.efforts = c->m->efforts,
			.limit = c->m->max_output,
			.now = clock_wall_ms() / 1000,
			.key = keys[i],
			.model = arena_dup(r->life, c->m->upstream),
			.region = arena_dup(r->life, r->route.region),
			.caps = c->m->caps,
			.mapping = c->m,
			.place = c->place,
			.spare = c->spare,
		};
	} while (++i < n && i < CHOOSE_KEYS);
}

/* Own keys that are well go first. */
static void
add_targets(struct req *r, const struct candidate *c)
{
	for (int well = 1; well >= 0; well--)
		for (int i = 0; i < c->nu; i++)
			if (c->good[i] == (well == 1))
				add_keys(r, c, i);
}

/* The same offer as one that is a target, by another key? */
static bool
is_again(const struct choosing *c, const struct candidate *x)
{
	for (int i = 0; (x->second || x->spare) && i < c->r->ntargets; i++)
		if (c->r->targets[i].mapping == x->m)
			return true;
	return false;
}

/* If every circuit is open, the one with the best score is tried (12.6). */
static bool
all_open(const struct choosing *c)
{
	for (int i = 0; i < c->n; i++)
		if (c->v[i].gate != HEALTH_OPEN)
			return false;
	return true;
}

/*
 * A pinned request, or one that wants no fallback, uses other keys of its
 * provider only (api.md 12.5); ours behind own ones are such.
 */
void
choose_targets(struct choosing *c)
{
	struct req *r = c->r;
	int max = (int)r->world->conf.max_fallback_providers + 1, n = 0;
	const struct candidate *x;

	if (r->no_retry || choose_is_pinned(r) || all_open(c))
		max = 1;
	for (int i = 0; i < c->n && r->ntargets < ATTEMPTS_MAX; i++) {
		x = &c->v[c->order[i]];
		if (is_again(c, x))
			add_targets(r, x);
		else if (n < max) {
			add_targets(r, x);
			n++;
		}
	}
}

void
choose_note(struct choosing *c)
{
	struct buf b = BUF_LIMIT(DECISION_MAX);
	struct jw w = JW_TO(&b);
	const struct score_candidate *s;

	if (c->n == 1) {
		c->r->record.decision = arena_fmt(c->r->life,
		    "{\"reason\":\"%s\",\"candidates\":[{\"provider\":"
		    "\"%.*s\",\"score\":0}]}",
		    c->reason, STR_ARG(c->v[0].m->provider));
		return;
	}
	jw_obj(&w, NULL);
	jw_strc(&w, "reason", c->reason);
	jw_arr(&w, "candidates");
	for (int i = 0; i < c->n; i++) {
		s = &c->score[c->order[i]];
		jw_obj(&w, NULL);
		jw_str(&w, "provider", c->v[c->order[i]].m->provider);
		if (c->v[c->order[i]].own)
			jw_bool(&w, "own", true);
		jw_nano(&w, "score", score_nano(s->score));
		if (s->seen) {
			jw_nano(&w, "uptime", score_nano(s->uptime));
			jw_nano(&w, "latency", score_nano(s->latency));
			jw_nano(&w, "throughput", score_nano(s->throughput));
		}
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	if (!b.full)
		c->r->record.decision = arena_dup(c->r->life, buf_str(&b));
	buf_free(&b);
}

enum verdict
stage_route(struct req *r)
{
	struct choosing c __attribute__((uninitialized));

	if (route_usable(&r->route, &r->route_world, &r->err) == -1)
		return keep_unrouted(r);
	c.r = r;
	c.dry = false;
	c.drops = NULL;
	if (choose_candidates(&c) == -1)
		return FAIL;
	choose_order(&c);
	choose_targets(&c);
	choose_note(&c);
	record_resolved(r);
	return NEXT;
}
