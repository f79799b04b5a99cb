/*
 * Messages of the neutral view as items.
 */
#include "dialect/parts.h"
#include "dialect/responses.h"

/* Between texts that stood apart where they came from. */
#define APART STR("\n\n")

static bool
is_text(const struct llm_part *p)
{
	return p->kind == LLM_TEXT || p->kind == LLM_REFUSAL;
}

static void
join(const struct llm_part *p, struct str apart, struct buf *b)
{
	for (; p != NULL; p = p->next) {
		if (!is_text(p) || p->text.n == 0)
			continue;
		if (b->n > 0)
			buf_add(b, apart);
		buf_add(b, p->text);
	}
}

void
responses_put_instructions(const struct llm_request *r, struct jw *w)
{
	const struct llm_message *m;
	struct buf b = BUF_LIMIT(SSE_IMAGE_MAX);

	for (m = r->messages; m != NULL && m->role == LLM_SYSTEM; m = m->next) {
		if (b.n > 0)
			buf_add(&b, APART);
		join(m->parts, APART, &b);
	}
	if (b.n > 0)
		jw_str(w, "instructions", buf_str(&b));
	buf_free(&b);
}

static void
put_url(const struct llm_part *p, const char *key, struct jw *w)
{
	struct buf url = BUF_LIMIT(SSE_IMAGE_MAX);

	parts_put_url(p, &url);
	jw_str(w, key, buf_str(&url));
	buf_free(&url);
}

static void
put_file(const struct llm_part *p, struct jw *w)
{
	jw_strc(w, "type", "input_file");
	if (p->media.id.p != NULL)
		jw_str(w, "file_id", p->media.id);
	else if (p->media.url.p != NULL)
		jw_str(w, "file_url", p->media.url);
	else {
		jw_str(w, "filename",
		    p->media.name.n > 0 ? p->media.name : STR("document.pdf"));
		put_url(p, "file_data", w);
	}
}

static void
put_media(const struct llm_part *p, struct jw *w)
{
	jw_obj(w, NULL);
	if (p->media.text.p != NULL) { /* a text document */
		jw_strc(w, "type", "input_text");
		jw_str(w, "text", p->media.text);
	} else if (!parts_is(p, "image/"))
		put_file(p, w);
	else {
		jw_strc(w, "type", "input_image");
		if (p->media.id.p != NULL)
			jw_str(w, "file_id", p->media.id);
		else
			put_url(p, "image_url", w);
		jw_str(w, "detail",
		    p->media.detail.n > 0 ? p->media.detail : STR("auto"));
	}
	jw_end(w);
}

static void
put_part(const struct llm_part *p, struct jw *w)
{
	if (p->kind == LLM_MEDIA)
		put_media(p, w);
	else if (is_text(p) && p->text.n > 0) { /* trap 64 */
		jw_obj(w, NULL);
		jw_strc(w, "type", "input_text");
		jw_str(w, "text", p->text);
		jw_end(w);
	} else if (p->kind == LLM_NATIVE)
		jw_node(w, NULL, p->node);
}

/* One text is a string, else a list. */
static void
put_content(const struct llm_part *p, const char *key, struct jw *w)
{
	if (p == NULL || (p->next == NULL && is_text(p))) {
		jw_str(w, key, p == NULL ? STR("") : p->text);
		return;
	}
	jw_arr(w, key);
	for (; p != NULL; p = p->next)
		put_part(p, w);
	jw_end(w);
}

/* Was the call of this id one of a tool that takes free text? */
static bool
is_custom(const struct llm_request *r, struct str id)
{
	const struct llm_message *m;
	const struct llm_part *p;

	for (m = r->messages; m != NULL; m = m->next)
		for (p = m->parts; p != NULL; p = p->next)
			if (p->kind == LLM_CALL && p->call.custom &&
			    str_eq(p->call.id, id))
				return true;
	return false;
}

static void
put_result(const struct llm_request *r, const struct llm_part *p, struct jw *w)
{
	jw_obj(w, NULL);
	jw_strc(w, "type",
	    is_custom(r, p->result.id) ? "custom_tool_call_output" :
					 "function_call_output");
	jw_str(w, "call_id", p->result.id);
	put_content(p->result.parts, "output", w);
	jw_end(w);
}

static void
put_call(const struct llm_part *p, struct jw *w)
{
	struct str args = p->call.args;

	if (!p->call.custom && str_trim(args).n == 0)
		args = STR("{}");
	jw_obj(w, NULL);
	jw_strc(
	    w, "type", p->call.custom ? "custom_tool_call" : "function_call");
	jw_str(w, "call_id", p->call.id);
	jw_str(w, "name", p->call.name);
	jw_str(w, p->call.custom ? "input" : "arguments", args);
	jw_end(w);
}

/* Only what this house has encrypted is taken back (traps 75, 76). */
static void
put_thought(const struct llm_part *p, struct jw *w)
{
	if (p->reasoning.by != LLM_BY_OPENAI || p->reasoning.seal.n == 0)
		return;
	jw_obj(w, NULL);
	jw_strc(w, "type", "reasoning");
	if (str_starts(p->reasoning.id, "rs_"))
		jw_str(w, "id", p->reasoning.id);
	jw_arr(w, "summary");
	if (p->reasoning.text.n > 0) {
		jw_obj(w, NULL);
		jw_strc(w, "type", "summary_text");
		jw_str(w, "text", p->reasoning.text);
		jw_end(w);
	}
	jw_end(w);
	jw_str(w, "encrypted_content", p->reasoning.seal);
	jw_end(w);
}

/* Texts that follow each other, as one message; returns the last of them. */
static const struct llm_part *
put_said(const struct llm_part *p, struct jw *w)
{
	struct buf b = BUF_LIMIT(SSE_IMAGE_MAX);

	for (;; p = p->next) {
		buf_add(&b, p->text);
		if (p->next == NULL || !is_text(p->next))
			break;
	}
	if (b.n > 0) {
		jw_obj(w, NULL);
		jw_strc(w, "role", "assistant");
		jw_str(w, "content", buf_str(&b));
		jw_end(w);
	}
	buf_free(&b);
	return p;
}

static void
put_assistant(const struct llm_part *p, struct jw *w)
{
	for (; p != NULL; p = p->next) {
		if (is_text(p))
			p = put_said(p, w);
		else if (p->kind == LLM_REASONING)
			put_thought(p, w);
		else if (p->kind == LLM_CALL)
			put_call(p, w);
	}
}

/* Results of calls are items; what was said beside them is a message. */
static void
put_user(const struct llm_request *r, const struct llm_message *m, struct jw *w)
{
	const struct llm_part *p;
	bool results = false, more = m->parts == NULL;

	for (p = m->parts; p != NULL; p = p->next) {
		results = results || p->kind == LLM_RESULT;
		more = more || p->kind != LLM_RESULT;
		if (p->kind == LLM_RESULT)
			put_result(r, p, w);
	}
	if (!more)
		return;
	jw_obj(w, NULL);
	jw_strc(w, "role", m->role == LLM_SYSTEM ? "developer" : "user");
	if (!results)
		put_content(m->parts, "content", w);
	else {
		jw_arr(w, "content");
		for (p = m->parts; p != NULL; p = p->next)
			put_part(p, w);
		jw_end(w);
	}
	jw_end(w);
}

void
responses_put_input(const struct llm_request *r, struct jw *w)
{
	const struct llm_message *m = r->messages;

	jw_arr(w, "input");
	while (m != NULL && m->role == LLM_SYSTEM)
		m = m->next;
	for (; m != NULL; m = m->next) {
		if (m->role == LLM_ASSISTANT)
			put_assistant(m->parts, w);
		else
			put_user(r, m, w);
	}
	jw_end(w);
}
