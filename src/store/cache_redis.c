/* Answers in Redis, under the organisation's tag; Redis lets them go. */
#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "store/cache_ops.h"
#include "store/redis.h"

#define KEY_SIZE 256

static struct str
key_of(char out[KEY_SIZE], struct str org, const unsigned char *key)
{
	char hex[2 * CACHE_KEY + 1];
	int n;

	hash_hex(key, CACHE_KEY, hex);
	n = snprintf(out, KEY_SIZE, "llmgw:{%.*s}:a:%s",
	    org.n > 100 ? 100 : (int)org.n, org.p, hex);
	return (struct str){ out, (size_t)n };
}

static redisReply *
ask(struct cache *c, int argc, const struct str *argv, struct err *e)
{
	int64_t until_ms = clock_ms() + RDS_TIMEOUT_MS;
	struct rds_conn *conn = rds_take(c->state, until_ms, e);
	redisReply *reply;

	if (conn == NULL)
		return NULL;
	rds_add(conn, argc, argv);
	reply = rds_reply(conn, until_ms);
	if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
		err_set(e, ERR_STORE, "Redis is not available");
	rds_give(c->state, conn);
	return reply;
}

static int
get(struct cache *c, struct str org, const unsigned char *key, struct arena *a,
    struct str *value, struct err *e)
{
	char text[KEY_SIZE];
	const struct str argv[] = { STR("GET"), key_of(text, org, key) };
	redisReply *reply = ask(c, 2, argv, e);
	int rc = -1;

	if (reply != NULL && reply->type == REDIS_REPLY_STRING) {
		*value = arena_dup(a, rds_str(reply));
		rc = 1;
	} else if (reply != NULL && reply->type == REDIS_REPLY_NIL)
		rc = 0;
	freeReplyObject(reply);
	return rc == -1 ? err_set(e, ERR_STORE, "Redis is not available") : rc;
}

static int
put(struct cache *c, struct str org, const unsigned char *key, struct str value,
    int64_t ttl_ms, struct err *e)
{
	char text[KEY_SIZE], ttl[24];
	const struct str argv[] = { STR("SET"), key_of(text, org, key), value,
		STR("PX"),
		{ ttl,
		    (size_t)snprintf(
			ttl, sizeof(ttl), "%lld", (long long)ttl_ms) } };
	redisReply *reply = ask(c, 5, argv, e);
	int rc = reply != NULL && reply->type == REDIS_REPLY_STATUS ? 1 : -1;

	freeReplyObject(reply);
	return rc == -1 ? err_set(e, ERR_STORE, "Redis is not available") : rc;
}

static void
tend(struct cache *c)
{
	(void)c;
}

static void
close_redis(struct cache *c)
{
	rds_close(c->state);
}

static const struct cache_ops ops = {
	.close = close_redis, .get = get, .put = put, .tend = tend
};

int
cache_redis_open(struct cache *c, const char *url, struct err *e)
{
	struct rds *r;

	if (rds_open(&r, url, NULL, c->log, NULL, e) == -1)
		return -1;
	c->state = r;
	c->ops = &ops;
	return 0;
}
