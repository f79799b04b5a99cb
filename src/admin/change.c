/* POST, PATCH and DELETE of an object, inside the transaction of admin_run(). */
#include "admin/resource.h"
#include "base/rand.h"

#define CHANGES_MAX ((size_t)256 * 1024)

static void
bind_value(
    struct sql_stmt *st, int n, const struct field *f, const struct value *v)
{
	if (v->null)
		sql_bind_null(st, n);
	else if (field_is_number(f->type))
		sql_bind_int(st, n, v->n);
	else if ((f->flags & F_BLOB) != 0)
		sql_bind_blob(st, n, v->s);
	else
		sql_bind_str(st, n, v->s);
}

static void
bind_values(struct work *k, struct sql_stmt *st, int n, unsigned any)
{
	const struct field *f = k->r->fields;

	for (int i = 0; f[i].name != NULL; i++)
		if ((f[i].flags & any) != 0 && (f[i].flags & F_VIRTUAL) == 0)
			bind_value(st, ++n, &f[i], &k->v[i]);
}

static int
finish(struct work *k, struct sql_stmt *st)
{
	int rc = sql_step(st, k->e);

	sql_done(st);
	if (rc == -1 && k->e->code == ERR_CONFLICT)
		return err_set(k->e, ERR_CONFLICT,
		    "There is another %s of this name", k->r->noun);
	return rc;
}

static int
insert(struct work *k)
{
	struct sql_stmt *st = sql_prepare(k->sql, k->t->insert, k->e);
	int n = 2;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, k->id);
	sql_bind_int(st, 2, k->now_ms);
	if (k->r->parent != NULL)
		sql_bind_str(st, ++n, k->ask->place.parent);
	bind_values(k, st, n, F_CREATE | F_PATCH | F_MADE);
	return finish(k, st);
}

static int
update(struct work *k)
{
	struct sql_stmt *st = sql_prepare(k->sql, k->t->update, k->e);

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, k->id);
	sql_bind_int(st, 2, k->now_ms);
	bind_values(k, st, 2, F_PATCH | F_REMADE);
	return finish(k, st);
}

static int
run_remove(struct work *k)
{
	struct sql_stmt *st = sql_prepare(k->sql, k->t->remove, k->e);

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, k->id);
	if (k->r->remove != NULL)
		sql_bind_int(st, 2, k->now_ms);
	return finish(k, st);
}

/* {member: [old, new]} of what differs; what is secret is left out. */
static void
write_changes(struct work *k, struct buf *b, bool created, bool gone)
{
	const struct field *f = k->r->fields;
	const struct value none = { .null = true };
	const struct value *old, *now;
	struct jw w = JW_TO(b);

	jw_obj(&w, NULL);
	for (int i = 0; f[i].name != NULL; i++) {
		old = created ? &none : &k->old[i];
		now = gone ? &none : &k->v[i];
		if ((f[i].flags & (F_READ | F_VIRTUAL)) != F_READ ||
		    f[i].type == FIELD_SECRET || value_same(&f[i], old, now))
			continue;
		jw_arr(&w, f[i].name);
		value_write(&w, NULL, &f[i], old);
		value_write(&w, NULL, &f[i], now);
		jw_end(&w);
	}
	jw_end(&w);
}

int
change_note(struct work *k, const char *action)
{
	bool created = strcmp(action, "create") == 0;
	bool gone = strcmp(action, "delete") == 0 && k->r->remove == NULL;
	struct buf b = BUF_LIMIT(CHANGES_MAX);
	struct audit_entry entry = { .org = k->org,
		.action = str_from(action),
		.object = str_from(k->r->object),
		.object_id = k->id };
	int rc;

	write_changes(k, &b, created, gone);
	entry.changes = b.full ? STR("{}") : buf_str(&b);
	rc = audit_add(k->sql, &k->ask->who, &entry, k->e);
	if (rc == 0)
		rc = audit_bump(k->sql, k->e);
	buf_free(&b);
	return rc;
}

void
change_answer(struct work *k, int status)
{
	k->answer->status = status;
	row_write(k, &k->w, NULL);
	if (status == 201)
		k->answer->location = arena_fmt(k->arena,
		    "%s/admin/v1/%.*s/%.*s", k->admin->conf->mount_prefix,
		    STR_ARG(k->ask->place.path), STR_ARG(k->id));
}

/* What was written, as the database has it. */
static int
read_back(struct work *k)
{
	int rc = row_get(k, k->id);

	if (rc == 0)
		return err_set(k->e, ERR_INTERNAL, "Internal Server Error");
	return rc == 1 ? 0 : -1;
}

/* All ids of other objects that the body names. */
static int
check_refs(struct work *k)
{
	const struct field *f = k->r->fields;

	for (int i = 0; f[i].name != NULL; i++)
		if (f[i].type == FIELD_REF && k->sent[i] && !k->v[i].null &&
		    row_refer(k, f[i].name, f[i].words, k->v[i].s, &k->org) ==
			-1)
			return -1;
	return 0;
}

int
change_create(struct work *k)
{
	char id[ID_SIZE];
	int rc;

	if (k->r->parent != NULL &&
	    row_refer(k, "id", k->r->parent_path, k->ask->place.parent,
		&k->org) == -1)
		return -1;
	if (work_parse(k, true) == -1 || check_refs(k) == -1)
		return -1;
	if (k->r->check != NULL && k->r->check(k) == -1)
		return -1;
	rand_id(id, k->r->prefix, k->now_ms);
	k->id = arena_dup(k->arena, str_from(id));
	rc = k->r->found == NULL ? 0 : k->r->found(k);
	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (k->r->make != NULL && k->r->make(k) == -1)
		return -1;
	if (insert(k) == -1 || (k->r->after != NULL && k->r->after(k) == -1) ||
	    read_back(k) == -1 || change_note(k, "create") == -1)
		return -1;
	change_answer(k, 201);
	return 0;
}

static bool
differs(struct work *k)
{
	const struct field *f = k->r->fields;

	for (int i = 0; f[i].name != NULL; i++)
		if (k->sent[i] &&
		    (f[i].type == FIELD_SECRET ||
			!value_same(&f[i], &k->old[i], &k->v[i])))
			return true;
	return false;
}

int
change_patch(struct work *k)
{
	int rc = row_get(k, k->ask->place.id);

	if (rc != 1)
		return rc == -1 ?
		    -1 :
		    work_not_found(k, k->r->noun, k->ask->place.id);
	memcpy(k->old, k->v, sizeof(k->old));
	if (work_parse(k, false) == -1)
		return -1;
	/* An archived object comes back by its status, a deleted one never. */
	if (k->gone && strstr(k->r->gone, "archived") == NULL)
		return err_set(
		    k->e, ERR_CONFLICT, "%.*s is deleted", STR_ARG(k->id));
	if (differs(k)) {
		if (check_refs(k) == -1 ||
		    (k->r->check != NULL && k->r->check(k) == -1) ||
		    update(k) == -1 ||
		    (k->r->after != NULL && k->r->after(k) == -1) ||
		    read_back(k) == -1 || change_note(k, "update") == -1)
			return -1;
	}
	change_answer(k, 200);
	return 0;
}

/* Rows that were deleted are remembered by the audit log alone. */
static int
deleted_before(struct work *k)
{
	static const char text[] =
	    "SELECT 1 FROM audit WHERE object_id = ?1 AND object = ?2"
	    " AND action = 'delete'"
	    " AND (organization_id = ?3 OR ?3 IS NULL) LIMIT 1";
	struct sql_stmt *st = sql_prepare(k->sql, text, k->e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, k->ask->place.id);
	sql_bind_str(st, 2, str_from(k->r->object));
	sql_bind_str(st, 3, k->ask->who.org);
	rc = sql_step(st, k->e);
	sql_done(st);
	if (rc == 0)
		return work_not_found(k, k->r->noun, k->ask->place.id);
	if (rc == -1)
		return -1;
	k->answer->status = 200;
	jw_obj(&k->w, NULL);
	jw_str(&k->w, "id", k->ask->place.id);
	jw_strc(&k->w, "object", k->r->object);
	jw_bool(&k->w, "deleted", true);
	jw_end(&k->w);
	return 0;
}

int
change_delete(struct work *k)
{
	int rc = row_get(k, k->ask->place.id);

	if (rc == 0 && k->r->remove == NULL)
		return deleted_before(k);
	if (rc != 1)
		return rc == -1 ?
		    -1 :
		    work_not_found(k, k->r->noun, k->ask->place.id);
	memcpy(k->old, k->v, sizeof(k->old));
	if (k->r->leave != NULL && k->r->leave(k) == -1)
		return -1;
	if (!k->gone) {
		if (run_remove(k) == -1 ||
		    (k->r->remove != NULL && read_back(k) == -1) ||
		    change_note(k, "delete") == -1)
			return -1;
	}
	change_answer(k, 200);
	return 0;
}
