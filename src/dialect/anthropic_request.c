/*
 * Requests to the neutral view, and the changes that a body gets when it goes
 * to a provider of the same dialect.
 */
#include "dialect/anthropic.h"
#include "dialect/parts.h"
#include "dialect/setting.h"

/* clang-format off */
static const struct setting settings[] = {
	{ "max_tokens", LLM_MAX_OUTPUT, 1, 1e15 },
	{ "temperature", LLM_TEMPERATURE, 0, 1 },
	{ "top_p", LLM_TOP_P, 0, 1 },
	{ "top_k", LLM_TOP_K, 0, 1e15 },
	{ NULL, 0, 0, 0 }
};
/* clang-format on */

/* Members with a place in the neutral view, and the gateway's own. */
static const char *const known[] = { "model", "max_tokens", "messages",
	"system", "temperature", "top_p", "top_k", "stop_sequences", "stream",
	"tools", "tool_choice", "thinking", "output_config", "output_format",
	"metadata", "container", "context_management", "mcp_servers", "routing",
	"free_models_only", "no_reasoning" };

static void
take_search(struct llm_request *r, struct json_object *o)
{
	struct json_object *where = jx_get(o, "user_location");

	r->search.on = true;
	r->search.city = jx_str(where, "city");
	r->search.region = jx_str(where, "region");
	r->search.country = jx_str(where, "country");
	r->search.timezone = jx_str(where, "timezone");
	r->search.allowed = jx_arr(o, "allowed_domains");
	r->search.blocked = jx_arr(o, "blocked_domains");
	jx_int(o, "max_uses", &r->search.max_uses);
}

static void
decode_tools(struct llm_request *r, struct arena *a)
{
	struct llm_tool **tail = &r->tools, *t;
	struct json_object *item;
	struct str type;

	JX_EACH (jx_arr(r->doc, "tools"), i, item) {
		type = jx_str(item, "type");
		if (str_starts(type, "web_search"))
			take_search(r, item);
		if (type.p != NULL && !str_is(type, "custom"))
			continue;
		*tail = t = ARENA_NEW(a, struct llm_tool);
		tail = &t->next;
		t->name = jx_str(item, "name");
		t->text = jx_str(item, "description");
		t->schema = jx_get(item, "input_schema");
		t->strict = jx_true(item, "strict");
		t->cache = parts_cache(jx_get(item, "cache_control"));
	}
}

static void
decode_choose(struct llm_request *r)
{
	struct json_object *o = jx_get(r->doc, "tool_choice");
	struct str type = jx_str(o, "type");

	r->serial = jx_true(o, "disable_parallel_tool_use");
	if (str_is(type, "none"))
		r->choose = LLM_NONE;
	else if (str_is(type, "any"))
		r->choose = LLM_ANY;
	else if (str_is(type, "tool")) {
		r->choose_name = jx_str(o, "name");
		r->choose = LLM_NAMED;
	}
}

static void
decode_thinking(struct llm_request *r)
{
	struct json_object *o = jx_get(r->doc, "thinking");
	struct str type = jx_str(o, "type");
	double v;

	r->has_effort = llm_effort_find(
	    jx_str(jx_get(r->doc, "output_config"), "effort"), &r->effort);
	if (str_is(type, "disabled")) {
		r->has_effort = true;
		r->effort = LLM_EFFORT_NONE;
	} else if (str_is(type, "adaptive") && !r->has_effort) {
		r->has_effort = true;
		r->effort = LLM_EFFORT_HIGH;
	} else if (str_is(type, "enabled") && jx_num(o, "budget_tokens", &v)) {
		r->set[LLM_REASONING_BUDGET] = v;
		r->has |= 1u << LLM_REASONING_BUDGET;
	}
}

static void
decode_format(struct llm_request *r)
{
	struct json_object *o =
	    jx_get(jx_get(r->doc, "output_config"), "format");

	if (o == NULL)
		o = jx_get(r->doc, "output_format");
	if (!str_is(jx_str(o, "type"), "json_schema"))
		return;
	r->format = LLM_FORMAT_SCHEMA;
	r->format_name = STR("answer");
	r->schema = jx_get(o, "schema");
	r->schema_strict = true;
}

static void
decode_stops(struct llm_request *r, struct arena *a)
{
	struct llm_part **tail = &r->stops, *p;
	struct json_object *item;

	JX_EACH (jx_arr(r->doc, "stop_sequences"), i, item) {
		p = parts_add(&tail, LLM_TEXT, a);
		p->text = jx_text(item);
		p->node = item;
	}
}

static bool
is_known(struct str name)
{
	size_t i;

	for (i = 0; i < NROWS(known); i++)
		if (str_is(name, known[i]))
			return true;
	return false;
}

static void
decode_hints(struct llm_request *r, struct arena *a)
{
	struct llm_hint **tail = &r->hints, *h;
	char *name;
	int i;

	for (i = 0; i < r->nmembers; i++) {
		if (jscan_null(r->members[i].raw) ||
		    is_known(r->members[i].key))
			continue;
		name = arena_cstr(a, r->members[i].key);
		*tail = h = ARENA_NEW(a, struct llm_hint);
		tail = &h->next;
		h->name = str_from(name);
		h->node = jx_get(r->doc, name);
	}
}

int
anthropic_decode_request(struct llm_request *r, struct arena *a, struct err *e)
{
	struct llm_message **tail = &r->messages, *m;
	struct llm_part **parts;

	if ((r->doc = jx_parse(a, r->body, e)) == NULL)
		return -1;
	m = ARENA_NEW(a, struct llm_message);
	m->role = LLM_SYSTEM;
	parts = &m->parts;
	anthropic_decode_system(jx_get(r->doc, "system"), &parts, a);
	if (m->parts != NULL) {
		*tail = m;
		tail = &m->next;
	}
	anthropic_decode_messages(r, &tail, a);
	decode_tools(r, a);
	decode_choose(r);
	setting_decode(settings, r);
	decode_thinking(r);
	decode_format(r);
	decode_stops(r, a);
	r->user = jx_str(jx_get(r->doc, "metadata"), "user_id");
	decode_hints(r, a);
	return 0;
}

/* --- equal dialects --- */

/*
 * A block that came from the gateway or an answer, and that is refused here: a
 * thought that nobody of this house signed, or a text of nothing.
 */
static bool
is_foreign(struct str raw)
{
	struct str type = jscan_word(raw, "type"), seal;

	if (str_is(type, "text"))
		return jscan_word(raw, "text").n == 0 &&
		    jscan_word(raw, "text").p != NULL;
	if (str_is(type, "redacted_thinking"))
		return str_starts(jscan_word(raw, "data"), "llmgw:");
	if (!str_is(type, "thinking"))
		return false;
	seal = jscan_word(raw, "signature");
	return seal.n == 0 || str_starts(seal, "llmgw:");
}

/* A call with a signature of Google's, which only this gateway reads. */
static bool
is_signed_call(struct str raw)
{
	return str_is(jscan_word(raw, "type"), "tool_use") &&
	    jscan_at(raw, "extra_content").p != NULL;
}

static void
put_block(struct buf *out, struct str raw)
{
	struct jiter it;
	struct jmember m;
	char sep = '{';

	if (!is_signed_call(raw)) {
		buf_add(out, raw);
		return;
	}
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (jscan_key_is(m.key, STR("extra_content")))
			continue;
		buf_addc(out, sep);
		buf_add(out,
		    (struct str){ m.key.p - 1,
			(size_t)(m.raw.p + m.raw.n - m.key.p + 1) });
		sep = ',';
	}
	buf_addc(out, '}');
}

/* Writing nothing keeps all. */
static void
drop_foreign(struct str raw, struct buf *out)
{
	struct jiter it;
	struct jmember m;
	size_t at = out->n;
	bool any = false;

	if (raw.n == 0 || raw.p[0] != '[')
		return;
	for (it = jscan_into(raw); jscan_next(&it, &m) && !any;)
		any = is_foreign(m.raw) || is_signed_call(m.raw);
	if (!any)
		return;
	buf_addc(out, '[');
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (is_foreign(m.raw))
			continue;
		if (out->n > at + 1)
			buf_addc(out, ',');
		put_block(out, m.raw);
	}
	if (out->n == at + 1)
		buf_add(out, STR("{\"type\":\"text\",\"text\":\".\"}"));
	buf_addc(out, ']');
}

static bool
contains(struct str s, struct str word)
{
	return memmem(s.p, s.n, word.p, word.n) != NULL;
}

/* Most requests have none, and then not a byte of the messages changes. */
static bool
has_foreign(const struct llm_request *r)
{
	struct jiter it, in;
	struct jmember m, b;
	struct str content;

	if (!contains(r->body, STR("thinking")) &&
	    !contains(r->body, STR("extra_content")) &&
	    !contains(r->body, STR("\"\"")))
		return false;
	it = jscan_into(jscan_get(r->members, r->nmembers, "messages"));
	while (jscan_next(&it, &m)) {
		content = jscan_at(m.raw, "content");
		if (content.n == 0 || content.p[0] != '[')
			continue;
		for (in = jscan_into(content); jscan_next(&in, &b);)
			if (is_foreign(b.raw) || is_signed_call(b.raw))
				return true;
	}
	return false;
}

static int
push(const struct llm_request *r, struct jpatch *v, int max,
    const struct str *dels, size_t count)
{
	int n = jpatch_delete(dels, (int)count, v, max);

	if (n < max && has_foreign(r))
		v[n++] = (struct jpatch){ JPATCH_MAP, STR("messages/*/content"),
			STR_NONE, drop_foreign };
	return n;
}

int
anthropic_body_patches(const struct llm_request *r, struct jpatch *v, int max)
{
	static const struct str ours[] = { STR("routing"),
		STR("free_models_only"), STR("no_reasoning") };

	return push(r, v, max, ours, NROWS(ours));
}

/* Its endpoint refuses what says nothing about the input. */
int
anthropic_count_patches(const struct llm_request *r, struct jpatch *v, int max)
{
	static const struct str ours[] = { STR("routing"),
		STR("free_models_only"), STR("no_reasoning"), STR("max_tokens"),
		STR("stream"), STR("temperature"), STR("top_p"), STR("top_k"),
		STR("stop_sequences"), STR("metadata"), STR("service_tier") };

	return push(r, v, max, ours, NROWS(ours));
}
