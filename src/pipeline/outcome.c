/*
 * What came of an attempt, and whether there is another (api.md 12.5, 12.6).
 */
#include "base/clock.h"
#include "pipeline/outcome.h"
#include "pipeline/world.h"
#include "store/slow.h"

#define RETRY_FEW 3 /* retries in progress that are always allowed */
#define WAIT_MS 250 /* before the last target again, and as much at random */

static bool
is_failure(enum fault fault)
{
	return fault != FAULT_NONE && fault != FAULT_CLIENT &&
	    fault != FAULT_FILTER;
}

/*
 * A 4xx that tells nothing about provider and key (api.md 12.6).  What used a
 * key up (402) is told by its harm.
 */
static bool
is_other_refusal(const struct attempt *at, enum key_harm harm)
{
	static const int tells[] = { 401, 403, 404, 429 };

	if (harm != KEY_UNHARMED || at->status < 400 || at->status >= 500)
		return false;
	for (size_t i = 0; i < NROWS(tells); i++)
		if (at->status == tells[i])
			return false;
	return true;
}

static enum health_key
key_outcome(enum fault fault, enum key_harm harm)
{
	if (harm == KEY_BAD)
		return HEALTH_KEY_BAD;
	if (harm == KEY_EMPTY)
		return HEALTH_KEY_EMPTY;
	return is_failure(fault) ? HEALTH_KEY_FAILED : HEALTH_KEY_OK;
}

void
outcome_note(
    struct req *r, const struct attempt *at, enum key_harm harm, int64_t tokens)
{
	const struct target *t = at->target;
	struct health *h = r->world->health;
	bool other = is_other_refusal(at, harm);
	struct health_event ev = {
		.failed = is_failure(at->fault),
		.counts = !other &&
		    (at->fault == FAULT_NONE ||
			(is_failure(at->fault) && at->fault != FAULT_RATE)),
		.first_ms = r->chat.stream && r->first_ms > 0 ?
		    r->first_ms - at->started_ms :
		    -1,
		.busy_ms = at->duration_ms,
		.tokens = tokens,
	};

	if (r->endpoint->dialect->task == LLM_COUNT)
		return; /* api.md 5.4 */
	health_note(h, t->place, &ev);
	if (r->world->slow != NULL && at->fault == FAULT_NONE)
		slow_note(r->world->slow, t->place, r->chat.stream,
		    ev.first_ms >= 0 ? ev.first_ms : ev.busy_ms);
	if (t->key < t->upstream->nkeys && !other &&
	    at->fault != FAULT_CLIENT && at->fault != FAULT_FILTER)
		health_key_note(h, t->upstream->marks[t->key],
		    key_outcome(at->fault, harm));
	/* A fallback moves the session. */
	if (at->fault == FAULT_NONE && r->session_mark != 0)
		health_remember(
		    h, r->session_mark, health_mark(h, &t->upstream->id, 1));
}

bool
outcome_barred(struct req *r, const struct target *t)
{
	return health_gate(r->world->health, t->place) == HEALTH_OPEN;
}

/* One more of all requests that are tried again, if there may be one more. */
static bool
count_retry(struct req *r)
{
	struct world *w = r->world;
	int64_t share = w->conf.retry_budget * atomic_load(&w->inflight) / 100;
	int now;

	if (r->retrying)
		return true;
	now = atomic_fetch_add(&w->retries, 1);
	r->retrying = now < RETRY_FEW || now < share;
	if (!r->retrying)
		atomic_fetch_sub(&w->retries, 1);
	return r->retrying;
}

static bool
is_retriable(const struct req *r, enum fault fault)
{
	return fault_rows[fault].retry && !r->broken_off &&
	    clock_ms() - r->began_ms < r->world->conf.timeout_gateway;
}

bool
outcome_retry(struct req *r, enum fault fault)
{
	return is_retriable(r, fault) && r->next_target < r->ntargets &&
	    count_retry(r);
}

int64_t
outcome_wait(struct req *r, enum fault fault)
{
	int64_t ms = WAIT_MS + rand_pool_below(&r->ids, WAIT_MS);
	int64_t max = r->world->conf.retry_wait_max;

	if (r->told_wait_ms >= 0)
		ms = r->told_wait_ms;
	if (r->waited || fault == FAULT_TIMEOUT || !is_retriable(r, fault) ||
	    r->tries == ATTEMPTS_MAX || r->ntargets == ATTEMPTS_MAX ||
	    fault == FAULT_GATEWAY || ms > max ||
	    clock_ms() + ms - r->began_ms >= r->world->conf.timeout_gateway ||
	    !count_retry(r))
		return -1;
	return ms;
}
