/*
 * OpenAI's responses, rule by rule.  In the tables ' stands for ".  What comes
 * out of a stream is told in short:
 *
 *	events of the dialect: S created, <type an item begins, text: think:
 *	    json: free: no: deltas, cite:, > it ends, with its seal behind +,
 *	    =status of the end, * another event
 *	neutral events: S, <kind, text:, seal:, cite:, >, =why, u:in/cached/out, .
 */
#include <stdio.h>

#include "dialect/dialect.h"
#include "fixture.h"
#include "room.h"
#include "table.h"

#define E(type, rest)                                                          \
	"event: response." type "\ndata: {'type':'response." type "'" rest     \
	"}\n\n"
#define RESPONSE(status, rest)                                                 \
	",'response':{'id':'resp_1','status':'" status "','model':'up'" rest "}"
#define START E("created", RESPONSE("in_progress", ""))
#define ITEM(n, item)                                                          \
	E("output_item.added", ",'output_index':" n ",'item':{" item "}")
#define DONE(n, item)                                                          \
	E("output_item.done", ",'output_index':" n ",'item':{" item "}")
#define DELTA(what, n, s)                                                      \
	E(what ".delta", ",'output_index':" n ",'delta':'" s "'")
#define SAID(s)                                                                \
	"'type':'message','content':[{'type':'output_text','text':'" s "'}]"
#define TEXT(n, s)                                                             \
	ITEM(n, "'type':'message','content':[]")                               \
	DELTA("output_text", n, s) DONE(n, SAID(s))
#define USAGE                                                                  \
	",'usage':{'input_tokens':9,'output_tokens':4,"                        \
	"'input_tokens_details':{'cached_tokens':5},"                          \
	"'output_tokens_details':{'reasoning_tokens':2}}"
#define END E("completed", RESPONSE("completed", USAGE))
#define CUT(reason)                                                            \
	E("incomplete",                                                        \
	    RESPONSE("incomplete",                                             \
		",'incomplete_details':{'reason':'" reason "'}" USAGE))
#define CALLED(args)                                                           \
	"'type':'function_call','call_id':'a','name':'f','arguments':'" args "'"
#define WEB "'type':'web_search_call','id':'ws'"

#define CH(delta, finish)                                                      \
	"data: {'id':'i','created':5,'choices':[{'index':0,'delta':{" delta    \
	"},'finish_reason':" finish "}]}\n\n"
#define CHCALL(n, id, name, args)                                              \
	CH("'tool_calls':[{'index':" n ",'id':'" id                            \
	   "','function':{'name':'" name "','arguments':'" args "'}}]",        \
	    "null")
#define FIN "data: [DONE]\n\n"
#define BROKEN "!Upstream stream ended before its finish"
#define EMPTY                                                                  \
	"!Response finished successfully but returned no content or tool "     \
	"calls"

enum way { RELAY, DECODE, ENCODE };

/* clang-format off */
static const struct {
	const char *name;
	enum way way;
	const char *in;
	const char *out; /* "!" and a message: refused */
} cases[] = {
{ "plain", RELAY, START TEXT("0", "Hi") END, "S <message text:Hi > =completed" },
{ "plain", DECODE, START TEXT("0", "Hi") END, "S <text text:Hi > =end u:9/5/4 ." },
{ "trap 46: cut", RELAY, START TEXT("0", "Hi"), "S <message text:Hi > " BROKEN },
{ "trap 46: cut", DECODE, START TEXT("0", "Hi"), "S <text text:Hi > " BROKEN },
{ "nothing at all", RELAY, "", BROKEN },
{ "nothing at all", DECODE, "", BROKEN },
{ "trap 8: [DONE] of those who send it", RELAY, START TEXT("0", "Hi") END "data: [DONE]\n\n", "S <message text:Hi > =completed" },
{ "trap 8: bytes behind the end", DECODE, START TEXT("0", "Hi") END END, "S <text text:Hi > =end u:9/5/4 ." },
{ "what is no JSON is skipped", RELAY, START "data: oops\n\n" TEXT("0", "Hi") END, "S <message text:Hi > =completed" },
{ "trap 11, 12: error first", RELAY, "data: {'type':'error','code':'server_error','message':'no'}\n\n", "!500 no" },
{ "trap 11: error in the middle", DECODE, START "data: {'type':'error','code':'rate_limit_exceeded','message':'slow'}\n\n", "S !429 slow" },
{ "trap 11: error as an object", DECODE, "data: {'error':{'message':'no','code':'insufficient_quota'}}\n\n", "!429 no" },
{ "response.failed", RELAY, START E("failed", RESPONSE("failed", ",'error':{'code':'server_error','message':'no'}")), "S !500 no" },
{ "response.failed", DECODE, START E("failed", RESPONSE("failed", ",'error':{'code':'rate_limit_exceeded','message':'no'}")), "S !429 no" },
{ "response.failed, without a word", DECODE, START E("failed", RESPONSE("failed", ",'error':null")), "S !Provider sent an error" },
{ "response.failed, without a response", DECODE, START E("failed", ""), "S !Provider sent an error" },
{ "response.failed, without a response", RELAY, START E("failed", ""), "S !Provider sent an error" },
{ "no content", RELAY, START E("completed", RESPONSE("completed", "")), "S " EMPTY },
{ "no content", DECODE, START E("completed", RESPONSE("completed", "")), "S " EMPTY },
{ "cut by its length", DECODE, START TEXT("0", "Hi") CUT("max_output_tokens"), "S <text text:Hi > =length u:9/5/4 ." },
{ "cut by a filter", DECODE, START CUT("content_filter"), "S =filter u:9/5/4 ." },
{ "cut by a filter", RELAY, START CUT("content_filter"), "S =incomplete" },
{ "trap 36: call without arguments", DECODE, START ITEM("0", CALLED("")) DONE("0", CALLED("")) END, "S <call:a:f text:{} > =calls u:9/5/4 ." },
{ "call", DECODE, START ITEM("0", CALLED("")) DELTA("function_call_arguments", "0", "{") DELTA("function_call_arguments", "0", "}") DONE("0", CALLED("{}")) END, "S <call:a:f text:{ text:} > =calls u:9/5/4 ." },
{ "call told whole only", DECODE, START DONE("0", CALLED("{}")) END, "S <call:a:f text:{} > =calls u:9/5/4 ." },
{ "trap 59: calls that overlap", DECODE, START ITEM("0", CALLED("")) ITEM("1", CALLED("")) DELTA("function_call_arguments", "0", "{}") DELTA("function_call_arguments", "1", "{}") DONE("1", CALLED("{}")) END,
  "S <call:a:f > <call:a:f text:{} > =calls u:9/5/4 ." },
{ "custom call", DECODE, START ITEM("0", "'type':'custom_tool_call','call_id':'a','name':'f'") DELTA("custom_tool_call_input", "0", "x y") DONE("0", "'type':'custom_tool_call','call_id':'a','name':'f','input':'x y'") END,
  "S <custom:a:f text:x y > =calls u:9/5/4 ." },
{ "text told whole only", DECODE, START DONE("0", SAID("Hi")) END, "S <text text:Hi > =end u:9/5/4 ." },
{ "an item told twice", DECODE, START TEXT("0", "Hi") DONE("0", SAID("Hi")) END, "S <text text:Hi > =end u:9/5/4 ." },
{ "citation", DECODE, START ITEM("0", "'type':'message'") DELTA("output_text", "0", "Hi") E("output_text.annotation.added", ",'output_index':0,'annotation':{'type':'url_citation','url':'http://x','title':'t'}") DONE("0", SAID("Hi")) END,
  "S <text text:Hi cite:http://x > =end u:9/5/4 ." },
{ "thought and its seal", DECODE, START ITEM("0", "'type':'reasoning'") DELTA("reasoning_summary_text", "0", "t") DONE("0", "'type':'reasoning','id':'rs_1','encrypted_content':'gA'") TEXT("1", "Hi") END,
  "S <think text:t seal:gA > <text text:Hi > =end u:9/5/4 ." },
{ "thought of two parts", DECODE, START ITEM("0", "'type':'reasoning'") E("reasoning_summary_text.delta", ",'output_index':0,'summary_index':0,'delta':'t'") E("reasoning_summary_text.delta", ",'output_index':0,'summary_index':1,'delta':'u'") DONE("0", "'type':'reasoning'") TEXT("1", "Hi") END,
  "S <think text:t text:\\n\\n text:u > <text text:Hi > =end u:9/5/4 ." },
{ "thought without a text", DECODE, START ITEM("0", "'type':'reasoning'") DONE("0", "'type':'reasoning','id':'rs_1','encrypted_content':'gA'") TEXT("1", "Hi") END,
  "S <hidden seal:gA > <text text:Hi > =end u:9/5/4 ." },
{ "thought of an open model", DECODE, START ITEM("0", "'type':'reasoning'") DELTA("reasoning_text", "0", "t") DONE("0", "'type':'reasoning','content':[{'type':'reasoning_text','text':'t'}]") TEXT("1", "Hi") END,
  "S <think text:t > <text text:Hi > =end u:9/5/4 ." },
{ "trap 37: their tools are hidden", DECODE, START ITEM("0", WEB) E("web_search_call.completed", ",'output_index':0") DONE("0", WEB) TEXT("1", "Hi") END, "S <text text:Hi > =end u:9/5/4 ." },
{ "trap 37: and pass between equals", RELAY, START ITEM("0", WEB) E("web_search_call.completed", ",'output_index':0") DONE("0", WEB) TEXT("1", "Hi") END, "S <web_search_call * > <message text:Hi > =completed" },
{ "trap 38: unknown events and items", DECODE, START E("newest", ",'a':1") ITEM("0", "'type':'newest'") E("newest.delta", ",'output_index':0,'delta':'x'") DONE("0", "'type':'newest'") TEXT("1", "Hi") END, "S <text text:Hi > =end u:9/5/4 ." },
{ "trap 39: two starts", DECODE, START START TEXT("0", "Hi") END, "S <text text:Hi > =end u:9/5/4 ." },
{ "refusal", DECODE, START ITEM("0", "'type':'message'") DELTA("refusal", "0", "no") DONE("0", "'type':'message','content':[{'type':'refusal','refusal':'no'}]") END, "S <refusal text:no > =end u:9/5/4 ." },
{ "image", DECODE, START DONE("0", "'type':'image_generation_call','result':'QQ=='") END, "S <media text:data:image/png;base64,QQ== > =end u:9/5/4 ." },

{ "plain", ENCODE, CH("'content':'Hi'", "null") CH("", "'stop'") FIN, "S * <message * text:Hi * * > =completed" },
{ "reasoning first", ENCODE, CH("'reasoning_content':'t'", "null") CH("'content':'x'", "null") CH("", "'stop'") FIN, "S * <reasoning * think:t * * > <message * text:x * * > =completed" },
{ "trap 113: texts are one", ENCODE, CH("'content':'x'", "null") CH("'content':'y'", "null") CH("", "'length'") FIN, "S * <message * text:x text:y * * > =incomplete" },
{ "refusal after text", ENCODE, CH("'content':'x'", "null") CH("'refusal':'no'", "'stop'") FIN, "S * <message * text:x * * * no:no * * > =completed" },
{ "trap 36: call without arguments", ENCODE, CHCALL("0", "a", "f", "") CH("", "'tool_calls'") FIN, "S * <function_call json:{} * > =completed" },
{ "trap 19: two calls", ENCODE, CHCALL("0", "a", "f", "{}") CHCALL("0", "b", "f", "{}") CH("", "'tool_calls'") FIN, "S * <function_call json:{} * > <function_call json:{} * > =completed" },
{ "custom call", ENCODE, CHCALL("0", "a", "free", "{\\'input\\':\\'x\\'}") CH("", "'tool_calls'") FIN, "S * <custom_tool_call free:x * > =completed" },
{ "custom call without an object", ENCODE, CHCALL("0", "a", "free", "x") CH("", "'tool_calls'") FIN, "S * <custom_tool_call free:x * > =completed" },
{ "custom call of nothing", ENCODE, CHCALL("0", "a", "free", "{\\'input\\':\\'\\'}") CH("", "'tool_calls'") FIN, "S * <custom_tool_call * > =completed" },
{ "trap 116: cut arguments stay as they are", ENCODE, CHCALL("0", "a", "f", "{\\'x") CH("", "'length'") FIN, "S * <function_call json:{'x * > =incomplete" },
{ "signature of a call", ENCODE, CH("'tool_calls':[{'index':0,'id':'a','function':{'name':'f','arguments':'{}'},'extra_content':{'google':{'thought_signature':'SS'}}}]", "'tool_calls'") FIN,
  "S * <reasoning >+llmgw:google-call:a:SS <function_call json:{} * > =completed" },
{ "seal of another house", ENCODE, CH("'reasoning_details':[{'type':'reasoning.text','text':'t','signature':'s','format':'anthropic-claude-v1','index':0}]", "null") CH("'content':'x'", "'stop'") FIN,
  "S * <reasoning * think:t * * >+llmgw:anthropic:s <message * text:x * * > =completed" },
{ "hidden thought of another house", ENCODE, CH("'reasoning_details':[{'type':'reasoning.encrypted','data':'d','format':'anthropic-claude-v1','index':0}]", "null") CH("'content':'x'", "'stop'") FIN,
  "S * <reasoning >+llmgw:anthropic:!d <message * text:x * * > =completed" },
{ "trap 46: cut", ENCODE, CH("'content':'x'", "null"), "S * <message * text:x " BROKEN },
};
/* clang-format on */

/* --- what came out, in short --- */

static void
tell(struct buf *b, const char *word, struct str s)
{
	size_t i;

	if (b->n > 0)
		buf_addc(b, ' ');
	buf_add(b, str_from(word));
	for (i = 0; i < s.n; i++)
		if (s.p[i] == '\n')
			buf_add(b, STR("\\n"));
		else
			buf_addc(b, s.p[i] == '"' ? '\'' : s.p[i]);
}

static struct str
text_at(struct arena *a, struct str raw, const char *key)
{
	struct str s = jscan_text(jscan_at(raw, key), a);

	return s.p == NULL ? STR("") : s;
}

static void
tell_event(struct buf *b, struct str type, struct str data, struct arena *a)
{
	static const char *const words[][2] = {
		{ "response.output_text.delta", "text:" },
		{ "response.refusal.delta", "no:" },
		{ "response.reasoning_summary_text.delta", "think:" },
		{ "response.function_call_arguments.delta", "json:" },
		{ "response.custom_tool_call_input.delta", "free:" },
	};
	struct str item = jscan_at(data, "item"), seal;
	size_t i;

	for (i = 0; i < NROWS(words); i++)
		if (str_is(type, words[i][0])) {
			tell(b, words[i][1], text_at(a, data, "delta"));
			return;
		}
	if (str_is(type, "response.created"))
		tell(b, "S", STR(""));
	else if (str_is(type, "response.output_item.added"))
		tell(b, "<", text_at(a, item, "type"));
	else if (str_is(type, "response.output_item.done")) {
		seal = text_at(a, item, "encrypted_content");
		tell(b, seal.n > 0 ? ">+" : ">", seal);
	} else if (str_is(type, "response.completed") ||
	    str_is(type, "response.incomplete"))
		tell(b, "=", text_at(a, jscan_at(data, "response"), "status"));
	else
		tell(b, "*", STR(""));
}

/* Names and numbers of the events are checked on the way. */
static void
tell_events(struct buf *b, struct str out, bool ours, struct arena *a)
{
	struct str line, name = STR_NONE, type;
	int64_t next = 0, seq;

	while (out.n > 0) {
		line = str_split(&out, '\n');
		if (str_starts(line, "event: ")) {
			name = (struct str){ line.p + 7, line.n - 7 };
			continue;
		}
		if (line.n == 0)
			continue;
		ck_assert(str_starts(line, "data: "));
		line = (struct str){ line.p + 6, line.n - 6 };
		ck_assert_msg(jscan_is_object(line), "%.*s",
		    (int)(line.n > 300 ? 300 : line.n), line.p);
		type = text_at(a, line, "type");
		ck_assert(str_eq(type, name));
		if (ours) {
			ck_assert(
			    jscan_int(jscan_at(line, "sequence_number"), &seq));
			ck_assert_int_eq(seq, next++);
		}
		tell_event(b, type, line, a);
	}
}

/* Neutral events, in short. */
struct teller {
	struct llm_sink sink;
	struct buf *b;
	struct arena *a;
};

static void
tell_open(struct teller *t, const struct llm_event *ev)
{
	static const char *const kinds[] = { "<text", "<media",
		"<call:", "<result", "<think", "<refusal", "<native" };

	if (ev->open.kind == LLM_CALL) {
		tell(t->b, ev->open.custom ? "<custom:" : kinds[LLM_CALL],
		    arena_fmt(t->a, "%.*s:%.*s", STR_ARG(ev->open.id),
			STR_ARG(ev->open.name)));
		return;
	}
	tell(t->b,
	    ev->open.kind == LLM_REASONING && ev->open.hidden ?
		"<hidden" :
		kinds[ev->open.kind],
	    STR(""));
	if (ev->open.kind == LLM_REASONING)
		ck_assert_int_eq(ev->open.by, LLM_BY_OPENAI);
}

static int
tell_put(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	static const char *const whys[] = { "none", "end", "length", "calls",
		"sequence", "filter", "other" };
	struct teller *t = (struct teller *)s;

	(void)e;
	if (ev->kind == LLM_EV_START)
		tell(t->b, "S", STR(""));
	else if (ev->kind == LLM_EV_OPEN)
		tell_open(t, ev);
	else if (ev->kind == LLM_EV_CLOSE)
		tell(t->b, ">", STR(""));
	else if (ev->kind == LLM_EV_STOP)
		tell(t->b, "=", str_from(whys[ev->stop.why]));
	else if (ev->kind == LLM_EV_END)
		tell(t->b, ".", STR(""));
	else if (ev->kind == LLM_EV_USAGE)
		tell(t->b, "u:",
		    arena_fmt(t->a, "%d/%d/%d", (int)ev->usage.input,
			(int)ev->usage.cache_read, (int)ev->usage.output));
	else if (ev->kind == LLM_EV_DELTA) {
		if (ev->delta.text.n > 0)
			tell(t->b, "text:", ev->delta.text);
		if (ev->delta.seal.n > 0)
			tell(t->b, "seal:", ev->delta.seal);
		if (ev->delta.cite != NULL)
			tell(t->b, "cite:", ev->delta.cite->url);
	}
	return 0;
}

/* --- streams --- */

struct run {
	const struct dialect *up;
	struct frame frame;
	void *state;
	struct arena *scratch;
	struct llm_sink *to; /* NULL: patched */
	struct buf out;
	struct llm_usage usage;
};

static int
on_sse(void *arg, const struct sse_event *ev, struct err *e)
{
	struct run *r = arg;
	int rc = r->to == NULL ?
	    r->up->relay_event(
		r->state, r->scratch, &r->frame, ev, &r->out, e) :
	    r->up->decode_event(r->state, r->scratch, &r->frame, ev, r->to, e);

	arena_reset(r->scratch);
	return rc;
}

struct coder {
	struct llm_sink sink;
	struct run *r;
	void *enc;
};

static int
coder_put(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	struct coder *c = (struct coder *)s;
	struct tail tail = { &c->r->usage, NULL, STR("{}") };

	(void)e;
	dialect_openai_responses.encode_event(
	    c->enc, &c->r->frame, ev, &tail, &c->r->out);
	return 0;
}

static int
feed(struct run *r, struct str in, struct err *e)
{
	struct tail tail = { &r->usage, NULL, STR("{}") };
	struct sse sse = SSE_INIT;
	int rc = sse_feed(&sse, in, on_sse, r, e);

	if (rc == 0)
		rc = sse_end(&sse, on_sse, r, e);
	if (rc != -1)
		rc = r->to == NULL ? r->up->relay_end(r->state, r->scratch,
					 &r->frame, &tail, &r->out, e) :
				     r->up->decode_end(r->state, r->to, e);
	sse_free(&sse);
	return rc;
}

static const char asking[] =
    "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":\"custom\","
    "\"name\":\"free\"}]}";

static const void *
note(struct arena *a)
{
	struct llm_request r = { .from = &dialect_openai_responses,
		.body = str_from(asking) };
	struct err e = { 0 };

	ck_assert_int_eq(r.from->peek(&r, a, &e), 0);
	return r.from->note(&r, a);
}

START_TEST(streams)
{
	const struct dialect *self = &dialect_openai_responses;
	struct arena *a = arena_new(4096, 16 << 20);
	struct buf told = BUF_LIMIT(1 << 16);
	struct run r = { .out = { .limit = 1 << 20 },
		.scratch = arena_new(4096, 16 << 20),
		.frame = { .model = STR("p/m"),
		    .id = STR("resp_own"),
		    .asked = note(a) },
		.up = cases[_i].way == ENCODE ? &dialect_openai_chat : self };
	struct teller teller = { { tell_put }, &told, a };
	struct coder coder = { { coder_put }, &r,
		arena_zalloc(a, self->enc_size) };
	struct llm_grammar g;
	struct str want = str_from(cases[_i].out);
	struct err e = { 0 };
	int rc;

	r.state = arena_zalloc(
	    a, cases[_i].way == RELAY ? self->relay_size : r.up->dec_size);
	llm_grammar_init(
	    &g, cases[_i].way == DECODE ? &teller.sink : &coder.sink);
	r.to = cases[_i].way == RELAY ? NULL : &g.sink;
	rc = feed(&r, table_json(a, cases[_i].in), &e);
	tell_events(&told, buf_str(&r.out), cases[_i].way == ENCODE, a);
	if (rc == -1 && e.status != 0)
		tell(&told, "!", arena_fmt(a, "%d %s", e.status, e.msg));
	else if (rc == -1)
		tell(&told, "!", str_from(e.msg));
	ck_assert_msg(str_eq(buf_str(&told), want), "%s (%d):\n%.*s\n%.*s",
	    cases[_i].name, _i, STR_ARG(buf_str(&told)), STR_ARG(want));
	if (cases[_i].way == RELAY)
		self->relay_free(r.state);
	else
		r.up->decode_free(r.state);
	self->encode_free(coder.enc);
	buf_free(&r.out);
	buf_free(&told);
	arena_free(r.scratch);
	arena_free(a);
}
END_TEST

/* --- failures --- */

static struct str
failure(struct arena *a, void *enc, void *relayed)
{
	static const struct frame f = { .model = STR("p/m"),
		.id = STR("resp_own") };
	struct buf b = BUF_LIMIT(1 << 16);
	struct err e = { .code = ERR_UPSTREAM, .msg = "boom" };
	struct str s;

	dialect_openai_responses.encode_failure(enc, relayed, &f, &e, &b);
	s = arena_dup(a, buf_str(&b));
	buf_free(&b);
	return s;
}

START_TEST(failures)
{
	const struct dialect *d = &dialect_openai_responses;
	struct arena *a = arena_new(4096, 1 << 20);
	void *enc = arena_zalloc(a, d->enc_size);
	void *relayed = arena_zalloc(a, d->relay_size);
	struct llm_event ev = { .kind = LLM_EV_START };
	struct frame f = { .id = STR("resp_own") };
	struct buf out = BUF_LIMIT(1 << 16);
	struct err e = { 0 };
	struct str s;

	s = failure(a, NULL, NULL);
	ck_assert(str_is(s,
	    "event: error\ndata: {\"type\":\"error\",\"code\":"
	    "\"upstream_error\",\"message\":\"boom\",\"param\":null,"
	    "\"sequence_number\":0}\n\n"));
	ck_assert(str_eq(failure(a, enc, NULL), s));
	ck_assert(str_eq(failure(a, NULL, relayed), s));

	memset(enc, 0, d->enc_size);
	d->encode_event(enc, &f, &ev, NULL, &out);
	s = failure(a, enc, NULL);
	ck_assert(str_starts(s,
	    "event: response.failed\ndata: {\"type\":\"response.failed\","
	    "\"sequence_number\":2,\"response\":{\"id\":\"resp_own\","));
	buf_clear(&out);
	ev = (struct llm_event){ .kind = LLM_EV_END };
	d->encode_event(enc, &f, &ev, NULL, &out);
	ck_assert_uint_eq(out.n, 0); /* the end has been told */

	ck_assert_int_eq(
	    d->relay_event(relayed, a, &f,
		&(struct sse_event){
		    .data = STR("{\"type\":\"response.created\","
				"\"sequence_number\":6,\"response\":{"
				"\"id\":\"resp_up\"}}") },
		&out, &e),
	    0);
	s = failure(a, NULL, relayed);
	ck_assert(str_starts(s,
	    "event: response.failed\ndata: {\"type\":\"response.failed\","
	    "\"sequence_number\":7,\"response\":{\"id\":\"resp_up\","));
	d->encode_free(enc);
	d->relay_free(relayed);
	buf_free(&out);
	arena_free(a);
}
END_TEST

/* What is too long to be told again is left out, and what is told is JSON. */
START_TEST(long_text)
{
	const struct dialect *d = &dialect_openai_responses;
	struct arena *a = arena_new(4096, 1 << 20);
	void *enc = arena_zalloc(a, d->enc_size);
	struct frame f = { .id = STR("resp_own") };
	struct llm_event ev = { .kind = LLM_EV_START };
	struct buf out = BUF_LIMIT(256 << 20), told = BUF_LIMIT(4096);
	struct llm_usage usage = { .output = 1 };
	struct tail tail = { &usage, NULL, STR("{}") };
	static char text[1 << 20];
	int i;

	memset(text, '"', sizeof(text));
	d->encode_event(enc, &f, &ev, NULL, &out);
	ev = (struct llm_event){ .kind = LLM_EV_OPEN };
	ev.open.kind = _i == 0 ? LLM_TEXT : LLM_CALL;
	d->encode_event(enc, &f, &ev, NULL, &out);
	ev = (struct llm_event){ .kind = LLM_EV_DELTA };
	ev.delta.text = (struct str){ text, sizeof(text) };
	for (i = 0; i < 20; i++)
		d->encode_event(enc, &f, &ev, NULL, &out);
	buf_clear(&out);
	ev = (struct llm_event){ .kind = LLM_EV_CLOSE };
	d->encode_event(enc, &f, &ev, NULL, &out);
	ev = (struct llm_event){ .kind = LLM_EV_STOP };
	d->encode_event(enc, &f, &ev, NULL, &out);
	ev = (struct llm_event){ .kind = LLM_EV_END };
	d->encode_event(enc, &f, &ev, &tail, &out);
	ck_assert(!out.full);
	tell_events(&told, buf_str(&out), false, a);
	ck_assert(str_is(
	    buf_str(&told), _i == 0 ? "* * > =completed" : "* > =completed"));
	d->encode_free(enc);
	buf_free(&out);
	buf_free(&told);
	arena_free(a);
}
END_TEST

/* --- requests --- */

#define ASK(input, rest) "{'model':'m','input':[" input "]" rest "}"
#define CHAT(messages, rest) "{'model':'m','messages':[" messages "]" rest "}"
#define USER "{'role':'user','content':'x'}"
#define CALL                                                                   \
	"{'type':'function_call','call_id':'a','name':'f','arguments':'{}'}"

/* clang-format off */
static const struct {
	const char *name;
	const char *from;
	const char *to;
	const char *in;
	const char *part; /* of the body that is sent; "!": must not be there */
	const char *dropped; /* a part of the list, or NULL */
} requests[] = {
{ "trap 64: empty texts", "openai-chat", "openai-responses", CHAT("{'role':'user','content':[{'type':'text','text':''},{'type':'text','text':'x'}]}", ""), "'content':[{'type':'input_text','text':'x'}]", NULL },
{ "trap 76: a seal of another house stays here", "openai-responses", "openai-chat", ASK(USER ",{'type':'reasoning','summary':[{'type':'summary_text','text':'t'}],'encrypted_content':'llmgw:anthropic:s'}", ""),
  "'signature':'s','format':'anthropic-claude-v1'", NULL },
{ "trap 76: and goes home", "openai-responses", "anthropic-messages", ASK(USER ",{'type':'reasoning','summary':[{'type':'summary_text','text':'t'}],'encrypted_content':'llmgw:anthropic:s'}," CALL ",{'type':'function_call_output','call_id':'a','output':'y'}", ",'reasoning':{'effort':'high'}"),
  "{'type':'thinking','thinking':'t','signature':'s'}", NULL },
{ "trap 76: so does what is hidden", "openai-responses", "anthropic-messages", ASK(USER ",{'type':'reasoning','summary':[],'encrypted_content':'llmgw:anthropic:!d'}," CALL ",{'type':'function_call_output','call_id':'a','output':'y'}", ",'reasoning':{'effort':'high'}"),
  "{'type':'redacted_thinking','data':'d'}", NULL },
{ "trap 75: ours is nobody else's", "openai-responses", "anthropic-messages", ASK(USER ",{'type':'reasoning','summary':[{'type':'summary_text','text':'t'}],'encrypted_content':'gAAA'}," USER, ""), "!gAAA", NULL },
{ "trap 75: theirs is not ours", "openai-chat", "openai-responses", CHAT(USER ",{'role':'assistant','content':'y','reasoning_details':[{'type':'reasoning.text','text':'t','signature':'s','format':'anthropic-claude-v1','index':0}]}," USER, ""), "!reasoning','", NULL },
{ "trap 98: reasoning without a seal is left out", "openai-chat", "openai-responses", CHAT(USER ",{'role':'assistant','content':'y','reasoning_content':'t'}," USER, ""), "!'t'", NULL },
{ "trap 78: the signature of a call", "openai-responses", "openai-chat", ASK(USER ",{'type':'reasoning','summary':[],'encrypted_content':'llmgw:google-call:a:SS'}," CALL, ""), "'thought_signature':'SS'", NULL },
{ "trap 90: a tool without parameters", "openai-chat", "openai-responses", CHAT(USER, ",'tools':[{'type':'function','function':{'name':'f'}}]"), "'parameters':{'type':'object','properties':{}},'strict':false", NULL },
{ "trap 100: the limit has another name", "openai-chat", "openai-responses", CHAT(USER, ",'max_completion_tokens':100"), "'max_output_tokens':100", NULL },
{ "trap 102: calls without content", "openai-responses", "openai-chat", ASK(USER "," CALL, ""), "'content':null,'tool_calls'", NULL },
{ "trap 103: lone surrogates", "openai-responses", "openai-chat", ASK("{'role':'user','content':'\\ud800'}", ""), "\xef\xbf\xbd", NULL },
{ "trap 104: numbers keep their text", "openai-responses", "openai-responses", ASK(USER, ",'x':1.10,'max_output_tokens':100.0"), "'x':1.10,'max_output_tokens':100.0", NULL },
{ "trap 106: image/jpg", "openai-responses", "anthropic-messages", ASK("{'role':'user','content':[{'type':'input_image','image_url':'data:image/jpg;base64,/9j/4AAQ'}]}", ""), "'media_type':'image/jpeg'", NULL },
{ "nothing is stored", "openai-responses", "openai-responses", ASK(USER, ",'store':true"), "'store':false", NULL },
{ "the gateway's members go", "openai-responses", "openai-responses", ASK(USER, ",'routing':'price'"), "!routing", NULL },
{ "seeds and penalties have no place", "openai-chat", "openai-responses", CHAT(USER, ",'seed':1,'presence_penalty':1"), "!seed", "presence_penalty,seed" },
{ "hints", "openai-responses", "openai-chat", ASK(USER, ",'truncation':'auto','include':['reasoning.encrypted_content'],'client_metadata':{}"), "!truncation", "truncation,include,client_metadata" },
{ "verbosity stands in text", "openai-chat", "openai-responses", CHAT(USER, ",'verbosity':'low'"), "'text':{'verbosity':'low'}", NULL },
{ "allowed tools", "openai-responses", "openai-chat", ASK(USER, ",'tools':[{'type':'function','name':'f'},{'type':'function','name':'g'}],'tool_choice':{'type':'allowed_tools','mode':'required','tools':[{'type':'function','name':'g'}]}"),
  "'tools':[{'type':'function','function':{'name':'g'}}],'tool_choice':'required'", NULL },
{ "a namespace elsewhere", "openai-responses", "openai-chat", ASK("{'role':'user','content':'x'},{'type':'function_call','call_id':'c','namespace':'m','name':'f','arguments':'{}'},{'type':'function_call_output','call_id':'c','output':'y'}", ",'tools':[{'type':'namespace','name':'m','description':'d','tools':[{'type':'function','name':'f'}]}]"),
  "'function':{'name':'m__f','arguments':'{}'}", NULL },
{ "its tools", "openai-responses", "openai-chat", ASK(USER, ",'tools':[{'type':'function','name':'g'},{'type':'namespace','name':'m','tools':[{'type':'function','name':'f','parameters':{}}]}],'tool_choice':{'type':'function','namespace':'m','name':'f'}"),
  "'function':{'name':'m__f','parameters':{}", NULL },
{ "one of them is chosen", "openai-responses", "openai-chat", ASK(USER, ",'tools':[{'type':'namespace','name':'m','tools':[{'type':'function','name':'f'}]}],'tool_choice':{'type':'function','namespace':'m','name':'f'}"),
  "'tool_choice':{'type':'function','function':{'name':'m__f'}}", NULL },
{ "custom tools elsewhere", "openai-responses", "anthropic-messages", ASK(USER, ",'tools':[{'type':'custom','name':'f'}],'tool_choice':{'type':'custom','name':'f'}"), "'input_schema':{'type':'object','properties':{'input':{'type':'string'}}", NULL },
{ "custom tools at home", "openai-chat", "openai-responses", CHAT(USER, ",'tools':[{'type':'custom','custom':{'name':'f'}}],'tool_choice':{'type':'custom','custom':{'name':'f'}}"), "'tools':[{'type':'custom','name':'f'}],'tool_choice':{'type':'custom','name':'f'}", NULL },
};
/* clang-format on */

START_TEST(translations)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf out = BUF_LIMIT(1 << 16), dropped = BUF_LIMIT(4096);
	struct llm_aim aim = { .arena = a,
		.model = STR("m"),
		.caps = LLM_NEEDS_MASK & ~(unsigned)LLM_CAN_SEARCH,
		.max_output = 64000,
		.dropped = &dropped };
	struct llm_request r = { .from = dialect_find(
				     str_from(requests[_i].from)) };
	struct str part = table_json(a, requests[_i].part);
	const char *want = requests[_i].dropped;
	bool absent = part.p[0] == '!', found;
	struct err e = { 0 };

	r.body = table_json(a, requests[_i].in);
	ck_assert_msg(
	    r.from->peek(&r, a, &e) == 0, "%s: %s", requests[_i].name, e.msg);
	if (dialect_body(dialect_find(str_from(requests[_i].to)), &r, &aim,
		NULL, 0, &out, &e) == -1)
		ck_abort_msg("%s: %s", requests[_i].name, e.msg);
	if (absent) {
		part.p++;
		part.n--;
	}
	found = memmem(out.p, out.n, part.p, part.n) != NULL;
	ck_assert_msg(found != absent, "%s:\n%.*s", requests[_i].name,
	    STR_ARG(buf_str(&out)));
	ck_assert_msg(want == NULL ||
		memmem(buf_str(&dropped).p, dropped.n, want, strlen(want)) !=
		    NULL,
	    "%s: %.*s", requests[_i].name, STR_ARG(buf_str(&dropped)));
	buf_free(&out);
	buf_free(&dropped);
	arena_free(a);
}
END_TEST

CASE(case_responses)
{
	TCase *t = tcase_create("responses");

	tcase_add_loop_test(t, streams, 0, NROWS(cases));
	tcase_add_test(t, failures);
	tcase_add_loop_test(t, long_text, 0, 2);
	tcase_add_loop_test(t, translations, 0, NROWS(requests));
	return t;
}
