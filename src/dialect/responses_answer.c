/*
 * Events as this dialect (api.md 6).  Texts that follow each other are one part
 * of one message; what was said piece by piece is said whole when it is over.
 */
#include "dialect/responses.h"

void
responses_begin(struct responses_enc *s, struct jw *w, const char *name)
{
	*w = JW_TO(w->out);
	buf_add(w->out, STR("event: "));
	buf_add(w->out, str_from(name));
	buf_add(w->out, STR("\ndata: "));
	jw_obj(w, NULL);
	jw_strc(w, "type", name);
	jw_int(w, "sequence_number", s->seq++);
}

void
responses_finish(struct jw *w)
{
	jw_end(w);
	buf_add(w->out, STR("\n\n"));
}

/* An event about the open item. */
static void
begin(struct responses_enc *s, struct jw *w, const char *name)
{
	responses_begin(s, w, name);
	jw_strc(w, "item_id", s->item);
	jw_int(w, "output_index", s->next);
}

/* What is told in pieces now, and whole later. */
static void
keep(struct buf *b, struct str s)
{
	b->limit = RESPONSES_KEEP_MAX;
	buf_add(b, s);
}

static void
set(struct buf *b, struct str s)
{
	buf_clear(b);
	keep(b, s);
}

/* The same at most once more, a comma between. */
static void
keep_json(struct buf *b, struct str json)
{
	b->limit = RESPONSES_KEEP_MAX;
	if (b->n + json.n + 1 > b->limit)
		return;
	if (b->n > 0)
		buf_addc(b, ',');
	buf_add(b, json);
}

void
responses_encode_free(void *enc)
{
	struct responses_enc *s = enc;

	buf_free(&s->call);
	buf_free(&s->name);
	buf_free(&s->text);
	buf_free(&s->seal);
	buf_free(&s->cites);
	buf_free(&s->parts);
	buf_free(&s->items);
}

/* --- items --- */

static void
put_part(const struct responses_enc *s, struct str text, struct str cites,
    struct jw *w, const char *key)
{
	jw_obj(w, key);
	if (s->refusal) {
		jw_strc(w, "type", "refusal");
		jw_str(w, "refusal", text);
	} else {
		jw_strc(w, "type", "output_text");
		jw_str(w, "text", text);
		jw_arr(w, "annotations");
		buf_add(w->out, cites);
		jw_end(w);
		jw_raw(w, "logprobs", STR("[]"));
	}
	jw_end(w);
}

/* Ours goes back as it came, that of others with their name. */
static void
put_seal(const struct responses_enc *s, struct jw *w)
{
	struct buf b = BUF_LIMIT(RESPONSES_KEEP_MAX), tmp = b;

	if (s->seal.n == 0) {
		buf_free(&b);
		return;
	}
	if (s->hidden && s->by != LLM_BY_OPENAI)
		buf_addc(&tmp, RESPONSES_HIDDEN);
	buf_add(&tmp, buf_str(&s->seal));
	llm_seal_put(&b, s->by, buf_str(&tmp), LLM_BY_OPENAI);
	jw_str(w, "encrypted_content", buf_str(&b));
	buf_free(&b);
	buf_free(&tmp);
}

static void
put_thought(const struct responses_enc *s, bool done, struct jw *w)
{
	jw_arr(w, "summary");
	if (done && s->text.n > 0) {
		jw_obj(w, NULL);
		jw_strc(w, "type", "summary_text");
		jw_str(w, "text", buf_str(&s->text));
		jw_end(w);
	}
	jw_end(w);
	if (done)
		put_seal(s, w);
}

static const char *const item_types[] = {
	[RESPONSES_NOTHING] = "",
	[RESPONSES_MESSAGE] = "message",
	[RESPONSES_THOUGHT] = "reasoning",
	[RESPONSES_CALL] = "function_call",
	[RESPONSES_CUSTOM] = "custom_tool_call",
	[RESPONSES_IMAGE] = "image_generation_call",
};

static const char *const id_prefixes[] = {
	[RESPONSES_NOTHING] = "",
	[RESPONSES_MESSAGE] = "msg_",
	[RESPONSES_THOUGHT] = "rs_",
	[RESPONSES_CALL] = "fc_",
	[RESPONSES_CUSTOM] = "ctc_",
	[RESPONSES_IMAGE] = "ig_",
};

/* The open item, as it begins or as it is when it is done. */
static void
put_item(
    const struct responses_enc *s, bool done, struct jw *w, const char *key)
{
	struct str text = done ? buf_str(&s->text) : STR("");

	jw_obj(w, key);
	jw_strc(w, "id", s->item);
	jw_strc(w, "type", item_types[s->open]);
	if (s->open != RESPONSES_THOUGHT)
		jw_strc(w, "status",
		    !done ? "in_progress" :
			s->open == RESPONSES_MESSAGE ?
			    responses_status(s->why) :
			    "completed");
	switch (s->open) {
	case RESPONSES_MESSAGE:
		jw_strc(w, "role", "assistant");
		jw_arr(w, "content");
		if (done)
			buf_add(w->out, buf_str(&s->parts));
		jw_end(w);
		break;
	case RESPONSES_THOUGHT:
		put_thought(s, done, w);
		break;
	case RESPONSES_CALL:
	case RESPONSES_CUSTOM:
		jw_str(
		    w, s->open == RESPONSES_CALL ? "arguments" : "input", text);
		jw_str(w, "call_id", buf_str(&s->call));
		jw_str(w, "name", buf_str(&s->name));
		break;
	case RESPONSES_IMAGE:
		jw_str(w, "result", text);
		break;
	case RESPONSES_NOTHING:
		break;
	}
	jw_end(w);
}

static void
open_item(struct responses_enc *s, enum responses_open what, struct jw *w)
{
	responses_close(s, w);
	s->open = what;
	s->part = s->refusal = false;
	s->nparts = s->ncites = 0;
	buf_clear(&s->text);
	buf_clear(&s->seal);
	buf_clear(&s->cites);
	buf_clear(&s->parts);
	responses_item_id(s->item, id_prefixes[what], s->id, s->next);
	responses_begin(s, w, "response.output_item.added");
	jw_int(w, "output_index", s->next);
	put_item(s, false, w, "item");
	responses_finish(w);
}

/* --- parts of messages --- */

static void
begin_part(struct responses_enc *s, bool refusal, struct jw *w)
{
	s->part = true;
	s->refusal = refusal;
	s->ncites = 0;
	buf_clear(&s->text);
	buf_clear(&s->cites);
	begin(s, w, "response.content_part.added");
	jw_int(w, "content_index", s->nparts);
	put_part(s, STR(""), STR(""), w, "part");
	responses_finish(w);
}

static void
end_part(struct responses_enc *s, struct jw *w)
{
	struct buf part = BUF_LIMIT(RESPONSES_KEEP_MAX);
	struct jw pw = JW_TO(&part);
	struct str text = buf_str(&s->text);

	if (!s->part)
		return;
	begin(s, w,
	    s->refusal ? "response.refusal.done" : "response.output_text.done");
	jw_int(w, "content_index", s->nparts);
	jw_str(w, s->refusal ? "refusal" : "text", text);
	if (!s->refusal)
		jw_raw(w, "logprobs", STR("[]"));
	responses_finish(w);
	begin(s, w, "response.content_part.done");
	jw_int(w, "content_index", s->nparts);
	put_part(s, text, buf_str(&s->cites), w, "part");
	responses_finish(w);
	put_part(s, text, buf_str(&s->cites), &pw, NULL);
	if (!part.full)
		keep_json(&s->parts, buf_str(&part));
	buf_free(&part);
	s->part = false;
	s->nparts++;
}

/* --- the ends of items --- */

static void
end_thought(struct responses_enc *s, struct jw *w)
{
	if (s->text.n == 0)
		return;
	begin(s, w, "response.reasoning_summary_text.done");
	jw_int(w, "summary_index", 0);
	jw_str(w, "text", buf_str(&s->text));
	responses_finish(w);
	begin(s, w, "response.reasoning_summary_part.done");
	jw_int(w, "summary_index", 0);
	jw_obj(w, "part");
	jw_strc(w, "type", "summary_text");
	jw_str(w, "text", buf_str(&s->text));
	jw_end(w);
	responses_finish(w);
}

/* What the model wrote into the one member that it was given. */
static void
unwrap(struct responses_enc *s, struct jw *w)
{
	struct buf raw = BUF_LIMIT(RESPONSES_KEEP_MAX);
	struct arena *a = arena_new(1024, 2 * RESPONSES_KEEP_MAX);
	struct str text = buf_str(&s->text), input = STR_NONE;

	if (jscan_is_object(text))
		input = jscan_at(text, "input");
	if (input.p != NULL && input.p[0] == '"')
		input = jscan_text(input, a);
	buf_add(&raw, input.p != NULL ? input : text);
	set(&s->text, buf_str(&raw));
	buf_free(&raw);
	arena_free(a);
	if (s->text.n == 0)
		return;
	begin(s, w, "response.custom_tool_call_input.delta");
	jw_str(w, "delta", buf_str(&s->text));
	responses_finish(w);
}

static void
end_call(struct responses_enc *s, struct jw *w)
{
	bool custom = s->open == RESPONSES_CUSTOM;

	if (custom && s->unwrap)
		unwrap(s, w);
	if (!custom && s->text.n == 0) { /* trap 36 */
		begin(s, w, "response.function_call_arguments.delta");
		jw_strc(w, "delta", "{}");
		responses_finish(w);
		set(&s->text, STR("{}"));
	}
	begin(s, w,
	    custom ? "response.custom_tool_call_input.done" :
		     "response.function_call_arguments.done");
	jw_str(w, custom ? "input" : "arguments", buf_str(&s->text));
	responses_finish(w);
}

void
responses_close(struct responses_enc *s, struct jw *w)
{
	struct buf item = BUF_LIMIT(2 * RESPONSES_KEEP_MAX);
	struct jw iw = JW_TO(&item);

	if (s->open == RESPONSES_NOTHING)
		return;
	if (s->open == RESPONSES_MESSAGE)
		end_part(s, w);
	else if (s->open == RESPONSES_THOUGHT)
		end_thought(s, w);
	else if (s->open != RESPONSES_IMAGE)
		end_call(s, w);
	put_item(s, true, &iw, NULL);
	responses_begin(s, w, "response.output_item.done");
	jw_int(w, "output_index", s->next);
	jw_raw(w, "item", buf_str(&item));
	responses_finish(w);
	if (!item.full)
		keep_json(&s->items, buf_str(&item));
	buf_free(&item);
	s->open = RESPONSES_NOTHING;
	s->next++;
}

/* --- blocks --- */

/* A thought of nobody, which stands for the signature of the call. */
static void
put_call_seal(struct responses_enc *s, const struct llm_event *ev, struct jw *w)
{
	open_item(s, RESPONSES_THOUGHT, w);
	s->by = LLM_BY_OPENAI; /* as it is */
	s->hidden = true;
	set(&s->seal, STR(RESPONSES_CALL_SEAL));
	keep(&s->seal, ev->open.id);
	keep(&s->seal, STR(":"));
	keep(&s->seal, ev->open.seal);
	responses_close(s, w);
}

static void
open_call(struct responses_enc *s, const struct frame *f,
    const struct llm_event *ev, struct jw *w)
{
	bool custom = ev->open.custom || responses_is_custom(f, ev->open.name);

	responses_close(s, w);
	if (ev->open.seal.n > 0)
		put_call_seal(s, ev, w);
	set(&s->call, ev->open.id);
	set(&s->name, ev->open.name);
	s->unwrap = custom && !ev->open.custom;
	open_item(s, custom ? RESPONSES_CUSTOM : RESPONSES_CALL, w);
}

static void
open_block(struct responses_enc *s, const struct frame *f,
    const struct llm_event *ev, struct jw *w)
{
	switch (ev->open.kind) {
	case LLM_TEXT:
	case LLM_REFUSAL:
		if (s->open != RESPONSES_MESSAGE)
			open_item(s, RESPONSES_MESSAGE, w);
		if (s->part && s->refusal != (ev->open.kind == LLM_REFUSAL))
			end_part(s, w);
		if (!s->part)
			begin_part(s, ev->open.kind == LLM_REFUSAL, w);
		break;
	case LLM_REASONING:
		open_item(s, RESPONSES_THOUGHT, w);
		s->by = ev->open.by;
		s->hidden = ev->open.hidden;
		break;
	case LLM_CALL:
		open_call(s, f, ev, w);
		break;
	case LLM_MEDIA:
		open_item(s, RESPONSES_IMAGE, w);
		break;
	case LLM_RESULT:
	case LLM_NATIVE:
		break;
	}
}

/* Characters, where nobody told where in the text it belongs. */
static int64_t
characters(struct str s)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
put_cite(const struct llm_cite *c, int64_t at, struct jw *w, const char *key)
{
	jw_obj(w, key);
	jw_strc(w, "type", "url_citation");
	jw_int(w, "start_index", c->start >= 0 ? c->start : at);
	jw_int(w, "end_index", c->end >= 0 ? c->end : at);
	jw_str(w, "url", c->url);
	jw_str(w, "title", c->title);
	jw_end(w);
}

static void
cite(struct responses_enc *s, const struct llm_cite *c, struct jw *w)
{
	struct buf one = BUF_LIMIT(RESPONSES_KEEP_MAX);
	struct jw ow = JW_TO(&one);
	int64_t at = characters(buf_str(&s->text));

	put_cite(c, at, &ow, NULL);
	keep_json(&s->cites, buf_str(&one));
	buf_free(&one);
	begin(s, w, "response.output_text.annotation.added");
	jw_int(w, "content_index", s->nparts);
	jw_int(w, "annotation_index", s->ncites++);
	put_cite(c, at, w, "annotation");
	responses_finish(w);
}

static void
more_text(struct responses_enc *s, const struct llm_event *ev, struct jw *w)
{
	if (!s->part)
		return;
	if (ev->delta.text.n > 0) {
		keep(&s->text, ev->delta.text);
		begin(s, w,
		    s->refusal ? "response.refusal.delta" :
				 "response.output_text.delta");
		jw_int(w, "content_index", s->nparts);
		jw_str(w, "delta", ev->delta.text);
		if (!s->refusal)
			jw_raw(w, "logprobs", STR("[]"));
		responses_finish(w);
	}
	if (ev->delta.cite != NULL && !s->refusal)
		cite(s, ev->delta.cite, w);
}

static void
more_thought(struct responses_enc *s, const struct llm_event *ev, struct jw *w)
{
	keep(&s->seal, ev->delta.seal);
	if (ev->delta.text.n == 0)
		return;
	if (s->text.n == 0) {
		begin(s, w, "response.reasoning_summary_part.added");
		jw_int(w, "summary_index", 0);
		jw_raw(w, "part",
		    STR("{\"type\":\"summary_text\",\"text\":\"\"}"));
		responses_finish(w);
	}
	keep(&s->text, ev->delta.text);
	begin(s, w, "response.reasoning_summary_text.delta");
	jw_int(w, "summary_index", 0);
	jw_str(w, "delta", ev->delta.text);
	responses_finish(w);
}

static void
more_call(struct responses_enc *s, struct str text, struct jw *w)
{
	if (text.n == 0)
		return;
	keep(&s->text, text);
	if (s->open == RESPONSES_CUSTOM && s->unwrap)
		return; /* it is known when it is whole */
	begin(s, w,
	    s->open == RESPONSES_CUSTOM ?
		"response.custom_tool_call_input.delta" :
		"response.function_call_arguments.delta");
	jw_str(w, "delta", text);
	responses_finish(w);
}

static void
more_block(struct responses_enc *s, const struct llm_event *ev, struct jw *w)
{
	struct str rest = ev->delta.text;

	switch (s->open) {
	case RESPONSES_MESSAGE:
		more_text(s, ev, w);
		break;
	case RESPONSES_THOUGHT:
		more_thought(s, ev, w);
		break;
	case RESPONSES_CALL:
	case RESPONSES_CUSTOM:
		more_call(s, ev->delta.text, w);
		break;
	case RESPONSES_IMAGE: /* base64 without its type */
		if (str_starts(rest, "data:"))
			str_split(&rest, ',');
		keep(&s->text, rest);
		break;
	case RESPONSES_NOTHING:
		break;
	}
}

/* --- the answer --- */

static void
put_start(struct responses_enc *s, const struct frame *f,
    const struct llm_event *ev, struct jw *w)
{
	struct str id = ev->start.id;
	size_t n;

	if (!str_starts(id, "resp_") || id.n >= sizeof(s->id))
		id = f->id;
	n = id.n < sizeof(s->id) ? id.n : sizeof(s->id) - 1;
	if (n > 0)
		memcpy(s->id, id.p, n);
	s->created = true;
	responses_begin(s, w, "response.created");
	responses_put_object(s, f, "in_progress", NULL, NULL, w, "response");
	responses_finish(w);
	responses_begin(s, w, "response.in_progress");
	responses_put_object(s, f, "in_progress", NULL, NULL, w, "response");
	responses_finish(w);
}

static void
put_end(struct responses_enc *s, const struct frame *f, const struct tail *t,
    struct jw *w)
{
	const char *status = responses_status(s->why);

	if (s->failed)
		return;
	responses_close(s, w);
	responses_begin(s, w,
	    strcmp(status, "completed") == 0 ? "response.completed" :
					       "response.incomplete");
	responses_put_object(s, f, status, t, NULL, w, "response");
	responses_finish(w);
}

void
responses_encode_event(void *state, const struct frame *f,
    const struct llm_event *ev, const struct tail *t, struct buf *out)
{
	struct responses_enc *s = state;
	struct jw w = JW_TO(out);

	if (ev->choice != 0)
		return;
	switch (ev->kind) {
	case LLM_EV_START:
		put_start(s, f, ev, &w);
		break;
	case LLM_EV_OPEN:
		open_block(s, f, ev, &w);
		break;
	case LLM_EV_DELTA:
		more_block(s, ev, &w);
		break;
	case LLM_EV_CLOSE:
		if (s->open != RESPONSES_MESSAGE)
			responses_close(s, &w);
		break;
	case LLM_EV_STOP:
		s->why = ev->stop.why;
		break;
	case LLM_EV_ERROR:
		responses_encode_failure(s, NULL, f, ev->error, out);
		break;
	case LLM_EV_END:
		put_end(s, f, t, &w);
		break;
	case LLM_EV_USAGE:
	case LLM_EV_PING:
		break;
	}
}
