/*
 * The simulated provider: OpenAI chat completions that are answered by rule,
 * reached over HTTP like any other.  The model's name says how:
 *
 *	sim-echo		the last message, word by word
 *	sim-slow-c20-i50-l100	20 words, 50 ms apart, after 100 ms
 *	sim-fault-429		this status (300 to 599)
 *	sim-fault-KIND		hang, cut, garbage, error, empty, nofinish
 *
 * Tools that are offered are called, each once, with arguments that follow
 * their schemas, unless results of tools came with the request.  A text that
 * begins with "call NAME {...}" has that one called with these arguments.
 * JSON follows the schema that was given.  Who asks for an effort gets some
 * reasoning.  Usage counts a token for each four bytes asked and for each word
 * answered, so that costs can be foretold.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/sse.h"
#include "pipeline/loop.h"
#include "pipeline/reply.h"
#include "pipeline/sim.h"
#include "pipeline/world.h"

/* --- the answer --- */

static bool
is_cut_short(const struct sim *s)
{
	return s->limit > 0 && s->words > s->limit && s->ntools == 0;
}

static int64_t
words_out(const struct sim *s)
{
	return is_cut_short(s) ? s->limit : s->words;
}

/* The next word with the blank before it, into b. */
static void
next_word(struct sim *s, struct buf *b)
{
	struct str word = STR_NONE;

	while (word.n == 0 && s->rest.n > 0)
		word = str_split(&s->rest, ' ');
	if (s->said > 0)
		buf_addc(b, ' ');
	if (word.n > 0)
		buf_add(b, word);
	else
		buf_fmt(b, "word%lld", (long long)s->said + 1);
	s->said++;
}

static void
begin(
    const struct sim *s, const struct req *r, const char *object, struct jw *w)
{
	char id[64];

	snprintf(id, sizeof(id), "chatcmpl-sim-%.40s", r->request_id);
	jw_obj(w, NULL);
	jw_strc(w, "id", id);
	jw_strc(w, "object", object);
	jw_int(w, "created", clock_wall_ms() / 1000);
	jw_str(w, "model", s->model);
	jw_strc(w, "system_fingerprint", "fp_sim");
}

static void
put_usage(const struct sim *s, struct jw *w)
{
	int64_t thought = sim_count(s->thought) * s->choices;
	int64_t out = words_out(s) * s->choices + thought;

	jw_obj(w, "usage");
	jw_int(w, "prompt_tokens", s->prompt);
	jw_int(w, "completion_tokens", out);
	jw_int(w, "total_tokens", s->prompt + out);
	if (thought > 0) {
		jw_obj(w, "completion_tokens_details");
		jw_int(w, "reasoning_tokens", thought);
		jw_end(w);
	}
	jw_end(w);
}

static void
put_calls(const struct sim *s, bool indexed, struct jw *w)
{
	char id[24];
	int i;

	jw_arr(w, "tool_calls");
	for (i = 0; i < s->ntools; i++) {
		snprintf(id, sizeof(id), "call_sim_%d", i + 1);
		jw_obj(w, NULL);
		if (indexed)
			jw_int(w, "index", i);
		jw_strc(w, "id", id);
		jw_strc(w, "type", "function");
		jw_obj(w, "function");
		jw_str(w, "name", s->tools[i].name);
		jw_str(w, "arguments", s->tools[i].args);
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
}

static const char *
finish_of(const struct sim *s)
{
	return s->ntools > 0 ? "tool_calls" :
	    is_cut_short(s)  ? "length" :
			       "stop";
}

/* {"echo":"..."}, or by the schema, where the client asked for JSON. */
static void
whole_text(struct sim *s, struct buf *b)
{
	struct buf plain = BUF_LIMIT(SIM_OUT_MAX);
	struct jw w = JW_TO(b);

	while (s->said < words_out(s))
		next_word(s, &plain);
	if (s->schema.p != NULL)
		sim_sample(s->schema, buf_str(&plain), &w);
	else if (s->json) {
		jw_obj(&w, NULL);
		jw_str(&w, "echo", buf_str(&plain));
		jw_end(&w);
	} else
		buf_add(b, buf_str(&plain));
	buf_free(&plain);
}

static void
put_choice(const struct sim *s, int64_t i, struct str text, struct jw *w)
{
	jw_obj(w, NULL);
	jw_int(w, "index", i);
	jw_obj(w, "message");
	jw_strc(w, "role", "assistant");
	if (s->thought.p != NULL)
		jw_str(w, "reasoning_content", s->thought);
	if (s->fault == SIM_EMPTY)
		jw_strc(w, "content", "");
	else if (s->ntools > 0) {
		jw_null(w, "content");
		put_calls(s, false, w);
	} else
		jw_str(w, "content", text);
	jw_end(w);
	jw_strc(w, "finish_reason", finish_of(s));
	jw_end(w);
}

static void
answer_whole(struct sim *s, struct req *r)
{
	struct buf b = BUF_LIMIT(SIM_OUT_MAX), text = BUF_LIMIT(SIM_OUT_MAX);
	struct jw w = JW_TO(&b);
	int64_t i;

	whole_text(s, &text);
	if (s->fault == SIM_EMPTY)
		s->words = 0;
	begin(s, r, "chat.completion", &w);
	jw_arr(&w, "choices");
	for (i = 0; i < s->choices; i++)
		put_choice(s, i, buf_str(&text), &w);
	jw_end(&w);
	put_usage(s, &w);
	jw_end(&w);
	if (s->fault == SIM_CUT)
		b.n /= 2;
	reply_whole(r, 200, NULL, STR(""),
	    s->fault == SIM_GARBAGE ? STR("<html>no JSON</html>") :
				      buf_str(&b));
	buf_free(&b);
	buf_free(&text);
}

/* --- streams --- */

enum piece {
	PIECE_ROLE,
	PIECE_THOUGHT,
	PIECE_WORD,
	PIECE_CALLS,
	PIECE_FINISH,
	PIECE_USAGE
};

static void
put_delta(struct sim *s, enum piece piece, struct str word, struct jw *w)
{
	jw_obj(w, "delta");
	if (piece == PIECE_ROLE) {
		jw_strc(w, "role", "assistant");
		jw_strc(w, "content", "");
	} else if (piece == PIECE_THOUGHT)
		jw_str(w, "reasoning_content", word);
	else if (piece == PIECE_WORD)
		jw_str(w, "content", word);
	else if (piece == PIECE_CALLS)
		put_calls(s, true, w);
	jw_end(w);
}

static void
put_chunk(struct sim *s, struct req *r, enum piece piece, struct str word,
    struct buf *out)
{
	struct buf b = BUF_LIMIT(SIM_OUT_MAX);
	struct jw w = JW_TO(&b);
	int64_t i;

	begin(s, r, "chat.completion.chunk", &w);
	jw_arr(&w, "choices");
	for (i = 0; i < s->choices && piece != PIECE_USAGE; i++) {
		jw_obj(&w, NULL);
		jw_int(&w, "index", i);
		put_delta(s, piece, word, &w);
		if (piece == PIECE_FINISH)
			jw_strc(&w, "finish_reason", finish_of(s));
		else
			jw_null(&w, "finish_reason");
		jw_end(&w);
	}
	jw_end(&w);
	if (piece == PIECE_USAGE)
		put_usage(s, &w);
	jw_end(&w);
	sse_put(out, STR_NONE, buf_str(&b));
	buf_free(&b);
}

static void
put_end(struct sim *s, struct req *r, struct buf *out)
{
	if (s->fault != SIM_NOFINISH)
		put_chunk(s, r, PIECE_FINISH, STR(""), out);
	if (s->include_usage)
		put_chunk(s, r, PIECE_USAGE, STR(""), out);
	sse_put(out, STR_NONE, STR("[DONE]"));
}

/* Everything that is due now; true when that was all. */
static bool
next_pieces(struct sim *s, struct req *r, struct buf *out)
{
	struct buf word = BUF_LIMIT(SIM_OUT_MAX);
	bool half;

	if (s->said == 0)
		put_chunk(s, r, PIECE_ROLE, STR(""), out);
	if (s->said == 0 && s->thought.p != NULL)
		put_chunk(s, r, PIECE_THOUGHT, s->thought, out);
	if (s->json && s->ntools == 0 && s->said == 0) {
		whole_text(s, &word);
		put_chunk(s, r, PIECE_WORD, buf_str(&word), out);
	} else if (s->ntools > 0 && s->said == 0) {
		put_chunk(s, r, PIECE_CALLS, STR(""), out);
		s->said = words_out(s);
	} else if (s->fault == SIM_EMPTY)
		s->said = words_out(s);
	while (s->said < words_out(s)) {
		half = s->said * 2 >= words_out(s);
		if (half && s->fault == SIM_CUT)
			break;
		if (half && s->fault == SIM_ERROR) {
			sse_put(out, STR_NONE,
			    STR("{\"error\":{\"message\":\"simulated\","
				"\"type\":\"server_error\",\"code\":null}}"));
			break;
		}
		buf_clear(&word);
		next_word(s, &word);
		put_chunk(s, r, PIECE_WORD, buf_str(&word), out);
		if (s->interval_ms > 0 && s->said < words_out(s)) {
			buf_free(&word);
			return false;
		}
	}
	buf_free(&word);
	if (s->said == words_out(s))
		put_end(s, r, out);
	return true;
}

static void
on_due(struct req *r, int64_t now)
{
	struct sim *s = r->timed;
	struct buf out = BUF_LIMIT(SIM_OUT_MAX);
	bool last = true;

	if (!s->stream || s->fault == SIM_GARBAGE)
		answer_whole(s, r);
	else {
		last = next_pieces(s, r, &out);
		reply_more(r, buf_str(&out), last);
	}
	buf_free(&out);
	if (last) {
		r->complete = true;
		r->state = REQ_DRAIN;
	} else
		loop_due(r, now + s->interval_ms);
	loop_written(r);
}

static enum verdict
answer_status(struct sim *s, struct req *r)
{
	struct str body = arena_fmt(r->setup,
	    "{\"error\":{\"message\":\"simulated status %d\",\"type\":"
	    "\"simulated\",\"param\":null,\"code\":null}}",
	    s->status);

	reply_whole(r, s->status, NULL,
	    s->status == 429 ? STR("Retry-After: 1\r\n") : STR(""), body);
	return DONE;
}

enum verdict
stage_sim(struct req *r)
{
	struct sim *s = ARENA_NEW(r->life, struct sim);
	struct jmember *v;
	int n;

	n = jscan_object(r->chat.body, r->setup, &v, &r->err);
	if (n == -1)
		return FAIL;
	sim_ask(s, v, n, r->setup);
	if (s->fault == SIM_STATUS)
		return answer_status(s, r);
	r->timed = s;
	r->on_due = on_due;
	r->due_ms =
	    s->fault == SIM_HANG ? INT64_MAX : clock_ms() + s->latency_ms;
	r->state = REQ_TIMED;
	return loop_give(r);
}
