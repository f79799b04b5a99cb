#include "json/jw.h"
#include "llm/llm.h"

static const char *const role_words[] = {
	[LLM_SYSTEM] = "system",
	[LLM_USER] = "user",
	[LLM_ASSISTANT] = "assistant",
	[LLM_TOOL] = "tool",
};

static const char *const setting_words[LLM_SETTING__MAX] = {
	[LLM_TEMPERATURE] = "temperature",
	[LLM_TOP_P] = "top_p",
	[LLM_TOP_K] = "top_k",
	[LLM_MAX_OUTPUT] = "max_output",
	[LLM_FREQUENCY_PENALTY] = "frequency_penalty",
	[LLM_PRESENCE_PENALTY] = "presence_penalty",
	[LLM_REASONING_BUDGET] = "reasoning_budget",
	[LLM_SEED] = "seed",
};

static const char *const choose_words[] = {
	[LLM_AUTO] = "auto",
	[LLM_NONE] = "none",
	[LLM_ANY] = "any",
	[LLM_NAMED] = "named",
};

/* An absent string is not written. */
static void
put_str(struct jw *w, const char *key, struct str s)
{
	if (s.p != NULL)
		jw_str(w, key, s);
}

/* A bit that is not set is not written. */
static void
put_true(struct jw *w, const char *key, bool v)
{
	if (v)
		jw_bool(w, key, true);
}

static void
put_parts(struct jw *w, const char *key, const struct llm_part *p)
{
	jw_arr(w, key);
	for (; p != NULL; p = p->next) {
		jw_obj(w, NULL);
		switch (p->kind) {
		case LLM_TEXT:
			put_str(w, "text", p->text);
			break;
		case LLM_REFUSAL:
			put_str(w, "refusal", p->text);
			break;
		case LLM_MEDIA:
			put_str(w, "mime", p->media.mime);
			put_str(w, "url", p->media.url);
			put_str(w, "data", p->media.data);
			put_str(w, "file", p->media.id);
			put_str(w, "filename", p->media.name);
			put_str(w, "document", p->media.text);
			break;
		case LLM_CALL:
			put_str(w, "call", p->call.id);
			put_str(w, "name", p->call.name);
			put_str(w, "args", p->call.args);
			put_str(w, "seal", p->call.seal);
			put_true(w, "custom", p->call.custom);
			break;
		case LLM_RESULT:
			put_str(w, "result", p->result.id);
			jw_bool(w, "failed", p->result.failed);
			put_parts(w, "parts", p->result.parts);
			break;
		case LLM_REASONING:
			put_str(w, "reasoning", p->reasoning.text);
			put_str(w, "seal", p->reasoning.seal);
			put_str(w, "item", p->reasoning.id);
			if (p->reasoning.by != LLM_BY_NOBODY)
				jw_int(w, "by", p->reasoning.by);
			put_true(w, "hidden", p->reasoning.hidden);
			break;
		case LLM_NATIVE:
			jw_node(w, "native", p->node);
			break;
		}
		if (p->cache != LLM_CACHE_NONE)
			jw_int(w, "cache", p->cache);
		jw_end(w);
	}
	jw_end(w);
}

static void
put_tools(struct jw *w, const struct llm_tool *t)
{
	jw_arr(w, "tools");
	for (; t != NULL; t = t->next) {
		jw_obj(w, NULL);
		jw_str(w, "name", t->name);
		put_str(w, "text", t->text);
		if (t->schema != NULL)
			jw_node(w, "schema", t->schema);
		jw_bool(w, "strict", t->strict);
		put_true(w, "custom", t->custom);
		put_true(w, "barred", t->barred);
		if (t->cache != LLM_CACHE_NONE)
			jw_int(w, "cache", t->cache);
		jw_end(w);
	}
	jw_end(w);
}

static void
put_hints(struct jw *w, const struct llm_hint *h)
{
	if (h == NULL)
		return;
	jw_arr(w, "hints");
	for (; h != NULL; h = h->next) {
		jw_obj(w, NULL);
		jw_str(w, "name", h->name);
		jw_node(w, "value", h->node);
		jw_end(w);
	}
	jw_end(w);
}

void
llm_dump(const struct llm_request *r, struct jw *w)
{
	const struct llm_message *m;
	int i;

	jw_obj(w, NULL);
	jw_str(w, "model", r->model);
	jw_bool(w, "stream", r->stream);
	jw_arr(w, "messages");
	for (m = r->messages; m != NULL; m = m->next) {
		jw_obj(w, NULL);
		jw_strc(w, "role", role_words[m->role]);
		put_str(w, "name", m->name);
		put_parts(w, "parts", m->parts);
		jw_end(w);
	}
	jw_end(w);
	put_tools(w, r->tools);
	jw_strc(w, "choose", choose_words[r->choose]);
	put_str(w, "choose_name", r->choose_name);
	for (i = 0; i < LLM_SETTING__MAX; i++)
		if (llm_has(r, (enum llm_setting)i))
			jw_num(w, setting_words[i], r->set[i]);
	put_parts(w, "stops", r->stops);
	if (r->has_effort)
		jw_strc(w, "effort", llm_effort_words[r->effort]);
	put_str(w, "user", r->user);
	put_true(w, "search", r->search.on);
	jw_bool(w, "serial", r->serial);
	jw_int(w, "format", (int64_t)r->format);
	put_str(w, "format_name", r->format_name);
	if (r->schema != NULL)
		jw_node(w, "schema", r->schema);
	put_hints(w, r->hints);
	jw_end(w);
}
