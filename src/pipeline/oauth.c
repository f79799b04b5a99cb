#include "base/b64.h"
#include "base/clock.h"
#include "domain/oauth.h"
#include "pipeline/oauth.h"
#include "pipeline/path.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define ANSWER_MAX ((size_t)64 * 1024)
#define EXPIRES_S 3600
#define NO_STORE STR("Cache-Control: no-store\r\nPragma: no-cache\r\n")

struct oauth {
	struct arena *arena; /* its own */
	struct sql *sql;
	pthread_mutex_t lock; /* of sql */
};

int
oauth_open(struct world *w, struct err *e)
{
	struct arena *a = arena_new(sizeof(struct oauth) + 64, SIZE_MAX);
	struct oauth *o = ARENA_NEW(a, struct oauth);

	o->arena = a;
	pthread_mutex_init(&o->lock, NULL);
	w->own = o;
	if (sql_open(&o->sql, w->conf.store_sql, SQL_WRITE, e) == -1)
		return -1;
	sql_set_log(o->sql, &w->log);
	return 0;
}

void
oauth_close(struct world *w)
{
	struct oauth *o = w->own;

	if (o == NULL)
		return;
	sql_close(o->sql);
	pthread_mutex_destroy(&o->lock);
	arena_free(o->arena);
	w->own = NULL;
}

/* --- errors --- */

static enum verdict
fail(struct req *r, enum err_code code, const char *word, const char *why)
{
	r->err.word = str_from(word);
	err_set(&r->err, code, "%s", why);
	return FAIL;
}

static enum verdict
invalid(struct req *r, const char *why)
{
	return fail(r, ERR_BAD_PARAM, "invalid_request", why);
}

static enum verdict
no_client(struct req *r)
{
	return fail(r, ERR_AUTH, "invalid_client",
	    "Unknown client, or not the key that it was registered with");
}

void
oauth_error(const struct req *r, int status, struct jw *w)
{
	const char *usual = status == 401 ? "invalid_client" :
	    status >= 500                 ? "temporarily_unavailable" :
					    "invalid_request";

	jw_obj(w, NULL);
	jw_str(
	    w, "error", r->err.word.p != NULL ? r->err.word : str_from(usual));
	jw_strc(w, "error_description", r->err.msg);
	jw_end(w);
}

/* --- what there is --- */

/* The setting without a slash at its end. */
static struct str
base(const struct req *r)
{
	struct str s = str_from(r->world->conf.public_url);

	while (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

static void
put_url(struct jw *w, const char *key, struct req *r, const char *path)
{
	jw_str(w, key, arena_fmt(r->setup, "%.*s%s", STR_ARG(base(r)), path));
}

void
oauth_put_challenge(const struct req *r, struct buf *b)
{
	buf_add(b, STR("WWW-Authenticate: Bearer resource_metadata=\""));
	buf_add(b, base(r));
	buf_add(b, STR("/.well-known/oauth-protected-resource/mcp\"\r\n"));
}

static void
put_list(struct jw *w, const char *key, const char *words)
{
	struct str rest = str_from(words);

	jw_arr(w, key);
	while (rest.p != NULL)
		jw_str(w, NULL, str_split(&rest, ' '));
	jw_end(w);
}

static enum verdict
answer(struct req *r, int status, struct str extra, struct buf *b)
{
	reply_whole(r, status, NULL, extra, buf_str(b));
	buf_free(b);
	return DONE;
}

enum verdict
stage_oauth_server(struct req *r)
{
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	put_url(&w, "issuer", r, "");
	put_url(&w, "authorization_endpoint", r, "/oauth/authorize");
	put_url(&w, "token_endpoint", r, "/oauth/token");
	put_url(&w, "registration_endpoint", r, "/oauth/register");
	put_list(&w, "response_types_supported", "code");
	put_list(&w, "grant_types_supported",
	    "authorization_code client_credentials");
	put_list(&w, "code_challenge_methods_supported", "S256");
	put_list(&w, "token_endpoint_auth_methods_supported",
	    "client_secret_post client_secret_basic");
	jw_end(&w);
	return answer(r, 200, STR(""), &b);
}

enum verdict
stage_oauth_resource(struct req *r)
{
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	put_url(&w, "resource", r, "/mcp");
	jw_arr(&w, "authorization_servers");
	put_url(&w, NULL, r, "");
	jw_end(&w);
	put_list(&w, "bearer_methods_supported", "header");
	jw_end(&w);
	return answer(r, 200, STR(""), &b);
}

/* --- bodies --- */

/* Members of JSON, or fields. */
struct form {
	struct req *r;
	struct jmember *v;
	int n;
	bool fields;
};

static int
read_form(struct req *r, struct form *f)
{
	*f = (struct form){ .r = r,
		.fields = path_is_fields(r->in.content_type) };
	if (f->fields)
		return 0;
	f->n = jscan_object(r->chat.body, r->setup, &f->v, &r->err);
	return f->n == -1 ? -1 : 0;
}

/* Of a field or a string; else absent. */
static struct str
value(const struct form *f, const char *name)
{
	struct str s = f->fields ?
	    path_field(f->r->setup, f->r->chat.body, name) :
	    jscan_text(jscan_get(f->v, f->n, name), f->r->setup);

	return s.n == 0 ? STR_NONE : s;
}

/* --- registration --- */

/* An array of good ones, written anew; absent: there is something wrong. */
static struct str
redirects(const struct form *f)
{
	struct req *r = f->r;
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	struct jw w = JW_TO(&b);
	struct str raw = jscan_get(f->v, f->n, "redirect_uris"), uri, out;
	struct jiter it = jscan_into(raw);
	struct jmember m;
	int n = 0;

	jw_arr(&w, NULL);
	if (f->fields && (uri = value(f, "redirect_uris")).p != NULL) {
		n = oauth_redirect_good(uri) ? 1 : OAUTH_REDIRECTS_MAX + 1;
		jw_str(&w, NULL, uri);
	}
	while (!f->fields && raw.p != NULL && raw.p[0] == '[' &&
	    jscan_next(&it, &m)) {
		uri = jscan_text(m.raw, r->setup);
		n += oauth_redirect_good(uri) ? 1 : OAUTH_REDIRECTS_MAX + 1;
		jw_str(&w, NULL, uri);
	}
	jw_end(&w);
	out = n == 0 || n > OAUTH_REDIRECTS_MAX ?
	    STR_NONE :
	    arena_dup(r->setup, buf_str(&b));
	buf_free(&b);
	return out;
}

static enum verdict
put_client(struct req *r, const struct form *f, const struct oauth_client *c,
    struct str secret)
{
	static const char *const registered[] = { "client_name", "client_uri",
		"scope" };
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	struct jw w = JW_TO(&b);
	struct str method = value(f, "token_endpoint_auth_method"), s;

	jw_obj(&w, NULL);
	jw_strc(&w, "client_id", c->id);
	jw_str(&w, "client_secret", secret);
	jw_int(&w, "client_id_issued_at", clock_wall_ms() / 1000);
	jw_int(&w, "client_secret_expires_at", 0);
	jw_raw(&w, "redirect_uris", c->redirects);
	put_list(&w, "grant_types", "authorization_code client_credentials");
	put_list(&w, "response_types", "code");
	jw_strc(&w, "token_endpoint_auth_method",
	    str_is(method, "client_secret_basic") ? "client_secret_basic" :
						    "client_secret_post");
	for (size_t i = 0; i < NROWS(registered); i++)
		if ((s = value(f, registered[i])).p != NULL)
			jw_str(&w, registered[i], s);
	jw_end(&w);
	return answer(r, 201, NO_STORE, &b);
}

enum verdict
stage_oauth_register(struct req *r)
{
	struct oauth *o = r->world->own;
	struct oauth_client c = { .id = "" };
	struct str key = stage_token(r);
	struct form f;
	int rc;

	if (read_form(r, &f) == -1)
		return FAIL;
	if (key.n == 0)
		key = value(&f, "api_key");
	if (key.n == 0)
		return fail(r, ERR_AUTH, "invalid_client",
		    "An API key is needed, in Authorization, x-api-key or "
		    "api_key");
	if (stage_look_up(r, key) != 0)
		return FAIL;
	if ((c.redirects = redirects(&f)).p == NULL)
		return fail(r, ERR_BAD_PARAM, "invalid_redirect_uri",
		    "redirect_uris must be 1 to 10 URLs with https, or http "
		    "on loopback");
	str_copy(c.key, sizeof(c.key), str_from(r->who->key));
	pthread_mutex_lock(&o->lock);
	rc = oauth_client_add(o->sql, &c, clock_wall_ms(), &r->err);
	pthread_mutex_unlock(&o->lock);
	return rc == -1 ? FAIL : put_client(r, &f, &c, key);
}

/* --- authorization --- */

static int
find_client(struct req *r, struct str id, struct oauth_client *c)
{
	struct oauth *o = r->world->own;
	int rc;

	pthread_mutex_lock(&o->lock);
	rc = oauth_client_find(o->sql, id, r->setup, c, &r->err);
	pthread_mutex_unlock(&o->lock);
	return rc;
}

/* Everything but letters, digits and -._~ as %XX. */
static void
put_escaped(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr("-._~", c) != NULL)) {
			buf_addc(b, (char)c);
			continue;
		}
		buf_addc(b, '%');
		buf_addc(b, hex[c >> 4]);
		buf_addc(b, hex[c & 15]);
	}
}

static enum verdict
go_back(struct req *r, const struct oauth_grant *g)
{
	struct str state = path_query(r, "state");
	struct buf b = BUF_LIMIT(ANSWER_MAX), none = BUF_LIMIT(1);
	char code[OAUTH_CODE_SIZE];
	enum verdict v;

	oauth_code_make(r->world->keys, g, clock_wall_ms(), code);
	buf_add(&b, STR("Location: "));
	buf_add(&b, g->redirect);
	buf_addc(
	    &b, memchr(g->redirect.p, '?', g->redirect.n) == NULL ? '?' : '&');
	buf_add(&b, STR("code="));
	buf_add(&b, str_from(code));
	if (state.n > 0) {
		buf_add(&b, STR("&state="));
		put_escaped(&b, state);
	}
	buf_add(&b, STR("\r\n"));
	buf_add(&b, NO_STORE);
	v = answer(r, 302, buf_str(&b), &none);
	buf_free(&b);
	return v;
}

enum verdict
stage_oauth_authorize(struct req *r)
{
	struct oauth_grant g = { .client = path_query(r, "client_id"),
		.redirect = path_query(r, "redirect_uri"),
		.challenge = path_query(r, "code_challenge") };
	struct oauth_client c;
	int rc;

	if (g.client.n == 0)
		return invalid(r, "client_id is missing");
	if ((rc = find_client(r, g.client, &c)) == -1)
		return FAIL;
	if (rc == 0)
		return fail(r, ERR_AUTH, "invalid_client", "Unknown client_id");
	if (!oauth_redirect_listed(c.redirects, g.redirect))
		return fail(r, ERR_BAD_PARAM, "invalid_redirect_uri",
		    "redirect_uri is not one of the client's");
	if (!str_is(path_query(r, "response_type"), "code"))
		return invalid(r, "response_type must be code");
	if (g.challenge.n != OAUTH_CHALLENGE ||
	    !oauth_verifier_good(g.challenge) ||
	    !str_is(path_query(r, "code_challenge_method"), "S256"))
		return invalid(r,
		    "code_challenge with code_challenge_method S256 is "
		    "needed");
	return go_back(r, &g);
}

/* --- tokens --- */

/* "Basic base64(id:secret)", both as in a form (RFC 6749, 2.3.1). */
static bool
read_basic(struct req *r, struct str *id, struct str *secret)
{
	struct str header = req_param(r, "HTTP_AUTHORIZATION"), rest;
	struct buf b = BUF_LIMIT(8192);

	if (header.n < 6 || strncasecmp(header.p, "Basic ", 6) != 0)
		return false;
	rest = str_trim((struct str){ header.p + 6, header.n - 6 });
	buf_add(&b, STR("i="));
	if (b64_decode(rest, &b) == -1 || b.full)
		rest = STR("");
	else
		rest = arena_dup(r->setup, buf_str(&b));
	buf_free(&b);
	*id = path_field(r->setup, str_split(&rest, ':'), "i");
	*secret = path_field(
	    r->setup, arena_fmt(r->setup, "s=%.*s", STR_ARG(rest)), "s");
	return true;
}

/* Is it the key that the client is bound to, and good?  0, or FAIL's -1. */
static int
check_client(struct req *r, struct str id, struct str secret)
{
	struct oauth_client c;
	int rc;

	if (id.n == 0 || secret.n == 0 || (rc = find_client(r, id, &c)) == 0) {
		no_client(r);
		return -1;
	}
	if (rc == -1)
		return -1;
	rc = stage_look_up(r, secret);
	if (rc == 0 && strcmp(r->who->key, c.key) == 0)
		return 0;
	if (rc == 0 || err_rows[r->err.code].http == 401)
		no_client(r);
	return -1;
}

static int
check_code(struct req *r, const struct form *f, struct str client)
{
	struct oauth *o = r->world->own;
	struct str code = value(f, "code"),
		   verifier = value(f, "code_verifier");
	char challenge[OAUTH_CHALLENGE + 1];
	struct oauth_grant g = { .client = client,
		.redirect = value(f, "redirect_uri") };
	int64_t now = clock_wall_ms();
	int rc = 0;

	if (code.p == NULL || verifier.p == NULL || g.redirect.p == NULL) {
		invalid(r, "code, redirect_uri and code_verifier are needed");
		return -1;
	}
	oauth_challenge(verifier, challenge);
	g.challenge = str_from(challenge);
	if (oauth_verifier_good(verifier) &&
	    oauth_code_good(r->world->keys, code, &g, now)) {
		pthread_mutex_lock(&o->lock);
		rc = oauth_code_take(o->sql, code, now, &r->err);
		pthread_mutex_unlock(&o->lock);
	}
	if (rc == 0)
		fail(r, ERR_BAD_PARAM, "invalid_grant",
		    "The code is not for this client, redirect_uri and "
		    "code_verifier, or was used, or is too old");
	return rc == 1 ? 0 : -1;
}

static enum verdict
put_token(struct req *r, struct str key)
{
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	jw_str(&w, "access_token", key);
	jw_strc(&w, "token_type", "Bearer");
	jw_int(&w, "expires_in", EXPIRES_S);
	jw_end(&w);
	return answer(r, 200, NO_STORE, &b);
}

enum verdict
stage_oauth_token(struct req *r)
{
	struct str id, secret, grant;
	struct form f;
	bool coded;

	if (read_form(r, &f) == -1)
		return FAIL;
	grant = value(&f, "grant_type");
	coded = str_is(grant, "authorization_code");
	if (grant.p == NULL)
		return invalid(r, "grant_type is missing");
	if (!coded && !str_is(grant, "client_credentials"))
		return fail(r, ERR_BAD_PARAM, "unsupported_grant_type",
		    "grant_type must be authorization_code or "
		    "client_credentials");
	if (!read_basic(r, &id, &secret)) {
		id = value(&f, "client_id");
		secret = value(&f, "client_secret");
	}
	if (check_client(r, id, secret) == -1 ||
	    (coded && check_code(r, &f, id) == -1))
		return FAIL;
	return put_token(r, secret);
}
