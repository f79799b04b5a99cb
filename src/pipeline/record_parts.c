/* Parts of the record that stand in the body, and records of failed attempts. */
#include "base/clock.h"
#include "pipeline/batch.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/world.h"

#define USER_MAX ((size_t)256)
#define TIER_MAX ((size_t)32)
#define RECORD_MAX ((size_t)256 * 1024)

/* Text of a member, cut to `max` bytes. */
static struct str
text_of(struct req *r, struct str raw, size_t max)
{
	struct str s = raw.p == NULL ? STR_NONE : jscan_text(raw, r->setup);

	s = str_cut(s, max);
	return s.n == 0 ? STR_NONE : arena_dup(r->life, s);
}

void
record_body(struct req *r)
{
	const struct jmember *m = r->chat.members;
	int n = r->chat.nmembers;
	const struct str places[] = { jscan_get(m, n, "user"),
		jscan_get(m, n, "safety_identifier"),
		jscan_at(jscan_get(m, n, "metadata"), "user_id") };

	for (size_t i = 0; i < NROWS(places) && r->record.user.p == NULL; i++)
		r->record.user = text_of(r, places[i], USER_MAX);
	r->record.tier =
	    text_of(r, jscan_get(m, n, "service_tier"), TIER_MAX);
}

void
record_failed(struct req *r, struct attempt *at)
{
	const struct llm_facts *f = r->relay == NULL ? NULL : relay_facts(r);
	struct attempt_cost *c;

	if (f == NULL || !f->has_usage || at->cost != NULL)
		return;
	c = at->cost = ARENA_NEW(r->life, struct attempt_cost);
	c->usage = f->usage;
	record_price(r, at->target, &c->usage, &c->cost);
}

static void
put(struct req *r, const struct usage_record *u)
{
	struct buf b = BUF_LIMIT(RECORD_MAX);
	struct err e = { 0 };

	usage_end(u, &b);
	if (loop_is_here(r->world->loop))
		batch_add(loop_batch(r->world->loop), r->world, buf_str(&b));
	else if (spool_end(r->world->spool, buf_str(&b), NULL, &e) == -1)
		log_say(&r->world->log, LOG_ERROR_,
		    "a record of an attempt of %s is lost: %s", r->record_id,
		    e.msg);
	buf_free(&b);
}

/* Whether what the last attempt cost stands in the request's own record. */
static bool
is_settled(const struct req *r)
{
	return r->answered || r->gone;
}

static void
put_attempt(struct req *r, const struct attempt *at, bool last)
{
	const struct fault_row *f = &fault_rows[at->fault];
	struct usage_record u = r->record;
	char id[ID_SIZE];

	u.started_ms = r->record.started_ms + at->started_ms - r->began_ms;
	memcpy(id, "log_", 4);
	rand_pool_timed(&r->ids, id + 4, 20, u.started_ms);
	u.id = str_from(id);
	u.attempt_of = r->record.id;
	u.hold_nano = 0;
	u.used_provider = at->target->upstream->id;
	u.upstream_model = at->target->model;
	u.used_region = at->target->region;
	u.error_code = str_from(err_rows[f->code].code);
	u.error_class = str_from(f->word);
	u.finish = str_from(usage_finish_word(LLM_STOP_NONE, f->code, false));
	u.raw_finish = u.routing = u.dropped = STR_NONE;
	u.status = at->status;
	u.duration_ms = at->duration_ms;
	u.ttft_ms = u.reasoning_ms = -1;
	u.request_bytes = u.answer_bytes = 0;
	u.usage = (struct llm_usage){ 0 };
	u.cost = (struct llm_cost){ 0 };
	if (at->cost != NULL && !(last && is_settled(r))) {
		u.usage = at->cost->usage;
		u.cost = at->cost->cost;
	}
	put(r, &u);
}

void
record_attempts(struct req *r)
{
	for (int i = 0; i < r->tries; i++) {
		bool last = i == r->tries - 1;

		if (r->attempts[i].fault == FAULT_NONE ||
		    (last && r->complete && r->answered))
			continue;
		put_attempt(r, &r->attempts[i], last);
	}
}

void
record_fallback(struct req *r)
{
	static const char head[] = "{\"reason\":";
	struct str d = r->record.decision;

	if (r->tries < 2 || !str_starts(d, head) ||
	    str_eq(r->record.used_provider,
		r->attempts[0].target->upstream->id))
		return;
	d.p += sizeof(head) - 1;
	d.n -= sizeof(head) - 1;
	r->record.decision = arena_fmt(r->life,
	    "%s\"fallback\",\"first_reason\":%.*s", head, STR_ARG(d));
}
