#include "llm/llm.h"

static const char prefix[] = "llmgw:";
static const char *const issuers[LLM_BY__MAX] = {
	[LLM_BY_NOBODY] = "",
	[LLM_BY_ANTHROPIC] = "anthropic",
	[LLM_BY_GOOGLE] = "google",
	[LLM_BY_OPENAI] = "openai",
};

void
llm_seal_put(
    struct buf *b, enum llm_issuer by, struct str seal, enum llm_issuer home)
{
	if (by != home && by != LLM_BY_NOBODY) {
		buf_add(b, str_from(prefix));
		buf_add(b, str_from(issuers[by]));
		buf_addc(b, ':');
	}
	buf_add(b, seal);
}

struct str
llm_seal_read(struct str wire, enum llm_issuer home, enum llm_issuer *by)
{
	struct str rest = wire, word;
	int i;

	*by = home;
	if (!str_starts(wire, prefix))
		return wire;
	rest.p += sizeof(prefix) - 1;
	rest.n -= sizeof(prefix) - 1;
	word = str_split(&rest, ':');
	if (rest.p == NULL)
		return wire;
	for (i = 1; i < LLM_BY__MAX; i++)
		if (str_is(word, issuers[i])) {
			*by = (enum llm_issuer)i;
			return rest;
		}
	return wire;
}
