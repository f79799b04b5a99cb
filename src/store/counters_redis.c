/*
 * Counters in Redis: every call is one round trip, the script (counters_lua.c)
 * and GET of the generation.
 *
 * Why no hold is lost silently.  All keys stand under a generation, and
 * "llmgw:gen" says which one it is and which server (run_id) it was made in.
 * An answer counts only if that key, read behind the script on the same
 * connection, is the one the call was made for, and names the server that the
 * connection is of.  So, whenever Redis loses data:
 * - before or during a call: the key is gone or is another; nothing was taken;
 * - after it: the key is missing, or (restart from an old snapshot, failover)
 *   names a server that is gone.  Whoever sees that first makes a new one,
 *   "b:...", being built: what is held is refused until all processes have said
 *   their holds (counters_tend() = 1, counters_renew()), 3 to 5 s later, when
 *   it becomes "r:...".  The hold of a call that had just been answered is
 *   among them, for its owner noted it before the call, and counters_tend()
 *   says 1 only when calls that had begun before it knew have ended.
 * - keys of the old generation are never read again, and end by their TTL.
 * Redis must not evict keys by itself (maxmemory-policy noeviction).
 *
 * While Redis is down rates and requests in progress are counted in a mapped
 * file of the host (counters_redis_local.c), and money in SQL (counters_sql.h).
 * Where money is counted is one row of SQL, "store_state", which every process
 * reads at each tick: who has not reached Redis for DOWN_MS writes that it is
 * SQL now, and who reaches it again makes a new generation in Redis, and then
 * writes that it is Redis. Both are a new generation, with holds said anew.
 * `gen` is "s:..." for SQL.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/counters_lua.h"
#include "store/counters_redis_parts.h"

#define IDS_MAX 100

/* The answer of "apply"; anything but what was agreed on is a refusal. */
static enum counter_result
read_apply(const redisReply *reply, struct counter_op *ops, int n, int *at)
{
	static const enum counter_result codes[] = { COUNTERS_TAKEN,
		COUNTERS_REFUSED, COUNTERS_UNKNOWN };
	int64_t code, which;

	if (reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements != (size_t)(2 + 3 * n))
		return COUNTERS_DOWN;
	code = rds_int(reply->element[0], -1);
	which = rds_int(reply->element[1], -1);
	if (code < 0 || code > 2 || which < 0 || which >= n)
		return COUNTERS_DOWN;
	for (int i = 0; i < n; i++) {
		redisReply **v = &reply->element[2 + 3 * i];

		ops[i].used = rds_int(v[0], 0);
		ops[i].held = rds_int(v[1], 0);
		ops[i].wait_ms = rds_int(v[2], 0);
	}
	*at = (int)which;
	return codes[code];
}

static bool
has_kind(const struct counter_op *ops, int n, enum counter_kind kind)
{
	for (int i = 0; i < n; i++)
		if (ops[i].kind == kind)
			return true;
	return false;
}

/* Without Redis.  Money needs SQL to be where it is counted, and built. */
static enum counter_result
apply_here(struct remote *r, struct str org, struct str id,
    struct counter_op *ops, int n, const char *gen, int *at, struct err *e)
{
	bool money = has_kind(ops, n, COUNTER_HELD);
	bool sql = money || has_kind(ops, n, COUNTER_BELOW);
	enum counter_result rc;

	if ((sql && r->tab == NULL) ||
	    (money && (gen[0] != 's' || clock_wall_ms() < r->ready_ms))) {
		counters_down(e);
		return COUNTERS_DOWN;
	}
	rc = remote_apply_local(r, org, id, ops, n, at, e);
	if (rc != COUNTERS_TAKEN || !sql)
		return rc;
	rc = tab_apply(r->tab, org, id, ops, n, at, e);
	if (rc != COUNTERS_TAKEN)
		remote_undo_local(r, org, id, ops, n);
	return rc;
}

/*
 * Nobody answered: it may have been done or not.  What it may have taken goes
 * back as soon as Redis answers, or with the hold's drop, or by its time.
 */
static void
take_back(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n)
{
	struct counter_op none[COUNTER_OPS_MAX];
	int k = 0;

	for (int i = 0; i < n; i++) {
		if (ops[i].kind != COUNTER_HELD && ops[i].kind != COUNTER_OPEN)
			continue;
		none[k] = ops[i];
		none[k++].by = 0;
	}
	if (k > 0)
		remote_change(c, org, id, none, k, clock_wall_ms());
}

static enum counter_result
apply(struct counters *c, struct str org, struct str id, struct counter_op *ops,
    int n, int *at, struct err *e)
{
	struct remote *r = c->state;
	enum counter_result rc;
	char gen[GEN_SIZE];
	redisReply *reply = NULL;
	struct remote_call k;
	bool other = true;

	for (int i = 0; i < 2 && reply == NULL && other; i++) {
		other = false;
		remote_gen(r, gen);
		if (gen[0] == '\0' || gen[0] == 's' ||
		    (gen[0] == 'b' && has_kind(ops, n, COUNTER_HELD)))
			continue;
		remote_begin(&k, gen, org, "apply", id,
		    clock_wall_ms() + c->setup.hold_ms, 0);
		remote_put_ops(&k, ops, n);
		reply = remote_run(r, &k, gen, &other);
		if (reply == NULL && !other)
			take_back(c, org, id, ops, n);
	}
	if (reply == NULL)
		return apply_here(r, org, id, ops, n, gen, at, e);
	rc = read_apply(reply, ops, n, at);
	freeReplyObject(reply);
	if (rc == COUNTERS_DOWN)
		counters_down(e);
	return rc;
}

/* A run whose answer is 1; again if the generation was another. */
static int
run_plain(struct remote *r, struct remote_call *k, const char *gen)
{
	bool other, good;
	redisReply *reply = remote_run(r, k, gen, &other);

	good = reply != NULL && rds_int(reply, 0) == 1;
	freeReplyObject(reply);
	return good ? 1 : other ? 0 : -1;
}

static void
put_values(struct remote_call *k, const struct counter_value *v, int n)
{
	for (int i = 0; i < n; i++) {
		remote_put(k, v[i].key);
		remote_put_int(k, v[i].value);
		remote_put_int(k, v[i].version);
	}
}

static int
load(struct counters *c, struct str org, const struct counter_value *v, int n,
    struct err *e)
{
	struct remote *r = c->state;
	char gen[GEN_SIZE];
	struct remote_call k;
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		remote_gen(r, gen);
		if (gen[0] == 's')
			return 0; /* SQL reads the rows themselves */
		if (gen[0] == '\0')
			break;
		remote_begin(&k, gen, org, "load", STR(""), 0, n);
		put_values(&k, v, n);
		rc = run_plain(r, &k, gen);
	}
	return rc == 1 ? 0 : counters_down(e);
}

static int
drop_some(struct remote *r, const struct counter_drop *d, int from)
{
	int n = d->nids - from < IDS_MAX ? d->nids - from : IDS_MAX, rc = 0;
	int nv = d->nvalues < 45 ? d->nvalues : 45;
	char gen[GEN_SIZE];
	struct remote_call k;

	for (int i = 0; i < 2 && rc == 0; i++) {
		remote_gen(r, gen);
		if (gen[0] == '\0')
			return -1;
		remote_begin(&k, gen, d->org, "drop", STR(""), 0, nv);
		put_values(&k, d->values, nv);
		for (int x = 0; x < n; x++)
			remote_put(&k, d->ids[from + x]);
		rc = run_plain(r, &k, gen);
	}
	return rc == 1 ? 0 : -1;
}

/*
 * A chunk of ids at a time, the first with the values: until the last is gone
 * too much is counted, never too little.
 */
static int
drop(struct counters *c, const struct counter_drop *d, int n, struct err *e)
{
	struct remote *r = c->state;
	struct counter_drop rest;
	char gen[GEN_SIZE];
	int from;

	if (r->local != NULL && counters_drop(r->local, d, n, e) == -1)
		return -1;
	remote_gen(r, gen);
	if (gen[0] == 's')
		return tab_drop(r->tab, d, n, e);
	for (int i = 0; i < n; i++) {
		rest = d[i];
		while (rest.nvalues > 45) {
			rest.nids = 0;
			if (drop_some(r, &rest, 0) == -1)
				return counters_down(e);
			rest.values += 45;
			rest.nvalues -= 45;
		}
		rest.nids = d[i].nids;
		from = 0;
		do {
			if (drop_some(r, &rest, from) == -1)
				return counters_down(e);
			from += IDS_MAX;
		} while (from < d[i].nids);
	}
	return 0;
}

static int
renew_here(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n, struct err *e)
{
	struct remote *r = c->state;
	struct counter_op v[COUNTER_OPS_MAX];
	int k = 0;

	for (int i = 0; i < n; i++)
		if (ops[i].kind == COUNTER_OPEN)
			v[k++] = ops[i];
	if (k > 0 && r->local != NULL &&
	    counters_renew(r->local, org, id, v, k, e) == -1)
		return -1;
	r->local_ms = clock_wall_ms();
	return tab_set(r->tab, org, id, ops, n,
	    clock_wall_ms() + c->setup.hold_ms, true, e);
}

static int
renew(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n, struct err *e)
{
	struct remote *r = c->state;
	char gen[GEN_SIZE];
	struct remote_call k;
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		remote_gen(r, gen);
		if (gen[0] == 's')
			return renew_here(c, org, id, ops, n, e);
		if (gen[0] == '\0')
			break;
		remote_begin(&k, gen, org, "renew", id,
		    clock_wall_ms() + c->setup.hold_ms, 0);
		remote_put_ops(&k, ops, n);
		rc = run_plain(r, &k, gen);
	}
	return rc == 1 ? 0 : counters_down(e);
}

static int
ping(struct counters *c, int64_t timeout_ms, struct err *e)
{
	struct remote *r = c->state;
	const struct str argv[] = { STR("PING") };
	char run_id[41];
	redisReply *reply = remote_ask(r, 1, argv, timeout_ms, run_id);
	bool good = reply != NULL && reply->type != REDIS_REPLY_ERROR;

	freeReplyObject(reply);
	return good ? 0 : counters_down(e);
}

/* Of the organisations that have keys: asked for by a scrape only. */
static void
held(struct counters *c, int64_t *holds, int64_t *nano)
{
	static const char text[] =
	    "local n, sum, at = 0, 0, '0' repeat "
	    "local s = redis.call('SCAN', at, 'MATCH', ARGV[1], 'COUNT', 1000) "
	    "at = s[1] for _, k in ipairs(s[2]) do "
	    "n = n + redis.call('ZCARD', k) sum = sum + (tonumber(redis.call("
	    "'HGET', string.sub(k, 1, -2) .. 't', 'nano') or '') or 0) end "
	    "until at == '0' return { n, string.format('%.0f', sum) }";
	struct remote *r = c->state;
	char gen[GEN_SIZE], match[64], run_id[41];
	redisReply *reply;

	remote_gen(r, gen);
	if (gen[0] == 's')
		tab_held(r->tab, holds, nano);
	if (gen[0] == '\0' || gen[0] == 's')
		return;
	snprintf(match, sizeof(match), "llmgw:{*}:%.16s:x", gen + 2);
	reply = remote_ask(r, 4,
	    (struct str[]){
		STR("EVAL"), str_from(text), STR("0"), str_from(match) },
	    RDS_TIMEOUT_MS, run_id);
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY &&
	    reply->elements == 2) {
		*holds = rds_int(reply->element[0], 0);
		*nano = rds_int(reply->element[1], 0);
	}
	freeReplyObject(reply);
}

static void
close_remote(struct counters *c)
{
	struct remote *r = c->state;

	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	rds_close(r->rds);
	counters_close(r->local);
	tab_close(r->tab);
	arena_free(r->filling);
	arena_free(r->working);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->wake);
}

static const struct counters_ops remote_ops = {
	.name = "redis",
	.close = close_remote,
	.apply = apply,
	.load = load,
	.change = remote_change,
	.drop = drop,
	.tend = remote_tend,
	.renew = renew,
	.renewed = remote_renewed,
	.ping = ping,
	.held = held,
};

static int
open_local(struct counters *c, struct remote *r, struct err *e)
{
	struct counters_setup setup = c->setup;

	if (c->setup.local_dir == NULL)
		return 0;
	setup.url = arena_fmt(c->arena, "embedded:%s", c->setup.local_dir).p;
	return counters_open(&r->local, &setup, e);
}

int
counters_redis_open(struct counters *c, const char *where, struct err *e)
{
	struct remote *r = ARENA_NEW(c->arena, struct remote);

	(void)where;
	if (rds_open(&r->rds, c->setup.url, counters_lua, c->setup.log,
		c->setup.metrics, e) == -1)
		return -1;
	if (open_local(c, r, e) == -1) {
		rds_close(r->rds);
		return -1;
	}
	r->last = &r->first;
	r->filling = arena_new(16 * 1024, SIZE_MAX);
	r->working = arena_new(16 * 1024, SIZE_MAX);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	c->state = r;
	r->dwell_ms = DWELL_MS;
	if (c->setup.sql_url != NULL)
		tab_open(&r->tab, &c->setup, e);
	remote_read_state(r);
	if (!r->state.sql)
		remote_look(r);
	/* A process that starts has no holds to say. */
	memcpy(r->said, r->gen + 2, 16);
	if (pthread_create(&r->thread, NULL, remote_queue, r) == 0) {
		c->ops = &remote_ops;
		return 0;
	}
	rds_close(r->rds);
	counters_close(r->local);
	tab_close(r->tab);
	arena_free(r->filling);
	arena_free(r->working);
	return err_set(e, ERR_CONFIG, "cannot start threads");
}
