/*
 * System prompt and turns as Converse has them.
 */
#include "dialect/bedrock.h"
#include "dialect/parts.h"

#define WORD_MAX 64
#define INPUT_MAX ((size_t)64 * 1024 * 1024)

struct str
bedrock_tool_name(struct str s, struct arena *a)
{
	return parts_tool_name(s, WORD_MAX, a);
}

void
bedrock_put_mark(struct bedrock_out *o, enum llm_cache cache)
{
	if (cache == LLM_CACHE_NONE)
		return;
	if (!o->claude || o->skip > 0) {
		o->skip -= o->skip > 0;
		llm_drop(o->aim, "cache_control");
		return;
	}
	o->short_ = o->short_ || cache == LLM_CACHE_5M;
	jw_obj(o->w, NULL);
	jw_obj(o->w, "cachePoint");
	jw_strc(o->w, "type", "default");
	if (!o->short_)
		jw_strc(o->w, "ttl", "1h");
	jw_end(o->w);
	jw_end(o->w);
}

static void
put_text(struct bedrock_out *o, struct str text)
{
	jw_obj(o->w, NULL);
	jw_str(o->w, "text", text);
	jw_end(o->w);
}

static bool
is_system(const struct llm_message *m, const struct llm_part *p)
{
	return m->role == LLM_SYSTEM && p->kind == LLM_TEXT &&
	    !anthropic_blank(p->text);
}

/* JSON without a schema is only asked for in words. */
static bool
asks_for_json(const struct llm_request *r)
{
	return r->format == LLM_FORMAT_JSON ||
	    (r->format == LLM_FORMAT_SCHEMA && r->schema == NULL);
}

void
bedrock_put_system(struct bedrock_out *o)
{
	const struct llm_message *m;
	const struct llm_part *p;
	bool any = false;

	for (m = o->r->messages; m != NULL; m = m->next)
		for (p = m->parts; p != NULL; p = p->next) {
			if (!is_system(m, p))
				continue;
			if (!any)
				jw_arr(o->w, "system");
			any = true;
			put_text(o, p->text);
			bedrock_put_mark(o, p->cache);
		}
	if (asks_for_json(o->r)) {
		if (!any)
			jw_arr(o->w, "system");
		any = true;
		put_text(o, anthropic_json_only);
	}
	if (any)
		jw_end(o->w);
}

/* --- calls and results --- */

/* The value without members that have no name: they are refused (trap 65). */
static void
add_named(struct str raw, struct buf *b)
{
	struct jiter it = jscan_into(raw);
	struct jmember m;
	bool object = it.close == '}', any = false;

	if (it.close == 0) {
		buf_add(b, raw);
		return;
	}
	buf_addc(b, object ? '{' : '[');
	while (jscan_next(&it, &m)) {
		if (object && m.key.n == 0)
			continue;
		if (any)
			buf_addc(b, ',');
		any = true;
		if (object) {
			buf_addc(b, '"');
			buf_add(b, m.key);
			buf_add(b, STR("\":"));
		}
		add_named(m.raw, b);
	}
	buf_addc(b, object ? '}' : ']');
}

static void
put_call(struct bedrock_out *o, const struct llm_part *p)
{
	struct buf b = BUF_LIMIT(INPUT_MAX);
	struct arena *a = o->aim->arena;

	jw_obj(o->w, NULL);
	jw_obj(o->w, "toolUse");
	jw_str(o->w, "toolUseId", parts_call_id(p->call.id, WORD_MAX, a));
	jw_str(o->w, "name", bedrock_tool_name(p->call.name, a));
	if (!p->call.custom && jscan_is_object(p->call.args) &&
	    memmem(p->call.args.p, p->call.args.n, "\"\"", 2) != NULL) {
		add_named(p->call.args, &b);
		jw_raw(o->w, "input", buf_str(&b));
	} else
		anthropic_put_input(o->w, p);
	jw_end(o->w);
	jw_end(o->w);
	buf_free(&b);
}

/* Text and media; nothing at all is refused (trap 69). */
static int
put_result_parts(struct bedrock_out *o, const struct llm_part *p)
{
	bool any = false;

	for (; p != NULL; p = p->next) {
		if (p->kind == LLM_MEDIA) {
			if (bedrock_put_media(o, p) == -1)
				return -1;
		} else if ((p->kind == LLM_TEXT || p->kind == LLM_REFUSAL) &&
		    !anthropic_blank(p->text))
			put_text(o, p->text);
		else
			continue;
		any = true;
	}
	if (!any)
		put_text(o, STR("(empty)"));
	return 0;
}

/* A mark inside a result has its place behind it. */
static enum llm_cache
result_mark(const struct llm_part *p)
{
	enum llm_cache cache = p->cache;

	for (p = p->result.parts; p != NULL; p = p->next)
		cache = p->cache > cache ? p->cache : cache;
	return cache;
}

static int
put_result(struct bedrock_out *o, const struct llm_part *p)
{
	jw_obj(o->w, NULL);
	jw_obj(o->w, "toolResult");
	jw_str(o->w, "toolUseId",
	    parts_call_id(p->result.id, WORD_MAX, o->aim->arena));
	jw_arr(o->w, "content");
	if (put_result_parts(o, p->result.parts) == -1)
		return -1;
	jw_end(o->w);
	if (p->result.failed)
		jw_strc(o->w, "status", "error");
	jw_end(o->w);
	jw_end(o->w);
	bedrock_put_mark(o, result_mark(p));
	return 0;
}

static void
put_thought(const struct llm_part *p, struct jw *w)
{
	jw_obj(w, NULL);
	jw_obj(w, "reasoningContent");
	if (p->reasoning.hidden)
		jw_str(w, "redactedContent", p->reasoning.seal);
	else {
		jw_obj(w, "reasoningText");
		jw_str(w, "text", p->reasoning.text);
		jw_str(w, "signature", p->reasoning.seal);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

/* --- turns --- */

static int
put_item(struct bedrock_out *o, const struct anthropic_item *i)
{
	const struct llm_part *p = i->part;

	if (p == NULL || i->text.p != NULL)
		put_text(o, i->text);
	else if (p->kind == LLM_RESULT)
		return put_result(o, p);
	else if (p->kind == LLM_REASONING) {
		put_thought(p, o->w);
		return 0;
	} else if (p->kind == LLM_CALL)
		put_call(o, p);
	else if (p->kind == LLM_MEDIA && bedrock_put_media(o, p) == -1)
		return -1;
	bedrock_put_mark(o, p == NULL ? LLM_CACHE_NONE : p->cache);
	return 0;
}

/* Documents are taken only beside a text. */
static bool
lacks_text(const struct anthropic_turn *t)
{
	const struct anthropic_item *i;

	for (i = t->rest; i != NULL; i = i->next)
		if (i->text.p != NULL)
			return false;
	return t->rest != NULL && !t->assistant;
}

static int
put_turn(struct bedrock_out *o, const struct anthropic_turn *t)
{
	const struct anthropic_item *i;

	jw_obj(o->w, NULL);
	jw_strc(o->w, "role", t->assistant ? "assistant" : "user");
	jw_arr(o->w, "content");
	for (i = t->results; i != NULL; i = i->next)
		if (put_item(o, i) == -1)
			return -1;
	if (lacks_text(t))
		put_text(o, STR("."));
	for (i = t->rest; i != NULL; i = i->next)
		if (put_item(o, i) == -1)
			return -1;
	jw_end(o->w);
	jw_end(o->w);
	return 0;
}

int
bedrock_put_messages(struct bedrock_out *o)
{
	const struct anthropic_turn *t;

	jw_arr(o->w, "messages");
	for (t = o->turns; t != NULL; t = t->next)
		if (put_turn(o, t) == -1)
			return -1;
	jw_end(o->w);
	return 0;
}
