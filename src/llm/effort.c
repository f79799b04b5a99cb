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

static const int64_t budgets[LLM_EFFORT__COUNT] = {
	[LLM_EFFORT_NONE] = 0,
	[LLM_EFFORT_MINIMAL] = 1024,
	[LLM_EFFORT_LOW] = 1024,
	[LLM_EFFORT_MEDIUM] = 4096,
	[LLM_EFFORT_HIGH] = 16384,
	[LLM_EFFORT_XHIGH] = 32768,
	[LLM_EFFORT_MAX] = 32768,
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

int64_t
llm_effort_budget(enum llm_effort effort)
{
	return budgets[effort];
}

enum llm_effort
llm_budget_effort(int64_t tokens)
{
	return tokens < 2048 ? LLM_EFFORT_LOW :
	    tokens < 8192    ? LLM_EFFORT_MEDIUM :
			       LLM_EFFORT_HIGH;
}
