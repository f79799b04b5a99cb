/*
 * Events as this dialect (api.md 6).  Texts that follow each other are one part
 * of one message; what was said piece by piece is said whole when it is over.
 */
#include "dialect/responses.h"

/* --- blocks --- */

/* A thought of nobody, which stands for the signature of the call. */
static void
put_call_seal(struct responses_enc *s, const struct llm_event *ev, struct jw *w)
{
	responses_open_item(s, RESPONSES_THOUGHT, w);
	s->by = LLM_BY_OPENAI; /* as it is */
	s->hidden = true;
	responses_set(&s->seal, STR(RESPONSES_CALL_SEAL));
	responses_keep(&s->seal, ev->open.id);
	responses_keep(&s->seal, STR(":"));
	responses_keep(&s->seal, ev->open.seal);
	responses_close(s, w);
}

static void
open_call(struct responses_enc *s, const struct frame *f,
    const struct llm_event *ev, struct jw *w)
{
	bool custom = ev->open.custom || responses_is_custom(f, ev->open.name);
	struct str name = ev->open.name, space = responses_space_of(f, name);

	responses_close(s, w);
	if (ev->open.seal.n > 0)
		put_call_seal(s, ev, w);
	responses_set(&s->call, ev->open.id);
	responses_set(&s->space, space);
	if (space.n > 0) {
		name.p += space.n + 2;
		name.n -= space.n + 2;
	}
	responses_set(&s->name, name);
	s->unwrap = custom && !ev->open.custom;
	responses_open_item(s, custom ? RESPONSES_CUSTOM : RESPONSES_CALL, w);
}

static void
open_block(struct responses_enc *s, const struct frame *f,
    const struct llm_event *ev, struct jw *w)
{
	switch (ev->open.kind) {
	case LLM_TEXT:
	case LLM_REFUSAL:
		if (s->open != RESPONSES_MESSAGE)
			responses_open_item(s, RESPONSES_MESSAGE, w);
		if (s->part && s->refusal != (ev->open.kind == LLM_REFUSAL))
			responses_end_part(s, w);
		if (!s->part)
			responses_begin_part(
			    s, ev->open.kind == LLM_REFUSAL, w);
		break;
	case LLM_REASONING:
		responses_open_item(s, RESPONSES_THOUGHT, w);
		s->by = ev->open.by;
		s->hidden = ev->open.hidden;
		break;
	case LLM_CALL:
		open_call(s, f, ev, w);
		break;
	case LLM_MEDIA:
		responses_open_item(s, RESPONSES_IMAGE, w);
		break;
	case LLM_RESULT:
	case LLM_NATIVE:
		break;
	}
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
	/* Where nobody told which part of the text it belongs to. */
	int64_t at = llm_characters(buf_str(&s->text));

	put_cite(c, at, &ow, NULL);
	responses_keep_json(&s->cites, buf_str(&one));
	buf_free(&one);
	responses_begin_at(s, w, "response.output_text.annotation.added");
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
		responses_keep(&s->text, ev->delta.text);
		responses_begin_at(s, w,
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
	responses_keep(&s->seal, ev->delta.seal);
	if (ev->delta.text.n == 0)
		return;
	if (s->text.n == 0) {
		responses_begin_at(
		    s, w, "response.reasoning_summary_part.added");
		jw_int(w, "summary_index", 0);
		jw_raw(w, "part",
		    STR("{\"type\":\"summary_text\",\"text\":\"\"}"));
		responses_finish(w);
	}
	responses_keep(&s->text, ev->delta.text);
	responses_begin_at(s, w, "response.reasoning_summary_text.delta");
	jw_int(w, "summary_index", 0);
	jw_str(w, "delta", ev->delta.text);
	responses_finish(w);
}

static void
more_call(struct responses_enc *s, struct str text, struct jw *w)
{
	if (text.n == 0)
		return;
	responses_keep(&s->text, text);
	if (s->open == RESPONSES_CUSTOM && s->unwrap)
		return; /* it is known when it is whole */
	responses_begin_at(s, w,
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
		responses_keep(&s->text, rest);
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

	if (!str_starts(id, "resp_") || id.n >= sizeof(s->id))
		id = f->id;
	str_copy(s->id, sizeof(s->id), id);
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
