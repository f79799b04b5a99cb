/* What curl tells of a transfer: bytes, and its end. */
#include "base/clock.h"
#include "pipeline/attempt_parts.h"
#include "pipeline/hedge.h"
#include "pipeline/loop.h"
#include "pipeline/relay.h"
#include "pipeline/retain.h"
#include "pipeline/token.h"

#define ERROR_BODY_MAX ((size_t)64 * 1024) /* a refusal, as much as is read */
#define FOR_FRONT ((size_t)64 * 1024)      /* bigger JSON is not for the loop */
#define PAUSE_BYTES ((size_t)256 * 1024)
#define LINGER_MS 100 /* for the provider to end what it has sent whole */

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
		return collect(r, bytes, ATTEMPT_ANSWER_MAX);
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
	r->told_wait_ms = ms >= 0 ? ms : provider_retry_ms(buf_str(&r->whole));
	if (m->model == NULL) /* a name that only the provider knows */
		t.mapping = NULL;
	t.names = h->status == 404 && names_object(r);
	r->err = (struct err){ .code = ERR_NONE };
	fault = provider_fault_named(&t, h->status, str_from(h->error),
	    buf_str(&r->whole), r->life, &r->err);
	if (fault == FAULT_RATE && (ms >= 0 || r->err.retry_after == 0))
		r->err.retry_after = attempt_retry_seconds(ms);
	attempt_failed(r, fault, h->status);
}

static void
whole(struct req *r, const struct call_head *h)
{
	int rc;

	if (r->whole.n > FOR_FRONT) {
		hedge_drop(r);
		attempt_now(r)->status = h->status;
		attempt_go(r, stage_answer);
		loop_queue(r);
		return;
	}
	if ((rc = relay_whole(r)) == 0)
		attempt_succeeded(r, h->status);
	else if (rc == 1)
		attempt_start(r);
	else if (rc == 2) {
		attempt_now(r)->status = h->status;
		attempt_go(r, stage_send);
		fetch_answer(r, relay_parts(r));
		loop_due(r, r->due_ms);
	} else
		attempt_failed_answer(r, h->status);
}

static void
stream_end(struct req *r, const struct call_head *h)
{
	if (relay_end(r) == 0)
		attempt_succeeded(r, h->status);
	else
		attempt_failed_answer(r, h->status);
}

void
attempt_end(struct req *r, const struct call_head *h, const struct err *e)
{
	r->told_us = clock_us();
	r->call = NULL;
	r->paused = false;
	if (r->complete)
		attempt_succeeded(r, h->status);
	else if (r->gone) {
		hedge_drop(r);
		loop_over(r);
	} else if (r->broken)
		attempt_failed_answer(r, h->status);
	else if (h->status != 0 && !is_success(h->status))
		refused(r, h);
	else if (e->code != ERR_NONE) {
		r->err = *e;
		if (e->code == ERR_UPSTREAM)
			provider_fault_set(FAULT_UPSTREAM,
			    attempt_now(r)->target, h->status, &r->err);
		attempt_failed(r,
		    e->code == ERR_FETCH ? FAULT_NETWORK : FAULT_UPSTREAM,
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

const struct call_ops attempt_ops = { .body = on_body, .end = on_end };
