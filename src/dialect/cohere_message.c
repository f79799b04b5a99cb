/*
 * Messages of the neutral view as Cohere has them.
 */
#include "dialect/cohere.h"
#include "dialect/openai.h"
#include "dialect/parts.h"

/* What writing messages carries along. */
struct out {
	const struct llm_aim *aim;
	struct jw *w;
	struct err *e;
};

static bool
is_text(const struct llm_part *p)
{
	return (p->kind == LLM_TEXT || p->kind == LLM_REFUSAL) && p->text.n > 0;
}

/* Seals are for those who made them; what is left is a text. */
static bool
is_thought(const struct llm_part *p)
{
	return p->kind == LLM_REASONING && !p->reasoning.hidden &&
	    p->reasoning.text.n > 0;
}

static void
put_typed(struct jw *w, const char *type, struct str text)
{
	jw_obj(w, NULL);
	jw_strc(w, "type", type);
	jw_str(w, type, text);
	jw_end(w);
}

static int
put_media(const struct out *o, const struct llm_part *p)
{
	struct buf url = BUF_LIMIT(SSE_IMAGE_MAX);

	if (p->media.text.p != NULL) {
		put_typed(o->w, "text", p->media.text);
		return 0;
	}
	if (p->media.id.p != NULL || !parts_is(p, "image/")) {
		o->e->param = STR("messages");
		return err_set(o->e, ERR_NO_SUCH_PARAM,
		    "%s is not supported by the provider of this model",
		    p->media.id.p != NULL ? "file_id" : "A file of this type");
	}
	parts_put_url(p, &url);
	jw_obj(o->w, NULL);
	jw_strc(o->w, "type", "image_url");
	jw_obj(o->w, "image_url");
	jw_str(o->w, "url", buf_str(&url));
	if (p->media.detail.n > 0)
		jw_str(o->w, "detail", p->media.detail);
	jw_end(o->w);
	jw_end(o->w);
	buf_free(&url);
	return 0;
}

/* The parts among these that a content can hold, as an open array wants. */
static int
put_parts(const struct out *o, const struct llm_part *p, bool thoughts)
{
	for (; p != NULL; p = p->next) {
		if (p->cache != LLM_CACHE_NONE)
			llm_drop(o->aim, "cache_control");
		if (is_text(p))
			put_typed(o->w, "text", p->text);
		else if (thoughts && is_thought(p))
			put_typed(o->w, "thinking", p->reasoning.text);
		else if (p->kind == LLM_MEDIA && put_media(o, p) == -1)
			return -1;
	}
	return 0;
}

/* Without anything, or with one text, it is a string. */
static int
put_content(const struct out *o, const struct llm_part *parts, bool thoughts)
{
	const struct llm_part *p, *text = NULL;
	int n = 0, rc;

	for (p = parts; p != NULL; p = p->next) {
		if (is_text(p))
			text = p;
		n += is_text(p) || p->kind == LLM_MEDIA ||
		    (thoughts && is_thought(p));
	}
	if (n == 0 || (n == 1 && text != NULL)) {
		if (text != NULL && text->cache != LLM_CACHE_NONE)
			llm_drop(o->aim, "cache_control");
		jw_str(o->w, "content", n == 0 ? STR("") : text->text);
		return 0;
	}
	jw_arr(o->w, "content");
	rc = put_parts(o, parts, thoughts);
	jw_end(o->w);
	return rc;
}

static void
begin(const struct out *o, const char *role)
{
	jw_obj(o->w, NULL);
	jw_strc(o->w, "role", role);
}

/* --- what the model said --- */

static void
put_plan(const struct out *o, const struct llm_part *p)
{
	struct buf plan = BUF_LIMIT(SSE_IMAGE_MAX);

	for (; p != NULL; p = p->next)
		if (is_thought(p))
			buf_add(&plan, p->reasoning.text);
	if (plan.n > 0)
		jw_str(o->w, "tool_plan", buf_str(&plan));
	buf_free(&plan);
}

/*
 * What was thought goes back as a thought to models that think.  To others it
 * was the plan of what they then called, and without a call it was nothing.
 */
static int
put_assistant(const struct out *o, const struct llm_part *parts)
{
	bool thinks = (o->aim->caps & LLM_CAN_REASON) != 0;
	bool calls = false, content = false;
	const struct llm_part *p;

	for (p = parts; p != NULL; p = p->next) {
		calls = calls || p->kind == LLM_CALL;
		content = content || is_text(p) || (thinks && is_thought(p));
	}
	begin(o, "assistant");
	if ((content || !calls) && put_content(o, parts, thinks) == -1)
		return -1;
	if (calls) {
		if (!thinks)
			put_plan(o, parts);
		jw_arr(o->w, "tool_calls");
		for (p = parts; p != NULL; p = p->next)
			if (p->kind == LLM_CALL) {
				struct llm_part bare = *p;

				bare.call.seal = STR_NONE; /* Google's */
				openai_put_function(&bare, o->w);
			}
		jw_end(o->w);
	}
	jw_end(o->w);
	return 0;
}

/* --- what users and tools said --- */

static void
put_result(const struct out *o, const struct llm_part *result)
{
	struct buf text = BUF_LIMIT(SSE_IMAGE_MAX);
	const struct llm_part *p;

	if (result->cache != LLM_CACHE_NONE)
		llm_drop(o->aim, "cache_control");
	for (p = result->result.parts; p != NULL; p = p->next) {
		if (!is_text(p))
			continue;
		if (text.n > 0)
			buf_add(&text, STR("\n\n"));
		buf_add(&text, p->text);
	}
	begin(o, "tool");
	jw_str(o->w, "tool_call_id", result->result.id);
	jw_str(o->w, "content", buf_str(&text));
	jw_end(o->w);
	buf_free(&text);
}

/* Media of a result, which a message of a tool cannot hold. */
static bool
shows(const struct llm_part *result)
{
	const struct llm_part *p = result->result.parts;

	while (p != NULL && p->kind != LLM_MEDIA)
		p = p->next;
	return p != NULL;
}

static int
put_shown(const struct out *o, const struct llm_part *result)
{
	const struct llm_part *p;

	for (p = result->result.parts; p != NULL; p = p->next)
		if (p->kind == LLM_MEDIA && put_media(o, p) == -1)
			return -1;
	return 0;
}

/* All of a message but its results, as the user. */
static int
put_user(const struct out *o, const struct llm_message *m)
{
	const struct llm_part *p;
	bool results = false, more = m->parts == NULL;
	int rc = 0;

	for (p = m->parts; p != NULL; p = p->next) {
		results = results || p->kind == LLM_RESULT;
		more = more || p->kind != LLM_RESULT || shows(p);
	}
	if (!more)
		return 0;
	begin(o, "user");
	if (!results)
		rc = put_content(o, m->parts, false);
	else {
		jw_arr(o->w, "content");
		for (p = m->parts; p != NULL && rc == 0; p = p->next)
			if (p->kind == LLM_RESULT)
				rc = put_shown(o, p);
		if (rc == 0)
			rc = put_parts(o, m->parts, false);
		jw_end(o->w);
	}
	jw_end(o->w);
	return rc;
}

static bool
is_users(const struct llm_message *m)
{
	return m != NULL && (m->role == LLM_USER || m->role == LLM_TOOL);
}

/* A run of messages: the results of all calls stand right behind these. */
static int
put_run(const struct out *o, const struct llm_message *from,
    const struct llm_message *end)
{
	const struct llm_message *m;
	const struct llm_part *p;

	for (m = from; m != end; m = m->next)
		for (p = m->parts; p != NULL; p = p->next)
			if (p->kind == LLM_RESULT)
				put_result(o, p);
	for (m = from; m != end; m = m->next)
		if (put_user(o, m) == -1)
			return -1;
	return 0;
}

int
cohere_put_messages(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	const struct out o = { aim, w, e };
	const struct llm_message *m, *from;
	int rc = 0;

	for (m = r->messages; m != NULL; m = m->next)
		if (m->name.n > 0)
			llm_drop(aim, "name");
	jw_arr(w, "messages");
	for (m = r->messages; m != NULL && rc == 0;) {
		from = m;
		m = m->next;
		if (is_users(from)) {
			while (is_users(m))
				m = m->next;
			rc = put_run(&o, from, m);
		} else if (from->role == LLM_ASSISTANT)
			rc = put_assistant(&o, from->parts);
		else {
			begin(&o, "system");
			rc = put_content(&o, from->parts, false);
			jw_end(w);
		}
	}
	jw_end(w);
	return rc;
}
