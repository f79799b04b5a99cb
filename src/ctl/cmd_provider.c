#include "ctl/cmd.h"
#include "ctl/desk.h"
#include "ctl/list.h"
#include "ctl/table.h"
#include "store/health.h"

/* What is known of a provider's health; all well without a file of it. */
struct seen {
	int keys;  /* that may be used now */
	int open;  /* models whose circuit is open */
};

static struct seen
look(struct health *h, const struct upstream *u)
{
	struct health_state st;
	struct seen s = { u->nkeys, 0 };

	for (int i = 0; h != NULL && i < u->nkeys; i++)
		s.keys -= !health_key_usable(h, u->marks[i]);
	for (int i = 0; h != NULL && i < health_places(); i++)
		if (health_state(h, i, &st) && str_eq(st.provider, u->id))
			s.open += st.gate != HEALTH_CLOSED;
	return s;
}

static void
put_json(struct jw *w, const struct upstream *u, struct seen s,
    const struct health *h)
{
	jw_obj(w, NULL);
	jw_str(w, "id", u->id);
	jw_str(w, "name", u->name);
	jw_strc(w, "dialect", u->ways[0].dialect->name);
	if (u->base_url.n == 0)
		jw_null(w, "base_url");
	else
		jw_str(w, "base_url", u->base_url);
	admin_put_health(w, u, h);
	jw_int(w, "keys_well", s.keys);
	jw_int(w, "open_circuits", s.open);
	jw_bool(w, "usable", upstream_usable(u));
	jw_end(w);
}

static void
put_row(struct table *t, const struct upstream *u, struct seen s)
{
	table_cell(t, u->id);
	table_cell(t, upstream_usable(u) ? STR("yes") : STR("no"));
	table_int(t, u->nkeys);
	table_int(t, s.keys);
	table_int(t, s.open);
	table_cell(t, u->base_url.n == 0 ? STR_NONE : u->base_url);
}

/* Numbers of keys, never anything of a key itself. */
int
cmd_provider_list(struct ctl *c, struct err *e)
{
	static const char *const heads[] = { "PROVIDER", "USABLE", ">KEYS",
		">WELL", ">OPEN", "BASE URL", NULL };
	bool usable = ctl_value(c, "usable") != NULL;
	const struct upstream *u;
	struct err ignored = { 0 };
	struct providers *p;
	struct health *h;
	struct table t;

	if (providers_load(&p, &c->conf, e) == -1)
		return -1;
	/* Before the first start there is no place for the file. */
	if (health_open(&h, c->conf.runtime_dir, &ignored) == -1)
		h = NULL;
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
			put_json(&c->w, u, look(h, u), h);
		else
			put_row(&t, u, look(h, u));
	}
	if (c->json) {
		jw_end(&c->w);
		jw_end(&c->w);
	} else
		table_print(&t, &c->out);
	health_close(h);
	providers_free(p);
	return 0;
}

/* The call of the admin API, so that it is audited like any other. */
int
cmd_provider_reset(struct ctl *c, struct err *e)
{
	struct desk_call call = { .method = "POST",
		.path = arena_fmt(c->arena, "providers/%s/reset",
		    c->nargs > 0 ? c->args[0] : "all"),
		.body = STR("{}") };
	struct str answer;

	if (c->nargs > 0 && strchr(c->args[0], '/') != NULL)
		return ctl_usage(c, e, "no id: %.100s", c->args[0]);
	if (desk_run(c, &call, &answer, e) == -1)
		return -1;
	if (c->json)
		jw_raw(&c->w, NULL, answer);
	return 0;
}
