/* Reading rows: one, a list, another resource's. */
#include <inttypes.h>
#include <stdio.h>

#include "admin/resource.h"
#include "base/clock.h"
#include "base/hash.h"

#define LIST_DEFAULT 50
#define LIST_MAX 500

static struct str
text_of(struct sql_stmt *st, struct arena *a, int col)
{
	return arena_dup(a, sql_str(st, col));
}

static int
read_row(struct work *k, struct sql_stmt *st)
{
	const struct field *f = k->r->fields;
	int col = 0;

	k->id = text_of(st, k->arena, col++);
	k->created_ms = sql_int(st, col++);
	k->updated_ms = sql_int(st, col++);
	k->org = text_of(st, k->arena, col++);
	k->order = sql_int(st, col++);
	k->gone = sql_int(st, col++) != 0;
	for (int i = 0; f[i].name != NULL; i++) {
		if ((f[i].flags & F_VIRTUAL) != 0)
			continue;
		k->v[i] = (struct value){ .null = sql_is_null(st, col) };
		if (field_is_number(f[i].type))
			k->v[i].n = sql_int(st, col);
		else
			k->v[i].s = text_of(st, k->arena, col);
		col++;
	}
	return k->r->show == NULL ? 0 : k->r->show(k);
}

int
row_get(struct work *k, struct str id)
{
	struct sql_stmt *st = sql_prepare(k->sql, k->t->get, k->e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	sql_bind_str(st, 2, k->ask->who.org);
	if (k->r->parent != NULL)
		sql_bind_str(st, 3, k->ask->place.parent);
	if ((rc = sql_step(st, k->e)) == 1 && read_row(k, st) == -1)
		rc = -1;
	sql_done(st);
	return rc;
}

int
row_look(struct work *k, const char *path, struct str id, struct str *org,
    bool *gone)
{
	const struct resource *r = resource_by_path(path);
	struct work other = { .admin = k->admin,
		.sql = k->sql,
		.arena = k->arena,
		.ask = k->ask,
		.r = r,
		.e = k->e,
		.t = &k->admin->texts[r - resources] };
	int rc = row_get(&other, id);

	*org = other.org;
	*gone = other.gone;
	return rc;
}

int
row_refer(struct work *k, const char *member, const char *path, struct str id,
    struct str *org)
{
	bool gone;
	int rc = row_look(k, path, id, org, &gone);

	if (rc == 1 && !gone)
		return 0;
	if (rc == -1)
		return -1;
	k->e->param = str_from(member);
	if (gone)
		return err_set(k->e, ERR_CONFLICT,
		    "%.*s is archived or deleted",
		    (int)(id.n < 100 ? id.n : 100), id.p);
	return work_not_found(k, resource_by_path(path)->noun, id);
}

/* --- JSON --- */

/* "limits" of "limits.rpm", or 0. */
static size_t
group_of(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot == NULL ? 0 : (size_t)(dot - name);
}

/*
 * All members of a group from its first field on; returns the last one's place.
 * A period without a limit is none.
 */
static int
write_group(struct work *k, struct jw *w, int i)
{
	const struct field *f = k->r->fields;
	size_t n = group_of(f[i].name);
	char *group = arena_cstr(k->arena, (struct str){ f[i].name, n });
	bool none = k->v[i].null && strcmp(group, "limits") != 0;

	if (none)
		jw_null(w, group);
	else
		jw_obj(w, group);
	for (;; i++) {
		if (!none)
			value_write(w, f[i].name + n + 1, &f[i], &k->v[i]);
		if (f[i + 1].name == NULL || group_of(f[i + 1].name) != n ||
		    strncmp(f[i + 1].name, group, n) != 0)
			break;
	}
	if (!none)
		jw_end(w);
	return i;
}

void
row_write(struct work *k, struct jw *w, const char *key)
{
	const struct field *f = k->r->fields;

	jw_obj(w, key);
	jw_str(w, "id", k->id);
	if (strcmp(k->r->path, "audit") != 0) /* there it says of what */
		jw_strc(w, "object", k->r->object);
	for (int i = 0; f[i].name != NULL; i++) {
		if ((f[i].flags & F_READ) == 0)
			continue;
		if (group_of(f[i].name) > 0)
			i = write_group(k, w, i);
		else
			value_write(w, f[i].name, &f[i], &k->v[i]);
	}
	if (k->secret_name != NULL)
		jw_strc(w, k->secret_name, k->secret);
	jw_time(w, "created_at", k->created_ms);
	jw_time(w, "updated_at", k->updated_ms);
	jw_end(w);
}

/* --- lists --- */

struct str
work_param(const struct work *k, const char *name)
{
	return k->ask->param == NULL ? STR_NONE :
				       k->ask->param(k->ask->arg, name);
}

int
list_limit(struct work *k, int64_t *out)
{
	struct str s = work_param(k, "limit");

	*out = LIST_DEFAULT;
	if (s.p == NULL)
		return 0;
	if (s.n > 0 && s.n < 10 && s.p[0] != '-' &&
	    decimal_read(s, 0, out) == 0 && *out >= 1 && *out <= LIST_MAX)
		return 0;
	return work_bad(k, "limit", "must be from 1 to %d", LIST_MAX);
}

/* The place of the last object of a page, in hexadecimal: "ms.id". */
struct str
cursor_make(struct arena *a, int64_t order, struct str id)
{
	struct str s = arena_fmt(a, "%" PRId64 ".%.*s", order, STR_ARG(id));
	char *hex = arena_alloc(a, s.n * 2 + 1);

	hash_hex(s.p, s.n, hex);
	return (struct str){ hex, s.n * 2 };
}

int
list_cursor(struct work *k, int64_t *order, struct str *id)
{
	struct str s = work_param(k, "cursor"), number;
	char *text;

	*order = INT64_MAX;
	*id = STR("");
	if (s.p == NULL)
		return 0;
	text = arena_alloc(k->arena, s.n / 2 + 1);
	if (s.n % 2 == 0 && s.n > 0 && s.n < 256 &&
	    hash_unhex(s, text, s.n / 2)) {
		*id = (struct str){ text, s.n / 2 };
		number = str_split(id, '.');
		if (decimal_read(number, 0, order) == 0 && id->n > 0 &&
		    memchr(id->p, '\0', id->n) == NULL)
			return 0;
	}
	return work_bad(k, "cursor", "is none of ours");
}

/* The words of a filter are values of its field. */
static int
bind_filters(struct work *k, struct sql_stmt *st)
{
	const struct admin_texts *t = k->t;
	struct str s;

	for (int i = 0; i < t->nfilters; i++) {
		s = work_param(k, t->filters[i]->name);
		if (memchr(s.p == NULL ? "" : s.p, '\0', s.n) != NULL)
			return work_bad(k, t->filters[i]->name, "is wrong");
		sql_bind_str(st, t->first_filter + i, s);
	}
	return 0;
}

static int
write_list(struct work *k, struct sql_stmt *st, int64_t limit)
{
	struct str next = STR_NONE;
	struct jw *w = &k->w;
	int64_t n = 0;
	int rc;

	jw_obj(w, NULL);
	jw_strc(w, "object", "list");
	jw_arr(w, "data");
	while ((rc = sql_step(st, k->e)) == 1) {
		if (n++ == limit) {
			next = cursor_make(k->arena, k->order, k->id);
			break;
		}
		if ((rc = read_row(k, st)) == -1)
			break;
		row_write(k, w, NULL);
	}
	jw_end(w);
	if (next.p == NULL)
		jw_null(w, "next_cursor");
	else
		jw_str(w, "next_cursor", next);
	jw_end(w);
	return rc == -1 ? -1 : 0;
}

int
row_list(struct work *k)
{
	bool all = str_is(work_param(k, "all"), "true") ||
	    work_param(k, "status").n > 0;
	struct sql_stmt *st;
	struct str after, org;
	int64_t limit, order;
	bool gone;
	int rc;

	if (list_limit(k, &limit) == -1 || list_cursor(k, &order, &after) == -1)
		return -1;
	if (k->r->parent != NULL &&
	    (rc = row_look(
		 k, k->r->parent_path, k->ask->place.parent, &org, &gone)) != 1)
		return rc == -1 ?
		    -1 :
		    work_not_found(k, resource_by_path(k->r->parent_path)->noun,
			k->ask->place.parent);
	if ((st = sql_prepare(k->sql, k->t->list, k->e)) == NULL)
		return -1;
	sql_bind_str(st, 1, k->ask->who.org);
	sql_bind_int(st, 2, order);
	sql_bind_str(st, 3, after);
	sql_bind_int(st, 4, all);
	sql_bind_int(st, 5, limit + 1);
	if (k->r->parent != NULL)
		sql_bind_str(st, 6, k->ask->place.parent);
	rc = bind_filters(k, st);
	if (rc == 0)
		rc = write_list(k, st, limit);
	sql_done(st);
	return rc;
}
