/*
 * Webhook guardrails: a judge elsewhere is shown the texts of the request, one
 * judge after the other, before anything is routed; or those of the answer,
 * which is there as a whole then, before anything of it is sent.  A judge that
 * fails counts, and its rule says whether the text passes then.
 */
#include "base/clock.h"
#include "pipeline/courier.h"
#include "pipeline/guard.h"
#include "pipeline/loop.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define VERDICT_MAX ((size_t)4 * 1024 * 1024)

static const struct guard_judge *
judge_now(struct req *r)
{
	int at = r->guard->judge - 1;

	return guard_judge(r->guard->set, r->guard->judging, &at);
}

static struct guard_verdict *
verdict_now(struct req *r)
{
	return r->guard->judging == GUARD_OUTPUT ? &r->guard->out :
						   &r->guard->in;
}

static void
ended(struct req *r)
{
	reply_error(r);
	r->state = REQ_DRAIN;
	loop_written(r);
}

static void next(struct req *);

/* Go on with the next judge, or end it if this one's word was to block. */
static void
go_on(struct req *r)
{
	if (!verdict_now(r)->blocked) {
		next(r);
		return;
	}
	guard_blocked(r, verdict_now(r));
	ended(r);
}

static void
judge_failed(struct req *r)
{
	const struct guard_judge *j = judge_now(r);
	const struct str labels[] = { STR("webhook"),
		j->open ? STR("open") : STR("closed") };

	metrics_add(r->world->metrics, METRIC_GUARD_FAILURES, labels, 1);
	if (!j->open)
		guard_note_as(verdict_now(r), j->rule, GUARD_BLOCK,
		    "judge_failed", 1);
	go_on(r);
}

static size_t
paragraphs(struct str s)
{
	size_t n = 0;

	for (const char *p; (p = memmem(s.p, s.n, "\n\n", 2)) != NULL; n++) {
		s.n -= (size_t)(p + 2 - s.p);
		s.p = p + 2;
	}
	return n;
}

/*
 * What a judge made of the texts takes their place; -1: it does not have their
 * paragraphs any more, so that no text can be told from the next.
 */
static int
replace(struct req *r, struct str redacted)
{
	struct str body = r->chat.body;

	if (paragraphs(redacted) != paragraphs(r->guard->text))
		return -1;
	if (r->guard->judging == GUARD_OUTPUT) {
		redacted = arena_dup(r->life, redacted);
		guard_put_back_answer(r->guard->heard, redacted, r->life);
		r->guard->text = redacted;
		return 0;
	}
	guard_put_back(r->chat.from, &body, redacted, r->setup);
	r->guard->text = redacted;
	return guard_read_again(r, body);
}

/* {action, redacted_text?, reason?}: -1 if it is none of that. */
static int
take(struct req *r, struct str body)
{
	struct str action, text;
	int i = GUARD_BLOCK;

	if (jscan_value(body, r->setup, &r->err) == -1) {
		r->err = (struct err){ .code = ERR_NONE };
		return -1;
	}
	body = str_trim(body);
	action = jscan_word(body, "action");
	while (i >= 0 && !str_is(action, guard_action_words[i]))
		i--;
	if (i < 0)
		return -1;
	if (i == GUARD_ALLOW)
		return 0;
	text = jscan_text(jscan_at(body, "redacted_text"), r->setup);
	if (i == GUARD_REDACT &&
	    (text.p == NULL || replace(r, text) == -1))
		i = GUARD_BLOCK;
	guard_note_as(verdict_now(r), judge_now(r)->rule, (enum guard_action)i,
	    "webhook", 1);
	return 0;
}

static int
on_body(void *arg, struct str bytes)
{
	struct req *r = arg;

	r->whole.limit = VERDICT_MAX;
	buf_add(&r->whole, bytes);
	return 0;
}

static void
on_end(void *arg, const struct err *e)
{
	struct req *r = arg;
	int status = call_head(r->call)->status;

	r->call = NULL;
	if (r->gone)
		loop_over(r);
	else if (e->code != ERR_NONE || status != 200 || r->whole.full ||
	    take(r, buf_str(&r->whole)) == -1)
		judge_failed(r);
	else
		go_on(r);
}

static const struct call_ops ops = { .body = on_body, .end = on_end };

static struct str
ask_body(struct req *r)
{
	struct buf b = BUF_LIMIT(r->guard->text.n * 6 + 4096);
	struct jw w = JW_TO(&b);
	struct str out;

	jw_obj(&w, NULL);
	jw_str(&w, "text", r->guard->text);
	jw_strc(&w, "direction",
	    r->guard->judging == GUARD_OUTPUT ? "output" : "input");
	jw_str(&w, "model", r->record.requested_model);
	jw_strc(&w, "request_id", r->request_id);
	jw_end(&w);
	out = arena_dup(r->setup, buf_str(&b));
	buf_free(&b);
	return out;
}

static void
next(struct req *r)
{
	struct loop *l = r->world->loop;
	const struct guard_judge *j =
	    guard_judge(r->guard->set, r->guard->judging, &r->guard->judge);
	struct call_limits limits = { .body_max = VERDICT_MAX };

	buf_clear(&r->whole);
	if (j == NULL) {
		r->on_due = NULL;
		loop_queue(r);
		return;
	}
	limits.connect_ms = limits.total_ms = j->timeout_ms;
	r->ask = (struct http_request){ .url = arena_dup(r->setup, j->url),
		.body = ask_body(r),
		.public_only = courier_guarded(r->world, j->url) };
	r->guard->since_ms = clock_ms();
	r->call = call_start(
	    loop_pool(l), loop_multi(l), &r->ask, &limits, &ops, r, &r->err);
	if (r->call == NULL) {
		r->err = (struct err){ .code = ERR_NONE };
		judge_failed(r);
	} else
		loop_due(r, r->guard->since_ms + j->timeout_ms);
}

/* At first to begin, on the loop; then when a judge's time is over. */
static void
on_due(struct req *r, int64_t now)
{
	(void)now;
	if (r->call == NULL) {
		next(r);
		return;
	}
	call_cancel(r->call);
	r->call = NULL;
	judge_failed(r);
}

static void
begin(struct req *r, unsigned direction)
{
	r->guard->judging = direction;
	r->guard->judge = -1;
	r->on_due = on_due;
	r->due_ms = clock_ms();
	r->state = REQ_TIMED;
}

enum verdict
stage_judge(struct req *r)
{
	int at = -1;

	if (r->guard == NULL ||
	    guard_judge(r->guard->set, GUARD_INPUT, &at) == NULL)
		return NEXT;
	begin(r, GUARD_INPUT);
	return loop_give(r);
}

void
judge_answer(struct req *r)
{
	begin(r, GUARD_OUTPUT);
}
