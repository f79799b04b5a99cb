/* Who asks: tokens and sessions. */
#include "admin/admin.h"
#include "base/clock.h"
#include "base/hash.h"
#include "domain/key.h"
#include "domain/tenant.h"

static const char invalid[] = "Unauthorized: Invalid admin token";

const char *const admin_role_words[] = { "none", "viewer", "org_admin", "admin",
	NULL };

static enum admin_role
role_of(struct str word)
{
	for (int i = ROLE_VIEWER; admin_role_words[i] != NULL; i++)
		if (str_is(word, admin_role_words[i]))
			return (enum admin_role)i;
	return ROLE_NONE;
}

static bool
well_formed(struct str token)
{
	size_t head = strlen(TENANT_TOKEN_PREFIX);

	if (!str_starts(token, TENANT_TOKEN_PREFIX) ||
	    token.n != head + KEY_RANDOM)
		return false;
	for (size_t i = head; i < token.n; i++)
		if (!((token.p[i] >= '0' && token.p[i] <= '9') ||
			((token.p[i] | 0x20) >= 'a' &&
			    (token.p[i] | 0x20) <= 'z')))
			return false;
	return true;
}

/*
 * Columns: id, role, organisation, expiry, revoked, status of the organisation.
 * An archived organisation has no administrators any more.
 */
static int
read_actor(struct sql_stmt *st, struct arena *a, struct admin_actor *who,
    struct err *e)
{
	int64_t expires_ms = sql_int(st, 3);

	if (!sql_is_null(st, 4) || str_is(sql_str(st, 5), "archived"))
		return err_set(e, ERR_AUTH, invalid);
	if (expires_ms != 0 && expires_ms <= clock_wall_ms())
		return err_set(e, ERR_KEY_EXPIRED,
		    "Unauthorized: Admin token has expired");
	who->name = arena_dup(a, sql_str(st, 0));
	who->role = role_of(sql_str(st, 1));
	who->org = arena_dup(a, sql_str(st, 2));
	who->expires_ms = expires_ms;
	/* A role that is bound without its organisation may do nothing. */
	if (who->role == ROLE_NONE ||
	    (who->role == ROLE_ORG && who->org.p == NULL))
		return err_set(e, ERR_AUTH, invalid);
	return 0;
}

static int
look_up(struct sql *s, const char *text, const unsigned char *digest,
    struct arena *a, struct admin_actor *who, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, text, e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_blob(st, 1, (struct str){ (const char *)digest, HASH_SIZE });
	if (strstr(text, "?2") != NULL)
		sql_bind_int(st, 2, clock_wall_ms());
	rc = sql_step(st, e);
	if (rc == 1)
		rc = read_actor(st, a, who, e);
	else if (rc == 0)
		rc = err_set(e, ERR_AUTH, invalid);
	sql_done(st);
	return rc;
}

#define ACTOR                                                                  \
	"SELECT a.id, a.role, a.organization_id, a.expires_ms, a.revoked_ms,"  \
	" o.status FROM admin_token a"                                         \
	" LEFT JOIN organization o ON o.id = a.organization_id"

int
admin_auth(const struct admin *ad, struct sql *s, struct str token,
    struct arena *a, struct admin_actor *who, struct err *e)
{
	static const char text[] = ACTOR " WHERE a.digest = ?1";
	unsigned char digest[HASH_SIZE];
	int rc = -1;

	if (!well_formed(token))
		return err_set(e, ERR_AUTH,
		    token.n == 0 ?
			"Unauthorized: No admin token provided. Expected "
			"'Authorization: Bearer llmgadm_...' header" :
			invalid);
	/* Older secrets of key_hash_secrets count, too. */
	for (int i = 0; rc == -1 && i < keys_nsecrets(ad->keys); i++) {
		keys_digest_by(ad->keys, i, token, digest);
		*e = (struct err){ 0 };
		rc = look_up(s, text, digest, a, who, e);
		if (rc == -1 && (e->code != ERR_AUTH))
			break;
	}
	return rc;
}

int
admin_auth_session(const struct admin *ad, struct sql *s, struct str secret,
    struct arena *a, struct admin_actor *who, struct err *e)
{
	static const char text[] =
	    ACTOR " JOIN admin_session x ON x.token_id = a.id"
		  " WHERE x.digest = ?1 AND x.expires_ms > ?2";
	unsigned char digest[HASH_SIZE];

	(void)ad;
	hash_sha256(secret, digest);
	return look_up(s, text, digest, a, who, e);
}

int
admin_auth_link(struct sql *s, struct str code, struct arena *a,
    struct admin_actor *who, struct err *e)
{
	static const char text[] =
	    ACTOR " JOIN admin_link x ON x.token_id = a.id"
		  " WHERE x.digest = ?1 AND x.expires_ms > ?2";
	unsigned char digest[HASH_SIZE];
	struct sql_stmt *st;

	hash_sha256(code, digest);
	if (look_up(s, text, digest, a, who, e) == -1)
		return -1;
	st = sql_prepare(s, "DELETE FROM admin_link WHERE digest = ?1", e);
	if (st == NULL)
		return -1;
	sql_bind_blob(st, 1, (struct str){ (const char *)digest, HASH_SIZE });
	if (sql_run(st, e) == -1)
		return -1;
	/* Of two at once one deleted it. */
	return sql_changes(s) == 1 ? 0 : err_set(e, ERR_AUTH, invalid);
}

/* May somebody sign in as this token now? */
static int
in_force(struct sql *s, struct str id, struct arena *a, struct err *e)
{
	struct admin_actor who;
	struct sql_stmt *st = sql_prepare(s, ACTOR " WHERE a.id = ?1", e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	rc = sql_step(st, e);
	if (rc == 1)
		rc = read_actor(st, a, &who, e);
	else if (rc == 0)
		rc = err_set(e, ERR_NOT_FOUND, "no token %.*s", STR_ARG(id));
	sql_done(st);
	return rc;
}

int
admin_link_make(struct sql *s, struct str token_id, struct arena *a,
    char out[KEY_SIZE], struct err *e)
{
	int64_t now_ms = clock_wall_ms();
	unsigned char digest[HASH_SIZE];
	struct sql_stmt *st;

	if (in_force(s, token_id, a, e) == -1)
		return -1;
	st = sql_prepare(s, "DELETE FROM admin_link WHERE expires_ms <= ?1", e);
	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, now_ms);
	if (sql_run(st, e) == -1)
		return -1;
	key_make(ADMIN_LINK_PREFIX, out);
	hash_sha256(str_from(out), digest);
	st = sql_prepare(s,
	    "INSERT INTO admin_link(digest, token_id, expires_ms)"
	    " VALUES (?1, ?2, ?3)",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_blob(st, 1, (struct str){ (const char *)digest, HASH_SIZE });
	sql_bind_str(st, 2, token_id);
	sql_bind_int(st, 3, now_ms + ADMIN_LINK_MS);
	return sql_run(st, e);
}

void
admin_csrf(struct str secret, char out[65])
{
	unsigned char digest[HASH_SIZE];

	hash_hmac(secret, STR("csrf"), digest);
	hash_hex(digest, HASH_SIZE, out);
}
