/*
 * Answers and streams of Cohere as events.  The parts of a whole answer are
 * those of a stream, so that both go through the same functions.
 */
#include "dialect/answer.h"
#include "dialect/cohere.h"
#include "dialect/openai.h"

/* One decoding: where events go and what they are made with. */
struct out {
	struct cohere_dec *d;
	const struct frame *f;
	struct arena *a;
	struct llm_sink *to;
	struct err *e;
};

static const struct {
	const char *word;
	enum llm_stop why;
	bool broken;
} stops[] = {
	{ "STOP_SEQUENCE", LLM_STOP_SEQUENCE, false },
	{ "MAX_TOKENS", LLM_STOP_LENGTH, false },
	{ "TOOL_CALL", LLM_STOP_CALLS, false },
	{ "ERROR", LLM_STOP_OTHER, true },
	{ "TIMEOUT", LLM_STOP_OTHER, true },
};

/* --- blocks --- */

static int
put(const struct out *o, struct llm_event *ev)
{
	ev->block = o->d->block;
	return llm_put(o->to, ev, o->e);
}

static int
start(const struct out *o, struct str id)
{
	struct llm_event ev = { .kind = LLM_EV_START };

	if (o->d->started)
		return 0;
	o->d->started = true;
	ev.start.id = id.n > 0 ? id : o->f->id;
	ev.start.model = o->f->model;
	return llm_put(o->to, &ev, o->e);
}

static int
put_text(const struct out *o, struct str text)
{
	struct llm_event ev = { .kind = LLM_EV_DELTA };

	if (text.n == 0)
		return 0;
	ev.delta.text = text;
	o->d->facts.text_bytes += (int64_t)text.n;
	o->d->told = true;
	return put(o, &ev);
}

static int
close_block(const struct out *o)
{
	struct llm_event ev = { .kind = LLM_EV_CLOSE };

	if (!o->d->open)
		return 0;
	if (o->d->kind == LLM_CALL && !o->d->told &&
	    put_text(o, STR("{}")) == -1)
		return -1; /* trap 36 */
	if (put(o, &ev) == -1)
		return -1;
	o->d->open = false;
	o->d->block++;
	return 0;
}

/* The event says what is opened. */
static int
open_block(const struct out *o, struct llm_event *ev)
{
	ev->kind = LLM_EV_OPEN;
	if (start(o, STR_NONE) == -1 || close_block(o) == -1 ||
	    put(o, ev) == -1)
		return -1;
	o->d->open = true;
	o->d->told = false;
	o->d->kind = ev->open.kind;
	return 0;
}

/* Text for a block of this kind: the open one, or a new one. */
static int
take_text(const struct out *o, enum llm_kind kind, struct str raw)
{
	struct llm_event ev = { .open.kind = kind };
	struct str text = jscan_text(raw, o->a);

	if (text.n == 0)
		return 0;
	if ((!o->d->open || o->d->kind != kind) && open_block(o, &ev) == -1)
		return -1;
	return put_text(o, text);
}

/* --- parts of a message; `raw` is what its name says --- */

/* {"type":"text","text":"..."}, {"type":"thinking","thinking":"..."} */
static int
take_content(const struct out *o, struct str raw)
{
	return take_text(o, LLM_REASONING, jscan_at(raw, "thinking")) == -1 ?
	    -1 :
	    take_text(o, LLM_TEXT, jscan_at(raw, "text"));
}

static int
take_call(const struct out *o, struct str raw)
{
	struct str fn = jscan_at(raw, "function");
	struct llm_event ev = { .open.kind = LLM_CALL };

	ev.open.id = jscan_text(jscan_at(raw, "id"), o->a);
	ev.open.name = jscan_text(jscan_at(fn, "name"), o->a);
	o->d->facts.calls++;
	if (open_block(o, &ev) == -1)
		return -1;
	return put_text(o, jscan_text(jscan_at(fn, "arguments"), o->a));
}

/* The page behind a source; most are results of tools and have none. */
static bool
read_source(struct str raw, struct arena *a, struct llm_cite *c)
{
	struct str page = jscan_at(raw, "document");

	if (page.p == NULL)
		page = jscan_at(raw, "tool_output");
	c->url = jscan_text(jscan_at(page, "url"), a);
	c->title = jscan_text(jscan_at(page, "title"), a);
	return c->url.n > 0;
}

/* A citation for each source; start and end count characters. */
static int
take_cite(const struct out *o, struct str raw)
{
	struct llm_cite cite = { .start = -1, .end = -1 };
	struct llm_event ev = { .kind = LLM_EV_DELTA };
	struct str type = jscan_word(raw, "type");
	struct jiter it;
	struct jmember m;

	if (!o->d->open || o->d->kind != LLM_TEXT ||
	    (type.n > 0 && !str_is(type, "TEXT_CONTENT")))
		return 0; /* of a plan or a thought */
	if (!jscan_int(jscan_at(raw, "start"), &cite.start) ||
	    !jscan_int(jscan_at(raw, "end"), &cite.end) || cite.start < 0 ||
	    cite.end < cite.start)
		cite.start = cite.end = -1;
	ev.delta.cite = &cite;
	for (it = jscan_into(jscan_at(raw, "sources")); jscan_next(&it, &m);)
		if (read_source(m.raw, o->a, &cite) && put(o, &ev) == -1)
			return -1;
	return 0;
}

/* In a stream one of them, in an answer an array. */
static int
each(const struct out *o, struct str raw,
    int (*take)(const struct out *, struct str))
{
	struct jiter it;
	struct jmember m;

	if (raw.n > 0 && raw.p[0] == '{')
		return take(o, raw);
	if (raw.n == 0 || raw.p[0] != '[')
		return 0;
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		if (take(o, m.raw) == -1)
			return -1;
	return 0;
}

/* A model that failed has answered if there is something to read. */
static int
take_finish(const struct out *o, struct str finish, struct str error)
{
	struct llm_facts *f = &o->d->facts;
	struct str word = jscan_inner(finish);
	bool broken = false;
	size_t i;

	o->d->ended = true;
	f->why = f->calls > 0 ? LLM_STOP_CALLS : LLM_STOP_END;
	for (i = 0; i < NROWS(stops); i++)
		if (str_is(word, stops[i].word)) {
			f->why = stops[i].why;
			broken = stops[i].broken;
		}
	str_copy(f->raw_stop, sizeof(f->raw_stop), word);
	if (broken && f->text_bytes == 0 && f->calls == 0)
		return openai_error_inside(o->a, error, o->e);
	return 0;
}

/* --- streams --- */

static int
take_plan(const struct out *o, struct str raw)
{
	return take_text(o, LLM_REASONING, raw);
}

static int
take_new_content(const struct out *o, struct str raw)
{
	return close_block(o) == -1 ? -1 : take_content(o, raw);
}

static int
take_calls(const struct out *o, struct str raw)
{
	return each(o, raw, take_call);
}

static int
take_arguments(const struct out *o, struct str raw)
{
	struct str args = jscan_at(jscan_at(raw, "function"), "arguments");

	if (!o->d->open || o->d->kind != LLM_CALL)
		return err_set(o->e, ERR_UPSTREAM,
		    "Provider sent arguments of no tool call");
	return put_text(o, jscan_text(args, o->a));
}

static int
take_cites(const struct out *o, struct str raw)
{
	return each(o, raw, take_cite);
}

/*
 * Events and the member of delta.message that they are about.  What ends a
 * block is not among them: what follows ends it.
 */
static const struct {
	const char *type;
	const char *member;
	int (*take)(const struct out *, struct str raw);
} events[] = {
	{ "content-start", "content", take_new_content },
	{ "content-delta", "content", take_content },
	{ "tool-plan-delta", "tool_plan", take_plan },
	{ "tool-call-start", "tool_calls", take_calls },
	{ "tool-call-delta", "tool_calls", take_arguments },
	{ "citation-start", "citations", take_cites },
};

static int
take_end(const struct out *o, struct str delta)
{
	cohere_read_usage(jscan_at(delta, "usage"), &o->d->facts);
	if (take_finish(o, jscan_at(delta, "finish_reason"),
		jscan_at(delta, "error")) == -1)
		return -1;
	return 1;
}

int
cohere_decode_event(void *dec, struct arena *scratch, const struct frame *f,
    const struct sse_event *ev, struct llm_sink *to, struct err *e)
{
	const struct out o = { dec, f, scratch, to, e };
	struct jmember *v;
	struct str type, delta;
	size_t i;
	int n = jscan_event(ev->data, scratch, &v);

	if (n == -1) {
		o.d->facts.skipped++;
		return 0;
	}
	type = jscan_inner(jscan_get(v, n, "type"));
	delta = jscan_get(v, n, "delta");
	if (str_is(type, "message-start"))
		return start(&o, jscan_text(jscan_get(v, n, "id"), scratch));
	if (str_is(type, "message-end"))
		return take_end(&o, delta);
	for (i = 0; i < NROWS(events); i++)
		if (str_is(type, events[i].type))
			return events[i].take(&o,
			    jscan_at(
				jscan_at(delta, "message"), events[i].member));
	if (type.n == 0 && jscan_get(v, n, "message").p != NULL)
		return openai_error_inside(scratch, ev->data, e);
	return 0;
}

/* --- the end --- */

static int
put_end(const struct out *o)
{
	const struct llm_facts *f = &o->d->facts;
	struct llm_event ev = { .kind = LLM_EV_STOP };

	if (start(o, STR_NONE) == -1 || close_block(o) == -1)
		return -1;
	ev.stop.why = f->why;
	ev.stop.raw = str_from(f->raw_stop);
	if (llm_put(o->to, &ev, o->e) == -1)
		return -1;
	return answer_put_end(f, o->to, o->e);
}

int
cohere_decode_end(void *dec, struct llm_sink *to, struct err *e)
{
	static const struct frame none = { .id = STR_NONE };
	const struct out o = { dec, &none, NULL, to, e };

	if (!o.d->ended)
		return answer_cut(e);
	return llm_no_content(&o.d->facts, e) == -1 ? -1 : put_end(&o);
}

/* --- whole answers --- */

int
cohere_decode_answer(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct cohere_dec *d = ARENA_NEW(a, struct cohere_dec);
	const struct out o = { d, f, a, to, e };
	struct jmember *v;
	struct str message, content;
	int n = answer_scan(a, &body, &v, e);

	if (n == -1)
		return -1;
	message = jscan_get(v, n, "message");
	if (message.n == 0 || message.p[0] != '{')
		return openai_error_inside(a, body, e);
	if (start(&o, jscan_text(jscan_get(v, n, "id"), a)) == -1)
		return -1;
	if (take_plan(&o, jscan_at(message, "tool_plan")) == -1)
		return -1;
	content = jscan_at(message, "content");
	if (openai_says(content) && take_text(&o, LLM_TEXT, content) == -1)
		return -1;
	if (each(&o, content, take_new_content) == -1 ||
	    take_cites(&o, jscan_at(message, "citations")) == -1 ||
	    take_calls(&o, jscan_at(message, "tool_calls")) == -1)
		return -1;
	cohere_read_usage(jscan_get(v, n, "usage"), &d->facts);
	if (take_finish(&o, jscan_get(v, n, "finish_reason"), STR_NONE) == -1 ||
	    llm_no_content(&d->facts, e) == -1)
		return -1;
	return put_end(&o);
}
