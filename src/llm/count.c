#include "llm/llm.h"

#define BYTES_PER_TOKEN 4

int64_t
llm_count(int64_t bytes)
{
	return (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}

/* "fast" is OpenAI's newer word for what its answers call "priority". */
enum llm_tier
llm_tier_of(struct str word)
{
	if (word.n == 0 || str_is(word, "auto"))
		return LLM_TIER_UNTOLD;
	if (str_is(word, "flex"))
		return LLM_TIER_FLEX;
	return str_is(word, "priority") || str_is(word, "fast") ?
	    LLM_TIER_PRIORITY :
	    LLM_TIER_STANDARD;
}

void
llm_usage_add(struct llm_usage *to, const struct llm_usage *u)
{
	to->input += u->input;
	to->cache_read += u->cache_read;
	to->cache_write_5m += u->cache_write_5m;
	to->cache_write_1h += u->cache_write_1h;
	to->audio_in += u->audio_in;
	to->image_in += u->image_in;
	to->output += u->output;
	to->reasoning += u->reasoning;
	to->audio_out += u->audio_out;
	to->image_out += u->image_out;
	to->images_in += u->images_in;
	to->images_out += u->images_out;
	to->searches += u->searches;
	to->estimated |= u->estimated;
}
