/* Records and their sums (domain/report.h). */
#include "admin/resource.h"
#include "base/clock.h"
#include "domain/report.h"

#define SLOW_MS 30000
#define USUAL_MS 2000

/* Nobody asks about another organisation than his own. */
static int
bind_org(struct work *k, struct report_filter *f)
{
	struct str own = k->ask->who.org;

	if (own.p == NULL)
		return 0;
	if (f->org.p != NULL && !str_eq(f->org, own))
		return work_not_found(k, "organization", f->org);
	f->org = own;
	return 0;
}

static struct str
param(void *arg, const char *name)
{
	return work_param(arg, name);
}

/* The matches of a record, each with what it was a match of. */
static void
put_events(struct work *k, const struct usage_record *v)
{
	char text[CLOCK_TEXT], key[32];
	struct jmember one, m;

	clock_text(v->started_ms, text);
	for (struct jiter all = jscan_into(v->guardrails);
	     jscan_next(&all, &one);) {
		jw_obj(&k->w, NULL);
		jw_strc(&k->w, "object", "guardrail_event");
		jw_strc(&k->w, "time", text);
		jw_str(&k->w, "log_id", v->id);
		jw_str(&k->w, "request_id", v->request_id);
		jw_str(&k->w, "organization_id", v->org);
		jw_str(&k->w, "project_id", v->project);
		jw_str(&k->w, "key_id", v->key);
		jw_str(&k->w, "model", v->used_model);
		jw_int(&k->w, "status", v->status);
		for (struct jiter it = jscan_into(one.raw);
		     jscan_next(&it, &m);) {
			str_copy(key, sizeof(key), m.key);
			jw_raw(&k->w, key, m.raw);
		}
		jw_end(&k->w);
	}
}

static void
put_log(struct work *k, const struct usage_record *r)
{
	report_put_log(&k->w, NULL, r, NULL);
}

/* Records, or what guardrails found in them. */
static int
list(struct work *k, bool guarded,
    void (*put)(struct work *, const struct usage_record *))
{
	struct report_list q = { .guarded = guarded };
	struct usage_record *v;
	struct str next;
	int n;

	if (report_read_filter(param, k, &q.filter, k->e) == -1 ||
	    report_read_page(param, k, &q.limit, &q.cursor, k->e) == -1 ||
	    bind_org(k, &q.filter) == -1)
		return -1;
	n = report_list(k->sql, &q, k->arena, &v, &next, k->e);
	if (n == -1)
		return -1;
	jw_obj(&k->w, NULL);
	jw_strc(&k->w, "object", "list");
	jw_arr(&k->w, "data");
	for (int i = 0; i < n; i++)
		put(k, &v[i]);
	jw_end(&k->w);
	if (next.p == NULL)
		jw_null(&k->w, "next_cursor");
	else
		jw_str(&k->w, "next_cursor", next);
	jw_end(&k->w);
	return 0;
}

static int
list_logs(struct work *k)
{
	return list(k, false, put_log);
}

static int
list_events(struct work *k)
{
	return list(k, true, put_events);
}

static int
get_log(struct work *k)
{
	const struct secret *master =
	    k->ask->who.role == ROLE_VIEWER ? NULL : k->admin->master;
	struct payload_view payload;
	struct usage_record v;
	int rc = report_get(
	    k->sql, k->ask->place.id, k->ask->who.org, k->arena, &v, k->e);

	if (rc == 0)
		return work_not_found(k, k->r->noun, k->ask->place.id);
	if (rc == 1)
		rc = payload_get(
		    k->sql, master, v.id, k->arena, &payload, k->e);
	if (rc == 0)
		report_put_log(&k->w, NULL, &v, &payload);
	return rc == -1 ? -1 : 0;
}

static int
totals(struct work *k)
{
	struct report_filter f = { 0 };
	struct report_sums sums;

	if (report_read_filter(param, k, &f, k->e) == -1 ||
	    bind_org(k, &f) == -1 ||
	    report_totals(k->sql, &f, &sums, k->e) == -1)
		return -1;
	jw_obj(&k->w, NULL);
	jw_strc(&k->w, "object", "usage");
	report_put_sums(&k->w, &sums);
	jw_end(&k->w);
	return 0;
}

static int
activity(struct work *k)
{
	struct report_activity q = { 0 };
	struct report_row *rows;
	struct report_sums sums;
	struct str next;
	int n;

	if (report_read_activity(param, k, k->now_ms, k->arena, &q, k->e) ==
		-1 ||
	    bind_org(k, &q.filter) == -1)
		return -1;
	/* A table has no place for a cursor: without a limit it is whole. */
	if (k->ask->csv && param(k, "limit").p == NULL)
		q.limit = 0;
	n = report_activity(k->sql, &q, k->arena, &rows, &next, k->e);
	if (n == -1 || report_totals(k->sql, &q.filter, &sums, k->e) == -1)
		return -1;
	if (k->ask->csv) {
		k->answer->type = "text/csv; charset=utf-8";
		report_put_csv(&k->answer->body, &q, rows, n);
	} else
		report_put_activity(&k->w, &q, &sums, rows, n, next);
	return 0;
}

/* With the time that a year of records takes. */
static int
slowly(struct work *k, int (*fn)(struct work *))
{
	int rc;

	sql_set_timeout(k->sql, SLOW_MS);
	rc = fn(k);
	sql_set_timeout(k->sql, USUAL_MS);
	k->answer->status = 200;
	return rc;
}

int
run_logs(struct work *k)
{
	return slowly(
	    k, k->ask->place.method == METHOD_LIST ? list_logs : get_log);
}

int
run_guard_events(struct work *k)
{
	return slowly(k, list_events);
}

int
run_usage(struct work *k)
{
	return slowly(k, totals);
}

int
run_activity(struct work *k)
{
	return slowly(k, activity);
}
