/* Changes of what is held: behind the answers, many in one round trip. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/counters_lua.h"
#include "store/counters_redis_parts.h"

#define QUEUE_MAX 65536
#define BATCH 256

void
remote_change(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n, int64_t at_ms)
{
	struct remote *r = c->state;
	struct todo *t;

	/* Where Redis was down once, it may be that it is counted in the file. */
	if (r->local != NULL && r->local_ms != 0)
		counters_change(r->local, org, id, ops, n, at_ms);
	pthread_mutex_lock(&r->lock);
	if (r->queued < QUEUE_MAX && !r->closing) {
		t = ARENA_NEW(r->filling, struct todo);
		t->org = arena_dup(r->filling, org);
		t->id = arena_dup(r->filling, id);
		t->ops = arena_alloc(r->filling, (size_t)n * sizeof(*ops));
		t->n = n;
		t->at_ms = at_ms;
		for (int i = 0; i < n; i++) {
			t->ops[i] = ops[i];
			t->ops[i].key = arena_dup(r->filling, ops[i].key);
		}
		*r->last = t;
		r->last = &t->next;
		r->queued++;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
}

/* At most BATCH in one round trip; the first that is left, NULL: none. */
static struct todo *
send_batch(struct remote *r, struct todo *t, bool whole, bool *again)
{
	int64_t until_ms = clock_ms() + RDS_TIMEOUT_MS;
	struct err ignored = { 0 };
	struct rds_conn *conn = rds_take(r->rds, until_ms, &ignored);
	char gen[GEN_SIZE];
	struct remote_call k;
	redisReply *reply;
	int n = 0;

	*again = false;
	remote_gen(r, gen);
	if (gen[0] == 's') {
		for (; t != NULL; t = t->next)
			tab_set(r->tab, t->org, t->id, t->ops, t->n,
			    clock_wall_ms() + COUNTERS_ENDED_MS, false,
			    &ignored);
		if (conn != NULL)
			rds_give(r->rds, conn);
		return NULL;
	}
	for (; t != NULL && n < BATCH; t = t->next) {
		if (conn == NULL || gen[0] == '\0')
			continue; /* lost: the hold waits for its drop */
		remote_begin(&k, gen, t->org, "change", t->id,
		    clock_wall_ms() + COUNTERS_ENDED_MS, t->at_ms);
		remote_put_ops(&k, t->ops, t->n);
		if (k.n > ARGS_MAX || k.text.full)
			continue;
		k.argv[0] = whole ? STR("EVAL") : STR("EVALSHA");
		k.argv[1] = str_from(whole ? counters_lua : conn->sha);
		rds_add(conn, k.n, k.argv);
		n++;
	}
	if (conn == NULL)
		return t;
	for (; n > 0 && !conn->broken; n--) {
		reply = rds_reply(conn, until_ms);
		*again = *again || remote_no_script(reply);
		freeReplyObject(reply);
	}
	rds_give(r->rds, conn);
	return t;
}

void *
remote_queue(void *arg)
{
	struct remote *r = arg;
	struct todo *t, *next;
	struct arena *a;
	bool again;

	pthread_setname_np(pthread_self(), "counters");
	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (r->first == NULL && !r->closing)
			pthread_cond_wait(&r->wake, &r->lock);
		if (r->first == NULL)
			break;
		t = r->first;
		r->first = NULL;
		r->last = &r->first;
		r->queued = 0;
		a = r->filling;
		r->filling = r->working;
		r->working = a;
		pthread_mutex_unlock(&r->lock);
		for (; t != NULL; t = next) {
			next = send_batch(r, t, false, &again);
			if (again) /* repeating them does no harm to holds */
				send_batch(r, t, true, &again);
		}
		arena_reset(a);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
