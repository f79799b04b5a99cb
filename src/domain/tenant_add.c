#include "base/clock.h"
#include "domain/guard_seed.h"
#include "domain/change.h"
#include "domain/tenant.h"

/* Step an INSERT and say what a refusal means. */
static int
finish(struct sql *s, struct sql_stmt *st, const char *noun, struct err *e)
{
	struct change_scope c;
	int rc;

	if ((rc = change_begin(&c, s, e)) == 0)
		rc = change_end(&c, sql_step(st, e), e);

	sql_done(st);
	if (rc == -1 && e->code == ERR_CONFLICT)
		return err_set(
		    e, ERR_CONFLICT, "There is another %s of this name", noun);
	return rc;
}

int
tenant_add_org(struct sql *s, struct str name, struct arena *a,
    struct tenant *out, struct err *e)
{
	int64_t now_ms = clock_wall_ms();
	struct sql_stmt *st;
	char id[ID_SIZE];

	if (tenant_check_name(name, "name", e) == -1)
		return -1;
	st = sql_prepare(s,
	    "INSERT INTO organization(id, name, created_ms, updated_ms)"
	    " VALUES (?1, ?2, ?3, ?3)",
	    e);
	if (st == NULL)
		return -1;
	rand_id(id, "org_", now_ms);
	sql_bind_str(st, 1, str_from(id));
	sql_bind_str(st, 2, name);
	sql_bind_int(st, 3, now_ms);
	if (finish(s, st, "organization", e) == -1)
		return -1;
	if (guard_seed(s, str_from(id), now_ms, e) == -1)
		return -1;
	return tenant_get(s, TENANT_ORG, str_from(id), a, out, e);
}

/* What is archived or deleted gets nothing new. */
static int
check_parent(struct sql *s, enum tenant_kind kind, struct str id,
    struct arena *a, struct err *e)
{
	struct tenant t;

	if (tenant_get(s, kind, id, a, &t, e) == -1)
		return -1;
	if (str_is(t.status, "archived"))
		return err_set(
		    e, ERR_CONFLICT, "%.*s is archived", STR_ARG(t.id));
	return 0;
}

int
tenant_add_project(struct sql *s, struct str org, struct str name,
    struct arena *a, struct tenant *out, struct err *e)
{
	int64_t now_ms = clock_wall_ms();
	struct sql_stmt *st;
	char id[ID_SIZE];

	if (tenant_check_name(name, "name", e) == -1)
		return -1;
	if (check_parent(s, TENANT_ORG, org, a, e) == -1)
		return -1;
	st = sql_prepare(s,
	    "INSERT INTO project(id, organization_id, name, created_ms,"
	    " updated_ms) VALUES (?1, ?2, ?3, ?4, ?4)",
	    e);
	if (st == NULL)
		return -1;
	rand_id(id, "proj_", now_ms);
	sql_bind_str(st, 1, str_from(id));
	sql_bind_str(st, 2, org);
	sql_bind_str(st, 3, name);
	sql_bind_int(st, 4, now_ms);
	if (finish(s, st, "project", e) == -1)
		return -1;
	return tenant_get(s, TENANT_PROJECT, str_from(id), a, out, e);
}

/* What keys and tokens have in common: made, digested, shortened. */
struct secret_text {
	char id[ID_SIZE];
	char masked[KEY_SIZE];
	unsigned char digest[HASH_SIZE];
	int64_t now_ms;
};

static void
make_secret(const struct keys *k, const char *id_prefix, const char *prefix,
    struct secret_text *t, char text[KEY_SIZE])
{
	t->now_ms = clock_wall_ms();
	rand_id(t->id, id_prefix, t->now_ms);
	key_make(prefix, text);
	key_mask(text, prefix, t->masked);
	keys_digest(k, str_from(text), t->digest);
}

static void
bind_secret(struct sql_stmt *st, const struct secret_text *t, struct str label)
{
	sql_bind_str(st, 1, str_from(t->id));
	sql_bind_blob(
	    st, 2, (struct str){ (const char *)t->digest, HASH_SIZE });
	sql_bind_str(st, 3, str_from(t->masked));
	sql_bind_str(st, 4, label);
	sql_bind_int(st, 5, t->now_ms);
}

int
tenant_add_key(struct sql *s, const struct keys *k,
    const struct tenant_new_key *n, struct arena *a, struct tenant *out,
    char key[KEY_SIZE], struct err *e)
{
	struct secret_text t;
	struct sql_stmt *st;

	if (tenant_check_name(n->label, "label", e) == -1)
		return -1;
	if (check_parent(s, TENANT_PROJECT, n->project, a, e) == -1)
		return -1;
	st = sql_prepare(s,
	    "INSERT INTO api_key(id, digest, masked, label, created_ms,"
	    " updated_ms, project_id, expires_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)",
	    e);
	if (st == NULL)
		return -1;
	make_secret(k, "key_", keys_prefix(k), &t, key);
	bind_secret(st, &t, n->label);
	sql_bind_str(st, 6, n->project);
	if (n->expires_ms == 0)
		sql_bind_null(st, 7);
	else
		sql_bind_int(st, 7, n->expires_ms);
	if (finish(s, st, "key", e) == -1)
		return -1;
	return tenant_get(s, TENANT_KEY, str_from(t.id), a, out, e);
}

int
tenant_add_admin(struct sql *s, const struct keys *k, struct str label,
    char token[KEY_SIZE], struct err *e)
{
	struct secret_text t;
	struct sql_stmt *st;

	if (tenant_check_name(label, "label", e) == -1)
		return -1;
	st = sql_prepare(s,
	    "INSERT INTO admin_token(id, digest, masked, label, created_ms,"
	    " role) VALUES (?1, ?2, ?3, ?4, ?5, 'admin')",
	    e);
	if (st == NULL)
		return -1;
	make_secret(k, "tok_", TENANT_TOKEN_PREFIX, &t, token);
	bind_secret(st, &t, label);
	return finish(s, st, "token", e);
}

/* The oldest active one of active parents: 1, 0 or -1. */
static int
oldest(struct sql *s, const char *text, struct arena *a, struct str *id,
    struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, text, e);
	int rc;

	if (st == NULL)
		return -1;
	if ((rc = sql_step(st, e)) == 1)
		*id = arena_dup(a, sql_str(st, 0));
	sql_done(st);
	return rc;
}

/* Paid models would answer 402 without credits; given once. */
#define FIRST_NANO INT64_C(1000000000000000)

static int
first_credits(struct sql *s, struct str org, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s,
	    "INSERT INTO credit_txn(id, organization_id, amount_nano, reason,"
	    " external_id, balance_nano, created_ms)"
	    " SELECT ?1, id, ?2, 'first start', 'first-start',"
	    " credits_nano + ?2 - coalesce((SELECT billed_nano FROM tally"
	    " WHERE scope = 'organization' AND tally.id = organization.id"
	    " AND from_ms = 0), 0), ?3 FROM organization WHERE id = ?4"
	    " ON CONFLICT(organization_id, external_id) DO NOTHING",
	    e);
	char id[ID_SIZE];
	int rc;

	if (st == NULL)
		return -1;
	rand_id(id, "ctx_", clock_wall_ms());
	sql_bind_str(st, 1, str_from(id));
	sql_bind_int(st, 2, FIRST_NANO);
	sql_bind_int(st, 3, clock_wall_ms());
	sql_bind_str(st, 4, org);
	rc = sql_step(st, e);
	sql_done(st);
	if (rc == -1 || sql_changes(s) == 0)
		return rc;
	st = sql_prepare(s,
	    "UPDATE organization SET credits_nano = credits_nano + ?1"
	    " WHERE id = ?2",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, FIRST_NANO);
	sql_bind_str(st, 2, org);
	rc = sql_step(st, e);
	sql_done(st);
	return rc;
}

/* Inside the transaction, so that two at once make one. */
static int
bootstrap(struct sql *s, struct arena *a, struct tenant *out, struct err *e)
{
	struct tenant org;
	struct str id;
	int rc;

	rc = oldest(s,
	    "SELECT p.id FROM project p"
	    " JOIN organization o ON o.id = p.organization_id"
	    " WHERE p.status = 'active' AND o.status = 'active'"
	    " ORDER BY p.created_ms, p.id LIMIT 1",
	    a, &id, e);
	if (rc == -1)
		return -1;
	if (rc == 1)
		return tenant_get(s, TENANT_PROJECT, id, a, out, e);
	rc = oldest(s,
	    "SELECT id FROM organization WHERE status = 'active'"
	    " ORDER BY created_ms, id LIMIT 1",
	    a, &id, e);
	if (rc == 0) {
		if (tenant_add_org(s, STR("default"), a, &org, e) == -1)
			return -1;
		id = org.id;
	}
	if (rc == -1)
		return -1;
	return tenant_add_project(s, id, STR("default"), a, out, e);
}

int
tenant_bootstrap(
    struct sql *s, struct arena *a, struct tenant *out, struct err *e)
{
	int rc = sql_begin_alone(s, e);

	if (rc == 0)
		rc = bootstrap(s, a, out, e);
	if (rc == 0)
		rc = first_credits(s, out->parent, e);
	if (rc == 0)
		rc = sql_commit(s, e);
	sql_rollback(s);
	return rc;
}

static int
keep_old(struct sql *s, struct str key, int64_t until_ms, struct err *e)
{
	struct sql_stmt *st;
	int rc;

	st = sql_prepare(s,
	    "INSERT INTO api_key_old(digest, key_id, until_ms)"
	    " SELECT digest, id, ?2 FROM api_key WHERE id = ?1",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, key);
	sql_bind_int(st, 2, until_ms);
	rc = sql_step(st, e);
	sql_done(st);
	return rc;
}

/* Those that are over; with `all` those that still work, too. */
static int
drop_old(
    struct sql *s, struct str key, int64_t until_ms, bool all, struct err *e)
{
	struct sql_stmt *st;
	int rc;

	st = sql_prepare(s,
	    "DELETE FROM api_key_old WHERE key_id = ?1"
	    " AND (until_ms <= ?2 OR ?3 <> 0)",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, key);
	sql_bind_int(st, 2, until_ms);
	sql_bind_int(st, 3, all);
	rc = sql_step(st, e);
	sql_done(st);
	return rc;
}

static int
new_digest(
    struct sql *s, struct str key, const struct secret_text *t, struct err *e)
{
	struct sql_stmt *st;
	int rc;

	st = sql_prepare(s,
	    "UPDATE api_key SET digest = ?2, masked = ?3, updated_ms = ?4"
	    " WHERE id = ?1",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, key);
	sql_bind_blob(
	    st, 2, (struct str){ (const char *)t->digest, HASH_SIZE });
	sql_bind_str(st, 3, str_from(t->masked));
	sql_bind_int(st, 4, t->now_ms);
	rc = sql_step(st, e);
	sql_done(st);
	return rc;
}

static int
roll(struct sql *s, struct str id, int64_t grace_ms,
    const struct secret_text *t, struct arena *a, struct tenant *out,
    struct err *e)
{
	if (tenant_get(s, TENANT_KEY, id, a, out, e) == -1)
		return -1;
	if (str_is(out->status, "deleted"))
		return err_set(
		    e, ERR_CONFLICT, "%.*s is deleted", STR_ARG(out->id));
	/* Without grace all older secrets end, too. */
	if (drop_old(s, id, t->now_ms, grace_ms == 0, e) == -1 ||
	    (grace_ms > 0 &&
		keep_old(s, id, t->now_ms + grace_ms, e) == -1) ||
	    new_digest(s, id, t, e) == -1)
		return -1;
	return tenant_get(s, TENANT_KEY, id, a, out, e);
}

int
tenant_roll_key(struct sql *s, const struct keys *k, struct str id,
    int64_t grace_seconds, struct arena *a, struct tenant *out,
    char key[KEY_SIZE], struct err *e)
{
	struct change_scope c;
	struct secret_text t;

	if (grace_seconds < 0 || grace_seconds > TENANT_GRACE_MAX) {
		e->param = STR("grace_seconds");
		return err_set(e, ERR_BAD_PARAM,
		    "grace_seconds must be from 0 to %d", TENANT_GRACE_MAX);
	}
	make_secret(k, "key_", keys_prefix(k), &t, key);
	if (change_begin(&c, s, e) == -1)
		return -1;
	return change_end(
	    &c, roll(s, id, grace_seconds * 1000, &t, a, out, e), e);
}
