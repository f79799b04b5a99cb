/* Answers that come as events. */
#include <assert.h>

#include "base/clock.h"
#include "dialect/invoke.h"
#include "pipeline/attempt.h"
#include "pipeline/gate.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/relay_parts.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

static int
on_event(void *arg, const struct sse_event *ev, struct err *e)
{
	struct relay *y = arg;
	struct loop *l = y->r->world->loop;
	struct arena *scratch = loop_scratch(l);
	int rc;

	if (y->patched)
		rc = y->from->relay_event(
		    y->state, scratch, &y->frame, ev, y->out, e);
	else
		rc = y->from->decode_event(
		    y->state, scratch, &y->frame, ev, &y->sink, e);
	arena_reset(scratch);
	if (rc == 1)
		y->terminal = true;
	return rc;
}

/* Each chunk is an event of the dialect, wrapped. */
static int
on_chunk(void *arg, const struct sse_event *ev, struct err *e)
{
	struct relay *y = arg;
	struct sse_event in;
	int rc = invoke_unwrap(ev, loop_scratch(y->r->world->loop), &in, e);

	return rc == 1 ? on_event(y, &in, e) : rc;
}

static int
feed(struct relay *y, struct str bytes)
{
	struct err *e = &y->r->err;

	if (y->framing == FRAMING_SSE)
		return sse_feed(&y->sse, bytes, on_event, y, e);
	return eventstream_feed(&y->frames, bytes,
	    y->framing == FRAMING_AWS ? on_event : on_chunk, y, e);
}

/* The first bytes of an answer settle who serves, and that nobody else will. */
static void
note_first(struct req *r, const struct buf *out)
{
	if (out->n == 0 || r->answered)
		return;
	r->answered = true;
	r->first_ms = clock_ms();
	record_streams(r);
}

/* Send what the last events made. */
void
relay_send_out(struct req *r, bool last)
{
	struct buf *out = r->relay->out;

	note_first(r, out);
	if (r->kept != NULL)
		keep_copy(r, buf_str(out));
	if (out->n > 0 || last)
		reply_more(r, buf_str(out), last);
	buf_clear(out);
	loop_unclaim(r);
	if (r->answered && r->setup != NULL && r->hedge == NULL &&
	    (r->call == NULL || call_sent(r->call)))
		req_drop_setup(r);
}

void
relay_flush(struct req *r)
{
	relay_send_out(r, false);
}

int
relay_feed(struct req *r, struct str bytes)
{
	struct relay *y = r->relay;
	int rc;

	assert(y != NULL);
	y->out = loop_claim(r);
	rc = feed(y, bytes);
	gate_heard(r);
	if (rc == -1 && r->err.code == ERR_BLOCKED && !r->headed)
		buf_clear(y->out); /* nothing has gone: it becomes a 400 */
	note_first(r, y->out);
	if (rc == -1)
		return -1;
	if (!y->terminal)
		return 0;
	if (relay_end(r) == -1)
		return -1;
	r->complete = true;
	return 0;
}

/* Bare JSON behind the last event is an error that came late (trap 10). */
static int
take_rest(struct relay *y, struct err *e)
{
	struct sse_event ev = { .data = str_trim(sse_rest(&y->sse)) };

	if (ev.data.n == 0 || ev.data.p[0] != '{')
		return 0;
	return on_event(y, &ev, e);
}

/* The bytes are over, the last event was not the terminal one. */
static int
feed_end(struct relay *y)
{
	struct err *e = &y->r->err;

	if (y->framing != FRAMING_SSE)
		return eventstream_end(&y->frames, e);
	return sse_end(&y->sse, on_event, y, e) == -1 ? -1 : take_rest(y, e);
}

static int
end_patched(struct relay *y)
{
	struct loop *l = y->r->world->loop;
	struct arena *scratch = loop_scratch(l);
	int rc;

	rc = y->from->relay_end(y->state, scratch, &y->frame,
	    relay_tail(y, scratch), y->out, &y->r->err);
	arena_reset(scratch);
	relay_send_out(y->r, rc == 0);
	return rc;
}

int
relay_end(struct req *r)
{
	struct relay *y = r->relay;

	y->out = loop_claim(r);
	if (!y->terminal && feed_end(y) == -1) {
		r->broken = true;
		relay_send_out(r, false);
		return -1;
	}
	y->terminal = true;
	if (y->patched)
		return end_patched(y);
	if (y->from->decode_end(y->state, &y->sink, &r->err) == -1) {
		relay_send_out(r, false);
		return -1;
	}
	if (y->fold != NULL) {
		loop_unclaim(r);
		return relay_send_folded(y);
	}
	relay_send_out(r, true);
	return 0;
}
