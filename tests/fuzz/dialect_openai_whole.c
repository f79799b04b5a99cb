#include <stdlib.h>

#include "dialect/dialect.h"
#include "dialect/heal.h"

#ifndef FUZZED /* the targets of other dialects include this one */
#define FUZZED dialect_openai_chat
#define OTHER dialect_anthropic_messages
#endif

/*
 * A body as a request, as an answer, as an error and as text to heal: what is
 * accepted comes out as JSON.
 */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
request(struct str in, struct arena *a, struct buf *out)
{
	const struct dialect *d = &FUZZED;
	struct llm_request r = { .from = d, .body = in };
	struct llm_aim aim = { .arena = a };
	struct err e = { 0 };
	struct jw w;

	if (d->peek(&r, a, &e) == -1)
		return;
	aim.model = r.model;
	if (dialect_body(d, &r, &aim, NULL, 0, out, &e) == -1 ||
	    !jscan_is_object(buf_str(out)))
		abort();
	buf_clear(out);
	w = JW_TO(out);
	if (d->decode_request(&r, a, &e) == -1)
		return;
	if (d->encode_request(&r, &aim, &w, &e) == -1) {
		if (e.code != ERR_BAD_PARAM)
			abort();
	} else if (!jscan_is_object(buf_str(out)))
		abort();
}

/* The same for a provider who speaks otherwise. */
static void
translate(struct str in, struct arena *a, struct buf *out)
{
	struct llm_request r = { .from = &FUZZED, .body = in };
	struct llm_aim aim = { .arena = a, .caps = LLM_NEEDS_MASK };
	struct err e = { 0 };

	buf_clear(out);
	if (FUZZED.peek(&r, a, &e) == -1)
		return;
	aim.model = r.model;
	if (dialect_body(&OTHER, &r, &aim, NULL, 0, out, &e) == 0 &&
	    !jscan_is_object(buf_str(out)))
		abort();
}

static void
answer(struct str in, struct arena *a, struct buf *out)
{
	static const struct frame f = {
		.model = STR("p/m"), .id = STR("own"), .created = 1
	};
	const struct dialect *d = &FUZZED;
	struct llm_facts facts = { .calls = 0 };
	struct tail tail = { &facts.usage, NULL, STR("{}") };
	struct llm_grammar g;
	struct err e = { 0 };

	buf_clear(out);
	if (d->patch_read(a, &f, in, &facts, &e) == 0 &&
	    (d->patch_write(a, &f, &tail, in, out, &e) == -1 ||
		!jscan_is_object(buf_str(out))))
		abort();
	llm_grammar_init(&g, NULL);
	e = (struct err){ .code = ERR_NONE };
	if (d->decode_answer(a, &f, in, &g.sink, &e) == -1 &&
	    e.code == ERR_INTERNAL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, healed;
	struct arena *a = arena_new(4096, 1 << 26);
	struct buf out = BUF_LIMIT(1 << 24);
	struct err e = { 0 };

	request(in, a, &out);
	translate(in, a, &out);
	answer(in, a, &out);
	FUZZED.decode_error(a, in, &e);
	if (heal_json(in, a, &healed) && jscan_value(healed, a, &e) == -1)
		abort();
	buf_free(&out);
	arena_free(a);
	return 0;
}
