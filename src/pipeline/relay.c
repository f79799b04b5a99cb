#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "dialect/heal.h"
#include "dialect/invoke.h"
#include "http/eventstream.h"
#include "pipeline/attempt.h"
#include "pipeline/gate.h"
#include "pipeline/guard.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define BYTES_PER_TOKEN 4 /* of an estimate, api.md 4.4 */
#define META_MAX ((size_t)16 * 1024)
#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

/*
 * `patched` streams and whole answers never become events.  All others do:
 * they are collected (`fold`) if the client wants one piece or the text must
 * be seen whole, else encoded as they come.
 */
struct relay {
	struct llm_sink sink; /* first, so casts work: events end here */
	struct llm_sink coded; /* those that guardrails let go on */
	struct req *r;
	const struct dialect *to;   /* the client's */
	const struct dialect *from; /* the provider's */
	struct frame frame;
	enum framing framing;
	struct sse sse;            /* FRAMING_SSE, */
	struct eventstream frames; /* or the others */
	bool streams;              /* the provider's side */
	bool patched;
	bool replays;  /* what was folded goes out as events */
	bool terminal; /* the provider's last event has been seen */
	void *state;   /* of the patched stream, or of the decoder */
	void *enc;
	struct buf
	    *out; /* the loop's, or `own` when it may be a front's turn */
	struct buf own;
	struct llm_fold *fold;
	struct llm_answer *answer; /* what is folded */
	struct llm_facts facts;    /* unless the patched stream keeps them */
	struct tail tail;
	struct draw *draw; /* of images, else NULL */
};

struct draw {
	int64_t wanted; /* calls of one image each that are to be made */
	bool bytes;     /* and no URLs: they are fetched */
	int images_in;
	struct llm_picture picture; /* asked for */
	struct llm_usage before;    /* of the calls before this one */
};

static const struct {
	const char *word;
	enum frame_usage usage;
} usages[] = {
	{ "finish", FRAME_USAGE_FINISH },
	{ "extra", FRAME_USAGE_EXTRA },
	{ "off", FRAME_USAGE_OFF },
};

static const struct {
	const char *word;
	enum frame_reasoning reasoning;
} reasonings[] = {
	{ "both", FRAME_BOTH },
	{ "reasoning", FRAME_REASONING },
	{ "reasoning_content", FRAME_REASONING_CONTENT },
};

enum frame_usage
relay_shows_usage(const struct conf *c)
{
	for (size_t i = 0; i < NROWS(usages); i++)
		if (strcmp(c->stream_usage, usages[i].word) == 0)
			return usages[i].usage;
	return FRAME_USAGE_FINISH;
}

static void
make_frame(struct req *r, const struct target *t, struct frame *f)
{
	const struct conf *c = &r->world->conf;
	const struct dialect *to = r->endpoint->dialect;
	size_t i, n = strlen(to->id_prefix);
	char *id = arena_zalloc(r->life, n + 25);
	const struct str model[] = { t->upstream->id, STR("/"),
		r->record.used_model, STR(":"), t->region };

	memcpy(id, to->id_prefix, n);
	rand_pool_word(&r->ids, id + n, 24);
	*f = (struct frame){
		.model = arena_cat(r->life, model, t->region.n > 0 ? 5 : 3),
		.id = str_from(id),
		.asked = to->note == NULL ? NULL : to->note(&r->chat, r->life),
		.created = clock_wall_ms() / 1000,
		.include_usage = r->chat.include_usage,
		.usage = relay_shows_usage(c),
		.reasoning_apart =
		    (t->upstream->quirks & QUIRK_REASONING_APART) != 0,
	};
	for (i = 0; i < NROWS(reasonings); i++)
		if (strcmp(c->reasoning_field, reasonings[i].word) == 0)
			f->reasoning = reasonings[i].reasoning;
}

/* --- events --- */

static void
take_facts(struct llm_facts *f, const struct llm_event *ev)
{
	switch (ev->kind) {
	case LLM_EV_OPEN:
		f->calls += ev->open.kind == LLM_CALL;
		f->images += ev->open.kind == LLM_MEDIA;
		f->refused |= ev->open.kind == LLM_REFUSAL;
		break;
	case LLM_EV_DELTA:
		f->text_bytes += (int64_t)ev->delta.text.n;
		break;
	case LLM_EV_USAGE:
		f->usage = ev->usage;
		f->has_usage = true;
		break;
	case LLM_EV_STOP:
		f->why = ev->stop.why;
		snprintf(f->raw_stop, sizeof(f->raw_stop), "%.*s",
		    STR_ARG(ev->stop.raw));
		break;
	case LLM_EV_START:
	case LLM_EV_CLOSE:
	case LLM_EV_PING:
	case LLM_EV_ERROR:
	case LLM_EV_END:
		break;
	}
}

/* Cost and metadata, once all of the answer is known. */
static const struct tail *
make_tail(struct relay *y, struct arena *a)
{
	struct buf b = BUF_LIMIT(META_MAX);
	struct req *r = y->r;
	struct attempt *at = &r->attempts[r->tries - 1];

	at->duration_ms = clock_ms() - at->started_ms;
	at->status = at->status == 0 ? 200 : at->status;
	record_answer(r);
	record_metadata(r, &b);
	y->tail = (struct tail){ &r->record.usage, &r->record.cost,
		arena_dup(a, buf_str(&b)) };
	buf_free(&b);
	return &y->tail;
}

static int
encode(struct relay *y, const struct llm_event *ev)
{
	const struct tail *t = NULL;

	if (ev->kind == LLM_EV_END)
		t = make_tail(y, y->r->life);
	y->to->encode_event(y->enc, &y->frame, ev, t, y->out);
	return 0;
}

static int
put_coded(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	(void)e;
	return encode((struct relay *)(void *)((char *)s -
			  offsetof(struct relay, coded)),
	    ev);
}

static int
put_event(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	struct relay *y = (struct relay *)s;

	if (!y->replays)
		take_facts(&y->facts, ev);
	if (y->fold != NULL)
		return llm_put(&y->fold->sink, ev, e);
	return guard_answers(y->r) ? guard_event(y->r, ev, &y->coded, e) :
				     encode(y, ev);
}

/* --- beginning --- */

bool
relay_streams(const struct req *r)
{
	return r->relay != NULL && r->relay->streams;
}

static void
start_fold(struct relay *y)
{
	y->answer = ARENA_NEW(y->r->life, struct llm_answer);
	y->fold = llm_fold_new(y->r->life, y->answer);
	y->fold->views = y->draw != NULL;
}

static void
free_enc(struct relay *y)
{
	if (y->enc != NULL && y->to->encode_free != NULL)
		y->to->encode_free(y->enc);
	y->enc = NULL;
}

/* States for an answer that is decoded and encoded anew. */
static void
start_coding(struct relay *y)
{
	free_enc(y);
	y->patched = false;
	y->state = arena_zalloc(y->r->life, y->from->dec_size);
	y->enc = arena_zalloc(y->r->life, y->to->enc_size);
}

/* Several calls, or URLs to be fetched: then it is no relay. */
static void
begin_draw(struct relay *y, const struct target *t)
{
	const struct req *r = y->r;
	struct draw *d = ARENA_NEW(r->life, struct draw);

	y->draw = d;
	d->images_in = r->chat.images;
	d->picture = r->chat.picture;
	d->wanted = t->way->one ? r->chat.pictures : 1;
	d->bytes = (r->chat.says & LLM_SAY_LINK) == 0 &&
	    r->world->conf.fetch_images;
	if (d->wanted > 1 || (d->bytes && t->way->links))
		y->patched = false;
}

void
relay_begin(struct req *r, const struct target *t)
{
	struct relay *y = ARENA_NEW(r->life, struct relay);
	bool collect;
	size_t size;

	relay_free(r);
	r->relay = y;
	y->sink.put = put_event;
	y->coded.put = put_coded;
	y->r = r;
	y->to = r->endpoint->dialect;
	y->from = t->way->dialect;
	size = (t->caps & LLM_CAN_DRAW) != 0 ? SSE_IMAGE_MAX : SSE_EVENT_MAX;
	y->framing = t->way->framing;
	y->sse = SSE_LIMIT(size);
	y->frames = EVENTSTREAM_LIMIT(size);
	y->streams = provider_streams(t, &r->chat);
	y->own = BUF_LIMIT(ANSWER_MAX);
	make_frame(r, t, &y->frame);
	/* What guardrails may change of a stream is not patched. */
	y->patched = y->to == y->from && y->streams == r->chat.stream &&
	    !r->chat.heal && !(y->streams && guard_answers(r));
	if (y->to->task == LLM_IMAGE)
		begin_draw(y, t);
	collect = !y->patched && (!r->chat.stream || r->chat.heal);
	if (y->patched && y->streams)
		y->state = arena_zalloc(r->life, y->from->relay_size);
	else if (!y->patched) {
		start_coding(y);
		if (collect)
			start_fold(y);
	}
}

/* Of the patched stream, or of the decoder; a patched body has none. */
static void
free_state(struct relay *y)
{
	if (y->state == NULL)
		return;
	if (y->patched)
		y->from->relay_free(y->state);
	else if (y->from->decode_free != NULL)
		y->from->decode_free(y->state);
	y->state = NULL;
}

void
relay_free(struct req *r)
{
	struct relay *y = r->relay;

	if (y == NULL)
		return;
	sse_free(&y->sse);
	eventstream_free(&y->frames);
	buf_free(&y->own);
	free_state(y);
	free_enc(y);
	r->relay = NULL;
}

const struct llm_facts *
relay_facts(const struct req *r)
{
	const struct relay *y = r->relay;

	if (y == NULL)
		return NULL;
	return y->patched && y->streams ? y->from->relay_facts(y->state) :
					  &y->facts;
}

/* What usage does not tell: pieces, and how large they were to be. */
static void
add_pieces(
    const struct relay *y, const struct llm_facts *f, struct llm_usage *u)
{
	struct llm_picture made = u->picture;

	llm_usage_add(u, &y->draw->before);
	u->images_in = y->draw->images_in;
	u->images_out = f->images;
	u->picture = y->draw->picture;
	if (made.w > 0) {
		u->picture.w = made.w;
		u->picture.h = made.h;
	}
	if (made.quality != LLM_QUALITY_AUTO)
		u->picture.quality = made.quality;
}

static void
told_usage(const struct req *r, const struct llm_facts *f, struct llm_usage *u)
{
	*u = f->usage;
	if (f->has_usage)
		return;
	*u = (struct llm_usage){ .estimated = true,
		.input = ((int64_t)r->chat.text_bytes + BYTES_PER_TOKEN - 1) /
		    BYTES_PER_TOKEN,
		.output = r->relay->to->task != LLM_CHAT ?
		    0 :
		    (f->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN };
}

void
relay_usage(const struct req *r, struct llm_usage *u)
{
	const struct llm_facts *f = relay_facts(r);

	assert(f != NULL);
	told_usage(r, f, u);
	if (r->relay->draw != NULL)
		add_pieces(r->relay, f, u);
}

/* --- streams --- */

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
}

/* Send what the last events made. */
static void
send_out(struct req *r, bool last)
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
	send_out(r, false);
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

	*p = PIECES_LIMIT(ANSWER_MAX);
	arena_defer(r->life, free_pieces, p);
	return p;
}

static int
send_pieces(struct relay *y)
{
	struct req *r = y->r;
	struct pieces *p = new_pieces(r);

	y->to->encode_pieces(&y->frame, y->answer, make_tail(y, r->life), p);
	r->answered = true;
	r->first_ms = clock_ms();
	reply_pieces(r, p);
	return 0;
}

/* What was folded goes out, as events or in one piece. */
static int
send_folded(struct relay *y)
{
	struct req *r = y->r;
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	struct jw w = JW_TO(&b);
	int rc;

	if (y->answer->failed) {
		r->err = y->answer->error;
		r->broken = true;
		return -1;
	}
	if (r->chat.heal)
		heal_answer(y, r->life);
	y->fold = NULL;
	if (r->chat.stream) {
		y->out = &y->own;
		y->replays = true;
		rc = llm_replay(y->answer, &y->sink, &r->err);
		if (rc == 0)
			send_out(r, true);
		return rc;
	}
	if (y->to->encode_pieces != NULL)
		return send_pieces(y);
	y->to->encode_answer(&y->frame, y->answer, make_tail(y, r->life), &w);
	send_whole(r, buf_str(&b));
	buf_free(&b);
	return 0;
}

static int
end_patched(struct relay *y)
{
	struct loop *l = y->r->world->loop;
	struct arena *scratch = loop_scratch(l);
	int rc;

	rc = y->from->relay_end(y->state, scratch, &y->frame,
	    make_tail(y, scratch), y->out, &y->r->err);
	arena_reset(scratch);
	send_out(y->r, rc == 0);
	return rc;
}

int
relay_end(struct req *r)
{
	struct relay *y = r->relay;

	y->out = loop_claim(r);
	if (!y->terminal && feed_end(y) == -1) {
		r->broken = true;
		send_out(r, false);
		return -1;
	}
	y->terminal = true;
	if (y->patched)
		return end_patched(y);
	if (y->from->decode_end(y->state, &y->sink, &r->err) == -1) {
		send_out(r, false);
		return -1;
	}
	if (y->fold != NULL) {
		loop_unclaim(r);
		return send_folded(y);
	}
	send_out(r, true);
	return 0;
}

/* --- whole answers --- */

static int
send_patched(struct relay *y, struct str body)
{
	struct req *r = y->r;
	struct pieces *p = new_pieces(r);

	if (y->from->patch_pieces(r->setup, &y->frame, make_tail(y, r->life),
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
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	int rc = -1;

	if (y->from->patch_read(
		r->setup, &y->frame, body, &y->facts, &r->err) == -1) {
		r->broken = true;
		return -1;
	}
	if (y->from->patch_pieces != NULL)
		return send_patched(y, body);
	if (y->from->patch_write(r->setup, &y->frame, make_tail(y, r->setup),
		body, &b, &r->err) == 0) {
		send_whole(r, buf_str(&b));
		rc = 0;
	}
	buf_free(&b);
	return rc;
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

/* There is another call: what this one cost is added up. */
static void
keep_usage(struct relay *y)
{
	struct llm_usage u;

	told_usage(y->r, &y->facts, &u);
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
		start_fold(y);
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
	return send_folded(y);
}

struct llm_part *
relay_parts(struct req *r)
{
	return r->relay->answer->choices->parts;
}

int
relay_send(struct req *r)
{
	return send_folded(r->relay);
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
	return send_folded(y);
}

int
relay_whole(struct req *r)
{
	struct relay *y = r->relay;
	struct str body = buf_str(&r->whole);

	if (y->patched && !y->streams)
		return whole_patched(y, body);
	if (y->patched) { /* asked to stream, answered in one piece */
		free_state(y);
		start_coding(y);
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
	free_state(y);
	start_coding(y);
	y->answer = ARENA_NEW(r->life, struct llm_answer);
	*y->answer = (struct llm_answer){ .id = y->frame.id,
		.model = y->frame.model,
		.choices = c,
		.ended = true };
	c->why = LLM_STOP_FILTER;
	y->facts =
	    (struct llm_facts){ .why = LLM_STOP_FILTER, .has_usage = true };
	r->err = (struct err){ .code = ERR_NONE };
	return send_folded(y);
}

void
relay_error(struct req *r, struct buf *out)
{
	const struct dialect *d = r->endpoint->dialect;
	struct relay *y = r->relay;

	if (y == NULL || d->encode_failure == NULL)
		d->encode_error(&r->err, out);
	else
		d->encode_failure(y->enc,
		    y->patched && y->streams ? y->state : NULL, &y->frame,
		    &r->err, out);
}
