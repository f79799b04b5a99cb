/*
 * Requests: to the neutral view and back, and the changes that a body gets
 * when it goes to a provider of the same dialect.
 */
#include "dialect/openai.h"
#include "dialect/setting.h"
#include "json/jx.h"

/* clang-format off */
static const struct setting settings[] = {
	{ "temperature", LLM_TEMPERATURE, 0, 2 },
	{ "top_p", LLM_TOP_P, 0, 1 },
	{ "top_k", LLM_TOP_K, 0, 1e15 },
	{ "max_tokens", LLM_MAX_OUTPUT, 1, 1e15 },
	{ "frequency_penalty", LLM_FREQUENCY_PENALTY, -2, 2 },
	{ "presence_penalty", LLM_PRESENCE_PENALTY, -2, 2 },
	{ NULL, 0, 0, 0 }
};

static const struct {
	const char *word;
	enum llm_role role;
} roles[] = {
	{ "system", LLM_SYSTEM },
	{ "developer", LLM_SYSTEM },
	{ "user", LLM_USER },
	{ "assistant", LLM_ASSISTANT },
	{ "tool", LLM_TOOL },
	{ "function", LLM_TOOL },
};
/* clang-format on */

/* Append a new part to the list whose end *tail is; returns the part. */
static struct llm_part *
add_part(struct llm_part ***tail, enum llm_kind kind, struct arena *a)
{
	struct llm_part *p = ARENA_NEW(a, struct llm_part);

	p->kind = kind;
	**tail = p;
	*tail = &p->next;
	return p;
}

/* "data:image/png;base64,AAAA" into type and data, else it stays a URL. */
static void
decode_image(struct llm_part *p, struct str url)
{
	struct str rest = url, head;

	p->media.url = url;
	if (!str_starts(url, "data:"))
		return;
	rest.p += 5;
	rest.n -= 5;
	head = str_split(&rest, ',');
	if (rest.p == NULL)
		return;
	p->media.url = STR_NONE;
	p->media.data = rest;
	p->media.mime = str_split(&head, ';');
	if (str_is(p->media.mime, "image/jpg")) /* trap 106 */
		p->media.mime = STR("image/jpeg");
}

static void
decode_text(struct llm_part ***tail, enum llm_kind kind,
    struct json_object *node, struct arena *a)
{
	struct llm_part *p;

	if (jx_text(node).p == NULL)
		return;
	p = add_part(tail, kind, a);
	p->node = node;
	p->text = jx_text(node);
}

/* What only OpenAI can say becomes NATIVE: routing keeps it at home. */
static void
decode_content(
    struct json_object *content, struct llm_part ***tail, struct arena *a)
{
	struct json_object *item;
	struct llm_part *p;
	struct str type;

	decode_text(tail, LLM_TEXT, content, a);
	if (!json_object_is_type(content, json_type_array))
		return; /* null beside tool calls */
	JX_EACH (content, i, item) {
		type = jx_str(item, "type");
		if (str_is(type, "text"))
			decode_text(tail, LLM_TEXT, jx_get(item, "text"), a);
		else if (str_is(type, "refusal"))
			decode_text(
			    tail, LLM_REFUSAL, jx_get(item, "refusal"), a);
		else if (str_is(type, "image_url")) {
			p = add_part(tail, LLM_MEDIA, a);
			decode_image(
			    p, jx_str(jx_get(item, "image_url"), "url"));
		} else {
			p = add_part(tail, LLM_NATIVE, a);
			p->node = item;
		}
	}
}

static void
decode_assistant(
    struct json_object *o, struct llm_part ***tail, struct arena *a)
{
	struct json_object *call, *fn;
	struct llm_part *p;
	struct str text;

	text = jx_str(o, "reasoning_content");
	if (text.n == 0)
		text = jx_str(o, "reasoning");
	if (text.n > 0)
		add_part(tail, LLM_REASONING, a)->reasoning.text = text;
	decode_content(jx_get(o, "content"), tail, a);
	decode_text(tail, LLM_REFUSAL, jx_get(o, "refusal"), a);
	JX_EACH (jx_arr(o, "tool_calls"), i, call) {
		fn = jx_get(call, "function");
		p = add_part(tail, LLM_CALL, a);
		p->call.id = jx_str(call, "id");
		p->call.name = jx_str(fn, "name");
		p->call.args = jx_str(fn, "arguments");
	}
}

static int
decode_message(struct json_object *o, struct llm_message *m, struct arena *a,
    struct err *e)
{
	struct llm_part **tail = &m->parts, *p;
	struct str word = jx_str(o, "role");
	size_t i;

	for (i = 0; i < NROWS(roles); i++)
		if (str_is(word, roles[i].word))
			break;
	if (i == NROWS(roles))
		return err_set(
		    e, ERR_BAD_PARAM, "unknown role \"%.*s\"", STR_ARG(word));
	m->role = roles[i].role;
	m->name = jx_str(o, "name");
	if (m->role == LLM_ASSISTANT) {
		decode_assistant(o, &tail, a);
		return 0;
	}
	if (m->role == LLM_TOOL) {
		p = add_part(&tail, LLM_RESULT, a);
		p->result.id = jx_str(o, "tool_call_id");
		tail = &p->result.parts;
	}
	decode_content(jx_get(o, "content"), &tail, a);
	return 0;
}

static void
decode_tools(struct llm_request *r, struct arena *a)
{
	struct llm_tool **tail = &r->tools;
	struct json_object *item, *fn;

	JX_EACH (jx_arr(r->doc, "tools"), i, item) {
		if ((fn = jx_get(item, "function")) == NULL)
			continue;
		*tail = ARENA_NEW(a, struct llm_tool);
		(*tail)->name = jx_str(fn, "name");
		(*tail)->text = jx_str(fn, "description");
		(*tail)->schema = jx_get(fn, "parameters");
		(*tail)->strict = jx_true(fn, "strict");
		tail = &(*tail)->next;
	}
}

static void
decode_choose(struct llm_request *r)
{
	struct json_object *o = jx_get(r->doc, "tool_choice");
	struct str word = jx_text(o);

	if (str_is(word, "none"))
		r->choose = LLM_NONE;
	else if (str_is(word, "required"))
		r->choose = LLM_ANY;
	else if (str_is(jx_str(o, "type"), "function")) {
		r->choose = LLM_NAMED;
		r->choose_name = jx_str(jx_get(o, "function"), "name");
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
		r->schema = jx_get(s, "schema");
	}
}

static void
decode_scalars(struct llm_request *r, struct arena *a)
{
	struct json_object *reasoning = jx_get(r->doc, "reasoning"), *item;
	struct llm_part **tail = &r->stops;
	double v;

	setting_decode(settings, r);
	if (jx_num(r->doc, "max_completion_tokens", &v)) {
		r->set[LLM_MAX_OUTPUT] = v;
		r->has |= 1u << LLM_MAX_OUTPUT;
	}
	if (jx_num(reasoning, "max_tokens", &v)) {
		r->set[LLM_REASONING_BUDGET] = v;
		r->has |= 1u << LLM_REASONING_BUDGET;
	}
	r->has_effort =
	    llm_effort_find(jx_str(r->doc, "reasoning_effort"), &r->effort) ||
	    llm_effort_find(jx_str(r->doc, "effort"), &r->effort) ||
	    llm_effort_find(jx_str(reasoning, "effort"), &r->effort);
	decode_text(&tail, LLM_TEXT, jx_get(r->doc, "stop"), a);
	JX_EACH (jx_arr(r->doc, "stop"), i, item)
		decode_text(&tail, LLM_TEXT, item, a);
}

int
openai_decode_request(struct llm_request *r, struct arena *a, struct err *e)
{
	struct llm_message **tail = &r->messages;
	struct json_object *item;

	if ((r->doc = jx_parse(a, r->body, e)) == NULL)
		return -1;
	JX_EACH (jx_arr(r->doc, "messages"), i, item) {
		*tail = ARENA_NEW(a, struct llm_message);
		if (decode_message(item, *tail, a, e) == -1)
			return -1;
		tail = &(*tail)->next;
	}
	decode_tools(r, a);
	decode_choose(r);
	decode_format(r);
	decode_scalars(r, a);
	return 0;
}

/* Add a web_search tool unless one is there; writing nothing keeps all. */
static void
add_search(struct str tools, struct buf *out)
{
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(tools); jscan_next(&it, &m);)
		if (str_eq(openai_inner(jscan_at(m.raw, "type")),
			STR("web_search")))
			return;
	if (tools.n < 2 || tools.p[0] != '[')
		return;
	buf_add(out, (struct str){ tools.p, tools.n - 1 });
	openai_comma(out);
	buf_add(out, STR("{\"type\":\"web_search\"}]"));
}

static void
push(struct jpatch *v, int *n, int max, struct jpatch p)
{
	if (*n < max)
		v[(*n)++] = p;
}

static struct str
get(const struct llm_request *r, const char *key)
{
	struct str raw = jscan_get(r->members, r->nmembers, key);

	return raw.p != NULL && jscan_null(raw) ? STR_NONE : raw;
}

/* `effort` and `reasoning` are how the gateway lets clients say it. */
static void
patch_effort(const struct llm_request *r, struct jpatch *v, int *n, int max)
{
	struct str reasoning = get(r, "reasoning");
	struct str effort = jscan_at(reasoning, "effort");
	struct str budget = jscan_at(reasoning, "max_tokens");

	if (effort.p == NULL || jscan_null(effort))
		effort = get(r, "effort");
	if (effort.p != NULL)
		push(v, n, max,
		    (struct jpatch){
			JPATCH_SET, STR("reasoning_effort"), effort, NULL });
	/* A budget has no other place; only providers that know it get it. */
	if (budget.p == NULL || jscan_null(budget))
		push(v, n, max,
		    (struct jpatch){
			JPATCH_DEL, STR("reasoning"), STR_NONE, NULL });
}

/* Usage is asked for always; other options stay as they are. */
static void
patch_stream(const struct llm_request *r, struct jpatch *v, int *n, int max)
{
	struct jpatch p = { .path = STR("stream_options") };

	if (!r->stream)
		p.op = JPATCH_DEL; /* refused without stream */
	else if (get(r, "stream_options").p != NULL) {
		p.op = JPATCH_SET;
		p.path = STR("stream_options/include_usage");
		p.arg = STR("true");
	} else {
		p.op = JPATCH_SET;
		p.arg = STR("{\"include_usage\":true}");
	}
	push(v, n, max, p);
}

int
openai_body_patches(const struct llm_request *r, struct jpatch *v, int max)
{
	static const struct str ours[] = { STR("image_config"),
		STR("web_search"), STR("plugins"), STR("routing"),
		STR("free_models_only"), STR("no_reasoning"), STR("onboarding"),
		STR("effort") };
	size_t i;
	int n = 0;

	for (i = 0; i < NROWS(ours); i++)
		push(v, &n, max,
		    (struct jpatch){ JPATCH_DEL, ours[i], STR_NONE, NULL });
	patch_effort(r, v, &n, max);
	patch_stream(r, v, &n, max);
	if (!str_eq(get(r, "web_search"), STR("true")))
		return n;
	if (get(r, "tools").p != NULL)
		push(v, &n, max,
		    (struct jpatch){
			JPATCH_MAP, STR("tools"), STR_NONE, add_search });
	else
		push(v, &n, max,
		    (struct jpatch){ JPATCH_SET, STR("tools"),
			STR("[{\"type\":\"web_search\"}]"), NULL });
	return n;
}
