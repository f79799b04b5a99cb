/* Timers of an attempt: deadlines and pings. */
#include "base/clock.h"
#include "pipeline/attempt_parts.h"
#include "pipeline/hedge.h"
#include "pipeline/loop.h"
#include "pipeline/relay.h"
#include "pipeline/reply.h"
#include "pipeline/token.h"
#include "pipeline/world.h"

#define PING_AGAIN_MS 1000

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

/* When the provider's time is up. */
int64_t
attempt_patience(struct req *r)
{
	int64_t started = attempt_now(r)->call_ms, due;

	due = attempt_earliest(started + total_ms(r),
	    r->began_ms + r->world->conf.timeout_gateway);
	if (r->heard_ms == 0)
		return attempt_earliest(due, started + first_byte_ms(r));
	return r->paused ? due :
			   attempt_earliest(due, r->heard_ms + idle_ms(r));
}

int64_t
attempt_ping_at(const struct req *r)
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
	attempt_failed(r, FAULT_TIMEOUT, 0);
}

/* A comment, or what the dialect has for it once the answer has begun. */
static struct str
ping_of(const struct req *r)
{
	const char *own = r->endpoint->dialect->ping;

	return r->answered && own != NULL ? str_from(own) : STR(": ping\n\n");
}

void
attempt_on_due(struct req *r, int64_t now)
{
	int64_t ping;

	if (r->call == NULL || (hedge_look(r, now) && r->call == NULL))
		return;
	if (r->complete) { /* the provider does not close its side */
		attempt_drop_call(r);
		attempt_succeeded(r, 200);
		return;
	}
	if (attempt_patience(r) <= now) {
		timed_out(r);
		return;
	}
	if (attempt_ping_at(r) <= now &&
	    r->client->ops->pending(r->client) == 0) {
		reply_more(r, ping_of(r), false);
		loop_written(r);
		if (r->gone) {
			attempt_abandon(r);
			loop_over(r);
			return;
		}
	}
	/* A ping that has to wait for the client is not to be tried at once. */
	ping =
	    attempt_ping_at(r) > now ? attempt_ping_at(r) : now + PING_AGAIN_MS;
	ping = attempt_earliest(ping, r->hedge_ms);
	loop_due(r,
	    attempt_earliest(
		attempt_patience(r), attempt_earliest(ping, now + 60000)));
}
