#include <sodium.h>

#include "domain/oauth.h"
#include "json/jscan.h"

#define REDIRECT_MAX 2000
#define NONCE 16

/* What a code is made of, before it is base64. */
struct code {
	unsigned char until[8]; /* wall ms, big-endian */
	unsigned char nonce[NONCE];
	unsigned char mac[HASH_SIZE];
};

/* --- redirects --- */

/* "http://HOST" of loopback: what follows, with the port; else absent. */
static struct str
behind_loopback(struct str uri)
{
	static const char *const heads[] = { "http://localhost",
		"http://127.0.0.1", "http://[::1]" };
	struct str rest;
	size_t n;

	for (size_t i = 0; i < NROWS(heads); i++) {
		n = strlen(heads[i]);
		if (!str_starts(uri, heads[i]))
			continue;
		rest = (struct str){ uri.p + n, uri.n - n };
		if (rest.n == 0 || strchr(":/?", rest.p[0]) != NULL)
			return rest;
	}
	return STR_NONE;
}

bool
oauth_redirect_good(struct str uri)
{
	bool tls = str_starts(uri, "https://");

	if (uri.n > REDIRECT_MAX || (!tls && behind_loopback(uri).p == NULL))
		return false;
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] <= ' ' || uri.p[i] > '~' ||
		    strchr("#\"<>\\^`{|}", uri.p[i]) != NULL)
			return false;
	return !tls || (uri.n > 8 && strchr("/?:@", uri.p[8]) == NULL);
}

/* The same URI without its port, in two parts: host, and what follows. */
static struct str
behind_port(struct str rest)
{
	if (rest.n == 0 || rest.p[0] != ':')
		return rest;
	do {
		rest.p++;
		rest.n--;
	} while (rest.n > 0 && rest.p[0] >= '0' && rest.p[0] <= '9');
	return rest;
}

static bool
same_redirect(struct str a, struct str b)
{
	struct str pa = behind_loopback(a), pb = behind_loopback(b);

	if (str_eq(a, b))
		return true;
	if (pa.p == NULL || pb.p == NULL ||
	    !str_eq((struct str){ a.p, (size_t)(pa.p - a.p) },
		(struct str){ b.p, (size_t)(pb.p - b.p) }))
		return false;
	return str_eq(behind_port(pa), behind_port(pb));
}

bool
oauth_redirect_listed(struct str list, struct str uri)
{
	struct jiter it = jscan_into(list);
	struct jmember m;

	while (jscan_next(&it, &m))
		if (same_redirect(jscan_inner(m.raw), uri))
			return oauth_redirect_good(uri);
	return false;
}

/* --- PKCE --- */

bool
oauth_verifier_good(struct str s)
{
	if (s.n < 43 || s.n > 128)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' ||
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789-._~",
			s.p[i]) == NULL)
			return false;
	return true;
}

void
oauth_challenge(struct str verifier, char out[OAUTH_CHALLENGE + 1])
{
	unsigned char h[HASH_SIZE];

	hash_sha256(verifier, h);
	sodium_bin2base64(out, OAUTH_CHALLENGE + 1, h, sizeof(h),
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* --- clients --- */

static int
count(struct sql *s, const char *key, struct err *e)
{
	struct sql_stmt *st = sql_prepare(
	    s, "SELECT COUNT(*) FROM oauth_client WHERE key_id = ?1", e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, str_from(key));
	rc = sql_step(st, e) == 1 ? (int)sql_int(st, 0) : -1;
	sql_done(st);
	return rc;
}

int
oauth_client_add(
    struct sql *s, struct oauth_client *c, int64_t now_ms, struct err *e)
{
	struct sql_stmt *st;
	int n = count(s, c->key, e);

	if (n == -1)
		return -1;
	if (n >= OAUTH_CLIENTS_MAX)
		return err_set(
		    e, ERR_BAD_PARAM, "This key has %d clients already", n);
	memcpy(c->id, "llmgc_", 6);
	rand_word(c->id + 6, OAUTH_ID_SIZE - 7);
	st = sql_prepare(s,
	    "INSERT INTO oauth_client (id, key_id, redirect_uris, created_ms)"
	    " VALUES (?1, ?2, ?3, ?4)",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, str_from(c->id));
	sql_bind_str(st, 2, str_from(c->key));
	sql_bind_str(st, 3, c->redirects);
	sql_bind_int(st, 4, now_ms);
	return sql_run(st, e);
}

int
oauth_client_find(struct sql *s, struct str id, struct arena *a,
    struct oauth_client *c, struct err *e)
{
	struct sql_stmt *st;
	int rc;

	if (id.n != OAUTH_ID_SIZE - 1)
		return 0;
	st = sql_prepare(s,
	    "SELECT key_id, redirect_uris FROM oauth_client WHERE id = ?1", e);
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, id);
	if ((rc = sql_step(st, e)) == 1) {
		str_copy(c->id, sizeof(c->id), id);
		str_copy(c->key, sizeof(c->key), sql_str(st, 0));
		c->redirects = arena_dup(a, sql_str(st, 1));
	}
	sql_done(st);
	return rc;
}

/* --- codes --- */

/* What the MAC is of: no API key begins so, and every part has its length. */
static void
mac(const struct keys *k, int secret, const struct code *c,
    const struct oauth_grant *g, unsigned char out[HASH_SIZE])
{
	const struct str parts[] = { { (const char *)c->until,
					 sizeof(c->until) },
		{ (const char *)c->nonce, sizeof(c->nonce) }, g->client,
		g->redirect, g->challenge };
	struct buf b = BUF_LIMIT(8192);

	buf_add(&b, STR("oauth code"));
	for (size_t i = 0; i < NROWS(parts); i++) {
		buf_addc(&b, ' ');
		buf_int(&b, (int64_t)parts[i].n);
		buf_addc(&b, ' ');
		buf_add(&b, parts[i]);
	}
	keys_digest_by(k, secret, buf_str(&b), out);
	buf_free(&b);
}

void
oauth_code_make(const struct keys *k, const struct oauth_grant *g,
    int64_t now_ms, char out[OAUTH_CODE_SIZE])
{
	uint64_t until = (uint64_t)(now_ms + OAUTH_CODE_MS);
	struct code c;

	for (int i = 0; i < 8; i++)
		c.until[i] = (unsigned char)(until >> (56 - 8 * i));
	rand_bytes(c.nonce, sizeof(c.nonce));
	mac(k, 0, &c, g, c.mac);
	sodium_bin2base64(out, OAUTH_CODE_SIZE, (unsigned char *)&c, sizeof(c),
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static bool
read_code(struct str text, struct code *c)
{
	size_t n;

	return sodium_base642bin((unsigned char *)c, sizeof(*c), text.p, text.n,
		   NULL, &n, NULL,
		   sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
	    n == sizeof(*c);
}

static int64_t
until_of(const struct code *c)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | c->until[i];
	return (int64_t)v;
}

bool
oauth_code_good(const struct keys *k, struct str text,
    const struct oauth_grant *g, int64_t now_ms)
{
	unsigned char want[HASH_SIZE];
	bool good = false;
	struct code c;

	if (!read_code(text, &c))
		return false;
	for (int i = 0; i < keys_nsecrets(k); i++) {
		mac(k, i, &c, g, want);
		good = hash_equal(want, c.mac, sizeof(want)) || good;
	}
	return good && now_ms <= until_of(&c);
}

static int
forget_old(struct sql *s, int64_t now_ms, struct err *e)
{
	struct sql_stmt *st =
	    sql_prepare(s, "DELETE FROM oauth_code WHERE until_ms < ?1", e);

	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, now_ms);
	return sql_run(st, e);
}

int
oauth_code_take(struct sql *s, struct str text, int64_t now_ms, struct err *e)
{
	struct sql_stmt *st;
	struct code c;

	if (!read_code(text, &c))
		return 0;
	if (forget_old(s, now_ms, e) == -1)
		return -1;
	st = sql_prepare(s,
	    "INSERT INTO oauth_code (mac, until_ms) VALUES (?1, ?2)"
	    " ON CONFLICT (mac) DO NOTHING",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_blob(st, 1, (struct str){ (char *)c.mac, sizeof(c.mac) });
	sql_bind_int(st, 2, until_of(&c));
	if (sql_run(st, e) == -1)
		return -1;
	return sql_changes(s) == 1;
}
