/*
 * Answers and streams of this dialect as events.  A block is opened for the
 * sink when there is something to tell of it; what other dialects have no word
 * for is not told (traps 37, 38).
 */
#include "dialect/anthropic.h"

#define INPUT_MAX ((size_t)16 * 1024 * 1024)
#define CITES_MAX ((size_t)1024 * 1024)

/* One decoding: where events go and what they are made with. */
struct out {
	struct anthropic_dec *d;
	struct llm_sink *to;
	struct arena *a;
	struct err *e;
};

static int
put(struct out *o, struct llm_event *ev)
{
	ev->block = o->d->block;
	return llm_put(o->to, ev, o->e);
}

static int
open_block(struct out *o, enum llm_kind kind, struct str id, struct str name)
{
	struct llm_event ev = { .kind = LLM_EV_OPEN };

	ev.open.kind = kind;
	ev.open.id = id;
	ev.open.name = name;
	if (kind == LLM_REASONING) {
		ev.open.by = LLM_BY_ANTHROPIC;
		ev.open.hidden = o->d->kind == ANTHROPIC_REDACTED;
	}
	o->d->open = true;
	return put(o, &ev);
}

/* Citations may come before the text that they are of: they wait for its end. */
static void
keep_cite(struct out *o, struct str raw)
{
	struct buf *b = &o->d->cites;

	if (o->d->kind != ANTHROPIC_TEXT || raw.n == 0 ||
	    b->n + raw.n + 2 > CITES_MAX)
		return;
	b->limit = CITES_MAX;
	if (b->n == 0)
		buf_addc(b, '[');
	buf_add(b, raw);
	buf_addc(b, ',');
}

/* Only citations of the web have an address to tell. */
static int
put_cite(struct out *o, struct str raw)
{
	struct llm_cite c = { .start = o->d->begin, .end = o->d->chars };
	struct llm_event ev = { .kind = LLM_EV_DELTA };

	c.url = jscan_text(jscan_at(raw, "url"), o->a);
	if (c.url.n == 0)
		return 0;
	c.title = jscan_text(jscan_at(raw, "title"), o->a);
	if (!o->d->open && open_block(o, LLM_TEXT, STR_NONE, STR_NONE) == -1)
		return -1;
	ev.delta.cite = &c;
	return put(o, &ev);
}

static int
put_cites(struct out *o)
{
	struct buf *b = &o->d->cites;
	struct jiter it;
	struct jmember m;

	if (b->n == 0 || o->a == NULL)
		return 0;
	b->p[b->n - 1] = ']';
	for (it = jscan_into(buf_str(b)); jscan_next(&it, &m);)
		if (put_cite(o, m.raw) == -1)
			return -1;
	buf_clear(b);
	return 0;
}

static int
close_block(struct out *o)
{
	struct llm_event ev = { .kind = LLM_EV_CLOSE };
	struct anthropic_dec *d = o->d;

	if (put_cites(o) == -1)
		return -1;
	if (d->open) {
		if (put(o, &ev) == -1)
			return -1;
		d->block++;
	}
	d->open = d->told = false;
	d->kind = ANTHROPIC_OTHER;
	return 0;
}

static int
more(struct out *o, struct str text, struct str seal)
{
	struct llm_event ev = { .kind = LLM_EV_DELTA };
	struct anthropic_dec *d = o->d;

	if (text.n == 0 && seal.n == 0)
		return 0;
	if (!d->open &&
	    open_block(o, d->kind == ANTHROPIC_TEXT ? LLM_TEXT : LLM_REASONING,
		STR_NONE, STR_NONE) == -1)
		return -1;
	d->facts.text_bytes += (int64_t)text.n;
	if (d->kind == ANTHROPIC_TEXT)
		d->chars += llm_characters(text);
	d->told = true;
	ev.delta.text = text;
	ev.delta.seal = seal;
	return put(o, &ev);
}

/* Its arguments may stand in the start; the stop tells them (wire.md 11). */
static int
begin_call(struct out *o, struct str raw)
{
	struct anthropic_dec *d = o->d;
	struct str input = jscan_at(raw, "input");

	d->facts.calls++;
	buf_clear(&d->input);
	d->input.limit = INPUT_MAX;
	if (input.n > 2 && input.p[0] == '{')
		buf_add(&d->input, input);
	return open_block(o, LLM_CALL, jscan_text(jscan_at(raw, "id"), o->a),
	    jscan_text(jscan_at(raw, "name"), o->a));
}

/* The beginning of a block, or all of it. */
static int
begin_block(struct out *o, struct str raw)
{
	struct anthropic_dec *d = o->d;
	struct str text = STR_NONE, seal = STR_NONE;
	struct jiter it;
	struct jmember m;

	if (close_block(o) == -1)
		return -1;
	d->kind = anthropic_block_of(raw);
	switch (d->kind) {
	case ANTHROPIC_TEXT:
		text = jscan_text(jscan_at(raw, "text"), o->a);
		d->begin = d->chars;
		for (it = jscan_into(jscan_at(raw, "citations"));
		     jscan_next(&it, &m);)
			keep_cite(o, m.raw);
		return more(o, text, seal);
	case ANTHROPIC_THINKING:
		text = jscan_text(jscan_at(raw, "thinking"), o->a);
		seal = jscan_text(jscan_at(raw, "signature"), o->a);
		return more(o, text, seal);
	case ANTHROPIC_REDACTED:
		seal = jscan_text(jscan_at(raw, "data"), o->a);
		return more(o, text, seal);
	case ANTHROPIC_TOOL:
		return begin_call(o, raw);
	case ANTHROPIC_OTHER:
		break;
	}
	return 0;
}

static int
more_block(struct out *o, struct str raw)
{
	enum anthropic_block kind = o->d->kind;
	struct str type = jscan_word(raw, "type"), text;

	if (str_is(type, "text_delta") && kind == ANTHROPIC_TEXT)
		return more(
		    o, jscan_text(jscan_at(raw, "text"), o->a), STR_NONE);
	if (str_is(type, "thinking_delta") && kind == ANTHROPIC_THINKING)
		return more(
		    o, jscan_text(jscan_at(raw, "thinking"), o->a), STR_NONE);
	if (str_is(type, "signature_delta") && kind == ANTHROPIC_THINKING)
		return more(
		    o, STR_NONE, jscan_text(jscan_at(raw, "signature"), o->a));
	if (str_is(type, "citations_delta"))
		keep_cite(o, jscan_at(raw, "citation"));
	if (str_is(type, "input_json_delta") && kind == ANTHROPIC_TOOL) {
		text = jscan_text(jscan_at(raw, "partial_json"), o->a);
		return more(o, text, STR_NONE);
	}
	return 0;
}

static int
end_block(struct out *o)
{
	struct anthropic_dec *d = o->d;

	if (d->kind == ANTHROPIC_TOOL && d->open && !d->told && /* trap 36 */
	    more(o, d->input.n > 0 ? buf_str(&d->input) : STR("{}"),
		STR_NONE) == -1)
		return -1;
	return close_block(o);
}

/* A second beginning changes nothing (trap 39). */
static int
start(struct out *o, const struct frame *f, struct str raw)
{
	struct llm_event ev = { .kind = LLM_EV_START };
	struct str id = jscan_text(jscan_at(raw, "id"), o->a);

	anthropic_read_usage(jscan_at(raw, "usage"), &o->d->usage);
	if (o->d->started)
		return 0;
	o->d->started = true;
	ev.start.id = id.n > 0 ? id : f->id;
	ev.start.model = f->model;
	return llm_put(o->to, &ev, o->e);
}

static void
take_stop(struct out *o, struct str raw)
{
	struct str seq = jscan_text(jscan_at(raw, "stop_sequence"), o->a);
	struct anthropic_dec *d = o->d;

	if (jscan_word(raw, "stop_reason").p == NULL)
		return;
	d->stopped = true;
	anthropic_see_stop(raw, &d->facts);
	if (seq.n > 0 && seq.n < sizeof(d->seq)) {
		memcpy(d->seq, seq.p, seq.n);
		d->seq[seq.n] = '\0';
	}
}

/* Why it was refused, where that is told. */
static int
take_details(struct out *o, struct str raw)
{
	struct str text = jscan_text(
	    jscan_at(jscan_at(raw, "stop_details"), "explanation"), o->a);
	struct llm_event ev = { .kind = LLM_EV_DELTA };

	if (text.n == 0 || o->d->facts.why != LLM_STOP_FILTER ||
	    o->d->facts.refused)
		return 0;
	o->d->facts.refused = true;
	if (end_block(o) == -1 ||
	    open_block(o, LLM_REFUSAL, STR_NONE, STR_NONE) == -1)
		return -1;
	ev.delta.text = text;
	return put(o, &ev) == -1 ? -1 : close_block(o);
}

static int
take_event(struct out *o, const struct frame *f, struct str type,
    const struct jmember *v, int n)
{
	struct anthropic_dec *d = o->d;

	if (str_is(type, "message_start"))
		return start(o, f, jscan_get(v, n, "message"));
	if (!d->started && str_starts(type, "content_block_") &&
	    start(o, f, STR_NONE) == -1)
		return -1;
	if (str_is(type, "content_block_start"))
		return begin_block(o, jscan_get(v, n, "content_block"));
	if (str_is(type, "content_block_delta"))
		return more_block(o, jscan_get(v, n, "delta"));
	if (str_is(type, "content_block_stop"))
		return end_block(o);
	if (str_is(type, "message_delta") && d->started) {
		anthropic_read_usage(jscan_get(v, n, "usage"), &d->usage);
		take_stop(o, jscan_get(v, n, "delta"));
		return take_details(o, jscan_get(v, n, "delta"));
	}
	d->terminal = str_is(type, "message_stop");
	return d->terminal ? 1 : 0;
}

int
anthropic_decode_event(void *dec, struct arena *scratch, const struct frame *f,
    const struct sse_event *ev, struct llm_sink *to, struct err *e)
{
	struct out o = { dec, to, scratch, e };
	struct str data = str_trim(ev->data), type;
	struct jmember *v;
	int n;

	if (o.d->terminal)
		return 1;
	if ((n = jscan_event(data, scratch, &v)) == -1) {
		o.d->facts.skipped++;
		return 0;
	}
	if (anthropic_error_in(scratch, data, v, n, e))
		return -1;
	type = jscan_inner(jscan_get(v, n, "type"));
	return take_event(&o, f, type.p != NULL ? type : ev->name, v, n);
}

static int
put_end(struct out *o)
{
	struct anthropic_dec *d = o->d;
	struct llm_event ev = { .kind = LLM_EV_STOP };

	ev.stop.why = d->facts.why;
	if (d->facts.calls > 0 && ev.stop.why == LLM_STOP_END)
		ev.stop.why = LLM_STOP_CALLS;
	ev.stop.raw = str_from(d->facts.raw_stop);
	if (d->seq[0] != '\0')
		ev.stop.seq = str_from(d->seq);
	if (llm_put(o->to, &ev, o->e) == -1)
		return -1;
	return answer_put_end(&d->facts, o->to, o->e);
}

int
anthropic_decode_end(void *dec, struct llm_sink *to, struct err *e)
{
	struct anthropic_dec *d = dec;
	struct out o = { d, to, NULL, e };

	anthropic_count_usage(&d->usage, &d->facts.usage);
	d->facts.has_usage = d->usage.told;
	if (!d->started || !d->terminal || !d->stopped)
		return answer_cut(e);
	if (llm_no_content(&d->facts, e) == -1 || end_block(&o) == -1)
		return -1;
	return put_end(&o);
}

void
anthropic_decode_free(void *dec)
{
	struct anthropic_dec *d = dec;

	buf_free(&d->input);
	buf_free(&d->cites);
}

static int
take_answer(struct out *o, const struct frame *f, struct str body)
{
	struct str content = jscan_at(body, "content");
	struct jiter it;
	struct jmember m;

	if (start(o, f, body) == -1)
		return -1;
	for (it = jscan_into(content); jscan_next(&it, &m);)
		if (begin_block(o, m.raw) == -1 || end_block(o) == -1)
			return -1;
	take_stop(o, body);
	if (!o->d->stopped) { /* it ended, and nobody says why */
		o->d->stopped = true;
		o->d->facts.why = LLM_STOP_END;
	}
	if (take_details(o, body) == -1)
		return -1;
	o->d->terminal = true;
	return 0;
}

int
anthropic_decode_answer(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct anthropic_dec *d = ARENA_NEW(a, struct anthropic_dec);
	struct out o = { d, to, a, e };
	struct jmember *v;
	int n = answer_scan(a, &body, &v, e), rc;

	if (n == -1 || anthropic_error_in(a, body, v, n, e))
		return -1;
	rc = take_answer(&o, f, body);
	if (rc == 0)
		rc = anthropic_decode_end(d, to, e);
	anthropic_decode_free(d);
	return rc;
}
