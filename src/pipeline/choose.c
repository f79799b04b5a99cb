/*
 * Who is asked, and in which order (api.md 12.3 to 12.5): the candidates that
 * can be told what the request says, ranked by domain/score.h with what is
 * known of their health.
 */
#include <math.h>

#include "base/clock.h"
#include "domain/price.h"
#include "domain/score.h"
#include "pipeline/keep.h"
#include "pipeline/own.h"
#include "pipeline/record.h"
#include "pipeline/world.h"

#define KEYS_MAX 3         /* of one provider: the first and two more */
#define UPTIME_PINNED 90.0 /* below it a pinned provider is left */
#define UPTIME_KEPT 85.0   /* and the one that was chosen last */
#define SCORE_KEPT 0.15    /* what another has to be better by */
#define BYTES_PER_TOKEN 4
#define OURS 1000 /* behind all own keys (api.md 12.3) */
#define DECISION_MAX ((size_t)8192)

/*
 * A mapping, and who is asked: the organisation's own keys of the provider,
 * each an upstream of its own, or ours; in mode hybrid it may stand there
 * twice.  Own keys have no place: whether they are any good says nothing of the
 * provider to others.
 */
struct candidate {
	const struct mapping *m;
	const struct upstream *u[KEYS_MAX];
	const struct way *way[KEYS_MAX];
	bool good[KEYS_MAX]; /* it has a key that is not resting */
	int nu;
	bool own;
	bool second; /* ours, and there are own ones */
	bool spare; /* own, unwell: if credits do not cover others */
	int place;
	enum health_gate gate;
};

struct choosing {
	struct req *r;
	struct candidate v[ROUTE_MAX];
	int n;
	struct score_candidate score[SCORE_MAX];
	int order[SCORE_MAX];
	const char *reason;
};
_Static_assert(SCORE_MAX >= ROUTE_MAX, "all candidates have a score");

static bool
is_pinned(const struct req *r)
{
	return r->route.provider.p != NULL;
}

/* --- candidates --- */

static bool
has_good_key(const struct req *r, const struct upstream *u)
{
	for (int i = 0; i < u->nkeys; i++)
		if (health_key_usable(r->world->health, u->marks[i]))
			return true;
	return u->nkeys == 0;
}

static void
add_upstream(struct candidate *to, const struct req *r,
    const struct upstream *u, unsigned says, unsigned *deaf)
{
	const struct way *w =
	    provider_way(u, r->chat.from, to->m->caps, says, deaf);

	if (w == NULL)
		return;
	to->u[to->nu] = u;
	to->way[to->nu] = w;
	to->good[to->nu++] = has_good_key(r, u);
}

static bool
finish(struct choosing *c, struct candidate *to)
{
	to->gate = health_peek(c->r->world->health, to->place);
	c->n += to->nu > 0;
	return to->nu > 0;
}

/* By our own key.  false: it cannot be told what the request says. */
static bool
add_ours(
    struct choosing *c, const struct mapping *m, unsigned says, unsigned *deaf)
{
	struct req *r = c->r;
	struct candidate *to = &c->v[c->n];
	const struct upstream *u =
	    providers_find(r->world->providers, m->provider);

	*to = (struct candidate){ .m = m, .place = -1 };
	if (u == NULL || !upstream_usable(u))
		return false;
	add_upstream(to, r, u, says, deaf);
	to->place = health_find(
	    r->world->health, m->provider, m->upstream, r->route.region);
	return finish(c, to);
}

/* By own keys, or else by ours. */
static bool
add(struct choosing *c, const struct mapping *m, unsigned says, unsigned *deaf)
{
	struct req *r = c->r;
	struct candidate *to = &c->v[c->n];
	const struct upstream *u;
	int at = -1;

	*to = (struct candidate){ .m = m, .place = -1 };
	while (to->nu < KEYS_MAX &&
	    (u = own_next(r->own, m->provider, &at)) != NULL) {
		to->own = true;
		add_upstream(to, r, u, says, deaf);
	}
	return to->own ? finish(c, to) : add_ours(c, m, says, deaf);
}

/*
 * Mode hybrid: should own keys fail, ours is another candidate, if credits
 * cover it (stage_hold).
 */
static void
add_second(struct choosing *c, unsigned says)
{
	unsigned ignored = 0;
	int n = c->n;

	if (c->r->own == NULL || strcmp(c->r->who->mode, "hybrid") != 0)
		return;
	for (int i = 0; i < n && c->n < ROUTE_MAX; i++) {
		if (!c->v[i].own || !add_ours(c, c->v[i].m, says, &ignored))
			continue;
		c->v[c->n - 1].second = true;
		if (!is_pinned(c->r) &&
		    c->v[c->n - 1].u[0]->priority_milli == 0)
			c->n--;
	}
}

/* Priority 0 is for who asks by name. */
static unsigned
gather(struct choosing *c, unsigned says)
{
	const struct route *route = &c->r->route;
	unsigned deaf = 0, one;

	c->n = 0;
	for (int i = 0; i < route->nfound && c->n < ROUTE_MAX; i++) {
		one = 0;
		if (add(c, route->found[i], says, &one) && !is_pinned(c->r) &&
		    c->v[c->n - 1].u[0]->priority_milli == 0)
			c->n--;
		deaf = deaf == 0 ? one : deaf;
	}
	add_second(c, says);
	return deaf;
}

static bool
is_well(const struct candidate *c)
{
	bool good = false;

	for (int i = 0; i < c->nu; i++)
		good = good || c->good[i];
	return good && c->gate != HEALTH_OPEN;
}

/*
 * Open circuits and barred keys, unless nothing else is left.  If all that is
 * left costs credits, stage_hold() may still drop that: own keys stay to the
 * end of it.
 */
static void
drop_unwell(struct choosing *c)
{
	int n = 0, own = 0;

	for (int i = 0; i < c->n; i++) {
		n += is_well(&c->v[i]);
		own += is_well(&c->v[i]) && c->v[i].own;
	}
	if (n == 0 || n == c->n)
		return;
	for (int i = n = 0; i < c->n; i++) {
		c->v[i].spare = !is_well(&c->v[i]) && c->v[i].own && own == 0;
		if (is_well(&c->v[i]) || c->v[i].spare)
			c->v[n++] = c->v[i];
	}
	c->n = n;
}

/* --- score --- */

/* What a unit costs this request, in pico-dollars. */
static int64_t
price_of(const struct req *r, const struct mapping *m)
{
	int64_t tokens = (int64_t)r->chat.text_bytes / BYTES_PER_TOKEN;
	const struct prices *p = price_tier(m, tokens);
	int64_t in = p->input > 0 ? p->input : 0;
	int64_t out = p->output > 0 ? p->output : 0;
	int64_t price =
	    (r->chat.needs & LLM_CAN_EMBED) != 0 ? in : in / 2 + out / 2;

	if (r->chat.pictures > 0)
		price = price_picture(m, p, &r->chat.picture);
	return (int64_t)((__int128)price * record_factor(r, m) / PRICE_FULL);
}

static void
look(struct choosing *c)
{
	struct health_view v;
	bool own = false;

	for (int i = 0; i < c->n; i++)
		own = own || c->v[i].own;
	for (int i = 0; i < c->n; i++) {
		health_look(c->r->world->health, c->v[i].place, &v);
		c->score[i] = (struct score_candidate){
			.price = price_of(c->r, c->v[i].m),
			.seen = v.seen,
			.uptime = v.uptime,
			.throughput = v.throughput,
			.latency = v.latency,
			.priority = (double)c->v[i].u[0]->priority_milli / 1000,
			.extra = c->v[i].spare  ? 2 * OURS :
			    own && !c->v[i].own ? OURS :
						  0,
		};
	}
}

static enum score_wish
wish_of(const struct req *r)
{
	static const char *const words[] = { [SCORE_PRICE] = "price",
		[SCORE_THROUGHPUT] = "throughput",
		[SCORE_LATENCY] = "latency" };
	struct str raw =
	    jscan_get(r->chat.members, r->chat.nmembers, "routing");

	for (size_t i = 1; raw.n > 2 && i < NROWS(words); i++)
		if (str_is((struct str){ raw.p + 1, raw.n - 2 }, words[i]))
			return (enum score_wish)i;
	return SCORE_AUTO;
}

static void
rank(struct choosing *c)
{
	const struct conf *conf = &c->r->world->conf;
	bool draws = (c->r->chat.needs & LLM_CAN_DRAW) != 0;
	struct score_weights set = {
		.price = (double)(draws ? conf->weight_image_price :
					  conf->weight_price) /
		    1000,
		.uptime = (double)conf->weight_uptime / 1000,
		.throughput = (double)conf->weight_throughput / 1000,
		.latency = (double)conf->weight_latency / 1000,
	};
	struct score_weights w = score_weights(&set, wish_of(c->r));
	bool blind;

	look(c);
	blind = score_rank(c->score, c->n, &w, c->r->chat.stream, c->order);
	c->reason = blind ? "price-only-no-metrics" : "weighted-score";
}

/* --- what goes before the score --- */

static void
put_first(struct choosing *c, int i, const char *reason)
{
	int at = 0;

	while (c->order[at] != i)
		at++;
	for (; at > 0; at--)
		c->order[at] = c->order[at - 1];
	c->order[0] = i;
	c->reason = reason;
}

static uint64_t
mark_of_provider(const struct req *r, int i, const struct choosing *c)
{
	return health_mark(r->world->health, &c->v[i].m->provider, 1);
}

static int
find_marked(const struct choosing *c, uint64_t mark)
{
	for (int i = 0; mark != 0 && i < c->n; i++)
		if (!c->v[i].spare && mark_of_provider(c->r, i, c) == mark)
			return i;
	return -1;
}

/* The mark of (organisation, model, session), or 0. */
static uint64_t
session_mark(const struct req *r)
{
	struct str v[] = { str_from(r->who->org->id), r->route.root,
		r->record.session };

	return v[2].n == 0 ? 0 : health_mark(r->world->health, v, 3);
}

static uint64_t
model_mark(const struct req *r)
{
	struct str v[] = { str_from(r->who->org->id), r->route.root };

	return health_mark(r->world->health, v, 2);
}

static bool
explores(struct req *r)
{
	int64_t rate = r->world->conf.exploration_rate;

	return rate > 0 && rand_pool_below(&r->ids, 1000) < rate;
}

/* The one chosen last, unless it does badly or another is clearly better. */
static bool
is_kept(const struct choosing *c, int i)
{
	double best = c->score[c->order[0]].score;

	return i != -1 && c->score[i].uptime >= UPTIME_KEPT &&
	    c->score[i].score - best <= SCORE_KEPT;
}

/* Those that cost credits are not explored while there are others. */
static unsigned
best_group(const struct choosing *c)
{
	unsigned n = 1;

	while (n < (unsigned)c->n &&
	    c->v[c->order[n]].own == c->v[c->order[0]].own)
		n++;
	return n;
}

static bool
is_one_provider(const struct choosing *c)
{
	for (int i = 1; i < c->n; i++)
		if (!str_eq(c->v[i].m->provider, c->v[0].m->provider))
			return false;
	return true;
}

static void
prefer(struct choosing *c)
{
	struct req *r = c->r;
	const struct conf *conf = &r->world->conf;
	int i;

	r->session_mark = session_mark(r);
	i = find_marked(c,
	    health_recall(
		r->world->health, r->session_mark, conf->session_ttl));
	if (i != -1) {
		put_first(c, i, "session-sticky");
		return;
	}
	if (explores(r)) {
		put_first(c, c->order[rand_pool_below(&r->ids, best_group(c))],
		    "random-exploration");
		return;
	}
	if (wish_of(r) != SCORE_AUTO)
		return;
	i = find_marked(c,
	    health_recall(
		r->world->health, model_mark(r), conf->preferred_ttl));
	if (is_kept(c, i)) {
		if (i != c->order[0])
			put_first(c, i, "preferred-provider");
	} else
		health_remember(r->world->health, model_mark(r),
		    mark_of_provider(r, c->order[0], c));
}

/*
 * A pinned provider that fails often is left for others of the same model,
 * unless the client wants no fallback.  true: there is a better one.
 */
static bool
leave_pinned(struct choosing *c)
{
	struct req *r = c->r;
	const struct model *m = r->route.model;
	struct candidate own = c->v[0];
	struct health_view was, v;
	unsigned deaf = 0;

	health_look(r->world->health, own.place, &was);
	/* A name of the provider's own, or a region, is nowhere else. */
	if (r->no_retry || m == NULL || own.m == &r->route.free_text ||
	    was.uptime >= UPTIME_PINNED || r->route.region.n > 0)
		return false;
	c->n = 0;
	for (int i = 0; i < m->nmappings && c->n < ROUTE_MAX; i++) {
		if (&m->mappings[i] == own.m ||
		    !route_serves(&r->route, &m->mappings[i], &r->chat))
			continue;
		if (!add(c, &m->mappings[i], r->chat.says, &deaf))
			continue;
		health_look(r->world->health, c->v[c->n - 1].place, &v);
		if (c->v[c->n - 1].u[0]->priority_milli == 0 ||
		    (v.seen && v.uptime <= was.uptime))
			c->n--;
	}
	if (c->n > 0)
		return true;
	c->v[0] = own;
	c->n = 1;
	return false;
}

/* One alone needs no score. */
static void
order(struct choosing *c)
{
	bool pinned = is_pinned(c->r), left = false;

	/* A pinned one has a choice of keys at most. */
	if (!pinned || c->n > 1)
		drop_unwell(c);
	if (pinned && c->n == 1)
		left = leave_pinned(c);
	if (c->n > 1)
		rank(c);
	else
		c->order[0] = 0;
	if (pinned)
		c->reason =
		    left ? "low-uptime-fallback" : "direct-provider-specified";
	else if (is_one_provider(c))
		c->reason = "single-provider-available";
	else
		prefer(c);
}

/* --- targets --- */

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
	} while (++i < n && i < KEYS_MAX);
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

/*
 * A pinned request, or one that wants no fallback, uses other keys of its
 * provider only (api.md 12.5); ours behind own ones are such.
 */
static void
set_targets(struct choosing *c)
{
	struct req *r = c->r;
	int max = (int)r->world->conf.max_fallback_providers + 1, n = 0;
	const struct candidate *x;

	if (r->no_retry || is_pinned(r))
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

static void
put_milli(struct jw *w, const char *key, double v)
{
	jw_nano(w, key, llround(v * 1000) * 1000000);
}

/* For the record; of one candidate there is no more to say than why. */
static void
note_decision(struct choosing *c)
{
	struct buf b = BUF_LIMIT(DECISION_MAX);
	struct jw w = JW_TO(&b);
	const struct score_candidate *s;

	if (c->n == 1) {
		c->r->record.decision = arena_fmt(c->r->life,
		    "{\"reason\":\"%s\",\"candidates\":[]}", c->reason);
		return;
	}
	jw_obj(&w, NULL);
	jw_strc(&w, "reason", c->reason);
	jw_arr(&w, "candidates");
	for (int i = 0; i < c->n; i++) {
		s = &c->score[c->order[i]];
		jw_obj(&w, NULL);
		jw_str(&w, "provider", c->v[c->order[i]].m->provider);
		put_milli(&w, "score", s->score);
		if (s->seen) {
			put_milli(&w, "uptime", s->uptime);
			put_milli(&w, "latency", s->latency);
			put_milli(&w, "throughput", s->throughput);
		}
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	if (!b.full)
		c->r->record.decision = arena_dup(c->r->life, buf_str(&b));
	buf_free(&b);
}

/* No provider that is left can be told what the request says. */
static enum verdict
refuse_deaf(struct req *r, unsigned deaf)
{
	struct str model = { r->chat.model.p,
		r->chat.model.n > 200 ? 200 : r->chat.model.n };
	const char *word = llm_say_word(r->chat.from->task, deaf);

	if (deaf == LLM_SAY_NATIVE && r->chat.native != NULL)
		word = r->chat.native;
	if (deaf == 0 && r->chat.from->task == LLM_COUNT) {
		err_set(&r->err, ERR_NOT_FOUND,
		    "Token counting is not available for model %.*s",
		    STR_ARG(model));
		return FAIL;
	}
	if (deaf == LLM_SAY_URL) {
		r->err.param = r->chat.from->task == LLM_IMAGE ?
		    STR("images") :
		    STR("messages");
		err_set(&r->err, ERR_BAD_IMAGE,
		    "image_url: no available provider of model %.*s takes "
		    "URLs, send the data instead",
		    STR_ARG(model));
		return FAIL;
	}
	if (deaf == 0) {
		err_set(&r->err, ERR_NO_PROVIDER,
		    "No provider of model %.*s serves this endpoint",
		    STR_ARG(model));
		return FAIL;
	}
	r->err.param = str_from(word);
	err_set(&r->err, ERR_NO_SUCH_PARAM,
	    "%s is not supported by any available provider for model %.*s",
	    word, STR_ARG(model));
	return FAIL;
}

enum verdict
stage_route(struct req *r)
{
	struct choosing c __attribute__((uninitialized));
	unsigned says = r->chat.says, deaf;

	if (route_usable(&r->route, &r->route_world, &r->err) == -1)
		return keep_unrouted(r);
	c.r = r;
	deaf = gather(&c, says);
	if (c.n == 0 && deaf == LLM_SAY_URL && r->world->conf.fetch_images) {
		deaf = gather(&c, says & ~(unsigned)LLM_SAY_URL);
		r->fetches = true;
	}
	if (c.n == 0)
		return refuse_deaf(r, deaf);
	order(&c);
	set_targets(&c);
	note_decision(&c);
	record_resolved(r);
	return NEXT;
}
