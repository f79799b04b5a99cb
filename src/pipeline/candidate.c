/*
 * The candidates (api.md 12.3): mappings that can be told what the request
 * says, each with the keys there are.
 */
#include "pipeline/choose.h"
#include "pipeline/own.h"
#include "pipeline/world.h"

void
candidate_dropped(struct choosing *c, const struct candidate *x,
    enum choose_drop why, unsigned deaf)
{
	struct drops *d = c->drops;

	if (d != NULL && d->n < DROPPED_MAX)
		d->v[d->n++] = (struct dropped){ *x, why, deaf };
}

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
finish(struct choosing *c, struct candidate *to, unsigned deaf)
{
	to->gate = health_peek(c->r->world->health, to->place);
	if (to->nu == 0)
		candidate_dropped(c, to, DROP_DIALECT, deaf);
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
	return finish(c, to, *deaf);
}

/* By own keys, or else by ours. */
bool
candidate_add(
    struct choosing *c, const struct mapping *m, unsigned says, unsigned *deaf)
{
	struct req *r = c->r;
	struct candidate *to = &c->v[c->n];
	const struct upstream *u;
	int at = -1;

	*to = (struct candidate){ .m = m, .place = -1 };
	while (to->nu < CHOOSE_KEYS &&
	    (u = own_next(r->own, m->provider, &at)) != NULL) {
		to->own = true;
		add_upstream(to, r, u, says, deaf);
	}
	return to->own ? finish(c, to, *deaf) : add_ours(c, m, says, deaf);
}

/* The last one: priority 0 is for who asks by name. */
static void
drop_without_priority(struct choosing *c)
{
	const struct candidate *last = &c->v[c->n - 1];

	if (choose_is_pinned(c->r) || last->u[0]->priority_milli != 0)
		return;
	candidate_dropped(c, last, DROP_PRIORITY, 0);
	c->n--;
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
		drop_without_priority(c);
	}
}

static unsigned
gather(struct choosing *c, unsigned says)
{
	const struct route *route = &c->r->route;
	unsigned deaf = 0, one;

	c->n = 0;
	for (int i = 0; i < route->nfound && c->n < ROUTE_MAX; i++) {
		one = 0;
		if (candidate_add(c, route->found[i], says, &one))
			drop_without_priority(c);
		deaf = deaf == 0 ? one : deaf;
	}
	add_second(c, says);
	return deaf;
}

bool
candidate_is_well(const struct candidate *c)
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
void
candidate_drop_unwell(struct choosing *c)
{
	int n = 0, own = 0;

	for (int i = 0; i < c->n; i++) {
		n += candidate_is_well(&c->v[i]);
		own += candidate_is_well(&c->v[i]) && c->v[i].own;
	}
	if (n == 0 || n == c->n)
		return;
	for (int i = n = 0; i < c->n; i++) {
		c->v[i].spare =
		    !candidate_is_well(&c->v[i]) && c->v[i].own && own == 0;
		if (candidate_is_well(&c->v[i]) || c->v[i].spare)
			c->v[n++] = c->v[i];
		else
			candidate_dropped(c, &c->v[i],
			    c->v[i].gate == HEALTH_OPEN ? DROP_CIRCUIT :
							  DROP_KEYS,
			    0);
	}
	c->n = n;
}

/* No provider that is left can be told what the request says. */
static int
refuse_deaf(struct req *r, unsigned deaf)
{
	struct str model = { r->chat.model.p,
		r->chat.model.n > 200 ? 200 : r->chat.model.n };
	const char *word = llm_say_word(r->chat.from->task, deaf);

	if (deaf == LLM_SAY_NATIVE && r->chat.native != NULL)
		word = r->chat.native;
	if (deaf == 0 && r->chat.from->task == LLM_COUNT)
		return err_set(&r->err, ERR_NOT_FOUND,
		    "Token counting is not available for model %.*s",
		    STR_ARG(model));
	if (deaf == LLM_SAY_URL) {
		r->err.param = r->chat.from->task == LLM_IMAGE ?
		    STR("images") :
		    STR("messages");
		return err_set(&r->err, ERR_BAD_IMAGE,
		    "image_url: no available provider of model %.*s takes "
		    "URLs, send the data instead",
		    STR_ARG(model));
	}
	if (deaf == 0)
		return err_set(&r->err, ERR_NO_PROVIDER,
		    "No provider of model %.*s serves this endpoint",
		    STR_ARG(model));
	r->err.param = str_from(word);
	return err_set(&r->err, ERR_NO_SUCH_PARAM,
	    "%s is not supported by any available provider for model %.*s",
	    word, STR_ARG(model));
}

int
choose_candidates(struct choosing *c)
{
	struct req *r = c->r;
	unsigned says = r->chat.says, deaf = gather(c, says);

	if (c->n == 0 && deaf == LLM_SAY_URL && r->world->conf.fetch_images) {
		if (c->drops != NULL)
			c->drops->n = 0;
		deaf = gather(c, says & ~(unsigned)LLM_SAY_URL);
		r->fetches = true;
	}
	return c->n == 0 ? refuse_deaf(r, deaf) : 0;
}
