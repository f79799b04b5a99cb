#include <stdio.h>

#include "base/rand.h"
#include "domain/guard_seed.h"

static int
add(struct sql *s, const struct guard_system *g, const char *id, struct str org,
    int64_t now_ms, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s,
	    "INSERT INTO guardrail(id, organization_id, name, type, enabled,"
	    " action, is_system, created_ms, updated_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?7)",
	    e);

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, str_from(id));
	sql_bind_str(st, 2, org);
	sql_bind_str(st, 3, str_from(g->name));
	sql_bind_str(st, 4, str_from(g->type));
	sql_bind_int(st, 5, g->enabled);
	sql_bind_str(st, 6, str_from(g->action));
	sql_bind_int(st, 7, now_ms);
	return sql_run(st, e);
}

int
guard_seed(struct sql *s, struct str org, int64_t now_ms, struct err *e)
{
	char id[ID_SIZE];

	for (int i = 0; guard_system[i].type != NULL; i++) {
		snprintf(id, sizeof(id), "gr_%d%.*s", i + 1, (int)org.n - 5,
		    org.p + 5);
		if (add(s, &guard_system[i], id, org, now_ms, e) == -1)
			return -1;
	}
	return 0;
}
