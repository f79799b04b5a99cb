/* Who would serve a request (pipeline/explain.h), as JSON. */
#include "admin/resource.h"
#include "domain/principal_load.h"
#include "pipeline/explain.h"
#include "pipeline/own.h"

/* A key of nobody: no rules, no limits, no keys of its own. */
static const struct principal nobody = {
	.mode = "hybrid",
	.usage_limit_nano = -1,
	.key_limits = { -1, -1, -1 },
	.project_limits = { -1, -1, -1 },
};

/* --- the answer --- */

static void
put_str(struct jw *w, const char *key, struct str s)
{
	if (s.n == 0)
		jw_null(w, key);
	else
		jw_str(w, key, s);
}

static void
put_price(struct jw *w, const char *key, int64_t pico)
{
	if (pico == NO_PRICE)
		jw_null(w, key);
	else /* USD per million tokens: the nano-dollars of a thousand */
		jw_nano(w, key, pico * 1000);
}

static void
put_milli(struct jw *w, const char *key, double v)
{
	jw_nano(w, key, score_nano(v));
}

static void
put_score(struct jw *w, const struct explain_row *row)
{
	const struct score_candidate *s = &row->score;
	const struct score_parts *p = &s->parts;

	if (!row->scored) {
		jw_null(w, "score");
		return;
	}
	put_milli(w, "score", s->score);
	jw_obj(w, "parts");
	put_milli(w, "price", p->price);
	put_milli(w, "uptime", p->uptime);
	put_milli(w, "throughput", p->throughput);
	put_milli(w, "latency", p->latency);
	put_milli(w, "priority", p->priority);
	put_milli(w, "penalty", p->penalty);
	put_milli(w, "own_key", p->extra);
	jw_end(w);
	jw_bool(w, "measured", s->seen);
	put_milli(w, "uptime", s->uptime);
	put_milli(w, "throughput", s->throughput);
	put_milli(w, "latency_ms", s->latency);
}

static const char *
credential(bool own)
{
	return own ? "own" : "gateway";
}

static void
put_row(struct jw *w, const struct explain_row *row)
{
	jw_obj(w, NULL);
	jw_str(w, "provider", row->provider);
	jw_str(w, "model", row->model);
	jw_strc(w, "credential", credential(row->own));
	put_price(w, "input_price", row->input_price);
	put_price(w, "output_price", row->output_price);
	jw_int(w, "context", row->context);
	if (row->filter == NULL)
		jw_null(w, "filtered_by");
	else
		jw_strc(w, "filtered_by", row->filter);
	put_str(w, "why", row->why);
	jw_strc(w, "breaker", health_gate_words[row->gate]);
	put_score(w, row);
	jw_end(w);
}

static void
put_target(struct jw *w, const char *key, const struct explain_target *t)
{
	jw_obj(w, key);
	jw_str(w, "provider", t->provider);
	jw_str(w, "model", t->model);
	jw_strc(w, "credential", credential(t->own));
	jw_int(w, "key_index", t->key);
	jw_end(w);
}

static void
put_error(struct jw *w, const struct err *e)
{
	jw_obj(w, "error");
	jw_int(w, "status", err_rows[e->code].http);
	jw_strc(w, "code", err_rows[e->code].code);
	jw_strc(w, "message", e->msg);
	jw_end(w);
}

static void
put_explained(struct jw *w, struct str model, const struct explained *x)
{
	bool served = x->reason != NULL && x->ntargets > 0;

	jw_obj(w, NULL);
	jw_strc(w, "object", "explanation");
	jw_str(w, "model", model);
	jw_str(w, "root", x->root);
	put_str(w, "pinned", x->pinned);
	put_str(w, "region", x->region);
	jw_arr(w, "candidates");
	for (int i = 0; i < x->nrows; i++)
		put_row(w, &x->rows[i]);
	jw_end(w);
	jw_arr(w, "order");
	for (int i = 0; served && i < x->ntargets; i++)
		put_target(w, NULL, &x->targets[i]);
	jw_end(w);
	if (served) {
		put_target(w, "choice", &x->targets[0]);
		jw_strc(w, "reason", x->reason);
	} else {
		jw_null(w, "choice");
		jw_null(w, "reason");
	}
	if (x->max_output > 0)
		jw_int(w, "max_output", x->max_output);
	else
		jw_null(w, "max_output");
	if (x->err.code == ERR_NONE)
		jw_null(w, "error");
	else
		put_error(w, &x->err);
	jw_end(w);
}

/* --- the world --- */

/* What a gateway of this host has, as far as deciding needs it. */
static int
open_world(struct work *k, struct world **out)
{
	const struct admin *a = k->admin;
	struct world *w = ARENA_NEW(k->arena, struct world);

	w->conf = *a->conf;
	w->log = (struct log){ .fd = -1, .level = LOG_ERROR_ };
	w->catalog = a->catalog;
	w->providers = a->providers;
	w->health = a->health;
	if (a->master != NULL)
		w->master = *a->master;
	/* The gateway was never started here: nothing is known. */
	if (w->health == NULL && health_open(&w->health, NULL, k->e) == -1)
		return -1;
	owns_open(&w->owns);
	*out = w;
	return 0;
}

static void
close_world(const struct admin *a, struct world *w)
{
	owns_close(w->owns);
	if (a->health == NULL)
		health_close(w->health);
}

static int
take_nobody(struct work *k, const struct principal **who)
{
	struct principal *p = ARENA_NEW(k->arena, struct principal);
	struct org *org;

	if (org_of_nobody(k->sql, &org, k->e) == -1)
		return -1;
	memcpy(p, &nobody, sizeof(*p));
	p->org = org;
	*who = p;
	return 0;
}

/* Whose key it is; -1: err.  To be given back with drop(). */
static int
find_key(struct work *k, const struct principal **who)
{
	const struct value *id = work_value(k, "key_id");
	struct str org;
	bool gone;
	int rc;

	if (id->null)
		return take_nobody(k, who);
	rc = row_look(k, "keys", id->s, &org, &gone);
	if (rc == 1)
		rc = principal_read(k->sql, id->s, who, k->e);
	return rc == 0 ? work_not_found(k, "key", id->s) : rc == 1 ? 0 : -1;
}

static void
drop(struct work *k, const struct principal *who)
{
	if (work_value(k, "key_id")->null)
		org_drop(who->org);
	else
		principal_drop(who);
}

int
run_explain(struct work *k)
{
	struct explained *x = ARENA_NEW(k->arena, struct explained);
	struct explain_ask ask = { 0 };
	struct world *w;
	int rc;

	if (k->admin->catalog == NULL || k->admin->providers == NULL)
		return err_set(k->e, ERR_NOT_FOUND, "Not found");
	if (work_parse(k, true) == -1 || find_key(k, &ask.who) == -1)
		return -1;
	ask.model = work_value(k, "model")->s;
	if (!work_value(k, "body")->null)
		ask.body = work_value(k, "body")->s;
	if (!work_value(k, "key_id")->null)
		ask.sql = k->sql;
	rc = open_world(k, &w);
	if (rc == 0) {
		rc = explain(w, &ask, k->arena, x, k->e);
		close_world(k->admin, w);
	}
	drop(k, ask.who);
	if (rc == -1)
		return -1;
	k->answer->status = 200;
	put_explained(&k->w, ask.model, x);
	return 0;
}
