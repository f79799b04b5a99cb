/*
 * What a chat request may say.  In the tables ' stands for "; members are put
 * behind a model and a message, unless the row is a whole body.
 */
#include "dialect/dialect.h"
#include "fixture.h"
#include "room.h"
#include "table.h"

#define MSG(m) "{'model':'m','messages':[" m "]}"
#define U "{'role':'user','content':'u'}"
#define CALL                                                                   \
	"{'role':'assistant','tool_calls':[{'id':'c','type':'function','"      \
	"function':{'name':'f','arguments':'{}'}}]}"
#define PART(p) MSG("{'role':'user','content':[" p "]}")
#define IMG(url) PART("{'type':'image_url','image_url':{'url':'" url "'}}")

/* clang-format off */
static const struct {
	const char *in;
	const char *param; /* of the fault; NULL: accepted */
} cases[] = {
	{ "{'messages':[" U "]}", "model" },
	{ "{'model':'','messages':[" U "]}", "model" },
	{ "{'model':'a\\u0000b','messages':[" U "]}", "model" },
	{ "{'model':5,'messages':[" U "]}", "model" },
	{ "{'model':'m'}", "messages" },
	{ "{'model':'m','messages':[]}", "messages" },
	{ "{'model':'m','messages':{}}", "messages" },
	{ MSG(U), NULL },
	{ MSG("5"), "messages[0]" },
	{ MSG("{'content':'u'}"), "messages[0].role" },
	{ MSG("{'role':'boss','content':'u'}"), "messages[0].role" },
	{ MSG(U ",{'role':'user'}"), "messages[1].content" },
	{ MSG("{'role':'user','content':null}"), "messages[0].content" },
	{ MSG("{'role':'assistant'}," U), NULL },
	{ MSG("{'role':'assistant','content':null}"), NULL },
	{ MSG("{'role':'user','content':5}"), "messages[0].content" },
	{ MSG("{'role':'tool','content':'x'}"), "messages[0].tool_call_id" },
	{ MSG("{'role':'tool','tool_call_id':'c','content':'x'}"), "messages[0].tool_call_id" },
	{ MSG(CALL ",{'role':'tool','tool_call_id':'c','content':'x'}"), NULL },
	{ MSG(CALL ",{'role':'tool','tool_call_id':'d','content':'x'}"), "messages[1].tool_call_id" },
	{ MSG(CALL ",{'role':'tool','tool_call_id':'\\u0063','content':'x'}"), NULL },
	{ MSG("{'role':'user','content':'a\\u0000b'}"), NULL },
	{ MSG("{'role':'user','name':'a\\u0000b','content':'x'}"), "messages[0].name" },
	{ MSG("{'role':'assistant','tool_calls':[{'id':'\\u0000','type':'function','function':{'name':'f','arguments':''}}]}"), "messages[0].tool_calls[0].id" },
	{ MSG("{'role':'assistant','tool_calls':[{'id':'c','type':'function','function':{'name':'f\\u0000','arguments':''}}]}"), "messages[0].tool_calls[0].function.name" },
	{ MSG("{'role':'assistant','tool_calls':[{'id':'c','type':'function','function':{'name':'f','arguments':'\\u0000'}}]}"), NULL },
	{ MSG(CALL ",{'role':'tool','tool_call_id':'c\\u0000','content':'x'}"), "messages[1].tool_call_id" },
	{ PART("{'type':'text','text':'x','cache_control':{}}"), NULL },
	{ PART("{'type':'text'}"), "messages[0].content[0].text" },
	{ PART("{'type':'hologram'}"), "messages[0].content[0].type" },
	{ PART("{'type':'input_audio','input_audio':{'data':'QQ==','format':'wav'}}"), NULL },
	{ PART("{'type':'file','file':{'file_id':'f'}}"), NULL },
	{ IMG("https://h/x.png"), NULL },
	{ IMG("http://h/x.png"), "messages[0].content[0].image_url.url" },
	{ IMG("file:///etc/passwd"), "messages[0].content[0].image_url.url" },
	{ IMG("data:image/png;base64,iVBORw0KGgo="), NULL },
	{ IMG("data:image/jpg;base64,/9j/4AAQSkZJRg=="), NULL },
	{ IMG("data:image/webp;base64,UklGRgAAAABXRUJQVlA4"), NULL },
	{ IMG("data:image/gif;base64,iVBORw0KGgo="), "messages[0].content[0].image_url.url" },
	{ IMG("data:image/png;base64,iVBORw0KG!o="), "messages[0].content[0].image_url.url" },
	{ IMG("data:image/svg+xml;base64,AAAA"), "messages[0].content[0].image_url.url" },
	{ IMG("data:image/png,xx"), "messages[0].content[0].image_url.url" },
	{ "+'temperature':2.5", "temperature" },
	{ "+'temperature':null", NULL },
	{ "+'top_p':-0.1", "top_p" },
	{ "+'frequency_penalty':-2.1", "frequency_penalty" },
	{ "+'top_k':-1", "top_k" },
	{ "+'max_tokens':0", "max_tokens" },
	{ "+'max_tokens':1.0", NULL },
	{ "+'max_tokens':1.5", "max_tokens" },
	{ "+'max_tokens':5,'max_completion_tokens':5", NULL },
	{ "+'max_tokens':5,'max_completion_tokens':6", "max_completion_tokens" },
	{ "+'n':129", "n" },
	{ "+'stop':'\\n'", NULL },
	{ "+'stop':[]", "stop" },
	{ "+'stop':[1]", "stop[0]" },
	{ "+'stop':['1','2','3','4','5','6','7','8','9','0','1','2','3','4','5','6','7']", "stop" },
	{ "+'stream':'yes'", "stream" },
	{ "+'stream_options':{'include_usage':1}", "stream_options.include_usage" },
	{ "+'tools':[{'type':'function','function':{'name':'a b'}}]", "tools[0].function.name" },
	{ "+'tools':[{'type':'function','function':{'name':'a.b:c-d_1'}}]", NULL },
	{ "+'tools':[{'type':'teleport'}]", "tools[0].type" },
	{ "+'tools':[{'type':'web_search','max_uses':0}]", "tools[0].max_uses" },
	{ "+'tool_choice':'any'", "tool_choice" },
	{ "+'tool_choice':{'type':'function','function':{'name':'f'}}", NULL },
	{ "+'tool_choice':{'type':'function'}", "tool_choice.function" },
	{ "+'logprobs':true,'top_logprobs':5", NULL },
	{ "+'top_logprobs':5", "top_logprobs" },
	{ "+'logprobs':true,'top_logprobs':21", "top_logprobs" },
	{ "+'response_format':{'type':'xml'}", "response_format.type" },
	{ "+'response_format':{'type':'json_schema'}", "response_format.json_schema" },
	{ "+'response_format':{'type':'json_schema','json_schema':{'name':'n'}}", "response_format.json_schema.schema" },
	{ "+'response_format':{'type':'json_schema','json_schema':{'name':'n\\u0000','schema':{}}}", "response_format.json_schema.name" },
	{ "+'user':'a\\u0000b'", "user" },
	{ "+'user':'a\\\\u0000b'", NULL },
	{ "+'reasoning_effort':'huge'", "reasoning_effort" },
	{ "+'reasoning_effort':'xhigh'", NULL },
	{ "+'reasoning':{'effort':'low'},'reasoning_effort':'low'", "reasoning.effort" },
	{ "+'reasoning':{'max_tokens':0}", "reasoning.max_tokens" },
	{ "+'effort':'low','reasoning_effort':'low'", NULL },
	{ "+'effort':'low','reasoning_effort':'high'", "effort" },
	{ "+'logit_bias':{'5':101}", "logit_bias.5" },
	{ "+'plugins':[{'id':'response-healing'}]", NULL },
	{ "+'plugins':[{'id':'other'}]", "plugins[0].id" },
	{ "+'routing':'random'", "routing" },
	{ "+'web_search':1", "web_search" },
	{ "+'unheard_of':{'a':[null]}", NULL },
};
/* clang-format on */

static struct str
body_of(struct arena *a, const char *s)
{
	return table_json(a,
	    s[0] == '+' ?
		arena_fmt(a, "{'model':'m','messages':[" U "],%s}", s + 1).p :
		s);
}

START_TEST(rules)
{
	struct arena *a = arena_new(4096, 64 << 20);
	struct llm_request r = { .from = &dialect_openai_chat,
		.body = body_of(a, cases[_i].in) };
	struct err e = { 0 };
	int rc = dialect_openai_chat.peek(&r, a, &e);

	if (cases[_i].param == NULL)
		ck_assert_msg(rc == 0, "%s: %s", cases[_i].in, e.msg);
	else
		ck_assert_msg(rc == -1 && str_is(e.param, cases[_i].param) &&
			strncmp(e.msg, "Invalid request parameters: ", 28) == 0,
		    "%s: %d %s (%.*s)", cases[_i].in, rc, e.msg,
		    STR_ARG(e.param));
	arena_free(a);
}
END_TEST

/* What routing needs to know. */
/* clang-format off */
static const struct {
	const char *in;
	unsigned needs;
	bool same;
} needs[] = {
	{ "+'x':1", 0, false },
	{ "+'tools':[]", 0, false },
	{ "+'tools':[{'type':'function','function':{'name':'f'}}]", LLM_CAN_TOOLS, false },
	{ "+'tools':[{'type':'custom','custom':{'name':'f'}}]", LLM_CAN_TOOLS, true },
	{ "+'tools':[{'type':'web_search'}]", LLM_CAN_SEARCH, false },
	{ "+'web_search':true", LLM_CAN_SEARCH, false },
	{ "+'web_search':false", 0, false },
	{ "+'response_format':{'type':'json_object'}", LLM_CAN_JSON, false },
	{ "+'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':{}}}", LLM_CAN_SCHEMA, false },
	{ "+'reasoning_effort':'none'", 0, false },
	{ "+'effort':'low'", LLM_CAN_REASON, false },
	{ "+'reasoning':{'max_tokens':5}", LLM_CAN_REASON | LLM_CAN_BUDGET, false },
	{ "+'modalities':['text','audio']", LLM_CAN_SPEAK, false },
	{ "+'modalities':['image']", LLM_CAN_DRAW, false },
	{ IMG("https://h/x"), LLM_CAN_IMAGES, false },
	{ PART("{'type':'input_audio','input_audio':{'data':'QQ==','format':'wav'}}"), LLM_CAN_AUDIO, false },
	{ PART("{'type':'file','file':{'file_id':'f'}}"), LLM_CAN_FILES, true },
};
/* clang-format on */

START_TEST(need)
{
	unsigned only = LLM_SAY_NATIVE | LLM_SAY_CUSTOM;
	struct arena *a = arena_new(4096, 64 << 20);
	struct llm_request r = { .from = &dialect_openai_chat,
		.body = body_of(a, needs[_i].in) };
	struct err e = { 0 };

	ck_assert_int_eq(dialect_openai_chat.peek(&r, a, &e), 0);
	ck_assert_msg(r.needs == needs[_i].needs &&
		((r.says & only) != 0) == needs[_i].same,
	    "%s: needs %x, same %d", needs[_i].in, r.needs,
	    (r.says & only) != 0);
	arena_free(a);
}
END_TEST

START_TEST(facts)
{
	struct arena *a = arena_new(4096, 64 << 20);
	struct llm_request r = { .from = &dialect_openai_chat };
	struct err e = { 0 };

	r.body = body_of(a,
	    "{'model':'a/\\u0062','messages':[{'role':'user','content':["
	    "{'type':'text','text':'twenty bytes of text'},"
	    "{'type':'image_url','image_url':{'url':"
	    "'data:image/png;base64,iVBORw0KGgo='}}]}],'stream':true,"
	    "'stream_options':{'include_usage':true},'max_tokens':7,'n':3,"
	    "'plugins':[{'id':'response-healing'}],"
	    "'response_format':{'type':'json_object'}}");
	ck_assert_int_eq(dialect_openai_chat.peek(&r, a, &e), 0);
	ck_assert(str_is(r.model, "a/b"));
	ck_assert(r.stream && r.include_usage && r.heal);
	ck_assert_int_eq(r.max_output, 7);
	ck_assert_int_eq(r.n, 3);
	ck_assert_uint_eq(r.text_bytes, 48);
	ck_assert_int_eq(r.images, 1);
	arena_free(a);
}
END_TEST

START_TEST(lone_surrogate)
{
	struct arena *a = arena_new(4096, 64 << 20);
	struct llm_request r = { .from = &dialect_openai_chat };
	struct err e = { 0 };

	r.body = body_of(a,
	    "{'model':'m','messages':[{'role':'user','content':'\\ud83d'}]}");
	ck_assert_int_eq(dialect_openai_chat.peek(&r, a, &e), 0);
	ck_assert_ptr_nonnull(memmem(r.body.p, r.body.n, "\\ufffd", 6));
	arena_free(a);
}
END_TEST

/* What goes to a provider of the same dialect. */
/* clang-format off */
static const struct {
	const char *in;
	const char *out; /* after the messages */
} bodies[] = {
	{ "+'x': 1.0", "'x':1.0" },
	{ "+'image_config':{},'plugins':[],'routing':'auto','free_models_only':true,'no_reasoning':false,'onboarding':true", "" },
	{ "+'effort':'low'", "'reasoning_effort':'low'" },
	{ "+'reasoning':{'effort':'high','exclude':true}", "'reasoning_effort':'high'" },
	{ "+'reasoning':{'max_tokens':5}", "'reasoning':{'max_tokens':5}" },
	{ "+'stream':true", "'stream':true,'stream_options':{'include_usage':true}" },
	{ "+'stream':true,'stream_options':{'include_usage':false,'include_obfuscation':false}", "'stream':true,'stream_options':{'include_usage':true,'include_obfuscation':false}" },
	{ "+'stream':true,'stream_options':null", "'stream':true,'stream_options':{'include_usage':true}" },
	{ "+'stream_options':{'include_usage':true}", "" },
	{ "+'web_search':true", "'tools':[{'type':'web_search'}]" },
	{ "+'web_search':true,'tools':[{'type':'web_search','max_uses':1}]", "'tools':[{'type':'web_search','max_uses':1}]" },
	{ "+'web_search':true,'tools':[]", "'tools':[{'type':'web_search'}]" },
};
/* clang-format on */

START_TEST(body)
{
	struct arena *a = arena_new(4096, 64 << 20);
	struct llm_request r = { .from = &dialect_openai_chat,
		.body = body_of(a, bodies[_i].in) };
	struct str want = body_of(a,
	    arena_fmt(a, "{'model':'m','messages':[" U "]%s%s}",
		bodies[_i].out[0] == '\0' ? "" : ",", bodies[_i].out)
		.p);
	struct llm_aim aim = { .arena = a };
	struct buf out = BUF_LIMIT(4096);
	struct err e = { 0 };

	ck_assert_int_eq(dialect_openai_chat.peek(&r, a, &e), 0);
	ck_assert_int_eq(
	    dialect_body(&dialect_openai_chat, &r, &aim, NULL, 0, &out, &e), 0);
	ck_assert_msg(str_eq(buf_str(&out), want), "%s:\nwant %.*s\ngot  %.*s",
	    bodies[_i].in, STR_ARG(want), (int)out.n, out.p);
	buf_free(&out);
	arena_free(a);
}
END_TEST

CASE(case_check)
{
	TCase *t = tcase_create("check");

	tcase_add_loop_test(t, rules, 0, NROWS(cases));
	tcase_add_loop_test(t, need, 0, NROWS(needs));
	tcase_add_test(t, facts);
	tcase_add_test(t, lone_surrogate);
	tcase_add_loop_test(t, body, 0, NROWS(bodies));
	return t;
}
