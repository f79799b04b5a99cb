#include "domain/report_sql.h"
#include "domain/usage_field.h"

#define LIST                                                                   \
	"SELECT " USAGE_COLUMNS REPORT_WHERE                                   \
	" AND (?15 = 1 OR attempt_of IS NULL)"
#define ORDER " ORDER BY record_id DESC LIMIT ?16"

static const char list_text[] = LIST ORDER;
static const char list_request_text[] = LIST " AND request_id = ?17" ORDER;
static const char guarded_text[] = LIST " AND guardrails IS NOT NULL" ORDER;
static const char guarded_request_text[] =
    LIST " AND guardrails IS NOT NULL AND request_id = ?17" ORDER;
static const char get_text[] = "SELECT " USAGE_COLUMNS " FROM log"
			       " WHERE record_id = ?1"
			       " AND (organization_id = ?2 OR ?2 IS NULL)";

static bool
is_id(struct str s)
{
	if (!str_starts(s, "log_") || s.n >= ID_SIZE)
		return false;
	for (size_t i = 4; i < s.n; i++) {
		char c = s.p[i], l = (char)(c | 0x20);

		if (!(l >= 'a' && l <= 'z') && !(c >= '0' && c <= '9'))
			return false;
	}
	return true;
}

int
report_list(struct sql *s, const struct report_list *q, struct arena *a,
    struct usage_record **out, struct str *next, struct err *e)
{
	const struct report_filter *f = &q->filter;
	struct report_range range;
	struct usage_record *v;
	struct sql_stmt *st;
	int n = 0, rc;

	*next = STR_NONE;
	*out = v = arena_alloc(a, ((size_t)q->limit + 1) * sizeof(*v));
	if (q->cursor.p != NULL && !is_id(q->cursor)) {
		e->param = STR("cursor");
		return err_set(e, ERR_BAD_PARAM,
		    "Invalid request parameters: cursor: it is none of this "
		    "list");
	}
	st = sql_prepare(s,
	    f->request.p == NULL ? (q->guarded ? guarded_text : list_text) :
		q->guarded       ? guarded_request_text :
				   list_request_text,
	    e);
	if (st == NULL)
		return -1;
	report_bind(st, f, &range);
	if (q->cursor.p != NULL &&
	    str_cmp(q->cursor, str_from(range.until)) < 0)
		sql_bind_str(st, 2, q->cursor);
	sql_bind_int(st, REPORT_PARAMS + 1, !q->no_attempts);
	sql_bind_int(st, REPORT_PARAMS + 2, (int64_t)q->limit + 1);
	if (f->request.p != NULL)
		sql_bind_str(st, REPORT_PARAMS + 3, f->request);
	while ((rc = sql_step(st, e)) == 1 && n <= q->limit)
		usage_row(st, a, &v[n++]);
	sql_done(st);
	if (rc == -1)
		return -1;
	if (n > q->limit) {
		n = q->limit;
		*next = v[n - 1].id;
	}
	return n;
}

int
report_get(struct sql *s, struct str id, struct str org, struct arena *a,
    struct usage_record *out, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, get_text, e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	sql_bind_str(st, 2, org);
	if ((rc = sql_step(st, e)) == 1)
		usage_row(st, a, out);
	sql_done(st);
	return rc;
}
