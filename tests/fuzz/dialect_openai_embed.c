#include <stdlib.h>

#include "dialect/dialect.h"

/* A body as an embeddings request and as an answer to one. */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
request(struct str in, struct arena *a, struct buf *out)
{
	const struct dialect *d = &dialect_openai_embed;
	struct llm_request r = { .from = d, .body = in };
	struct llm_aim aim = { .arena = a };
	struct err e = { 0 };

	if (d->peek(&r, a, &e) == -1)
		return;
	if (dialect_body(d, &r, &aim, NULL, 0, out, &e) == -1 ||
	    !jscan_is_object(buf_str(out)) ||
	    d->decode_request(&r, a, &e) == -1)
		abort();
}

static void
answer(struct str in, const void *asked, struct arena *a, struct buf *out)
{
	const struct dialect *d = &dialect_openai_embed;
	struct frame f = { .model = STR("p/m"), .id = STR(""), .asked = asked };
	struct llm_facts facts = { .calls = 0 };
	struct tail tail = { &facts.usage, NULL, STR("{}") };
	struct err e = { 0 };

	buf_clear(out);
	if (d->patch_read(a, &f, in, &facts, &e) == 0 &&
	    d->patch_write(a, &f, &tail, in, out, &e) == 0 &&
	    !jscan_is_object(buf_str(out)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct arena *a = arena_new(4096, 1 << 26);
	struct buf out = BUF_LIMIT(1 << 24);

	request(in, a, &out);
	answer(in, NULL, a, &out);
	answer(in, "base64", a, &out);
	buf_free(&out);
	arena_free(a);
	return 0;
}
