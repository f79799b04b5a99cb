#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/rand.h"
#include "base/secret.h"
#include "domain/change.h"
#include "domain/identity.h"
#include "domain/key.h"
#include "domain/known.h"

#define SECRETS_MAX 16
#define HANDLES_MAX 2
#define WAIT_S 2
/* After a failure the database is asked once in this time (F1's breaker). */
#define PROBE_MS 1000
#define RETRY_AFTER 5

static const char invalid[] = "Unauthorized: Invalid API key";

struct keys {
	struct arena *arena;
	const char *prefix;
	struct hash_key *secrets[SECRETS_MAX]; /* newest first */
	int nsecrets;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t freed;
	struct sql *handles[HANDLES_MAX]; /* that nobody uses */
	int nhandles;
	int64_t down_until_ms;
	unsigned char mark_key[HASH_MARK];
	struct known known;
};

static int
add_secrets(struct keys *k, struct str list, struct err *e)
{
	struct str one;

	while (list.n > 0) {
		one = str_trim(str_split(&list, ','));
		if (one.n == 0)
			continue;
		if (k->nsecrets == SECRETS_MAX)
			return err_set(e, ERR_CONFIG,
			    "key_hash_secrets: more than %d", SECRETS_MAX);
		k->secrets[k->nsecrets++] = hash_key_new(one);
	}
	return 0;
}

static int
load_secrets(struct keys *k, const struct conf *conf, struct err *e)
{
	const char *path = conf->key_hash_secrets_file;
	struct secret file = { 0 };
	int rc;

	if (add_secrets(k, str_from(conf->key_hash_secrets), e) == -1)
		return -1;
	if (path != NULL && path[0] != '\0') {
		if (secret_read(&file, path, e) == -1)
			return -1;
		rc = add_secrets(k, secret_str(&file), e);
		secret_free(&file);
		if (rc == -1)
			return -1;
	}
	if (k->nsecrets == 0)
		return err_set(e, ERR_CONFIG,
		    "key_hash_secrets is not set: \"llmgwctl init\" makes it");
	return 0;
}

int
keys_open(
    struct keys **out, struct sql *sql, const struct conf *conf, struct err *e)
{
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct keys *k = ARENA_NEW(a, struct keys);
	pthread_condattr_t attr;

	*out = NULL;
	k->arena = a;
	rand_bytes(k->mark_key, sizeof(k->mark_key));
	k->prefix = conf->key_prefix;
	k->known.ttl_ms = conf->key_cache_ttl;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->freed, &attr);
	pthread_condattr_destroy(&attr);
	k->handles[k->nhandles++] = sql;
	if (strlen(k->prefix) > KEY_PREFIX_MAX)
		err_set(e, ERR_CONFIG, "key_prefix: more than %d bytes",
		    KEY_PREFIX_MAX);
	else if (load_secrets(k, conf, e) == 0)
		*out = k;
	if (*out == NULL)
		keys_close(k);
	return *out == NULL ? -1 : 0;
}

void
keys_add_sql(struct keys *k, struct sql *sql)
{
	if (k->nhandles < HANDLES_MAX)
		k->handles[k->nhandles++] = sql;
}

void
keys_close(struct keys *k)
{
	if (k == NULL)
		return;
	for (int i = 0; i < k->nsecrets; i++)
		hash_key_free(k->secrets[i]);
	known_forget(&k->known);
	pthread_cond_destroy(&k->freed);
	pthread_mutex_destroy(&k->lock);
	arena_free(k->arena);
}

const char *
keys_prefix(const struct keys *k)
{
	return k->prefix;
}

static void
digest_with(const struct keys *k, int secret, struct str token,
    unsigned char out[HASH_SIZE])
{
	hash_key_hmac(k->secrets[secret], token, out);
}

void
keys_digest(
    const struct keys *k, struct str token, unsigned char out[HASH_SIZE])
{
	digest_with(k, 0, token, out);
}

static bool
well_formed(const char *prefix, struct str token)
{
	size_t n = strlen(prefix);
	char c;

	if (token.n != n + KEY_RANDOM || memcmp(token.p, prefix, n) != 0)
		return false;
	for (; n < token.n; n++) {
		c = token.p[n];
		if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') &&
		    (c < 'a' || c > 'z'))
			return false;
	}
	return true;
}

/* Which key has this digest?  Rolled secrets work until *until_ms, else 0. */
static int
select_key(struct sql *sql, const unsigned char digest[HASH_SIZE],
    int64_t wall_ms, char id[ID_SIZE], int64_t *until_ms, struct err *e)
{
	struct str want = { (const char *)digest, HASH_SIZE }, got;
	struct sql_stmt *st;
	int rc;

	st = sql_prepare(sql,
	    "SELECT id, digest, 0 FROM api_key WHERE digest = ?1"
	    " UNION ALL SELECT key_id, digest, until_ms FROM api_key_old"
	    " WHERE digest = ?1 AND until_ms > ?2",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_blob(st, 1, want);
	sql_bind_int(st, 2, wall_ms);
	if ((rc = sql_step(st, e)) == 1) {
		got = sql_str(st, 1);
		if (got.n != HASH_SIZE || !hash_equal(got.p, digest, HASH_SIZE))
			rc = 0;
		snprintf(id, ID_SIZE, "%.*s", STR_ARG(sql_str(st, 0)));
		*until_ms = sql_int(st, 2);
	}
	sql_done(st);
	return rc;
}

/* That it may fail is no harm: the old secret is still in the list. */
static void
store_again(
    struct sql *sql, const char *key, const unsigned char digest[HASH_SIZE])
{
	struct err ignored = { 0 };
	struct sql_stmt *st;

	st = sql_prepare(
	    sql, "UPDATE api_key SET digest = ?1 WHERE id = ?2", &ignored);
	if (st == NULL)
		return;
	sql_bind_blob(st, 1, (struct str){ (const char *)digest, HASH_SIZE });
	sql_bind_str(st, 2, str_from(key));
	sql_step(st, &ignored);
	sql_done(st);
}

/* A key as it is asked for: by its secret, or by who is to have it. */
struct asked {
	struct str token;
	const struct identity *who; /* NULL: by the token */
	unsigned char mark[HASH_MARK];
	int64_t wall_ms;
};

static int
find_id(struct keys *k, struct sql *sql, const struct asked *q,
    char id[ID_SIZE], int64_t *until_ms, struct err *e)
{
	unsigned char newest[HASH_SIZE], digest[HASH_SIZE];
	int rc;

	*until_ms = 0;
	if (q->who != NULL)
		return identity_key(sql, q->who, id, e);
	keys_digest(k, q->token, newest);
	rc = select_key(sql, newest, q->wall_ms, id, until_ms, e);
	for (int i = 1; rc == 0 && i < k->nsecrets; i++) {
		digest_with(k, i, q->token, digest);
		rc = select_key(sql, digest, q->wall_ms, id, until_ms, e);
		if (rc == 1 && *until_ms == 0)
			store_again(sql, id, newest);
	}
	return rc;
}

/* The organisation of this version: another principal's, or a new one. */
static int
find_org(struct keys *k, struct sql *sql, const char *id, int64_t version,
    const struct org **out, struct err *e)
{
	struct org *o;
	int rc;

	pthread_mutex_lock(&k->lock);
	*out = known_org(&k->known, id, version);
	pthread_mutex_unlock(&k->lock);
	if (*out != NULL)
		return 1;
	if ((rc = org_load(sql, str_from(id), version, &o, e)) != 1)
		return rc;
	pthread_mutex_lock(&k->lock);
	known_keep_org(&k->known, o);
	pthread_mutex_unlock(&k->lock);
	*out = o;
	return 1;
}

/* Without the lock. */
static int
look_up(struct keys *k, struct sql *sql, const struct asked *q,
    int64_t version, struct principal **out, int64_t *until_ms, struct err *e)
{
	char id[ID_SIZE], org[ID_SIZE];
	int rc;

	if ((rc = find_id(k, sql, q, id, until_ms, e)) != 1 ||
	    (rc = principal_load(
		 sql, str_from(id), version, out, org, e)) != 1)
		return rc;
	if ((rc = find_org(k, sql, org, version, &(*out)->org, e)) != 1)
		principal_drop(*out);
	return rc;
}

void
keys_poll(struct keys *k, struct sql *sql)
{
	struct err ignored = { 0 };
	int64_t now_ms = clock_ms(), version;

	if (change_read(sql, &version, &ignored) == -1)
		return;
	pthread_mutex_lock(&k->lock);
	known_poll(&k->known, version, now_ms);
	pthread_mutex_unlock(&k->lock);
}

bool
keys_forget(struct keys *k, struct sql *sql)
{
	struct err ignored = { 0 };
	int64_t version;

	if (change_read(sql, &version, &ignored) == -1)
		return false;
	pthread_mutex_lock(&k->lock);
	known_forget(&k->known);
	pthread_mutex_unlock(&k->lock);
	return true;
}

/* A handle, or NULL: the database is down, or too slow for us to wait. */
static struct sql *
take_handle(struct keys *k)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	while (k->nhandles == 0 && clock_ms() >= k->down_until_ms)
		if (pthread_cond_timedwait(&k->freed, &k->lock, &until) ==
		    ETIMEDOUT)
			return NULL;
	if (clock_ms() < k->down_until_ms)
		return NULL;
	return k->handles[--k->nhandles];
}

/* Has nothing changed since the key was looked up?  Then it is known still. */
static int
ask_version(struct keys *k, struct sql *sql, const struct asked *q,
    const struct principal **out, int64_t *version)
{
	struct err ignored = { 0 };
	int64_t now_ms = clock_ms();
	int rc;

	pthread_mutex_unlock(&k->lock);
	rc = change_read(sql, version, &ignored);
	pthread_mutex_lock(&k->lock);
	if (rc == -1)
		return -1;
	known_poll(&k->known, *version, now_ms);
	rc = known_find(&k->known, q->mark, q->wall_ms, out);
	return rc == 0 ? 2 : rc == -1 ? 0 : 1;
}

/* 1, 0 or -1; gives the lock up meanwhile. */
static int
ask_all(struct keys *k, struct sql *sql, const struct asked *q,
    int64_t version, const struct principal **out)
{
	struct principal *p = NULL;
	struct err ignored = { 0 };
	int64_t until_ms = 0;
	int rc;

	pthread_mutex_unlock(&k->lock);
	rc = look_up(k, sql, q, version, &p, &until_ms, &ignored);
	pthread_mutex_lock(&k->lock);
	if (rc == -1)
		return -1;
	known_keep(
	    &k->known, q->mark, version, rc == 1 ? p : NULL, until_ms);
	*out = rc == 1 ? p : NULL;
	return rc;
}

/*
 * Ask the database, with the lock given up meanwhile, and remember the answer.
 * The caller may still know the key, so what it said is no error yet.
 */
static int
ask(struct keys *k, const struct asked *q, const struct principal **out)
{
	struct sql *sql = take_handle(k);
	int64_t version;
	int rc;

	if (sql == NULL)
		return -1;
	/* Somebody else may have asked for the same while we waited. */
	rc = known_find(&k->known, q->mark, q->wall_ms, out);
	if (rc == -1)
		rc = 0;
	else if (rc == 0) {
		rc = ask_version(k, sql, q, out, &version);
		if (rc == 2)
			rc = ask_all(k, sql, q, version, out);
		if (rc == -1)
			k->down_until_ms = clock_ms() + PROBE_MS;
	}
	k->handles[k->nhandles++] = sql;
	pthread_cond_broadcast(&k->freed);
	return rc;
}

/* 1, 0, -1: the database cannot tell, or 2: it would have to be asked. */
static int
find(struct keys *k, const struct asked *q, bool ask_too,
    const struct principal **out)
{
	int rc, old;

	pthread_mutex_lock(&k->lock);
	if ((rc = known_find(&k->known, q->mark, q->wall_ms, out)) == 0) {
		rc = ask_too ? ask(k, q, out) : 2;
		old = rc != -1 ?
		    0 :
		    known_find_old(&k->known, q->mark, q->wall_ms, out);
		if (old != 0)
			rc = old == 1 ? 1 : 0;
	} else if (rc == -1)
		rc = 0;
	pthread_mutex_unlock(&k->lock);
	return rc;
}

static int
judge(const struct principal *p, int64_t wall_ms, struct err *e)
{
	if (p->inactive)
		return err_set(
		    e, ERR_KEY_INACTIVE, "Unauthorized: API key is not active");
	if (p->expires_ms != 0 && wall_ms >= p->expires_ms)
		return err_set(
		    e, ERR_KEY_EXPIRED, "Unauthorized: API key has expired");
	return 0;
}

/* T2: who is refused at once pays like one who is looked up. */
static int
refuse(const struct keys *k, struct str token, struct err *e)
{
	unsigned char digest[HASH_SIZE];

	keys_digest(k, token, digest);
	return err_set(e, ERR_AUTH, "%s", invalid);
}

/* 0, 1: the database would have to be asked, 2: there is none, or -1. */
static int
find_and_judge(struct keys *k, const struct asked *q, bool ask_too,
    const struct principal **out, struct err *e)
{
	switch (find(k, q, ask_too, out)) {
	case 2:
		return 1;
	case 1:
		if (judge(*out, q->wall_ms, e) == 0)
			return 0;
		principal_drop(*out);
		*out = NULL;
		return -1;
	case 0:
		return 2;
	default:
		e->retry_after = RETRY_AFTER;
		return err_set(
		    e, ERR_STORE, "The API key cannot be checked at present");
	}
}

static int
find_token(struct keys *k, struct str token, int64_t wall_ms, bool ask_too,
    const struct principal **out, struct err *e)
{
	struct asked q = { .token = token, .wall_ms = wall_ms };
	int rc;

	*out = NULL;
	if (token.n == 0)
		return err_set(e, ERR_AUTH,
		    "Unauthorized: No API key provided. Expected "
		    "'Authorization: Bearer your-api-token' header or "
		    "'x-api-key: your-api-token' header");
	hash_mark(k->mark_key, token, q.mark);
	if (!well_formed(k->prefix, token))
		return refuse(k, token, e);
	rc = find_and_judge(k, &q, ask_too, out, e);
	return rc == 2 ? refuse(k, token, e) : rc;
}

int
keys_identify(struct keys *k, const struct identity *who, int64_t wall_ms,
    bool ask_too, const struct principal **out, struct err *e)
{
	struct asked q = { .who = who, .wall_ms = wall_ms };
	char text[IDENTITY_TEXT];
	int rc;

	*out = NULL;
	if (!identity_ok(who->value))
		return err_set(e, ERR_AUTH,
		    "Unauthorized: the web server's %s must be 1 to %d bytes "
		    "of UTF-8 without control characters",
		    identity_word(who->kind), IDENTITY_MAX);
	hash_mark(k->mark_key, identity_text(who, text), q.mark);
	rc = find_and_judge(k, &q, ask_too, out, e);
	if (rc != 2)
		return rc;
	return err_set(e, ERR_AUTH,
	    "Unauthorized: No API key is set for %s \"%.*s\"",
	    identity_word(who->kind), STR_ARG(who->value));
}

int
keys_find(struct keys *k, struct str token, int64_t wall_ms,
    const struct principal **out, struct err *e)
{
	return find_token(k, token, wall_ms, true, out, e);
}

int
keys_recall(struct keys *k, struct str token, int64_t wall_ms,
    const struct principal **out, struct err *e)
{
	return find_token(k, token, wall_ms, false, out, e);
}

int
keys_nsecrets(const struct keys *k)
{
	return k->nsecrets;
}

void
keys_digest_by(const struct keys *k, int secret, struct str token,
    unsigned char out[HASH_SIZE])
{
	hash_key_hmac(k->secrets[secret], token, out);
}
