/* Answers that are given again (api.md 16). */
#include <stdlib.h>

#include "dialect/reuse.h"
#include "room.h"

#define OLD "{\"request_id\":\"old\",\"cached\":false}"
#define NEW "{\"request_id\":\"new\",\"cached\":true}"
#define FREE                                                                   \
	"\"cost\":0,\"cost_details\":{\"total_cost\":0,\"input_cost\":0,"      \
	"\"cached_input_cost\":0,\"cache_write_input_cost\":0,"                \
	"\"output_cost\":0,\"request_cost\":0,\"web_search_cost\":0,"          \
	"\"image_input_cost\":0,\"image_output_cost\":0,"                      \
	"\"audio_input_cost\":0,\"audio_output_cost\":0,"                      \
	"\"content_filter_cost\":0,\"data_storage_cost\":0,"                   \
	"\"billed_cost\":0,\"upstream_inference_cost\":0,"                     \
	"\"upstream_inference_prompt_cost\":0,"                                \
	"\"upstream_inference_completions_cost\":0}"
#define PAID "\"cost\":0.5,\"cost_details\":{\"total_cost\":0.5}"

#define HEAD "{\"id\":\"c\",\"created\":1,\"model\":\"p/m\","
#define TEXT                                                                   \
	"data: " HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":"      \
		      "\"\\\"metadata\\\":{}\"}}]}\n\n"
#define END                                                                    \
	HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"       \
	     "\"stop\"}],\"x\":1"
#define TAIL(cost, m)                                                          \
	",\"usage\":{\"prompt_tokens\":1," cost "},\"metadata\":" m
#define DONE "data: [DONE]\n\n"
#define FINISHED(cost, m) TEXT "data: " END TAIL(cost, m) "}\n\n" DONE
#define EXTRA(cost, m)                                                         \
	TEXT "data: " END "}\n\ndata: " HEAD                                   \
	     "\"choices\":[]" TAIL(cost, m) "}\n\n" DONE
#define BARE TEXT "data: " END "}\n\n" DONE

#define START                                                                  \
	"event: message_start\ndata: "                                         \
	"{\"type\":\"message_start\",\"message\":{\"metadata\":1}}\n\n"
#define MESSAGE(cost, m)                                                       \
	START                                                                  \
	"event: message_delta\ndata: {\"type\":\"message_delta\","             \
	"\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"a\":1," cost    \
	"},\"metadata\":" m "}\n\n"                                            \
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

#define CREATED(m, k)                                                          \
	"event: response.created\ndata: {\"type\":\"response.created\","       \
	"\"response\":{\"id\":\"r\",\"metadata\":" m                           \
	",\"prompt_cache_key\":" k "}}\n\n"
#define DELTA                                                                  \
	"event: response.output_text.delta\ndata: {\"delta\":\"event: "        \
	"response.completed\"}\n\n"
#define ITEMS(m, k, cost, g)                                                   \
	CREATED(m, k)                                                          \
	DELTA "event: response.completed\ndata: {\"type\":\"x\","              \
	      "\"response\":{\"metadata\":" m ",\"usage\":{\"a\":1," cost      \
	      "},\"gateway_metadata\":" g "}}\n\n"

#define CHAT &dialect_openai_chat
#define FIN FRAME_USAGE_FINISH

/* What went out, to whom it goes now, and how. */
static const struct {
	const struct dialect *to;
	bool stream;
	const char *answer;
	const char *body;
	bool include;
	enum frame_usage usage;
	const char *again;
} rows[] = {
	{ CHAT, false,
	    "{\"choices\":[{\"x\":{\"metadata\":1,\"usage\":{}}}],\"usage\":{"
	    "\"a\":1," PAID "},\"metadata\":" OLD "}",
	    "{}", false, FIN,
	    "{\"choices\":[{\"x\":{\"metadata\":1,\"usage\":{}}}],\"usage\":{"
	    "\"a\":1," FREE "},\"metadata\":" NEW "}" },
	{ &dialect_openai_embed, false,
	    "{\"data\":[],\"usage\":{" PAID "},\"metadata\":" OLD "}", "{}",
	    false, FIN,
	    "{\"data\":[],\"usage\":{" FREE "},\"metadata\":" NEW "}" },
	{ CHAT, true, FINISHED(PAID, OLD), "{}", false, FIN,
	    FINISHED(FREE, NEW) },
	{ CHAT, true, FINISHED(PAID, OLD), "{}", true, FIN, EXTRA(FREE, NEW) },
	{ CHAT, true, FINISHED(PAID, OLD), "{}", false, FRAME_USAGE_OFF, BARE },
	{ CHAT, true, EXTRA(PAID, OLD), "{}", true, FRAME_USAGE_OFF,
	    EXTRA(FREE, NEW) },
	{ CHAT, true, EXTRA(PAID, OLD), "{}", false, FRAME_USAGE_EXTRA,
	    EXTRA(FREE, NEW) },
	{ CHAT, true, EXTRA(PAID, OLD), "{}", false, FIN, FINISHED(FREE, NEW) },
	{ CHAT, true, BARE, "{}", false, FRAME_USAGE_OFF, BARE },
	{ &dialect_anthropic_messages, true, MESSAGE(PAID, OLD),
	    "{\"metadata\":{\"user_id\":\"u\"}}", false, FIN,
	    MESSAGE(FREE, NEW) },
	{ &dialect_anthropic_messages, false,
	    "{\"content\":[{\"input\":{\"metadata\":0}}],\"usage\":{" PAID
	    "},\"metadata\":" OLD "}",
	    "{}", false, FIN,
	    "{\"content\":[{\"input\":{\"metadata\":0}}],\"usage\":{" FREE
	    "},\"metadata\":" NEW "}" },
	{ &dialect_openai_responses, true,
	    ITEMS("{\"a\":1}", "\"k\"", PAID, OLD),
	    "{\"metadata\":{\"b\":2},\"prompt_cache_key\":\"l\"}", false, FIN,
	    ITEMS("{\"b\":2}", "\"l\"", FREE, NEW) },
	{ &dialect_openai_responses, true,
	    ITEMS("{\"a\":1}", "\"k\"", PAID, OLD), "{\"metadata\":null}",
	    false, FIN, ITEMS("{}", "null", FREE, NEW) },
	{ &dialect_openai_responses, false,
	    "{\"metadata\":{\"a\":1},\"usage\":{" PAID
	    "},\"gateway_metadata\":" OLD "}",
	    "{\"metadata\":{\"b\":2}}", false, FIN,
	    "{\"metadata\":{\"b\":2},\"usage\":{" FREE
	    "},\"gateway_metadata\":" NEW "}" },
};

static int
again(int i, struct str answer, struct arena *a, struct buf *out)
{
	struct llm_usage usage = { .input = 1 };
	struct reuse_fill f = { .metadata = STR(NEW),
		.include_usage = rows[i].include,
		.usage = rows[i].usage };
	struct jmember *v;
	struct reuse u;

	if (reuse_cut(rows[i].to, rows[i].stream, answer, &usage, a, &u) == -1)
		return -1;
	f.nmembers = jscan_event(str_from(rows[i].body), a, &v);
	f.members = v;
	reuse_put(&u, &f, out);
	return 0;
}

START_TEST(given_again)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct buf out = BUF_LIMIT(1 << 20);

	ck_assert_int_eq(again(_i, str_from(rows[_i].answer), a, &out), 0);
	ck_assert_msg(str_is(buf_str(&out), rows[_i].again),
	    "row %d:\n%.*s\nfor\n%s", _i, STR_ARG(buf_str(&out)),
	    rows[_i].again);
	buf_free(&out);
	arena_free(a);
}
END_TEST

/* What was cut off is never kept as if it were whole. */
START_TEST(cut_short)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct buf out = BUF_LIMIT(1 << 20);
	size_t n = strlen(rows[_i].answer), i;

	for (i = 0; i < n; i++) {
		/* Its own copy, so that a read beyond it is seen. */
		char *p = malloc(i + 1);

		memcpy(p, rows[_i].answer, i);
		ck_assert_msg(again(_i, (struct str){ p, i }, a, &out) == -1,
		    "row %d: %zu bytes", _i, i);
		free(p);
		arena_reset(a);
	}
	buf_free(&out);
	arena_free(a);
}
END_TEST

START_TEST(not_blocked)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct llm_usage usage = { .input = 1 };
	struct reuse u;
	struct str s =
	    STR("{\"choices\":[{\"finish_reason\":\"content_filter\"},"
		"{\"finish_reason\":\"stop\"}],\"usage\":{},"
		"\"metadata\":{}}");

	ck_assert_int_eq(reuse_cut(CHAT, false, s, &usage, a, &u), -1);
	s = STR("{\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{}}");
	ck_assert_int_eq(reuse_cut(CHAT, false, s, &usage, a, &u), -1);
	arena_free(a);
}
END_TEST

CASE(case_reuse)
{
	TCase *c = tcase_create("reuse");

	tcase_add_loop_test(c, given_again, 0, NROWS(rows));
	tcase_add_loop_test(c, cut_short, 0, NROWS(rows));
	tcase_add_test(c, not_blocked);
	return c;
}
