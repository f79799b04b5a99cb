/*
 * The neutral view of a request as a body of generateContent.
 */
#include "dialect/gemini.h"
#include "dialect/setting.h"
#include "json/jx.h"

#define STOPS_MAX 5
#define CANDIDATES_MAX 8
#define BUDGET_MAX 24576 /* more than that only some models take */
#define BUDGET_MIN 128   /* of models that cannot but think */
/* The words there are for thinkingLevel. */
#define LEVELS                                                                 \
	(1u << LLM_EFFORT_MINIMAL | 1u << LLM_EFFORT_LOW |                     \
	    1u << LLM_EFFORT_MEDIUM | 1u << LLM_EFFORT_HIGH)

/* clang-format off */
static const struct setting settings[] = {
	{ "temperature", LLM_TEMPERATURE, 0, 2 },
	{ "topP", LLM_TOP_P, 0, 1 },
	{ "topK", LLM_TOP_K, 0, 1e9 },
	{ "maxOutputTokens", LLM_MAX_OUTPUT, 1, INT32_MAX },
	{ NULL, 0, 0, 0 }
};

static const struct setting penalties[] = {
	{ "presencePenalty", LLM_PRESENCE_PENALTY, -2, 2 },
	{ "frequencyPenalty", LLM_FREQUENCY_PENALTY, -2, 2 },
	{ NULL, 0, 0, 0 }
};
/* clang-format on */

static int
unsupported(struct err *e, const char *param, const char *what)
{
	e->param = str_from(param);
	return err_set(e, ERR_NO_SUCH_PARAM,
	    "%s is not supported by the provider of this model", what);
}

static int
put_limits(const struct llm_request *r, struct jw *w, struct err *e)
{
	const struct llm_part *p;
	int n = 0;

	for (p = r->stops; p != NULL; p = p->next)
		n++;
	if (n > STOPS_MAX)
		return unsupported(e, "stop", "More than 5 stop sequences");
	if (r->n > CANDIDATES_MAX)
		return unsupported(e, "n", "n > 8");
	if (n > 0) {
		jw_arr(w, "stopSequences");
		for (p = r->stops; p != NULL; p = p->next)
			jw_str(w, NULL, p->text);
		jw_end(w);
	}
	if (r->n > 1)
		jw_int(w, "candidateCount", r->n);
	return 0;
}

static void
put_scalars(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	double seed = r->set[LLM_SEED];

	setting_encode(settings, r, w);
	if ((aim->caps & LLM_WANTS_NO_PENALTIES) == 0) /* trap 85 */
		setting_encode(penalties, r, w);
	else {
		if (llm_has(r, LLM_PRESENCE_PENALTY))
			llm_drop(aim, "presence_penalty");
		if (llm_has(r, LLM_FREQUENCY_PENALTY))
			llm_drop(aim, "frequency_penalty");
	}
	if (!llm_has(r, LLM_SEED))
		return;
	if (seed >= INT32_MIN && seed <= INT32_MAX)
		jw_int(w, "seed", (int64_t)seed);
	else
		llm_drop(aim, "seed");
}

static void
put_format(const struct llm_request *r, struct jw *w)
{
	if (r->format == LLM_FORMAT_FREE)
		return;
	jw_strc(w, "responseMimeType", "application/json");
	if (r->format == LLM_FORMAT_SCHEMA && r->schema != NULL)
		gemini_put_schema(w, "responseJsonSchema", r->schema);
}

/* Thinking may not eat all of the output. */
static int64_t
fit_budget(const struct llm_request *r, int64_t budget)
{
	int64_t limit = r->max_output;

	if (limit > 1 && budget >= limit)
		budget = limit - 1;
	return budget;
}

static int64_t
budget_of(const struct llm_request *r, const struct llm_aim *aim)
{
	int64_t n;

	if (llm_has(r, LLM_REASONING_BUDGET))
		n = fit_budget(r, (int64_t)r->set[LLM_REASONING_BUDGET]);
	else {
		n = llm_aim_budget(aim, r->effort);
		n = fit_budget(r, n > BUDGET_MAX ? BUDGET_MAX : n);
	}
	if (n < BUDGET_MIN && (aim->caps & LLM_WANTS_THOUGHT) != 0)
		n = BUDGET_MIN;
	return n;
}

static enum llm_effort
level_of(const struct llm_request *r, const struct llm_aim *aim)
{
	enum llm_effort e = r->has_effort ?
	    r->effort :
	    llm_aim_effort(aim, (int64_t)r->set[LLM_REASONING_BUDGET]);
	unsigned set = aim->efforts & LEVELS;

	return llm_effort_near(e, set == 0 ? LEVELS : set);
}

/* A level or a budget, never both (trap 84). */
static void
put_thinking(
    const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	bool budget = llm_has(r, LLM_REASONING_BUDGET);
	bool level = (aim->caps & LLM_WANTS_LEVEL) != 0 ||
	    ((aim->efforts & LEVELS) != 0 && (aim->caps & LLM_CAN_BUDGET) == 0);
	bool off = r->has_effort && r->effort == LLM_EFFORT_NONE && !budget;

	if ((!r->has_effort && !budget) || (aim->caps & LLM_CAN_REASON) == 0)
		return;
	jw_obj(w, "thinkingConfig");
	if (level)
		jw_strc(w, "thinkingLevel", llm_effort_words[level_of(r, aim)]);
	else
		jw_int(w, "thinkingBudget", budget_of(r, aim));
	if (!off && !r->hide_reasoning)
		jw_bool(w, "includeThoughts", true);
	jw_end(w);
}

/* Images in the answer, and how they are to look. */
static void
put_modalities(const struct llm_request *r, struct jw *w)
{
	struct json_object *o = llm_hint(r, "image_config");
	struct str ratio = jx_str(o, "aspect_ratio");
	struct str size = jx_str(o, "image_size");

	if ((r->says & LLM_SAY_DRAW) != 0) {
		jw_arr(w, "responseModalities");
		jw_strc(w, NULL, "TEXT");
		jw_strc(w, NULL, "IMAGE");
		jw_end(w);
	}
	if (ratio.n == 0 && size.n == 0)
		return;
	jw_obj(w, "imageConfig");
	if (ratio.n > 0)
		jw_str(w, "aspectRatio", ratio);
	if (size.n > 0)
		jw_str(w, "imageSize", size);
	jw_end(w);
}

/* Vertex takes them in a header; there the hint is dropped. */
static bool
put_tier(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	struct str word = jx_text(llm_hint(r, "service_tier"));
	enum llm_tier tier = llm_tier_of(word);

	if (!aim->tiers || tier == LLM_TIER_UNTOLD)
		return false;
	jw_strc(w, "serviceTier",
	    tier == LLM_TIER_FLEX         ? "flex" :
		tier == LLM_TIER_PRIORITY ? "priority" :
					    "standard");
	return true;
}

int
gemini_encode_request(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	static const char *const taken[] = { "image_config", "service_tier",
		NULL };
	static const char *const untaken[] = { "image_config", NULL };
	bool tier;

	jw_obj(w, NULL);
	if (gemini_put_contents(r, aim, w, e) == -1)
		return -1;
	gemini_put_tools(r, aim, w);
	jw_obj(w, "generationConfig");
	put_scalars(r, aim, w);
	if (put_limits(r, w, e) == -1)
		return -1;
	put_format(r, w);
	put_thinking(r, aim, w);
	put_modalities(r, w);
	jw_end(w);
	tier = put_tier(r, aim, w);
	jw_end(w);
	if (r->user.p != NULL)
		llm_drop(aim, "user");
	llm_drop_hints(aim, r, tier ? taken : untaken);
	return dialect_fits(w->out, e);
}
