/* Answers that came in one piece, or are sent in one. */
#include "base/clock.h"
#include "dialect/heal.h"
#include "pipeline/attempt.h"
#include "pipeline/guard.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/relay_parts.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

static void
heal_answer(struct relay *y, struct arena *a)
{
	struct llm_choice *c;
	struct llm_part *p;
	struct str better;

	for (c = y->answer->choices; c != NULL; c = c->next)
		for (p = c->parts; p != NULL; p = p->next)
			if (p->kind == LLM_TEXT &&
			    heal_json(p->text, a, &better))
				p->text = better;
}

/* The whole answer, if guardrails let it pass; else their error. */
static void
send_whole(struct req *r, struct str body)
{
	if (guard_answer(r, &body) == -1) {
		reply_error(r);
		return;
	}
	r->answered = true;
	r->first_ms = clock_ms();
	if (r->kept != NULL)
		keep_copy(r, body);
	reply_whole(r, 200, NULL, STR(""), body);
}

static void
free_pieces(void *arg)
{
	struct pieces *p = arg;

	buf_free(&p->text);
}

/* Where a long answer is put together, to the end of the request. */
static struct pieces *
new_pieces(struct req *r)
{
	struct pieces *p = ARENA_NEW(r->life, struct pieces);

	*p = PIECES_LIMIT(RELAY_ANSWER_MAX);
	arena_defer(r->life, free_pieces, p);
	return p;
}

static int
send_pieces(struct relay *y)
{
	struct req *r = y->r;
	struct pieces *p = new_pieces(r);

	y->to->encode_pieces(&y->frame, y->answer, relay_tail(y, r->life), p);
	r->answered = true;
	r->first_ms = clock_ms();
	reply_pieces(r, p);
	return 0;
}

static void
free_body(void *arg)
{
	buf_free(arg);
}

/* What was decoded points into the body; the next call has another one. */
static void
keep_body(struct req *r)
{
	struct buf *b = ARENA_NEW(r->life, struct buf);

	*b = r->whole;
	arena_defer(r->life, free_body, b);
	r->whole = (struct buf){ 0 };
}

/* Webhooks judge the answer first: 1 if they are to be asked, -1 blocked. */
static int
wait_for_judges(struct relay *y)
{
	int rc;

	if (y->judged || !guard_judges(y->r) || y->to->task != LLM_CHAT)
		return 0;
	y->judged = true;
	rc = guard_hear(y->r, y->answer);
	if (rc == 1) {
		keep_body(y->r);
		y->waits = true;
	}
	return rc;
}

/* What was folded goes out, as events or in one piece. */
int
relay_send_folded(struct relay *y)
{
	struct req *r = y->r;
	struct buf b = BUF_LIMIT(RELAY_ANSWER_MAX);
	struct jw w = JW_TO(&b);
	int rc;

	if (y->answer->failed) {
		r->err = y->answer->error;
		r->broken = true;
		return -1;
	}
	if (r->chat.heal)
		heal_answer(y, r->life);
	if ((rc = wait_for_judges(y)) != 0)
		return rc == 1 ? 0 : -1;
	y->fold = NULL;
	if (r->chat.stream) {
		y->out = &y->own;
		y->replays = true;
		rc = llm_replay(y->answer, &y->sink, &r->err);
		if (rc == 0)
			relay_send_out(r, true);
		return rc;
	}
	if (y->to->encode_pieces != NULL)
		return send_pieces(y);
	y->to->encode_answer(&y->frame, y->answer, relay_tail(y, r->life), &w);
	send_whole(r, buf_str(&b));
	buf_free(&b);
	return 0;
}

static int
send_patched(struct relay *y, struct str body)
{
	struct req *r = y->r;
	struct pieces *p = new_pieces(r);

	if (y->from->patch_pieces(r->setup, &y->frame, relay_tail(y, r->life),
		body, p, &r->err) == -1)
		return -1;
	r->answered = true;
	r->first_ms = clock_ms();
	reply_pieces(r, p);
	return 0;
}

static int
whole_patched(struct relay *y, struct str body)
{
	struct req *r = y->r;
	struct buf b = BUF_LIMIT(RELAY_ANSWER_MAX);
	int rc = -1;

	if (y->from->patch_read(
		r->setup, &y->frame, body, &y->facts, &r->err) == -1) {
		r->broken = true;
		return -1;
	}
	if (y->from->patch_pieces != NULL)
		return send_patched(y, body);
	if (y->from->patch_write(r->setup, &y->frame, relay_tail(y, r->setup),
		body, &b, &r->err) == 0) {
		send_whole(r, buf_str(&b));
		rc = 0;
	}
	buf_free(&b);
	return rc;
}

/* There is another call: what this one cost is added up. */
static void
keep_usage(struct relay *y)
{
	struct llm_usage u;

	relay_told_usage(y->r, &y->facts, &u);
	llm_usage_add(&y->draw->before, &u);
	y->facts.usage = (struct llm_usage){ 0 };
	y->facts.has_usage = false;
}

/* A URL that is the same with its escapes taken out and in JSON. */
static bool
is_plain(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' ||
		    s.p[i] == '\\')
			return false;
	return str_starts(s, "https://");
}

/* Are there images by URL that the client wants to have?  Unescapes them. */
static bool
has_links(struct relay *y)
{
	struct llm_part *p =
	    y->answer->choices == NULL ? NULL : y->answer->choices->parts;
	struct str raw, url;
	bool any = false;

	for (; p != NULL && y->draw->bytes; p = p->next) {
		raw = p->media.url;
		if (raw.n == 0) /* else it is a string of the body */
			continue;
		url = jscan_text(
		    (struct str){ raw.p - 1, raw.n + 2 }, y->r->life);
		if (!is_plain(url))
			continue;
		p->media.url = arena_dup(y->r->life, url);
		any = true;
	}
	return any;
}

/* A plain body for a client that streams, or that is collected first. */
static int
whole_decoded(struct relay *y, struct str body)
{
	struct req *r = y->r;

	if (y->fold == NULL)
		relay_start_fold(y);
	if (y->from->decode_answer(
		r->setup, &y->frame, body, &y->sink, &r->err) == -1) {
		r->broken = true;
		return -1;
	}
	if (y->draw != NULL && --y->draw->wanted > 0) {
		keep_usage(y);
		keep_body(y->r);
		return 1;
	}
	if (y->draw != NULL && has_links(y)) {
		keep_body(y->r);
		return 2;
	}
	return relay_send_folded(y);
}

struct llm_part *
relay_parts(struct req *r)
{
	return r->relay->answer->choices->parts;
}

bool
relay_waits(const struct req *r)
{
	return r->relay->waits;
}

int
relay_send(struct req *r)
{
	r->relay->waits = false;
	return relay_send_folded(r->relay);
}

int
relay_made(struct req *r)
{
	struct relay *y = r->relay;

	if (y == NULL || y->draw == NULL || y->fold == NULL ||
	    y->facts.images == 0 || r->gone)
		return -1;
	r->err = (struct err){ .code = ERR_NONE };
	r->broken = false;
	y->facts.has_usage = true; /* of this call there is none */
	return relay_send_folded(y);
}

int
relay_whole(struct req *r)
{
	struct relay *y = r->relay;
	struct str body = buf_str(&r->whole);

	if (y->patched && !y->streams)
		return whole_patched(y, body);
	if (y->patched) { /* asked to stream, answered in one piece */
		relay_recode(y);
	}
	return whole_decoded(y, body);
}

int
relay_refusal(struct req *r)
{
	struct relay *y = r->relay;
	struct llm_choice *c;

	if (y->to->task != LLM_CHAT)
		return -1;
	c = ARENA_NEW(r->life, struct llm_choice);
	relay_recode(y);
	y->answer = ARENA_NEW(r->life, struct llm_answer);
	*y->answer = (struct llm_answer){ .id = y->frame.id,
		.model = y->frame.model,
		.choices = c,
		.ended = true };
	c->why = LLM_STOP_FILTER;
	y->facts =
	    (struct llm_facts){ .why = LLM_STOP_FILTER, .has_usage = true };
	r->err = (struct err){ .code = ERR_NONE };
	return relay_send_folded(y);
}
