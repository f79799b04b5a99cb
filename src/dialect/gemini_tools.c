/*
 * Tools, and which of them the model may or must use.
 */
#include "dialect/gemini.h"

static void
put_declarations(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	const struct llm_tool *t;

	jw_obj(w, NULL);
	jw_arr(w, "functionDeclarations");
	for (t = r->tools; t != NULL; t = t->next) {
		if (t->cache != LLM_CACHE_NONE)
			llm_drop(aim, "cache_control");
		jw_obj(w, NULL);
		jw_str(w, "name", t->name);
		if (t->text.n > 0)
			jw_str(w, "description", t->text);
		if (t->custom)
			jw_raw(w, "parametersJsonSchema", CUSTOM_SCHEMA);
		else if (t->schema != NULL)
			gemini_put_schema(w, "parametersJsonSchema", t->schema);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

static void
put_search(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	const struct llm_search *s = &r->search;

	if (s->city.p != NULL || s->region.p != NULL || s->country.p != NULL ||
	    s->timezone.p != NULL)
		llm_drop(aim, "user_location");
	if (s->size.n > 0)
		llm_drop(aim, "search_context_size");
	if (s->allowed != NULL)
		llm_drop(aim, "allowed_domains");
	if (s->blocked != NULL)
		llm_drop(aim, "blocked_domains");
	if (s->max_uses > 0)
		llm_drop(aim, "max_uses");
	jw_obj(w, NULL);
	jw_obj(w, "googleSearch");
	jw_end(w);
	jw_end(w);
}

static const char *
mode_of(const struct llm_request *r, bool barred)
{
	const struct llm_tool *t;

	if (r->choose == LLM_NONE)
		return "NONE";
	if (r->choose != LLM_AUTO)
		return "ANY";
	for (t = r->tools; t != NULL; t = t->next)
		if (t->strict)
			return "VALIDATED";
	return barred ? "VALIDATED" : NULL; /* AUTO takes no list of names */
}

static void
put_config(const struct llm_request *r, bool both, struct jw *w)
{
	const struct llm_tool *t;
	const char *mode;
	bool barred = false;

	for (t = r->tools; t != NULL; t = t->next)
		barred = barred || t->barred;
	mode = mode_of(r, barred);
	if (mode == NULL && !both)
		return;
	jw_obj(w, "toolConfig");
	if (mode != NULL) {
		jw_obj(w, "functionCallingConfig");
		jw_strc(w, "mode", mode);
		if (r->choose == LLM_NAMED || (barred && *mode != 'N')) {
			jw_arr(w, "allowedFunctionNames");
			if (r->choose == LLM_NAMED)
				jw_str(w, NULL, r->choose_name);
			else
				for (t = r->tools; t != NULL; t = t->next)
					if (!t->barred)
						jw_str(w, NULL, t->name);
			jw_end(w);
		}
		jw_end(w);
	}
	if (both)
		jw_bool(w, "includeServerSideToolInvocations", true);
	jw_end(w);
}

/*
 * Search beside functions works since Gemini 3, and on AI Studio has to be
 * asked for; before that it is refused.  Mode NONE does not stop it (trap 86).
 */
void
gemini_put_tools(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	bool search = r->search.on && r->choose != LLM_NONE, both;

	if (search && r->tools != NULL && (aim->caps & LLM_WANTS_SEALS) == 0) {
		llm_drop(aim, "web_search");
		search = false;
	}
	if (r->serial)
		llm_drop(aim, "parallel_tool_calls");
	if (r->tools == NULL && !search)
		return;
	both = search && r->tools != NULL && aim->ids;
	jw_arr(w, "tools");
	if (r->tools != NULL)
		put_declarations(r, aim, w);
	if (search)
		put_search(r, aim, w);
	jw_end(w);
	if (r->tools != NULL)
		put_config(r, both, w);
}
