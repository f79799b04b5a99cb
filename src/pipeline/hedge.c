#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/gate.h"
#include "pipeline/hedge.h"
#include "pipeline/loop.h"
#include "pipeline/outcome.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/world.h"
#include "store/slow.h"

#define KEPT_MAX ((size_t)32 * 1024 * 1024) /* until it has won, soon */

struct hedge {
	struct req *r;
	const struct target *t;
	struct http_request ask;
	struct call *call; /* NULL: it is over */
	struct call_head head;
	struct buf kept;
	struct buf dropped;
	struct err err;
	int64_t started_ms;
	bool heard; /* the first byte of a good answer has come */
	bool ended; /* before it could win */
	bool won;   /* it is the request's only transfer */
	bool lost;  /* listed already; to be cancelled */
};

int64_t
hedge_at(struct req *r)
{
	struct world *w = r->world;
	const struct target *t = attempt_target(r);
	int64_t p95;

	r->hedge_ms = INT64_MAX;
	if (w->slow == NULL || r->hedged || r->no_retry ||
	    r->endpoint->dialect->task == LLM_IMAGE)
		return r->hedge_ms;
	if (r->tries == 1)
		atomic_fetch_add(&w->asked, 1);
	p95 = slow_p95(w->slow, t->place, r->chat.stream);
	if (p95 >= 0)
		r->hedge_ms = clock_ms() + p95;
	return r->hedge_ms;
}

/* --- its transfer --- */

static int
on_body(void *arg, struct str bytes)
{
	struct hedge *h = arg;
	int status = call_head(h->call)->status;

	if (h->won)
		return attempt_body(h->r, call_head(h->call), bytes);
	if (h->lost || status < 200 || status > 299)
		return 0;
	buf_add(&h->kept, bytes);
	if (!h->heard && bytes.n > 0) {
		h->heard = true;
		loop_due(h->r, clock_ms()); /* nothing is cancelled in here */
	}
	return h->kept.full ? -1 : 0;
}

static void
on_end(void *arg, const struct err *e)
{
	struct hedge *h = arg;

	h->head = *call_head(h->call);
	h->call = NULL;
	if (h->won) {
		attempt_end(h->r, &h->head, e);
		return;
	}
	h->err = *e;
	h->ended = true;
	loop_due(h->r, clock_ms());
}

static const struct call_ops ops = { .body = on_body, .end = on_end };

static void
free_bufs(void *arg)
{
	struct hedge *h = arg;

	buf_free(&h->kept);
	buf_free(&h->dropped);
}

/* Of another provider or model, moved to be the next; NULL: there is none. */
static const struct target *
next_place(struct req *r)
{
	const struct target *now = attempt_target(r);
	struct target t;
	int i = r->next_target;

	while (i < r->ntargets && r->targets[i].mapping == now->mapping)
		i++;
	if (i == r->ntargets || r->tries + 1 >= ATTEMPTS_MAX ||
	    r->targets[i].upstream->ops->need != NULL ||
	    outcome_barred(r, &r->targets[i]))
		return NULL;
	t = r->targets[i];
	for (; i > r->next_target; i--)
		r->targets[i] = r->targets[i - 1];
	r->targets[i] = t;
	return &r->targets[r->next_target++];
}

static bool
may(struct world *w)
{
	int64_t asked = atomic_load(&w->asked);

	return (atomic_load(&w->hedges) + 1) * 100 <=
	    asked * w->conf.hedge_percent;
}

static void
begin(struct req *r)
{
	struct world *w = r->world;
	struct call_limits limits;
	const struct target *t;
	struct hedge *h;

	if (!may(w) || r->setup == NULL || (t = next_place(r)) == NULL)
		return;
	r->hedged = true;
	h = ARENA_NEW(r->life, struct hedge);
	*h = (struct hedge){ .r = r,
		.t = t,
		.kept = BUF_LIMIT(KEPT_MAX),
		.dropped = BUF_LIMIT(4096),
		.started_ms = clock_ms() };
	arena_defer(r->life, free_bufs, h);
	r->targets[t - r->targets].now = clock_wall_ms() / 1000;
	if (provider_request(
		t, &r->chat, r->setup, &h->ask, &h->dropped, &h->err) == -1)
		return;
	limits = attempt_limits(r, provider_streams(t, &r->chat));
	h->call = call_start(loop_pool(w->loop), loop_multi(w->loop), &h->ask,
	    &limits, &ops, h, &h->err);
	if (h->call == NULL)
		return;
	atomic_fetch_add(&w->hedges, 1);
	r->hedge = h;
}

/* --- who wins --- */

/* The last attempt stays the one that answers. */
static void
list_before(struct req *r, const struct hedge *h, enum fault fault, int status)
{
	struct attempt *last = &r->attempts[r->tries - 1];

	if (r->tries == ATTEMPTS_MAX)
		return;
	last[1] = last[0];
	last[0] = (struct attempt){ .target = h->t,
		.status = status,
		.fault = fault,
		.started_ms = h->started_ms,
		.duration_ms = clock_ms() - h->started_ms };
	r->tries++;
	attempt_count(r, last);
}

void
hedge_lost(struct req *r)
{
	struct hedge *h = r->hedge;

	if (h == NULL || h->lost || h->won)
		return;
	h->lost = true;
	list_before(r, h, FAULT_CANCELLED, 0);
	loop_due(r, clock_ms());
}

void
hedge_drop(struct req *r)
{
	struct hedge *h = r->hedge;

	if (h == NULL || h->won)
		return;
	if (!h->lost && r->tries > 0 && !r->complete)
		list_before(r, h, FAULT_CANCELLED, 0);
	if (h->call != NULL)
		call_cancel(h->call);
	h->call = NULL;
	r->hedge = NULL;
}

/* It goes on as the request's own transfer. */
static void
take_over(struct req *r)
{
	struct hedge *h = r->hedge;
	struct str kept = buf_str(&h->kept);

	h->won = true;
	r->err = (struct err){ .code = ERR_NONE };
	r->broken = false;
	r->told_wait_ms = -1;
	buf_clear(&r->whole);
	buf_clear(&r->dropped);
	buf_add(&r->dropped, buf_str(&h->dropped));
	attempt_names(r, h->t);
	relay_begin(r, h->t);
	relay_names(r, h->t);
	gate_asked(r, h->t);
	attempt_begin(r, h->t, h->started_ms);
	r->call = h->call;
	r->heard_ms = 0;
	r->hedge = NULL;
	if (h->call != NULL)
		h->head = *call_head(h->call);
	if (kept.n > 0 && attempt_body(r, &h->head, kept) == -1 &&
	    h->call != NULL) {
		call_cancel(h->call);
		h->call = r->call = NULL;
		h->ended = true;
	}
	loop_flush(r->world->loop);
	if (h->ended)
		attempt_end(r, &h->head, &h->err);
}

bool
hedge_takes(struct req *r)
{
	struct hedge *h = r->hedge;

	if (h == NULL || h->lost || h->won || (h->ended && !h->heard))
		return false;
	take_over(r);
	return true;
}

/* Before it could win; the first one goes on. */
static void
has_failed(struct req *r, const struct hedge *h)
{
	bool good = h->head.status >= 200 && h->head.status < 300;
	enum key_harm harm = KEY_UNHARMED;
	struct target t = *h->t;
	struct err e = { .code = ERR_NONE };
	const struct mapping *m = t.mapping;
	enum fault fault = FAULT_UPSTREAM;

	if (m->model == NULL)
		t.mapping = NULL;
	if (h->err.code == ERR_FETCH)
		fault = FAULT_NETWORK;
	else if (h->err.code == ERR_NONE && !good && h->head.status != 0)
		fault = provider_fault_named(&t, h->head.status,
		    str_from(h->head.error), STR_NONE, r->life, &e);
	if (fault == FAULT_GATEWAY)
		harm = provider_key_harm(h->head.status, STR_NONE);
	list_before(r, h, fault, h->head.status);
	outcome_note(r, &r->attempts[r->tries - 2], harm, 0);
}

bool
hedge_look(struct req *r, int64_t now)
{
	struct hedge *h = r->hedge;

	if (h == NULL) {
		if (r->hedge_ms > now || r->heard_ms != 0)
			return false;
		r->hedge_ms = INT64_MAX;
		begin(r);
		return false;
	}
	if (h->lost) {
		hedge_drop(r);
		return false;
	}
	if (h->heard && r->heard_ms == 0) {
		if (r->call != NULL)
			call_cancel(r->call);
		r->call = NULL;
		attempt_cancelled(r);
		take_over(r);
		return true;
	}
	if (h->ended) {
		has_failed(r, h);
		r->hedge = NULL;
	}
	return false;
}
