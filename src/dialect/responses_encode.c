/*
 * The neutral view of a request as a body of this dialect.
 */
#include "dialect/responses.h"
#include "dialect/setting.h"

#define OUTPUT_MIN 16 /* less is refused */

/* clang-format off */
static const struct setting sampling[] = {
	{ "temperature", LLM_TEMPERATURE, 0, 2 },
	{ "top_p", LLM_TOP_P, 0, 1 },
	{ NULL, 0, 0, 0 }
};
static const struct setting limits[] = {
	{ "max_output_tokens", LLM_MAX_OUTPUT, OUTPUT_MIN, 1e15 },
	{ NULL, 0, 0, 0 }
};

/* Settings that nobody can make here. */
static const struct {
	enum llm_setting id;
	const char *name;
} unheard[] = {
	{ LLM_TOP_K, "top_k" },
	{ LLM_FREQUENCY_PENALTY, "frequency_penalty" },
	{ LLM_PRESENCE_PENALTY, "presence_penalty" },
	{ LLM_SEED, "seed" },
};
/* clang-format on */

/* A grammar as chat spells it is one level deeper. */
static void
put_custom_format(const struct llm_tool *t, struct jw *w)
{
	struct json_object *grammar = jx_get(t->schema, "grammar");

	if (t->schema == NULL)
		return;
	if (grammar == NULL) {
		jw_node(w, "format", t->schema);
		return;
	}
	jw_obj(w, "format");
	jw_strc(w, "type", "grammar");
	jw_str(w, "syntax", jx_str(grammar, "syntax"));
	jw_str(w, "definition", jx_str(grammar, "definition"));
	jw_end(w);
}

/* Here a tool is strict unless it says not; everywhere else it is not. */
static void
put_tool(const struct llm_tool *t, struct jw *w)
{
	jw_obj(w, NULL);
	jw_strc(w, "type", t->custom ? "custom" : "function");
	jw_str(w, "name", t->name);
	if (t->text.n > 0)
		jw_str(w, "description", t->text);
	if (t->custom)
		put_custom_format(t, w);
	else {
		if (t->schema != NULL)
			jw_node(w, "parameters", t->schema);
		else /* trap 90 */
			jw_raw(w, "parameters",
			    STR("{\"type\":\"object\",\"properties\":{}}"));
		jw_bool(w, "strict", t->strict);
	}
	jw_end(w);
}

static void
put_known(const char *key, struct str s, struct jw *w)
{
	if (s.n > 0)
		jw_str(w, key, s);
}

static void
put_search(const struct llm_search *s, const struct llm_aim *aim, struct jw *w)
{
	jw_obj(w, NULL);
	jw_strc(w, "type", "web_search");
	put_known("search_context_size", s->size, w);
	if (s->city.n + s->region.n + s->country.n + s->timezone.n > 0) {
		jw_obj(w, "user_location");
		jw_strc(w, "type", "approximate");
		put_known("city", s->city, w);
		put_known("region", s->region, w);
		put_known("country", s->country, w);
		put_known("timezone", s->timezone, w);
		jw_end(w);
	}
	if (s->allowed != NULL) {
		jw_obj(w, "filters");
		jw_node(w, "allowed_domains", s->allowed);
		jw_end(w);
	}
	jw_end(w);
	if (s->blocked != NULL)
		llm_drop(aim, "blocked_domains");
	if (s->max_uses > 0)
		llm_drop(aim, "max_uses");
}

static void
put_choice(const struct llm_request *r, struct jw *w)
{
	const struct llm_tool *t;

	if (r->serial)
		jw_bool(w, "parallel_tool_calls", false);
	if (r->choose == LLM_NAMED) {
		for (t = r->tools; t != NULL; t = t->next)
			if (str_eq(t->name, r->choose_name))
				break;
		jw_obj(w, "tool_choice");
		jw_strc(
		    w, "type", t != NULL && t->custom ? "custom" : "function");
		jw_str(w, "name", r->choose_name);
		jw_end(w);
	} else if (r->choose != LLM_AUTO)
		jw_strc(w, "tool_choice",
		    r->choose == LLM_NONE ? "none" : "required");
}

static void
put_tools(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	bool search = r->search.on &&
	    ((aim->caps & LLM_CAN_SEARCH) != 0 ||
		(r->says & LLM_SAY_SEARCH) != 0);
	const struct llm_tool *t;

	if (r->search.on && !search) /* only wished for */
		llm_drop(aim, "web_search");
	for (t = r->tools; t != NULL && t->barred; t = t->next)
		;
	if (t == NULL && !search)
		return;
	jw_arr(w, "tools");
	for (; t != NULL; t = t->next)
		if (!t->barred)
			put_tool(t, w);
	if (search)
		put_search(&r->search, aim, w);
	jw_end(w);
	put_choice(r, w);
}

static void
put_format(const struct llm_request *r, struct jw *w)
{
	jw_obj(w, "format");
	if (r->format == LLM_FORMAT_JSON)
		jw_strc(w, "type", "json_object");
	else {
		jw_strc(w, "type", "json_schema");
		jw_str(w, "name",
		    r->format_name.n > 0 ? r->format_name : STR("answer"));
		put_known("description", r->format_text, w);
		if (r->schema != NULL)
			jw_node(w, "schema", r->schema);
		jw_bool(w, "strict", r->schema_strict);
	}
	jw_end(w);
}

static void
put_text(const struct llm_request *r, struct jw *w)
{
	struct json_object *verbosity = llm_hint(r, "verbosity");

	if (r->format == LLM_FORMAT_FREE && verbosity == NULL)
		return;
	jw_obj(w, "text");
	if (r->format != LLM_FORMAT_FREE)
		put_format(r, w);
	if (verbosity != NULL)
		jw_node(w, "verbosity", verbosity);
	jw_end(w);
}

/* Thoughts are asked for encrypted: nothing is kept between requests. */
static void
put_reasoning(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	enum llm_effort effort = r->effort;
	bool asked = r->has_effort || llm_has(r, LLM_REASONING_BUDGET);

	if ((aim->caps & LLM_CAN_REASON) != 0)
		jw_raw(w, "include", STR("[\"reasoning.encrypted_content\"]"));
	if (!r->has_effort && asked)
		effort =
		    llm_aim_effort(aim, (int64_t)r->set[LLM_REASONING_BUDGET]);
	if (!asked ||
	    (effort == LLM_EFFORT_NONE && (aim->caps & LLM_CAN_REASON) == 0))
		return;
	jw_obj(w, "reasoning");
	jw_strc(w, "effort",
	    llm_effort_words[llm_effort_near(effort, aim->efforts)]);
	jw_end(w);
}

static void
put_settings(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	size_t i;

	setting_encode(limits, r, w);
	if ((aim->caps & LLM_WANTS_NO_SAMPLING) == 0)
		setting_encode(sampling, r, w);
	else
		for (i = 0; sampling[i].wire != NULL; i++)
			if (llm_has(r, sampling[i].id))
				llm_drop(aim, sampling[i].wire);
	for (i = 0; i < NROWS(unheard); i++)
		if (llm_has(r, unheard[i].id))
			llm_drop(aim, unheard[i].name);
}

/* What chat has under the same name. */
static void
put_hints(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	static const char *const taken[] = { "metadata", "prompt_cache_key",
		"prompt_cache_retention", "safety_identifier", "service_tier",
		"truncation", "verbosity", NULL };
	struct json_object *node;
	int i;

	for (i = 0; taken[i] != NULL; i++)
		if ((node = llm_hint(r, taken[i])) != NULL &&
		    strcmp(taken[i], "verbosity") != 0)
			jw_node(w, taken[i], node);
	llm_drop_hints(aim, r, taken);
}

int
responses_encode_request(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	jw_obj(w, NULL);
	jw_str(w, "model", aim->model);
	responses_put_instructions(r, w);
	responses_put_input(r, w);
	put_tools(r, aim, w);
	put_settings(r, aim, w);
	put_reasoning(r, aim, w);
	put_text(r, w);
	openai_put_user(r->user, w);
	put_hints(r, aim, w);
	jw_bool(w, "store", false);
	if (aim->stream)
		jw_bool(w, "stream", true);
	jw_end(w);
	return dialect_fits(w->out, e);
}
