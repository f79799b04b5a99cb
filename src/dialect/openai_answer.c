/*
 * Events and folded answers as this dialect.  The finish of the last choice is
 * held until the end, since usage may ride on it (api.md 4.6).
 */
#include "dialect/openai.h"

/* The members all chunks begin with; the choices are left open. */
static void
begin_chunk(const struct openai_enc *s, const struct frame *f, struct jw *w)
{
	*w = JW_TO(w->out);
	buf_add(w->out, STR("data: "));
	jw_obj(w, NULL);
	jw_strc(w, "id", s->id);
	jw_strc(w, "object", "chat.completion.chunk");
	jw_int(w, "created", f->created);
	jw_str(w, "model", f->model);
	jw_arr(w, "choices");
}

/* The choice is left open in its delta. */
static void
begin_delta(
    struct openai_enc *s, const struct frame *f, int choice, struct jw *w)
{
	begin_chunk(s, f, w);
	jw_obj(w, NULL);
	jw_int(w, "index", choice);
	jw_obj(w, "delta");
	if (!s->seen[choice])
		jw_strc(w, "role", "assistant");
	s->seen[choice] = true;
}

/* Up to the end of the choices; the chunk itself is still open. */
static void
end_delta(struct jw *w, const char *finish)
{
	jw_end(w); /* delta */
	if (finish != NULL)
		jw_strc(w, "finish_reason", finish);
	else
		jw_null(w, "finish_reason");
	jw_end(w); /* choice */
	jw_end(w); /* choices */
}

static void
end_chunk(struct jw *w)
{
	jw_end(w);
	buf_add(w->out, STR("\n\n"));
}

static void
put_tail(const struct tail *t, struct jw *w)
{
	openai_put_usage(w, "usage", t, STR_NONE);
	if (t->metadata.n > 0)
		jw_raw(w, "metadata", t->metadata);
}

static void
put_call(const struct openai_enc *s, const struct llm_event *ev,
    struct str args, struct jw *w)
{
	jw_arr(w, "tool_calls");
	jw_obj(w, NULL);
	jw_int(w, "index", s->calls[ev->choice] - 1);
	if (ev->kind == LLM_EV_OPEN) {
		jw_str(w, "id", ev->open.id);
		jw_strc(w, "type", "function");
	}
	jw_obj(w, "function");
	if (ev->kind == LLM_EV_OPEN)
		jw_str(w, "name", ev->open.name);
	jw_str(w, "arguments", args);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

static void
put_reasoning(const struct frame *f, struct str text, struct jw *w)
{
	if (f->reasoning != FRAME_REASONING_CONTENT)
		jw_str(w, "reasoning", text);
	if (f->reasoning != FRAME_REASONING)
		jw_str(w, "reasoning_content", text);
}

static void
put_image(struct str url, struct jw *w)
{
	jw_obj(w, NULL);
	jw_strc(w, "type", "image_url");
	jw_obj(w, "image_url");
	jw_str(w, "url", url);
	jw_end(w);
	jw_end(w);
}

static void
put_text(struct openai_enc *s, const struct frame *f,
    const struct llm_event *ev, struct jw *w)
{
	switch (s->kind[ev->choice]) {
	case LLM_CALL:
		s->told[ev->choice] = true;
		put_call(s, ev, ev->delta.text, w);
		break;
	case LLM_REASONING:
		put_reasoning(f, ev->delta.text, w);
		break;
	case LLM_REFUSAL:
		jw_str(w, "refusal", ev->delta.text);
		break;
	case LLM_MEDIA:
		jw_arr(w, "images");
		put_image(ev->delta.text, w);
		jw_end(w);
		break;
	case LLM_TEXT:
	case LLM_RESULT:
	case LLM_NATIVE:
		jw_str(w, "content", ev->delta.text);
		break;
	}
}

/* Send the finish that is held, with the tail if that is its place. */
static void
put_finish(struct openai_enc *s, const struct frame *f, const struct tail *t,
    struct jw *w)
{
	if (s->why == LLM_STOP_NONE)
		return;
	begin_delta(s, f, s->stop_choice, w);
	end_delta(w, openai_stop_word(s->why));
	if (t != NULL)
		put_tail(t, w);
	end_chunk(w);
	s->why = LLM_STOP_NONE;
}

static void
put_end(struct openai_enc *s, const struct frame *f, const struct tail *t,
    struct jw *w)
{
	bool extra = f->include_usage || f->usage == FRAME_USAGE_EXTRA;

	if (s->failed)
		return;
	put_finish(
	    s, f, !extra && f->usage == FRAME_USAGE_FINISH ? t : NULL, w);
	if (extra && t != NULL) {
		begin_chunk(s, f, w);
		jw_end(w);
		put_tail(t, w);
		end_chunk(w);
	}
	buf_add(w->out, STR("data: [DONE]\n\n"));
}

static void
put_block(struct openai_enc *s, const struct frame *f,
    const struct llm_event *ev, struct jw *w)
{
	int i = ev->choice;

	if (ev->kind == LLM_EV_OPEN) {
		s->kind[i] = ev->open.kind;
		s->told[i] = false;
		if (ev->open.kind != LLM_CALL)
			return;
		s->calls[i]++;
	} else if (ev->kind == LLM_EV_CLOSE) {
		if (s->kind[i] != LLM_CALL || s->told[i])
			return;
	} else if (ev->delta.text.n == 0)
		return;
	begin_delta(s, f, i, w);
	if (ev->kind == LLM_EV_OPEN)
		put_call(s, ev, STR(""), w);
	else if (ev->kind == LLM_EV_CLOSE) /* trap 36 */
		put_call(s, ev, STR("{}"), w);
	else
		put_text(s, f, ev, w);
	end_delta(w, NULL);
	end_chunk(w);
}

void
openai_encode_event(void *state, const struct frame *f,
    const struct llm_event *ev, const struct tail *t, struct buf *out)
{
	struct openai_enc *s = state;
	struct jw w = JW_TO(out);
	struct str id;
	size_t n;

	switch (ev->kind) {
	case LLM_EV_START:
		id = ev->start.id.n > 0 ? ev->start.id : f->id;
		n = id.n < sizeof(s->id) ? id.n : sizeof(s->id) - 1;
		if (n > 0)
			memcpy(s->id, id.p, n);
		break;
	case LLM_EV_OPEN:
	case LLM_EV_DELTA:
	case LLM_EV_CLOSE:
		if (ev->choice >= 0 && ev->choice < LLM_CHOICES_MAX)
			put_block(s, f, ev, &w);
		break;
	case LLM_EV_STOP:
		put_finish(s, f, NULL, &w);
		s->stop_choice = ev->choice;
		s->why =
		    ev->stop.why == LLM_STOP_NONE ? LLM_STOP_END : ev->stop.why;
		if (s->calls[ev->choice] > 0 &&
		    strcmp(openai_stop_word(s->why), "stop") == 0)
			s->why = LLM_STOP_CALLS;
		break;
	case LLM_EV_ERROR:
		s->failed = true;
		openai_encode_error(ev->error, out);
		break;
	case LLM_EV_END:
		put_end(s, f, t, &w);
		break;
	case LLM_EV_USAGE:
	case LLM_EV_PING:
		break;
	}
}

/* All parts of one kind joined with nothing between them (trap 113). */
static struct str
join(const struct llm_part *p, enum llm_kind kind, struct buf *tmp)
{
	buf_clear(tmp);
	for (; p != NULL; p = p->next)
		if (p->kind == kind)
			buf_add(tmp,
			    kind == LLM_REASONING ? p->reasoning.text :
						    p->text);
	return buf_str(tmp);
}

static bool
has_kind(const struct llm_part *p, enum llm_kind kind)
{
	for (; p != NULL; p = p->next)
		if (p->kind == kind)
			return true;
	return false;
}

static void
put_lists(const struct llm_part *parts, struct jw *w)
{
	const struct llm_part *p;

	if (has_kind(parts, LLM_CALL)) {
		jw_arr(w, "tool_calls");
		for (p = parts; p != NULL; p = p->next)
			if (p->kind == LLM_CALL)
				openai_put_call(p, w);
		jw_end(w);
	}
	if (has_kind(parts, LLM_MEDIA)) {
		jw_arr(w, "images");
		for (p = parts; p != NULL; p = p->next)
			if (p->kind == LLM_MEDIA)
				put_image(p->media.url, w);
		jw_end(w);
	}
}

static void
put_choice(const struct frame *f, const struct llm_choice *c, struct jw *w)
{
	struct buf tmp = BUF_LIMIT(SSE_IMAGE_MAX);
	const char *word = openai_stop_word(c->why);
	bool calls = has_kind(c->parts, LLM_CALL);

	jw_obj(w, NULL);
	jw_int(w, "index", c->index);
	jw_obj(w, "message");
	jw_strc(w, "role", "assistant");
	if (calls && !has_kind(c->parts, LLM_TEXT))
		jw_null(w, "content");
	else
		jw_str(w, "content", join(c->parts, LLM_TEXT, &tmp));
	if (has_kind(c->parts, LLM_REASONING))
		put_reasoning(f, join(c->parts, LLM_REASONING, &tmp), w);
	if (has_kind(c->parts, LLM_REFUSAL))
		jw_str(w, "refusal", join(c->parts, LLM_REFUSAL, &tmp));
	put_lists(c->parts, w);
	jw_end(w);
	if (calls && strcmp(word, "stop") == 0)
		word = "tool_calls";
	jw_strc(w, "finish_reason", word);
	jw_null(w, "logprobs");
	jw_end(w);
	buf_free(&tmp);
}

void
openai_encode_answer(const struct frame *f, const struct llm_answer *a,
    const struct tail *t, struct jw *w)
{
	const struct llm_choice *c;

	jw_obj(w, NULL);
	jw_str(w, "id", a->id.n > 0 ? a->id : f->id);
	jw_strc(w, "object", "chat.completion");
	jw_int(w, "created", f->created);
	jw_str(w, "model", f->model);
	jw_arr(w, "choices");
	for (c = a->choices; c != NULL; c = c->next)
		put_choice(f, c, w);
	jw_end(w);
	put_tail(t, w);
	jw_end(w);
}
