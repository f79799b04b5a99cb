/* What no table says: members that go together, and what is made. */
#include "admin/resource.h"
#include "domain/key.h"
#include "domain/tenant.h"
#include "json/jscan.h"

#define TARGETS_MAX 32
#define WEIGHT_MAX 1000000

/* --- secrets --- */

static void
make_secret(struct work *k, const char *prefix, const char *member)
{
	unsigned char *digest = arena_alloc(k->arena, HASH_SIZE);
	char *masked = arena_alloc(k->arena, KEY_SIZE);

	k->secret = arena_zalloc(k->arena, KEY_SIZE);
	key_make(prefix, k->secret);
	k->secret_name = member;
	key_mask(k->secret, prefix, masked);
	keys_digest(k->admin->keys, str_from(k->secret), digest);
	*work_value(k, "masked") = (struct value){ .s = str_from(masked) };
	*work_value(k, "digest") =
	    (struct value){ .s = { (const char *)digest, HASH_SIZE } };
}

int
make_key(struct work *k)
{
	make_secret(k, keys_prefix(k->admin->keys), "key");
	return 0;
}

int
make_token(struct work *k)
{
	make_secret(k, TENANT_TOKEN_PREFIX, "token");
	return 0;
}

static int
forbidden(struct work *k, const char *what)
{
	return err_set(k->e, ERR_FORBIDDEN,
	    "A token may not do more than its creator: %s", what);
}

/* Nobody makes a token that may do more than he, or for longer. */
int
check_token(struct work *k)
{
	const struct admin_actor *who = &k->ask->who;
	struct value *org = work_value(k, "organization_id");
	struct value *expires = work_value(k, "expires_at");
	struct str role = work_value(k, "role")->s;

	if (who->role != ROLE_ADMIN && str_is(role, "admin"))
		return forbidden(k, "role");
	if (str_is(role, "org_admin") && org->null)
		return work_bad(
		    k, "organization_id", "is required for the role org_admin");
	if (str_is(role, "admin") && !org->null)
		return work_bad(k, "organization_id",
		    "the role admin is for all organisations");
	if (who->expires_ms == 0)
		return 0;
	if (expires->null)
		*expires = (struct value){ .n = who->expires_ms };
	return expires->n > who->expires_ms ? forbidden(k, "expires_at") : 0;
}

/* --- identities --- */

/* One whose key was deleted is nobody's, and does not stand in the way. */
int
make_identity(struct work *k)
{
	struct sql_stmt *st = sql_prepare(k->sql,
	    "DELETE FROM identity WHERE kind = ?1 AND value = ?2"
	    " AND EXISTS (SELECT 1 FROM api_key x"
	    " WHERE x.id = identity.key_id AND x.status = 'deleted')",
	    k->e);

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, work_value(k, "kind")->s);
	sql_bind_str(st, 2, work_value(k, "value")->s);
	return sql_run(st, k->e);
}

/* --- aliases, discounts, alerts --- */

static int
check_target(struct work *k, struct str raw, int n)
{
	struct str model = STR_NONE;
	int64_t weight = 1;
	struct jmember m;

	if (raw.p[0] != '{')
		return work_bad(k, "targets", "[%d] must be an object", n);
	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m);) {
		if (jscan_key_is(m.key, STR("model")))
			model = jscan_text(m.raw, k->arena);
		else if (!jscan_key_is(m.key, STR("weight")))
			return work_bad(
			    k, "targets", "[%d] has an unknown member", n);
		else if (!jscan_int(m.raw, &weight) || weight < 0 ||
		    weight > WEIGHT_MAX)
			return work_bad(k, "targets",
			    "[%d].weight must be from 0 to %d", n, WEIGHT_MAX);
	}
	if (!catalog_is_name(model))
		return work_bad(
		    k, "targets", "[%d].model must be a model string", n);
	return 0;
}

int
also_targets(struct work *k, const struct field *f, struct str raw)
{
	struct jmember m;
	int n = 0;

	(void)f;
	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m); n++)
		if (n < TARGETS_MAX && check_target(k, m.raw, n) == -1)
			return -1;
	if (n < 1 || n > TARGETS_MAX)
		return work_bad(
		    k, "targets", "must have 1 to %d elements", TARGETS_MAX);
	return 0;
}

/* One for all organisations is the admin's business. */
int
check_alias(struct work *k)
{
	if (k->ask->who.role != ROLE_ADMIN &&
	    work_value(k, "organization_id")->null)
		return work_bad(k, "organization_id", "is required");
	return 0;
}

static int
check_provider(struct work *k, struct str id)
{
	if (k->admin->providers == NULL ||
	    providers_find(k->admin->providers, id) != NULL)
		return 0;
	return work_bad(k, "provider", "no such provider");
}

int
check_discount(struct work *k)
{
	struct value *provider = work_value(k, "provider");

	return provider->null ? 0 : check_provider(k, provider->s);
}

int
check_alert(struct work *k)
{
	struct str scope = work_value(k, "scope")->s, org;
	struct str id = work_value(k, "scope_id")->s;
	const char *path = str_is(scope, "key") ? "keys" :
	    str_is(scope, "project")            ? "projects" :
						  "organizations";

	if (str_is(work_value(k, "kind")->s, "credits") &&
	    !str_is(scope, "organization"))
		return work_bad(k, "scope", "credits are of an organization");
	if (row_refer(k, "scope_id", path, id, &org) == -1)
		return -1;
	if (!str_eq(org, work_value(k, "organization_id")->s))
		return work_bad(k, "scope_id", "is of another organization");
	if (!work_sent(k, "webhook"))
		return 0;
	return check_hook(
	    k, work_value(k, "webhook")->s, "webhook", "webhook");
}
