#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/loop.h"
#include "pipeline/token.h"
#include "pipeline/world.h"

#define ANSWER_MAX ((size_t)64 * 1024)
#define PATIENCE_MS 20000 /* if a first byte may not come sooner */

static const struct provider_ops *
ops_of(const struct req *r)
{
	return attempt_target(r)->upstream->ops;
}

/* What came, with the time at which it came. */
static int
give(struct req *r, int status, struct str body, struct err *e)
{
	struct target t = *attempt_target(r);

	t.now = clock_wall_ms() / 1000;
	return t.upstream->ops->took(&t, status, body, e);
}

bool
token_need(struct req *r, struct target *t, enum verdict *v)
{
	int rc = 0;

	if (t->upstream->ops->need != NULL)
		rc = t->upstream->ops->need(t, r->setup, &r->ask, &r->err);
	if (rc == 0) {
		r->token = TOKEN_HELD;
		return false;
	}
	r->token = rc == 1 ? TOKEN_FETCH : rc == 2 ? TOKEN_WAIT : TOKEN_FAILED;
	attempt_begin(r, t, clock_ms());
	r->state = REQ_CALL;
	*v = loop_give(r);
	return true;
}

static void
fail(struct req *r)
{
	enum fault fault =
	    r->err.code == ERR_FETCH ? FAULT_NETWORK : FAULT_GATEWAY;
	int status = r->err.status;

	r->token = TOKEN_HELD;
	provider_fault_set(fault, attempt_target(r), status, &r->err);
	attempt_failed(r, fault, status);
}

/* Whoever waited looks again; one of them may become the next to fetch. */
static void
wake(struct req *r)
{
	r->token = TOKEN_HELD;
	attempt_again(r);
}

static void
fetched(struct req *r, int status, struct str body)
{
	struct loop *l = r->world->loop;
	int rc;

	r->err = (struct err){ .code = ERR_NONE };
	rc = give(r, status, body, &r->err);
	if (r->whole.n > 0)
		explicit_bzero(r->whole.p, r->whole.n);
	buf_clear(&r->whole);
	r->token = TOKEN_HELD;
	if (r->gone)
		loop_over(r);
	else if (rc == 0)
		attempt_again(r);
	else
		fail(r);
	loop_each_waiting(l, wake);
}

static int
on_body(void *arg, struct str bytes)
{
	struct req *r = arg;

	r->whole.limit = ANSWER_MAX;
	buf_add(&r->whole, bytes);
	return 0;
}

static void
on_end(void *arg, const struct err *e)
{
	struct req *r = arg;
	int status = call_head(r->call)->status;

	r->call = NULL;
	fetched(r, e->code == ERR_NONE ? status : 0, buf_str(&r->whole));
}

static const struct call_ops call_ops = { .body = on_body, .end = on_end };

/* Too late, for who fetches and for who waits. */
static void
on_due(struct req *r, int64_t now)
{
	(void)now;
	if (r->token == TOKEN_HELD)
		return;
	if (r->token == TOKEN_FETCH) {
		r->token = TOKEN_HELD;
		attempt_drop_call(r);
		give(r, 0, STR_NONE, &r->err);
		loop_each_waiting(r->world->loop, wake);
	}
	r->token = TOKEN_HELD;
	provider_fault_set(FAULT_TIMEOUT, attempt_target(r), 0, &r->err);
	attempt_failed(r, FAULT_TIMEOUT, 0);
}

static void
fetch(struct req *r)
{
	struct loop *l = r->world->loop;
	struct call_limits limits = {
		.connect_ms = r->world->conf.timeout_connect,
		.body_max = ANSWER_MAX,
	};

	buf_clear(&r->whole);
	r->call = call_start(loop_pool(l), loop_multi(l), &r->ask, &limits,
	    &call_ops, r, &r->err);
	if (r->call == NULL)
		fetched(r, 0, STR_NONE);
}

static int64_t
patience(const struct req *r)
{
	int64_t ms = attempt_target(r)->upstream->timeout_first_byte;

	return ms > 0 && ms < PATIENCE_MS ? ms : PATIENCE_MS;
}

void
token_start(struct req *r)
{
	const struct target *t = attempt_target(r);
	int rc;

	if (r->token == TOKEN_FAILED) {
		fail(r);
		return;
	}
	r->on_due = on_due;
	loop_due(r, clock_ms() + patience(r));
	if (r->token == TOKEN_FETCH) {
		fetch(r);
		return;
	}
	/* It may have come while this request was on its way here. */
	rc = ops_of(r)->need(t, r->setup, &r->ask, &r->err);
	if (rc == 2)
		return;
	r->token = rc == 1 ? TOKEN_FETCH : TOKEN_HELD;
	if (rc == 1)
		fetch(r);
	else if (rc == 0)
		attempt_again(r);
	else
		fail(r);
}

void
token_dropped(struct req *r)
{
	struct err e = { .code = ERR_NONE };

	if (r->token != TOKEN_FETCH)
		return;
	r->token = TOKEN_HELD;
	give(r, -1, STR_NONE, &e);
	loop_each_waiting(r->world->loop, wake);
}

bool
token_renew(struct req *r, int status)
{
	if (status != 401 || r->renewed || ops_of(r)->forget == NULL)
		return false;
	r->renewed = true;
	ops_of(r)->forget(attempt_target(r));
	attempt_again(r);
	return true;
}
