/* An answer out of the cache, with what is this request's own put in. */
#include "base/clock.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define OWN_MAX ((size_t)1024 * 1024) /* what is put in, beside the body's */
#define FOR_FRONT ((size_t)64 * 1024) /* bigger ones are not for the loop */
#define GAP_MS 1000                   /* as long as a gap may be, api.md 16 */

/* Events that go out as they came. */
struct replay {
	struct str rest;
	const struct keep_mark *marks;
	size_t nmarks, at;
};

static void
fill_record(struct req *r, const struct keep_entry *e)
{
	struct usage_record *u = &r->record;
	struct llm_facts *f = &r->kept->facts;

	u->cached = true;
	u->usage = e->usage;
	u->used_model = arena_dup(r->life, e->used_model);
	u->used_provider = arena_dup(r->life, e->used_provider);
	u->upstream_model = arena_dup(r->life, e->upstream_model);
	u->used_region = arena_dup(r->life, e->used_region);
	u->decision = STR_NONE;
	buf_clear(&r->dropped);
	buf_add(&r->dropped, e->dropped);
	f->why = e->why;
	str_copy(f->raw_stop, sizeof(f->raw_stop), e->raw_stop);
	r->kept->hit = true;
}

static void
put_in(struct req *r, const struct keep_entry *e, struct buf *out)
{
	struct buf metadata = BUF_LIMIT(OWN_MAX);
	struct reuse_fill fill = {
		.include_usage = r->chat.include_usage,
		.usage = relay_shows_usage(&r->world->conf),
		.members = r->chat.members,
		.nmembers = r->chat.nmembers,
	};

	record_metadata(r, &metadata);
	fill.metadata = buf_str(&metadata);
	reuse_put(&e->answer, &fill, out);
	buf_free(&metadata);
}

/* The events of the next mark; after the last mark all that is left. */
static struct str
next_events(struct replay *p)
{
	struct str s = p->rest;
	uint32_t n = p->marks[p->at++].events;
	const char *q = s.p, *end = s.p + s.n;

	for (; n > 0 && q < end && p->at < p->nmarks; n--) {
		q = memmem(q, (size_t)(end - q), "\n\n", 2);
		if (q == NULL)
			break;
		q += 2;
	}
	if (q != NULL && p->at < p->nmarks)
		s.n = (size_t)(q - s.p);
	p->rest.p += s.n;
	p->rest.n -= s.n;
	return s;
}

static void
next_piece(struct req *r, int64_t now)
{
	struct replay *p = r->timed;
	struct str s = next_events(p);
	int64_t wait;

	reply_more(r, s, p->rest.n == 0);
	if (p->rest.n == 0) {
		r->complete = true;
		r->state = REQ_DRAIN;
	} else {
		wait = p->marks[p->at].wait_ms;
		loop_due(r, now + (wait < GAP_MS ? wait : GAP_MS));
	}
	loop_written(r);
}

static enum verdict
replay(struct req *r, const struct keep_entry *e, struct str events)
{
	struct replay *p = ARENA_NEW(r->life, struct replay);

	*p = (struct replay){ arena_dup(r->life, events), e->marks, e->nmarks,
		0 };
	r->timed = p;
	r->on_due = next_piece;
	r->due_ms = 0;
	r->state = REQ_TIMED;
	return loop_give(r);
}

static enum verdict
answer(struct req *r, const struct keep_entry *e)
{
	struct buf out = BUF_LIMIT(e->answer.text.n + OWN_MAX +
	    REUSE_HOLES * r->chat.body.n + e->answer.tail.n);
	enum verdict v = DONE;

	fill_record(r, e);
	put_in(r, e, &out);
	r->answered = true;
	r->first_ms = clock_ms();
	if (!r->chat.stream)
		reply_whole(r, 200, NULL, STR(""), buf_str(&out));
	else if (e->nmarks > 1 &&
	    strcmp(r->world->conf.replay_gaps, "original") == 0)
		v = replay(r, e, buf_str(&out));
	else
		reply_more(r, buf_str(&out), true);
	if (v == DONE)
		r->complete = true;
	buf_free(&out);
	return v;
}

static void
on_loop(struct req *r, int64_t now)
{
	(void)now;
	r->on_due = NULL;
	answer(r, r->timed);
	r->state = REQ_DRAIN;
	loop_written(r);
}

/*
 * The loop writes records and log lines of many requests together, which is
 * cheaper than what it costs to give it the request.
 */
enum verdict
keep_answer(struct req *r, const struct keep_entry *e)
{
	if (e->nmarks > 1 || e->answer.text.n > FOR_FRONT)
		return answer(r, e);
	r->timed = (void *)(uintptr_t)e;
	r->on_due = on_loop;
	r->due_ms = 0;
	r->state = REQ_TIMED;
	return loop_give(r);
}
