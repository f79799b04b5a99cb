#include "base/clock.h"
#include "domain/key_info.h"
#include "domain/principal.h"
#include "domain/tally.h"

static const char key_text[] =
    "SELECT k.id, k.label, k.masked, k.status, p.id, o.id, p.mode,"
    " k.created_ms, k.expires_ms, k.usage_limit_nano, k.period_nano,"
    " k.period_count, k.period_unit, o.credits_nano, o.email_verified"
    " FROM api_key k JOIN project p ON p.id = k.project_id"
    " JOIN organization o ON o.id = p.organization_id WHERE k.id = ?1";

static void
read_row(
    struct sql_stmt *st, struct arena *a, struct key_info *k, struct period *p)
{
	struct str *const texts[] = { &k->id, &k->label, &k->masked, &k->status,
		&k->project, &k->org, &k->mode };

	*k = (struct key_info){ .limit_nano = -1, .period_limit_nano = -1 };
	for (int i = 0; i < (int)NROWS(texts); i++)
		*texts[i] = arena_dup(a, sql_str(st, i));
	k->created_ms = sql_int(st, 7);
	k->expires_ms = sql_int(st, 8); /* NULL: 0 */
	if (!sql_is_null(st, 9))
		k->limit_nano = sql_int(st, 9);
	if (!sql_is_null(st, 10)) {
		k->period_limit_nano = sql_int(st, 10);
		p->count = (int)sql_int(st, 11);
		p->unit = period_unit(sql_str(st, 12));
	}
	k->credits_nano = sql_int(st, 13);
	k->free_models = sql_int(st, 14) != 0 && !str_is(k->mode, "api-keys");
}

int
key_info_load(struct sql *s, struct str key, int64_t wall_ms, struct arena *a,
    struct key_info *k, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, key_text, e);
	struct period p = { .unit = PERIOD_NONE };
	struct tally t;
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, key);
	if ((rc = sql_step(st, e)) == 1)
		read_row(st, a, k, &p);
	sql_done(st);
	if (rc != 1)
		return rc;
	if (tally_read(s, TALLY_KEY, k->id, 0, &t, e) == -1)
		return -1;
	k->usage_nano = t.cost_nano;
	if (tally_read(s, TALLY_ORG, k->org, 0, &t, e) == -1)
		return -1;
	k->credits_nano -= t.billed_nano;
	if (k->period_limit_nano < 0)
		return 1;
	k->period_from_ms =
	    period_start(&p, k->created_ms, wall_ms, &k->period_end_ms);
	if (tally_read(s, TALLY_KEY, k->id, k->period_from_ms, &t, e) == -1)
		return -1;
	k->period_nano = t.cost_nano;
	return 1;
}

static int64_t
left(int64_t limit, int64_t used)
{
	return used >= limit ? 0 : limit - used;
}

static void
put_limit(struct jw *w, int64_t limit, int64_t used, int64_t held)
{
	if (limit < 0) {
		jw_null(w, "limit");
		jw_null(w, "remaining");
		return;
	}
	jw_nano(w, "limit", limit);
	jw_nano(w, "remaining", left(limit, used + held));
}

static void
put_rates(struct jw *w, const struct key_counts *c)
{
	const struct key_rate *r;

	jw_arr(w, "rate_limits");
	for (int i = 0; i < c->nrates; i++) {
		r = &c->rates[i];
		jw_obj(w, NULL);
		jw_strc(w, "scope", r->scope);
		jw_strc(w, "kind", r->kind);
		jw_int(w, "limit", r->limit);
		jw_int(w, "remaining", left(r->limit, r->used));
		jw_int(w, "reset", (r->reset_ms + 999) / 1000);
		jw_end(w);
	}
	jw_end(w);
}

void
key_info_put(struct jw *w, const struct key_info *k, const struct key_counts *c)
{
	jw_obj(w, NULL);
	jw_strc(w, "object", "key");
	jw_str(w, "id", k->id);
	jw_str(w, "label", k->label);
	jw_str(w, "masked", k->masked);
	jw_str(w, "status", k->status);
	jw_str(w, "project_id", k->project);
	jw_str(w, "organization_id", k->org);
	jw_str(w, "mode", k->mode);
	jw_time(w, "created_at", k->created_ms);
	jw_time(w, "expires_at", k->expires_ms);
	jw_nano(w, "usage", k->usage_nano);
	put_limit(w, k->limit_nano, k->usage_nano, c->usage_held);
	if (k->period_limit_nano < 0)
		jw_null(w, "period");
	else {
		jw_obj(w, "period");
		put_limit(
		    w, k->period_limit_nano, k->period_nano, c->period_held);
		jw_nano(w, "usage", k->period_nano);
		jw_time(w, "starts_at", k->period_from_ms);
		jw_time(w, "ends_at", k->period_end_ms);
		jw_end(w);
	}
	if (str_is(k->mode, "api-keys"))
		jw_null(w, "credits");
	else {
		jw_obj(w, "credits");
		jw_nano(w, "available", k->credits_nano - c->credits_held);
		jw_nano(w, "held", c->credits_held);
		jw_end(w);
	}
	put_rates(w, c);
	jw_bool(w, "free_models", k->free_models);
	jw_end(w);
}
