/* Runs of the script, and whether their answers count. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/counters_lua.h"
#include "store/counters_redis_parts.h"

#define TTL "90000000" /* 25 h, an hour more than a hold can live */

void
remote_put(struct remote_call *k, struct str s)
{
	if (k->n < ARGS_MAX)
		k->argv[k->n] = s;
	k->n++;
}

void
remote_put_int(struct remote_call *k, int64_t v)
{
	size_t at = k->text.n;

	buf_int(&k->text, v);
	remote_put(k, (struct str){ k->text.p + at, k->text.n - at });
}

/* Everything up to the ops.  argv[0..1] are EVALSHA and the sha. */
void
remote_begin(struct remote_call *k, const char *gen, struct str org,
    const char *mode, struct str id, int64_t expires_ms, int64_t sixth)
{
	size_t at;

	k->n = 0;
	k->text = (struct buf){
		.p = k->room, .cap = sizeof(k->room), .limit = sizeof(k->room)
	};
	remote_put(k, STR("EVALSHA"));
	remote_put(k, STR(""));
	remote_put(k, STR("1"));
	at = k->text.n;
	buf_add(&k->text, STR("llmgw:{"));
	buf_add(&k->text, org);
	buf_add(&k->text, STR("}:"));
	buf_add(&k->text, (struct str){ gen + 2, 16 });
	buf_add(&k->text, STR(":x"));
	remote_put(k, (struct str){ k->text.p + at, k->text.n - at });
	remote_put(k, str_from(mode));
	remote_put_int(k, clock_wall_ms());
	remote_put(k, STR(TTL));
	remote_put_int(k, expires_ms);
	remote_put(k, id.p == NULL ? STR("") : id);
	remote_put_int(k, sixth);
}

void
remote_put_ops(struct remote_call *k, const struct counter_op *ops, int n)
{
	static const struct str kinds[] = { [COUNTER_RATE] = STR("R"),
		[COUNTER_HELD] = STR("H"),
		[COUNTER_OPEN] = STR("O"),
		[COUNTER_BELOW] = STR("B") };

	for (int i = 0; i < n; i++) {
		remote_put(k, kinds[ops[i].kind]);
		remote_put(k, ops[i].key);
		remote_put_int(k, ops[i].by);
		if (ops[i].limit == INT64_MAX)
			remote_put(k, STR(""));
		else
			remote_put_int(k, ops[i].limit);
		remote_put_int(
		    k, ops[i].window_ms < 60 ? 1 : ops[i].window_ms / 60);
	}
}

void
remote_gen(struct remote *r, char out[GEN_SIZE])
{
	pthread_mutex_lock(&r->lock);
	memcpy(out, r->gen, GEN_SIZE);
	pthread_mutex_unlock(&r->lock);
}

/* Is it well formed, and of this server? */
static bool
gen_is_good(struct str g, const struct rds_conn *conn)
{
	return g.n > 19 && g.n < GEN_SIZE && (g.p[0] == 'b' || g.p[0] == 'r') &&
	    g.p[1] == ':' && g.p[18] == ':' &&
	    str_is((struct str){ g.p + 19, g.n - 19 }, conn->run_id);
}

static void
gen_learn(struct remote *r, struct str g, const struct rds_conn *conn)
{
	bool good = gen_is_good(g, conn);

	pthread_mutex_lock(&r->lock);
	if (r->gen[0] == 's') { /* an answer that came too late */
		pthread_mutex_unlock(&r->lock);
		return;
	}
	if (!good || memcmp(g.p + 2, r->gen + 2, 16) != 0)
		r->seen_ms = clock_ms();
	if (good)
		snprintf(r->gen, GEN_SIZE, "%.*s", STR_ARG(g));
	else
		r->gen[0] = '\0';
	pthread_mutex_unlock(&r->lock);
}

bool
remote_no_script(const redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_ERROR &&
	    str_starts((struct str){ r->str, r->len }, "NOSCRIPT");
}

/* The call and GET of the generation: the script's reply, or NULL. */
static redisReply *
round_trip(struct remote *r, struct rds_conn *conn, struct remote_call *k,
    const char *gen, bool whole, int64_t until_ms, bool *other)
{
	const struct str get[] = { STR("GET"), GEN_KEY };
	redisReply *reply, *is;

	if (k->n > ARGS_MAX || k->text.full) {
		*other = false;
		return NULL;
	}
	k->argv[0] = whole ? STR("EVAL") : STR("EVALSHA");
	k->argv[1] = str_from(whole ? counters_lua : conn->sha);
	rds_add(conn, k->n, k->argv);
	rds_add(conn, 2, get);
	reply = rds_reply(conn, until_ms);
	is = reply == NULL ? NULL : rds_reply(conn, until_ms);
	*other = is != NULL &&
	    !(str_is(rds_str(is), gen) && gen_is_good(rds_str(is), conn));
	if (*other && !conn->broken)
		gen_learn(r, rds_str(is), conn);
	if (is == NULL || *other || conn->broken) {
		freeReplyObject(reply);
		reply = NULL;
	}
	freeReplyObject(is);
	return reply;
}

/* NULL: it failed; *other: because of another generation, ask again. */
redisReply *
remote_run(
    struct remote *r, struct remote_call *k, const char *gen, bool *other)
{
	int64_t until_ms = clock_ms() + RDS_TIMEOUT_MS;
	struct err ignored = { 0 };
	struct rds_conn *conn = rds_take(r->rds, until_ms, &ignored);
	redisReply *reply;

	*other = false;
	if (conn == NULL)
		return NULL;
	reply = round_trip(r, conn, k, gen, false, until_ms, other);
	if (remote_no_script(reply)) {
		freeReplyObject(reply);
		reply = round_trip(r, conn, k, gen, true, until_ms, other);
	}
	rds_give(r->rds, conn);
	if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
		freeReplyObject(reply);
		reply = NULL;
	}
	return reply;
}

/* One command, its reply, or NULL. */
redisReply *
remote_ask(struct remote *r, int argc, const struct str *argv,
    int64_t timeout_ms, char run_id[41])
{
	int64_t until_ms = clock_ms() + timeout_ms;
	struct err ignored = { 0 };
	struct rds_conn *conn = rds_take(r->rds, until_ms, &ignored);
	redisReply *reply;

	if (conn == NULL)
		return NULL;
	rds_add(conn, argc, argv);
	reply = rds_reply(conn, until_ms);
	memcpy(run_id, conn->run_id, 41);
	if (reply != NULL && argc == 2 && str_is(argv[0], "GET") &&
	    !conn->broken)
		gen_learn(r, rds_str(reply), conn);
	rds_give(r->rds, conn);
	return reply;
}
