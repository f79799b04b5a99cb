#include <stdio.h>

#include "base/clock.h"
#include "domain/change.h"
#include "domain/tenant.h"
#include "json/jtext.h"

/* In the order of struct tenant; STATUS_DONE hides from a list. */
#define ORG_COLUMNS                                                            \
	"id, NULL, name, status, NULL, NULL, NULL, NULL, created_ms,"          \
	" updated_ms FROM organization"
#define PROJECT_COLUMNS                                                        \
	"id, organization_id, name, status, mode, NULL, NULL, NULL,"           \
	" created_ms, updated_ms FROM project"
#define KEY_COLUMNS                                                            \
	"id, project_id, label, status, NULL, masked, expires_ms,"             \
	" last_used_ms, created_ms, updated_ms FROM api_key"
#define LIST                                                                   \
	" AND (?2 <> 0 OR status NOT IN ('archived', 'deleted'))"              \
	" ORDER BY created_ms DESC, id DESC"

static const struct {
	const char *noun;
	const char *statuses[4];
	const char *removed; /* the status that stands for it */
	const char *get, *list, *rename, *set_status;
} kinds[] = {
	[TENANT_ORG] = { "organization", { "active", "suspended", "archived" },
	    "archived", "SELECT " ORG_COLUMNS " WHERE id = ?1",
	    "SELECT " ORG_COLUMNS " WHERE CAST(?1 AS TEXT) IS NULL" LIST,
	    "UPDATE organization SET name = ?2, updated_ms = ?3"
	    " WHERE id = ?1",
	    "UPDATE organization SET status = ?2, updated_ms = ?3"
	    " WHERE id = ?1" },
	[TENANT_PROJECT] = { "project", { "active", "archived" }, "archived",
	    "SELECT " PROJECT_COLUMNS " WHERE id = ?1",
	    "SELECT " PROJECT_COLUMNS
	    " WHERE (organization_id = ?1 OR ?1 IS NULL)" LIST,
	    "UPDATE project SET name = ?2, updated_ms = ?3 WHERE id = ?1",
	    "UPDATE project SET status = ?2, updated_ms = ?3 WHERE id = ?1" },
	[TENANT_KEY] = { "key", { "active", "inactive", "deleted" }, "deleted",
	    "SELECT " KEY_COLUMNS " WHERE id = ?1",
	    "SELECT " KEY_COLUMNS " WHERE (project_id = ?1 OR ?1 IS NULL)" LIST,
	    "UPDATE api_key SET label = ?2, updated_ms = ?3 WHERE id = ?1",
	    "UPDATE api_key SET status = ?2, updated_ms = ?3 WHERE id = ?1" },
};

bool
tenant_text_ok(struct str s, size_t max)
{
	const char *p = s.p, *end = s.p + s.n;
	unsigned char c;
	size_t len;

	if (s.n == 0 || s.n > max)
		return false;
	for (; p < end; p += len) {
		c = (unsigned char)*p;
		len = c < 0x80 ? 1 : (size_t)utf8_length(p, end);
		/* C0, DEL and, as two bytes, C1. */
		if (len == 0 || c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)p[1] < 0xa0))
			return false;
	}
	return true;
}

bool
tenant_name_ok(struct str s)
{
	return tenant_text_ok(s, TENANT_NAME_MAX);
}

int
tenant_check_name(struct str name, const char *param, struct err *e)
{
	if (tenant_name_ok(name))
		return 0;
	e->param = str_from(param);
	return err_set(e, ERR_BAD_PARAM,
	    "%s must be 1 to %d bytes of UTF-8 without control characters",
	    param, TENANT_NAME_MAX);
}

static int
not_found(enum tenant_kind kind, struct str id, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "No %s %.*s", kinds[kind].noun,
	    (int)(id.n < 100 ? id.n : 100), id.p);
}

static void
read_tenant(struct sql_stmt *st, struct arena *a, struct tenant *t)
{
	struct str *const strs[] = { &t->id, &t->parent, &t->name, &t->status,
		&t->mode, &t->masked };
	int64_t *const ints[] = { &t->expires_ms, &t->last_used_ms,
		&t->created_ms, &t->updated_ms };
	int col = 0;

	for (size_t i = 0; i < NROWS(strs); i++)
		*strs[i] = arena_dup(a, sql_str(st, col++));
	for (size_t i = 0; i < NROWS(ints); i++)
		*ints[i] = sql_int(st, col++);
}

int
tenant_get(struct sql *s, enum tenant_kind kind, struct str id, struct arena *a,
    struct tenant *out, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, kinds[kind].get, e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	if ((rc = sql_step(st, e)) == 1)
		read_tenant(st, a, out);
	sql_done(st);
	if (rc == 0)
		return not_found(kind, id, e);
	return rc == 1 ? 0 : -1;
}

int
tenant_list(struct sql *s, enum tenant_kind kind, struct str parent, bool all,
    struct arena *a, struct tenant **out, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, kinds[kind].list, e);
	struct tenant *v = NULL, *old;
	int n = 0, cap = 0, rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, parent);
	sql_bind_int(st, 2, all);
	while ((rc = sql_step(st, e)) == 1) {
		if (n == cap) {
			old = v;
			cap = cap == 0 ? 32 : cap * 2;
			v = arena_zalloc(a, (size_t)cap * sizeof(*v));
			if (n > 0)
				memcpy(v, old, (size_t)n * sizeof(*v));
		}
		read_tenant(st, a, &v[n++]);
	}
	sql_done(st);
	*out = v;
	return rc == -1 ? -1 : n;
}

/* One of the UPDATEs of the table: id, value, now. */
static int
update_row(struct sql *s, const char *text, enum tenant_kind kind,
    struct str id, struct str value, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, text, e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	sql_bind_str(st, 2, value);
	sql_bind_int(st, 3, clock_wall_ms());
	rc = sql_step(st, e);
	sql_done(st);
	if (rc == -1 && e->code == ERR_CONFLICT)
		return err_set(e, ERR_CONFLICT,
		    "There is another %s of this name", kinds[kind].noun);
	if (rc == 0 && sql_changes(s) == 0)
		return not_found(kind, id, e);
	return rc;
}

static int
update(struct sql *s, const char *text, enum tenant_kind kind, struct str id,
    struct str value, struct err *e)
{
	struct change_scope c;
	int rc = change_begin(&c, s, e);

	return rc == -1 ?
	    -1 :
	    change_end(&c, update_row(s, text, kind, id, value, e), e);
}

int
tenant_rename(struct sql *s, enum tenant_kind kind, struct str id,
    struct str name, struct err *e)
{
	if (tenant_check_name(name, kind == TENANT_KEY ? "label" : "name", e) ==
	    -1)
		return -1;
	return update(s, kinds[kind].rename, kind, id, name, e);
}

int
tenant_set_status(struct sql *s, enum tenant_kind kind, struct str id,
    struct str status, struct err *e)
{
	const char *const *w = kinds[kind].statuses;

	for (; *w != NULL; w++)
		if (str_is(status, *w))
			return update(
			    s, kinds[kind].set_status, kind, id, status, e);
	e->param = STR("status");
	return err_set(e, ERR_BAD_PARAM, "status of a %s must be %s, %s%s%s",
	    kinds[kind].noun, kinds[kind].statuses[0], kinds[kind].statuses[1],
	    kinds[kind].statuses[2] == NULL ? "" : ", ",
	    kinds[kind].statuses[2] == NULL ? "" : kinds[kind].statuses[2]);
}

int
tenant_set_mode(
    struct sql *s, struct str project, struct str mode, struct err *e)
{
	if (!str_is(mode, "api-keys") && !str_is(mode, "credits") &&
	    !str_is(mode, "hybrid")) {
		e->param = STR("mode");
		return err_set(e, ERR_BAD_PARAM,
		    "mode must be api-keys, credits or hybrid");
	}
	return update(s,
	    "UPDATE project SET mode = ?2, updated_ms = ?3 WHERE id = ?1",
	    TENANT_PROJECT, project, mode, e);
}

int
tenant_remove(
    struct sql *s, enum tenant_kind kind, struct str id, struct err *e)
{
	return tenant_set_status(s, kind, id, str_from(kinds[kind].removed), e);
}
