/*
 * System prompt and turns of a request as they are sent.
 */
#include "dialect/anthropic.h"
#include "dialect/parts.h"

void
anthropic_put_mark(struct anthropic_out *o, enum llm_cache cache)
{
	if (cache == LLM_CACHE_NONE)
		return;
	if (o->skip > 0) {
		o->skip--;
		llm_drop(o->aim, "cache_control");
		return;
	}
	jw_obj(o->w, "cache_control");
	jw_strc(o->w, "type", "ephemeral");
	if (cache == LLM_CACHE_1H)
		jw_strc(o->w, "ttl", "1h");
	jw_end(o->w);
}

static void
put_text(struct anthropic_out *o, struct str text, enum llm_cache cache)
{
	jw_obj(o->w, NULL);
	jw_strc(o->w, "type", "text");
	jw_str(o->w, "text", text);
	anthropic_put_mark(o, cache);
	jw_end(o->w);
}

const struct str anthropic_json_only =
    STR("Respond with one valid JSON object and nothing else.");

void
anthropic_put_system(struct anthropic_out *o)
{
	const struct llm_message *m;
	const struct llm_part *p, *one = NULL;
	int n = o->r->format == LLM_FORMAT_JSON ? 2 : 0;

	for (m = o->r->messages; m != NULL; m = m->next)
		for (p = m->parts; p != NULL && m->role == LLM_SYSTEM;
		     p = p->next)
			if (p->kind == LLM_TEXT && !anthropic_blank(p->text)) {
				one = p;
				n++;
			}
	if (n == 0)
		return;
	if (n == 1 && one->cache == LLM_CACHE_NONE) {
		jw_str(o->w, "system", one->text);
		return;
	}
	if (one == NULL) {
		jw_str(o->w, "system", anthropic_json_only);
		return;
	}
	jw_arr(o->w, "system");
	for (m = o->r->messages; m != NULL; m = m->next)
		for (p = m->parts; p != NULL && m->role == LLM_SYSTEM;
		     p = p->next)
			if (p->kind == LLM_TEXT && !anthropic_blank(p->text))
				put_text(o, p->text, p->cache);
	if (o->r->format == LLM_FORMAT_JSON)
		put_text(o, anthropic_json_only, LLM_CACHE_NONE);
	jw_end(o->w);
}

static void
put_source(const struct llm_part *p, struct jw *w)
{
	jw_obj(w, "source");
	if (p->media.id.n > 0) {
		jw_strc(w, "type", "file");
		jw_str(w, "file_id", p->media.id);
	} else if (p->media.text.p != NULL) {
		jw_strc(w, "type", "text");
		jw_strc(w, "media_type", "text/plain");
		jw_str(w, "data", p->media.text);
	} else if (p->media.data.p != NULL) {
		jw_strc(w, "type", "base64");
		jw_str(w, "media_type", p->media.mime);
		jw_str(w, "data", p->media.data);
	} else {
		jw_strc(w, "type", "url");
		jw_str(w, "url", p->media.url);
	}
	jw_end(w);
}

static void
put_media(struct anthropic_out *o, const struct llm_part *p)
{
	bool image = parts_is(p, "image/");

	jw_obj(o->w, NULL);
	jw_strc(o->w, "type", image ? "image" : "document");
	put_source(p, o->w);
	if (p->media.detail.n > 0)
		llm_drop(o->aim, "detail");
	if (!image && p->media.name.n > 0)
		jw_str(o->w, "title", p->media.name);
	anthropic_put_mark(o, p->cache);
	jw_end(o->w);
}

/* Text and media; the rest has no place inside a result. */
static void
put_result_parts(struct anthropic_out *o, const struct llm_part *p)
{
	for (; p != NULL; p = p->next) {
		if (p->kind == LLM_MEDIA)
			put_media(o, p);
		else if ((p->kind == LLM_TEXT || p->kind == LLM_REFUSAL) &&
		    !anthropic_blank(p->text))
			put_text(o, p->text, p->cache);
	}
}

/* An empty result is one without content. */
static void
put_result(struct anthropic_out *o, const struct llm_part *p)
{
	const struct llm_part *in = p->result.parts, *some = in;

	while (some != NULL && some->kind == LLM_TEXT &&
	    anthropic_blank(some->text))
		some = some->next;
	jw_obj(o->w, NULL);
	jw_strc(o->w, "type", "tool_result");
	jw_str(
	    o->w, "tool_use_id", parts_call_id(p->result.id, 0, o->aim->arena));
	if (some != NULL && in->next == NULL && in->kind == LLM_TEXT &&
	    in->cache == LLM_CACHE_NONE)
		jw_str(o->w, "content", in->text);
	else if (some != NULL) {
		jw_arr(o->w, "content");
		put_result_parts(o, some);
		jw_end(o->w);
	}
	if (p->result.failed)
		jw_bool(o->w, "is_error", true);
	anthropic_put_mark(o, p->cache);
	jw_end(o->w);
}

static void
put_thought(const struct llm_part *p, struct jw *w)
{
	jw_obj(w, NULL);
	if (p->reasoning.hidden) {
		jw_strc(w, "type", "redacted_thinking");
		jw_str(w, "data", p->reasoning.seal);
	} else {
		jw_strc(w, "type", "thinking");
		jw_str(w, "thinking", p->reasoning.text);
		jw_str(w, "signature", p->reasoning.seal);
	}
	jw_end(w);
}

static void
put_item(struct anthropic_out *o, const struct anthropic_item *i)
{
	const struct llm_part *p = i->part;

	if (p == NULL || i->text.p != NULL) {
		if (i->text.n > 0)
			put_text(
			    o, i->text, p == NULL ? LLM_CACHE_NONE : p->cache);
		return;
	}
	if (p->kind == LLM_MEDIA)
		put_media(o, p);
	else if (p->kind == LLM_RESULT)
		put_result(o, p);
	else if (p->kind == LLM_REASONING)
		put_thought(p, o->w);
	else if (p->kind == LLM_CALL) {
		jw_obj(o->w, NULL);
		jw_strc(o->w, "type", "tool_use");
		jw_str(o->w, "id", parts_call_id(p->call.id, 0, o->aim->arena));
		jw_str(o->w, "name",
		    anthropic_tool_name(p->call.name, o->aim->arena));
		anthropic_put_input(o->w, p);
		anthropic_put_mark(o, p->cache);
		jw_end(o->w);
	}
}

/* One plain text is a string. */
static bool
is_plain(const struct anthropic_turn *t)
{
	return t->results == NULL && t->rest->next == NULL &&
	    t->rest->text.n > 0 &&
	    (t->rest->part == NULL || t->rest->part->cache == LLM_CACHE_NONE);
}

void
anthropic_put_turns(struct anthropic_out *o, const struct anthropic_turn *t)
{
	const struct anthropic_item *i;

	jw_arr(o->w, "messages");
	for (; t != NULL; t = t->next) {
		jw_obj(o->w, NULL);
		jw_strc(o->w, "role", t->assistant ? "assistant" : "user");
		if (is_plain(t))
			jw_str(o->w, "content", t->rest->text);
		else {
			jw_arr(o->w, "content");
			for (i = t->results; i != NULL; i = i->next)
				put_item(o, i);
			for (i = t->rest; i != NULL; i = i->next)
				put_item(o, i);
			jw_end(o->w);
		}
		jw_end(o->w);
	}
	jw_end(o->w);
}
