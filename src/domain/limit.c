#include <stdio.h>

#include "domain/limit.h"

#define MINUTE_MS INT64_C(60000)

static const char *const scope_words[LIMIT_SCOPES] = { "key", "project",
	"organization", "model" };

static struct counter_op *
add(struct limit_plan *p, enum limit_kind kind, enum limit_scope scope,
    enum counter_kind how)
{
	int i = p->n++;

	p->rows[i].kind = kind;
	p->rows[i].scope = scope;
	p->ops[i] = (struct counter_op){ .kind = how };
	return &p->ops[i];
}

/* The name of the counter: "k:key_...:rpm". */
static void
name(struct limit_plan *p, const char *prefix, struct str id, const char *what)
{
	int i = p->n - 1;
	int n = snprintf(p->keys[i], LIMIT_KEY_SIZE, "%s%.*s%s", prefix,
	    (int)(id.n < 120 ? id.n : 120), id.p == NULL ? "" : id.p, what);

	p->ops[i].key = (struct str){ p->keys[i], (size_t)n };
}

static void
add_purse(
    struct limit_plan *p, const struct limit_ask *ask, enum purse_kind kind)
{
	struct purse purse;
	struct counter_op *op;

	if (!purse_get(ask->who, kind, ask->wall_ms, &purse))
		return;
	op = add(p, LIMIT_PURSE,
	    kind == PURSE_PROJECT ? LIMIT_OF_PROJECT :
		kind == PURSE_ORG ? LIMIT_OF_ORG :
				    LIMIT_OF_KEY,
	    COUNTER_BELOW);
	p->rows[p->n - 1].purse = purse;
	op->key = str_from(p->rows[p->n - 1].purse.key);
	op->limit = purse.limit_nano;
}

static void
add_limits(struct limit_plan *p, enum limit_scope scope, const char *prefix,
    struct str id, const struct limits *l, const struct limit_ask *ask)
{
	struct counter_op *op;

	if (l->rpm >= 0) {
		op = add(p, LIMIT_RPM, scope, COUNTER_RATE);
		op->by = 1;
		op->limit = l->rpm;
		op->window_ms = MINUTE_MS;
		name(p, prefix, id, ":rpm");
	}
	if (l->tpm >= 0 && !ask->bare) {
		op = add(p, LIMIT_TPM, scope, COUNTER_RATE);
		op->by = ask->tokens;
		op->limit = l->tpm;
		op->window_ms = MINUTE_MS;
		name(p, prefix, id, ":tpm");
	}
	if (l->concurrent >= 0 && !ask->bare) {
		op = add(p, LIMIT_CONCURRENT, scope, COUNTER_OPEN);
		op->by = 1;
		op->limit = l->concurrent;
		name(p, prefix, id, ":con");
	}
}

static int64_t
set_or_none(int64_t v)
{
	return v > 0 ? v : -1;
}

struct limits
limit_defaults(const struct conf *c)
{
	return (struct limits){ set_or_none(c->default_rpm),
		set_or_none(c->default_tpm),
		set_or_none(c->default_concurrent) };
}

static int64_t
either(int64_t own, int64_t fallback)
{
	return own >= 0 ? own : fallback;
}

static void
add_scopes(struct limit_plan *p, const struct limit_ask *ask)
{
	const struct principal *who = ask->who;
	const struct limits *k = &who->key_limits, *d = &ask->key_defaults;
	struct limits mine = { either(k->rpm, d->rpm), either(k->tpm, d->tpm),
		either(k->concurrent, d->concurrent) };

	add_limits(
	    p, LIMIT_OF_KEY, "k:", str_from(who->key), &mine, ask);
	add_limits(p, LIMIT_OF_PROJECT, "p:", str_from(who->project),
	    &who->project_limits, ask);
	add_limits(
	    p, LIMIT_OF_ORG, "o", STR(""), &who->org->limits, ask);
}

static void
add_model(struct limit_plan *p, const struct limit_ask *ask)
{
	const struct org *o = ask->who->org;
	bool pays = o->credits_nano - o->spent_nano > 0;
	struct counter_op *op;
	int i;

	for (i = 0; i < o->nmodel_limits; i++)
		if (str_eq(o->model_limits[i].model, ask->model))
			add_limits(p, LIMIT_OF_MODEL, "m:", ask->model,
			    &o->model_limits[i].limits, ask);
	if (!ask->free_rules)
		return;
	op = add(p, LIMIT_FREE, LIMIT_OF_MODEL, COUNTER_RATE);
	op->by = 1;
	if (pays)
		op->limit = ask->free_high ? 100 : 20;
	else
		op->limit = ask->free_high ? 50 : 5;
	op->window_ms = pays ? MINUTE_MS : 10 * MINUTE_MS;
	name(p, "f:", ask->model, pays ? ":60" : ":600");
}

void
limit_make(struct limit_plan *p, const struct limit_ask *ask)
{
	struct counter_op *op;

	p->n = 0;
	add_purse(p, ask, PURSE_KEY);
	add_purse(p, ask, PURSE_PERIOD);
	if (ask->count_rpm >= 0) {
		op = add(p, LIMIT_RPM, LIMIT_OF_KEY, COUNTER_RATE);
		op->by = 1;
		op->limit = ask->count_rpm;
		op->window_ms = MINUTE_MS;
		name(p, "k:", str_from(ask->who->key), ":count");
		return;
	}
	if (ask->needs_credit)
		add_purse(p, ask, PURSE_CREDITS);
	if (ask->bare) {
		add_purse(p, ask, PURSE_PROJECT);
		add_purse(p, ask, PURSE_ORG);
	}
	add_scopes(p, ask);
	if (ask->model.p != NULL)
		add_model(p, ask);
}

const char *
limit_scope_word(const struct limit_row *r)
{
	return scope_words[r->scope];
}

const char *
limit_kind_word(const struct limit_row *r)
{
	static const char *const words[] = { "budget", "rpm", "tpm",
		"concurrent", "free" };

	return words[r->kind];
}

/* --- what it said --- */

static int
seconds(int64_t wait_ms)
{
	int64_t s = (wait_ms + 999) / 1000;

	return s < 1 ? 1 : s > 3600 ? 3600 : (int)s;
}

static int
refused_purse(const struct purse *p, const struct limit_ask *ask, struct err *e)
{
	if (p->kind == PURSE_KEY)
		return err_set(e, ERR_KEY_LIMIT,
		    "Unauthorized: API key reached its usage limit");
	if (p->kind == PURSE_PERIOD)
		return err_set(e, ERR_KEY_LIMIT,
		    "Unauthorized: API key reached its current period usage "
		    "limit");
	if (p->kind != PURSE_CREDITS)
		return err_set(e, ERR_BUDGET, "Budget of %s is used up",
		    p->kind == PURSE_PROJECT ? "project" : "organization");
	return err_set(e, ERR_CREDITS,
	    "Organization %s has insufficient credits", ask->who->org->id);
}

int
limit_refused(const struct limit_plan *p, int at, const struct limit_ask *ask,
    struct err *e)
{
	const struct counter_op *op = &p->ops[at];
	const char *scope = scope_words[p->rows[at].scope];
	long long n = (long long)op->limit;

	if (p->rows[at].kind == LIMIT_PURSE)
		return refused_purse(&p->rows[at].purse, ask, e);
	e->retry_after = seconds(op->wait_ms);
	switch (p->rows[at].kind) {
	case LIMIT_RPM:
		return err_set(e, ERR_RATE_LIMIT,
		    "Rate limit exceeded for %s: %lld requests per minute",
		    scope, n);
	case LIMIT_TPM:
		return err_set(e, ERR_RATE_LIMIT,
		    "Rate limit exceeded for %s: %lld tokens per minute", scope,
		    n);
	case LIMIT_CONCURRENT:
		e->retry_after = 1;
		return err_set(e, ERR_RATE_LIMIT,
		    "Too many concurrent requests for %s: limit %lld", scope,
		    n);
	case LIMIT_PURSE:
	case LIMIT_FREE:
		break;
	}
	return err_set(e, ERR_RATE_LIMIT,
	    "Rate limit exceeded for free models. Please try again later.");
}

/* A rate as its headers show it. */
struct shown {
	int64_t limit, left, reset_s;
	int window_s;
};

static struct shown
show(const struct limit_plan *p, int i, int at)
{
	const struct counter_op *op = &p->ops[i];
	struct shown s = { .limit = op->limit,
		.window_s = (int)(op->window_ms / 1000) };

	s.left = op->limit - op->used - (at == -1 ? op->by : 0);
	if (s.left < 0)
		s.left = 0;
	s.reset_s = i == at ? seconds(op->wait_ms) : s.window_s;
	return s;
}

/* Is less of a left than of b? */
static bool
scarcer(const struct shown *a, const struct shown *b)
{
	return (__int128)a->left * b->limit < (__int128)b->left * a->limit;
}

/* The rate of which the smallest share is left, or -1. */
static int
scarcest(const struct limit_plan *p, int at)
{
	struct shown s, min = { 0 };
	int i, best = -1;

	for (i = 0; i < p->n; i++) {
		if (p->ops[i].kind != COUNTER_RATE)
			continue;
		s = show(p, i, at);
		if (best == -1 || scarcer(&s, &min)) {
			best = i;
			min = s;
		}
	}
	return best;
}

static void
put_int(struct buf *b, const char *head, int64_t v)
{
	buf_add(b, str_from(head));
	buf_int(b, v);
}

static void
put_policy(struct buf *b, const char *what, const struct shown *s)
{
	buf_add(b, STR("\""));
	buf_add(b, str_from(what));
	put_int(b, "\";q=", s->limit);
	put_int(b, ";w=", s->window_s);
}

static void
put_state(struct buf *b, const char *what, const struct shown *s)
{
	buf_add(b, STR("\""));
	buf_add(b, str_from(what));
	put_int(b, "\";r=", s->left);
	put_int(b, ";t=", s->reset_s);
}

static void
put_old(struct buf *b, const struct shown *s, int64_t wall_ms, bool tokens)
{
	const char *tail = tokens ? "-Tokens: " : ": ";

	buf_add(b, STR("X-RateLimit-Limit"));
	put_int(b, tail, s->limit);
	buf_add(b, STR("\r\nX-RateLimit-Remaining"));
	put_int(b, tail, s->left);
	buf_add(b, STR("\r\nX-RateLimit-Reset"));
	put_int(b, tail, wall_ms / 1000 + s->reset_s);
	buf_add(b, STR("\r\n"));
}

/* `rpm` and `tpm` of one scope; one may be NULL. */
static void
put_both(struct buf *b, const struct shown *rpm, const struct shown *tpm,
    int64_t wall_ms)
{
	const char *comma = rpm != NULL && tpm != NULL ? ", " : "";

	buf_add(b, STR("RateLimit-Policy: "));
	if (rpm != NULL)
		put_policy(b, "requests", rpm);
	buf_add(b, str_from(comma));
	if (tpm != NULL)
		put_policy(b, "tokens", tpm);
	buf_add(b, STR("\r\nRateLimit: "));
	if (rpm != NULL)
		put_state(b, "requests", rpm);
	buf_add(b, str_from(comma));
	if (tpm != NULL)
		put_state(b, "tokens", tpm);
	buf_add(b, STR("\r\n"));
	if (rpm != NULL) {
		put_int(b, "RateLimit-Limit: ", rpm->limit);
		put_int(b, "\r\nRateLimit-Remaining: ", rpm->left);
		put_int(b, "\r\nRateLimit-Reset: ", rpm->reset_s);
		buf_add(b, STR("\r\n"));
		put_old(b, rpm, wall_ms, false);
	}
	if (tpm != NULL)
		put_old(b, tpm, wall_ms, true);
}

void
limit_headers(
    const struct limit_plan *p, int at, int64_t wall_ms, struct buf *out)
{
	struct shown rpm = { 0 }, tpm = { 0 };
	bool has_rpm = false, has_tpm = false;
	int i, best = scarcest(p, at);

	if (best == -1)
		return;
	if (p->rows[best].kind == LIMIT_FREE) {
		rpm = show(p, best, at);
		put_old(out, &rpm, wall_ms, false);
		return;
	}
	for (i = 0; i < p->n; i++) {
		if (p->ops[i].kind != COUNTER_RATE ||
		    p->rows[i].scope != p->rows[best].scope)
			continue;
		if (p->rows[i].kind == LIMIT_RPM) {
			rpm = show(p, i, at);
			has_rpm = true;
		} else if (p->rows[i].kind == LIMIT_TPM) {
			tpm = show(p, i, at);
			has_tpm = true;
		}
	}
	put_both(out, has_rpm ? &rpm : NULL, has_tpm ? &tpm : NULL, wall_ms);
}
