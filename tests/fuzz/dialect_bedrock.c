#include <stdint.h>
#include <stdlib.h>

#include "dialect/dialect.h"

/*
 * Lines of event and payload as a stream of Converse, all of it as a whole
 * answer and as an error: what is decoded keeps the grammar.
 */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct frame frame = { .model = { "p/m", 3 }, .id = { "own", 3 } };

static void
check(int rc, const struct err *e)
{
	if (rc == -1 && (e->code == ERR_NONE || e->code == ERR_INTERNAL))
		abort();
}

static void
stream(struct str in, struct arena *a)
{
	const struct dialect *d = &dialect_bedrock_converse;
	struct arena *scratch = arena_new(4096, 1 << 24);
	void *dec = arena_zalloc(a, d->dec_size);
	struct err e = { 0 };
	struct llm_grammar g;
	struct sse_event ev;
	struct str line;
	int rc = 0;

	llm_grammar_init(&g, NULL);
	while (in.p != NULL && rc == 0) {
		line = str_split(&in, '\n');
		ev.name = str_split(&line, ' ');
		ev.data = line.p == NULL ? STR("") : line;
		rc = d->decode_event(dec, scratch, &frame, &ev, &g.sink, &e);
		arena_reset(scratch);
	}
	if (rc != -1)
		rc = d->decode_end(dec, &g.sink, &e);
	check(rc, &e);
	arena_free(scratch);
}

static void
whole(const struct dialect *d, struct str in, struct arena *a)
{
	struct llm_grammar g;
	struct err e = { 0 };

	llm_grammar_init(&g, NULL);
	check(d->decode_answer(a, &frame, in, &g.sink, &e), &e);
	e = (struct err){ 0 };
	d->decode_error(a, in, &e);
}

/* Any chat request becomes JSON, or is refused. */
static void
request(struct str in, struct arena *a)
{
	static const unsigned caps[] = { 0,
		LLM_WANTS_MESSAGES | LLM_CAN_REASON };
	const struct dialect *d = &dialect_bedrock_converse;
	struct buf out = BUF_LIMIT(1 << 24);
	struct llm_request r;
	struct llm_aim aim;
	struct err e;
	size_t i;

	for (i = 0; i < NROWS(caps); i++) {
		r = (struct llm_request){ .from = &dialect_openai_chat,
			.body = in };
		aim = (struct llm_aim){ .arena = a, .caps = caps[i] };
		e = (struct err){ 0 };
		buf_clear(&out);
		if (r.from->peek(&r, a, &e) == -1)
			break;
		if (dialect_body(d, &r, &aim, NULL, 0, &out, &e) == 0 &&
		    !jscan_is_object(buf_str(&out)))
			abort();
	}
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct arena *a = arena_new(4096, 1 << 26);

	stream(in, a);
	whole(&dialect_bedrock_converse, in, a);
	whole(&dialect_bedrock_count, in, a);
	request(in, a);
	arena_free(a);
	return 0;
}
