#include "base/clock.h"
#include "ctl/cmd.h"
#include "ctl/table.h"
#include "domain/report.h"
#include "domain/usage_field.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 10000
#define NANO_DECIMALS 9
#define TIME_CHARS 19
#define TIMEOUT_MS 300000

static void
put_value(struct jw *w, const struct usage_field *f, const void *p)
{
	const struct str *s = p;
	const int64_t *i = p;

	switch (f->type) {
	case USAGE_STR:
	case USAGE_RAW:
		if (s->p == NULL)
			jw_null(w, f->name);
		else if (f->type == USAGE_RAW)
			jw_raw(w, f->name, *s);
		else
			jw_str(w, f->name, *s);
		break;
	case USAGE_OPT:
		if (*i < 0)
			jw_null(w, f->name);
		else
			jw_int(w, f->name, *i);
		break;
	case USAGE_INT:
		jw_int(w, f->name, *i);
		break;
	case USAGE_SMALL:
		jw_int(w, f->name, *(const int *)p);
		break;
	case USAGE_BOOL:
		jw_bool(w, f->name, *(const bool *)p);
		break;
	}
}

/* All members as they are in the table; the money once more in dollars. */
static void
put_json(
    struct ctl *c, struct usage_record *r, const struct payload_view *payload)
{
	const struct usage_field *f = usage_fields;
	char text[CLOCK_TEXT];

	jw_obj(&c->w, NULL);
	for (size_t i = 0; i < USAGE_FIELDS; i++, f++) {
		put_value(&c->w, f, usage_at(r, f));
		if (strcmp(f->name, "started_ms") == 0) {
			clock_text(r->started_ms, text);
			jw_strc(&c->w, "started_at", text);
		}
		if (strcmp(f->name, "cost_nano") == 0)
			jw_str(&c->w, "cost",
			    ctl_decimal(c, r->cost.total, NANO_DECIMALS));
	}
	if (payload != NULL)
		payload_put_view(&c->w, payload);
	jw_end(&c->w);
}

static void
put_row(struct ctl *c, struct table *t, const struct usage_record *r)
{
	char text[CLOCK_TEXT];

	clock_text(r->started_ms, text);
	text[10] = ' ';
	table_cell(t, (struct str){ text, TIME_CHARS });
	table_cell(t, r->id);
	table_int(t, r->status);
	table_cell(
	    t, r->used_model.p == NULL ? r->requested_model : r->used_model);
	table_cell(t, r->used_provider);
	table_int(t, r->usage.input);
	table_int(t, r->usage.output);
	table_cell(t, ctl_decimal(c, r->cost.total, NANO_DECIMALS));
	table_cell(t,
	    r->duration_ms < 0 ? STR_NONE : ctl_decimal(c, r->duration_ms, 3));
	table_cell(t, r->error_code);
}

/* Failed attempts are shown with their request only. */
int
cmd_log_list(struct ctl *c, struct err *e)
{
	static const char *const heads[] = { "TIME (UTC)", "ID", ">STATUS",
		"MODEL", "PROVIDER", ">INPUT", ">OUTPUT", ">COST USD",
		">SECONDS", "ERROR", NULL };
	struct report_list q = { .filter = { .project = ctl_str(c, "project"),
				     .request = ctl_str(c, "request-id") } };
	struct usage_record *v;
	struct str next;
	struct table t;
	int64_t limit;
	int n;

	if (ctl_number(c, "limit", LIMIT_DEFAULT, LIMIT_MAX, &limit, e) == -1)
		return -1;
	q.limit = (int)limit;
	q.no_attempts = q.filter.request.p == NULL;
	sql_set_timeout(c->sql, TIMEOUT_MS);
	if ((n = report_list(c->sql, &q, c->arena, &v, &next, e)) == -1)
		return -1;
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_arr(&c->w, "data");
		for (int i = 0; i < n; i++)
			put_json(c, &v[i], NULL);
		jw_end(&c->w);
		jw_end(&c->w);
		return 0;
	}
	table_start(&t, c->arena, heads);
	for (int i = 0; i < n; i++)
		put_row(c, &t, &v[i]);
	table_print(&t, &c->out);
	return 0;
}

/* By the record's id, or the last of the request's. */
static int
find(struct ctl *c, struct str id, struct usage_record *r, struct err *e)
{
	struct report_list q = { .filter = { .request = id },
		.no_attempts = true,
		.limit = 1 };
	struct usage_record *v;
	struct str next;
	int rc = report_get(c->sql, id, STR_NONE, c->arena, r, e);

	if (rc != 0)
		return rc;
	rc = report_list(c->sql, &q, c->arena, &v, &next, e);
	if (rc == 1)
		*r = v[0];
	return rc;
}

/* JSON in any case: so many members are no table. */
int
cmd_log_show(struct ctl *c, struct err *e)
{
	struct secret master = { 0 };
	struct payload_view payload;
	struct err ignored = { 0 };
	struct usage_record r;
	int rc = find(c, str_from(c->args[0]), &r, e);

	if (rc == 0)
		return err_set(
		    e, ERR_NOT_FOUND, "No record %.100s", c->args[0]);
	if (rc == -1)
		return -1;
	seal_key_read(&master, c->conf.master_key_file, &ignored);
	rc = payload_get(c->sql, &master, r.id, c->arena, &payload, e);
	if (rc == 0)
		put_json(c, &r, &payload);
	secret_free(&master);
	return rc;
}

/* What the gateway does each hour. */
int
cmd_log_purge(struct ctl *c, struct err *e)
{
	int64_t now = clock_wall_ms();
	int n, all = 0;

	sql_set_timeout(c->sql, TIMEOUT_MS);
	while ((n = payload_clean(c->sql, now, e)) > 0)
		all += n;
	if (n == -1 || payload_scrub(c->sql, e) == -1)
		return -1;
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_int(&c->w, "deleted", all);
		jw_end(&c->w);
	} else
		buf_add(&c->out,
		    arena_fmt(c->arena, "%d payloads deleted\n", all));
	return 0;
}
