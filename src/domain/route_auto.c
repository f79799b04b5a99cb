/*
 * The model string "auto", api.md 12.2.
 */
#include "domain/budget.h"
#include "domain/route.h"

#define OUTPUT_GUESS 4096 /* if the client sets no limit */

/* What is looked for. */
struct search {
	const struct route *r;
	const struct llm_request *q;
	int64_t context; /* tokens that have to fit */
	bool free;
	bool plain; /* models that do not reason */
};

bool
route_says(const struct llm_request *q, const char *member)
{
	return str_is(jscan_get(q->members, q->nmembers, member), "true");
}

bool
route_is_free(const struct model *m)
{
	int i, k;

	if (m == NULL || !m->free)
		return false;
	for (i = 0; i < m->nmappings; i++)
		for (k = 0; k < m->mappings[i].ntiers; k++)
			if (m->mappings[i].tiers[k].request > 0)
				return false;
	return true;
}

static bool
qualifies(const struct search *s, const struct mapping *p)
{
	return !mapping_deprecated(p, s->r->world->today) &&
	    (p->context == 0 || s->context <= p->context) &&
	    !(s->plain && (p->caps & LLM_CAN_REASON) != 0) &&
	    p->model->id.p[p->model->id.n - 1] != '*' &&
	    route_serves(s->r, p, s->q);
}

static bool
is_stable(const struct mapping *p)
{
	return p->stability.p == NULL || str_is(p->stability, "stable");
}

/* The cheapest qualifying mapping of the model, if cheaper than *best. */
static void
try(const struct search *s, const struct model *m, bool stable,
    const struct mapping **best)
{
	const struct route_world *w = s->r->world;
	const struct mapping *p;
	int i;

	for (i = 0; i < m->nmappings; i++) {
		p = &m->mappings[i];
		if ((!stable || is_stable(p)) && qualifies(s, p) &&
		    (*best == NULL ||
			route_price(w, p) < route_price(w, *best)))
			*best = p;
	}
}

static void
try_all(const struct search *s, const struct mapping **best)
{
	const struct catalog *c = s->r->world->catalog;
	const struct model *m;
	int i;

	for (i = 0; i < catalog_count(c); i++) {
		m = catalog_at(c, i);
		if (!s->free || route_is_free(m))
			try(s, m, !s->free, best);
	}
}

/* Free ones, or those of the setting and, if none of these will do, all. */
static const struct mapping *
cheapest(const struct search *s)
{
	struct str list = str_from(s->r->world->auto_models), name;
	const struct mapping *best = NULL;
	const struct model *m;

	while (!s->free && list.p != NULL) {
		name = str_trim(str_split(&list, ','));
		m = catalog_find(s->r->world->catalog, name);
		if (m != NULL)
			try(s, m, false, &best);
	}
	if (best == NULL)
		try_all(s, &best);
	return best;
}

/* Which wish left nothing? */
static int
none(struct search *s, struct err *e)
{
	bool plain = s->plain;

	s->plain = false;
	if (plain && cheapest(s) != NULL)
		return err_set(e, ERR_NO_PROVIDER,
		    "No non-reasoning models are available for auto routing. "
		    "Remove no_reasoning parameter or use a specific model.");
	if (s->free)
		return err_set(e, ERR_NO_PROVIDER,
		    "No free models are available for auto routing. Remove "
		    "free_models_only parameter or use a specific model.");
	return err_set(
	    e, ERR_NO_PROVIDER, "No model is available for auto routing.");
}

static bool
is_given(struct str raw)
{
	return raw.p != NULL && !jscan_null(raw);
}

/* An effort, or a budget, in the words of any dialect. */
static bool
gives_effort(const struct llm_request *q)
{
	static const char *const plain[] = { "reasoning_effort", "effort",
		"thinking" };
	struct str v = jscan_get(q->members, q->nmembers, "reasoning");
	size_t i;

	if (is_given(jscan_at(v, "effort")) ||
	    is_given(jscan_at(v, "max_tokens")))
		return true;
	v = jscan_get(q->members, q->nmembers, "output_config");
	if (is_given(jscan_at(v, "effort")))
		return true;
	for (i = 0; i < NROWS(plain); i++)
		if (is_given(jscan_get(q->members, q->nmembers, plain[i])))
			return true;
	return false;
}

/* Who did not choose a model that thinks does not wait long for its thoughts. */
static void
set_effort(struct llm_request *q, const struct mapping *p)
{
	if ((p->caps & LLM_CAN_REASON) == 0 ||
	    (q->needs & LLM_CAN_SEARCH) != 0 || gives_effort(q))
		return;
	q->brief = (p->efforts & 1u << LLM_EFFORT_MINIMAL) != 0 ?
	    LLM_EFFORT_MINIMAL :
	    LLM_EFFORT_LOW;
}

int
route_auto(struct route *r, struct llm_request *q, struct err *e)
{
	struct search s = {
		.r = r,
		.q = q,
		.context = budget_guess(q) +
		    (q->max_output > 0 ? q->max_output : OUTPUT_GUESS),
		.free = route_says(q, "free_models_only"),
		.plain = route_says(q, "no_reasoning"),
	};
	const struct mapping *best = cheapest(&s);
	const struct model *m;
	int i;

	if (best == NULL)
		return none(&s, e);
	m = best->model;
	r->model = m;
	r->root = m->id;
	r->nfound = 0;
	for (i = 0; i < m->nmappings && r->nfound < ROUTE_MAX; i++) {
		if (qualifies(&s, &m->mappings[i]))
			r->found[r->nfound++] = &m->mappings[i];
	}
	route_sort(r->world, r->found, r->nfound);
	set_effort(q, best);
	return 0;
}
