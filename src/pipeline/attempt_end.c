/* How an attempt ends, and what comes next. */
#include "base/clock.h"
#include "pipeline/attempt_parts.h"
#include "pipeline/guard.h"
#include "pipeline/hedge.h"
#include "pipeline/loop.h"
#include "pipeline/outcome.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define RETRY_AFTER_DEFAULT 10 /* seconds, api.md 2.4 */
#define RETRY_AFTER_MAX 3600

void
attempt_count(struct req *r, const struct attempt *at)
{
	struct str labels[] = { at->target->upstream->id,
		str_from(fault_rows[at->fault].word) };

	metrics_add(r->world->metrics, METRIC_ATTEMPTS, labels, 1);
}

void
attempt_cancelled(struct req *r)
{
	struct attempt *at = attempt_now(r);

	at->fault = FAULT_CANCELLED;
	at->duration_ms = clock_ms() - at->started_ms;
	record_failed(r, at);
	attempt_count(r, at);
}

void
attempt_note(struct req *r, enum fault fault, int status)
{
	enum key_harm harm = KEY_UNHARMED;
	struct attempt *at = attempt_now(r);
	struct llm_usage u = { 0 };

	at->fault = fault;
	at->status = status;
	at->duration_ms = clock_ms() - at->started_ms;
	if (fault != FAULT_NONE)
		record_failed(r, at);
	attempt_count(r, at);
	if (fault == FAULT_NONE)
		relay_usage(r, &u);
	else if (fault == FAULT_GATEWAY)
		harm = provider_key_harm(status, buf_str(&r->whole));
	outcome_note(r, at, harm, u.output);
}

int
attempt_retry_seconds(int64_t ms)
{
	int64_t s = ms < 0 ? RETRY_AFTER_DEFAULT : (ms + 999) / 1000;

	return s < 1 ? 1 : s > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (int)s;
}

/* Did all attempts that failed fall into one class? */
static bool
one_class(const struct req *r)
{
	enum fault last = r->attempts[r->tries - 1].fault;
	int i;

	for (i = 0; i < r->tries; i++)
		if (r->attempts[i].fault != last &&
		    r->attempts[i].fault != FAULT_CANCELLED)
			return false;
	return true;
}

/* requested_model and so on, api.md 2.4, into r->err.members. */
static void
add_members(struct req *r)
{
	struct buf b = BUF_LIMIT(4096);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	jw_str(&w, "requested_model", r->record.requested_model);
	if (r->record.requested_provider.p != NULL)
		jw_str(&w, "requested_provider", r->record.requested_provider);
	else
		jw_null(&w, "requested_provider");
	jw_str(&w, "used_model", r->record.used_model);
	jw_str(&w, "used_provider", r->record.used_provider);
	jw_end(&w);
	r->err.members = arena_dup(r->life, buf_str(&b));
	buf_free(&b);
}

void
attempt_last_error(struct req *r)
{
	enum fault fault = attempt_now(r)->fault;

	if (fault != FAULT_CLIENT && !one_class(r)) {
		r->err = (struct err){ .code = ERR_NONE };
		err_set(
		    &r->err, ERR_ALL_FAILED, "All provider attempts failed");
	}
	r->err.param = arena_dup(r->life, r->err.param);
	r->err.word = arena_dup(r->life, r->err.word);
	add_members(r);
}

/* The time to wait is over. */
static void
ask_again(struct req *r, int64_t now)
{
	(void)now;
	r->on_due = NULL;
	if (r->gone) {
		loop_over(r);
		return;
	}
	loop_queue(r);
}

/* A copy of the last target follows it. */
void
attempt_wait(struct req *r, int64_t ms)
{
	r->waited = true;
	r->targets[r->ntargets] = *attempt_now(r)->target;
	r->ntargets++;
	attempt_go(r, stage_relay);
	r->state = REQ_TIMED;
	r->on_due = ask_again;
	r->due_ms = clock_ms() + ms;
}

void
attempt_done(struct req *r)
{
	r->complete = true;
	r->state = REQ_DRAIN;
	loop_written(r);
}

/* The second transfer, if there is one, takes over or ends. */
static bool
other_goes_on(struct req *r, enum fault fault)
{
	if (!fault_rows[fault].retry || r->answered || !hedge_takes(r)) {
		hedge_drop(r);
		return false;
	}
	if (r->call != NULL && !r->complete)
		loop_due(r, clock_ms());
	return true;
}

/* On the loop: the next target, the error, or the end of a broken stream. */
void
attempt_failed(struct req *r, enum fault fault, int status)
{
	struct str labels[2];
	int64_t ms;

	/* Images that were made before are an answer, too. */
	if (!r->answered && relay_made(r) == 0) {
		attempt_note(r, FAULT_NONE, 200);
		attempt_done(r);
		return;
	}
	attempt_note(r, fault, status);
	if (r->hedge != NULL && other_goes_on(r, fault))
		return;
	if (r->answered) {
		labels[0] = str_from(r->endpoint->name);
		labels[1] = str_from(fault_rows[fault].word);
		metrics_add(r->world->metrics, METRIC_STREAM_ERRORS, labels, 1);
		reply_stream_error(r);
		r->state = REQ_DRAIN;
		loop_written(r);
		return;
	}
	if (fault == FAULT_FILTER && relay_refusal(r) == 0) {
		attempt_done(r);
		return;
	}
	if (outcome_retry(r, fault)) {
		attempt_go(r, stage_relay);
		loop_queue(r);
		return;
	}
	if ((ms = outcome_wait(r, fault)) >= 0) {
		attempt_wait(r, ms);
		loop_due(r, r->due_ms);
		return;
	}
	attempt_last_error(r);
	reply_error(r);
	r->state = REQ_DRAIN;
	loop_written(r);
}

void
attempt_again(struct req *r)
{
	r->tries--;
	r->next_target--;
	attempt_go(r, stage_relay);
	loop_queue(r);
}

/*
 * A 200 that is no answer.  What the provider says of it stays with us: its
 * words pass for client errors only (api.md 2.4).
 */
enum fault
attempt_answer_fault(struct req *r, int status)
{
	int told = r->err.status != 0 ? r->err.status : status;
	enum fault fault = told == 429 ? FAULT_RATE : FAULT_UPSTREAM;

	if (r->err.code == ERR_NO_CONTENT)
		return FAULT_UPSTREAM;
	if (r->err.code == ERR_REFUSED)
		return FAULT_FILTER;
	provider_fault_set(fault, attempt_now(r)->target, told, &r->err);
	if (fault == FAULT_RATE)
		r->err.retry_after = RETRY_AFTER_DEFAULT;
	return fault;
}

/* The provider did well; our guardrails keep what it said. */
static void
blocked(struct req *r, int status)
{
	record_answer(r);
	attempt_note(r, FAULT_NONE, status);
	loop_unclaim(r);
	reply_error(r); /* an event, if something has gone out */
	attempt_done(r);
}

void
attempt_failed_answer(struct req *r, int status)
{
	enum fault fault;

	if (r->err.code == ERR_BLOCKED) {
		blocked(r, status);
		return;
	}
	fault = attempt_answer_fault(r, status);

	attempt_failed(r, fault, status);
}

void
attempt_to_judges(struct req *r)
{
	r->complete = false;
	record_answer(r);
	attempt_go(r, stage_send);
	judge_answer(r);
}

void
attempt_succeeded(struct req *r, int status)
{
	hedge_drop(r);
	attempt_note(r, FAULT_NONE, status);
	if (relay_waits(r)) {
		attempt_to_judges(r);
		loop_due(r, r->due_ms);
		return;
	}
	attempt_done(r);
}
