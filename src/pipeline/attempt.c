#include <assert.h>

#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/gate.h"
#include "pipeline/guard.h"
#include "pipeline/hedge.h"
#include "pipeline/outcome.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/retain.h"
#include "pipeline/reply.h"
#include "pipeline/token.h"
#include "pipeline/world.h"

#define ERROR_BODY_MAX ((size_t)64 * 1024) /* a refusal, as much as is read */
#define ANSWER_MAX ((size_t)32 * 1024 * 1024)
#define STREAM_MAX ((size_t)1024 * 1024 * 1024)
#define FOR_FRONT ((size_t)64 * 1024) /* bigger JSON is not for the loop */
#define PAUSE_BYTES ((size_t)256 * 1024)
#define PING_AGAIN_MS 1000
#define LINGER_MS 100 /* for the provider to end what it has sent whole */
#define RETRY_AFTER_DEFAULT 10 /* seconds, api.md 2.4 */
#define RETRY_AFTER_MAX 3600

/* The one that runs, or ran last. */
static struct attempt *
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

/* Back to the row of a stage, for the next step() to run. */
static void
go_to(struct req *r, enum verdict (*run)(struct req *))
{
	const struct stage *s = r->endpoint->stages;

	while (s->run != run)
		s++;
	r->at = s;
}

/* --- how it ends --- */

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

static void
note(struct req *r, enum fault fault, int status)
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

/* Seconds for Retry-After out of the provider's delay. */
static int
retry_seconds(int64_t ms)
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

/* The error that the client gets when nothing is left to try. */
static void
last_error(struct req *r)
{
	enum fault fault = attempt_now(r)->fault;

	if (fault != FAULT_CLIENT && !one_class(r)) {
		r->err = (struct err){ .code = ERR_NONE };
		err_set(&r->err, ERR_ALL_FAILED,
		    "All provider attempts failed");
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
static void
attempt_wait(struct req *r, int64_t ms)
{
	r->waited = true;
	r->targets[r->ntargets] = *attempt_now(r)->target;
	r->ntargets++;
	go_to(r, stage_relay);
	r->state = REQ_TIMED;
	r->on_due = ask_again;
	r->due_ms = clock_ms() + ms;
}

/* All is said; the loop keeps the request until the client has it. */
static void
done_on_loop(struct req *r)
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
static void
failed(struct req *r, enum fault fault, int status)
{
	struct str labels[2];
	int64_t ms;

	/* Images that were made before are an answer, too. */
	if (!r->answered && relay_made(r) == 0) {
		note(r, FAULT_NONE, 200);
		done_on_loop(r);
		return;
	}
	note(r, fault, status);
	if (r->hedge != NULL && other_goes_on(r, fault))
		return;
	if (r->answered) {
		labels[0] = str_from(r->endpoint->name);
		labels[1] = str_from(fault_rows[fault].word);
		metrics_add(
		    r->world->metrics, METRIC_STREAM_ERRORS, labels, 1);
		reply_stream_error(r);
		r->state = REQ_DRAIN;
		loop_written(r);
		return;
	}
	if (fault == FAULT_FILTER && relay_refusal(r) == 0) {
		done_on_loop(r);
		return;
	}
	if (outcome_retry(r, fault)) {
		go_to(r, stage_relay);
		loop_queue(r);
		return;
	}
	if ((ms = outcome_wait(r, fault)) >= 0) {
		attempt_wait(r, ms);
		loop_due(r, r->due_ms);
		return;
	}
	last_error(r);
	reply_error(r);
	r->state = REQ_DRAIN;
	loop_written(r);
}

void
attempt_failed(struct req *r, enum fault fault, int status)
{
	failed(r, fault, status);
}

void
attempt_again(struct req *r)
{
	r->tries--;
	r->next_target--;
	go_to(r, stage_relay);
	loop_queue(r);
}

/*
 * A 200 that is no answer.  What the provider says of it stays with us: its
 * words pass for client errors only (api.md 2.4).
 */
static enum fault
answer_fault(struct req *r, int status)
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
	note(r, FAULT_NONE, status);
	loop_unclaim(r);
	reply_error(r); /* an event, if something has gone out */
	done_on_loop(r);
}

static void
failed_answer(struct req *r, int status)
{
	enum fault fault;

	if (r->err.code == ERR_BLOCKED) {
		blocked(r, status);
		return;
	}
	fault = answer_fault(r, status);

	failed(r, fault, status);
}

/* Webhooks judge the answer before it is sent: stage_send() follows. */
static void
to_judges(struct req *r)
{
	r->complete = false;
	record_answer(r);
	go_to(r, stage_send);
	judge_answer(r);
}

/* The answer has gone out whole. */
static void
succeeded(struct req *r, int status)
{
	hedge_drop(r);
	note(r, FAULT_NONE, status);
	if (relay_waits(r)) {
		to_judges(r);
		loop_due(r, r->due_ms);
		return;
	}
	done_on_loop(r);
}

/* --- what curl tells --- */

static bool
is_success(int status)
{
	return status >= 200 && status < 300;
}

static int
collect(struct req *r, struct str bytes, size_t max)
{
	r->whole.limit = max;
	buf_add(&r->whole, bytes);
	return 0;
}

int
attempt_body(struct req *r, const struct call_head *h, struct str bytes)
{
	r->heard_ms = clock_ms();
	if (r->complete)
		return 0;
	if (r->gone)
		return -1;
	if (r->retained != NULL)
		retain_told(r, bytes);
	if (!is_success(h->status))
		return collect(r, bytes, ERROR_BODY_MAX);
	if (r->hedge != NULL)
		hedge_lost(r);
	if (!relay_streams(r) || (h->json && !h->sse))
		return collect(r, bytes, ANSWER_MAX);
	if (relay_feed(r, bytes) == -1) {
		r->broken = true;
		return -1;
	}
	if (r->complete)
		loop_due(r, r->heard_ms + LINGER_MS);
	return 0;
}

static int
on_body(void *arg, struct str bytes)
{
	struct req *r = arg;

	return attempt_body(r, call_head(r->call), bytes);
}

void
attempt_flush(struct req *r)
{
	relay_flush(r);
	loop_written(r);
	if (!r->gone && !r->paused && !r->complete && r->call != NULL &&
	    r->client->ops->pending(r->client) > PAUSE_BYTES) {
		r->paused = true;
		call_pause(r->call, true);
	}
}

/*
 * Does the request name what only a provider has (api.md 2.4)?  Texts hold no
 * such words, for a quote inside them is escaped.
 */
static bool
names_object(const struct req *r)
{
	static const char *const words[] = { "\"file_id\"", "\"container\"",
		"\"cached_content\"", "\"cachedContent\"" };
	struct str body = r->chat.body;

	for (size_t i = 0; i < NROWS(words); i++)
		if (memmem(body.p, body.n, words[i], strlen(words[i])) != NULL)
			return true;
	return false;
}

/* A status that is no success: what does it mean, and to whom? */
static void
refused(struct req *r, const struct call_head *h)
{
	struct target t = *attempt_now(r)->target;
	const struct mapping *m = t.mapping;
	enum fault fault;
	int64_t ms = h->retry_after_ms;

	if (t.upstream->ops->need != NULL)
		hedge_drop(r); /* the request may leave the loop */
	if (token_renew(r, h->status))
		return;
	r->told_wait_ms =
	    ms >= 0 ? ms : provider_retry_ms(buf_str(&r->whole));
	if (m->model == NULL) /* a name that only the provider knows */
		t.mapping = NULL;
	t.names = h->status == 404 && names_object(r);
	r->err = (struct err){ .code = ERR_NONE };
	fault = provider_fault_named(&t, h->status, str_from(h->error),
	    buf_str(&r->whole), r->life, &r->err);
	if (fault == FAULT_RATE && (ms >= 0 || r->err.retry_after == 0))
		r->err.retry_after = retry_seconds(ms);
	failed(r, fault, h->status);
}

static void
whole(struct req *r, const struct call_head *h)
{
	int rc;

	if (r->whole.n > FOR_FRONT) {
		hedge_drop(r);
		attempt_now(r)->status = h->status;
		go_to(r, stage_answer);
		loop_queue(r);
		return;
	}
	if ((rc = relay_whole(r)) == 0)
		succeeded(r, h->status);
	else if (rc == 1)
		attempt_start(r);
	else if (rc == 2) {
		attempt_now(r)->status = h->status;
		go_to(r, stage_send);
		fetch_answer(r, relay_parts(r));
		loop_due(r, r->due_ms);
	} else
		failed_answer(r, h->status);
}

static void
stream_end(struct req *r, const struct call_head *h)
{
	if (relay_end(r) == 0)
		succeeded(r, h->status);
	else
		failed_answer(r, h->status);
}

void
attempt_end(struct req *r, const struct call_head *h, const struct err *e)
{
	r->told_us = clock_us();
	r->call = NULL;
	r->paused = false;
	if (r->complete)
		succeeded(r, h->status);
	else if (r->gone) {
		hedge_drop(r);
		loop_over(r);
	} else if (r->broken)
		failed_answer(r, h->status);
	else if (h->status != 0 && !is_success(h->status))
		refused(r, h);
	else if (e->code != ERR_NONE) {
		r->err = *e;
		if (e->code == ERR_UPSTREAM)
			provider_fault_set(FAULT_UPSTREAM,
			    attempt_now(r)->target, h->status, &r->err);
		failed(r, e->code == ERR_FETCH ? FAULT_NETWORK : FAULT_UPSTREAM,
		    h->status);
	} else if (relay_streams(r) && !(h->json && !h->sse))
		stream_end(r, h);
	else
		whole(r, h);
}

static void
on_end(void *arg, const struct err *e)
{
	struct req *r = arg;
	struct call_head h = *call_head(r->call);

	attempt_end(r, &h, e);
}

static const struct call_ops ops = { .body = on_body, .end = on_end };

/* --- time --- */

static int64_t
first_byte_ms(struct req *r)
{
	int64_t own = attempt_now(r)->target->upstream->timeout_first_byte;

	return own > 0 ? own : r->world->conf.timeout_first_byte;
}

static int64_t
idle_ms(struct req *r)
{
	int64_t own = attempt_now(r)->target->upstream->timeout_idle;

	return own > 0 ? own : r->world->conf.timeout_idle;
}

static int64_t
total_ms(const struct req *r)
{
	return relay_streams(r) ? r->world->conf.timeout_total_stream :
				  r->world->conf.timeout_total_plain;
}

static int64_t
earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the provider's time is up. */
static int64_t
patience(struct req *r)
{
	int64_t started = attempt_now(r)->call_ms, due;

	due = earliest(started + total_ms(r),
	    r->began_ms + r->world->conf.timeout_gateway);
	if (r->heard_ms == 0)
		return earliest(due, started + first_byte_ms(r));
	return r->paused ? due : earliest(due, r->heard_ms + idle_ms(r));
}

static int64_t
ping_at(const struct req *r)
{
	int64_t since = r->said_ms == 0 ? r->began_ms : r->said_ms;

	return r->chat.stream ? since + r->world->conf.ping_interval :
				INT64_MAX;
}

void
attempt_drop_call(struct req *r)
{
	if (r->call != NULL)
		call_cancel(r->call);
	r->call = NULL;
	r->paused = false;
	token_dropped(r);
}

static void
timed_out(struct req *r)
{
	attempt_drop_call(r);
	provider_fault_set(FAULT_TIMEOUT, attempt_now(r)->target, 0, &r->err);
	r->broken_off = r->heard_ms != 0; /* the first byte only is retried */
	failed(r, FAULT_TIMEOUT, 0);
}

/* A comment, or what the dialect has for it once the answer has begun. */
static struct str
ping_of(const struct req *r)
{
	const char *own = r->endpoint->dialect->ping;

	return r->answered && own != NULL ? str_from(own) : STR(": ping\n\n");
}

static void
on_due(struct req *r, int64_t now)
{
	int64_t ping;

	if (r->call == NULL || (hedge_look(r, now) && r->call == NULL))
		return;
	if (r->complete) { /* the provider does not close its side */
		attempt_drop_call(r);
		succeeded(r, 200);
		return;
	}
	if (patience(r) <= now) {
		timed_out(r);
		return;
	}
	if (ping_at(r) <= now && r->client->ops->pending(r->client) == 0) {
		reply_more(r, ping_of(r), false);
		loop_written(r);
		if (r->gone) {
			attempt_abandon(r);
			loop_over(r);
			return;
		}
	}
	/* A ping that has to wait for the client is not to be tried at once. */
	ping = ping_at(r) > now ? ping_at(r) : now + PING_AGAIN_MS;
	ping = earliest(ping, r->hedge_ms);
	loop_due(r, earliest(patience(r), earliest(ping, now + 60000)));
}

/* --- starting and stopping --- */

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
	if (provider_request(t, &r->chat, r->setup, &r->ask, &r->dropped,
		&r->err) == -1)
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
	if (rc == 0 || r->err.code == ERR_BLOCKED ||
	    relay_made(r) == 0) {
		note(r, FAULT_NONE, at->status);
		if (relay_waits(r)) {
			to_judges(r);
			return loop_give(r);
		}
		r->complete = true;
		if (r->err.code == ERR_BLOCKED && !r->headed)
			return FAIL;
		return DONE;
	}
	fault = answer_fault(r, at->status);
	note(r, fault, at->status);
	if (outcome_retry(r, fault)) {
		go_to(r, stage_relay);
		r->at++;
		return stage_relay(r);
	}
	if ((ms = outcome_wait(r, fault)) >= 0) {
		attempt_wait(r, ms);
		return loop_give(r);
	}
	last_error(r);
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
		.body_max = stream ? STREAM_MAX : ANSWER_MAX,
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
		note(r, FAULT_NONE, attempt_now(r)->status);
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
	r->on_due = on_due;
	r->call = call_start(loop_pool(l), loop_multi(l), &r->ask, &limits,
	    &ops, r, &r->err);
	if (r->call == NULL) {
		failed(r, FAULT_GATEWAY, 0);
		return;
	}
	loop_due(r, earliest(hedge_at(r), earliest(patience(r), ping_at(r))));
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
		note(r, FAULT_NONE, attempt_now(r)->status);
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
