/* Sign-in. */
#include "admin/resource.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/rand.h"

#define SESSION_MS INT64_C(43200000) /* 12 h */
#define SESSION_SECRET 43            /* 256 bits in letters and digits */

/* --- sessions --- */

static int
note_session(struct work *k, const char *action)
{
	struct audit_entry entry = { .org = k->ask->who.org,
		.action = str_from(action),
		.object = STR("session"),
		.object_id = k->ask->who.name,
		.changes = STR("{}") };

	return audit_add(k->sql, &k->ask->who, &entry, k->e);
}

/* A statement about a session, whose digest is its first parameter. */
static struct sql_stmt *
of_session(struct work *k, const char *text, struct str secret)
{
	struct sql_stmt *st = sql_prepare(k->sql, text, k->e);
	unsigned char digest[HASH_SIZE];

	if (st == NULL)
		return NULL;
	hash_sha256(secret, digest);
	sql_bind_blob(st, 1,
	    arena_dup(k->arena, (struct str){ (char *)digest, HASH_SIZE }));
	return st;
}

static int
drop_sessions(struct work *k, struct str secret)
{
	struct sql_stmt *st = of_session(k,
	    "DELETE FROM admin_session WHERE digest = ?1 OR expires_ms < ?2",
	    secret);

	if (st == NULL)
		return -1;
	sql_bind_int(st, 2, k->now_ms);
	return sql_run(st, k->e);
}

static int
add_session(struct work *k, struct str secret, int64_t expires_ms)
{
	struct sql_stmt *st = of_session(k,
	    "INSERT INTO admin_session(digest, token_id, created_ms,"
	    " expires_ms) VALUES (?1, ?2, ?3, ?4)",
	    secret);

	if (st == NULL)
		return -1;
	sql_bind_str(st, 2, k->ask->who.name);
	sql_bind_int(st, 3, k->now_ms);
	sql_bind_int(st, 4, expires_ms);
	return sql_run(st, k->e);
}

static void
put_session(struct work *k, int64_t expires_ms, const char *csrf)
{
	struct jw *w = &k->w;

	jw_obj(w, NULL);
	jw_strc(w, "object", "session");
	jw_time(w, "expires_at", expires_ms);
	if (csrf != NULL)
		jw_strc(w, "csrf", csrf);
	jw_end(w);
}

static int
sign_in(struct work *k)
{
	const struct admin_actor *who = &k->ask->who;
	int64_t expires_ms = k->now_ms + SESSION_MS;
	char secret[SESSION_SECRET + 1], csrf[65];

	if (!str_starts(who->name, "tok_") || k->ask->session.p != NULL)
		return err_set(
		    k->e, ERR_FORBIDDEN, "A session begins with a token");
	if (work_parse(k, true) == -1)
		return -1;
	if (who->expires_ms != 0 && who->expires_ms < expires_ms)
		expires_ms = who->expires_ms;
	rand_word(secret, SESSION_SECRET);
	if (drop_sessions(k, STR("")) == -1 ||
	    add_session(k, str_from(secret), expires_ms) == -1 ||
	    note_session(k, "create") == -1)
		return -1;
	admin_csrf(str_from(secret), csrf);
	k->answer->status = 201;
	k->answer->cookie = arena_fmt(k->arena,
	    ADMIN_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict; "
			 "Max-Age=%lld",
	    secret, (long long)(expires_ms - k->now_ms) / 1000);
	put_session(k, expires_ms, csrf);
	return 0;
}

static int
sign_out(struct work *k)
{
	if (k->ask->session.p != NULL &&
	    (drop_sessions(k, k->ask->session) == -1 ||
		note_session(k, "delete") == -1))
		return -1;
	k->answer->status = 200;
	k->answer->cookie = STR(ADMIN_COOKIE
	    "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
	put_session(k, k->now_ms, NULL);
	return 0;
}

int
run_sessions(struct work *k)
{
	return k->ask->place.method == METHOD_POST ? sign_in(k) : sign_out(k);
}
