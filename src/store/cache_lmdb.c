/*
 * Answers in LMDB: "values" (digest of organisation and key -> when it ends,
 * value) and "ends" (when it ends, big endian, and digest -> nothing), from
 * which what is past or oldest goes.  No transaction is open across anything
 * that waits.  A file that is damaged or foreign is replaced: it is a cache.
 */
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/cache_ops.h"

#define READERS 4096
#define TEND_MAX 256 /* entries that go in one tick */
#define MAKE_ROOM 4 /* in one go of cache_put(): pages are free two later */
#define TRIES 64

struct lmdb {
	MDB_env *env;
	MDB_dbi values, ends;
};

struct end {
	unsigned char at[8];
	unsigned char key[HASH_SIZE];
};

static int
fail(struct err *e, int rc)
{
	return err_set(e, ERR_STORE, "cache: %s", mdb_strerror(rc));
}

static void
put_time(unsigned char out[8], int64_t t)
{
	for (int i = 7; i >= 0; i--, t >>= 8)
		out[i] = (unsigned char)t;
}

static int64_t
get_time(const unsigned char *p)
{
	uint64_t t = 0;

	for (int i = 0; i < 8; i++)
		t = t << 8 | p[i];
	return (int64_t)t;
}

static void
digest(struct str org, const unsigned char *key, unsigned char out[HASH_SIZE])
{
	hash_hmac((struct str){ (const char *)key, CACHE_KEY }, org, out);
}

static int
get(struct cache *c, struct str org, const unsigned char *key, struct arena *a,
    struct str *value, struct err *e)
{
	struct lmdb *l = c->state;
	unsigned char id[HASH_SIZE];
	MDB_val k = { sizeof(id), id }, v;
	MDB_txn *t;
	int rc, found = 0;

	digest(org, key, id);
	if ((rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &t)) != 0)
		return fail(e, rc);
	rc = mdb_get(t, l->values, &k, &v);
	if (rc == 0 && v.mv_size >= 8 &&
	    get_time(v.mv_data) > clock_wall_ms()) {
		*value = arena_dup(a,
		    (struct str){ (const char *)v.mv_data + 8, v.mv_size - 8 });
		found = 1;
	}
	mdb_txn_abort(t);
	return rc == 0 || rc == MDB_NOTFOUND ? found : fail(e, rc);
}

/* At most n of the first that end before `before`; how many, or an error. */
static int
remove_first(struct lmdb *l, int n, int64_t before)
{
	MDB_val k, v, id;
	MDB_cursor *cur;
	MDB_txn *t;
	int rc, done = 0;

	if (mdb_txn_begin(l->env, NULL, 0, &t) != 0)
		return -1;
	if (mdb_cursor_open(t, l->ends, &cur) != 0) {
		mdb_txn_abort(t);
		return -1;
	}
	rc = mdb_cursor_get(cur, &k, &v, MDB_FIRST);
	while (rc == 0 && done < n && k.mv_size == sizeof(struct end) &&
	    get_time(k.mv_data) < before) {
		unsigned char copy[HASH_SIZE];

		memcpy(copy, (unsigned char *)k.mv_data + 8, sizeof(copy));
		id = (MDB_val){ sizeof(copy), copy };
		mdb_del(t, l->values, &id, NULL);
		if (mdb_cursor_del(cur, 0) != 0)
			break;
		done++;
		rc = mdb_cursor_get(cur, &k, &v, MDB_FIRST);
	}
	mdb_cursor_close(cur);
	return mdb_txn_commit(t) == 0 ? done : -1;
}

static int
put_once(struct lmdb *l, unsigned char *id, struct str value, int64_t until)
{
	MDB_val k = { HASH_SIZE, id }, v, none = { 0, NULL };
	struct end end;
	MDB_val ends = { sizeof(end), &end };
	MDB_txn *t;
	int rc;

	if ((rc = mdb_txn_begin(l->env, NULL, 0, &t)) != 0)
		return rc;
	memcpy(end.key, id, HASH_SIZE);
	if (mdb_get(t, l->values, &k, &v) == 0 && v.mv_size >= 8) {
		memcpy(end.at, v.mv_data, 8);
		mdb_del(t, l->ends, &ends, NULL);
	}
	put_time(end.at, until);
	v = (MDB_val){ value.n + 8, NULL };
	rc = mdb_put(t, l->values, &k, &v, MDB_RESERVE);
	if (rc == 0) {
		memcpy(v.mv_data, end.at, 8);
		memcpy((char *)v.mv_data + 8, value.p, value.n);
		rc = mdb_put(t, l->ends, &ends, &none, 0);
	}
	if (rc != 0) {
		mdb_txn_abort(t);
		return rc;
	}
	return mdb_txn_commit(t);
}

static int
put(struct cache *c, struct str org, const unsigned char *key, struct str value,
    int64_t ttl_ms, struct err *e)
{
	struct lmdb *l = c->state;
	int64_t until = clock_wall_ms() + ttl_ms;
	unsigned char id[HASH_SIZE];
	int rc = MDB_MAP_FULL;

	if ((int64_t)value.n > c->max_bytes / 8)
		return 0; /* it would be all there is */
	digest(org, key, id);
	for (int i = 0; i < TRIES; i++) {
		rc = put_once(l, id, value, until);
		if (rc != MDB_MAP_FULL ||
		    remove_first(l, MAKE_ROOM, INT64_MAX) <= 0)
			break;
	}
	return rc == 0 ? 1 : fail(e, rc);
}

static void
tend(struct cache *c)
{
	struct lmdb *l = c->state;
	int dead;

	mdb_reader_check(l->env, &dead);
	remove_first(l, TEND_MAX, clock_wall_ms());
}

static void
close_lmdb(struct cache *c)
{
	struct lmdb *l = c->state;

	mdb_env_close(l->env);
}

static int
open_tables(struct lmdb *l)
{
	MDB_txn *t;
	int rc;

	if ((rc = mdb_txn_begin(l->env, NULL, 0, &t)) != 0)
		return rc;
	if ((rc = mdb_dbi_open(t, "values", MDB_CREATE, &l->values)) != 0 ||
	    (rc = mdb_dbi_open(t, "ends", MDB_CREATE, &l->ends)) != 0) {
		mdb_txn_abort(t);
		return rc;
	}
	return mdb_txn_commit(t);
}

static int
open_env(struct cache *c, struct lmdb *l, const char *path)
{
	size_t size = (size_t)(c->max_bytes < 1 << 20 ? 1 << 20 : c->max_bytes);
	int rc;

	if ((rc = mdb_env_create(&l->env)) != 0)
		return rc;
	mdb_env_set_maxreaders(l->env, READERS);
	mdb_env_set_maxdbs(l->env, 2);
	mdb_env_set_mapsize(l->env, size & ~(size_t)65535);
	rc = mdb_env_open(l->env, path,
	    MDB_NOSUBDIR | MDB_NOTLS | MDB_NOSYNC | MDB_NORDAHEAD, 0600);
	if (rc == 0)
		rc = open_tables(l);
	if (rc != 0) {
		mdb_env_close(l->env);
		l->env = NULL;
	}
	return rc;
}

static const struct cache_ops ops = {
	.close = close_lmdb, .get = get, .put = put, .tend = tend
};

int
cache_lmdb_open(struct cache *c, const char *where, struct err *e)
{
	struct lmdb *l = ARENA_NEW(c->arena, struct lmdb);
	struct str path = arena_fmt(c->arena, "%s/cache.mdb", where);
	int rc;

	if (file_mkdir(where, 0750, e) == -1)
		return -1;
	rc = open_env(c, l, path.p);
	if (rc == MDB_INVALID || rc == MDB_CORRUPTED ||
	    rc == MDB_VERSION_MISMATCH || rc == MDB_PANIC ||
	    rc == MDB_INCOMPATIBLE) {
		if (c->log != NULL)
			log_say(c->log, LOG_WARN_, "cache: %s: begun anew",
			    mdb_strerror(rc));
		unlink(path.p);
		unlink(arena_fmt(c->arena, "%s-lock", path.p).p);
		rc = open_env(c, l, path.p);
	}
	if (rc != 0)
		return err_set(e, ERR_CONFIG, "cannot use %s: %s", path.p,
		    mdb_strerror(rc));
	c->state = l;
	c->ops = &ops;
	return 0;
}
