#include "base/clock.h"
#include "domain/iam.h"
#include "domain/price.h"
#include "pipeline/choose.h"
#include "pipeline/explain.h"
#include "pipeline/gate.h"
#include "pipeline/own.h"

struct explaining {
	struct world *world;
	const struct explain_ask *ask;
	struct arena *arena;
	struct explained *out;
	struct req *r;
	struct choosing *c;
	struct explain_row rows[ROUTE_MAX]; /* of the model, as they stand */
	const struct mapping *mappings[ROUTE_MAX];
	int nrows;
	bool no_credit; /* those that credits pay for are left out */
};

/* --- the request --- */

/* By whom a body would be read that has no messages. */
static const struct endpoint *
endpoint_of(const struct explaining *x, const struct jmember *v, int n)
{
	const struct endpoint *chat = &program_chat.endpoints[0];
	const struct endpoint *embed = &program_chat.endpoints[1];
	const struct model *m = catalog_find(x->world->catalog, x->ask->model);

	if (n > 0)
		return jscan_get(v, n, "messages").p == NULL &&
			jscan_get(v, n, "input").p != NULL ?
		    embed :
		    chat;
	return m != NULL && m->nmappings > 0 &&
		(m->mappings[0].caps & LLM_CAN_EMBED) != 0 ?
	    embed :
	    chat;
}

/* The body with this model; of an absent one the least there is. */
static int
make_body(struct explaining *x, struct str *out, struct err *e)
{
	struct buf b = BUF_LIMIT(x->ask->body.n + 1024);
	struct jmember *v = NULL;
	struct jw w = JW_TO(&b);
	bool embed;
	int n = 0;

	if (x->ask->body.n > 0 &&
	    (n = jscan_object(x->ask->body, x->arena, &v, e)) == -1)
		return -1;
	x->r->endpoint = endpoint_of(x, v, n);
	embed = x->r->endpoint->dialect->task == LLM_EMBED;
	jw_obj(&w, NULL);
	jw_str(&w, "model", x->ask->model);
	for (int i = 0; i < n; i++)
		if (!str_is(v[i].key, "model"))
			jw_raw(&w, arena_cstr(x->arena, v[i].key), v[i].raw);
	if (n == 0 && embed)
		jw_strc(&w, "input", "x");
	else if (n == 0)
		jw_raw(&w, "messages",
		    STR("[{\"role\":\"user\",\"content\":\"\"}]"));
	jw_end(&w);
	*out = arena_dup(x->arena, buf_str(&b));
	buf_free(&b);
	return 0;
}

/* Rules about addresses are left out: there is no client. */
static const struct principal *
without_addresses(struct arena *a, const struct principal *who)
{
	struct principal *p = ARENA_NEW(a, struct principal);
	struct iam_rule *v;
	int n = 0;

	memcpy(p, who, sizeof(*p));
	v = arena_alloc(a, (size_t)who->nrules * sizeof(*v) + 1);
	for (int i = 0; i < who->nrules; i++)
		if (who->rules[i].type != IAM_IPS)
			v[n++] = who->rules[i];
	p->rules = v;
	p->nrules = n;
	return p;
}

static int
begin(struct explaining *x, struct err *e)
{
	struct str *params = arena_zalloc(x->arena, 2 * sizeof(*params));
	struct req *r = x->r = ARENA_NEW(x->arena, struct req);

	r->world = x->world;
	r->setup = r->life = x->arena;
	params[0] = STR("REMOTE_ADDR="); /* nobody's */
	r->in.params = params;
	r->record.started_ms = clock_wall_ms();
	r->who = without_addresses(x->arena, x->ask->who);
	own_get(x->world, r->who->org, true, &r->own);
	if (strcmp(r->who->mode, "credits") == 0) {
		own_drop(r->own);
		r->own = NULL;
	}
	return make_body(x, &r->chat.body, e);
}

/* --- who is left out --- */

static bool
is_found(const struct route *route, const struct mapping *m)
{
	for (int i = 0; i < route->nfound; i++)
		if (mapping_alike(route->found[i], m))
			return true;
	return false;
}

static struct str
said(struct explaining *x, const struct err *e)
{
	return arena_dup(x->arena, str_from(e->msg));
}

/* The route with this mapping alone. */
static struct route
alone(const struct explaining *x, const struct mapping *m)
{
	const struct route *route = &x->r->route;

	return (struct route){ .world = route->world,
		.asked = route->asked,
		.model = route->model,
		.root = route->root,
		.found = { m },
		.nfound = 1 };
}

static const char *
why_unresolved(struct explaining *x, const struct mapping *m, struct str *why)
{
	(void)why;
	return mapping_ended(m, x->r->today) ? "deactivated" : "pinned";
}

static const char *
why_iam(struct explaining *x, const struct mapping *m, struct str *why)
{
	struct route one = alone(x, m);
	struct err e = { 0 };

	if (iam_route(x->r->who, &one, STR_NONE, &e) == -1)
		*why = said(x, &e);
	return "iam";
}

static const char *
why_unusable(struct explaining *x, const struct mapping *m, struct str *why)
{
	const struct route_world *w = &x->r->route_world;

	if (!w->usable(w->arg, m->provider))
		return "no_key";
	*why = m->stability;
	return "stability";
}

static const char *
why_incapable(struct explaining *x, const struct mapping *m, struct str *why)
{
	struct llm_request q = x->r->chat;
	struct route one = alone(x, m);
	struct err e = { 0 };

	if (route_narrow(&one, &q, &e) == 0) {
		*why = STR("others do what the request would like");
		return "capability";
	}
	*why = said(x, &e);
	return e.code == ERR_CONTEXT ? "context" :
	    e.code == ERR_BAD_PARAM  ? "max_output" :
				       "capability";
}

/* "auto" asks for more than a model that is named (route_auto()). */
static const char *
why_not_auto(struct explaining *x, const struct mapping *m, struct str *why)
{
	const struct req *r = x->r;

	if (mapping_ended(m, r->today))
		return "deactivated";
	if (!iam_allows(r->who, m))
		return why_iam(x, m, why);
	if (!r->route_world.usable(r->route_world.arg, m->provider))
		return "no_key";
	if (mapping_deprecated(m, r->today)) {
		*why = m->deprecated_at;
		return "deprecated";
	}
	if (!route_serves(&r->route, m, &r->chat) ||
	    ((m->caps & LLM_CAN_REASON) != 0 &&
		route_says(&r->chat, "no_reasoning")))
		return why_incapable(x, m, why);
	*why = STR("input and output together");
	return "context";
}

/* All that the route has lost by now. */
static void
mark(struct explaining *x,
    const char *(*filter)(
	struct explaining *, const struct mapping *, struct str *why))
{
	struct explain_row *row;

	for (int i = 0; i < x->nrows; i++) {
		row = &x->rows[i];
		if (row->filter == NULL &&
		    !is_found(&x->r->route, x->mappings[i]))
			row->filter = filter(x, x->mappings[i], &row->why);
	}
}

static void
fill(struct explaining *x, struct explain_row *row, const struct mapping *m)
{
	struct mapping copy;

	m = price_at(m, x->r->route.region, x->r->record.started_ms, &copy);
	*row = (struct explain_row){
		.provider = arena_dup(x->arena, m->provider),
		.model = arena_dup(x->arena, m->upstream),
		.input_price = m->ntiers > 0 ? m->tiers[0].input : NO_PRICE,
		.output_price = m->ntiers > 0 ? m->tiers[0].output : NO_PRICE,
		.context = m->context,
	};
}

/* All mappings of the model; of a model of nobody's list what was found. */
static void
list_rows(struct explaining *x)
{
	const struct route *route = &x->r->route;
	const struct model *m = route->model;
	int n = m == NULL ? route->nfound : m->nmappings;

	for (int i = 0; i < n && i < ROUTE_MAX; i++) {
		x->mappings[i] = m == NULL ? route->found[i] : &m->mappings[i];
		fill(x, &x->rows[i], x->mappings[i]);
		x->nrows++;
	}
}

/* --- the steps --- */

/* A stage has run: it may have left mappings out, or refused the request. */
static int
after(struct explaining *x, enum verdict v,
    const char *(*filter)(
	struct explaining *, const struct mapping *, struct str *why))
{
	/* What is refused as a whole stays in found. */
	if (v != NEXT)
		x->r->route.nfound = 0;
	mark(x, filter);
	return v == NEXT ? 0 : -1;
}

static int
find_route(struct explaining *x)
{
	struct req *r = x->r;
	enum verdict v;

	if (stage_parse(r) != NEXT || stage_tenant(r) != NEXT)
		return -1;
	v = resolve_model(r, &r->err) == -1 ? FAIL : NEXT;
	list_rows(x);
	if (after(x, v, why_unresolved) == -1 ||
	    after(x, stage_iam(r), why_iam) == -1)
		return -1;
	v = stage_capability(r);
	if (r->route.automatic && v == NEXT)
		list_rows(x);
	if (after(x, v, r->route.automatic ? why_not_auto : why_incapable) ==
	    -1)
		return -1;
	v = route_usable(&r->route, &r->route_world, &r->err) == -1 ? FAIL :
								      NEXT;
	return after(x, v, why_unusable);
}

/* --- money --- */

static int
read_purse(struct explaining *x, const struct purse *p, struct counter_op *op,
    struct err *e)
{
	struct counter_value v;

	if (purse_read(x->ask->sql, x->r->who, p, &v, e) == -1)
		return -1;
	op->used = v.value;
	return 0;
}

/* 1: r->err says which limit is reached. */
static int
check_limits(struct explaining *x, struct err *e)
{
	struct limit_ask ask;
	struct limit_plan p;

	gate_limit_ask(x->r, true, &ask);
	limit_make(&p, &ask);
	for (int i = 0; i < p.n; i++) {
		if (p.rows[i].kind != LIMIT_PURSE)
			continue;
		if (read_purse(x, &p.rows[i].purse, &p.ops[i], e) == -1)
			return -1;
		if (p.ops[i].used >= p.ops[i].limit) {
			limit_refused(&p, i, &ask, &x->r->err);
			return 1;
		}
	}
	return 0;
}

/* The operation that does not fit, or n; -1: ERR_STORE. */
static int
find_empty(struct explaining *x, struct budget_plan *p, struct err *e)
{
	int at = p->n;

	for (int i = p->n - 1; i >= 0; i--) {
		if (read_purse(x, &p->purses[i], &p->ops[i], e) == -1)
			return -1;
		if (p->ops[i].used + p->ops[i].by > p->ops[i].limit)
			at = i;
	}
	return at;
}

/* stage_hold() without a hold.  1: r->err; -1: ERR_STORE. */
static int
check_budget(struct explaining *x, struct err *e)
{
	struct req *r = x->r;
	struct budget_ask ask;
	struct budget_plan p;
	int at, n;

	gate_budget_ask(r, &ask);
	n = ask.n;
	for (int i = 0; i < GATE_TRIES; i++) {
		budget_make(&p, &ask);
		if ((at = find_empty(x, &p, e)) == -1)
			return -1;
		if (at == p.n)
			break;
		if (budget_refused(&p, at, &ask, x->arena, &r->err) == -1) {
			r->ntargets = 0;
			return 1;
		}
	}
	gate_drop_targets(r, &ask);
	x->no_credit = ask.n < n;
	x->out->max_output = ask.max_output;
	return 0;
}

static int
check_money(struct explaining *x, struct err *e)
{
	int rc = x->ask->sql == NULL ? 0 : check_limits(x, e);

	if (rc == 1)
		x->r->ntargets = 0;
	return rc != 0 || x->ask->sql == NULL ? rc : check_budget(x, e);
}

/* --- what came of it --- */

static struct explain_row *
next_row(struct explaining *x, const struct explain_row *row)
{
	struct explained *out = x->out;

	if (out->nrows == EXPLAIN_ROWS)
		return NULL;
	out->rows[out->nrows] = *row;
	return &out->rows[out->nrows++];
}

static bool
is_shown(const struct explained *out, const struct explain_row *row)
{
	for (int i = 0; i < out->nrows; i++)
		if (str_eq(out->rows[i].provider, row->provider) &&
		    str_eq(out->rows[i].model, row->model))
			return true;
	return false;
}

/* The limit that a candidate is beyond, or NULL. */
static const char *
why_money(const struct explaining *x, const struct candidate *c)
{
	enum err_code code = x->r->err.code;

	if (code != ERR_NONE && code != ERR_CREDITS)
		return "budget";
	return !c->own && (code == ERR_CREDITS || x->no_credit) ? "credits" :
								  NULL;
}

static void
put_candidates(struct explaining *x)
{
	const struct choosing *c = x->c;
	const struct candidate *v;
	struct explain_row row;
	int at;

	for (int i = 0; i < c->n; i++) {
		at = c->n > 1 ? c->order[i] : 0;
		v = &c->v[at];
		fill(x, &row, v->m);
		row.own = v->own;
		row.candidate = true;
		row.scored = c->n > 1;
		row.gate = v->gate;
		if (c->n > 1)
			row.score = c->score[at];
		row.filter = why_money(x, v);
		next_row(x, &row);
	}
}

static void
put_dropped(struct explaining *x)
{
	static const char *const words[] = { [DROP_DIALECT] = "dialect",
		[DROP_PRIORITY] = "priority",
		[DROP_CIRCUIT] = "circuit_open",
		[DROP_KEYS] = "keys_resting",
		[DROP_UPTIME] = "uptime" };
	const struct drops *d = x->c->drops;
	struct explain_row row;

	for (int i = 0; i < d->n; i++) {
		fill(x, &row, d->v[i].c.m);
		row.own = d->v[i].c.own;
		row.gate = d->v[i].c.gate;
		row.filter = words[d->v[i].why];
		if (d->v[i].why == DROP_DIALECT)
			row.why = d->v[i].deaf == 0 ?
			    STR("it does not serve this endpoint") :
			    str_from(llm_say_word(
				x->r->chat.from->task, d->v[i].deaf));
		next_row(x, &row);
	}
}

static void
put_targets(struct explaining *x)
{
	const struct target *t;

	for (int i = 0; i < x->r->ntargets; i++) {
		t = &x->r->targets[i];
		x->out->targets[x->out->ntargets++] = (struct explain_target){
			.provider = arena_dup(x->arena, t->upstream->id),
			.model = t->model,
			.own = target_is_own(t),
			.key = t->key,
		};
	}
}

static int
choose(struct explaining *x, struct err *e)
{
	int rc = 0;

	x->c->r = x->r;
	x->c->dry = true;
	x->c->drops = ARENA_NEW(x->arena, struct drops);
	if (choose_candidates(x->c) == 0) {
		choose_order(x->c);
		choose_targets(x->c);
		rc = check_money(x, e);
		put_candidates(x);
		put_targets(x);
		if (rc == 0)
			x->out->reason = x->c->reason;
	}
	put_dropped(x);
	return rc == -1 ? -1 : 0;
}

int
explain(struct world *w, const struct explain_ask *ask, struct arena *a,
    struct explained *out, struct err *e)
{
	struct explaining *x = ARENA_NEW(a, struct explaining);
	struct req *r;
	int rc;

	x->world = w;
	x->ask = ask;
	x->arena = a;
	x->out = out;
	x->c = ARENA_NEW(a, struct choosing);
	if ((rc = begin(x, e)) == 0) {
		r = x->r;
		if (find_route(x) == 0)
			rc = choose(x, e);
		for (int i = 0; i < x->nrows; i++)
			if (!is_shown(out, &x->rows[i]))
				next_row(x, &x->rows[i]);
		out->root = arena_dup(a, r->route.root);
		out->pinned = arena_dup(a, r->route.provider);
		out->region = arena_dup(a, r->route.region);
		out->err = r->err;
	}
	own_drop(x->r->own);
	return rc;
}
