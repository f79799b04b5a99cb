/*
 * The neutral view of a request as a body of this dialect.
 */
#include "dialect/openai.h"
#include "dialect/setting.h"

/* clang-format off */
static const struct setting settings[] = {
	{ "temperature", LLM_TEMPERATURE, 0, 2 },
	{ "top_p", LLM_TOP_P, 0, 1 },
	{ "max_tokens", LLM_MAX_OUTPUT, 1, 1e15 },
	{ "frequency_penalty", LLM_FREQUENCY_PENALTY, -2, 2 },
	{ "presence_penalty", LLM_PRESENCE_PENALTY, -2, 2 },
	{ NULL, 0, 0, 0 }
};
/* clang-format on */

static const char *const role_words[] = {
	[LLM_SYSTEM] = "system",
	[LLM_USER] = "user",
	[LLM_ASSISTANT] = "assistant",
	[LLM_TOOL] = "tool",
};

/* The text of a list that is one text part and nothing else. */
static bool
is_one_text(const struct llm_part *p)
{
	return p != NULL && p->kind == LLM_TEXT && p->next == NULL;
}

static void
put_image(const struct llm_part *p, struct jw *w)
{
	jw_strc(w, "type", "image_url");
	jw_obj(w, "image_url");
	if (p->media.data.p != NULL) {
		struct buf url = BUF_LIMIT(SSE_IMAGE_MAX);

		buf_add(&url, STR("data:"));
		buf_add(&url, p->media.mime);
		buf_add(&url, STR(";base64,"));
		buf_add(&url, p->media.data);
		jw_str(w, "url", buf_str(&url));
		buf_free(&url);
	} else
		jw_str(w, "url", p->media.url);
	jw_end(w);
}

static void
put_part(const struct llm_part *p, struct jw *w)
{
	switch (p->kind) {
	case LLM_TEXT:
	case LLM_REFUSAL:
		jw_obj(w, NULL);
		jw_strc(w, "type", "text");
		jw_str(w, "text", p->text);
		jw_end(w);
		break;
	case LLM_MEDIA:
		jw_obj(w, NULL);
		put_image(p, w);
		jw_end(w);
		break;
	case LLM_NATIVE:
		jw_node(w, NULL, p->node);
		break;
	case LLM_CALL:
	case LLM_RESULT:
	case LLM_REASONING:
		break; /* they have places of their own */
	}
}

static void
put_content(const struct llm_part *p, struct jw *w)
{
	if (is_one_text(p)) {
		jw_str(w, "content", p->text);
		return;
	}
	jw_arr(w, "content");
	for (; p != NULL; p = p->next)
		put_part(p, w);
	jw_end(w);
}

void
openai_put_call(const struct llm_part *p, struct jw *w)
{
	jw_obj(w, NULL);
	jw_str(w, "id", p->call.id);
	jw_strc(w, "type", "function");
	jw_obj(w, "function");
	jw_str(w, "name", p->call.name);
	jw_str(w, "arguments", p->call.args.n > 0 ? p->call.args : STR("{}"));
	jw_end(w);
	jw_end(w);
}

/* Content beside calls: null if there is none (trap 102). */
static void
put_assistant(const struct llm_part *parts, struct jw *w)
{
	const struct llm_part *p;
	struct buf text = BUF_LIMIT(SSE_IMAGE_MAX);
	bool calls = false;

	for (p = parts; p != NULL; p = p->next) {
		if (p->kind == LLM_TEXT || p->kind == LLM_REFUSAL)
			buf_add(&text, p->text);
		calls = calls || p->kind == LLM_CALL;
	}
	if (text.n > 0 || !calls)
		jw_str(w, "content", buf_str(&text));
	else
		jw_null(w, "content");
	buf_free(&text);
	if (!calls)
		return;
	jw_arr(w, "tool_calls");
	for (p = parts; p != NULL; p = p->next)
		if (p->kind == LLM_CALL)
			openai_put_call(p, w);
	jw_end(w);
}

/* Results are messages of their own and come before what else was said. */
static void
put_message(const struct llm_message *m, struct jw *w)
{
	const struct llm_part *p, *rest = NULL;

	for (p = m->parts; p != NULL; p = p->next) {
		if (p->kind != LLM_RESULT) {
			rest = rest == NULL ? p : rest;
			continue;
		}
		jw_obj(w, NULL);
		jw_strc(w, "role", "tool");
		jw_str(w, "tool_call_id", p->result.id);
		put_content(p->result.parts, w);
		jw_end(w);
	}
	if (rest == NULL && m->role == LLM_TOOL)
		return;
	jw_obj(w, NULL);
	jw_strc(w, "role", m->role == LLM_TOOL ? "user" : role_words[m->role]);
	if (m->name.p != NULL)
		jw_str(w, "name", m->name);
	if (m->role == LLM_ASSISTANT)
		put_assistant(m->parts, w);
	else
		put_content(rest, w);
	jw_end(w);
}

static void
put_tools(const struct llm_request *r, struct jw *w)
{
	const struct llm_tool *t;

	if (r->tools == NULL)
		return;
	jw_arr(w, "tools");
	for (t = r->tools; t != NULL; t = t->next) {
		jw_obj(w, NULL);
		jw_strc(w, "type", "function");
		jw_obj(w, "function");
		jw_str(w, "name", t->name);
		if (t->text.p != NULL)
			jw_str(w, "description", t->text);
		if (t->schema != NULL)
			jw_node(w, "parameters", t->schema);
		if (t->strict)
			jw_bool(w, "strict", true);
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
	if (r->serial)
		jw_bool(w, "parallel_tool_calls", false);
	if (r->choose == LLM_NAMED) {
		jw_obj(w, "tool_choice");
		jw_strc(w, "type", "function");
		jw_obj(w, "function");
		jw_str(w, "name", r->choose_name);
		jw_end(w);
		jw_end(w);
	} else if (r->choose != LLM_AUTO)
		jw_strc(w, "tool_choice",
		    r->choose == LLM_NONE ? "none" : "required");
}

static void
put_format(const struct llm_request *r, struct jw *w)
{
	if (r->format == LLM_FORMAT_FREE)
		return;
	jw_obj(w, "response_format");
	if (r->format == LLM_FORMAT_JSON)
		jw_strc(w, "type", "json_object");
	else {
		jw_strc(w, "type", "json_schema");
		jw_obj(w, "json_schema");
		jw_str(w, "name", r->format_name);
		if (r->schema != NULL)
			jw_node(w, "schema", r->schema);
		jw_end(w);
	}
	jw_end(w);
}

int
openai_encode_request(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	const struct llm_message *m;
	const struct llm_part *p;

	jw_obj(w, NULL);
	jw_str(w, "model", aim->model);
	jw_arr(w, "messages");
	for (m = r->messages; m != NULL; m = m->next)
		put_message(m, w);
	jw_end(w);
	put_tools(r, w);
	setting_encode(settings, r, w);
	if (r->has_effort)
		jw_strc(w, "reasoning_effort", llm_effort_words[r->effort]);
	if (r->stops != NULL) {
		jw_arr(w, "stop");
		for (p = r->stops; p != NULL; p = p->next)
			jw_str(w, NULL, p->text);
		jw_end(w);
	}
	put_format(r, w);
	if (r->n > 1)
		jw_int(w, "n", r->n);
	if (aim->stream) {
		jw_bool(w, "stream", true);
		jw_obj(w, "stream_options");
		jw_bool(w, "include_usage", true);
		jw_end(w);
	}
	jw_end(w);
	return w->out->full ?
	    err_set(e, ERR_TOO_LARGE, "Request is too large") :
	    0;
}
