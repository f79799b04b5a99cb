/*
 * Requests to the neutral view, and the changes that a body gets when it goes
 * to a provider of the same dialect.
 */
#include "dialect/parts.h"
#include "dialect/responses.h"
#include "dialect/setting.h"

/* clang-format off */
static const struct setting settings[] = {
	{ "max_output_tokens", LLM_MAX_OUTPUT, 1, 1e15 },
	{ "temperature", LLM_TEMPERATURE, 0, 2 },
	{ "top_p", LLM_TOP_P, 0, 1 },
	{ NULL, 0, 0, 0 }
};

/*
 * Members with a place in the neutral view, or of the gateway's own, or that
 * ask for nothing that others could miss.
 */
static const char *const known[] = { "background", "free_models_only",
	"input", "instructions", "max_output_tokens", "model", "no_reasoning",
	"parallel_tool_calls", "reasoning", "routing", "store", "stream",
	"stream_options", "temperature", "text", "tool_choice", "tools",
	"top_p", "user", NULL };
/* clang-format on */

/* What becomes a hint although it is no member of the body. */
static void
add_hint(struct llm_request *r, const char *name, struct json_object *node,
    struct arena *a)
{
	struct llm_hint *h;

	if (node == NULL)
		return;
	h = ARENA_NEW(a, struct llm_hint);
	h->name = str_from(name);
	h->node = node;
	h->next = r->hints;
	r->hints = h;
}

/* {"type":"grammar","syntax","definition"} as chat has it: one level more. */
static struct json_object *
chat_format(struct json_object *format, struct arena *a)
{
	struct buf b = BUF_LIMIT(SSE_IMAGE_MAX);
	struct jw w = JW_TO(&b);
	struct json_object *o;
	struct err e = { 0 };

	if (!str_is(jx_str(format, "type"), "grammar"))
		return format;
	jw_obj(&w, NULL);
	jw_strc(&w, "type", "grammar");
	jw_obj(&w, "grammar");
	jw_str(&w, "syntax", jx_str(format, "syntax"));
	jw_str(&w, "definition", jx_str(format, "definition"));
	jw_end(&w);
	jw_end(&w);
	o = jx_parse(a, arena_dup(a, buf_str(&b)), &e);
	buf_free(&b);
	return o;
}

static void
take_search(struct llm_search *s, struct json_object *o)
{
	struct json_object *place = jx_get(o, "user_location");
	struct json_object *filters = jx_get(o, "filters");

	s->on = true;
	s->size = jx_str(o, "search_context_size");
	s->city = jx_str(place, "city");
	s->region = jx_str(place, "region");
	s->country = jx_str(place, "country");
	s->timezone = jx_str(place, "timezone");
	s->allowed = jx_arr(filters, "allowed_domains");
	s->blocked = jx_arr(filters, "blocked_domains");
}

/* The end of the list behind the new tool. */
static struct llm_tool **
add_tool(struct llm_tool **tail, struct json_object *item, struct str space,
    struct arena *a)
{
	struct llm_tool *t = ARENA_NEW(a, struct llm_tool);

	*tail = t;
	t->name = responses_join_name(space, jx_str(item, "name"), a);
	t->text = jx_str(item, "description");
	t->custom = str_is(jx_str(item, "type"), "custom");
	if (t->custom)
		t->schema = chat_format(jx_get(item, "format"), a);
	else
		t->schema = jx_get(item, "parameters");
	t->strict = jx_true(item, "strict");
	return &t->next;
}

static void
decode_tools(struct llm_request *r, struct arena *a)
{
	struct llm_tool **tail = &r->tools;
	struct json_object *item, *inner, *list;
	struct str type;

	JX_EACH (jx_arr(r->doc, "tools"), i, item) {
		type = jx_str(item, "type");
		if (str_starts(type, "web_search"))
			take_search(&r->search, item);
		else if (str_is(type, "tool_search"))
			add_hint(r, "tool_search", item, a);
		else if (str_is(type, "namespace")) {
			list = jx_arr(item, "tools");
			JX_EACH (list, k, inner)
				tail = add_tool(
				    tail, inner, jx_str(item, "name"), a);
		} else if (str_is(type, "function") || str_is(type, "custom"))
			tail = add_tool(tail, item, STR_NONE, a);
	}
}

static void
bar_others(struct llm_request *r, struct json_object *allowed, struct arena *a)
{
	struct json_object *item, *list = jx_arr(allowed, "tools");
	struct llm_tool *t;

	for (t = r->tools; t != NULL; t = t->next) {
		t->barred = true;
		JX_EACH (list, i, item)
			if (str_eq(
				responses_join_name(jx_str(item, "namespace"),
				    jx_str(item, "name"), a),
				t->name))
				t->barred = false;
	}
	if (str_is(jx_str(allowed, "mode"), "required"))
		r->choose = LLM_ANY;
}

static void
decode_choose(struct llm_request *r, struct arena *a)
{
	struct json_object *o = jx_get(r->doc, "tool_choice");
	struct str word = jx_text(o), type = jx_str(o, "type");

	if (str_is(word, "none"))
		r->choose = LLM_NONE;
	else if (str_is(word, "required"))
		r->choose = LLM_ANY;
	else if (str_is(type, "allowed_tools"))
		bar_others(r, o, a);
	else if (str_is(type, "function") || str_is(type, "custom")) {
		r->choose = LLM_NAMED;
		r->choose_name = responses_join_name(
		    jx_str(o, "namespace"), jx_str(o, "name"), a);
	}
	o = jx_get(r->doc, "parallel_tool_calls");
	r->serial = json_object_is_type(o, json_type_boolean) &&
	    !jx_true(r->doc, "parallel_tool_calls");
}

static void
decode_text(struct llm_request *r, struct arena *a)
{
	struct json_object *o = jx_get(jx_get(r->doc, "text"), "format");
	struct str type = jx_str(o, "type");

	if (str_is(type, "json_object"))
		r->format = LLM_FORMAT_JSON;
	else if (str_is(type, "json_schema")) {
		r->format = LLM_FORMAT_SCHEMA;
		r->format_name = jx_str(o, "name");
		r->format_text = jx_str(o, "description");
		r->schema = jx_get(o, "schema");
		r->schema_strict = jx_true(o, "strict");
	}
	add_hint(
	    r, "verbosity", jx_get(jx_get(r->doc, "text"), "verbosity"), a);
}

/* The newer name of the user: no hint then. */
static void
take_user(struct llm_request *r)
{
	struct llm_hint **h = &r->hints;

	r->user = jx_str(r->doc, "user");
	for (; *h != NULL && r->user.p == NULL; h = &(*h)->next)
		if (str_is((*h)->name, "safety_identifier")) {
			r->user = jx_text((*h)->node);
			*h = (*h)->next;
			return;
		}
}

int
responses_decode_request(struct llm_request *r, struct arena *a, struct err *e)
{
	struct llm_message **tail = &r->messages, *m;
	struct llm_part **part;
	struct str text;

	if ((r->doc = jx_parse(a, r->body, e)) == NULL)
		return -1;
	text = jx_str(r->doc, "instructions");
	if (text.n > 0) {
		*tail = m = ARENA_NEW(a, struct llm_message);
		tail = &m->next;
		m->role = LLM_SYSTEM;
		part = &m->parts;
		parts_add(&part, LLM_TEXT, a)->text = text;
		m->parts->node = jx_get(r->doc, "instructions");
	}
	responses_decode_input(r, &tail, a);
	parts_hints(r, known, a);
	decode_tools(r, a);
	decode_choose(r, a);
	decode_text(r, a);
	setting_decode(settings, r);
	r->has_effort = llm_effort_find(
	    jx_str(jx_get(r->doc, "reasoning"), "effort"), &r->effort);
	take_user(r);
	return 0;
}

/* --- equal dialects --- */

/* A thought that nobody of this house encrypted: it is refused there. */
static bool
is_foreign(struct str raw)
{
	return str_is(jscan_word(raw, "type"), "reasoning") &&
	    str_starts(jscan_word(raw, "encrypted_content"), "llmgw:");
}

static void
drop_foreign(struct str raw, struct buf *out)
{
	struct jiter it;
	struct jmember m;
	size_t at = out->n;

	if (raw.n == 0 || raw.p[0] != '[')
		return;
	buf_addc(out, '[');
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (is_foreign(m.raw))
			continue;
		if (out->n > at + 1)
			buf_addc(out, ',');
		buf_add(out, m.raw);
	}
	buf_addc(out, ']');
}

/* The effort that r->brief says, beside what else is said of reasoning. */
static struct jpatch
brief(const struct llm_request *r)
{
	struct str raw = jscan_get(r->members, r->nmembers, "reasoning");
	bool least = r->brief == LLM_EFFORT_MINIMAL;
	struct jpatch inside = { JPATCH_SET, STR("reasoning/effort"),
		least ? STR("\"minimal\"") : STR("\"low\""), NULL };
	struct jpatch all = { JPATCH_SET, STR("reasoning"),
		least ? STR("{\"effort\":\"minimal\"}") :
			STR("{\"effort\":\"low\"}"),
		NULL };

	return raw.n > 0 && raw.p[0] == '{' ? inside : all;
}

int
responses_body_patches(const struct llm_request *r, struct jpatch *v, int max)
{
	static const struct str ours[] = { STR("routing"),
		STR("free_models_only"), STR("no_reasoning") };
	struct str mark = STR("llmgw:");
	int n = jpatch_delete(ours, NROWS(ours), v, max);

	if (!r->stream && n < max) /* refused without stream */
		v[n++] = (struct jpatch){ JPATCH_DEL, STR("stream_options"),
			STR_NONE, NULL };
	if (n < max)
		v[n++] = (struct jpatch){ JPATCH_SET, STR("store"),
			STR("false"), NULL };
	if (r->brief != LLM_EFFORT_NONE && n < max)
		v[n++] = brief(r);
	if (n < max && memmem(r->body.p, r->body.n, mark.p, mark.n) != NULL)
		v[n++] = (struct jpatch){ JPATCH_MAP, STR("input"), STR_NONE,
			drop_foreign };
	return n;
}
