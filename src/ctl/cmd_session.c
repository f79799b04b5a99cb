#include <stdio.h>

#include "admin/admin.h"
#include "base/clock.h"
#include "ctl/cmd.h"
#include "domain/change.h"

/* A code to sign in with, shown once. */
int
cmd_session_link(struct ctl *c, struct err *e)
{
	struct str id = str_from(c->args[0]);
	const struct admin_actor who = { .name = c->actor, .role = ROLE_ADMIN };
	const struct audit_entry entry = { .action = STR("create_link"),
		.object = STR("session"),
		.object_id = id,
		.changes = STR("{}") };
	int64_t ends_ms = clock_wall_ms() + ADMIN_LINK_MS;
	struct change_scope scope;
	char code[KEY_SIZE], text[CLOCK_TEXT];
	int rc;

	if (change_begin(&scope, c->sql, e) == -1)
		return -1;
	rc = admin_link_make(c->sql, id, c->arena, code, e);
	if (rc == 0)
		rc = audit_add(c->sql, &who, &entry, e);
	if (change_end(&scope, rc, e) == -1)
		return -1;
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_strc(&c->w, "link", code);
		jw_time(&c->w, "expires_at", ends_ms);
		jw_end(&c->w);
		return 0;
	}
	clock_text(ends_ms, text);
	printf("%s\n\nSign in with it once, until %s:\n\n"
	       "  curl -X POST -H 'Authorization: Bearer %s' \\\n"
	       "      -H 'Content-Type: application/json' -d '{}' \\\n"
	       "      %s/admin/v1/sessions\n",
	    code, text, code, c->conf.public_url);
	return 0;
}
