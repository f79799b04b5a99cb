/* What is done with secrets: keys that roll, keys of providers. */
#include "admin/resource.h"
#include "domain/alert.h"
#include "domain/key.h"
#include "domain/iam.h"
#include "domain/provider_key.h"

/* The old secret works until then. */
static int
keep_old(struct work *k, int64_t until_ms)
{
	static const char text[] =
	    "INSERT INTO api_key_old(digest, key_id, until_ms)"
	    " SELECT digest, id, ?2 FROM api_key WHERE id = ?1";
	struct sql_stmt *st = sql_prepare(k->sql, text, k->e);

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, k->ask->place.parent);
	sql_bind_int(st, 2, until_ms);
	return sql_run(st, k->e);
}

static int
set_secret(struct work *key)
{
	static const char text[] =
	    "UPDATE api_key SET digest = ?2, masked = ?3, updated_ms = ?4"
	    " WHERE id = ?1";
	struct sql_stmt *st = sql_prepare(key->sql, text, key->e);

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, key->id);
	sql_bind_blob(st, 2, work_value(key, "digest")->s);
	sql_bind_str(st, 3, work_value(key, "masked")->s);
	sql_bind_int(st, 4, key->now_ms);
	return sql_run(st, key->e);
}

/* The key itself, as POST and PATCH of a key see it. */
static struct work *
work_of_key(struct work *k)
{
	struct work *key = ARENA_NEW(k->arena, struct work);
	struct admin_ask *ask = ARENA_NEW(k->arena, struct admin_ask);

	*key = *k;
	*ask = *k->ask;
	ask->place.id = k->ask->place.parent;
	ask->place.parent = STR_NONE;
	key->ask = ask;
	key->r = resource_by_path("keys");
	key->t = &k->admin->texts[key->r - resources];
	return key;
}

int
run_roll(struct work *k)
{
	struct work *key = work_of_key(k);
	int64_t grace_s;
	int rc;

	if (work_parse(k, true) == -1)
		return -1;
	grace_s = work_value(k, "grace_seconds")->n;
	rc = row_get(key, key->ask->place.id);
	if (rc != 1)
		return rc == -1 ? -1 :
				  work_not_found(k, "key", key->ask->place.id);
	if (key->gone)
		return err_set(
		    k->e, ERR_CONFLICT, "%.*s is deleted", STR_ARG(key->id));
	memcpy(key->old, key->v, sizeof(key->old));
	if (grace_s > 0 && keep_old(k, k->now_ms + grace_s * 1000) == -1)
		return -1;
	if (make_key(key) == -1 || set_secret(key) == -1 ||
	    row_get(key, key->id) != 1 || change_note(key, "roll") == -1)
		return -1;
	change_answer(key, 200);
	k->secret = key->secret;
	k->w = key->w;
	return 0;
}

/* The value has the members that its type wants. */
int
check_iam(struct work *k)
{
	struct str param;

	if (iam_check(
		work_value(k, "type")->s, work_value(k, "value")->s, k->e) == 0)
		return 0;
	if (k->e->code == ERR_BAD_PARAM &&
	    !str_starts(str_from(k->e->msg), "Invalid request")) {
		param = k->e->param.p == NULL ? STR("value") : k->e->param;
		return work_bad(k, arena_cstr(k->arena, param), "%.200s",
		    arena_cstr(k->arena, str_from(k->e->msg)));
	}
	return -1;
}

/* "[a-z]+(-[a-z]+)*" */
static bool
is_custom_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    (s.p[i] != '-' || i == 0 || i + 1 == s.n ||
			s.p[i - 1] == '-'))
			return false;
	return s.n > 0;
}

static bool
is_provider(const struct work *k, struct str id)
{
	return k->admin->providers != NULL &&
	    providers_find(k->admin->providers, id) != NULL;
}

/* What a custom provider needs, and the others do not have. */
static int
check_custom(struct work *k)
{
	struct value *name = work_value(k, "name");
	struct value *models = work_value(k, "models");
	struct own_model *ignored;

	if (!str_is(work_value(k, "provider")->s, "custom")) {
		if (!name->null)
			return work_bad(k, "name", "is for custom providers");
		return models->null ?
		    0 :
		    work_bad(k, "models", "is for custom providers");
	}
	if (name->null || !is_custom_name(name->s) || is_provider(k, name->s))
		return work_bad(k, "name",
		    "must be lower-case words with hyphens, and no provider");
	if (models->null ||
	    provider_key_models(models->s, k->arena, &ignored, k->e) >= 0)
		return 0;
	return work_bad(
	    k, "models", "%.200s", arena_cstr(k->arena, str_from(k->e->msg)));
}

static void
seal_key(struct work *k, struct str secret)
{
	*work_value(k, "masked") =
	    (struct value){ .s = provider_key_mask(secret, k->arena) };
	*work_value(k, "sealed") =
	    (struct value){ .s = provider_key_seal(k->admin->master, secret,
				k->id, work_value(k, "organization_id")->s,
				work_value(k, "provider")->s, k->arena) };
}

static struct str
text_of(struct work *k, const char *member)
{
	const struct value *v = work_value(k, member);

	return v->null ? STR_NONE : v->s;
}

/* Would it do as it stands?  As those see it who use it. */
static int
check_use(struct work *k, struct str secret)
{
	struct own_spec spec = { .id = k->id,
		.provider = text_of(k, "provider"),
		.name = text_of(k, "name"),
		.base_url = text_of(k, "base_url"),
		.options = text_of(k, "options"),
		.secret = secret };
	struct upstream u;
	int rc = upstream_own(&u, &spec, k->admin->conf,
	    providers_scale(k->admin->providers), k->arena, k->e);

	if (rc == 0)
		upstream_own_free(&u);
	/* Its name may stand on the stack of nobody. */
	else if (k->e->param.p != NULL)
		k->e->param = arena_dup(k->arena, k->e->param);
	return rc;
}

/* The key that is stored; 1, 0 if it does not open. */
static int
open_key(struct work *k, struct secret *out)
{
	struct own_key key = { .id = k->id,
		.provider = text_of(k, "provider"),
		.sealed = text_of(k, "sealed") };

	return provider_key_open(
	    k->admin->master, &key, text_of(k, "organization_id"), out);
}

/*
 * With every change it is sealed anew, and so what was held against it is
 * forgotten (provider_key_mark).  One that does not open any more can be
 * stopped, or replaced.
 */
static int
check_change(struct work *k)
{
	const struct field *f = k->r->fields;
	struct secret secret = { 0 };
	int rc = 0;

	for (int i = 0; f[i].name != NULL; i++)
		if (strcmp(f[i].name, "base_url") == 0 &&
		    !value_same(&f[i], &k->old[i], &k->v[i]))
			return work_bad(
			    k, "key", "is required with another base_url");
	if (open_key(k, &secret) == 1) {
		rc = check_use(k, secret_str(&secret));
		if (rc == 0)
			seal_key(k, secret_str(&secret));
		/* What was stored in other days may at least be stopped. */
		else if (!work_sent(k, "options") &&
		    str_is(work_value(k, "status")->s, "inactive"))
			rc = 0;
	}
	secret_free(&secret);
	return rc;
}

int
check_provider_key(struct work *k)
{
	struct str provider = work_value(k, "provider")->s;

	if (k->admin->providers == NULL)
		return work_bad(k, "provider", "is not known");
	if (!str_is(provider, "custom") && !is_provider(k, provider))
		return work_bad(k, "provider", "no such provider");
	if (check_custom(k) == -1)
		return -1;
	if (k->id.n > 0 && !work_sent(k, "key"))
		return check_change(k);
	if (check_use(k, work_value(k, "key")->s) == -1)
		return -1;
	if (k->id.n > 0)
		seal_key(k, work_value(k, "key")->s);
	return 0;
}

int
make_provider_key(struct work *k)
{
	seal_key(k, work_value(k, "key")->s);
	return 0;
}

/* What its POSTs are signed with, told once. */
int
make_alert(struct work *k)
{
	k->secret = arena_zalloc(k->arena, KEY_SIZE);
	key_make(ALERT_SECRET_PREFIX, k->secret);
	k->secret_name = "secret";
	*work_value(k, "sealed") = (struct value){ .s = alert_seal(
		k->admin->master, str_from(k->secret), k->id, k->arena) };
	return 0;
}
