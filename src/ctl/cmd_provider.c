#include "ctl/cmd.h"
#include "ctl/list.h"
#include "ctl/table.h"

static void
put_json(struct jw *w, const struct upstream *u)
{
	jw_obj(w, NULL);
	jw_str(w, "id", u->id);
	jw_str(w, "name", u->name);
	jw_strc(w, "dialect", u->ways[0].dialect->name);
	if (u->base_url.n == 0)
		jw_null(w, "base_url");
	else
		jw_str(w, "base_url", u->base_url);
	jw_int(w, "keys", u->nkeys);
	jw_bool(w, "usable", upstream_usable(u));
	jw_end(w);
}

static void
put_row(struct table *t, const struct upstream *u)
{
	table_cell(t, u->id);
	table_cell(t, upstream_usable(u) ? STR("yes") : STR("no"));
	table_int(t, u->nkeys);
	table_cell(t, u->base_url.n == 0 ? STR_NONE : u->base_url);
}

/* Numbers of keys, never anything of a key itself. */
int
cmd_provider_list(struct ctl *c, struct err *e)
{
	static const char *const heads[] = { "PROVIDER", "USABLE", ">KEYS",
		"BASE URL", NULL };
	bool usable = ctl_value(c, "usable") != NULL;
	const struct upstream *u;
	struct providers *p;
	struct table t;

	if (providers_load(&p, &c->conf, e) == -1)
		return -1;
	table_start(&t, c->arena, heads);
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_arr(&c->w, "data");
	}
	for (int i = 0; i < providers_count(p); i++) {
		u = providers_at(p, i);
		if (usable && !upstream_usable(u))
			continue;
		if (c->json)
			put_json(&c->w, u);
		else
			put_row(&t, u);
	}
	if (c->json) {
		jw_end(&c->w);
		jw_end(&c->w);
	} else
		table_print(&t, &c->out);
	providers_free(p);
	return 0;
}
