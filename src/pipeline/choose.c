/*
 * The order of the candidates (api.md 12.4): ranked by domain/score.h with what
 * is known of their health, and what goes before the score.
 */
#include "domain/price.h"
#include "pipeline/choose.h"
#include "pipeline/record.h"
#include "pipeline/world.h"

#define UPTIME_PINNED 90.0 /* below it a pinned provider is left */
#define UPTIME_KEPT 85.0   /* and the one that was chosen last */
#define SCORE_KEPT 0.15    /* what another has to be better by */
#define BYTES_PER_TOKEN 4
#define OURS 1000 /* behind all own keys (api.md 12.3) */

/* --- score --- */

/* What a unit costs this request, in pico-dollars. */
static int64_t
price_of(const struct req *r, const struct mapping *all)
{
	int64_t tokens = (int64_t)r->chat.text_bytes / BYTES_PER_TOKEN;
	struct mapping copy;
	const struct mapping *m = price_at(
	    all, r->route.region, r->record.started_ms, &copy);
	const struct prices *p = price_tier(m, tokens);
	int64_t in = p->input > 0 ? p->input : 0;
	int64_t out = p->output > 0 ? p->output : 0;
	int64_t price =
	    (r->chat.needs & LLM_CAN_EMBED) != 0 ? in : (in + out) / 2;

	if (r->chat.pictures > 0)
		price = price_picture(m, p, &r->chat.picture);
	return (int64_t)((__int128)price * record_factor(r, m, false) /
	    PRICE_FULL);
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
	/* Of models that make images, whatever this request wants. */
	bool draws = (c->v[0].m->caps & LLM_CAN_DRAW) != 0;
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
	if (!c->dry && explores(r)) {
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
	} else if (!c->dry)
		health_remember(r->world->health, model_mark(r),
		    mark_of_provider(r, c->order[0], c));
}

/* The other mappings of the model that may serve the request. */
static void
find_others(const struct req *r, const struct mapping *own, struct route *out)
{
	const struct model *m = r->route.model;
	struct err ignored = { 0 };

	*out = (struct route){ .world = r->route.world,
		.asked = r->route.asked,
		.model = m,
		.root = r->route.root };
	for (int i = 0; i < m->nmappings && out->nfound < ROUTE_MAX; i++)
		if (&m->mappings[i] != own &&
		    route_serves(&r->route, &m->mappings[i], &r->chat))
			out->found[out->nfound++] = &m->mappings[i];
	if (out->nfound > 0)
		route_usable(out, &r->route_world, &ignored);
}

/* Is the last candidate better than one of this uptime? */
static bool
is_better(const struct choosing *c, const struct health_view *was)
{
	const struct candidate *x = &c->v[c->n - 1];
	struct health_view v;

	health_look(c->r->world->health, x->place, &v);
	return x->u[0]->priority_milli != 0 && candidate_is_well(x) &&
	    (!v.seen || v.uptime > was->uptime);
}

/*
 * A pinned provider that fails often is left for others of the same model,
 * unless the client wants no fallback.  true: there is a better one.
 */
static bool
leave_pinned(struct choosing *c)
{
	struct req *r = c->r;
	const struct candidate own = c->v[0], second = c->v[1];
	const int n = c->n; /* two with a key of the client's */
	struct health_view was;
	struct route others;
	unsigned deaf = 0;

	health_look(r->world->health, own.place, &was);
	/* A name of the provider's own, or a region, is nowhere else. */
	if (r->no_retry || r->route.model == NULL ||
	    own.m == &r->route.free_text || was.uptime >= UPTIME_PINNED ||
	    r->route.region.n > 0)
		return false;
	find_others(r, own.m, &others);
	c->n = 0;
	for (int i = 0; i < others.nfound; i++)
		if (candidate_add(c, others.found[i], r->chat.says, &deaf) &&
		    !is_better(c, &was))
			c->n--;
	if (c->n > 0) {
		candidate_dropped(c, &own, DROP_UPTIME, 0);
		return true;
	}
	c->v[0] = own;
	c->v[1] = second;
	c->n = n;
	return false;
}

/* One alone needs no score. */
void
choose_order(struct choosing *c)
{
	bool pinned = choose_is_pinned(c->r), left = false;

	/* A pinned one has a choice of keys at most. */
	if (!pinned || c->n > 1)
		candidate_drop_unwell(c);
	if (pinned && c->n > 0 && is_one_provider(c))
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
