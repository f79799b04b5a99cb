/*
 * Usage (wire.md 1.7): cached tokens are part of the prompt, thoughts are no
 * part of the candidates, what tools put into the prompt is counted apart.
 */
#include "dialect/gemini.h"

/* [{"modality":"AUDIO","tokenCount":7}]; several of one kind are summed. */
static void
read_modalities(struct str array, int64_t *audio, int64_t *image)
{
	struct jiter it;
	struct jmember m;
	struct str kind;
	int64_t n, a = 0, i = 0;

	for (it = jscan_into(array); jscan_next(&it, &m);) {
		kind = jscan_at(m.raw, "modality");
		if (!answer_count(jscan_at(m.raw, "tokenCount"), &n))
			continue;
		if (str_is(kind, "\"AUDIO\""))
			a += n;
		else if (str_is(kind, "\"IMAGE\""))
			i += n;
	}
	*audio = a;
	*image = i;
}

static void
fill(const struct gemini_counts *c, struct llm_usage *u)
{
	u->input = c->prompt + c->tool_prompt;
	u->cache_read = c->cached > u->input ? u->input : c->cached;
	u->output = c->candidates + c->thoughts;
	u->reasoning = c->thoughts;
	u->audio_in = c->audio_in;
	u->image_in = c->image_in;
	u->audio_out = c->audio_out;
	u->image_out = c->image_out;
}

bool
gemini_read_usage(struct str raw, struct gemini_counts *c, struct llm_usage *u)
{
	struct jiter it;
	struct jmember m;
	bool told = false;

	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (str_is(m.key, "promptTokenCount"))
			told |= answer_count(m.raw, &c->prompt);
		else if (str_is(m.key, "toolUsePromptTokenCount"))
			told |= answer_count(m.raw, &c->tool_prompt);
		else if (str_is(m.key, "cachedContentTokenCount"))
			answer_count(m.raw, &c->cached);
		else if (str_is(m.key, "candidatesTokenCount"))
			told |= answer_count(m.raw, &c->candidates);
		else if (str_is(m.key, "thoughtsTokenCount"))
			told |= answer_count(m.raw, &c->thoughts);
		else if (str_is(m.key, "serviceTier"))
			u->tier = llm_tier_of(jscan_inner(m.raw));
		else if (str_is(m.key, "promptTokensDetails"))
			read_modalities(m.raw, &c->audio_in, &c->image_in);
		else if (str_is(m.key, "candidatesTokensDetails"))
			read_modalities(m.raw, &c->audio_out, &c->image_out);
	}
	fill(c, u);
	return told;
}
