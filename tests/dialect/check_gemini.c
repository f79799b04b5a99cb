#include <stdio.h>

#include "dialect/gemini.h"
#include "room.h"
#include "table.h"

#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define CALLED                                                                 \
	"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"     \
	"\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"    \
	"{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\","   \
	"\"arguments\":\"[1]\"}}]}"
#define RESULTS                                                                \
	"{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"1\"},"       \
	"{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"2\"}"
#define TOOL(schema)                                                           \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","      \
	"\"parameters\":" schema "}}]"
#define SEARCH                                                                 \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"    \
	"{\"type\":\"web_search\"}]"
#define SENTINEL "\"thoughtSignature\":\"skip_thought_signature_validator\""
#define EFFORTS (1u << LLM_EFFORT_LOW | 1u << LLM_EFFORT_HIGH)
#define BUDGET (LLM_CAN_REASON | LLM_CAN_BUDGET)
#define LEVEL (LLM_CAN_REASON | LLM_WANTS_LEVEL)

/* What is asked, and what must or must not be in the body for it. */
static const struct {
	const char *name;
	unsigned caps;
	unsigned efforts;
	bool ids;
	const char *messages;
	const char *more;
	const char *has;
	const char *lacks;
	const char *dropped;
} asks[] = {
	{ "trap 78: the first call of a turn gets the sentinel",
	    LLM_WANTS_SEALS, 0, false, USER "," CALLED "," RESULTS, "\"n\":1",
	    "{\"functionCall\":{\"name\":\"f\",\"args\":{}}," SENTINEL
	    "},{\"functionCall\":{\"name\":\"g\",\"args\":{\"raw\":\"[1]\"}}}",
	    "\"id\"", "" },
	{ "trap 78: in each turn", LLM_WANTS_SEALS, 0, false,
	    USER "," CALLED "," RESULTS "," CALLED "," RESULTS, "\"n\":1",
	    "\"result\":\"2\"}}}]},{\"role\":\"model\",\"parts\":[{"
	    "\"functionCall\":{\"name\":\"f\",\"args\":{}}," SENTINEL,
	    "\"id\"", "" },
	{ "no sentinel for others", 0, 0, false, USER "," CALLED "," RESULTS,
	    "\"n\":1", "\"functionCall\"", "thoughtSignature", "" },
	{ "trap 79: the signature is a member of the part", LLM_WANTS_SEALS, 0,
	    true,
	    USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\","
		 "\"type\":\"function\",\"function\":{\"name\":\"f\","
		 "\"arguments\":\"{}\"},\"extra_content\":{\"google\":{"
		 "\"thought_signature\":\"abc=\"}}}]},{\"role\":\"tool\","
		 "\"tool_call_id\":\"c1\",\"content\":\"1\"}",
	    "\"n\":1",
	    "{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}},"
	    "\"thoughtSignature\":\"abc=\"}",
	    "validator", "" },
	{ "trap 80: ids on AI Studio", 0, 0, true, USER "," CALLED "," RESULTS,
	    "\"n\":1", "\"functionResponse\":{\"id\":\"c2\",\"name\":\"g\"",
	    "zz", "" },
	{ "trap 80: none on Vertex, trap 81: name and object", 0, 0, false,
	    USER "," CALLED "," RESULTS, "\"n\":1",
	    "{\"functionResponse\":{\"name\":\"g\",\"response\":{"
	    "\"result\":\"2\"}}}",
	    "\"id\"", "" },
	{ "the user is first", 0, 0, false,
	    "{\"role\":\"assistant\",\"content\":\"a\"}," USER, "\"n\":1",
	    "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\".\"}]},"
	    "{\"role\":\"model\",\"parts\":[{\"text\":\"a\"}]},",
	    "zz", "" },
	{ "a system prompt alone", 0, 0, false,
	    "{\"role\":\"system\",\"content\":\"s\"}", "\"n\":1",
	    "\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
	    "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\".\"}]}]",
	    "zz", "" },
	{ "trap 82: $schema and const go", 0, 0, false, USER,
	    TOOL("{\"$schema\":\"x\",\"type\":\"object\",\"properties\":{"
		 "\"a\":{\"const\":1},\"b\":{\"anyOf\":[{\"const\":\"y\"},{"
		 "\"$ref\":\"#/$defs/d\"}]}},\"$defs\":{\"d\":{\"$schema\":"
		 "\"z\",\"items\":{\"const\":null,\"enum\":[null]}}}}"),
	    "\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{"
	    "\"a\":{\"enum\":[1]},\"b\":{\"anyOf\":[{\"enum\":[\"y\"]},{"
	    "\"$ref\":\"#/$defs/d\"}]}},\"$defs\":{\"d\":{\"items\":{"
	    "\"enum\":[null]}}}}",
	    "\"parameters\"", "" },
	{ "trap 83: properties of such names stay", 0, 0, false, USER,
	    TOOL("{\"type\":\"object\",\"properties\":{\"const\":{\"type\":"
		 "\"string\",\"default\":{\"const\":1}},\"title\":{\"type\":"
		 "\"string\"},\"$schema\":{\"enum\":[{\"$schema\":1}]}}}"),
	    "\"properties\":{\"const\":{\"type\":\"string\",\"default\":{"
	    "\"const\":1}},\"title\":{\"type\":\"string\"},\"$schema\":{"
	    "\"enum\":[{\"$schema\":1}]}}",
	    "zz", "" },
	{ "trap 84: a level", LEVEL, EFFORTS, false, USER,
	    "\"reasoning_effort\":\"medium\"",
	    "\"thinkingConfig\":{\"thinkingLevel\":\"low\","
	    "\"includeThoughts\":true}",
	    "thinkingBudget", "" },
	{ "trap 84: a budget asked of levels", LEVEL, EFFORTS, false, USER,
	    "\"reasoning\":{\"max_tokens\":9000}", "\"thinkingLevel\":\"high\"",
	    "thinkingBudget", "" },
	{ "trap 84: an effort asked of budgets", BUDGET, 0, false, USER,
	    "\"reasoning_effort\":\"medium\"",
	    "\"thinkingConfig\":{\"thinkingBudget\":4096,"
	    "\"includeThoughts\":true}",
	    "thinkingLevel", "" },
	{ "a budget below the limit", BUDGET, 0, false, USER,
	    "\"reasoning_effort\":\"max\",\"max_tokens\":2000",
	    "\"thinkingBudget\":1999", "thinkingLevel", "" },
	{ "more than some take", BUDGET, 0, false, USER,
	    "\"reasoning_effort\":\"max\"", "\"thinkingBudget\":24576",
	    "thinkingLevel", "" },
	{ "no thoughts", BUDGET, 0, false, USER,
	    "\"reasoning_effort\":\"none\"",
	    "\"thinkingConfig\":{\"thinkingBudget\":0}}", "include", "" },
	{ "as few as can be", BUDGET | LLM_WANTS_THOUGHT, 0, false, USER,
	    "\"reasoning_effort\":\"none\"",
	    "\"thinkingConfig\":{\"thinkingBudget\":128}}", "include", "" },
	{ "no thoughts of levels", LEVEL, EFFORTS, false, USER,
	    "\"reasoning_effort\":\"none\"",
	    "\"thinkingConfig\":{\"thinkingLevel\":\"low\"}}", "include", "" },
	{ "models that do not reason", 0, 0, false, USER,
	    "\"reasoning_effort\":\"none\"", "\"contents\"", "thinking", "" },
	{ "trap 85: penalties", LLM_WANTS_NO_PENALTIES, 0, false, USER,
	    "\"presence_penalty\":1,\"frequency_penalty\":1", "\"contents\"",
	    "enalty", "presence_penalty,frequency_penalty" },
	{ "trap 86: search beside functions", 0, 0, true, USER, SEARCH,
	    "\"functionDeclarations\":[{\"name\":\"f\"}]", "googleSearch",
	    "web_search" },
	{ "trap 86: since Gemini 3", LLM_WANTS_SEALS, 0, true, USER, SEARCH,
	    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]},{"
	    "\"googleSearch\":{}}],\"toolConfig\":{"
	    "\"includeServerSideToolInvocations\":true}",
	    "zz", "" },
	{ "what is said of the search", 0, 0, true, USER,
	    "\"web_search_options\":{\"search_context_size\":\"low\"}",
	    "\"googleSearch\":{}", "low", "search_context_size" },
	{ "trap 86: NONE stops search too", LLM_WANTS_SEALS, 0, true, USER,
	    SEARCH ",\"tool_choice\":\"none\"", "\"mode\":\"NONE\"",
	    "googleSearch", "" },
	{ "a named tool", 0, 0, false, USER,
	    SEARCH ",\"tool_choice\":{\"type\":\"function\",\"function\":{"
		   "\"name\":\"f\"}}",
	    "\"functionCallingConfig\":{\"mode\":\"ANY\","
	    "\"allowedFunctionNames\":[\"f\"]}",
	    "zz", "web_search" },
	{ "JSON mode", 0, 0, false, USER,
	    "\"response_format\":{\"type\":\"json_object\"}",
	    "\"responseMimeType\":\"application/json\"", "responseJsonSchema",
	    "" },
	{ "a seed that is too long", 0, 0, false, USER, "\"seed\":3000000000",
	    "\"contents\"", "seed", "seed" },
};

START_TEST(ask)
{
	struct llm_aim aim = { .caps = asks[_i].caps,
		.efforts = asks[_i].efforts,
		.ids = asks[_i].ids };
	struct table_ask t = { asks[_i].name, asks[_i].messages, asks[_i].more,
		asks[_i].has, asks[_i].lacks, asks[_i].dropped };

	table_ask(&dialect_gemini, aim, &t);
}
END_TEST

/* In the body where the provider takes them so, else told as dropped. */
START_TEST(tiers)
{
	static const struct {
		const char *word, *has;
		bool takes;
	} rows[] = {
		{ "flex", "\"serviceTier\":\"flex\"", true },
		{ "priority", "\"serviceTier\":\"priority\"", true },
		{ "fast", "\"serviceTier\":\"priority\"", true },
		{ "default", "\"serviceTier\":\"standard\"", true },
		{ "auto", NULL, true },
		{ "flex", NULL, false },
	};

	for (size_t i = 0; i < NROWS(rows); i++) {
		char more[64];
		struct llm_aim aim = { .tiers = rows[i].takes };
		struct table_ask t = { rows[i].word, USER, more,
			rows[i].has == NULL ? "contents" : rows[i].has,
			rows[i].has == NULL ? "serviceTier" : "zz",
			rows[i].has == NULL ? "service_tier" : "" };

		snprintf(more, sizeof(more), "\"service_tier\":\"%s\"",
		    rows[i].word);
		table_ask(&dialect_gemini, aim, &t);
	}
}
END_TEST

/* What Gemini has no word for is refused, not lost. */
START_TEST(refuse)
{
	static const struct {
		const char *more;
		const char *param;
	} rows[] = {
		{ "\"n\":9", "n" },
		{ "\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]", "stop" },
	};
	struct arena *a = arena_new(4096, 1 << 24);
	struct buf out = BUF_LIMIT(1 << 20);
	struct llm_aim aim = { .model = STR("m"), .arena = a };
	struct err e = { 0 };

	ck_assert_int_eq(
	    table_encode(&dialect_gemini,
		arena_fmt(a, "{\"model\":\"m\",\"messages\":[" USER "],%s}",
		    rows[_i].more)
		    .p,
		&aim, &out, &e),
	    -1);
	ck_assert_int_eq(e.code, ERR_NO_SUCH_PARAM);
	ck_assert(str_is(e.param, rows[_i].param));
	buf_free(&out);
	arena_free(a);
}
END_TEST

static const struct frame frame = {
	.model = STR("p/m"), .id = STR("own"), .created = 1
};

#define TEXT(t) "\"content\":{\"parts\":[{\"text\":\"" t "\"}]}"
#define CANDIDATES(c) "{\"candidates\":[{" c "}]}"

/* Whole answers and what a client of chat completions must see of them. */
static const struct {
	const char *name;
	const char *body;
	const char *has; /* NULL: refused */
	const char *lacks;
	int status; /* of the error */
} answers[] = {
	{ "text", CANDIDATES(TEXT("a") ",\"finishReason\":\"STOP\""),
	    "\"content\":\"a\"", "tool_calls", 0 },
	{ "trap 26: STOP beside a call",
	    CANDIDATES("\"content\":{\"parts\":[{\"functionCall\":{\"name\":"
		       "\"f\"}}]},\"finishReason\":\"STOP\""),
	    "\"finish_reason\":\"tool_calls\"", "\"stop\"", 0 },
	{ "trap 36: no arguments",
	    CANDIDATES("\"content\":{\"parts\":[{\"functionCall\":{\"name\":"
		       "\"f\"}}]},\"finishReason\":\"STOP\""),
	    "\"arguments\":\"{}\"", "\"id\":\"\"", 0 },
	{ "trap 111: thoughts and what tools put in",
	    "{\"candidates\":[{" TEXT(
		"a") ",\"finishReason\":\"STOP\"}],"
		     "\"usageMetadata\":{\"promptTokenCount\":5,"
		     "\"toolUsePromptTokenCount\":7,\"candidatesTokenCount\":"
		     "11,"
		     "\"thoughtsTokenCount\":13,\"totalTokenCount\":36}}",
	    "\"prompt_tokens\":12,\"completion_tokens\":24,"
	    "\"total_tokens\":36",
	    "zz", 0 },
	{ "trap 115: a refused prompt",
	    "{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}",
	    "\"finish_reason\":\"content_filter\"", "\"stop\"", 0 },
	{ "trap 126: CONTINUATION",
	    CANDIDATES(TEXT("a") ",\"finishReason\":\"CONTINUATION\""),
	    "\"finish_reason\":\"length\"", "zz", 0 },
	{ "trap 37: what tools of Google do stays hidden",
	    CANDIDATES("\"content\":{\"parts\":[{\"executableCode\":{\"code\":"
		       "\"x\"}},{\"codeExecutionResult\":{\"output\":\"y\"}},"
		       "{\"toolCall\":{\"id\":\"t\"}},{\"toolResponse\":{}},"
		       "{\"text\":\"a\"}]},\"finishReason\":\"STOP\""),
	    "\"content\":\"a\"", "tool_calls", 0 },
	{ "trap 113: texts are joined with nothing",
	    CANDIDATES("\"content\":{\"parts\":[{\"text\":\"a\"},{\"text\":"
		       "\"b\"}]},\"finishReason\":\"WHATEVER\""),
	    "\"content\":\"ab\"", "zz", 0 },
	{ "trap 40: a signature in an empty text",
	    CANDIDATES("\"content\":{\"parts\":[{\"text\":\"a\"},{\"text\":"
		       "\"\",\"thoughtSignature\":\"sig=\"}]},"
		       "\"finishReason\":\"STOP\""),
	    "\"data\":\"sig=\",\"format\":\"google-gemini-v1\"", "zz", 0 },
	{ "a malformed call beside text",
	    CANDIDATES(
		TEXT("a") ",\"finishReason\":\"MALFORMED_FUNCTION_CALL\""),
	    "\"finish_reason\":\"stop\"", "zz", 0 },
	{ "a malformed call alone",
	    CANDIDATES("\"finishReason\":\"MALFORMED_FUNCTION_CALL\""), NULL,
	    NULL, 0 },
	{ "nothing at all",
	    CANDIDATES("\"content\":{},\"finishReason\":\"STOP\""), NULL, NULL,
	    0 },
	{ "no finish", CANDIDATES(TEXT("a")), NULL, NULL, 0 },
	{ "no candidates", "{\"usageMetadata\":{}}", NULL, NULL, 0 },
	{ "trap 11: an error in a success",
	    "{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", NULL, NULL,
	    503 },
	{ "an error with a name alone",
	    "{\"error\":{\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
	    NULL, NULL, 429 },
	{ "trap 121: an error in an array",
	    "[{\"error\":{\"code\":429,\"message\":\"m\"}}]", NULL, NULL, 429 },
	{ "no JSON", "<html>", NULL, NULL, 0 },
};

START_TEST(answer)
{
	struct err e = { 0 };

	table_answer(&dialect_gemini, &frame, answers[_i].name,
	    answers[_i].body, answers[_i].has, answers[_i].lacks, &e);
	ck_assert_msg(e.status == answers[_i].status, "%s: status %d",
	    answers[_i].name, e.status);
	ck_assert_msg(e.code != ERR_INTERNAL, "%s", answers[_i].name);
}
END_TEST

/* Nothing is heard before the first content: another may still be asked. */
START_TEST(late_start)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct gemini_dec *d = ARENA_NEW(a, struct gemini_dec);
	struct llm_answer folded = { .ended = false };
	struct sse_event ev = { .data =
				    STR(CANDIDATES("\"content\":{}") "\r") };
	struct err e = { 0 };
	struct llm_sink *to = &llm_fold_new(a, &folded)->sink;

	ev.data =
	    STR("{\"usageMetadata\":{\"promptTokenCount\":3},"
		"\"candidates\":[{\"content\":{}}],\"responseId\":\"r\"}");
	ck_assert_int_eq(
	    dialect_gemini.decode_event(d, a, &frame, &ev, to, &e), 0);
	ck_assert_ptr_null(folded.id.p);
	ev.data = STR(CANDIDATES(TEXT("x")));
	ck_assert_int_eq(
	    dialect_gemini.decode_event(d, a, &frame, &ev, to, &e), 0);
	ck_assert(str_is(folded.id, "r"));
	ck_assert_int_eq(folded.usage.input, 3);
	/* Trap 46: cut off without a finish. */
	ck_assert_int_eq(dialect_gemini.decode_end(d, to, &e), -1);
	ck_assert_int_eq(e.code, ERR_UPSTREAM);
	arena_free(a);
}
END_TEST

/* Trap 21: calls of different chunks have different ids. */
START_TEST(call_ids)
{
	static const struct sse_event ev = {
		.data = STR(CANDIDATES(
		    "\"content\":{\"parts\":[{\"functionCall\":{"
		    "\"name\":\"f\"}}]},\"finishReason\":\"STOP\""))
	};
	struct arena *a = arena_new(4096, 1 << 20);
	struct gemini_dec *d = ARENA_NEW(a, struct gemini_dec);
	struct llm_answer folded = { .ended = false };
	struct err e = { 0 };
	struct llm_sink *to = &llm_fold_new(a, &folded)->sink;
	const struct llm_part *p;

	dialect_gemini.decode_event(d, a, &frame, &ev, to, &e);
	dialect_gemini.decode_event(d, a, &frame, &ev, to, &e);
	ck_assert_int_eq(dialect_gemini.decode_end(d, to, &e), 0);
	p = folded.choices->parts;
	ck_assert_ptr_nonnull(p->next);
	ck_assert(!str_eq(p->call.id, p->next->call.id));
	ck_assert_uint_eq(p->call.id.n, 29);
	arena_free(a);
}
END_TEST

START_TEST(count)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(1 << 20);
	struct llm_aim aim = {
		.model = STR("m-1"), .ids = _i == 1, .arena = a
	};
	struct llm_answer folded = { .ended = false };
	struct err e = { 0 };
	struct llm_sink *to = &llm_fold_new(a, &folded)->sink;

	ck_assert_int_eq(
	    table_encode(&dialect_gemini_count,
		"{\"model\":\"x\",\"messages\":[" USER "],\"max_tokens\":5}",
		&aim, &out, &e),
	    0);
	ck_assert_msg(
	    str_is(buf_str(&out),
		_i == 1 ? "{\"generateContentRequest\":{\"model\":"
			  "\"models/m-1\",\"contents\":[{\"role\":\"user\","
			  "\"parts\":[{\"text\":\"hi\"}]}]}}" :
			  "{\"contents\":[{\"role\":\"user\",\"parts\":["
			  "{\"text\":\"hi\"}]}]}"),
	    "%.*s", STR_ARG(buf_str(&out)));
	ck_assert_int_eq(dialect_gemini_count.decode_answer(
			     a, &frame, STR("{\"totalTokens\":1837}"), to, &e),
	    0);
	ck_assert(folded.ended);
	ck_assert_int_eq(folded.usage.input, 1837);
	ck_assert_int_eq(dialect_gemini_count.decode_answer(
			     a, &frame, STR("{\"totalTokens\":-1}"), to, &e),
	    -1);
	buf_free(&out);
	arena_free(a);
}
END_TEST

START_TEST(embed)
{
	static const char *const bodies[] = {
		"{\"instances\":[{\"content\":\"a\",\"task_type\":"
		"\"RETRIEVAL_QUERY\"},{\"content\":\"b\",\"task_type\":"
		"\"RETRIEVAL_QUERY\"}],\"parameters\":{"
		"\"outputDimensionality\":2}}",
		"{\"requests\":[{\"model\":\"models/m\",\"content\":{\"parts\":"
		"[{\"text\":\"a\"}]},\"taskType\":\"RETRIEVAL_QUERY\","
		"\"outputDimensionality\":2},{\"model\":\"models/m\","
		"\"content\":{\"parts\":[{\"text\":\"b\"}]},\"taskType\":"
		"\"RETRIEVAL_QUERY\",\"outputDimensionality\":2}]}"
	};
	static const char *const got[] = {
		"{\"predictions\":[{\"embeddings\":{\"values\":[1,0],"
		"\"statistics\":{\"token_count\":2}}},{\"embeddings\":{"
		"\"values\":[0,1],\"statistics\":{\"token_count\":3}}}]}",
		"{\"embeddings\":[{\"values\":[1,0]},{\"values\":[0,1]}],"
		"\"usageMetadata\":{\"promptTokenCount\":5}}"
	};
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(1 << 20);
	struct llm_aim aim = { .model = STR("m"), .ids = _i == 1, .arena = a };
	struct llm_part texts[2] = { { .kind = LLM_TEXT, .text = STR("a") },
		{ .kind = LLM_TEXT, .text = STR("b") } };
	struct llm_message inputs[2] = { { .next = &inputs[1],
					     .parts = &texts[0] },
		{ .parts = &texts[1] } };
	struct llm_request r = { .messages = inputs,
		.dimensions = 2,
		.input_type = STR("search_query") };
	struct llm_answer folded = { .ended = false };
	struct llm_grammar g;
	struct jw w = JW_TO(&out);
	struct err e = { 0 };

	ck_assert_int_eq(
	    dialect_gemini_embed.encode_request(&r, &aim, &w, &e), 0);
	ck_assert_msg(
	    str_is(buf_str(&out), bodies[_i]), "%.*s", STR_ARG(buf_str(&out)));
	llm_grammar_init(&g, &llm_fold_new(a, &folded)->sink);
	ck_assert_msg(dialect_gemini_embed.decode_answer(
			  a, &frame, str_from(got[_i]), &g.sink, &e) == 0,
	    "%s", e.msg);
	ck_assert_int_eq(folded.usage.input, 5);
	ck_assert(str_is(folded.choices->parts->text, "AACAPwAAAAA="));
	ck_assert(str_is(folded.choices->parts->next->text, "AAAAAAAAgD8="));
	ck_assert_int_eq(
	    dialect_gemini_embed.decode_answer(a, &frame,
		STR("{\"embeddings\":[{\"values\":{}}]}"), &g.sink, &e),
	    -1);
	buf_free(&out);
	arena_free(a);
}
END_TEST

/* Bytes into characters, across chunks that cut nothing. */
START_TEST(map)
{
	struct gemini_map m = { .bytes = 0 };

	gemini_map_add(&m, STR("abc"));
	gemini_map_add(&m, STR("d\xc3\xa4\xe2\x82\xac"));
	gemini_map_add(&m, STR("\xf0\x9f\x98\x80z"));
	ck_assert_int_eq(gemini_map_at(&m, 0), 0);
	ck_assert_int_eq(gemini_map_at(&m, 4), 4);
	ck_assert_int_eq(gemini_map_at(&m, 6), 5);
	ck_assert_int_eq(gemini_map_at(&m, 9), 6);
	ck_assert_int_eq(gemini_map_at(&m, 13), 7);
	ck_assert_int_eq(gemini_map_at(&m, 14), 8);
	ck_assert_int_eq(gemini_map_at(&m, 15), -1);
	ck_assert_int_eq(gemini_map_at(&m, -1), -1);
	buf_free(&m.bits);
}
END_TEST

CASE(case_gemini)
{
	TCase *t = tcase_create("gemini");

	tcase_add_test(t, tiers);
	tcase_add_loop_test(t, ask, 0, NROWS(asks));
	tcase_add_loop_test(t, refuse, 0, 2);
	tcase_add_loop_test(t, answer, 0, NROWS(answers));
	tcase_add_test(t, late_start);
	tcase_add_test(t, call_ids);
	tcase_add_loop_test(t, count, 0, 2);
	tcase_add_loop_test(t, embed, 0, 2);
	tcase_add_test(t, map);
	return t;
}
