#include "llm/llm.h"

const char *const llm_effort_words[LLM_EFFORT__COUNT] = {
	[LLM_EFFORT_NONE] = "none",
	[LLM_EFFORT_MINIMAL] = "minimal",
	[LLM_EFFORT_LOW] = "low",
	[LLM_EFFORT_MEDIUM] = "medium",
	[LLM_EFFORT_HIGH] = "high",
	[LLM_EFFORT_XHIGH] = "xhigh",
	[LLM_EFFORT_MAX] = "max",
};

const struct llm_scale llm_scale_default = {
	.budgets = {
		[LLM_EFFORT_NONE] = 0,
		[LLM_EFFORT_MINIMAL] = 1024,
		[LLM_EFFORT_LOW] = 1024,
		[LLM_EFFORT_MEDIUM] = 4096,
		[LLM_EFFORT_HIGH] = 16384,
		[LLM_EFFORT_XHIGH] = 32768,
		[LLM_EFFORT_MAX] = 32768,
	},
	.below = {
		[LLM_EFFORT_LOW] = 2048,
		[LLM_EFFORT_MEDIUM] = 8192,
	},
};

bool
llm_effort_find(struct str word, enum llm_effort *out)
{
	int i;

	for (i = 0; i < LLM_EFFORT__COUNT; i++)
		if (str_is(word, llm_effort_words[i])) {
			*out = (enum llm_effort)i;
			return true;
		}
	return false;
}

enum llm_effort
llm_effort_near(enum llm_effort want, unsigned set)
{
	int d;

	for (d = 0; set != 0 && d < LLM_EFFORT__COUNT; d++) {
		if ((int)want - d >= 0 && (set & 1u << ((int)want - d)) != 0)
			return (enum llm_effort)((int)want - d);
		if ((int)want + d < LLM_EFFORT__COUNT &&
		    (set & 1u << ((int)want + d)) != 0)
			return (enum llm_effort)((int)want + d);
	}
	return want;
}

static int64_t
budget_of(const struct llm_scale *s, enum llm_effort effort)
{
	return s->budgets[effort];
}

static enum llm_effort
effort_of(const struct llm_scale *s, int64_t tokens)
{
	int i;

	for (i = 0; i < LLM_EFFORT__COUNT; i++)
		if (tokens < s->below[i])
			return (enum llm_effort)i;
	return LLM_EFFORT_HIGH;
}

int64_t
llm_effort_budget(enum llm_effort effort)
{
	return budget_of(&llm_scale_default, effort);
}

enum llm_effort
llm_budget_effort(int64_t tokens)
{
	return effort_of(&llm_scale_default, tokens);
}

static const struct llm_scale *
scale_of(const struct llm_aim *aim)
{
	return aim->scale == NULL ? &llm_scale_default : aim->scale;
}

int64_t
llm_aim_budget(const struct llm_aim *aim, enum llm_effort effort)
{
	return budget_of(scale_of(aim), effort);
}

enum llm_effort
llm_aim_effort(const struct llm_aim *aim, int64_t tokens)
{
	return effort_of(scale_of(aim), tokens);
}

/* "low:1024,medium:4096" into v; names that are missing keep their value. */
static int
parse_pairs(struct str text, int64_t *v, struct err *e)
{
	struct str pair, word, number;
	enum llm_effort effort;

	while (text.p != NULL) {
		pair = str_trim(str_split(&text, ','));
		number = pair;
		word = str_trim(str_split(&number, ':'));
		number = str_trim(number);
		if (!llm_effort_find(word, &effort) ||
		    !jscan_int(number, &v[effort]) || v[effort] < 0 ||
		    v[effort] > INT32_MAX)
			return err_set(e, ERR_CONFIG,
			    "effort_budgets, budget_efforts: \"%.*s\" is "
			    "no EFFORT:TOKENS",
			    (int)(pair.n < 64 ? pair.n : 64), pair.p);
	}
	return 0;
}

int
llm_scale_parse(
    struct llm_scale *s, struct str budgets, struct str efforts, struct err *e)
{
	*s = llm_scale_default;
	if (budgets.n > 0 && parse_pairs(budgets, s->budgets, e) == -1)
		return -1;
	if (efforts.n == 0)
		return 0;
	memset(s->below, 0, sizeof(s->below));
	return parse_pairs(efforts, s->below, e);
}
