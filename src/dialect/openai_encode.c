/*
 * The neutral view of a request as a body of this dialect.  What one server of
 * many refuses is taken out later (provider/quirk.c).
 */
#include "base/hash.h"
#include "dialect/openai.h"
#include "dialect/setting.h"

#define STOPS_MAX 4
#define USER_MAX 64

/* clang-format off */
static const struct setting settings[] = {
	{ "temperature", LLM_TEMPERATURE, 0, 2 },
	{ "top_p", LLM_TOP_P, 0, 1 },
	{ "max_tokens", LLM_MAX_OUTPUT, 1, 1e15 },
	{ "frequency_penalty", LLM_FREQUENCY_PENALTY, -2, 2 },
	{ "presence_penalty", LLM_PRESENCE_PENALTY, -2, 2 },
	{ "seed", LLM_SEED, -9e18, 9e18 },
	{ NULL, 0, 0, 0 }
};
/* clang-format on */

void
openai_put_call(const struct llm_part *p, struct jw *w)
{
	const char *type = p->call.custom ? "custom" : "function";
	struct str args = p->call.args;

	if (!p->call.custom && str_trim(args).n == 0)
		args = STR("{}");
	jw_obj(w, NULL);
	jw_str(w, "id", p->call.id);
	jw_strc(w, "type", type);
	jw_obj(w, type);
	jw_str(w, "name", p->call.name);
	jw_str(w, p->call.custom ? "input" : "arguments", args);
	jw_end(w);
	openai_put_signature(p->call.seal, w);
	jw_end(w);
}

void
openai_put_signature(struct str seal, struct jw *w)
{
	if (seal.n == 0)
		return;
	jw_obj(w, "extra_content");
	jw_obj(w, "google");
	jw_str(w, "thought_signature", seal);
	jw_end(w);
	jw_end(w);
}

/* --- tools --- */

static void
put_tool(const struct llm_tool *t, struct jw *w)
{
	jw_obj(w, NULL);
	jw_strc(w, "type", "function");
	jw_obj(w, "function");
	jw_str(w, "name", t->name);
	if (t->text.p != NULL)
		jw_str(w, "description", t->text);
	if (t->custom)
		jw_raw(w, "parameters", CUSTOM_SCHEMA);
	else if (t->schema != NULL)
		jw_node(w, "parameters", t->schema);
	if (t->strict)
		jw_bool(w, "strict", true);
	jw_end(w);
	openai_put_mark(t->cache, w);
	jw_end(w);
}

static void
put_choice(const struct llm_request *r, struct jw *w)
{
	if (r->serial)
		jw_bool(w, "parallel_tool_calls", false);
	if (r->choose == LLM_NAMED) {
		jw_obj(w, "tool_choice");
		jw_strc(w, "type", "function");
		jw_obj(w, "function");
		jw_str(w, "name", r->choose_name);
		jw_end(w);
		jw_end(w);
	} else if (r->choose != LLM_AUTO)
		jw_strc(w, "tool_choice",
		    r->choose == LLM_NONE ? "none" : "required");
}

/* Tools that allowed_tools leaves out are left out: few servers know it. */
static void
put_tools(const struct llm_request *r, struct jw *w)
{
	const struct llm_tool *t;

	for (t = r->tools; t != NULL && t->barred; t = t->next)
		;
	if (t == NULL)
		return;
	jw_arr(w, "tools");
	for (; t != NULL; t = t->next)
		if (!t->barred)
			put_tool(t, w);
	jw_end(w);
	put_choice(r, w);
}

static void
put_known(const char *key, struct str s, struct jw *w)
{
	if (s.n > 0)
		jw_str(w, key, s);
}

static void
put_search(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	const struct llm_search *s = &r->search;

	if (!s->on)
		return;
	/* Ordinary models refuse it here: for no more than a wish, no risk. */
	if ((r->says & LLM_SAY_SEARCH) == 0) {
		llm_drop(aim, "web_search");
		return;
	}
	jw_obj(w, "web_search_options");
	put_known("search_context_size", s->size, w);
	if (s->city.n + s->region.n + s->country.n + s->timezone.n > 0) {
		jw_obj(w, "user_location");
		jw_strc(w, "type", "approximate");
		jw_obj(w, "approximate");
		put_known("city", s->city, w);
		put_known("region", s->region, w);
		put_known("country", s->country, w);
		put_known("timezone", s->timezone, w);
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
	if (s->allowed != NULL)
		llm_drop(aim, "allowed_domains");
	if (s->blocked != NULL)
		llm_drop(aim, "blocked_domains");
	if (s->max_uses > 0)
		llm_drop(aim, "max_uses");
}

/* --- the rest --- */

static void
put_format(const struct llm_request *r, struct jw *w)
{
	if (r->format == LLM_FORMAT_FREE)
		return;
	jw_obj(w, "response_format");
	if (r->format == LLM_FORMAT_JSON)
		jw_strc(w, "type", "json_object");
	else {
		jw_strc(w, "type", "json_schema");
		jw_obj(w, "json_schema");
		jw_str(w, "name",
		    r->format_name.n > 0 ? r->format_name : STR("answer"));
		put_known("description", r->format_text, w);
		if (r->schema != NULL)
			jw_node(w, "schema", r->schema);
		if (r->schema_strict)
			jw_bool(w, "strict", true);
		jw_end(w);
	}
	jw_end(w);
}

/* A word that the model knows, for an effort or a budget. */
static void
put_effort(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	enum llm_effort effort = r->effort;

	if (!r->has_effort && !llm_has(r, LLM_REASONING_BUDGET))
		return;
	if (!r->has_effort)
		effort =
		    llm_aim_effort(aim, (int64_t)r->set[LLM_REASONING_BUDGET]);
	if (effort == LLM_EFFORT_NONE && (aim->caps & LLM_CAN_REASON) == 0)
		return; /* as it is */
	effort = llm_effort_near(effort, aim->efforts);
	jw_strc(w, "reasoning_effort", llm_effort_words[effort]);
}

static void
put_stops(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	const struct llm_part *p;
	int n = 0;

	if (r->stops == NULL)
		return;
	jw_arr(w, "stop");
	for (p = r->stops; p != NULL && n < STOPS_MAX; p = p->next, n++)
		jw_str(w, NULL, p->text);
	jw_end(w);
	if (p != NULL)
		llm_drop(aim, "stop");
}

/* Longer names than OpenAI takes are told apart by their hash. */
void
openai_put_user(struct str user, struct jw *w)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char h[HASH_SIZE];
	char text[2 * HASH_SIZE];
	size_t i;

	if (user.n == 0)
		return;
	if (user.n <= USER_MAX) {
		jw_str(w, "user", user);
		return;
	}
	hash_sha256(user, h);
	for (i = 0; i < sizeof(h); i++) {
		text[2 * i] = hex[h[i] >> 4];
		text[2 * i + 1] = hex[h[i] & 15];
	}
	jw_str(w, "user", (struct str){ text, sizeof(text) });
}

/* What chat and responses share is known where OpenAI's own models are. */
static void
put_hints(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	static const char *const shared[] = { "metadata", "prompt_cache_key",
		"prompt_cache_retention", "service_tier", "store", "verbosity",
		NULL };
	static const char *const none[] = { NULL };
	struct json_object *node;
	int i;

	if ((aim->caps & LLM_WANTS_MAX_COMPLETION) == 0) {
		llm_drop_hints(aim, r, none);
		return;
	}
	for (i = 0; shared[i] != NULL; i++)
		if ((node = llm_hint(r, shared[i])) != NULL)
			jw_node(w, shared[i], node);
	llm_drop_hints(aim, r, shared);
}

int
openai_encode_request(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	jw_obj(w, NULL);
	jw_str(w, "model", aim->model);
	openai_put_messages(r, w);
	put_tools(r, w);
	put_search(r, aim, w);
	setting_encode(settings, r, w);
	if (llm_has(r, LLM_TOP_K))
		llm_drop(aim, "top_k");
	put_effort(r, aim, w);
	put_stops(r, aim, w);
	put_format(r, w);
	openai_put_user(r->user, w);
	if ((r->says & LLM_SAY_DRAW) != 0)
		jw_raw(w, "modalities", STR("[\"image\",\"text\"]"));
	put_hints(r, aim, w);
	if (r->n > 1)
		jw_int(w, "n", r->n);
	if (aim->stream) {
		jw_bool(w, "stream", true);
		jw_obj(w, "stream_options");
		jw_bool(w, "include_usage", true);
		jw_end(w);
	}
	jw_end(w);
	return dialect_fits(w->out, e);
}
