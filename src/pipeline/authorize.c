#include "base/clock.h"
#include "domain/iam.h"
#include "pipeline/authorize.h"
#include "pipeline/gate.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

static void
put(struct buf *b, const struct req *r)
{
	const struct principal *p = r->who;

	if (r->in.authorizer)
		buf_fmt(b,
		    "Variable-LLMGW_KEY: %s\r\n"
		    "Variable-LLMGW_PROJECT: %s\r\n"
		    "Variable-LLMGW_ORGANIZATION: %s\r\n",
		    p->key, p->project, p->org->id);
	else
		buf_fmt(b,
		    "X-LLMGW-Key: %s\r\n"
		    "X-LLMGW-Project: %s\r\n"
		    "X-LLMGW-Organization: %s\r\n",
		    p->key, p->project, p->org->id);
}

static enum verdict
allow(struct req *r)
{
	struct buf b = BUF_LIMIT(1024);

	if (req_param(r, "LLMGW_REFUSED").n > 0) {
		r->err.retry_after = 1;
		err_set(&r->err, ERR_OVERLOADED,
		    "It was refused a moment ago and would be allowed now");
		return FAIL;
	}
	put(&b, r);
	if (r->in.authorizer)
		reply_allow(r, buf_str(&b));
	else
		reply_whole(r, 200, NULL, buf_str(&b), STR(""));
	buf_free(&b);
	return DONE;
}

enum verdict
stage_authorize(struct req *r)
{
	struct limit_ask ask = { .who = r->who,
		.key_defaults = limit_defaults(&r->world->conf),
		.needs_credit = strcmp(r->who->mode, "credits") == 0,
		.bare = true,
		.count_rpm = -1,
		.wall_ms = clock_wall_ms() };
	struct limit_plan p __attribute__((uninitialized));
	enum verdict v = NEXT;

	if (r->who->nrules > 0 &&
	    iam_address(r->who, req_address(r), &r->err) == -1)
		return FAIL;
	limit_make(&p, &ask);
	if (p.n > 0)
		v = gate_take(r, &p, &ask);
	return v == NEXT ? allow(r) : v;
}
