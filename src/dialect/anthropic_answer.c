/*
 * Events and folded answers as this dialect (wire.md 12.2, 12.3).  A block is
 * begun when there is something to say in it, so that none is empty.
 */
#include "dialect/anthropic.h"

/* "event: NAME", and the object is left open with its type. */
static void
begin(struct jw *w, const char *name)
{
	*w = JW_TO(w->out);
	buf_add(w->out, STR("event: "));
	buf_add(w->out, str_from(name));
	buf_add(w->out, STR("\ndata: "));
	jw_obj(w, NULL);
	jw_strc(w, "type", name);
}

static void
end(struct jw *w)
{
	jw_end(w);
	buf_add(w->out, STR("\n\n"));
}

static void
put_start(const struct frame *f, const struct llm_event *ev, struct jw *w)
{
	begin(w, "message_start");
	jw_obj(w, "message");
	jw_str(w, "id", ev->start.id.n > 0 ? ev->start.id : f->id);
	jw_strc(w, "type", "message");
	jw_strc(w, "role", "assistant");
	jw_str(w, "model", f->model);
	jw_raw(w, "content", STR("[]"));
	jw_null(w, "stop_reason");
	jw_null(w, "stop_sequence");
	jw_raw(w, "usage",
	    STR("{\"input_tokens\":0,\"output_tokens\":0,"
		"\"cache_creation_input_tokens\":0,"
		"\"cache_read_input_tokens\":0}"));
	jw_end(w);
	end(w);
}

/* The start is left open inside its block. */
static void
begin_block(struct anthropic_enc *s, const char *type, struct jw *w)
{
	begin(w, "content_block_start");
	jw_int(w, "index", s->next);
	jw_obj(w, "content_block");
	jw_strc(w, "type", type);
	s->open = true;
}

static void
end_begin(struct jw *w)
{
	jw_end(w);
	end(w);
}

static void
close_block(struct anthropic_enc *s, struct jw *w)
{
	if (!s->open)
		return;
	begin(w, "content_block_stop");
	jw_int(w, "index", s->next++);
	end(w);
	s->open = false;
}

/* A seal as a string; buf_add() would not escape it. */
static void
put_seal(struct jw *w, const char *key, enum llm_issuer by, struct str seal)
{
	struct buf b = BUF_LIMIT(SSE_IMAGE_MAX);

	llm_seal_put(&b, by, seal, LLM_BY_ANTHROPIC);
	jw_str(w, key, buf_str(&b));
	buf_free(&b);
}

/* "llmgw:google-call:<call id>:<seal>" */
static void
put_call_seal(struct jw *w, struct str id, struct str seal)
{
	struct buf b = BUF_LIMIT(SSE_IMAGE_MAX);

	buf_add(&b, STR(ANTHROPIC_CALL_SEAL));
	buf_add(&b, id);
	buf_addc(&b, ':');
	buf_add(&b, seal);
	jw_str(w, "data", buf_str(&b));
	buf_free(&b);
}

static void
open_call(struct anthropic_enc *s, const struct llm_event *ev, struct jw *w)
{
	if (ev->open.seal.n > 0) {
		begin_block(s, "redacted_thinking", w);
		put_call_seal(w, ev->open.id, ev->open.seal);
		end_begin(w);
		close_block(s, w);
	}
	s->calls = true;
	begin_block(s, "tool_use", w);
	jw_str(w, "id", ev->open.id);
	jw_str(w, "name", ev->open.name);
	jw_raw(w, "input", STR("{}"));
	end_begin(w);
}

static void
open_block(struct anthropic_enc *s, const struct llm_event *ev, struct jw *w)
{
	close_block(s, w);
	s->kind = ev->open.kind;
	s->by = ev->open.by;
	s->hidden = ev->open.hidden;
	s->sealed = false;
	s->refused = s->refused || ev->open.kind == LLM_REFUSAL;
	if (ev->open.kind == LLM_CALL)
		open_call(s, ev, w);
}

static void
begin_delta(struct anthropic_enc *s, const char *type, struct jw *w)
{
	begin(w, "content_block_delta");
	jw_int(w, "index", s->next);
	jw_obj(w, "delta");
	jw_strc(w, "type", type);
}

static void
more_text(struct anthropic_enc *s, const struct llm_event *ev, struct jw *w)
{
	const struct llm_cite *c = ev->delta.cite;

	if (ev->delta.text.n == 0 && c == NULL)
		return;
	if (!s->open) {
		begin_block(s, "text", w);
		jw_strc(w, "text", "");
		end_begin(w);
	}
	if (ev->delta.text.n > 0) {
		begin_delta(s, "text_delta", w);
		jw_str(w, "text", ev->delta.text);
		end_begin(w);
	}
	if (c == NULL)
		return;
	begin_delta(s, "citations_delta", w);
	jw_obj(w, "citation");
	jw_strc(w, "type", "web_search_result_location");
	jw_str(w, "url", c->url);
	jw_str(w, "title", c->title);
	jw_strc(w, "cited_text", "");
	jw_strc(w, "encrypted_index", "");
	jw_end(w);
	end_begin(w);
}

/* Decoders tell a seal in one piece: the SDKs take the last they see. */
static void
more_thought(struct anthropic_enc *s, const struct llm_event *ev, struct jw *w)
{
	if (s->hidden) {
		if (ev->delta.seal.n == 0 || s->sealed)
			return;
		s->sealed = true;
		begin_block(s, "redacted_thinking", w);
		put_seal(w, "data", s->by, ev->delta.seal);
		end_begin(w);
		return;
	}
	if (ev->delta.text.n == 0 && ev->delta.seal.n == 0)
		return;
	if (!s->open) {
		begin_block(s, "thinking", w);
		jw_strc(w, "thinking", "");
		jw_strc(w, "signature", ""); /* trap 55 */
		end_begin(w);
	}
	if (ev->delta.text.n > 0) {
		begin_delta(s, "thinking_delta", w);
		jw_str(w, "thinking", ev->delta.text);
		end_begin(w);
	}
	if (ev->delta.seal.n > 0) { /* trap 56 */
		begin_delta(s, "signature_delta", w);
		put_seal(w, "signature", s->by, ev->delta.seal);
		end_begin(w);
	}
}

/* "data:image/png;base64,..." or an address, as the source of an image. */
static void
put_image(struct jw *w, struct str url)
{
	struct str rest = url, head;

	jw_obj(w, "source");
	if (str_starts(url, "data:")) {
		rest.p += 5;
		rest.n -= 5;
		head = str_split(&rest, ',');
		jw_strc(w, "type", "base64");
		jw_str(w, "media_type", str_split(&head, ';'));
		jw_str(w, "data", rest);
	} else {
		jw_strc(w, "type", "url");
		jw_str(w, "url", url);
	}
	jw_end(w);
}

static void
more_block(struct anthropic_enc *s, const struct llm_event *ev, struct jw *w)
{
	switch (s->kind) {
	case LLM_TEXT:
	case LLM_REFUSAL:
		more_text(s, ev, w);
		break;
	case LLM_REASONING:
		more_thought(s, ev, w);
		break;
	case LLM_CALL:
		if (ev->delta.text.n == 0)
			return;
		begin_delta(s, "input_json_delta", w);
		jw_str(w, "partial_json", ev->delta.text);
		end_begin(w);
		break;
	case LLM_MEDIA:
		if (ev->delta.text.n == 0)
			return;
		close_block(s, w);
		begin_block(s, "image", w);
		put_image(w, ev->delta.text);
		end_begin(w);
		break;
	case LLM_RESULT:
	case LLM_NATIVE:
		break;
	}
}

static void
keep(char *to, size_t max, struct str s)
{
	size_t n = s.n < max ? s.n : 0;

	if (n > 0)
		memcpy(to, s.p, n);
	to[n] = '\0';
}

static struct str
stop_word(enum llm_stop why, bool calls, bool refused, struct str raw)
{
	if (calls &&
	    (why == LLM_STOP_END || why == LLM_STOP_NONE ||
		why == LLM_STOP_OTHER))
		why = LLM_STOP_CALLS;
	else if (refused && why == LLM_STOP_END)
		why = LLM_STOP_FILTER;
	return anthropic_stop_word(why, raw);
}

static void
put_seq(struct jw *w, struct str seq)
{
	if (seq.n > 0)
		jw_str(w, "stop_sequence", seq);
	else
		jw_null(w, "stop_sequence");
}

static void
put_end(struct anthropic_enc *s, const struct tail *t, struct jw *w)
{
	if (s->failed)
		return;
	close_block(s, w);
	begin(w, "message_delta");
	jw_obj(w, "delta");
	jw_str(w, "stop_reason",
	    stop_word(s->why, s->calls, s->refused, str_from(s->raw)));
	put_seq(w, str_from(s->seq));
	jw_end(w);
	if (t != NULL) {
		anthropic_put_usage(w, "usage", t, STR_NONE);
		if (t->metadata.n > 0)
			jw_raw(w, "metadata", t->metadata);
	}
	end(w);
	begin(w, "message_stop");
	end(w);
}

void
anthropic_encode_event(void *state, const struct frame *f,
    const struct llm_event *ev, const struct tail *t, struct buf *out)
{
	struct anthropic_enc *s = state;
	struct jw w = JW_TO(out);

	if (ev->choice != 0)
		return;
	switch (ev->kind) {
	case LLM_EV_START:
		put_start(f, ev, &w);
		break;
	case LLM_EV_OPEN:
		open_block(s, ev, &w);
		break;
	case LLM_EV_DELTA:
		more_block(s, ev, &w);
		break;
	case LLM_EV_CLOSE:
		close_block(s, &w);
		break;
	case LLM_EV_STOP:
		s->why = ev->stop.why;
		keep(s->raw, sizeof(s->raw), ev->stop.raw);
		keep(s->seq, sizeof(s->seq), ev->stop.seq);
		break;
	case LLM_EV_ERROR:
		s->failed = true;
		anthropic_encode_error(ev->error, out);
		break;
	case LLM_EV_END:
		put_end(s, t, &w);
		break;
	case LLM_EV_USAGE: /* no end of anything, trap 53 */
	case LLM_EV_PING:
		break;
	}
}

/* --- whole answers --- */

void
anthropic_put_input(struct jw *w, const struct llm_part *call)
{
	struct str args = call->call.args;

	if (!call->call.custom && jscan_is_object(args))
		jw_raw(w, "input", args);
	else if (!call->call.custom &&
	    (anthropic_blank(args) || str_is(str_trim(args), "null")))
		jw_raw(w, "input", STR("{}"));
	else {
		jw_obj(w, "input");
		jw_str(w, call->call.custom ? "input" : "raw", args);
		jw_end(w);
	}
}

static void
put_cites(const struct llm_cite *c, struct jw *w)
{
	if (c == NULL)
		return;
	jw_arr(w, "citations");
	for (; c != NULL; c = c->next) {
		jw_obj(w, NULL);
		jw_strc(w, "type", "web_search_result_location");
		jw_str(w, "url", c->url);
		jw_str(w, "title", c->title);
		jw_strc(w, "cited_text", "");
		jw_strc(w, "encrypted_index", "");
		jw_end(w);
	}
	jw_end(w);
}

static void
put_text(const struct llm_part *p, struct jw *w)
{
	if (p->text.n == 0)
		return;
	jw_obj(w, NULL);
	jw_strc(w, "type", "text");
	jw_str(w, "text", p->text);
	put_cites(p->cites, w);
	jw_end(w);
}

static void
put_thought(const struct llm_part *p, struct jw *w)
{
	jw_obj(w, NULL);
	if (p->reasoning.hidden) {
		jw_strc(w, "type", "redacted_thinking");
		put_seal(w, "data", p->reasoning.by, p->reasoning.seal);
	} else {
		jw_strc(w, "type", "thinking");
		jw_str(w, "thinking", p->reasoning.text);
		put_seal(w, "signature", p->reasoning.by, p->reasoning.seal);
	}
	jw_end(w);
}

static void
put_call(const struct llm_part *p, struct jw *w)
{
	if (p->call.seal.n > 0) {
		jw_obj(w, NULL);
		jw_strc(w, "type", "redacted_thinking");
		put_call_seal(w, p->call.id, p->call.seal);
		jw_end(w);
	}
	jw_obj(w, NULL);
	jw_strc(w, "type", "tool_use");
	jw_str(w, "id", p->call.id);
	jw_str(w, "name", p->call.name);
	anthropic_put_input(w, p);
	jw_end(w);
}

static void
put_part(const struct llm_part *p, struct jw *w)
{
	switch (p->kind) {
	case LLM_TEXT:
	case LLM_REFUSAL:
		put_text(p, w);
		break;
	case LLM_REASONING:
		if (p->reasoning.text.n > 0 || p->reasoning.seal.n > 0)
			put_thought(p, w);
		break;
	case LLM_CALL:
		put_call(p, w);
		break;
	case LLM_MEDIA:
		jw_obj(w, NULL);
		jw_strc(w, "type", "image");
		put_image(w, p->media.url);
		jw_end(w);
		break;
	case LLM_RESULT:
	case LLM_NATIVE:
		break;
	}
}

static bool
has_kind(const struct llm_part *p, enum llm_kind kind)
{
	for (; p != NULL; p = p->next)
		if (p->kind == kind)
			return true;
	return false;
}

void
anthropic_encode_answer(const struct frame *f, const struct llm_answer *a,
    const struct tail *t, struct jw *w)
{
	static const struct llm_choice none = { .why = LLM_STOP_END };
	const struct llm_choice *c = a->choices != NULL ? a->choices : &none;
	const struct llm_part *p;

	jw_obj(w, NULL);
	jw_str(w, "id", a->id.n > 0 ? a->id : f->id);
	jw_strc(w, "type", "message");
	jw_strc(w, "role", "assistant");
	jw_str(w, "model", f->model);
	jw_arr(w, "content");
	for (p = c->parts; p != NULL; p = p->next)
		put_part(p, w);
	jw_end(w);
	jw_str(w, "stop_reason",
	    stop_word(c->why, has_kind(c->parts, LLM_CALL),
		has_kind(c->parts, LLM_REFUSAL), c->raw));
	put_seq(w, c->seq);
	anthropic_put_usage(w, "usage", t, STR_NONE);
	if (t->metadata.n > 0)
		jw_raw(w, "metadata", t->metadata);
	jw_end(w);
}
