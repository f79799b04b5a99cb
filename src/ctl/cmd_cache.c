#include "admin/admin.h"
#include "base/clock.h"
#include "ctl/cmd.h"
#include "domain/change.h"
#include "domain/tenant.h"

#define ANEW                                                                   \
	"UPDATE project SET updated_ms ="                                      \
	" CASE WHEN updated_ms < ?1 THEN ?1 ELSE updated_ms + 1 END"

/*
 * Answers are kept under the time of their project's last change, so that a new
 * time is an empty cache, on all hosts.  What was kept goes by itself.
 */
static int
touch(struct ctl *c, struct str project, int64_t *n, struct err *e)
{
	struct sql_stmt *st = sql_prepare(
	    c->sql, project.p == NULL ? ANEW : ANEW " WHERE id = ?2", e);

	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, clock_wall_ms());
	if (project.p != NULL)
		sql_bind_str(st, 2, project);
	if (sql_run(st, e) == -1)
		return -1;
	*n = sql_changes(c->sql);
	return 0;
}

static int
note(struct ctl *c, struct str project, struct err *e)
{
	const struct admin_actor who = { .name = c->actor, .role = ROLE_ADMIN };
	const struct audit_entry entry = { .action = STR("clear_cache"),
		.object = STR("project"),
		.object_id = project,
		.changes = STR("{}") };

	return audit_add(c->sql, &who, &entry, e);
}

int
cmd_cache_clear(struct ctl *c, struct err *e)
{
	struct str project = ctl_str(c, "project");
	struct change_scope scope;
	struct tenant t;
	int64_t n = 0;
	int rc;

	if (project.p != NULL &&
	    tenant_get(c->sql, TENANT_PROJECT, project, c->arena, &t, e) == -1)
		return -1;
	if (change_begin(&scope, c->sql, e) == -1)
		return -1;
	rc = touch(c, project, &n, e);
	if (rc == 0)
		rc = note(c, project, e);
	if (change_end(&scope, rc, e) == -1)
		return -1;
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_int(&c->w, "projects", n);
		jw_end(&c->w);
	}
	return 0;
}
