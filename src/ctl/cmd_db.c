#include "ctl/cmd.h"

/* The work was done when the database was opened (CTL_WRITE). */
int
cmd_db_migrate(struct ctl *c, struct err *e)
{
	int64_t now;

	if (sql_version(c->sql, &now, e) == -1)
		return -1;
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_int(&c->w, "old_version", c->old_version);
		jw_int(&c->w, "version", now);
		jw_end(&c->w);
	} else
		buf_fmt(&c->out, "schema version %lld, %s\n", (long long)now,
		    now == c->old_version ? "as before" : "brought up to date");
	return 0;
}
