#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "domain/alert.h"
#include "domain/principal.h"
#include "domain/tally.h"
#include "json/jw.h"

#define ALERTS_MAX 100000 /* looked at a second */
#define BODY_MAX ((size_t)64 * 1024)

/* Budget, count, unit and beginning of each scope, in the order of scopes. */
static const char list_text[] =
    "SELECT a.id, a.organization_id, a.scope, a.scope_id, a.kind,"
    " a.threshold_millionths, a.webhook, a.sealed, a.fired_from_ms,"
    " o.credits_nano, k.usage_limit_nano,"
    " (SELECT max(t.created_ms) FROM credit_txn t"
    "  WHERE t.organization_id = a.organization_id AND t.amount_nano > 0),"
    " k.period_nano, k.period_count, k.period_unit, k.created_ms,"
    " p.budget_nano, p.budget_count, p.budget_unit, p.created_ms,"
    " o.budget_nano, o.budget_count, o.budget_unit, o.created_ms,"
    " a.claimed_until_ms"
    " FROM alert a JOIN organization o ON o.id = a.organization_id"
    " LEFT JOIN project p ON p.id = a.scope_id AND a.scope = 'project'"
    " LEFT JOIN api_key k ON k.id = a.scope_id AND a.scope = 'key'"
    " WHERE a.sealed IS NOT NULL AND o.status <> 'archived'"
    " ORDER BY a.id LIMIT ?1";
#define UNSENT " WHERE id = ?2 AND (fired_from_ms IS NULL OR fired_from_ms < ?1)"
static const char take_text[] =
    "UPDATE alert SET claimed_until_ms = ?3" UNSENT
    " AND (claimed_until_ms IS NULL OR claimed_until_ms <= ?4)";
static const char done_text[] =
    "UPDATE alert SET fired_from_ms = ?1, claimed_until_ms = NULL" UNSENT;

/* An alert and what its row says of the limit. */
struct look {
	struct alert alert;
	enum tally_scope scope;
	int64_t tally_ms; /* window of the tally */
	bool fired;       /* for this period, or being sent */
	bool off;         /* there is no limit */
};

static void
read_period(struct sql_stmt *st, int col, int64_t wall_ms, struct look *l)
{
	struct period p = { .unit = period_unit(sql_str(st, col + 2)),
		.count = (int)sql_int(st, col + 1) };
	struct alert *t = &l->alert;

	t->limit_nano = sql_int(st, col);
	t->from_ms =
	    period_start(&p, sql_int(st, col + 3), wall_ms, &t->end_ms);
	l->tally_ms = t->from_ms;
}

static void
read_limit(struct sql_stmt *st, int64_t wall_ms, struct look *l)
{
	struct alert *t = &l->alert;
	int col = 12 + 4 * (int)l->scope;

	if (str_is(t->kind, "credits")) {
		t->limit_nano = sql_int(st, 9);
		t->from_ms = sql_int(st, 11);
	} else if (!sql_is_null(st, col))
		read_period(st, col, wall_ms, l);
	else if (l->scope == TALLY_KEY && !sql_is_null(st, 10))
		t->limit_nano = sql_int(st, 10);
	else
		l->off = true;
	l->fired = (!sql_is_null(st, 8) && sql_int(st, 8) >= t->from_ms) ||
	    (!sql_is_null(st, 24) && sql_int(st, 24) > wall_ms);
}

static void
read_row(struct sql_stmt *st, int64_t wall_ms, struct arena *a, struct look *l)
{
	struct alert *t = &l->alert;

	*l = (struct look){ 0 };
	*t = (struct alert){ .id = arena_dup(a, sql_str(st, 0)),
		.org = arena_dup(a, sql_str(st, 1)),
		.scope = arena_dup(a, sql_str(st, 2)),
		.scope_id = arena_dup(a, sql_str(st, 3)),
		.kind = arena_dup(a, sql_str(st, 4)),
		.threshold = sql_int(st, 5),
		.webhook = arena_dup(a, sql_str(st, 6)),
		.sealed = arena_dup(a, sql_str(st, 7)) };
	l->scope = str_is(t->scope, "key") ? TALLY_KEY :
	    str_is(t->scope, "project")    ? TALLY_PROJECT :
					     TALLY_ORG;
	read_limit(st, wall_ms, l);
	if (t->sealed.n == 0)
		l->off = true;
}

static int
crossed(struct sql *s, struct look *l, struct err *e)
{
	struct alert *t = &l->alert;
	bool credits = str_is(t->kind, "credits");
	struct tally sums;

	if (tally_read(s, l->scope, credits ? t->org : t->scope_id, l->tally_ms,
		&sums, e) == -1)
		return -1;
	t->used_nano = credits ? sums.billed_nano : sums.cost_nano;
	return t->used_nano > 0 &&
	    (__int128)t->used_nano * 1000000 >=
	    (__int128)t->limit_nano * t->threshold;
}

/* 1: it did something; 0, or -1.  Claims have a time, the end of all has none. */
static int
update(struct sql *s, const char *text, struct str id, int64_t from_ms,
    int64_t wall_ms, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, text, e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, from_ms);
	sql_bind_str(st, 2, id);
	if (text == take_text) {
		sql_bind_int(st, 3, wall_ms + ALERT_CLAIM_MS);
		sql_bind_int(st, 4, wall_ms);
	}
	rc = sql_step(st, e);
	sql_done(st);
	return rc == -1 ? -1 : sql_changes(s) == 1;
}

int
alert_done(struct sql *s, struct str id, int64_t from_ms, struct err *e)
{
	return update(s, done_text, id, from_ms, 0, e) == -1 ? -1 : 0;
}

/* Those that are on and were not sent; one more array when it is full. */
static int
look_all(struct sql *s, int64_t wall_ms, struct arena *a, struct look **out,
    struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, list_text, e);
	struct look *v = NULL, *old;
	int n = 0, cap = 0, rc;

	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, ALERTS_MAX);
	while ((rc = sql_step(st, e)) == 1) {
		if (n == cap) {
			old = v;
			cap = cap == 0 ? 16 : cap * 2;
			v = arena_alloc(a, (size_t)cap * sizeof(*v));
			if (n > 0)
				memcpy(v, old, (size_t)n * sizeof(*v));
		}
		read_row(st, wall_ms, a, &v[n]);
		n += !v[n].off && !v[n].fired;
	}
	sql_done(st);
	*out = v;
	return rc == -1 ? -1 : n;
}

int
alert_take(struct sql *s, int64_t wall_ms, struct arena *a, struct alert **out,
    struct err *e)
{
	struct look *v;
	int n = look_all(s, wall_ms, a, &v, e), taken = 0, rc;

	*out = arena_alloc(a, (size_t)(n < 1 ? 1 : n) * sizeof(**out));
	for (int i = 0; i < n; i++) {
		rc = crossed(s, &v[i], e);
		if (rc == 1)
			rc = update(s, take_text, v[i].alert.id,
			    v[i].alert.from_ms, wall_ms, e);
		if (rc == -1) /* what was taken is sent all the same */
			return taken > 0 ? taken : -1;
		if (rc == 1)
			(*out)[taken++] = v[i].alert;
	}
	return n == -1 ? -1 : taken;
}

void
alert_body(const struct alert *t, int64_t wall_ms, struct buf *b)
{
	struct jw w = JW_TO(b);
	char event[64];

	snprintf(event, sizeof(event), "%.*s.%lld", STR_ARG(t->id),
	    (long long)t->from_ms);
	jw_obj(&w, NULL);
	jw_strc(&w, "object", "alert");
	jw_str(&w, "id", t->id);
	jw_strc(&w, "event_id", event);
	jw_time(&w, "time", wall_ms);
	jw_str(&w, "organization_id", t->org);
	jw_str(&w, "scope", t->scope);
	jw_str(&w, "scope_id", t->scope_id);
	jw_str(&w, "kind", t->kind);
	jw_nano(&w, "threshold", t->threshold * 1000);
	jw_nano(&w, "limit", t->limit_nano);
	jw_nano(&w, "used", t->used_nano);
	if (t->end_ms == 0)
		jw_null(&w, "period");
	else {
		jw_obj(&w, "period");
		jw_time(&w, "starts_at", t->from_ms);
		jw_time(&w, "ends_at", t->end_ms);
		jw_end(&w);
	}
	jw_end(&w);
}

void
alert_sign(struct str secret, int64_t unix_s, struct str body, struct buf *out)
{
	unsigned char mac[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	struct buf text = BUF_LIMIT(BODY_MAX);

	buf_int(&text, unix_s);
	buf_addc(&text, '.');
	buf_add(&text, body);
	hash_hmac(secret, buf_str(&text), mac);
	hash_hex(mac, sizeof(mac), hex);
	buf_add(out, STR("t="));
	buf_int(out, unix_s);
	buf_add(out, STR(",v1="));
	buf_add(out, str_from(hex));
	buf_free(&text);
}

struct str
alert_seal(const struct secret *master, struct str secret, struct str id,
    struct arena *a)
{
	const struct str names[] = { STR("alert"), id };

	return seal(master, secret, names, 2, a);
}

struct str
alert_open(
    const struct secret *master, const struct alert *t, struct arena *a)
{
	const struct str names[] = { STR("alert"), t->id };
	struct secret plain = { 0 };
	struct str out = STR_NONE;

	if (t->sealed.n > 0 && seal_open(master, t->sealed, names, 2, &plain))
		out = secret_copy(a, "", secret_str(&plain));
	secret_free(&plain);
	return out;
}
