#include "json/jw.h"
#include "llm/llm.h"

void
llm_put_cost(struct jw *w, const struct llm_cost *c)
{
	int64_t prompt = c->input + c->cached_input + c->cache_write +
	    c->image_in + c->audio_in;
	int64_t completion = c->output + c->image_out + c->audio_out;

	jw_nano(w, "cost", c->total);
	jw_obj(w, "cost_details");
	jw_nano(w, "total_cost", c->total);
	jw_nano(w, "input_cost", c->input);
	jw_nano(w, "cached_input_cost", c->cached_input);
	jw_nano(w, "cache_write_input_cost", c->cache_write);
	jw_nano(w, "output_cost", c->output);
	jw_nano(w, "request_cost", c->request);
	jw_nano(w, "web_search_cost", c->web_search);
	jw_nano(w, "image_input_cost", c->image_in);
	jw_nano(w, "image_output_cost", c->image_out);
	jw_nano(w, "audio_input_cost", c->audio_in);
	jw_nano(w, "audio_output_cost", c->audio_out);
	jw_nano(w, "content_filter_cost", c->content_filter);
	jw_nano(w, "data_storage_cost", c->data_storage);
	jw_nano(w, "billed_cost", c->billed);
	jw_nano(w, "upstream_inference_cost", prompt + completion);
	jw_nano(w, "upstream_inference_prompt_cost", prompt);
	jw_nano(w, "upstream_inference_completions_cost", completion);
	jw_end(w);
}
