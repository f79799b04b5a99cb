#include <stdio.h>

#include "domain/alias.h"
#include "domain/change.h"
#include "domain/guard_seed.h"
#include "domain/iam.h"
#include "domain/principal_load.h"

/* Rows of one kind, at most; more are not looked at. */
#define ROWS_MAX 1000

static void
copy(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STR_ARG(s));
}

/* NULL: no limit. */
static int64_t
limit(struct sql_stmt *st, int col)
{
	return sql_is_null(st, col) ? -1 : sql_int(st, col);
}

/* Three columns: rpm, tpm, concurrent. */
static struct limits
limits(struct sql_stmt *st, int col)
{
	return (struct limits){ limit(st, col), limit(st, col + 1),
		limit(st, col + 2) };
}

/* Three columns: amount, count, unit. */
static struct period
period(struct sql_stmt *st, int col)
{
	struct period p = { limit(st, col), (int)sql_int(st, col + 1),
		period_unit(sql_str(st, col + 2)) };

	return p.limit_nano < 0 ? (struct period){ -1, 0, PERIOD_NONE } : p;
}

/*
 * All rows of a query about the id, each as `size` bytes that read() fills.
 * How many, or -1.
 */
static int
rows(struct sql *s, const char *text, struct str id, struct arena *a,
    size_t size, void (*read)(struct sql_stmt *, struct arena *, void *),
    void *out, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, text, e);
	char *v = NULL, *old;
	size_t n = 0, cap = 0;
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	while ((rc = sql_step(st, e)) == 1 && n < ROWS_MAX) {
		if (n == cap) {
			old = v;
			cap = cap == 0 ? 8 : cap * 2;
			v = arena_zalloc(a, cap * size);
			if (n > 0)
				memcpy(v, old, n * size);
		}
		read(st, a, v + n++ * size);
	}
	sql_done(st);
	*(void **)out = v;
	return rc == -1 ? -1 : (int)n;
}

static void
read_limit(struct sql_stmt *st, struct arena *a, void *out)
{
	struct model_limit *m = out;

	m->model = arena_dup(a, sql_str(st, 0));
	m->limits = limits(st, 1);
}

static void
read_discount(struct sql_stmt *st, struct arena *a, void *out)
{
	struct discount *d = out;

	d->provider = arena_dup(a, sql_str(st, 0));
	d->model = arena_dup(a, sql_str(st, 1));
	d->global = sql_is_null(st, 2);
	d->millionths = sql_int(st, 3);
	d->expires_ms = sql_int(st, 4);
}

static void
read_alias(struct sql_stmt *st, struct arena *a, void *out)
{
	struct alias *x = out;
	struct err ignored = { 0 };

	x->name = arena_dup(a, sql_str(st, 0));
	alias_parse(sql_str(st, 1), a, x, &ignored);
}

static void
read_own_key(struct sql_stmt *st, struct arena *a, void *out)
{
	struct own_key *k = out;
	struct str *const v[] = { &k->id, &k->provider, &k->name, &k->sealed,
		&k->base_url, &k->options, &k->default_model, &k->models };
	int i;

	for (i = 0; i < (int)NROWS(v); i++)
		*v[i] = arena_dup(a, sql_str(st, i));
	k->is_default = sql_int(st, i) != 0;
}

enum guard_action
guard_action(struct str word)
{
	int i = GUARD_BLOCK;

	while (i > 0 && !str_is(word, guard_action_words[i]))
		i--;
	return (enum guard_action)i;
}

static void
read_guard(struct sql_stmt *st, struct arena *a, void *out)
{
	struct guard_rule *g = out;

	g->id = arena_dup(a, sql_str(st, 0));
	g->name = arena_dup(a, sql_str(st, 1));
	g->type = arena_dup(a, sql_str(st, 2));
	g->project = arena_dup(a, sql_str(st, 3));
	g->action = guard_action(sql_str(st, 4));
	g->direction = guard_direction(sql_str(st, 5));
	g->priority = sql_int(st, 6);
	g->config = arena_dup(a, sql_str(st, 7));
}

int
guard_load(struct sql *s, struct str org, struct arena *a,
    struct guard_rule **out, struct err *e)
{
	return rows(s,
	    "SELECT id, name, type, project_id, action, direction, priority,"
	    " config FROM guardrail WHERE organization_id = ?1"
	    " AND enabled = 1 ORDER BY priority, id",
	    org, a, sizeof(**out), read_guard, out, e);
}

static int
load_guards(struct sql *s, struct org *o, struct err *e)
{
	struct guard_rule *v;

	if (!o->guardrails)
		return 0;
	o->nguards = guard_load(s, str_from(o->id), o->arena, &v, e);
	if (o->nguards == -1)
		return -1;
	o->guards = v;
	o->guard_generation = guard_generation(v, o->nguards);
	return 0;
}

static void
read_rule(struct sql_stmt *st, struct arena *a, void *out)
{
	struct iam_rule *r = out;
	struct err ignored = { 0 };

	/* One that cannot be read refuses all. */
	if (iam_parse(sql_str(st, 1), sql_str(st, 2), a, r, &ignored) == -1)
		*r = iam_nothing;
	r->id = arena_dup(a, sql_str(st, 0));
}

static int
load_lists(struct sql *s, struct org *o, struct err *e)
{
	struct str id = str_from(o->id);

	o->nmodel_limits = rows(s,
	    "SELECT model, rpm, tpm, concurrent FROM model_limit"
	    " WHERE organization_id = ?1 ORDER BY model",
	    id, o->arena, sizeof(*o->model_limits), read_limit,
	    &o->model_limits, e);
	if (o->nmodel_limits == -1)
		return -1;
	o->ndiscounts = rows(s,
	    "SELECT provider, model, organization_id, fraction_millionths,"
	    " expires_ms FROM discount"
	    " WHERE organization_id = ?1 OR organization_id IS NULL"
	    " ORDER BY CASE WHEN organization_id IS NULL THEN 1 ELSE 0 END, id",
	    id, o->arena, sizeof(*o->discounts), read_discount, &o->discounts,
	    e);
	if (o->ndiscounts == -1)
		return -1;
	o->naliases = rows(s,
	    "SELECT name, targets FROM alias"
	    " WHERE organization_id = ?1 OR organization_id IS NULL"
	    " ORDER BY CASE WHEN organization_id IS NULL THEN 1 ELSE 0 END, id",
	    id, o->arena, sizeof(*o->aliases), read_alias, &o->aliases, e);
	if (o->naliases == -1)
		return -1;
	o->nkeys = rows(s,
	    "SELECT id, provider, name, sealed, base_url, options,"
	    " default_model, models, is_default FROM provider_key"
	    " WHERE organization_id = ?1 AND status = 'active' ORDER BY id",
	    id, o->arena, sizeof(*o->keys), read_own_key, &o->keys, e);
	return o->nkeys == -1 || load_guards(s, o, e) == -1 ? -1 : 1;
}

static void
read_org(struct sql_stmt *st, struct org *o)
{
	struct str status = sql_str(st, 0);

	o->archived = str_is(status, "archived");
	o->suspended = str_is(status, "suspended");
	o->created_ms = sql_int(st, 1);
	o->email_verified = sql_int(st, 2) != 0;
	o->retain = str_is(sql_str(st, 3), "retain");
	o->guardrails = sql_int(st, 4) != 0;
	o->credits_nano = sql_int(st, 5);
	o->spent_nano = sql_int(st, 6);
	o->limits = limits(st, 7);
	o->budget = period(st, 10);
}

static struct org *
new_org(struct str id)
{
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct org *o = ARENA_NEW(a, struct org);

	o->arena = a;
	atomic_init(&o->refs, 1);
	copy(o->id, sizeof(o->id), id);
	return o;
}

int
org_of_nobody(struct sql *s, struct org **out, struct err *e)
{
	struct org *o = new_org(STR(""));

	o->email_verified = true;
	o->limits = (struct limits){ -1, -1, -1 };
	if (load_lists(s, o, e) == -1) {
		org_drop(o);
		return -1;
	}
	*out = o;
	return 0;
}

int
org_load(struct sql *s, struct str id, int64_t version, struct org **out,
    struct err *e)
{
	struct sql_stmt *st;
	struct org *o;
	int rc;

	st = sql_prepare(s,
	    "SELECT o.status, o.created_ms, o.email_verified, o.retention,"
	    " o.guardrails_enabled, o.credits_nano, t.billed_nano,"
	    " o.rpm, o.tpm, o.concurrent, o.budget_nano, o.budget_count,"
	    " o.budget_unit FROM organization o"
	    " LEFT JOIN tally t ON t.scope = 'organization' AND t.id = o.id"
	    " AND t.from_ms = 0 WHERE o.id = ?1",
	    e);
	if (st == NULL)
		return -1;
	o = new_org(id);
	o->version = version;
	sql_bind_str(st, 1, id);
	if ((rc = sql_step(st, e)) == 1)
		read_org(st, o);
	sql_done(st);
	if (rc == 1)
		rc = load_lists(s, o, e);
	if (rc == 1)
		*out = o;
	else
		org_drop(o);
	return rc;
}

static bool
read_key(struct sql_stmt *st, struct principal *p, char org[ID_SIZE])
{
	struct str status = sql_str(st, 0);

	if (str_is(status, "deleted"))
		return false;
	p->inactive = str_is(status, "inactive");
	p->expires_ms = sql_int(st, 1);
	p->key_created_ms = sql_int(st, 2);
	p->usage_limit_nano = limit(st, 3);
	p->key_period = period(st, 4);
	p->key_limits = limits(st, 7);
	copy(p->project, sizeof(p->project), sql_str(st, 10));
	p->project_archived = str_is(sql_str(st, 11), "archived");
	copy(p->error_format, sizeof(p->error_format), sql_str(st, 12));
	copy(p->mode, sizeof(p->mode), sql_str(st, 13));
	p->caching = sql_int(st, 14) != 0;
	p->cache_ttl_ms = sql_int(st, 15) * 1000;
	p->project_created_ms = sql_int(st, 16);
	p->project_budget = period(st, 17);
	p->project_limits = limits(st, 20);
	copy(org, ID_SIZE, sql_str(st, 23));
	p->project_updated_ms = sql_int(st, 24);
	return true;
}

int
principal_load(struct sql *s, struct str key, int64_t version,
    struct principal **out, char org[ID_SIZE], struct err *e)
{
	struct arena *a;
	struct principal *p;
	struct sql_stmt *st;
	int rc;

	st = sql_prepare(s,
	    "SELECT k.status, k.expires_ms, k.created_ms, k.usage_limit_nano,"
	    " k.period_nano, k.period_count, k.period_unit,"
	    " k.rpm, k.tpm, k.concurrent,"
	    " p.id, p.status, p.error_format, p.mode, p.caching_enabled,"
	    " p.cache_ttl, p.created_ms, p.budget_nano, p.budget_count,"
	    " p.budget_unit, p.rpm, p.tpm, p.concurrent, p.organization_id,"
	    " p.updated_ms"
	    " FROM api_key k JOIN project p ON p.id = k.project_id"
	    " WHERE k.id = ?1",
	    e);
	if (st == NULL)
		return -1;
	a = arena_new(sizeof(*p) + 64, SIZE_MAX);
	p = ARENA_NEW(a, struct principal);
	p->arena = a;
	p->version = version;
	atomic_init(&p->refs, 1);
	copy(p->key, sizeof(p->key), key);
	sql_bind_str(st, 1, key);
	if ((rc = sql_step(st, e)) == 1 && !read_key(st, p, org))
		rc = 0;
	sql_done(st);
	if (rc == 1 &&
	    (p->nrules = rows(s,
		 "SELECT id, type, value FROM iam_rule"
		 " WHERE key_id = ?1 AND status = 'active' ORDER BY id",
		 key, a, sizeof(*p->rules), read_rule, &p->rules, e)) == -1)
		rc = -1;
	if (rc == 1)
		*out = p;
	else
		principal_drop(p);
	return rc;
}

int
principal_read(
    struct sql *s, struct str key, const struct principal **out, struct err *e)
{
	char id[ID_SIZE];
	struct principal *p;
	struct org *o;
	int64_t version;
	int rc;

	if (change_read(s, &version, e) == -1)
		return -1;
	if ((rc = principal_load(s, key, version, &p, id, e)) != 1)
		return rc;
	if ((rc = org_load(s, str_from(id), version, &o, e)) != 1) {
		principal_drop(p);
		return rc;
	}
	p->org = o;
	*out = p;
	return 1;
}
