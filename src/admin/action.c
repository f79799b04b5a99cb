/* Sign-in, and the explanation of a route. */
#include "admin/resource.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/rand.h"
#include "domain/route.h"

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
	char text[CLOCK_TEXT];

	jw_obj(w, NULL);
	jw_strc(w, "object", "session");
	clock_text(expires_ms, text);
	jw_strc(w, "expires_at", text);
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

/* --- explain --- */

static bool
is_known(void *arg, struct str id)
{
	return providers_find(arg, id) != NULL;
}

static bool
is_usable(void *arg, struct str id)
{
	const struct upstream *u = providers_find(arg, id);

	return u != NULL && upstream_usable(u);
}

static bool
takes_any(void *arg, struct str id)
{
	const struct upstream *u = providers_find(arg, id);

	return u != NULL && u->any_model;
}

static bool
is_regional(void *arg, struct str id, struct str region)
{
	const struct upstream *u = providers_find(arg, id);

	return u != NULL && u->ops->regional != NULL &&
	    u->ops->regional(u, region);
}

static bool
is_in(const struct route *r, const struct mapping *m)
{
	for (int i = 0; i < r->nfound; i++)
		if (r->found[i] == m)
			return true;
	return false;
}

/* The routes after each step, and what ended it. */
struct steps {
	struct route_world world;
	char today[11];
	struct route found, able, usable;
	struct err err;
};

static void
put_price(struct jw *w, const char *key, int64_t pico)
{
	if (pico == NO_PRICE)
		jw_null(w, key);
	else /* USD per million tokens: the nano-dollars of a thousand */
		jw_nano(w, key, pico * 1000);
}

static void
put_candidate(struct jw *w, const struct steps *s, const struct mapping *m)
{
	const char *why = !is_in(&s->able, m) ? "capability" :
	    !is_in(&s->usable, m)             ? "provider" :
						NULL;

	jw_obj(w, NULL);
	jw_str(w, "provider", m->provider);
	jw_str(w, "model", m->upstream);
	if (m->ntiers > 0) {
		put_price(w, "input_price", m->tiers[0].input);
		put_price(w, "output_price", m->tiers[0].output);
	}
	jw_int(w, "context", m->context);
	if (why == NULL)
		jw_null(w, "filtered_by");
	else
		jw_strc(w, "filtered_by", why);
	jw_end(w);
}

static void
put_steps(struct work *k, const struct steps *s)
{
	const struct route *last = &s->usable;
	struct jw *w = &k->w;

	jw_obj(w, NULL);
	jw_strc(w, "object", "explanation");
	jw_str(w, "model", work_value(k, "model")->s);
	jw_str(w, "root", s->found.root);
	if (s->found.provider.p == NULL)
		jw_null(w, "pinned");
	else
		jw_str(w, "pinned", s->found.provider);
	jw_arr(w, "candidates");
	for (int i = 0; i < s->found.nfound; i++)
		put_candidate(w, s, s->found.found[i]);
	jw_end(w);
	if (s->err.code == ERR_NONE && last->nfound > 0) {
		jw_obj(w, "choice");
		jw_str(w, "provider", last->found[0]->provider);
		jw_str(w, "model", last->found[0]->upstream);
		jw_end(w);
		jw_null(w, "error");
	} else {
		jw_null(w, "choice");
		jw_obj(w, "error");
		jw_strc(w, "code", err_rows[s->err.code].code);
		jw_strc(w, "message", s->err.msg);
		jw_end(w);
	}
	jw_end(w);
}

/* The request as a chat completion of the body, or the least there is. */
static int
read_ask(struct work *k, struct llm_request *q)
{
	const struct value *body = work_value(k, "body");
	struct str model = work_value(k, "model")->s;

	q->from = &dialect_openai_chat;
	q->body = body->null ? arena_fmt(k->arena,
				   "{\"model\":\"%.*s\",\"messages\":"
				   "[{\"role\":\"user\",\"content\":\"\"}]}",
				   STR_ARG(model)) :
			       body->s;
	return q->from->peek(q, k->arena, k->e);
}

/* A copy of a route points to its own free text. */
static void
copy_route(struct route *to, const struct route *from)
{
	*to = *from;
	for (int i = 0; i < to->nfound; i++)
		if (to->found[i] == &from->free_text)
			to->found[i] = &to->free_text;
}

static void
take_steps(struct work *k, struct steps *s, struct llm_request *q)
{
	s->world = (struct route_world){ .catalog = k->admin->catalog,
		.today = s->today,
		.arg = k->admin->providers,
		.known = is_known,
		.usable = is_usable,
		.any_model = takes_any,
		.regional = is_regional,
		.auto_models = k->admin->conf->auto_models };
	if (route_resolve(&s->found, &s->world, work_value(k, "model")->s,
		&s->err) == 0) {
		copy_route(&s->able, &s->found);
		if (route_narrow(&s->able, q, &s->err) == 0) {
			copy_route(&s->usable, &s->able);
			if (route_usable(&s->usable, &s->world, &s->err) == -1)
				s->usable.nfound = 0;
		} else
			s->able.nfound = 0;
	} else
		s->found.nfound = 0;
}

int
run_explain(struct work *k)
{
	struct steps *s = ARENA_NEW(k->arena, struct steps);
	struct llm_request q = { 0 };
	char text[CLOCK_TEXT];
	struct str org;
	bool gone;
	int rc;

	if (k->admin->catalog == NULL || k->admin->providers == NULL)
		return err_set(k->e, ERR_NOT_FOUND, "Not found");
	if (work_parse(k, true) == -1 || read_ask(k, &q) == -1)
		return -1;
	if (!work_value(k, "key_id")->null) {
		rc = row_look(
		    k, "keys", work_value(k, "key_id")->s, &org, &gone);
		if (rc != 1)
			return rc == -1 ? -1 :
					  work_not_found(k, "key",
					      work_value(k, "key_id")->s);
	}
	k->answer->status = 200;
	clock_text(k->now_ms, text);
	memcpy(s->today, text, sizeof(s->today) - 1);
	take_steps(k, s, &q);
	put_steps(k, s);
	return 0;
}
