/*
 * A request to the neutral view.
 */
#include "dialect/openai.h"
#include "dialect/parts.h"
#include "dialect/setting.h"
#include "json/jx.h"

/* clang-format off */
static const struct setting settings[] = {
	{ "temperature", LLM_TEMPERATURE, 0, 2 },
	{ "top_p", LLM_TOP_P, 0, 1 },
	{ "top_k", LLM_TOP_K, 0, 1e15 },
	{ "max_tokens", LLM_MAX_OUTPUT, 1, 1e15 },
	{ "max_completion_tokens", LLM_MAX_OUTPUT, 1, 1e15 },
	{ "frequency_penalty", LLM_FREQUENCY_PENALTY, -2, 2 },
	{ "presence_penalty", LLM_PRESENCE_PENALTY, -2, 2 },
	{ "seed", LLM_SEED, -1e19, 1e19 },
	{ NULL, 0, 0, 0 }
};

/* Members with a place in the neutral view, or of the gateway's own. */
static const char *const known[] = { "effort", "free_models_only",
	"frequency_penalty", "function_call", "functions", "logit_bias",
	"logprobs", "max_completion_tokens", "max_tokens", "messages",
	"modalities", "model", "n", "no_reasoning", "onboarding",
	"parallel_tool_calls", "plugins", "presence_penalty", "reasoning",
	"reasoning_effort", "response_format", "routing", "seed", "stop",
	"stream", "stream_options", "temperature", "tool_choice", "tools",
	"top_k", "top_logprobs", "top_p", "user", "web_search",
	"web_search_options", NULL };
/* clang-format on */

static struct llm_tool *
add_tool(struct llm_tool ***tail, struct json_object *o, struct arena *a)
{
	struct llm_tool *t = ARENA_NEW(a, struct llm_tool);

	t->name = jx_str(o, "name");
	t->text = jx_str(o, "description");
	t->schema = jx_get(o, "parameters");
	t->strict = jx_true(o, "strict");
	t->cache = parts_cache(jx_get(o, "cache_control"));
	**tail = t;
	*tail = &t->next;
	return t;
}

/* Where the user is: flat, or one below as OpenAI has it. */
static void
decode_search(struct llm_search *s, struct json_object *o)
{
	struct json_object *place = jx_get(o, "user_location");

	if (jx_get(place, "approximate") != NULL)
		place = jx_get(place, "approximate");
	s->on = true;
	if (place != NULL) {
		s->city = jx_str(place, "city");
		s->region = jx_str(place, "region");
		s->country = jx_str(place, "country");
		s->timezone = jx_str(place, "timezone");
	}
	s->size = jx_str(o, "search_context_size");
	if (jx_arr(o, "allowed_domains") != NULL)
		s->allowed = jx_arr(o, "allowed_domains");
	if (jx_arr(o, "blocked_domains") != NULL)
		s->blocked = jx_arr(o, "blocked_domains");
	jx_int(o, "max_uses", &s->max_uses);
}

static void
decode_tools(struct llm_request *r, struct arena *a)
{
	struct llm_tool **tail = &r->tools, *t;
	struct json_object *item, *o;
	struct str type;

	JX_EACH (jx_arr(r->doc, "tools"), i, item) {
		type = jx_str(item, "type");
		o = jx_get(item, "function");
		if (str_is(type, "web_search")) {
			decode_search(&r->search, item);
			continue;
		}
		if (str_is(type, "custom")) {
			o = jx_get(item, "custom");
			t = add_tool(&tail, o, a);
			t->custom = true;
			t->schema = jx_get(o, "format");
		} else
			t = add_tool(&tail, o, a);
		if (t->cache == LLM_CACHE_NONE)
			t->cache = parts_cache(jx_get(item, "cache_control"));
	}
	JX_EACH (jx_arr(r->doc, "functions"), i, item) /* legacy */
		add_tool(&tail, item, a);
	if (jx_true(r->doc, "web_search"))
		r->search.on = true;
	o = jx_get(r->doc, "web_search_options");
	if (o != NULL)
		decode_search(&r->search, o);
}

/* The name in {"function":{"name":...}} or {"custom":{...}}. */
static struct str
named(struct json_object *o)
{
	struct json_object *fn = jx_get(o, "function");

	return jx_str(fn == NULL ? jx_get(o, "custom") : fn, "name");
}

static void
bar_others(struct llm_request *r, struct json_object *allowed)
{
	struct json_object *item, *list = jx_arr(allowed, "tools");
	struct llm_tool *t;

	for (t = r->tools; t != NULL; t = t->next) {
		t->barred = true;
		JX_EACH (list, i, item)
			if (str_eq(named(item), t->name))
				t->barred = false;
	}
	if (str_is(jx_str(allowed, "mode"), "required"))
		r->choose = LLM_ANY;
}

static void
decode_choose(struct llm_request *r)
{
	struct json_object *o = jx_get(r->doc, "tool_choice");
	struct json_object *old = jx_get(r->doc, "function_call");
	struct str word = jx_text(o != NULL ? o : old),
		   type = jx_str(o, "type");

	if (str_is(word, "none"))
		r->choose = LLM_NONE;
	else if (str_is(word, "required"))
		r->choose = LLM_ANY;
	else if (str_is(type, "allowed_tools"))
		bar_others(r, jx_get(o, "allowed_tools"));
	else if (named(o).p != NULL) {
		r->choose = LLM_NAMED;
		r->choose_name = named(o);
	} else if (o == NULL && jx_str(old, "name").p != NULL) {
		r->choose = LLM_NAMED;
		r->choose_name = jx_str(old, "name");
	}
	o = jx_get(r->doc, "parallel_tool_calls");
	r->serial = json_object_is_type(o, json_type_boolean) &&
	    !jx_true(r->doc, "parallel_tool_calls");
}

static void
decode_format(struct llm_request *r)
{
	struct json_object *o = jx_get(r->doc, "response_format");
	struct json_object *s = jx_get(o, "json_schema");
	struct str type = jx_str(o, "type");

	if (str_is(type, "json_object"))
		r->format = LLM_FORMAT_JSON;
	else if (str_is(type, "json_schema")) {
		r->format = LLM_FORMAT_SCHEMA;
		r->format_name = jx_str(s, "name");
		r->format_text = jx_str(s, "description");
		r->schema = jx_get(s, "schema");
		r->schema_strict = jx_true(s, "strict");
	}
}

static void
decode_scalars(struct llm_request *r, struct arena *a)
{
	struct json_object *reasoning = jx_get(r->doc, "reasoning"), *item;
	struct llm_part **tail = &r->stops;
	double v;

	setting_decode(settings, r);
	if (jx_num(reasoning, "max_tokens", &v)) {
		r->set[LLM_REASONING_BUDGET] = v;
		r->has |= 1u << LLM_REASONING_BUDGET;
	}
	r->has_effort =
	    llm_effort_find(jx_str(r->doc, "reasoning_effort"), &r->effort) ||
	    llm_effort_find(jx_str(r->doc, "effort"), &r->effort) ||
	    llm_effort_find(jx_str(reasoning, "effort"), &r->effort);
	parts_add_text(&tail, LLM_TEXT, jx_get(r->doc, "stop"), a);
	JX_EACH (jx_arr(r->doc, "stop"), i, item)
		parts_add_text(&tail, LLM_TEXT, item, a);
	r->user = jx_str(r->doc, "user");
}

/* The newer name of the user: no hint then. */
static void
take_identifier(struct llm_request *r)
{
	struct llm_hint **h = &r->hints;

	for (; *h != NULL; h = &(*h)->next)
		if (str_is((*h)->name, "safety_identifier")) {
			r->user = jx_text((*h)->node);
			*h = (*h)->next;
			return;
		}
}

int
openai_decode_request(struct llm_request *r, struct arena *a, struct err *e)
{
	struct llm_message **tail = &r->messages;
	struct openai_decoding d = { .old_calls = 0 };
	struct json_object *item;

	if ((r->doc = jx_parse(a, r->body, e)) == NULL)
		return -1;
	JX_EACH (jx_arr(r->doc, "messages"), i, item) {
		*tail = ARENA_NEW(a, struct llm_message);
		if (openai_decode_message(&d, item, *tail, a, e) == -1)
			return -1;
		tail = &(*tail)->next;
	}
	decode_tools(r, a);
	decode_choose(r);
	decode_format(r);
	decode_scalars(r, a);
	parts_hints(r, known, a);
	if (r->user.p == NULL)
		take_identifier(r);
	r->hide_reasoning = jx_true(jx_get(r->doc, "reasoning"), "exclude");
	return 0;
}

const void *
openai_note(const struct llm_request *r, struct arena *life)
{
	struct str reasoning = jscan_get(r->members, r->nmembers, "reasoning");
	struct str old = jscan_get(r->members, r->nmembers, "functions");
	struct openai_asked *asked;
	bool hide = str_is(jscan_at(reasoning, "exclude"), "true");
	bool legacy = old.p != NULL && !jscan_null(old);

	if (!hide && !legacy)
		return NULL;
	asked = ARENA_NEW(life, struct openai_asked);
	asked->hide = hide;
	asked->legacy = legacy;
	return asked;
}
