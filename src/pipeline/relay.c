/*
 * How an answer is passed on: what is prepared before its first byte, and what
 * is known of it.  Its bytes are in relay_stream.c and relay_whole.c.
 */
#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "dialect/invoke.h"
#include "pipeline/attempt.h"
#include "pipeline/gate.h"
#include "pipeline/guard.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/relay_parts.h"
#include "pipeline/seals.h"
#include "pipeline/world.h"

#define BYTES_PER_TOKEN 4 /* of an estimate, api.md 4.4 */
#define META_MAX ((size_t)16 * 1024)

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
		f->reasons |= ev->open.kind == LLM_REASONING;
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
const struct tail *
relay_tail(struct relay *y, struct arena *a)
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
		t = relay_tail(y, y->r->life);
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

void
relay_names(struct req *r, const struct target *t)
{
	const struct dialect *d = t->way->dialect;
	const struct llm_tool *tool = r->chat.tools;
	struct relay_name *n;
	struct str sent;

	if (d->tool_name == NULL || d == r->chat.from)
		return;
	for (; tool != NULL; tool = tool->next) {
		sent = d->tool_name(tool->name, r->setup);
		if (str_eq(sent, tool->name))
			continue;
		n = ARENA_NEW(r->life, struct relay_name);
		n->sent = arena_dup(r->life, sent);
		n->own = arena_dup(r->life, tool->name);
		n->next = r->relay->names;
		r->relay->names = n;
	}
}

/* A call begins: its tool is called as the client calls it. */
static void
name_back(const struct relay *y, struct llm_event *ev)
{
	const struct relay_name *n = y->names;

	while (n != NULL && !str_eq(n->sent, ev->open.name))
		n = n->next;
	if (n != NULL)
		ev->open.name = n->own;
}

static int
put_event(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	struct relay *y = (struct relay *)s;
	struct llm_event named;

	if (y->names != NULL && ev->kind == LLM_EV_OPEN &&
	    ev->open.kind == LLM_CALL && !y->replays) {
		named = *ev;
		name_back(y, &named);
		ev = &named;
	}
	if (!y->replays) {
		take_facts(&y->facts, ev);
		seals_note(y->r, ev);
	}
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

void
relay_start_fold(struct relay *y)
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
	d->bytes =
	    (r->chat.says & LLM_SAY_LINK) == 0 && r->world->conf.fetch_images;
	if (d->wanted > 1 || (d->bytes && t->way->links))
		y->patched = false;
}

void
relay_begin(struct req *r, const struct target *t)
{
	struct relay *y = ARENA_NEW(r->life, struct relay);
	bool collect, judges;
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
	y->own = BUF_LIMIT(RELAY_ANSWER_MAX);
	make_frame(r, t, &y->frame);
	judges = guard_judges(r) && y->to->task == LLM_CHAT;
	/* What guardrails may change of a stream is not patched. */
	y->patched = y->to == y->from && y->streams == r->chat.stream &&
	    !r->chat.heal && !(y->streams && guard_answers(r)) && !judges;
	if (y->to->task == LLM_IMAGE)
		begin_draw(y, t);
	collect = !y->patched && (!r->chat.stream || r->chat.heal || judges);
	if (y->patched && y->streams)
		y->state = arena_zalloc(r->life, y->from->relay_size);
	else if (!y->patched) {
		start_coding(y);
		if (collect)
			relay_start_fold(y);
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
relay_recode(struct relay *y)
{
	free_state(y);
	start_coding(y);
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

void
relay_told_usage(
    const struct req *r, const struct llm_facts *f, struct llm_usage *u)
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
	relay_told_usage(r, f, u);
	if (r->relay->draw != NULL)
		add_pieces(r->relay, f, u);
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
