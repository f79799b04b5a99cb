/* Providers, and how they and the keys to them are doing (api.md 12.6). */
#include "admin/resource.h"
#include "domain/provider_key.h"

/* --- what there is to see --- */

static void
put_key_state(struct jw *w, const struct health *h, uint64_t mark)
{
	struct health_key_state s = { HEALTH_KEY_OK, 0, 0 };

	if (h != NULL)
		health_key_state(h, mark, &s);
	jw_strc(w, "state", health_key_words[s.why]);
	if (s.wait_ms < 0)
		jw_null(w, "wait_ms");
	else
		jw_int(w, "wait_ms", s.wait_ms);
	jw_int(w, "failures", s.failures);
}

/* Breakers that are not closed, or that have begun to count. */
static void
put_breakers(struct jw *w, const struct health *h, struct str id)
{
	struct health_state s;

	jw_arr(w, "breakers");
	for (int i = 0; h != NULL && i < health_places(); i++) {
		if (!health_state(h, i, &s) || !str_eq(s.provider, id))
			continue;
		jw_obj(w, NULL);
		jw_str(w, "model", s.model);
		if (s.region.n == 0)
			jw_null(w, "region");
		else
			jw_str(w, "region", s.region);
		jw_strc(w, "state", health_gate_words[s.gate]);
		jw_int(w, "open_ms", s.open_ms);
		jw_int(w, "failures", s.failures);
		jw_end(w);
	}
	jw_end(w);
}

void
admin_put_health(struct jw *w, const struct upstream *u, const struct health *h)
{
	jw_arr(w, "keys");
	for (int i = 0; i < u->nkeys; i++) {
		jw_obj(w, NULL);
		jw_int(w, "index", i);
		put_key_state(w, h, u->marks[i]);
		jw_end(w);
	}
	jw_end(w);
	put_breakers(w, h, u->id);
}

/* Gateway keys are nobody's but the operator's. */
static void
put_provider(struct work *k, const struct upstream *u)
{
	static const struct upstream nothing;
	bool all = k->ask->who.org.p == NULL;
	struct jw *w = &k->w;

	jw_obj(w, NULL);
	jw_str(w, "id", u->id);
	jw_strc(w, "object", "provider");
	jw_str(w, "name", u->name);
	jw_bool(w, "usable", upstream_usable(u));
	admin_put_health(w, all ? u : &nothing, all ? k->admin->health : NULL);
	jw_end(w);
}

int
run_providers(struct work *k)
{
	const struct providers *p = k->admin->providers;

	k->answer->status = 200;
	jw_obj(&k->w, NULL);
	jw_strc(&k->w, "object", "list");
	jw_arr(&k->w, "data");
	for (int i = 0; p != NULL && i < providers_count(p); i++)
		put_provider(k, providers_at(p, i));
	jw_end(&k->w);
	jw_null(&k->w, "next_cursor");
	jw_end(&k->w);
	return 0;
}

/* What is known of an own key. */
int
show_provider_key(struct work *k)
{
	struct buf b = BUF_LIMIT(256);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	put_key_state(&w, k->admin->health,
	    provider_key_mark(k->id, work_value(k, "sealed")->s));
	jw_end(&w);
	*work_value(k, "health") =
	    (struct value){ .s = arena_dup(k->arena, buf_str(&b)) };
	buf_free(&b);
	return 0;
}

/* --- reset --- */

/* Own keys of this provider: of all organisations, or of the actor's. */
static int
reset_own(struct work *k, struct str id)
{
	static const char text[] = "SELECT id, sealed FROM provider_key"
				   " WHERE (provider = ?1 OR ?1 IS NULL)"
				   " AND (organization_id = ?2 OR ?2 IS NULL)";
	struct sql_stmt *st = sql_prepare(k->sql, text, k->e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	sql_bind_str(st, 2, k->ask->who.org);
	while ((rc = sql_step(st, k->e)) == 1)
		health_key_reset(k->admin->health,
		    provider_key_mark(sql_str(st, 0), sql_str(st, 1)));
	sql_done(st);
	return rc;
}

static void
reset_ours(struct health *h, const struct upstream *u)
{
	struct health_state s;

	for (int i = 0; i < u->nkeys; i++)
		health_key_reset(h, u->marks[i]);
	for (int i = 0; i < health_places(); i++)
		if (health_state(h, i, &s) && str_eq(s.provider, u->id))
			health_reset(h, i);
}

static int
note_reset(struct work *k, struct str id)
{
	struct audit_entry entry = { .org = k->ask->who.org,
		.action = STR("reset"),
		.object = STR("provider"),
		.object_id = id,
		.changes = STR("{}") };

	return audit_add(k->sql, &k->ask->who, &entry, k->e);
}

/* "all" is every provider, "custom" those of organisations. */
int
run_provider_reset(struct work *k)
{
	const struct providers *p = k->admin->providers;
	struct str id = k->ask->place.parent;
	bool all = str_is(id, "all");

	if (p == NULL || k->admin->health == NULL)
		return err_set(k->e, ERR_NOT_FOUND, "Not found");
	if (!all && !str_is(id, "custom") && providers_find(p, id) == NULL)
		return work_not_found(k, "provider", id);
	if (work_parse(k, true) == -1 || note_reset(k, id) == -1 ||
	    reset_own(k, all ? STR_NONE : id) == -1)
		return -1;
	for (int i = 0; i < providers_count(p); i++)
		if (k->ask->who.org.p == NULL &&
		    (all || str_eq(providers_at(p, i)->id, id)))
			reset_ours(k->admin->health, providers_at(p, i));
	k->answer->status = 200;
	jw_obj(&k->w, NULL);
	jw_str(&k->w, "id", id);
	jw_strc(&k->w, "object", "provider");
	jw_bool(&k->w, "reset", true);
	jw_end(&k->w);
	return 0;
}
