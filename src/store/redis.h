#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdarg.h>

#include <hiredis/hiredis.h>

#include "base/err.h"

/*
 * Connections to Redis: a small pool, made when they are needed, each for one
 * thread at a time.  While Redis is down calls fail at once, but for one probe
 * a second (and a little, so that hosts do not come together).  The first one
 * comes after 100 ms: Redis may have been slow once, as when it forks.
 *
 * "redis://[user:pass@]host[:port][/db]" or "unix:PATH".  rediss: is refused,
 * for hiredis of Debian 12 has no TLS: a tunnel does that.
 */
struct rds;
struct log;
struct metrics;

#define RDS_TIMEOUT_MS 50 /* of a connect, and of a call */

struct rds_conn {
	redisContext *ctx;
	char run_id[41]; /* of the server: another after a restart */
	char sha[41];    /* of the script, "": none */
	int pending;     /* replies that were not read */
	bool broken;
	enum { RDS_NONE, RDS_IDLE, RDS_BUSY } use;
};

/* `script` (or NULL) is loaded into each server.  Not down is no failure. */
int rds_open(struct rds **, const char *url, const char *script, struct log *,
    struct metrics *, struct err *);
void rds_close(struct rds *);

/*
 * May it throw away what it was given?  Its maxmemory-policy; "": it keeps all.
 * Ours all have a time to live, so volatile-* is as bad as allkeys-*.  With a
 * script, which is for what must not get lost, the log says so at first.
 */
#define RDS_POLICY 24
int rds_policy(struct rds *, char out[RDS_POLICY], struct err *);

/* NULL: ERR_STORE, within the deadline (clock_ms()). */
struct rds_conn *rds_take(struct rds *, int64_t until_ms, struct err *);
/* After an error of the connection, or with replies left, it is closed. */
void rds_give(struct rds *, struct rds_conn *);

/* From the first to the last call that failed since one did not; 0: none. */
int64_t rds_down_ms(struct rds *);

/* Put a command into the pipeline. */
void rds_add(struct rds_conn *, int argc, const struct str *argv);
/* The next reply, or NULL: the connection is of no use any more. */
redisReply *rds_reply(struct rds_conn *, int64_t until_ms);

/* A reply as text; absent if it is none.  As a number: `other` if none. */
struct str rds_str(const redisReply *);
int64_t rds_int(const redisReply *, int64_t other);

/* Is it the URL of a Redis?  ERR_CONFIG names store_kv. */
int rds_check(const char *url, struct err *);

#endif
