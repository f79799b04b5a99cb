#include "llm/llm.h"

#define BYTES_PER_TOKEN 4

int64_t
llm_count(int64_t bytes)
{
	return (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
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
