/*
 * Requests to and from Anthropic's messages, rule by rule.  In the tables '
 * stands for ".
 */
#include "dialect/dialect.h"
#include "fixture.h"
#include "room.h"
#include "table.h"

#define Q "{'model':'m','max_tokens':9,"
#define U "'messages':[{'role':'user','content':'x'}]"
#define CAPS (LLM_NEEDS_MASK)

/* Chat to messages: what is sent, and what is told as dropped. */
/* clang-format off */
static const struct {
	const char *name;
	const char *in;
	unsigned caps;
	unsigned efforts;
	const char *want;   /* stands in the body */
	const char *absent; /* does not, or NULL */
	const char *dropped;
} encodes[] = {
{ "trap 87: max_tokens is supplied", "{" U "}", CAPS, 0, "'max_tokens':6000,", NULL, "" },
{ "trap 87: a budget below the limit", "{'max_tokens':2000,'reasoning_effort':'high'," U "}", CAPS, 0, "'thinking':{'type':'enabled','budget_tokens':1500}", NULL, "" },
{ "trap 87: the limit is raised", "{'max_tokens':100,'reasoning_effort':'low'," U "}", CAPS, 0, "'max_tokens':1124,", NULL, "" },
{ "a budget of the client", "{'max_tokens':2000,'reasoning':{'max_tokens':1999}," U "}", CAPS, 0, "'budget_tokens':1999", NULL, "" },
{ "no effort", "{'reasoning_effort':'none'," U "}", CAPS, 0, "'thinking':{'type':'disabled'}", NULL, "" },
{ "adaptive", "{'reasoning_effort':'max'," U "}", CAPS | LLM_WANTS_ADAPTIVE, 1u << LLM_EFFORT_LOW | 1u << LLM_EFFORT_XHIGH, "'thinking':{'type':'adaptive'},'output_config':{'effort':'xhigh'}", "budget", "" },
{ "adaptive from a budget", "{'reasoning':{'max_tokens':3000}," U "}", CAPS | LLM_WANTS_ADAPTIVE, 0, "'effort':'medium'", "budget", "" },
{ "cannot be turned off", "{'reasoning_effort':'none'," U "}", CAPS | LLM_WANTS_ADAPTIVE | LLM_WANTS_THOUGHT, 0, "'output_config':{'effort':'low'}", "thinking", "" },
{ "thinking as it is told", "{'thinking':{'type':'enabled','budget_tokens':5000}," U "}", CAPS, 0, "'thinking':{'type':'enabled','budget_tokens':5000}", NULL, "" },
{ "trap 88: no sampling", "{'temperature':0.5,'top_p':0.5,'top_k':3," U "}", CAPS | LLM_WANTS_NO_SAMPLING, 0, "'messages'", "top_", "temperature,top_p,top_k" },
{ "trap 88: one of them", "{'temperature':0.5,'top_p':0.5," U "}", CAPS | LLM_WANTS_ONE_SAMPLING, 0, "'temperature':0.5", "top_p", "top_p" },
{ "sampling beside thinking", "{'temperature':0.5,'top_p':0.5,'reasoning_effort':'low'," U "}", CAPS, 0, "'thinking'", "top_p", "temperature,top_p" },
{ "clamped", "{'temperature':1.5," U "}", CAPS, 0, "'temperature':1}", "1.5", "temperature" },
{ "trap 89: forced beside thinking", "{'reasoning_effort':'low','tool_choice':'required','tools':[{'type':'function','function':{'name':'f'}}]," U "}", CAPS, 0, "'tool_choice':{'type':'auto'}", NULL, "tool_choice" },
{ "trap 89: forced where it is refused", "{'tool_choice':{'type':'function','function':{'name':'f'}},'tools':[{'type':'function','function':{'name':'f'}}]," U "}", CAPS | LLM_WANTS_FREE_CHOICE, 0, "'tool_choice':{'type':'auto'}", NULL, "tool_choice" },
{ "named", "{'tool_choice':{'type':'function','function':{'name':'f'}},'tools':[{'type':'function','function':{'name':'f'}}]," U "}", CAPS, 0, "'tool_choice':{'type':'tool','name':'f'}", NULL, "" },
{ "none", "{'tool_choice':'none','parallel_tool_calls':false,'tools':[{'type':'function','function':{'name':'f'}}]," U "}", CAPS, 0, "'tool_choice':{'type':'none'}", "disable", "" },
{ "trap 90: a schema is an object", "{'tools':[{'type':'function','function':{'name':'f'}},{'type':'function','function':{'name':'g','parameters':{'type':'string','description':'d'}}}]," U "}", CAPS, 0,
  "'input_schema':{'type':'object','properties':{}}},{'name':'g','input_schema':{'type':'object','description':'d'}}", NULL, "" },
{ "trap 91: blank stops", "{'stop':[' ','END']," U "}", CAPS, 0, "'stop_sequences':['END']", NULL, "stop" },
{ "trap 91: nothing but blank stops", "{'stop':['\\n']," U "}", CAPS, 0, "'messages'", "stop_sequences", "stop" },
{ "trap 92: the last four marks", "{'messages':[{'role':'user','content':[{'type':'text','text':'1','cache_control':{'type':'ephemeral'}},{'type':'text','text':'2','cache_control':{'type':'ephemeral'}},{'type':'text','text':'3','cache_control':{'type':'ephemeral'}},{'type':'text','text':'4','cache_control':{'type':'ephemeral'}},{'type':'text','text':'5','cache_control':{'type':'ephemeral','ttl':'1h'}}]}]}", CAPS, 0,
  "{'type':'text','text':'1'},{'type':'text','text':'2','cache_control':{'type':'ephemeral'}}", NULL, "cache_control" },
{ "trap 62, 63: results in one turn, before the text",
  "{'messages':[{'role':'user','content':'x'},{'role':'assistant','tool_calls':[{'id':'a','type':'function','function':{'name':'f','arguments':''}},{'id':'b','type':'function','function':{'name':'f','arguments':'null'}}]},{'role':'user','content':'y'},{'role':'tool','tool_call_id':'a','content':'1'},{'role':'tool','tool_call_id':'b','content':'2'}]}", CAPS, 0,
  "{'role':'user','content':[{'type':'tool_result','tool_use_id':'a','content':'1'},{'type':'tool_result','tool_use_id':'b','content':'2'},{'type':'text','text':'y'}]}", NULL, "" },
{ "arguments that are no object",
  "{'messages':[{'role':'user','content':'x'},{'role':'assistant','tool_calls':[{'id':'a','type':'function','function':{'name':'f','arguments':'[1]'}}]},{'role':'tool','tool_call_id':'a','content':'1'}]}", CAPS, 0, "'input':{'raw':'[1]'}", NULL, "" },
{ "trap 64: empty texts", "{'messages':[{'role':'user','content':[{'type':'text','text':''},{'type':'text','text':'x'}]},{'role':'assistant','content':' '},{'role':'user','content':'y'}]}", CAPS, 0,
  "'messages':[{'role':'user','content':[{'type':'text','text':'x'},{'type':'text','text':'y'}]}]", NULL, "" },
{ "nothing is left", "{'messages':[{'role':'user','content':''}]}", CAPS, 0, "'messages':[{'role':'user','content':'.'}]", NULL, "" },
{ "trap 74: blanks at the end", "{'messages':[{'role':'user','content':'x'},{'role':'assistant','content':'y \\n'}]}", CAPS, 0, "{'role':'assistant','content':'y'}", NULL, "" },
{ "trap 75: unsigned reasoning", "{'messages':[{'role':'user','content':'x'},{'role':'assistant','content':null,'reasoning_content':'t'},{'role':'user','content':'y'}]}", CAPS, 0,
  "'messages':[{'role':'user','content':[{'type':'text','text':'x'},{'type':'text','text':'y'}]}]", NULL, "" },
{ "trap 76: somebody else's signature", "{'messages':[{'role':'user','content':'x'},{'role':'assistant','content':'y','reasoning_details':[{'type':'reasoning.text','text':'t','signature':'s','format':'google-gemini-v1','index':0}]},{'role':'user','content':'z'}]}", CAPS, 0,
  "{'role':'assistant','content':'y'}", "thinking", "" },
{ "trap 77: thoughts as they were", "{'messages':[{'role':'user','content':'x'},{'role':'assistant','content':'y','reasoning_details':[{'type':'reasoning.text','text':'t ','signature':'s','format':'anthropic-claude-v1','index':0},{'type':'reasoning.encrypted','data':'d','format':'anthropic-claude-v1','index':1}]},{'role':'user','content':'z'}]}", CAPS, 0,
  "[{'type':'thinking','thinking':'t ','signature':'s'},{'type':'redacted_thinking','data':'d'},{'type':'text','text':'y'}]", NULL, "" },
{ "a call goes on without its thought", "{'reasoning_effort':'low','messages':[{'role':'user','content':'x'},{'role':'assistant','tool_calls':[{'id':'a','type':'function','function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'a','content':'1'}]}", CAPS, 0,
  "'messages'", "thinking", "reasoning_effort" },
{ "JSON in words", "{'response_format':{'type':'json_object'}," U "}", CAPS, 0, "'system':'Respond with one valid JSON object and nothing else.'", "output", "" },
{ "schemas are closed, limits are words", "{'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':{'type':'object','properties':{'minimum':{'type':'integer','minimum':1,'maximum':9,'description':'d'},'list':{'type':'array','maxItems':3,'items':{'type':'object','properties':{}}}},'additionalProperties':true}}}," U "}", CAPS, 0,
  "'schema':{'type':'object','properties':{'minimum':{'type':'integer','description':'d (minimum: 1, maximum: 9)'},'list':{'type':'array','items':{'type':'object','properties':{},'additionalProperties':false},'description':'(maxItems: 3)'}},'additionalProperties':false}", NULL, "" },
{ "hints", "{'seed':1,'frequency_penalty':1,'service_tier':'default','logit_x':1,'user':'a@b'," U "}", CAPS, 0, "'service_tier':'standard_only'", "seed", "frequency_penalty,seed,user,logit_x" },
{ "how closely to look", "{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':'https://a/b.png','detail':'low'}}]}]}", CAPS, 0, "{'type':'url','url':'https://a/b.png'}", "detail", "detail" },
{ "ids of other vendors", "{'messages':[{'role':'user','content':'x'},{'role':'assistant','tool_calls':[{'id':'f:0','type':'function','function':{'name':'f','arguments':''}}]},{'role':'tool','tool_call_id':'f:0','content':'1'}]}", CAPS, 0,
  "'id':'tooluse_ebff85250728f0de6847c8bfbac700e7'", "f:0", "" },
{ "how much is searched", "{'web_search_options':{'search_context_size':'low'}," U "}", CAPS, 0, "'name':'web_search'}]", "low", "search_context_size" },
{ "a wish nobody grants", "{'web_search_options':{'user_location':{'type':'approximate','approximate':{'city':'Ulm'}}}," U "}", CAPS, 0, "{'type':'web_search_20250305','name':'web_search','user_location':{'type':'approximate','city':'Ulm'}}", NULL, "" },
};

/* What peek() says: the fault, or "" and needs. */
static const struct {
	const char *in;
	const char *fault; /* NULL: none */
	unsigned needs;
	unsigned says;
	unsigned wishes;
	const char *native;
} peeks[] = {
{ Q U "}", NULL, 0, 0, 0, NULL },
{ "{'model':'m'," U "}", "max_tokens: is required", 0, 0, 0, NULL },
{ "{'model':'m','max_tokens':0," U "}", "max_tokens: must be at least 1", 0, 0, 0, NULL },
{ Q "'messages':[]}", "messages: must not be empty", 0, 0, 0, NULL },
{ Q "'messages':[{'role':'tool','content':'x'}]}", "messages[0].role: must be one of user, assistant, system", 0, 0, 0, NULL },
{ Q "'temperature':1.5," U "}", "temperature: must be between 0 and 1", 0, 0, 0, NULL },
{ Q "'thinking':{'type':'enabled','budget_tokens':1000}," U "}", "thinking.budget_tokens: must be at least 1024", 0, 0, 0, NULL },
{ Q "'thinking':{'type':'adaptive'}," U "}", NULL, LLM_CAN_REASON, 0, 0, NULL },
{ Q "'tools':[{'name':'f'}]," U "}", "tools[0].input_schema: is required", 0, 0, 0, NULL },
{ Q "'tools':[{'name':'f','input_schema':{}}]," U "}", NULL, LLM_CAN_TOOLS, 0, 0, NULL },
{ Q "'tools':[{'type':'web_search_20250305','name':'web_search'}]," U "}", NULL, LLM_CAN_SEARCH, LLM_SAY_SEARCH, 0, NULL },
{ Q "'tools':[{'type':'web_search_20250305','name':'web_search'},{'name':'f','input_schema':{}}]," U "}", NULL, LLM_CAN_TOOLS, 0, LLM_CAN_SEARCH, NULL },
{ Q "'tools':[{'type':'web_search_20250305','name':'web_search'},{'name':'f','input_schema':{}}],'tool_choice':{'type':'tool','name':'web_search'}," U "}", NULL, LLM_CAN_TOOLS | LLM_CAN_SEARCH, LLM_SAY_SEARCH, 0, NULL },
{ Q "'tools':[{'type':'bash_20250124','name':'bash'}]," U "}", NULL, 0, LLM_SAY_NATIVE, 0, "tools" },
{ Q "'container':'c'," U "}", NULL, 0, LLM_SAY_NATIVE, 0, "container" },
{ Q "'mcp_servers':[]," U "}", NULL, 0, 0, 0, NULL },
{ Q "'mcp_servers':[{}]," U "}", NULL, 0, LLM_SAY_NATIVE, 0, "mcp_servers" },
{ Q "'messages':[{'role':'user','content':[{'type':'newest'}]}]}", NULL, 0, LLM_SAY_NATIVE, 0, NULL },
{ Q "'messages':[{'role':'user','content':[{'type':'image','source':{'type':'url','url':'https://a'}}]}]}", NULL, LLM_CAN_IMAGES, LLM_SAY_URL, 0, NULL },
{ Q "'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'a','content':[{'type':'document','source':{'type':'base64','media_type':'application/pdf','data':'AA=='}}]}]}]}", NULL, LLM_CAN_FILES, 0, 0, NULL },
{ Q "'messages':[{'role':'user','content':[{'type':'text'}]}]}", "messages[0].content[0].text: is required", 0, 0, 0, NULL },
{ Q "'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'a\\u0000','content':'x'}]}]}", "messages[0].content[0].tool_use_id: must not have a NUL in it", 0, 0, 0, NULL },
{ Q "'tools':[{'name':'\\u0000f','input_schema':{}}]," U "}", "tools[0].name: must not have a NUL in it", 0, 0, 0, NULL },
{ Q "'output_config':{'format':{'type':'json_schema','schema':{}}}," U "}", NULL, LLM_CAN_SCHEMA, 0, 0, NULL },
{ Q "'system':[{'type':'image'}]," U "}", "system[0].type: must be text", 0, 0, 0, NULL },
};

/* Messages to chat, and messages relayed. */
static const struct {
	const char *name;
	const struct dialect *to;
	const char *in;
	const char *want;
	const char *absent;
} decodes[] = {
{ "trap 93: the billing line", &dialect_openai_chat, Q "'system':'x-anthropic-billing-header: a=1;\\nBe kind.'," U "}", "{'role':'system','content':'Be kind.'}", "billing" },
{ "trap 93: stays at home", &dialect_anthropic_messages, Q "'system':'x-anthropic-billing-header: a=1;'," U "}", "billing", NULL },
{ "trap 58: images of results follow", &dialect_openai_chat, Q "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'a','content':[{'type':'image','source':{'type':'url','url':'https://a/b.png'}}]}]}]}",
  "{'role':'user','content':[{'type':'image_url','image_url':{'url':'https://a/b.png'}}]}", NULL },
{ "trap 57: the id of a result", &dialect_openai_chat, Q "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'a','content':'1'},{'type':'text','text':'y'}]}]}",
  "{'role':'tool','tool_call_id':'a','content':'1'},{'role':'user','content':[{'type':'text','text':'y'}]}", NULL },
{ "trap 104: numbers keep their spelling", &dialect_openai_chat, Q "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':{'n':1.10,'b':12345678901234567890123}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'a'}]}]}",
  "'arguments':'{\\'n\\':1.10,\\'b\\':12345678901234567890123}'", NULL },
{ "Google's signature of a call", &dialect_openai_chat, Q "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':{},'extra_content':{'google':{'thought_signature':'s'}}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'a'}]}]}",
  "'extra_content':{'google':{'thought_signature':'s'}}", NULL },
{ "and is not for Anthropic", &dialect_anthropic_messages, Q "'messages':[{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':{ },'extra_content':{'google':{'thought_signature':'s'}}}]}]}",
  "[{'type':'tool_use','id':'a','name':'f','input':{ }}]", "extra" },
{ "trap 76: what others signed stays here", &dialect_anthropic_messages, Q "'messages':[{'role':'assistant','content':[{'type':'thinking','thinking':'t','signature':''},{'type':'thinking','thinking':'t','signature':'llmgw:google:s'},{'type':'redacted_thinking','data':'llmgw:openai:x'},{'type':'text','text':''},{'type':'thinking','thinking':'t','signature':'mine'},{'type':'text','text':'y'}]}]}",
  "[{'type':'thinking','thinking':'t','signature':'mine'},{'type':'text','text':'y'}]", "llmgw" },
{ "all of it was somebody else's", &dialect_anthropic_messages, Q "'messages':[{'role':'assistant','content':[{'type':'thinking','thinking':'t','signature':''}]}]}", "[{'type':'text','text':'.'}]", NULL },
{ "unknown members and blocks pass", &dialect_anthropic_messages, Q "'x' : [ 1.10 ],'no_reasoning':false,'messages':[{'role':'user','content':[{'type':'newest','a' : 1}]}]}", "'x':[ 1.10 ],'messages':[{'role':'user','content':[{'type':'newest','a' : 1}]}]", "no_reasoning" },
{ "a count knows fewer members", &dialect_anthropic_count, Q "'stream':true,'temperature':1,'system':'s'," U "}", "{'model':'m','system':'s','messages':[{'role':'user','content':'x'}]}", "max_tokens" },
{ "a name for a schema", &dialect_openai_chat, Q "'output_format':{'type':'json_schema','schema':{'type':'object'}}," U "}", "'response_format':{'type':'json_schema','json_schema':{'name':'answer','schema':{'type':'object'},'strict':true}}", NULL },
{ "a document of text", &dialect_openai_chat, Q "'messages':[{'role':'user','content':[{'type':'search_result','source':'https://a','title':'T','content':[{'type':'text','text':'b'}]}]}]}", "'T\\nhttps://a\\nb'", NULL },
};
/* clang-format on */

static bool
contains(struct str s, struct str word)
{
	return memmem(s.p, s.n, word.p, word.n) != NULL;
}

START_TEST(encode)
{
	struct arena *a = arena_new(4096, 1 << 24);
	struct buf out = BUF_LIMIT(1 << 20), dropped = BUF_LIMIT(4096);
	struct llm_request r = { .from = &dialect_openai_chat };
	struct llm_aim aim = { .model = STR("m"),
		.caps = encodes[_i].caps,
		.efforts = encodes[_i].efforts,
		.max_output = 6000,
		.arena = a,
		.dropped = &dropped };
	struct err e = { 0 };
	struct str got;

	r.body = arena_fmt(
	    a, "{\"model\":\"m\",%s", table_json(a, encodes[_i].in).p + 1);
	ck_assert_msg(dialect_openai_chat.peek(&r, a, &e) == 0, "%s: %s",
	    encodes[_i].name, e.msg);
	ck_assert_msg(dialect_body(&dialect_anthropic_messages, &r, &aim, NULL,
			  0, &out, &e) == 0,
	    "%s: %s", encodes[_i].name, e.msg);
	got = buf_str(&out);
	ck_assert_msg(contains(got, table_json(a, encodes[_i].want)),
	    "%s: %.*s", encodes[_i].name, STR_ARG(got));
	ck_assert_msg(encodes[_i].absent == NULL ||
		!contains(got, table_json(a, encodes[_i].absent)),
	    "%s: %.*s", encodes[_i].name, STR_ARG(got));
	ck_assert_msg(str_is(buf_str(&dropped), encodes[_i].dropped),
	    "%s: dropped %.*s", encodes[_i].name, (int)dropped.n, dropped.p);
	buf_free(&out);
	buf_free(&dropped);
	arena_free(a);
}
END_TEST

START_TEST(call_without_result)
{
	struct arena *a = arena_new(4096, 1 << 24);
	struct buf out = BUF_LIMIT(1 << 20);
	struct llm_request r = { .from = &dialect_openai_chat };
	struct llm_aim aim = { .model = STR("m"), .arena = a };
	struct err e = { 0 };

	r.body = table_json(a,
	    "{'model':'m','messages':[{'role':'user','content':'x'},"
	    "{'role':'assistant','tool_calls':[{'id':'a7','type':'function',"
	    "'function':{'name':'f','arguments':'{}'}}]},"
	    "{'role':'user','content':'y'}]}");
	ck_assert_int_eq(dialect_openai_chat.peek(&r, a, &e), 0);
	ck_assert_int_eq(dialect_body(&dialect_anthropic_messages, &r, &aim,
			     NULL, 0, &out, &e),
	    -1);
	ck_assert_int_eq(e.code, ERR_BAD_PARAM);
	ck_assert_ptr_nonnull(strstr(e.msg, "a7"));
	buf_free(&out);
	arena_free(a);
}
END_TEST

START_TEST(peek)
{
	struct arena *a = arena_new(4096, 1 << 24);
	struct llm_request r = { .from = &dialect_anthropic_messages };
	struct err e = { 0 };
	int rc;

	r.body = table_json(a, peeks[_i].in);
	rc = dialect_anthropic_messages.peek(&r, a, &e);
	if (peeks[_i].fault != NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_msg(strstr(e.msg, peeks[_i].fault) != NULL, "%s: %s",
		    peeks[_i].in, e.msg);
	} else {
		ck_assert_msg(rc == 0, "%s: %s", peeks[_i].in, e.msg);
		ck_assert_uint_eq(r.needs, peeks[_i].needs);
		ck_assert_uint_eq(r.says, peeks[_i].says);
		ck_assert_uint_eq(r.wishes, peeks[_i].wishes);
		ck_assert(
		    str_eq(str_from(r.native), str_from(peeks[_i].native)));
	}
	arena_free(a);
}
END_TEST

START_TEST(decode)
{
	const struct dialect *to = decodes[_i].to;
	struct arena *a = arena_new(4096, 1 << 24);
	struct buf out = BUF_LIMIT(1 << 20);
	struct llm_request r = { .from = to == &dialect_openai_chat ?
		    &dialect_anthropic_messages :
		    to };
	struct llm_aim aim = { .model = STR("m"), .caps = CAPS, .arena = a };
	struct err e = { 0 };

	r.body = table_json(a, decodes[_i].in);
	ck_assert_msg(
	    r.from->peek(&r, a, &e) == 0, "%s: %s", decodes[_i].name, e.msg);
	ck_assert_msg(dialect_body(to, &r, &aim, NULL, 0, &out, &e) == 0,
	    "%s: %s", decodes[_i].name, e.msg);
	ck_assert_msg(contains(buf_str(&out), table_json(a, decodes[_i].want)),
	    "%s: %.*s", decodes[_i].name, (int)out.n, out.p);
	ck_assert_msg(decodes[_i].absent == NULL ||
		!contains(buf_str(&out), table_json(a, decodes[_i].absent)),
	    "%s: %.*s", decodes[_i].name, (int)out.n, out.p);
	buf_free(&out);
	arena_free(a);
}
END_TEST

CASE(case_messages_request)
{
	TCase *t = tcase_create("messages-request");

	tcase_add_loop_test(t, encode, 0, NROWS(encodes));
	tcase_add_test(t, call_without_result);
	tcase_add_loop_test(t, peek, 0, NROWS(peeks));
	tcase_add_loop_test(t, decode, 0, NROWS(decodes));
	return t;
}
