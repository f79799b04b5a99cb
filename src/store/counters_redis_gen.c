/* Generations, and where money is counted: counters_redis.c says why. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "store/counters_redis_parts.h"

#define GEN_TTL "10000" /* of one that is being built */
#define SETTLE_MS 200   /* calls that had begun have ended: 4 deadlines */
#define DOWN_MS 1000
/*
 * Who did not reach SQL either was cut off himself, and others may count in
 * Redis all the time: he looks for it a while before he speaks for all.
 */
#define APART_MS 4000
#define DWELL_MAX_MS 300000

/* The key becomes `now` if it still is `was` ("": missing). */
static bool
gen_swap(struct remote *r, struct str was, struct str now)
{
	static const char text[] =
	    "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 "
	    "end if string.sub(ARGV[2], 1, 1) == 'b' then "
	    "redis.call('SET', KEYS[1], ARGV[2], 'PX', " GEN_TTL ") else "
	    "redis.call('SET', KEYS[1], ARGV[2]) end return 1";
	const struct str argv[] = { STR("EVAL"), str_from(text), STR("1"),
		GEN_KEY, was, now };
	char run_id[41];
	redisReply *reply = remote_ask(r, 6, argv, RDS_TIMEOUT_MS, run_id);
	bool done = rds_int(reply, 0) == 1;

	freeReplyObject(reply);
	return done;
}

/* How many processes say their holds right now. */
static int64_t
gen_busy(struct remote *r, const char *gen, const char *by)
{
	char key[64], run_id[41];
	int64_t n;
	redisReply *reply;

	snprintf(key, sizeof(key), "llmgw:busy:%.16s", gen + 2);
	reply = remote_ask(r, 3,
	    (struct str[]){ STR("INCRBY"), str_from(key), str_from(by) },
	    RDS_TIMEOUT_MS, run_id);
	n = rds_int(reply, 1);
	freeReplyObject(reply);
	freeReplyObject(remote_ask(r, 3,
	    (struct str[]){ STR("PEXPIRE"), str_from(key), STR("60000") },
	    RDS_TIMEOUT_MS, run_id));
	return n;
}

int
remote_look(struct remote *r)
{
	const struct str get[] = { STR("GET"), GEN_KEY };
	char run_id[41], word[17], now[GEN_SIZE], have[GEN_SIZE];
	redisReply *reply = remote_ask(r, 2, get, RDS_TIMEOUT_MS, run_id);

	if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
		freeReplyObject(reply);
		return -1;
	}
	remote_gen(r, have);
	if (have[0] == '\0') {
		rand_word(word, 16);
		snprintf(now, sizeof(now), "b:%s:%s", word, run_id);
		gen_swap(r, rds_str(reply).p == NULL ? STR("") : rds_str(reply),
		    str_from(now));
		freeReplyObject(reply);
		reply = remote_ask(r, 2, get, RDS_TIMEOUT_MS, run_id);
	}
	freeReplyObject(reply);
	remote_gen(r, have);
	return have[0] == '\0' ? -1 : 0;
}

/* Those that know of it have said their holds, or had their time. */
static void
gen_finish(struct remote *r, const char *gen, int64_t age_ms)
{
	char now[GEN_SIZE];

	if (gen[0] != 'b' || age_ms < COUNTERS_BUILD_MS ||
	    (age_ms < COUNTERS_BUILD_MAX_MS - 500 && gen_busy(r, gen, "0") > 0))
		return;
	memcpy(now, gen, GEN_SIZE);
	now[0] = 'r';
	if (gen_swap(r, str_from(gen), str_from(now)))
		remote_look(r);
}

/* Another place or another generation of SQL. */
static void
state_took(struct remote *r, const struct tab_state *now)
{
	pthread_mutex_lock(&r->lock);
	if (now->sql) {
		snprintf(r->gen, GEN_SIZE, "s:%s", now->gen);
		r->ready_ms = now->ready_ms;
		r->seen_ms = clock_ms();
	} else if (r->gen[0] == 's')
		r->gen[0] = '\0'; /* gen_look() finds it */
	r->state = *now;
	pthread_mutex_unlock(&r->lock);
}

void
remote_read_state(struct remote *r)
{
	struct tab_state now;
	struct err ignored = { 0 };

	if (r->tab == NULL)
		return;
	if (tab_state(r->tab, &now, &ignored) == -1)
		r->apart_ms = clock_ms();
	else if (now.sql != r->state.sql || strcmp(now.gen, r->state.gen) != 0)
		state_took(r, &now);
}

/* Write where money is counted from now on, unless somebody just did. */
static void
state_switch(struct counters *c, bool sql)
{
	struct remote *r = c->state;
	struct tab_state to = { .sql = sql,
		.ready_ms = clock_wall_ms() + COUNTERS_BUILD_MS };
	struct err ignored = { 0 };

	rand_word(to.gen, TAB_GEN - 1);
	if (tab_switch(r->tab, &r->state, &to, &ignored) == 1 &&
	    c->setup.log != NULL)
		log_say(c->setup.log, LOG_WARN_, "money is counted in %s",
		    sql ? "SQL while Redis is down" : "Redis again");
	remote_read_state(r);
}

/* In SQL: is it time to go back?  Redis must not go on with what it had. */
static void
try_back(struct counters *c)
{
	struct remote *r = c->state;
	char run_id[41], word[17], now[GEN_SIZE];
	redisReply *reply;
	bool done;

	if (clock_ms() - r->seen_ms < r->dwell_ms)
		return;
	reply = remote_ask(
	    r, 1, (struct str[]){ STR("PING") }, RDS_TIMEOUT_MS, run_id);
	done = reply != NULL && reply->type == REDIS_REPLY_STATUS;
	freeReplyObject(reply);
	if (!done)
		return;
	rand_word(word, 16);
	snprintf(now, sizeof(now), "b:%s:%s", word, run_id);
	reply = remote_ask(r, 5,
	    (struct str[]){
		STR("SET"), GEN_KEY, str_from(now), STR("PX"), STR(GEN_TTL) },
	    RDS_TIMEOUT_MS, run_id);
	done = reply != NULL && reply->type == REDIS_REPLY_STATUS;
	freeReplyObject(reply);
	if (!done)
		return;
	r->left_ms = clock_ms();
	state_switch(c, false);
}

static void
try_away(struct counters *c)
{
	struct remote *r = c->state;
	int64_t now = clock_ms(), failing = rds_down_ms(r->rds);

	if (r->down_ms == 0)
		r->down_ms = now;
	/* Time alone says nothing while nobody has tried again. */
	if (failing == 0)
		failing = now - r->down_ms; /* it answers, but not that */
	if (r->tab == NULL || failing < DOWN_MS ||
	    (r->apart_ms != 0 && now - r->apart_ms < APART_MS))
		return;
	r->down_ms = 0;
	if (r->left_ms == 0 || now - r->left_ms > DWELL_MAX_MS)
		r->dwell_ms = DWELL_MS;
	else if (r->dwell_ms < DWELL_MAX_MS)
		r->dwell_ms *= 2;
	state_switch(c, true);
}

int
remote_tend(struct counters *c, struct err *e)
{
	struct remote *r = c->state;
	struct err ignored = { 0 };
	char gen[GEN_SIZE];
	int64_t age_ms;

	if (r->local != NULL)
		counters_tend(r->local, &ignored);
	remote_read_state(r);
	if (r->state.sql)
		try_back(c);
	if (!r->state.sql) {
		if (remote_look(r) == -1)
			try_away(c);
		else
			r->down_ms = 0;
	}
	remote_gen(r, gen);
	if (gen[0] == '\0' || r->down_ms != 0)
		return counters_down(e);
	if (gen[0] != 's')
		remote_meet(r);
	age_ms = clock_ms() - r->seen_ms;
	gen_finish(r, gen, age_ms);
	if (memcmp(gen + 2, r->said, 16) == 0 || age_ms < SETTLE_MS)
		return 0;
	if (!r->saying && gen[0] != 's')
		gen_busy(r, gen, "1");
	r->saying = gen[0] != 's';
	return 1;
}

void
remote_renewed(struct counters *c)
{
	struct remote *r = c->state;
	char gen[GEN_SIZE];

	if (r->local != NULL)
		counters_renewed(r->local);
	remote_gen(r, gen);
	if (gen[0] == '\0')
		return;
	if (r->saying)
		gen_busy(r, gen, "-1");
	r->saying = false;
	memcpy(r->said, gen + 2, 16);
}
