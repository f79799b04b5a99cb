/* llmgwctl models update: a newer list of models and prices takes effect. */
#include <sys/stat.h>

#include "base/file.h"
#include "ctl/cmd.h"
#include "ctl/owner.h"
#include "domain/catalog.h"

#define LIST_MAX ((size_t)64 << 20)

struct update {
	struct ctl *c;
	struct catalog *old; /* NULL: it could not be read */
	struct catalog *new;
	int counts[3];
};

enum change { ADDED, REMOVED, REPRICED };

static const struct {
	const char *member;
	char sign;
	const char *text;
} changes[] = {
	[ADDED] = { "added", '+', "added" },
	[REMOVED] = { "removed", '-', "removed" },
	[REPRICED] = { "repriced", '~', "with other prices" },
};

/* By its id alone: catalog_find() knows aliases and patterns too. */
static const struct model *
same(const struct catalog *in, const struct model *m)
{
	const struct model *found = in == NULL ? NULL : catalog_find(in, m->id);

	return found != NULL && str_eq(found->id, m->id) ? found : NULL;
}

static bool
repriced(const struct model *old, const struct model *new)
{
	const struct mapping *a, *b;

	for (int i = 0; i < new->nmappings; i++) {
		b = &new->mappings[i];
		if ((a = catalog_mapping(old, b)) == NULL)
			continue;
		if (a->ntiers != b->ntiers ||
		    memcmp(a->tiers, b->tiers,
			(size_t)a->ntiers * sizeof(*a->tiers)) != 0)
			return true;
	}
	return false;
}

static bool
is_change(const struct update *u, enum change which, const struct model *m)
{
	const struct model *old;

	if (which == REMOVED)
		return same(u->new, m) == NULL;
	old = same(u->old, m);
	if (which == ADDED)
		return old == NULL;
	return old != NULL && repriced(old, m);
}

static void
put_change(struct update *u, enum change which)
{
	const struct catalog *in = which == REMOVED ? u->old : u->new;
	int n = in == NULL ? 0 : catalog_count(in);
	struct ctl *c = u->c;

	if (c->json)
		jw_arr(&c->w, changes[which].member);
	for (int i = 0; i < n; i++) {
		const struct model *m = catalog_at(in, i);

		if (!is_change(u, which, m))
			continue;
		u->counts[which]++;
		if (c->json)
			jw_str(&c->w, NULL, m->id);
		else
			buf_fmt(&c->out, "%c %.*s\n", changes[which].sign,
			    STR_ARG(m->id));
	}
	if (c->json)
		jw_end(&c->w);
}

/* The list of the configuration hides the one of the state directory. */
static bool
is_hidden(struct ctl *c, const char *path)
{
	return *c->conf.catalog_file != '\0' &&
	    strcmp(c->conf.catalog_file, path) != 0;
}

static void
answer(struct update *u, const char *path, bool written)
{
	struct ctl *c = u->c;

	if (c->json)
		jw_obj(&c->w, NULL);
	for (int i = 0; i < (int)NROWS(changes); i++)
		put_change(u, (enum change)i);
	if (c->json) {
		jw_int(&c->w, "models", catalog_count(u->new));
		jw_strc(&c->w, "file", path);
		jw_bool(&c->w, "written", written);
		jw_bool(&c->w, "in_use", written && !is_hidden(c, path));
		jw_end(&c->w);
		return;
	}
	buf_fmt(&c->out, "%d models", catalog_count(u->new));
	for (size_t i = 0; i < NROWS(changes); i++)
		buf_fmt(&c->out, ", %d %s", u->counts[i], changes[i].text);
	if (!written) {
		buf_add(&c->out, STR("; nothing written\n"));
		return;
	}
	buf_fmt(&c->out, "\nwritten to %s\n", path);
	if (is_hidden(c, path))
		buf_fmt(&c->out,
		    "not in use: catalog_file is %s; set it to the file "
		    "above or remove it\n",
		    c->conf.catalog_file);
	else
		buf_add(&c->out,
		    STR("in use after a reload (SIGHUP to llmgw-run)\n"));
}

/* Read before root becomes somebody who may not. */
static int
load(struct update *u, struct str *text, struct err *e)
{
	const char *file = u->c->args[0];
	struct conf *conf = &u->c->conf;
	struct err ignored = { 0 };

	if (file_read(u->c->arena, file, LIST_MAX, text, e) == -1 ||
	    catalog_load(&u->new, file, conf, e) == -1)
		return err_set(e, ERR_BAD_PARAM, "%s", e->msg);
	if (catalog_load(
		&u->old, catalog_path(conf, u->c->arena), conf, &ignored) == -1)
		u->old = NULL;
	return 0;
}

int
cmd_update(struct ctl *c, struct err *e)
{
	bool dry = ctl_value(c, "dry-run") != NULL;
	struct update u = { .c = c };
	const char *path;
	struct str text;
	int rc;

	path = arena_fmt(c->arena, "%s/catalog.ndjson", c->conf.state_dir).p;
	rc = load(&u, &text, e);
	if (rc == 0 && !dry) {
		rc = owner_become(c->conf.state_dir, e);
		if (rc == 0)
			rc = file_write(path, text, 0644, e);
	}
	if (rc == 0)
		answer(&u, path, !dry);
	if (u.old != NULL)
		catalog_free(u.old);
	if (u.new != NULL)
		catalog_free(u.new);
	return rc;
}
