/*
 * Streams from and to Anthropic's messages, rule by rule.  In the tables ' stands
 * for ".  What comes out is told in short:
 *
 *	messages: S start, <type begins, text:, think:, sign:, json:, cite: of
 *	    deltas, > ends, =reason, .  the end, * another event
 *	chat: r role, text:, think:, k0:name begins, a0:arguments, f:reason,
 *	    u:prompt/completion/cached/written
 */
#include <stdio.h>

#include "dialect/dialect.h"
#include "fixture.h"
#include "room.h"
#include "table.h"

#define E(type, rest) "event: " type "\ndata: {'type':'" type "'" rest "}\n\n"
#define START                                                                  \
	E("message_start",                                                     \
	    ",'message':{'id':'msg_1','content':[],'usage':{"                  \
	    "'input_tokens':3,'cache_read_input_tokens':2,"                    \
	    "'cache_creation_input_tokens':1,'output_tokens':1}}")
#define OPEN(n, block)                                                         \
	E("content_block_start", ",'index':" n ",'content_block':{" block "}")
#define DELTA(n, delta)                                                        \
	E("content_block_delta", ",'index':" n ",'delta':{" delta "}")
#define STOP(n) E("content_block_stop", ",'index':" n)
#define TEXT(n, s)                                                             \
	OPEN(n, "'type':'text','text':''")                                     \
	DELTA(n, "'type':'text_delta','text':'" s "'") STOP(n)
#define WHY(reason)                                                            \
	E("message_delta",                                                     \
	    ",'delta':{'stop_reason':'" reason "','stop_sequence':null},"      \
	    "'usage':{'output_tokens':7}")
#define END E("message_stop", "")
#define DONE WHY("end_turn") END
#define TOOL(n, id, input)                                                     \
	OPEN(n, "'type':'tool_use','id':'" id "','name':'f','input':" input)

#define CH(delta, finish)                                                      \
	"data: {'id':'i','created':5,'choices':[{'index':0,'delta':{" delta    \
	"},'finish_reason':" finish "}]}\n\n"
#define USAGE                                                                  \
	"data: {'choices':[],'usage':{'prompt_tokens':9,"                      \
	"'completion_tokens':4,'prompt_tokens_details':{'cached_tokens':5}}}"  \
	"\n\n"
#define FIN "data: [DONE]\n\n"
#define CALL(n, id, name, args)                                                \
	CH("'tool_calls':[{'index':" n ",'id':'" id                            \
	   "','function':{'name':'" name "','arguments':'" args "'}}]",        \
	    "null")

enum way { RELAY, TO_CHAT, FROM_CHAT, TO_SELF };

/* clang-format off */
static const struct {
	const char *name;
	enum way way;
	const char *in;
	const char *out; /* "!" and a message: refused */
} cases[] = {
{ "plain", RELAY, START TEXT("0", "Hi") DONE, "S <text text:Hi > =end_turn ." },
{ "plain, trap 110: cached tokens are of the prompt", TO_CHAT, START TEXT("0", "Hi") DONE, "r text:Hi f:stop u:6/7/2/1" },
{ "plain", TO_SELF, START TEXT("0", "Hi") DONE, "S <text text:Hi > =end_turn ." },
{ "trap 46: cut", RELAY, START TEXT("0", "Hi"), "S <text text:Hi > !Upstream stream ended before its finish" },
{ "trap 46: cut", TO_CHAT, START TEXT("0", "Hi"), "r text:Hi !Upstream stream ended before its finish" },
{ "cut before message_stop", RELAY, START TEXT("0", "Hi") WHY("end_turn"), "S <text text:Hi > !Upstream stream ended before its finish" },
{ "nothing at all", RELAY, "", "!Upstream stream ended before its finish" },
{ "trap 13: overloaded", RELAY, "event: error\ndata: {'type':'error','error':{'type':'overloaded_error','message':'Overloaded'}}\n\n", "!529 Overloaded" },
{ "trap 13: overloaded", TO_CHAT, START "event: error\ndata: {'type':'error','error':{'type':'overloaded_error','message':'Overloaded'}}\n\n", "!529 Overloaded" },
{ "trap 11: rate limit", TO_CHAT, "data: {'error':{'type':'rate_limit_error','message':'slow'}}\n\n", "!429 slow" },
{ "no content", RELAY, START DONE, "S =end_turn ." },
{ "no content, no tokens", RELAY, E("message_start", ",'message':{}") E("message_delta", ",'delta':{'stop_reason':'end_turn'}") END,
  "S !Response finished successfully but returned no content or tool calls" },
{ "no content, no tokens", TO_CHAT, E("message_start", ",'message':{}") E("message_delta", ",'delta':{'stop_reason':'end_turn'}") END,
  "!Response finished successfully but returned no content or tool calls" },
{ "what is no JSON is skipped", RELAY, START "data: oops\n\n" TEXT("0", "Hi") DONE, "S <text text:Hi > =end_turn ." },
{ "pings pass once it has begun", RELAY, E("ping", "") START E("ping", "") TEXT("0", "Hi") DONE, "S * <text text:Hi > =end_turn ." },
{ "trap 19, 20: calls are counted", TO_CHAT, START TEXT("0", "x") TOOL("1", "a", "{}") DELTA("1", "'type':'input_json_delta','partial_json':'{}'") STOP("1") TOOL("2", "b", "{}") STOP("2") WHY("tool_use") END,
  "r text:x k0:f a0:{} k1:f a1:{} f:tool_calls u:6/7/2/1" },
{ "trap 34: counts overwrite", TO_CHAT, START TEXT("0", "Hi") E("message_delta", ",'delta':{'stop_reason':'end_turn'},'usage':{'input_tokens':1,'cache_read_input_tokens':4,'output_tokens':8}") END,
  "r text:Hi f:stop u:6/8/4/1" },
{ "trap 36: call without arguments", TO_CHAT, START TOOL("0", "a", "{}") DELTA("0", "'type':'input_json_delta','partial_json':''") STOP("0") WHY("tool_use") END,
  "r k0:f a0:{} f:tool_calls u:6/7/2/1" },
{ "arguments in the start", TO_CHAT, START TOOL("0", "a", "{'x':1.10}") STOP("0") WHY("tool_use") END, "r k0:f a0:{'x':1.10} f:tool_calls u:6/7/2/1" },
{ "trap 37: server tools are hidden", TO_CHAT, START OPEN("0", "'type':'server_tool_use','id':'s','name':'web_search','input':{}") DELTA("0", "'type':'input_json_delta','partial_json':'{}'") STOP("0")
  OPEN("1", "'type':'web_search_tool_result','content':[]") STOP("1") TEXT("2", "Hi") DONE, "r text:Hi f:stop u:6/7/2/1" },
{ "trap 37: and pass between equals", RELAY, START OPEN("0", "'type':'server_tool_use','id':'s','name':'web_search','input':{}") STOP("0") TEXT("1", "Hi") DONE,
  "S <server_tool_use > <text text:Hi > =end_turn ." },
{ "trap 38: unknown blocks, deltas and events", TO_CHAT, START OPEN("0", "'type':'compaction'") DELTA("0", "'type':'compaction_delta','content':'c'") STOP("0") E("newest", ",'a':1") TEXT("1", "Hi") DONE,
  "r text:Hi f:stop u:6/7/2/1" },
{ "trap 38: and pass between equals", RELAY, START OPEN("0", "'type':'compaction'") DELTA("0", "'type':'compaction_delta','content':'c'") STOP("0") E("newest", ",'a':1") TEXT("1", "Hi") DONE,
  "S <compaction * > * <text text:Hi > =end_turn ." },
{ "trap 39: two starts", RELAY, START START TEXT("0", "Hi") DONE, "S <text text:Hi > =end_turn ." },
{ "trap 39: two starts", TO_CHAT, START START TEXT("0", "Hi") DONE, "r text:Hi f:stop u:6/7/2/1" },
{ "thinking and its signature", TO_SELF, START OPEN("0", "'type':'thinking','thinking':''") DELTA("0", "'type':'thinking_delta','thinking':'t'") DELTA("0", "'type':'signature_delta','signature':'s'") STOP("0")
  OPEN("1", "'type':'redacted_thinking','data':'d'") STOP("1") TEXT("2", "Hi") DONE, "S <thinking+ think:t sign:s > <redacted_thinking > <text text:Hi > =end_turn ." },
{ "trap 55: signature is a member between equals too", RELAY, START OPEN("0", "'type':'thinking','thinking':''") STOP("0") TEXT("1", "Hi") DONE,
  "S <thinking+ > <text text:Hi > =end_turn ." },
{ "empty text blocks are not told", TO_SELF, START OPEN("0", "'type':'text','text':''") STOP("0") TEXT("1", "Hi") DONE, "S <text text:Hi > =end_turn ." },
{ "trap 116: cut arguments stay as they are", TO_CHAT, START TOOL("0", "a", "{}") DELTA("0", "'type':'input_json_delta','partial_json':'{\\'x'") STOP("0") WHY("max_tokens") END,
  "r k0:f a0:{'x f:length u:6/7/2/1" },
{ "trap 127: pause_turn", TO_CHAT, START TEXT("0", "Hi") WHY("pause_turn") END, "r text:Hi f:stop u:6/7/2/1" },
{ "trap 127: pause_turn stays", RELAY, START TEXT("0", "Hi") WHY("pause_turn") END, "S <text text:Hi > =pause_turn ." },
{ "trap 127: pause_turn stays through events", TO_SELF, START TEXT("0", "Hi") WHY("pause_turn") END, "S <text text:Hi > =pause_turn ." },
{ "context window", TO_CHAT, START TEXT("0", "Hi") WHY("model_context_window_exceeded") END, "r text:Hi f:length u:6/7/2/1" },
{ "refusal", TO_CHAT, START E("message_delta", ",'delta':{'stop_reason':'refusal','stop_details':{'explanation':'no'}},'usage':{'output_tokens':2}") END, "r no:no f:content_filter u:6/2/2/1" },
{ "blocks that count from 1", RELAY, START TEXT("1", "a") TEXT("3", "b") DONE, "S <text text:a > <text text:b > =end_turn ." },
{ "a block without its start", RELAY, START DELTA("0", "'type':'text_delta','text':'a'") STOP("0") OPEN("1", "'type':'text','text':''") STOP("1") DONE, "S <text text:a > <text > =end_turn ." },
{ "thoughts without their start", RELAY, START DELTA("0", "'type':'thinking_delta','thinking':'t'") TEXT("1", "a") DONE, "S <thinking+ think:t > <text text:a > =end_turn ." },
{ "blocks that overlap", RELAY, START OPEN("0", "'type':'text','text':''") TOOL("1", "x", "{}") DELTA("1", "'type':'input_json_delta','partial_json':'{}'") DELTA("0", "'type':'text_delta','text':'a'") STOP("0") STOP("1") WHY("tool_use") END,
  "S <text > <tool_use json:{} > <text text:a > =tool_use ." },
{ "arguments of nobody's call", RELAY, START TOOL("0", "x", "{}") TEXT("1", "a") DELTA("0", "'type':'input_json_delta','partial_json':'{}'") WHY("tool_use") END,
  "S <tool_use > <text text:a > !Upstream stream ended before its finish" },
{ "a delta that nobody knows, outside", RELAY, START TEXT("0", "a") DELTA("0", "'type':'newest'") STOP("0") DONE, "S <text text:a > =end_turn ." },
{ "trap 28: end_turn with a call", RELAY, START TOOL("0", "x", "{}") STOP("0") DONE, "S <tool_use > =tool_use ." },
{ "block left open", RELAY, START OPEN("0", "'type':'text','text':''") DELTA("0", "'type':'text_delta','text':'x'") DONE, "S <text text:x > =end_turn ." },

{ "trap 47: reasoning first", FROM_CHAT, CH("'reasoning_content':'t'", "null") CH("'content':'x'", "null") CH("", "'stop'") USAGE FIN, "S <thinking+ think:t > <text text:x > =end_turn ." },
{ "trap 48, 49: the piece that switches is sent", FROM_CHAT, CH("'content':'x'", "null") CH("'reasoning_content':'t'", "null") CH("'content':'y'", "null") CH("", "'stop'") FIN,
  "S <text text:x > <thinking+ think:t > <text text:y > =end_turn ." },
{ "trap 50: one start", FROM_CHAT, CH("'role':'assistant','content':''", "null") CH("'role':'assistant','content':'x'", "null") CH("", "'stop'") FIN, "S <text text:x > =end_turn ." },
{ "trap 51: arguments in the chunk of the finish", FROM_CHAT, CALL("0", "a", "f", "") CH("'tool_calls':[{'index':0,'function':{'arguments':'{}'}}]", "'tool_calls'") FIN,
  "S <tool_use json:{} > =tool_use ." },
{ "trap 52: no usage", FROM_CHAT, CH("'content':'x'", "'stop'") FIN, "S <text text:x > =end_turn ." },
{ "trap 53: usage is not the end", FROM_CHAT, CALL("0", "a", "f", "{") "data: {'choices':[],'usage':{'prompt_tokens':1,'completion_tokens':1}}\n\n" CH("'tool_calls':[{'index':0,'function':{'arguments':'}'}}]", "'tool_calls'") FIN,
  "S <tool_use json:{} > =tool_use ." },
{ "trap 59: overlapping calls", FROM_CHAT, CALL("0", "a", "f", "{") CALL("1", "b", "g", "{") CH("'tool_calls':[{'index':0,'function':{'arguments':'}'}}]", "null") CH("'tool_calls':[{'index':1,'function':{'arguments':'}'}}]", "'tool_calls'") FIN,
  "S <tool_use json:{} > <tool_use json:{} > =tool_use ." },
{ "trap 25: arguments that parse are not the last", FROM_CHAT, CALL("0", "a", "f", "{}") CH("'tool_calls':[{'index':0,'function':{'arguments':' '}}]", "null") CALL("1", "b", "g", "{}") CH("", "'tool_calls'") FIN,
  "S <tool_use json:{}  > <tool_use json:{} > =tool_use ." },
{ "trap 28: stop with a call", FROM_CHAT, CALL("0", "a", "f", "{}") CH("", "'stop'") FIN, "S <tool_use json:{} > =tool_use ." },
{ "empty deltas open nothing", FROM_CHAT, CH("'content':'','tool_calls':[]", "null") CH("'content':'x'", "null") CH("'content':null", "'length'") FIN, "S <text text:x > =max_tokens ." },
{ "refusal text", FROM_CHAT, CH("'refusal':'no'", "'stop'") FIN, "S <text text:no > =refusal ." },
};
/* clang-format on */

struct run {
	const struct dialect *up;
	const struct dialect *client;
	struct frame frame;
	struct arena *a;
	struct arena *scratch;
	void *state;
	void *enc;
	struct llm_sink sink;
	struct llm_usage usage;
	struct buf out;
	bool relay;
};

static int
on_put(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	struct run *r =
	    (struct run *)(void *)((char *)s - offsetof(struct run, sink));
	struct tail tail = { .usage = &r->usage };

	(void)e;
	if (ev->kind == LLM_EV_USAGE)
		r->usage = ev->usage;
	r->client->encode_event(r->enc, &r->frame, ev, &tail, &r->out);
	return 0;
}

static int
on_sse(void *arg, const struct sse_event *ev, struct err *e)
{
	struct run *r = arg;
	int rc = r->relay ? r->up->relay_event(r->state, r->scratch, &r->frame,
				ev, &r->out, e) :
			    r->up->decode_event(r->state, r->scratch, &r->frame,
				ev, &r->sink, e);

	arena_reset(r->scratch);
	return rc;
}

static int
finish(struct run *r, struct err *e)
{
	struct tail tail = { .usage = &r->usage };

	if (!r->relay)
		return r->up->decode_end(r->state, &r->sink, e);
	r->usage = r->up->relay_facts(r->state)->usage;
	return r->up->relay_end(
	    r->state, r->scratch, &r->frame, &tail, &r->out, e);
}

/* --- what came out, in short --- */

static struct str
word(struct str raw, const char *key, struct arena *a)
{
	return jscan_text(jscan_at(raw, key), a);
}

static void
say(struct buf *b, const char *what, struct str s)
{
	if (s.p == NULL)
		return;
	if (b->n > 0)
		buf_addc(b, ' ');
	buf_add(b, str_from(what));
	buf_add(b, s);
}

static void
tell_delta(struct buf *b, struct str d, struct arena *a)
{
	size_t n = b->n;

	say(b, "text:", word(d, "text", a));
	say(b, "think:", word(d, "thinking", a));
	say(b, "sign:", word(d, "signature", a));
	say(b, "json:", word(d, "partial_json", a));
	if (jscan_at(d, "citation").p != NULL)
		say(b, "cite:", word(jscan_at(d, "citation"), "url", a));
	if (b->n == n)
		say(b, "*", STR(""));
}

/* Numbers of blocks count from 0, and all of a block has its own. */
static void
check_index(const struct buf *b, struct str raw, bool starts)
{
	struct str index = jscan_at(raw, "index");
	int64_t n, seen = 0;
	size_t i;

	if (index.p == NULL)
		return;
	for (i = 0; i < b->n; i++)
		seen += b->p[i] == '<';
	ck_assert(jscan_int(index, &n));
	ck_assert_int_eq(n + !starts, seen);
}

static void
tell_message(struct buf *b, struct str raw, struct arena *a)
{
	struct str type = word(raw, "type", a), block, delta;

	block = jscan_at(raw, "content_block");
	delta = jscan_at(raw, "delta");
	if (str_is(type, "message_start"))
		say(b, "S", STR(""));
	else if (str_is(type, "content_block_start")) {
		check_index(b, raw, true);
		say(b, "<", word(block, "type", a));
		if (word(block, "signature", a).p != NULL)
			buf_addc(b, '+');
	} else if (str_is(type, "content_block_delta")) {
		check_index(b, raw, false);
		tell_delta(b, delta, a);
	} else if (str_is(type, "content_block_stop")) {
		check_index(b, raw, false);
		say(b, ">", STR(""));
	} else if (str_is(type, "message_delta"))
		say(b, "=", word(delta, "stop_reason", a));
	else if (str_is(type, "message_stop"))
		say(b, ".", STR(""));
	else
		say(b, "*", STR(""));
}

static void
tell_calls(struct buf *b, struct str calls, struct arena *a)
{
	struct jiter it;
	struct jmember m;
	struct str fn;
	char key[16];

	for (it = jscan_into(calls); jscan_next(&it, &m);) {
		fn = jscan_at(m.raw, "function");
		snprintf(key, sizeof(key),
		    "k%.*s:", STR_ARG(jscan_at(m.raw, "index")));
		say(b, key, word(fn, "name", a));
		key[0] = 'a';
		if (word(fn, "arguments", a).n > 0)
			say(b, key, word(fn, "arguments", a));
	}
}

static void
tell_chunk(struct buf *b, struct str raw, struct arena *a)
{
	struct jiter it = jscan_into(jscan_at(raw, "choices"));
	struct str u = jscan_at(raw, "usage"), in, d;
	struct jmember m;

	while (jscan_next(&it, &m)) {
		d = jscan_at(m.raw, "delta");
		if (jscan_at(d, "role").p != NULL)
			say(b, "r", STR(""));
		say(b, "text:", word(d, "content", a));
		say(b, "think:", word(d, "reasoning_content", a));
		say(b, "no:", word(d, "refusal", a));
		tell_calls(b, jscan_at(d, "tool_calls"), a);
		say(b, "f:", word(m.raw, "finish_reason", a));
	}
	if (u.p == NULL)
		return;
	in = jscan_at(u, "prompt_tokens_details");
	say(b, "u:",
	    arena_fmt(a, "%.*s/%.*s/%.*s/%.*s",
		STR_ARG(jscan_at(u, "prompt_tokens")),
		STR_ARG(jscan_at(u, "completion_tokens")),
		STR_ARG(jscan_at(in, "cached_tokens")),
		STR_ARG(jscan_at(in, "cache_write_tokens"))));
}

static void
tell(struct run *r, struct buf *b)
{
	struct str rest = buf_str(&r->out), line, name = STR_NONE;

	while (rest.n > 0) {
		line = str_split(&rest, '\n');
		if (str_starts(line, "event: "))
			name = (struct str){ line.p + 7, line.n - 7 };
		if (!str_starts(line, "data: {"))
			continue;
		line = (struct str){ line.p + 6, line.n - 6 };
		ck_assert_msg(jscan_is_object(line), "%.*s", STR_ARG(line));
		if (r->client == &dialect_openai_chat) {
			tell_chunk(b, line, r->a);
			continue;
		}
		ck_assert_msg(str_eq(name, word(line, "type", r->a)), "%.*s",
		    STR_ARG(line));
		tell_message(b, line, r->a);
	}
}

START_TEST(stream)
{
	static const size_t steps[] = { 1, 7, 1 << 20 };
	const bool chat = cases[_i].way == FROM_CHAT;
	size_t k, i, n;

	for (k = 0; k < NROWS(steps); k++) {
		struct run r = { .up = chat ? &dialect_openai_chat :
					      &dialect_anthropic_messages,
			.client = cases[_i].way == TO_CHAT ?
			    &dialect_openai_chat :
			    &dialect_anthropic_messages,
			.frame = { .model = STR("p/m"), .id = STR("own") },
			.relay = cases[_i].way == RELAY,
			.sink = { on_put },
			.out = { .limit = 1 << 20 } };
		struct buf b = BUF_LIMIT(1 << 16);
		struct sse sse = SSE_INIT;
		struct err e = { 0 };
		struct str in, want;
		int rc = 0;

		r.a = arena_new(4096, 1 << 24);
		r.scratch = arena_new(4096, 1 << 24);
		r.state = arena_zalloc(
		    r.a, r.relay ? r.up->relay_size : r.up->dec_size);
		r.enc = arena_zalloc(r.a, r.client->enc_size);
		in = table_json(r.a, cases[_i].in);
		for (i = 0; i < in.n && rc == 0; i += n) {
			n = in.n - i < steps[k] ? in.n - i : steps[k];
			rc = sse_feed(
			    &sse, (struct str){ in.p + i, n }, on_sse, &r, &e);
		}
		rc = rc == -1 ? -1 : finish(&r, &e);
		tell(&r, &b);
		if (rc == -1 && e.status != 0)
			say(&b, "!", arena_fmt(r.a, "%d %s", e.status, e.msg));
		else if (rc == -1)
			say(&b, "!", str_from(e.msg));
		want = table_json(r.a, cases[_i].out);
		ck_assert_msg(str_eq(buf_str(&b), want),
		    "%s, steps of %zu:\n %.*s\n %.*s", cases[_i].name, steps[k],
		    (int)b.n, b.p, STR_ARG(want));
		if (r.relay)
			r.up->relay_free(r.state);
		else
			r.up->decode_free(r.state);
		sse_free(&sse);
		buf_free(&r.out);
		buf_free(&b);
		arena_free(r.scratch);
		arena_free(r.a);
	}
}
END_TEST

CASE(case_messages)
{
	TCase *t = tcase_create("messages");

	tcase_add_loop_test(t, stream, 0, NROWS(cases));
	return t;
}
