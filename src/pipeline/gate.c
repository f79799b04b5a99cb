#include <stdio.h>

#include "base/clock.h"
#include "domain/budget.h"
#include "domain/limit.h"
#include "domain/price.h"
#include "pipeline/gate.h"
#include "pipeline/loop.h"
#include "pipeline/own.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/world.h"

#define OUTPUT_GUESS 1024 /* for tpm, api.md 15.1 */
#define SEARCHES 5        /* if the client sets no limit, api.md 14.3 */
#define HEADERS_MAX ((size_t)2048)

/* What came of a call of the counters. */
enum took { TOOK, REFUSED, DEFER, DOWN };

static struct str
org_of(const struct req *r)
{
	return str_from(r->who->org->id);
}

/* A program without holds has a handle to read with. */
static int
read_purse(struct req *r, const struct purse *p, struct counter_value *v)
{
	struct world *w = r->world;
	struct sql *s;
	int rc;

	if (w->holds == NULL) {
		pthread_mutex_lock(&w->read_lock);
		rc = purse_read(w->read_sql, r->who, p, v, &r->err);
		pthread_mutex_unlock(&w->read_lock);
		return rc;
	}
	if ((s = holds_sql(w->holds, &r->err)) == NULL)
		return -1;
	rc = purse_read(s, r->who, p, v, &r->err);
	holds_sql_done(w->holds);
	return rc;
}

/* The counter of a purse is not there: copy it out of SQL.  Blocks. */
static int
load(struct req *r, const struct purse *p)
{
	struct counter_value v;
	int rc = read_purse(r, p, &v);

	return rc == -1 ?
	    -1 :
	    counters_load(r->world->counters, org_of(r), &v, 1, &r->err);
}

/* All operations; *missing is the index of one whose sum has to be loaded. */
static enum took
apply(struct req *r, struct counter_op *ops, int n, int *at, bool *missing)
{
	struct counters *c = r->world->counters;
	bool here = loop_is_here(r->world->loop);

	*missing = false;
	if (here && !counters_quick(c))
		return DEFER;
	switch (counters_apply(c, org_of(r), r->hold.id, ops, n, at, &r->err)) {
	case COUNTERS_TAKEN:
		return TOOK;
	case COUNTERS_REFUSED:
		return REFUSED;
	case COUNTERS_UNKNOWN:
		*missing = true;
		return here ? DEFER : REFUSED;
	case COUNTERS_DOWN:
		break;
	}
	r->err.retry_after = 5;
	return DOWN;
}

static enum verdict
verdict_of(struct req *r, enum took took)
{
	return took == TOOK ? NEXT : took == DEFER ? loop_defer(r) : FAIL;
}

static void
begin_hold(struct req *r)
{
	if (r->record_id[0] == '\0')
		record_id(r);
	hold_begin(r->world->holds, &r->hold, org_of(r), r->record.id);
	if (r->hold.at_ms == 0)
		r->hold.at_ms = clock_wall_ms();
}

/* n more parts behind those that there are. */
static struct hold_part *
more_parts(struct req *r, int n)
{
	struct hold_part *v =
	    arena_alloc(r->life, (size_t)(r->hold.nparts + n) * sizeof(*v) + 1);

	for (int i = 0; i < r->hold.nparts; i++)
		v[i] = r->hold.parts[i];
	return v;
}

static void
put_part(struct req *r, struct hold_part *to, const struct counter_op *op,
    bool credits)
{
	*to = (struct hold_part){ op->kind, credits,
		arena_dup(r->life, op->key), op->by, op->window_ms };
}

/* --- limits --- */

void
gate_limit_ask(
    const struct req *r, bool resolved, struct limit_ask *ask)
{
	const struct conf *c = &r->world->conf;
	const struct model *m = resolved ? r->route.model : NULL;
	bool count = r->endpoint->dialect->task == LLM_COUNT;
	bool free_only = route_says(&r->chat, "free_models_only");
	/* "auto" among free models keeps to their rules, too. */
	bool named_free = route_is_free(m) ||
	    (resolved && r->route.automatic && free_only);

	*ask = (struct limit_ask){
		.who = r->who,
		.key_defaults = limit_defaults(c),
		.model = resolved ? r->route.root : STR_NONE,
		.needs_credit = strcmp(r->who->mode, "credits") == 0 &&
		    !named_free && !free_only,
		.free_rules = named_free && strcmp(r->who->mode, "api-keys"),
		.free_high = m != NULL && named_free && m->free_high,
		.tokens = budget_guess(&r->chat) +
		    (r->chat.max_output > 0 ? r->chat.max_output :
					      OUTPUT_GUESS),
		.count_rpm = count ? c->count_tokens_rpm : -1,
		.wall_ms = clock_wall_ms(),
	};
}

/* Of a free model: whose address is not verified may not use it. */
static bool
is_unverified(const struct req *r, const struct limit_ask *ask)
{
	return ask->free_rules && ask->count_rpm < 0 &&
	    !r->who->org->email_verified && !route_says(&r->chat, "onboarding");
}

static bool
is_kept(const struct limit_row *row)
{
	return row->kind == LIMIT_CONCURRENT || row->kind == LIMIT_TPM;
}

static void
note_limits(struct req *r, const struct limit_plan *p)
{
	struct hold_part *v;
	int i, n = 0;

	for (i = 0; i < p->n; i++)
		n += is_kept(&p->rows[i]);
	if (n == 0)
		return;
	v = more_parts(r, n);
	n = r->hold.nparts;
	for (i = 0; i < p->n; i++)
		if (is_kept(&p->rows[i]))
			put_part(r, &v[n++], &p->ops[i], false);
	hold_set(r->world->holds, &r->hold, v, n);
}

static void
keep_headers(struct req *r, const struct limit_plan *p, int at, int64_t now)
{
	struct buf b = BUF_LIMIT(HEADERS_MAX);

	limit_headers(p, at, now, &b);
	if (b.n > 0)
		r->limited = arena_dup(r->life, buf_str(&b));
	buf_free(&b);
}

static enum took
take_limits(struct req *r, struct limit_plan *p, const struct limit_ask *ask)
{
	enum took took = REFUSED;
	struct str labels[2];
	bool missing = true;
	int i, at = 0;

	note_limits(r, p);
	for (i = 0; i < GATE_TRIES && missing; i++) {
		took = apply(r, p->ops, p->n, &at, &missing);
		if (missing && took == REFUSED &&
		    load(r, &p->rows[at].purse) == -1)
			took = DOWN;
		if (took == DEFER || took == DOWN)
			break;
	}
	if (took != TOOK && r->hold.nparts > 0)
		hold_end(r->world->holds, &r->hold);
	if (took == TOOK || took == REFUSED)
		keep_headers(r, p, took == TOOK ? -1 : at, ask->wall_ms);
	if (took == REFUSED) {
		limit_refused(p, at, ask, &r->err);
		labels[0] = str_from(limit_scope_word(&p->rows[at]));
		labels[1] = str_from(limit_kind_word(&p->rows[at]));
		metrics_add(r->world->metrics, METRIC_REJECTIONS, labels, 1);
	}
	return took;
}

enum verdict
gate_take(struct req *r, struct limit_plan *p, const struct limit_ask *ask)
{
	return verdict_of(r, take_limits(r, p, ask));
}

static enum verdict
unverified(struct req *r)
{
	err_set(&r->err, ERR_EMAIL,
	    "Email verification required to use free models. Please verify "
	    "your email address.");
	return FAIL;
}

/* Opening them is no work for the loop: false. */
static bool
take_own(struct req *r)
{
	return r->own != NULL || strcmp(r->who->mode, "credits") == 0 ||
	    own_get(r->world, r->who->org, !loop_is_here(r->world->loop),
		&r->own);
}

/*
 * What the model string means is known before the limits are asked, for those
 * of the model; that it means nothing is said after them.
 */
enum verdict
stage_limit(struct req *r)
{
	struct err bad = { 0 };
	struct limit_ask ask;
	struct limit_plan p __attribute__((uninitialized));
	bool resolved, barred;
	enum verdict v;

	if (!take_own(r))
		return loop_defer(r);
	resolved = resolve_model(r, &bad) == 0;
	gate_limit_ask(r, resolved, &ask);
	barred = is_unverified(r, &ask);
	ask.free_rules &= !barred;
	limit_make(&p, &ask);
	if (p.n > 0) {
		begin_hold(r);
		v = gate_take(r, &p, &ask);
		if (v != NEXT)
			return v;
	}
	if (!resolved) {
		r->err = bad;
		return FAIL;
	}
	return barred ? unverified(r) : NEXT;
}

/* --- money --- */

static int64_t
searches_of(const struct req *r)
{
	struct jiter it =
	    jscan_into(jscan_get(r->chat.members, r->chat.nmembers, "tools"));
	struct jmember m;
	int64_t n;

	if ((r->chat.needs & LLM_CAN_SEARCH) == 0)
		return 0;
	while (jscan_next(&it, &m))
		if (jscan_int(jscan_at(m.raw, "max_uses"), &n) && n > 0)
			return n;
	return SEARCHES;
}

/* Is its mapping among them, paid in the same way? */
static bool
is_among(const struct budget_ask *ask, const struct target *t)
{
	int i;

	for (i = 0; i < ask->n; i++)
		if (ask->candidates[i].mapping == t->mapping &&
		    ask->candidates[i].own == target_is_own(t))
			return true;
	return false;
}

static void
add_candidate(
    const struct req *r, const struct target *t, struct budget_ask *ask)
{
	if (!is_among(ask, t))
		ask->candidates[ask->n++] = (struct budget_candidate){
			t->mapping, record_factor(r, t->mapping, true),
			target_is_own(t)
		};
}

/* Keys that rest are asked if there is nobody else. */
static void
drop_spares(struct req *r)
{
	int i, n = 0;

	for (i = 0; i < r->ntargets; i++)
		n += !r->targets[i].spare;
	if (n == 0 || n == r->ntargets)
		return;
	for (i = n = 0; i < r->ntargets; i++)
		if (!r->targets[i].spare)
			r->targets[n++] = r->targets[i];
	r->ntargets = n;
}

/* Targets that credits would have to pay go if they do not suffice. */
void
gate_drop_targets(struct req *r, const struct budget_ask *ask)
{
	int i, n = 0;

	for (i = 0; i < r->ntargets; i++)
		if (is_among(ask, &r->targets[i]))
			r->targets[n++] = r->targets[i];
	r->ntargets = n;
	drop_spares(r);
}

/*
 * The output that is paid for, as if the client had said it: so it reaches
 * every dialect.
 */
static int
limit_output(struct req *r, int64_t max)
{
	struct llm_request *q = &r->chat;
	bool responses = jscan_get(q->members, q->nmembers, "input").p != NULL;
	struct jpatch patch = { .op = JPATCH_SET,
		.path =
		    responses ? STR("max_output_tokens") : STR("max_tokens"),
		.arg = arena_fmt(r->setup, "%lld", (long long)max) };
	struct buf b = BUF_LIMIT(q->body.n + 256);

	jscan_splice(q->members, q->nmembers, &patch, 1, &b);
	q->body = arena_dup(r->setup, buf_str(&b));
	buf_free(&b);
	r->max_output = max;
	return q->from->peek(q, r->setup, &r->err);
}

static void
note_money(struct req *r, const struct budget_plan *p, int before)
{
	struct hold_part *v = more_parts(r, p->n);

	for (int i = 0; i < p->n; i++)
		put_part(r, &v[before + i], &p->ops[i],
		    p->purses[i].kind == PURSE_CREDITS);
	hold_set(r->world->holds, &r->hold, v, before + p->n);
}

/* Once; *again: it may fit now. */
static enum took
try_money(struct req *r, struct budget_plan *p, struct budget_ask *ask,
    bool *again)
{
	int at, before = r->hold.nparts;
	enum took took;
	bool missing;

	note_money(r, p, before);
	took = apply(r, p->ops, p->n, &at, &missing);
	if (took == TOOK)
		return TOOK;
	hold_set(r->world->holds, &r->hold, r->hold.parts, before);
	*again = took == REFUSED &&
	    (missing ? load(r, &p->purses[at]) == 0 :
		       budget_refused(p, at, ask, r->life, &r->err) == 0);
	return missing && took == REFUSED ? DOWN : took;
}

static enum took
take_money(struct req *r, struct budget_plan *p, struct budget_ask *ask)
{
	enum took took = TOOK;
	bool again = true;
	int i;

	for (i = 0; i < GATE_TRIES && again; i++) {
		again = false;
		budget_make(p, ask);
		if (p->n == 0)
			return TOOK;
		took = try_money(r, p, ask, &again);
	}
	if (!again)
		return took;
	r->err.retry_after = 1;
	err_set(&r->err, ERR_STORE, "Too many changes of the budget at once");
	return DOWN;
}

void
gate_budget_ask(const struct req *r, struct budget_ask *ask)
{
	*ask = (struct budget_ask){ .who = r->who,
		.request = &r->chat,
		.searches = searches_of(r),
		.min_output = r->world->conf.reserve_min_output,
		.wall_ms = clock_wall_ms() };
	for (int i = 0; i < r->ntargets; i++)
		add_candidate(r, &r->targets[i], ask);
}

enum verdict
stage_hold(struct req *r)
{
	struct budget_ask ask;
	struct budget_plan p;
	enum verdict v;

	begin_hold(r);
	if (r->endpoint->dialect->task == LLM_COUNT) {
		drop_spares(r);
		return NEXT;
	}
	gate_budget_ask(r, &ask);
	if ((v = verdict_of(r, take_money(r, &p, &ask))) != NEXT)
		return v;
	r->record.hold_nano = p.worst_nano;
	if (r->hold.slot != NULL)
		r->hold.slot->hold_nano = p.worst_nano;
	gate_drop_targets(r, &ask);
	if (ask.max_output > 0 && limit_output(r, ask.max_output) == -1)
		return FAIL;
	return NEXT;
}

/* --- the board --- */

void
gate_asked(struct req *r, const struct target *t)
{
	struct board_slot *s = r->hold.slot;
	struct mapping copy;
	const struct mapping *m;
	const struct prices *p;

	if (s == NULL || r->endpoint->dialect->task == LLM_COUNT)
		return;
	m = price_at(t->mapping, t->region, r->record.started_ms, &copy);
	s->own = target_is_own(t);
	s->input = budget_guess(&r->chat);
	if (m->context > 0 && s->input > m->context)
		s->input = m->context;
	p = price_tier(m, s->input);
	s->factor = record_factor(r, m, false);
	s->prompt_nano = price_part_at(s->input, p->input, s->factor) +
	    price_part_at(1, p->request, s->factor);
	s->output_pico = p->output;
	atomic_store_explicit(&s->text, 0, memory_order_relaxed);
	atomic_store_explicit(&s->state, BOARD_ASKED, memory_order_release);
}

void
gate_heard(struct req *r)
{
	if (r->hold.slot != NULL)
		atomic_store_explicit(&r->hold.slot->text,
		    relay_facts(r)->text_bytes, memory_order_relaxed);
}

void
gate_known(struct req *r)
{
	struct board_slot *s = r->hold.slot;

	if (s == NULL)
		return;
	s->known_input = r->record.usage.input;
	s->known_output = r->record.usage.output;
	s->known_nano = r->record.cost.total;
	atomic_store_explicit(&s->state, BOARD_KNOWN, memory_order_release);
}

/* --- the end --- */

/* What failed attempts cost stands in records of their own. */
static int64_t
attempts_cost(const struct req *r, bool billed)
{
	const struct attempt_cost *c;
	int64_t sum = 0;
	int i;

	for (i = 0; i < r->tries; i++)
		if ((c = r->attempts[i].cost) != NULL)
			sum += billed ? c->cost.billed : c->cost.total;
	return sum;
}

static struct counter_op
settled(const struct req *r, const struct hold_part *p)
{
	const struct usage_record *u = &r->record;
	struct counter_op op = { .kind = p->kind,
		.key = p->key,
		.limit = INT64_MAX,
		.window_ms = p->window_ms };

	if (p->kind == COUNTER_RATE && u->cached) /* no provider spent them */
		op.by = -p->by;
	else if (p->kind == COUNTER_RATE)
		op.by = u->usage.input + u->usage.output - p->by;
	else if (p->kind == COUNTER_HELD)
		op.by = (p->credits ? u->cost.billed : u->cost.total) +
		    attempts_cost(r, p->credits);
	return op;
}

void
gate_settle(struct req *r)
{
	struct counter_op ops[COUNTER_OPS_MAX];
	struct hold *h = &r->hold;
	int i, n = h->nparts;

	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		ops[i] = settled(r, &h->parts[i]);
	counters_change(
	    r->world->counters, h->org, h->id, ops, n, h->at_ms);
	hold_end(r->world->holds, h);
}
