#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * Answers that may be given again, under a digest.  cache_lmdb.c keeps them in
 * a file of the host, cache_redis.c in Redis.  A cache may lose anything at
 * any time and never gives what is past its time.  Blocks: front threads and
 * the ledger only, with a deadline of 50 ms where a network is in between.
 */
struct cache;
struct log;

#define CACHE_KEY 32

/* `url` is store_kv, as of counters_open(); after fork. */
int cache_open(struct cache **, const char *url, int64_t max_bytes,
    struct log *, struct err *);
void cache_close(struct cache *); /* NULL: nothing */
/* Before that: may this be one?  -1: err names the setting. */
int cache_check(const char *url, struct err *);

/* 1: found, the value is in the arena; 0: not; -1: the store failed. */
int cache_get(struct cache *, struct str org,
    const unsigned char key[CACHE_KEY], struct arena *, struct str *value,
    struct err *);
/* 1: stored; 0: it is too large, or over already; -1: the store failed. */
int cache_put(struct cache *, struct str org,
    const unsigned char key[CACHE_KEY], struct str value, int64_t ttl_ms,
    struct err *);

/* Ledger, once a second: what is past its time goes, a little each time. */
void cache_tend(struct cache *);

#endif
