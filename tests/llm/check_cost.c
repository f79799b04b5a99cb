#include "json/jw.h"
#include "llm/llm.h"
#include "room.h"

/* The figures of the example in api.md 4.4. */
START_TEST(all_members)
{
	static const struct llm_cost c = { .total = 285000,
		.input = 30000,
		.cached_input = 75000,
		.output = 180000,
		.billed = 285000 };
	struct buf b = BUF_LIMIT(4096);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	llm_put_cost(&w, &c);
	jw_end(&w);
	buf_addc(&b, '\0');
	ck_assert_str_eq(b.p,
	    "{\"cost\":0.000285,\"cost_details\":{\"total_cost\":0.000285,"
	    "\"input_cost\":0.00003,\"cached_input_cost\":0.000075,"
	    "\"cache_write_input_cost\":0,\"output_cost\":0.00018,"
	    "\"request_cost\":0,\"web_search_cost\":0,"
	    "\"image_input_cost\":0,\"image_output_cost\":0,"
	    "\"audio_input_cost\":0,\"audio_output_cost\":0,"
	    "\"content_filter_cost\":0,\"data_storage_cost\":0,"
	    "\"billed_cost\":0.000285,"
	    "\"upstream_inference_cost\":0.000285,"
	    "\"upstream_inference_prompt_cost\":0.000105,"
	    "\"upstream_inference_completions_cost\":0.00018}}");
	buf_free(&b);
}
END_TEST

START_TEST(count)
{
	ck_assert_int_eq(llm_count(0), 0);
	ck_assert_int_eq(llm_count(1), 1);
	ck_assert_int_eq(llm_count(4), 1);
	ck_assert_int_eq(llm_count(5), 2);
}
END_TEST

CASE(case_cost)
{
	TCase *t = tcase_create("cost");

	tcase_add_test(t, all_members);
	tcase_add_test(t, count);
	return t;
}
