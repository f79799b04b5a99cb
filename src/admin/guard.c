/* Guardrails: rules that are checked when they are saved, tried, and events. */
#include "admin/resource.h"
#include "base/conf.h"
#include "domain/guard_seed.h"
#include "http/url.h"

static struct str
text_of(struct work *k, const char *name)
{
	const struct value *v = work_value(k, name);

	return v->null ? STR_NONE : v->s;
}

/* A project of the same organisation, or none. */
static int
check_project_of(struct work *k, struct str parent)
{
	struct str id = text_of(k, "project_id"), org;

	if (id.p == NULL)
		return 0;
	if (row_refer(k, "project_id", "projects", id, &org) == -1)
		return -1;
	return str_eq(org, parent) ?
	    0 :
	    work_bad(k, "project_id", "is of another organization");
}

int
check_hook(struct work *k, struct str text, const char *param, const char *name)
{
	struct err ignored = { 0 };
	struct url u;

	if (url_parse(text, &u, &ignored) == 0 &&
	    (url_host_in(str_from(k->admin->conf->insecure_hosts), u.host) ||
		(u.tls && !url_host_private(u.host))))
		return 0;
	/* With what no base URL has, as a query. */
	if (ignored.code != ERR_NONE && str_starts(text, "https://"))
		return 0;
	k->e->param = str_from(param);
	return err_set(k->e, ERR_BAD_PARAM,
	    "Invalid request parameters: %s: must be a public https "
	    "address, or one of insecure_hosts",
	    name);
}

int
check_guard(struct work *k)
{
	struct guard_rule rule = { .id = STR("grd_new"),
		.name = text_of(k, "name"),
		.type = text_of(k, "type"),
		.config = text_of(k, "config") };
	bool creates = k->ask->place.method == METHOD_POST;
	struct value *action = work_value(k, "action");

	if (creates && !work_sent(k, "action"))
		for (int i = 0; guard_system[i].type != NULL; i++)
			if (str_is(rule.type, guard_system[i].type))
				action->s = str_from(guard_system[i].action);
	rule.action = guard_action(action->s);
	rule.direction = guard_direction(text_of(k, "direction"));
	k->org = k->ask->place.parent;
	if (check_project_of(k, k->ask->place.parent) == -1)
		return -1;
	if (guard_check(&rule, k->e) == -1)
		return -1;
	if (!str_is(rule.type, "webhook"))
		return 0;
	return check_hook(k,
	    jscan_text(jscan_at(rule.config, "url"), k->arena), "config",
	    "config.url");
}

int
leave_guard(struct work *k)
{
	if (work_value(k, "system")->n == 0)
		return 0;
	return err_set(k->e, ERR_CONFLICT,
	    "A system rule cannot be deleted; set enabled to false");
}

/* --- test --- */

static int
scan(struct work *k, const struct guard_rule *v, int n, unsigned direction)
{
	struct str text = work_value(k, "text")->s, out;
	struct guard_verdict verdict;
	struct guard_set *s;

	if (guard_set_make(v, n, text_of(k, "project_id"), &s, k->e) == -1)
		return -1;
	guard_begin(&verdict, s, direction, k->arena);
	out = guard_scan(&verdict, text, direction == GUARD_INPUT, k->arena);
	guard_finish(&verdict);
	k->answer->status = 200;
	jw_obj(&k->w, NULL);
	jw_strc(&k->w, "object", "guardrail_test");
	jw_bool(&k->w, "blocked", verdict.blocked);
	jw_arr(&k->w, "matches");
	guard_put_found(&k->w, &verdict);
	jw_end(&k->w);
	jw_str(&k->w, "redacted_text", out);
	jw_end(&k->w);
	guard_set_drop(s);
	return 0;
}

int
run_guard_test(struct work *k)
{
	struct guard_rule *v;
	struct str org = k->ask->place.parent;
	int n;

	if (row_refer(k, "id", "organizations", org, &k->org) == -1 ||
	    work_parse(k, true) == -1 || check_project_of(k, org) == -1)
		return -1;
	if ((n = guard_load(k->sql, org, k->arena, &v, k->e)) == -1)
		return -1;
	return scan(k, v, n, guard_direction(work_value(k, "direction")->s));
}
