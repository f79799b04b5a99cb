/*
 * The neutral view of a request as a body of /v2/chat.
 */
#include "dialect/cohere.h"
#include "dialect/setting.h"
#include "json/jx.h"

#define STOPS_MAX 5
#define SEED_MAX 9007199254740992.0 /* 2^53: what a double holds exactly */

/* clang-format off */
static const struct setting settings[] = {
	{ "max_tokens", LLM_MAX_OUTPUT, 1, INT32_MAX },
	{ "temperature", LLM_TEMPERATURE, 0, 1 },
	{ "p", LLM_TOP_P, 0.01, 0.99 },
	{ "k", LLM_TOP_K, 0, 500 },
	{ "frequency_penalty", LLM_FREQUENCY_PENALTY, 0, 1 },
	{ "presence_penalty", LLM_PRESENCE_PENALTY, 0, 1 },
	{ NULL, 0, 0, 0 }
};
/* clang-format on */

static void
put_settings(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	const struct setting *t;
	double v;

	setting_encode(settings, r, w);
	for (t = settings; t->wire != NULL; t++) {
		v = r->set[t->id];
		/* 0.99 is as good as 1. */
		if (llm_has(r, t->id) && t->id != LLM_TOP_P &&
		    (v < t->min || v > t->max))
			llm_drop(aim, t->id == LLM_TOP_K ? "top_k" : t->wire);
	}
	v = r->set[LLM_SEED];
	if (!llm_has(r, LLM_SEED))
		return;
	if (v >= 0 && v <= SEED_MAX)
		jw_int(w, "seed", (int64_t)v);
	else
		llm_drop(aim, "seed");
}

static int
put_stops(const struct llm_request *r, struct jw *w, struct err *e)
{
	const struct llm_part *p;
	int n = 0;

	for (p = r->stops; p != NULL; p = p->next)
		n++;
	if (n == 0)
		return 0;
	if (n > STOPS_MAX) {
		e->param = STR("stop");
		return err_set(e, ERR_NO_SUCH_PARAM,
		    "More than 5 stop sequences is not supported by the "
		    "provider of this model");
	}
	jw_arr(w, "stop_sequences");
	for (p = r->stops; p != NULL; p = p->next)
		jw_str(w, NULL, p->text);
	jw_end(w);
	return 0;
}

/* --- tools --- */

/* A forced tool has no name here, so it is the only one that is shown. */
static bool
is_shown(const struct llm_request *r, const struct llm_tool *t)
{
	return !t->barred &&
	    (r->choose != LLM_NAMED || str_eq(t->name, r->choose_name));
}

static void
put_tool(const struct llm_tool *t, const struct llm_aim *aim, struct jw *w)
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
	else
		jw_raw(w, "parameters",
		    STR("{\"type\":\"object\",\"properties\":{}}"));
	jw_end(w);
	jw_end(w);
	if (t->cache != LLM_CACHE_NONE)
		llm_drop(aim, "cache_control");
}

/* One word for all tools: only if it is true of all of them. */
static void
put_strict(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	const struct llm_tool *t;
	bool all = true, any = false;

	for (t = r->tools; t != NULL; t = t->next) {
		if (!is_shown(r, t))
			continue;
		all = all && t->strict;
		any = any || t->strict;
	}
	if (any && all)
		jw_bool(w, "strict_tools", true);
	else if (any)
		llm_drop(aim, "strict");
}

static void
put_tools(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	bool free = (aim->caps & LLM_WANTS_FREE_CHOICE) != 0;
	const struct llm_tool *t;

	for (t = r->tools; t != NULL && !is_shown(r, t); t = t->next)
		;
	/* No tools say what NONE says. */
	if (t == NULL || (free && r->choose == LLM_NONE))
		return;
	jw_arr(w, "tools");
	for (; t != NULL; t = t->next)
		if (is_shown(r, t))
			put_tool(t, aim, w);
	jw_end(w);
	put_strict(r, aim, w);
	if (r->serial)
		llm_drop(aim, "parallel_tool_calls");
	if (r->choose == LLM_AUTO)
		return;
	if (free)
		llm_drop(aim, "tool_choice");
	else
		jw_strc(w, "tool_choice",
		    r->choose == LLM_NONE ? "NONE" : "REQUIRED");
}

/* --- the rest --- */

static void
put_format(const struct llm_request *r, struct jw *w)
{
	if (r->format == LLM_FORMAT_FREE)
		return;
	jw_obj(w, "response_format");
	jw_strc(w, "type", "json_object");
	if (r->format == LLM_FORMAT_SCHEMA && r->schema != NULL)
		jw_node(w, "json_schema", r->schema);
	jw_end(w);
}

/* The tokens to think with; -1: as many as it likes, 0: it shall not. */
static int64_t
budget_of(const struct llm_request *r, const struct llm_aim *aim)
{
	int64_t n;

	if (llm_has(r, LLM_REASONING_BUDGET))
		n = (int64_t)r->set[LLM_REASONING_BUDGET];
	else if (r->effort == LLM_EFFORT_NONE)
		return 0;
	else if ((aim->caps & LLM_CAN_BUDGET) == 0)
		return -1;
	else
		n = llm_aim_budget(aim, r->effort);
	/* Something must be left to answer with. */
	if (r->max_output > 1 && n >= r->max_output)
		n = r->max_output - 1;
	return n;
}

static void
put_thinking(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	int64_t n;

	if (!r->has_effort && !llm_has(r, LLM_REASONING_BUDGET))
		return;
	n = budget_of(r, aim);
	if ((aim->caps & LLM_CAN_REASON) == 0) {
		if (n != 0)
			llm_drop(aim, "reasoning_effort");
		return;
	}
	jw_obj(w, "thinking");
	jw_strc(w, "type", n == 0 ? "disabled" : "enabled");
	if (n > 0)
		jw_int(w, "token_budget", n);
	jw_end(w);
}

/* Members of Cohere's own that a client of another dialect may send. */
static void
put_hints(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	static const char *const own[] = { "citation_options", "documents",
		"priority", "safety_mode", NULL };
	struct json_object *node;
	int i;

	for (i = 0; own[i] != NULL; i++)
		if ((node = llm_hint(r, own[i])) != NULL)
			jw_node(w, own[i], node);
	llm_drop_hints(aim, r, own);
	if (r->user.p != NULL)
		llm_drop(aim, "user");
	if (r->search.on)
		llm_drop(aim, "web_search");
}

int
cohere_encode_request(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	jw_obj(w, NULL);
	jw_str(w, "model", aim->model);
	if (aim->stream)
		jw_bool(w, "stream", true);
	if (cohere_put_messages(r, aim, w, e) == -1)
		return -1;
	put_tools(r, aim, w);
	put_settings(r, aim, w);
	if (put_stops(r, w, e) == -1)
		return -1;
	put_format(r, w);
	put_thinking(r, aim, w);
	put_hints(r, aim, w);
	jw_end(w);
	return w->out->full ?
	    err_set(e, ERR_TOO_LARGE, "Request is too large") :
	    0;
}
