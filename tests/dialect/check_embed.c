/*
 * Embeddings: the neutral view, and answers of a provider that speaks something
 * else.  Relayed ones are tested end to end.
 */
#include "dialect/dialect.h"
#include "room.h"

static void
expect(const struct buf *b, const char *piece)
{
	ck_assert_msg(memmem(b->p, b->n, piece, strlen(piece)) != NULL, "%.*s",
	    (int)b->n, b->p);
}

START_TEST(inputs)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_request r = { .from = &dialect_openai_embed };
	struct buf b = BUF_LIMIT(10000);
	struct jw w = JW_TO(&b);
	struct err e = { 0 };

	r.body = STR("{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"user\":\"u\","
		     "\"dimensions\":8,\"input_type\":\"search_query\","
		     "\"x\":1}");
	ck_assert_int_eq(r.from->peek(&r, a, &e), 0);
	ck_assert_uint_eq(r.needs, LLM_CAN_EMBED);
	ck_assert_uint_eq(r.says, 0);
	ck_assert_int_eq(r.dimensions, 8);
	ck_assert_int_eq(r.from->decode_request(&r, a, &e), 0);
	ck_assert(str_is(r.input_type, "search_query"));
	llm_dump(&r, &w);
	expect(&b,
	    "[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]},"
	    "{\"role\":\"user\",\"parts\":[{\"text\":\"b\"}]}]");
	expect(&b, "\"hints\":[{\"name\":\"x\",");
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* Numbers of tokens mean something to one dialect only. */
START_TEST(tokens)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_request r = { .from = &dialect_openai_embed };
	struct err e = { 0 };

	r.body = STR("{\"model\":\"m\",\"input\":[[1,2],[3]]}");
	ck_assert_int_eq(r.from->peek(&r, a, &e), 0);
	ck_assert_uint_eq(r.says, LLM_SAY_NATIVE);
	ck_assert_uint_eq(r.text_bytes, 12);
	r.body = STR("{\"model\":\"m\",\"input\":[1,\"a\"]}");
	ck_assert_int_eq(r.from->peek(&r, a, &e), -1);
	arena_free(a);
}
END_TEST

static int
vector(struct llm_sink *to, int block, const char *base64)
{
	struct llm_event ev = { .kind = LLM_EV_OPEN, .block = block };
	struct err e = { 0 };

	ev.open.kind = LLM_VECTOR;
	if (llm_put(to, &ev, &e) == -1)
		return -1;
	ev = (struct llm_event){ .kind = LLM_EV_DELTA, .block = block };
	ev.delta.text = str_from(base64);
	if (llm_put(to, &ev, &e) == -1)
		return -1;
	ev = (struct llm_event){ .kind = LLM_EV_CLOSE, .block = block };
	return llm_put(to, &ev, &e);
}

/* What a decoder of another dialect puts, folded and encoded. */
START_TEST(folded)
{
	static const char *const want[] = {
		"\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":"
		"[1,-2]},{\"object\":\"embedding\",\"index\":1,\"embedding\":"
		"[0.5]}],\"model\":\"p/m\",\"usage\":{\"prompt_tokens\":3,",
		"\"embedding\":\"AACAPwAAAMA=\"",
	};
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_answer answer = { .ended = false };
	struct llm_fold *f = llm_fold_new(a, &answer);
	struct frame frame = { .model = STR("p/m"),
		.asked = _i == 0 ? NULL : "base64" };
	struct llm_usage usage = { .input = 3 };
	struct tail tail = { .usage = &usage };
	struct llm_grammar g;
	struct buf b = BUF_LIMIT(10000);
	struct jw w = JW_TO(&b);
	struct llm_event ev = { .kind = LLM_EV_START };
	struct err e = { 0 };

	llm_grammar_init(&g, &f->sink);
	ck_assert_int_eq(llm_put(&g.sink, &ev, &e), 0);
	ck_assert_int_eq(vector(&g.sink, 0, "AACAPwAAAMA="), 0);
	ck_assert_int_eq(vector(&g.sink, 1, "AAAAPw=="), 0);
	ev = (struct llm_event){ .kind = LLM_EV_STOP };
	ck_assert_int_eq(llm_put(&g.sink, &ev, &e), 0);
	ev = (struct llm_event){ .kind = LLM_EV_END };
	ck_assert_int_eq(llm_put(&g.sink, &ev, &e), 0);
	dialect_openai_embed.encode_answer(&frame, &answer, &tail, &w);
	ck_assert(jscan_is_object(buf_str(&b)));
	expect(&b, want[_i]);
	buf_free(&b);
	arena_free(a);
}
END_TEST

CASE(case_embed)
{
	TCase *t = tcase_create("embed");

	tcase_add_test(t, inputs);
	tcase_add_test(t, tokens);
	tcase_add_loop_test(t, folded, 0, 2);
	return t;
}
