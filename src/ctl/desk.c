#include <stdio.h>

#include "admin/resource.h"
#include "base/clock.h"
#include "base/when.h"
#include "ctl/desk.h"
#include "ctl/list.h"
#include "domain/key.h"
#include "json/jscan.h"

#define BODY_MAX ((size_t)1 << 20)
#define PAGE "500"

struct query {
	struct ctl *c;
	const struct desk_call *call;
};

static struct str
query_param(void *arg, const char *name)
{
	const struct query *q = arg;
	const struct ctl *c = q->c;

	if (strcmp(name, "cursor") == 0 && q->call->cursor != NULL)
		return str_from(q->call->cursor);
	for (int i = 0; i < c->nmembers && q->call->members; i++)
		if (str_is(c->members[i].name, name))
			return c->members[i].value;
	return strcmp(name, "limit") == 0 ? STR(PAGE) : STR_NONE;
}

static int
run(struct ctl *c, const struct admin *a, const struct desk_call *call,
    const struct admin_place *place, struct str *answer, struct err *e)
{
	struct query q = { c, call };
	struct admin_ask ask = { .place = *place,
		.body = call->body,
		.param = query_param,
		.arg = &q,
		.who = { .name = c->actor, .role = ROLE_ADMIN } };
	struct admin_answer got;
	int rc = admin_run(a, c->sql, &ask, c->arena, &got, e);

	*answer = arena_dup(c->arena, buf_str(&got.body));
	buf_free(&got.body);
	return rc;
}

/* "Invalid request parameters: name: is required" as people are told it. */
static void
plain_words(struct err *e)
{
	static const char head[] = "Invalid request parameters: ";
	size_t n = sizeof(head) - 1;
	char *p;

	if (strncmp(e->msg, head, n) != 0)
		return;
	memmove(e->msg, e->msg + n, strlen(e->msg + n) + 1);
	if ((p = strstr(e->msg, ": ")) != NULL)
		memmove(p, p + 1, strlen(p));
}

int
desk_run(struct ctl *c, const struct desk_call *call, struct str *answer,
    struct err *e)
{
	bool creates = strcmp(call->method, "POST") == 0;
	struct secret master = { 0 };
	struct keys *keys = NULL;
	struct health *health = NULL;
	struct err ignored = { 0 };
	struct list l = { 0 };
	struct admin_place place;
	struct admin a;
	unsigned needs = 0;
	int rc = admin_find(
	    str_from(call->method), call->path, &place, c->arena, e);

	if (rc == 0)
		needs = place.resource->needs;
	if (rc == 0 && creates)
		rc = keys_open(&keys, c->sql, &c->conf, e);
	if (rc == 0 && (needs & NEEDS_PROVIDERS) != 0)
		rc = list_open(&l, c, e);
	/* Before the first start there is no place for the file. */
	if (rc == 0 && (needs & NEEDS_HEALTH) != 0 &&
	    health_open(&health, c->conf.runtime_dir, &ignored) == -1)
		health = NULL;
	if (rc == 0 && (needs & NEEDS_MASTER) != 0)
		rc = seal_key_make(&master, c->conf.master_key_file, e);
	if (rc == 0) {
		admin_open(&a, &c->conf, keys, l.catalog, l.providers);
		a.master = &master;
		a.health = health;
		rc = run(c, &a, call, &place, answer, e);
		/* Statements of the handle have texts of the admin. */
		sql_forget(c->sql);
		admin_close(&a);
	}
	if (l.c != NULL)
		list_close(&l);
	health_close(health);
	keys_close(keys);
	secret_free(&master);
	if (rc == -1)
		plain_words(e);
	return rc;
}

int
desk_list(struct ctl *c, struct str path, struct str *answer, struct err *e)
{
	struct desk_call call = {
		.method = "GET", .path = path, .members = true
	};
	struct buf b = BUF_LIMIT((size_t)256 << 20);
	struct str page, next;
	struct jmember m;
	int rc, n = 0;

	buf_add(&b, STR("{\"object\":\"list\",\"data\":["));
	do {
		if ((rc = desk_run(c, &call, &page, e)) == -1)
			break;
		for (struct jiter it = jscan_into(jscan_at(page, "data"));
		     jscan_next(&it, &m);) {
			buf_add(&b, n++ == 0 ? STR("") : STR(","));
			buf_add(&b, m.raw);
		}
		next = jscan_text(jscan_at(page, "next_cursor"), c->arena);
		call.cursor =
		    next.p == NULL ? NULL : arena_cstr(c->arena, next);
	} while (call.cursor != NULL);
	buf_add(&b, STR("],\"next_cursor\":null}"));
	*answer = arena_dup(c->arena, buf_str(&b));
	buf_free(&b);
	return rc;
}

void
desk_say(struct ctl *c, const char *name, struct str value)
{
	if (value.p != NULL && c->nmembers < CTL_MEMBERS_MAX)
		c->members[c->nmembers++] =
		    (struct ctl_member){ str_from(name), value };
}

/* --- a body --- */

/* "30d" and "2027-01-31" are times, too. */
static void
put_time(struct jw *w, const char *key, struct str s)
{
	char text[CLOCK_TEXT];
	int64_t ms;
	bool day;

	if (when_span(s, &ms)) {
		clock_text(clock_wall_ms() + ms, text);
		s = str_from(text);
	} else if (when_time(s, &ms, &day) && day) {
		clock_text(ms, text);
		s = str_from(text);
	}
	jw_str(w, key, s);
}

/* Numbers and JSON as they are, if they are; all else is text. */
static void
put_value(struct ctl *c, struct jw *w, const char *key, const struct field *f,
    struct str s)
{
	struct err ignored = { 0 };
	bool raw = field_is_number(f->type) || f->type == FIELD_OBJECT ||
	    f->type == FIELD_ARRAY;

	if (str_is(s, "null") && (f->flags & F_NULL) != 0)
		jw_null(w, key);
	else if (f->type == FIELD_TIME)
		put_time(w, key, s);
	else if (raw && jscan_value(s, c->arena, &ignored) == 0)
		jw_raw(w, key, s);
	else
		jw_str(w, key, s);
}

static const struct field *
field_of(const struct resource *r, struct str name)
{
	const struct field *f = r->fields;

	while (f->name != NULL && !str_is(name, f->name))
		f++;
	return f->name == NULL ? NULL : f;
}

/* "limits" of "limits.rpm"; absent: it is no member of a member. */
static struct str
group_of(struct str name)
{
	struct str group = str_split(&name, '.');

	return name.p == NULL ? STR_NONE : group;
}

static int
put_member(
    struct ctl *c, const struct resource *r, struct jw *w, int i, struct err *e)
{
	const struct ctl_member *m = &c->members[i];
	struct str rest = m->name, group = group_of(m->name);
	const struct field *f = field_of(r, m->name);

	if (f == NULL && str_is(m->value, "null")) { /* a whole group */
		jw_null(w, arena_cstr(c->arena, m->name));
		return 0;
	}
	if (f == NULL)
		return ctl_usage(c, e, "%s has no member %.*s", r->noun,
		    (int)(m->name.n < 60 ? m->name.n : 60), m->name.p);
	if (group.p != NULL)
		str_split(&rest, '.');
	put_value(c, w, arena_cstr(c->arena, rest), f, m->value);
	return 0;
}

/* All members of the group that member i is the first of. */
static int
put_group(
    struct ctl *c, const struct resource *r, struct jw *w, int i, struct err *e)
{
	struct str group = group_of(c->members[i].name);

	for (int k = 0; k < i; k++)
		if (str_eq(group_of(c->members[k].name), group))
			return 0;
	jw_obj(w, arena_cstr(c->arena, group));
	for (int k = i; k < c->nmembers; k++)
		if (str_eq(group_of(c->members[k].name), group) &&
		    put_member(c, r, w, k, e) == -1)
			return -1;
	jw_end(w);
	return 0;
}

int
desk_body(
    struct ctl *c, const struct resource *r, struct str *body, struct err *e)
{
	struct buf b = BUF_LIMIT(BODY_MAX);
	struct jw w = JW_TO(&b);
	int rc = 0;

	jw_obj(&w, NULL);
	for (int i = 0; i < c->nmembers && rc == 0; i++)
		rc = group_of(c->members[i].name).p == NULL ?
		    put_member(c, r, &w, i, e) :
		    put_group(c, r, &w, i, e);
	if (rc == 0)
		jw_end(&w);
	*body = arena_dup(c->arena, buf_str(&b));
	buf_free(&b);
	return rc;
}
