/*
 * Rates and requests in progress while Redis is down: in the mapped file of the
 * host, each host granting its share of the limit (reliability.md F1), so that
 * all together grant what is allowed.  How many they are is what the hosts told
 * each other by Redis while it was there; the file keeps it for processes that
 * start without it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/counters_redis_parts.h"

#define MEET_MS 5000
#define HOSTS_MAX 4096

static bool
is_local(const struct counter_op *op)
{
	return op->kind == COUNTER_RATE || op->kind == COUNTER_OPEN;
}

/* One at least where anything is allowed: else few hosts would grant nothing. */
static int64_t
share(int64_t limit, int hosts)
{
	if (hosts <= 1 || limit == INT64_MAX || limit <= 0)
		return limit;
	return limit < hosts ? 1 : limit / hosts;
}

enum counter_result
remote_apply_local(struct remote *r, struct str org, struct str id,
    struct counter_op *ops, int n, int *at, struct err *e)
{
	struct counter_op v[COUNTER_OPS_MAX];
	int from[COUNTER_OPS_MAX], k = 0, where, hosts;
	enum counter_result rc;

	for (int i = 0; i < n; i++)
		if (is_local(&ops[i])) {
			from[k] = i;
			v[k++] = ops[i];
		}
	if (k == 0)
		return COUNTERS_TAKEN;
	if (r->local == NULL) {
		counters_down(e);
		return COUNTERS_DOWN;
	}
	hosts = *counters_shm_hosts(r->local);
	for (int i = 0; i < k; i++)
		v[i].limit = share(v[i].limit, hosts);
	r->local_ms = clock_wall_ms();
	rc = counters_apply(r->local, org, id, v, k, &where, e);
	for (int i = 0; i < k; i++) {
		struct counter_op *op = &ops[from[i]];

		op->used = v[i].used + (op->limit - v[i].limit);
		op->held = v[i].held;
		op->wait_ms = v[i].wait_ms;
	}
	*at = from[where];
	return rc;
}

void
remote_undo_local(struct remote *r, struct str org, struct str id,
    const struct counter_op *ops, int n)
{
	struct counter_op v[COUNTER_OPS_MAX];
	int k = 0;

	for (int i = 0; i < n; i++)
		if (is_local(&ops[i])) {
			v[k] = ops[i];
			v[k].by = ops[i].kind == COUNTER_RATE ? -ops[i].by : 0;
			k++;
		}
	if (k > 0)
		counters_change(r->local, org, id, v, k, clock_wall_ms());
}

/* By the clock of Redis, which all of them share; away after six meetings. */
void
remote_meet(struct remote *r)
{
	static const char text[] =
	    "local t = tonumber(redis.call('TIME')[1]) "
	    "redis.call('ZADD', KEYS[1], t, ARGV[1]) "
	    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', t - 30) "
	    "redis.call('EXPIRE', KEYS[1], 60) "
	    "return redis.call('ZCARD', KEYS[1])";
	int64_t now = clock_ms(), n;
	char name[24], run_id[41];
	redisReply *reply;

	if (r->local == NULL || (r->met_ms != 0 && now - r->met_ms < MEET_MS))
		return;
	snprintf(
	    name, sizeof(name), "%016" PRIx64, counters_shm_host(r->local));
	reply = remote_ask(r, 5,
	    (struct str[]){ STR("EVAL"), str_from(text), STR("1"),
		STR("llmgw:hosts"), str_from(name) },
	    RDS_TIMEOUT_MS, run_id);
	n = reply != NULL && reply->type == REDIS_REPLY_INTEGER ?
	    reply->integer :
	    0;
	freeReplyObject(reply);
	if (n <= 0)
		return;
	r->met_ms = now;
	*counters_shm_hosts(r->local) = n > HOSTS_MAX ? HOSTS_MAX : (int)n;
}
