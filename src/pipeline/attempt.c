#include <assert.h>

#include "base/clock.h"
#include "pipeline/attempt_parts.h"
#include "pipeline/gate.h"
#include "pipeline/guard.h"
#include "pipeline/hedge.h"
#include "pipeline/loop.h"
#include "pipeline/outcome.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/reply.h"
#include "pipeline/retain.h"
#include "pipeline/token.h"
#include "pipeline/world.h"

#define STREAM_MAX ((size_t)1024 * 1024 * 1024)

struct attempt *
attempt_now(struct req *r)
{
	assert(r->tries > 0);
	return &r->attempts[r->tries - 1];
}

const struct target *
attempt_target(const struct req *r)
{
	return r->tries == 0 ? NULL : r->attempts[r->tries - 1].target;
}

void
attempt_go(struct req *r, enum verdict (*run)(struct req *))
{
	const struct stage *s = r->endpoint->stages;

	while (s->run != run)
		s++;
	r->at = s;
}

void
attempt_names(struct req *r, const struct target *t)
{
	r->record.used_provider = t->upstream->id;
	r->record.credential = target_is_own(t) ? STR("own") : STR("gateway");
	r->record.upstream_model = t->model;
}

void
attempt_begin(struct req *r, const struct target *t, int64_t started_ms)
{
	r->attempts[r->tries++] =
	    (struct attempt){ .target = t, .started_ms = started_ms };
	record_flies(r);
}

/*
 * The next one whose circuit is not open by now.  If all are, the first of them
 * is tried nevertheless: it has the best score (api.md 12.6).  NULL: none left.
 */
static struct target *
next_target(struct req *r)
{
	int i = r->next_target;

	if (i == r->ntargets || r->tries == ATTEMPTS_MAX)
		return NULL;
	while (i < r->ntargets && outcome_barred(r, &r->targets[i]))
		i++;
	if (i == r->ntargets)
		i = r->next_target;
	r->next_target = i + 1;
	return &r->targets[i];
}

enum verdict
stage_relay(struct req *r)
{
	struct target *t = next_target(r);
	enum verdict v;

	if (t == NULL)
		return FAIL;
	r->told_wait_ms = -1;
	r->err = (struct err){ .code = ERR_NONE };
	r->broken = false;
	buf_clear(&r->whole);
	buf_clear(&r->dropped);
	attempt_names(r, t);
	t->now = clock_wall_ms() / 1000; /* of this attempt's signature */
	if (token_need(r, t, &v))
		return v;
	relay_begin(r, t);
	if (provider_request(
		t, &r->chat, r->setup, &r->ask, &r->dropped, &r->err) == -1)
		return FAIL;
	relay_names(r, t);
	gate_asked(r, t);
	attempt_begin(r, t, clock_ms());
	r->state = REQ_CALL;
	return loop_give(r);
}

/* A whole answer that was too big for the loop. */
enum verdict
stage_answer(struct req *r)
{
	struct attempt *at = attempt_now(r);
	enum fault fault;
	int64_t ms;
	int rc;

	if ((rc = relay_whole(r)) == 1) {
		r->state = REQ_CALL;
		return loop_give(r);
	}
	if (rc == 2) {
		fetch_answer(r, relay_parts(r));
		return loop_give(r); /* then stage_send() */
	}
	if (rc == 0 || r->err.code == ERR_BLOCKED || relay_made(r) == 0) {
		attempt_note(r, FAULT_NONE, at->status);
		if (relay_waits(r)) {
			attempt_to_judges(r);
			return loop_give(r);
		}
		r->complete = true;
		if (r->err.code == ERR_BLOCKED && !r->headed)
			return FAIL;
		return DONE;
	}
	fault = attempt_answer_fault(r, at->status);
	attempt_note(r, fault, at->status);
	if (outcome_retry(r, fault)) {
		attempt_go(r, stage_relay);
		r->at++;
		return stage_relay(r);
	}
	if ((ms = outcome_wait(r, fault)) >= 0) {
		attempt_wait(r, ms);
		return loop_give(r);
	}
	attempt_last_error(r);
	return FAIL;
}

/* Did the attempt before it lose its connection?  Then others may be dead. */
static bool
is_after_loss(const struct req *r)
{
	const struct attempt *last = &r->attempts[r->tries - 1];

	return r->tries > 1 && last[-1].fault == FAULT_NETWORK &&
	    last[-1].target->upstream == last->target->upstream;
}

struct call_limits
attempt_limits(const struct req *r, bool stream)
{
	return (struct call_limits){
		.connect_ms = r->world->conf.timeout_connect,
		.body_max = stream ? STREAM_MAX : ATTEMPT_ANSWER_MAX,
		.stream = stream,
		.fresh = is_after_loss(r),
	};
}

/* Its images are there now, those that could be had; or it is judged. */
enum verdict
stage_send(struct req *r)
{
	bool judged = relay_waits(r);

	relay_send(r);
	if (!judged)
		attempt_note(r, FAULT_NONE, attempt_now(r)->status);
	r->complete = true;
	return DONE;
}

void
attempt_start(struct req *r)
{
	struct loop *l = r->world->loop;
	struct call_limits limits = attempt_limits(r, relay_streams(r));

	if (r->gone) {
		attempt_abandon(r);
		loop_over(r);
		return;
	}
	if (r->token != TOKEN_HELD) {
		token_start(r);
		return;
	}
	r->heard_ms = 0;
	attempt_now(r)->call_ms = clock_ms();
	if (r->asked_us == 0)
		r->asked_us = clock_us();
	if (r->retained != NULL)
		retain_asked(r);
	r->on_due = attempt_on_due;
	r->call = call_start(loop_pool(l), loop_multi(l), &r->ask, &limits,
	    &attempt_ops, r, &r->err);
	if (r->call == NULL) {
		attempt_failed(r, FAULT_GATEWAY, 0);
		return;
	}
	loop_due(r,
	    attempt_earliest(hedge_at(r),
		attempt_earliest(attempt_patience(r), attempt_ping_at(r))));
}

void
attempt_refuse(struct req *r)
{
	r->tries = r->next_target = 0; /* nobody was asked */
	r->err.retry_after = 5;
	err_set(&r->err, ERR_STORE, "Requests cannot be recorded at present");
	reply_error(r);
	r->state = REQ_DRAIN;
	loop_written(r);
}

void
attempt_resume(struct req *r)
{
	if (!r->paused)
		return;
	r->paused = false;
	r->heard_ms = clock_ms(); /* it was us who did not listen */
	if (r->call == NULL)
		return;
	call_pause(r->call, false); /* may hand us bytes at once */
	loop_flush(r->world->loop);
}

void
attempt_abandon(struct req *r)
{
	hedge_drop(r);
	if (r->complete && r->call != NULL)
		attempt_note(r, FAULT_NONE, attempt_now(r)->status);
	attempt_drop_call(r);
	if (r->complete || r->tries == 0)
		return;
	if (r->err.code == ERR_NONE) {
		attempt_now(r)->duration_ms =
		    clock_ms() - attempt_now(r)->started_ms;
		err_set(&r->err, ERR_CLIENT_GONE, "Client Closed Request");
	}
}

void
attempt_shut_down(struct req *r)
{
	hedge_drop(r);
	attempt_drop_call(r);
	if (!r->complete && r->state != REQ_DRAIN) {
		err_set(&r->err, ERR_SHUTTING_DOWN,
		    "Service Unavailable - shutting down");
		reply_error(r);
	}
	loop_over(r);
}
