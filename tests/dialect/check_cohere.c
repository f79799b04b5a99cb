#include "dialect/cohere.h"
#include "room.h"
#include "table.h"

#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define CALLED                                                                 \
	"{\"role\":\"assistant\",\"reasoning_content\":\"I look.\","           \
	"\"content\":\"So.\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"         \
	"\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"},"       \
	"\"extra_content\":{\"google\":{\"thought_signature\":\"abc=\"}}}]}"
#define RESULT "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"1\"}"
#define TOOL(name, more)                                                       \
	"{\"type\":\"function\",\"function\":{\"name\":\"" name "\"" more "}}"
#define TOOLS "\"tools\":[" TOOL("f", "") "," TOOL("g", "") "]"
#define NAMED                                                                  \
	",\"tool_choice\":{\"type\":\"function\",\"function\":{"               \
	"\"name\":\"g\"}}"
#define BUDGET (LLM_CAN_REASON | LLM_CAN_BUDGET)

/* What is asked, and what must or must not be in the body for it. */
static const struct {
	const char *name;
	unsigned caps;
	const char *messages;
	const char *more;
	const char *has;
	const char *lacks;
	const char *dropped;
} asks[] = {
	{ "one text is a string", 0, USER, "\"n\":1",
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
	    "\"hi\"}]}",
	    "stream", "" },
	{ "old thoughts are the plan of calls", 0, USER "," CALLED "," RESULT,
	    "\"n\":1",
	    "{\"role\":\"assistant\",\"content\":\"So.\",\"tool_plan\":"
	    "\"I look.\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":"
	    "\"tool\",\"tool_call_id\":\"c1\",\"content\":\"1\"}]",
	    "abc=", "" },
	{ "or thoughts, of a model that thinks", LLM_CAN_REASON,
	    USER "," CALLED "," RESULT, "\"n\":1",
	    "\"content\":[{\"type\":\"thinking\",\"thinking\":\"I look.\"},{"
	    "\"type\":\"text\",\"text\":\"So.\"}],\"tool_calls\"",
	    "tool_plan", "" },
	{ "or nothing", 0,
	    USER ",{\"role\":\"assistant\",\"reasoning_content\":\"Hm.\","
		 "\"content\":\"a\"}," USER,
	    "\"n\":1", "{\"role\":\"assistant\",\"content\":\"a\"}", "Hm.",
	    "" },
	{ "marks and names go", 0,
	    "{\"role\":\"user\",\"name\":\"ann\",\"content\":[{\"type\":"
	    "\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
	    "\"ephemeral\"}}]}",
	    "\"user\":\"u\",\"metadata\":{}",
	    "{\"role\":\"user\",\"content\":\"a\"}", "ann",
	    "name,cache_control,metadata,user" },
	{ "a tool without parameters", 0, USER, "\"tools\":[" TOOL("f", "") "]",
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]}",
	    "tool_choice", "" },
	{ "tools of free text are functions", 0,
	    USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\","
		 "\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":"
		 "\"a b\"}}]}," RESULT,
	    "\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\","
	    "\"format\":{\"type\":\"text\"}}}]",
	    "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"input\\\":"
	    "\\\"a b\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\","
	    "\"content\":\"1\"}],\"tools\":[{\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"parameters\":{\"type\":"
	    "\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
	    "\"required\":[\"input\"],\"additionalProperties\":false}}}]}",
	    "custom", "" },
	{ "a tool must be called", 0, USER,
	    TOOLS ",\"tool_choice\":\"required\"",
	    "\"tool_choice\":\"REQUIRED\"", "zz", "" },
	{ "none may be", 0, USER, TOOLS ",\"tool_choice\":\"none\"",
	    "\"tool_choice\":\"NONE\"", "zz", "" },
	{ "a named one is the only one", 0, USER, TOOLS NAMED,
	    "\"name\":\"g\",\"parameters\":{\"type\":\"object\","
	    "\"properties\":{}}}}],\"tool_choice\":\"REQUIRED\"",
	    "\"f\"", "" },
	{ "only those that are allowed", 0, USER,
	    TOOLS ",\"tool_choice\":{\"type\":\"allowed_tools\","
		  "\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[{"
		  "\"type\":\"function\",\"function\":{\"name\":\"g\"}}]}}",
	    "\"name\":\"g\"", "\"f\"", "" },
	{ "old models cannot be forced", LLM_WANTS_FREE_CHOICE, USER,
	    TOOLS NAMED, "\"name\":\"g\"", "tool_choice", "tool_choice" },
	{ "but have no tools instead of NONE", LLM_WANTS_FREE_CHOICE, USER,
	    TOOLS ",\"tool_choice\":\"none\"", "\"messages\"", "tool", "" },
	{ "all tools are strict", 0, USER,
	    "\"tools\":[" TOOL("f", ",\"strict\":true") "]",
	    "\"strict_tools\":true", "zz", "" },
	{ "some are", 0, USER,
	    "\"tools\":[" TOOL("f", ",\"strict\":true") "," TOOL("g", "") "]",
	    "\"tools\"", "strict", "strict" },
	{ "one call at a time is no promise", 0, USER,
	    TOOLS ",\"parallel_tool_calls\":false", "\"tools\"", "parallel",
	    "parallel_tool_calls" },
	{ "as far as the ranges go", 0, USER,
	    "\"temperature\":1.5,\"top_p\":1,\"frequency_penalty\":-1,"
	    "\"presence_penalty\":1,\"seed\":-5",
	    "\"temperature\":1,\"p\":0.99,\"frequency_penalty\":0,"
	    "\"presence_penalty\":1}",
	    "seed", "temperature,frequency_penalty,seed" },
	{ "JSON mode", 0, USER,
	    "\"response_format\":{\"type\":\"json_object\"}",
	    "\"response_format\":{\"type\":\"json_object\"}", "schema", "" },
	{ "an effort as a budget", BUDGET, USER,
	    "\"reasoning_effort\":\"medium\"",
	    "\"thinking\":{\"type\":\"enabled\",\"token_budget\":4096}", "zz",
	    "" },
	{ "an effort where no budget is known", LLM_CAN_REASON, USER,
	    "\"reasoning_effort\":\"high\"",
	    "\"thinking\":{\"type\":\"enabled\"}", "token_budget", "" },
	{ "a budget below the limit", BUDGET, USER,
	    "\"reasoning\":{\"max_tokens\":5000},\"max_tokens\":3000",
	    "\"token_budget\":2999", "zz", "" },
	{ "no thoughts", BUDGET, USER, "\"reasoning_effort\":\"none\"",
	    "\"thinking\":{\"type\":\"disabled\"}", "token_budget", "" },
	{ "models that do not think", 0, USER, "\"reasoning_effort\":\"high\"",
	    "\"messages\"", "thinking", "reasoning_effort" },
	{ "nor need to be told", 0, USER, "\"reasoning_effort\":\"none\"",
	    "\"messages\"", "thinking", "" },
	{ "what only Cohere has", 0, USER,
	    "\"safety_mode\":\"STRICT\",\"documents\":[\"d\"]",
	    "\"documents\":[\"d\"],\"safety_mode\":\"STRICT\"", "zz", "" },
};

START_TEST(ask)
{
	struct llm_aim aim = { .caps = asks[_i].caps };
	struct table_ask t = { asks[_i].name, asks[_i].messages,
		asks[_i].more, asks[_i].has, asks[_i].lacks,
		asks[_i].dropped };

	table_ask(&dialect_cohere_chat, aim, &t);
}
END_TEST

/* What would change the meaning if it was left out is refused. */
static const struct {
	const char *messages;
	const char *more;
	const char *param;
} refused[] = {
	{ USER, "\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]", "stop" },
	{ "{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{"
	  "\"file_id\":\"f\"}}]}",
	    "\"n\":1", "messages" },
	{ "{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{"
	  "\"filename\":\"a.pdf\",\"file_data\":"
	  "\"data:application/pdf;base64,JVBERi0=\"}}]}",
	    "\"n\":1", "messages" },
};

START_TEST(refuse)
{
	struct arena *a = arena_new(4096, 1 << 24);
	struct buf out = BUF_LIMIT(1 << 20);
	struct llm_aim aim = { .model = STR("m"), .arena = a };
	struct err e = { 0 };

	ck_assert_int_eq(
	    table_encode(&dialect_cohere_chat,
		arena_fmt(a, "{\"model\":\"m\",\"messages\":[%s],%s}",
		       refused[_i].messages, refused[_i].more)
		       .p,
		&aim, &out, &e),
	    -1);
	ck_assert_int_eq(e.code, ERR_NO_SUCH_PARAM);
	ck_assert(str_is(e.param, refused[_i].param));
	buf_free(&out);
	arena_free(a);
}
END_TEST

/* So that the router does not send it: the bits that are not heard. */
START_TEST(hears)
{
	ck_assert_uint_eq(
	    dialect_cohere_chat.hears, LLM_SAY_STOP | LLM_SAY_URL);
}
END_TEST

static const struct frame frame = {
	.model = STR("p/m"), .id = STR("own"), .created = 1
};

#define SAID(message, why)                                                     \
	"{\"id\":\"c\",\"message\":{\"role\":\"assistant\"," message           \
	"},\"finish_reason\":\"" why "\"}"
#define TEXT(t) "\"content\":[{\"type\":\"text\",\"text\":\"" t "\"}]"
#define USED(usage)                                                            \
	"{\"message\":{" TEXT("a") "},\"finish_reason\":\"COMPLETE\","         \
				   "\"usage\":{" usage "}}"

/* Whole answers and what a client of chat completions must see of them. */
static const struct {
	const char *name;
	const char *body;
	const char *has; /* NULL: refused */
	const char *lacks;
} answers[] = {
	{ "text", SAID(TEXT("a"), "COMPLETE"),
	    "\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,"
	    "\"model\":\"p/m\",\"choices\":[{\"index\":0,\"message\":{"
	    "\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":"
	    "\"stop\"",
	    "tool_calls" },
	{ "a bare string", SAID("\"content\":\"a\"", "COMPLETE"),
	    "\"content\":\"a\"", "zz" },
	{ "a thought, a plan and a call",
	    SAID("\"tool_plan\":\"plan\",\"content\":[{\"type\":\"thinking\","
		 "\"thinking\":\" thought\"},{\"type\":\"text\",\"text\":"
		 "\"t\"}],\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\","
		 "\"function\":{\"name\":\"f\"}},{\"id\":\"2\",\"type\":"
		 "\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
		 "\"{\\\"a\\\":1}\"}}]",
		"TOOL_CALL"),
	    "\"content\":\"t\",\"reasoning\":\"plan thought\","
	    "\"reasoning_content\":\"plan thought\",\"tool_calls\":[{\"id\":"
	    "\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{}\"}},{\"id\":\"2\",\"type\":\"function\","
	    "\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"a\\\":1}\"}}]}"
	    ",\"finish_reason\":\"tool_calls\"",
	    "zz" },
	{ "COMPLETE beside a call",
	    SAID("\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":"
		 "\"f\"}}]",
		"COMPLETE"),
	    "\"finish_reason\":\"tool_calls\"", "\"stop\"" },
	{ "cited pages only",
	    SAID(TEXT("ab") ",\"citations\":[{\"start\":0,\"end\":1,"
			    "\"sources\":[{\"type\":\"tool\",\"tool_output\":{"
			    "}},{\"type\":\"document\",\"document\":{\"url\":"
			    "\"https://x\"}}]},{\"type\":\"PLAN\",\"sources\":"
			    "[{\"document\":{\"url\":\"https://y\"}}]}]",
		"COMPLETE"),
	    "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{"
	    "\"url\":\"https://x\",\"title\":\"\",\"start_index\":0,"
	    "\"end_index\":1}}]",
	    "https://y" },
	{ "cited beside no text",
	    SAID("\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\"}],"
		 "\"citations\":[{\"sources\":[{\"document\":{\"url\":"
		 "\"https://x\"}}]}]",
		"COMPLETE"),
	    "\"reasoning\":\"t\"", "https://x" },
	{ "cut", SAID(TEXT("a"), "MAX_TOKENS"), "\"finish_reason\":\"length\"",
	    "zz" },
	{ "a stop string", SAID(TEXT("a"), "STOP_SEQUENCE"),
	    "\"finish_reason\":\"stop\"", "zz" },
	{ "a word that is new", SAID(TEXT("a"), "WHATEVER"),
	    "\"finish_reason\":\"stop\"", "zz" },
	{ "what is billed counts",
	    USED("\"billed_units\":{\"input_tokens\":17.0,\"output_tokens\":"
		 "19.0},\"tokens\":{\"input_tokens\":1434.0,"
		 "\"output_tokens\":48.0},\"cached_tokens\":1420.0"),
	    "\"prompt_tokens\":17,\"completion_tokens\":19,\"total_tokens\":36,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":3,",
	    "zz" },
	{ "a cache that holds less than what Cohere put in",
	    USED("\"billed_units\":{\"input_tokens\":17,\"output_tokens\":19},"
		 "\"tokens\":{\"input_tokens\":1434,\"output_tokens\":48},"
		 "\"cached_tokens\":992"),
	    "\"prompt_tokens_details\":{\"cached_tokens\":0,", "zz" },
	{ "tokens, if nothing is billed",
	    USED("\"tokens\":{\"input_tokens\":30,\"output_tokens\":4},"
		 "\"cached_tokens\":16"),
	    "\"prompt_tokens\":30,\"completion_tokens\":4,\"total_tokens\":34,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":16,",
	    "zz" },
	{ "counts that make no sense",
	    USED("\"billed_units\":{\"input_tokens\":-1,\"output_tokens\":"
		 "1e300},\"tokens\":{\"input_tokens\":null,"
		 "\"output_tokens\":4},\"cached_tokens\":99"),
	    "\"prompt_tokens\":0,\"completion_tokens\":4", "zz" },
	{ "a count that no context holds",
	    USED("\"billed_units\":{\"input_tokens\":9000000000000000000,"
		 "\"output_tokens\":1}"),
	    "\"prompt_tokens\":1000000000,\"completion_tokens\":1,", "zz" },
	{ "trap 125: blanks before", " \r\n" SAID(TEXT("a"), "COMPLETE"),
	    "\"content\":\"a\"", "zz" },
	{ "trap 125: blanks before an error",
	    "\n {\"message\":\"too many tokens\"}", NULL,
	    "too many tokens" },
	{ "a failure beside text", SAID(TEXT("a"), "ERROR"),
	    "\"content\":\"a\"", "zz" },
	{ "a failure alone", SAID("\"content\":[]", "TIMEOUT"), NULL, NULL },
	{ "nothing at all", SAID(TEXT(""), "COMPLETE"), NULL, NULL },
	{ "an error in a success", "{\"message\":\"too many tokens\"}", NULL,
	    "too many tokens" },
	{ "no message", "{\"id\":\"c\"}", NULL, NULL },
	{ "no JSON", "<html>", NULL, NULL },
};

START_TEST(answer)
{
	struct err e = { 0 };

	table_answer(&dialect_cohere_chat, &frame, answers[_i].name, answers[_i].body,
	    answers[_i].has, answers[_i].lacks, &e);
	if (answers[_i].has != NULL)
		return;
	ck_assert_msg(e.code == ERR_UPSTREAM || e.code == ERR_NO_CONTENT, "%s",
	    answers[_i].name);
	if (answers[_i].lacks != NULL)
		ck_assert_str_eq(e.msg, answers[_i].lacks);
}
END_TEST

#define CALL ",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\"}}]"

/* Contents are parts of their own, and what a finish word means. */
static const struct {
	const char *body;
	int parts;
	enum llm_stop why;
} finishes[] = {
	{ SAID(TEXT("a"), "COMPLETE"), 1, LLM_STOP_END },
	{ SAID(TEXT("a"), "whatever"), 1, LLM_STOP_END },
	{ SAID(TEXT("a"), "STOP_SEQUENCE"), 1, LLM_STOP_SEQUENCE },
	{ SAID(TEXT("a") CALL, "TOOL_CALL"), 2, LLM_STOP_CALLS },
	{ SAID(TEXT("a") CALL, "COMPLETE"), 2, LLM_STOP_CALLS },
	{ SAID(TEXT("a") CALL, "MAX_TOKENS"), 2, LLM_STOP_LENGTH },
	{ SAID("\"content\":[{\"text\":\"a\"},{\"text\":\"b\"}]", "ERROR"), 2,
	    LLM_STOP_OTHER },
};

START_TEST(finish)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_answer folded = { .ended = false };
	const struct llm_part *p;
	struct err e = { 0 };
	int n = 0;

	ck_assert_int_eq(dialect_cohere_chat.decode_answer(a, &frame,
			     str_from(finishes[_i].body),
			     &llm_fold_new(a, &folded)->sink, &e),
	    0);
	for (p = folded.choices->parts; p != NULL; p = p->next)
		n++;
	ck_assert_int_eq(n, finishes[_i].parts);
	ck_assert_int_eq(folded.choices->why, finishes[_i].why);
	arena_free(a);
}
END_TEST

#define EV(type, more) "{\"type\":\"" type "\"" more "}"
#define START EV("message-start", ",\"id\":\"c\"")
#define PIECE(t)                                                               \
	EV("content-delta",                                                    \
	    ",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"" t  \
	    "\"}}}")
#define END(more) EV("message-end", ",\"delta\":{" more "}")

/* Streams that end badly, or only seem to. */
static const struct {
	const char *name;
	const char *events[5];
	enum err_code code; /* NONE: it is an answer */
	const char *msg;    /* or NULL; of an answer its text */
} streams[] = {
	{ "broken off", { START, PIECE("a") }, ERR_UPSTREAM, NULL },
	{ "an error first", { "{\"message\":\"no\"}" }, ERR_UPSTREAM, "no" },
	{ "an error later", { START, PIECE("a"), "{\"message\":\"no\"}" },
	    ERR_UPSTREAM, "no" },
	{ "a failed end",
	    { START, END("\"finish_reason\":\"ERROR\",\"error\":\"boom\"") },
	    ERR_UPSTREAM, "boom" },
	{ "a failed end without a word",
	    { START, END("\"finish_reason\":\"TIMEOUT\"") }, ERR_UPSTREAM,
	    "Provider sent an error" },
	{ "a failed end after text",
	    { START, PIECE("a"), END("\"finish_reason\":\"ERROR\"") }, ERR_NONE,
	    "a" },
	{ "an end with nothing", { START, END("") }, ERR_NO_CONTENT, NULL },
	{ "arguments of no call",
	    { START,
		EV("tool-call-delta",
		    ",\"delta\":{\"message\":{\"tool_calls\":{"
		    "\"function\":{\"arguments\":\"{}\"}}}}") },
	    ERR_UPSTREAM, NULL },
	{ "no start, garbage and what is new",
	    { "[DONE]", "{}", EV("debug", ""), PIECE("b"),
		END("\"finish_reason\":\"COMPLETE\"") },
	    ERR_NONE, "b" },
};

START_TEST(stream)
{
	const struct dialect *d = &dialect_cohere_chat;
	struct arena *a = arena_new(4096, 1 << 20);
	struct cohere_dec *dec = ARENA_NEW(a, struct cohere_dec);
	struct llm_answer folded = { .ended = false };
	struct sse_event ev = { .name = STR_NONE };
	struct llm_grammar g;
	struct err e = { 0 };
	int i, rc = 0;

	llm_grammar_init(&g, &llm_fold_new(a, &folded)->sink);
	for (i = 0; i < 5 && streams[_i].events[i] != NULL && rc == 0; i++) {
		ev.data = str_from(streams[_i].events[i]);
		rc = d->decode_event(dec, a, &frame, &ev, &g.sink, &e);
	}
	if (rc != -1)
		rc = d->decode_end(dec, &g.sink, &e);
	ck_assert_msg(e.code == streams[_i].code, "%s: %d %s", streams[_i].name,
	    (int)e.code, e.msg);
	if (rc == -1) {
		if (streams[_i].msg != NULL)
			ck_assert_str_eq(e.msg, streams[_i].msg);
	} else {
		ck_assert(folded.ended);
		ck_assert(str_is(folded.choices->parts->text, streams[_i].msg));
	}
	arena_free(a);
}
END_TEST

START_TEST(error)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct err e = { 0 };

	dialect_cohere_chat.decode_error(a,
	    STR("{\"id\":\"1\",\"message\":\"invalid request: no model\"}"),
	    &e);
	ck_assert_str_eq(e.msg, "invalid request: no model");
	arena_free(a);
}
END_TEST

CASE(case_cohere)
{
	TCase *t = tcase_create("cohere");

	tcase_add_loop_test(t, ask, 0, NROWS(asks));
	tcase_add_loop_test(t, refuse, 0, NROWS(refused));
	tcase_add_test(t, hears);
	tcase_add_loop_test(t, answer, 0, NROWS(answers));
	tcase_add_loop_test(t, finish, 0, NROWS(finishes));
	tcase_add_loop_test(t, stream, 0, NROWS(streams));
	tcase_add_test(t, error);
	return t;
}
