#include <stdlib.h>

#include "dialect/image.h"

/*
 * A body as a request for images, as a form and as an answer; what is accepted
 * makes JSON.
 */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
request(
    const struct dialect *d, struct str type, struct str in, struct arena *a)
{
	struct llm_request r = { .from = d, .body = in, .type = type };
	struct llm_aim aim = { .arena = a };
	static const struct dialect *const to[] = { &dialect_gemini_image,
		&dialect_dashscope_image, &dialect_reve_image,
		&dialect_reve_edit };
	struct buf out = BUF_LIMIT(1 << 24);
	struct err e = { 0 };

	if (d->peek(&r, a, &e) == 0) {
		if (r.pictures < 1 || r.pictures > 10 ||
		    !jscan_is_object(r.body) ||
		    d->decode_request(&r, a, &e) == -1)
			abort();
		for (size_t i = 0; i < NROWS(to); i++) {
			buf_clear(&out);
			if (dialect_body(
				to[i], &r, &aim, NULL, 0, &out, &e) == 0 &&
			    !jscan_is_object(buf_str(&out)))
				abort();
		}
	}
	buf_free(&out);
}

static void
put_whole(const struct pieces *p)
{
	struct str v[2 * PIECES_MAX + 1];
	struct buf b = BUF_LIMIT(1 << 24);
	int i, n = pieces_list(p, v);

	for (i = 0; i < n; i++)
		buf_add(&b, v[i]);
	if (!b.full && !jscan_is_object(buf_str(&b)))
		abort();
	buf_free(&b);
}

static void
answer(const struct dialect *d, struct str in, struct arena *a)
{
	struct llm_answer answer = { .ended = false };
	struct llm_fold *f = llm_fold_new(a, &answer);
	struct frame frame = { .model = STR("p/m"), .id = STR("i") };
	struct tail tail = { &answer.usage, NULL, STR("{}") };
	struct pieces p = PIECES_LIMIT(1 << 24);
	struct err e = { 0 };

	f->views = true;
	if (d->decode_answer(a, &frame, in, &f->sink, &e) == 0) {
		image_encode_pieces(&frame, &answer, &tail, &p);
		put_whole(&p);
	}
	buf_free(&p.text);
}

static void
patched(struct str in, struct arena *a)
{
	struct frame frame = { .model = STR("p/m"), .id = STR("i") };
	struct llm_facts facts = { .calls = 0 };
	struct tail tail = { &facts.usage, NULL, STR("{}") };
	struct pieces p = PIECES_LIMIT(1 << 24);
	struct image_relay s = { .open = false };
	struct sse_event ev = { .data = in };
	struct buf out = BUF_LIMIT(1 << 24);
	struct err e = { 0 };

	if (image_patch_read(a, &frame, in, &facts, &e) == 0 &&
	    image_patch_pieces(a, &frame, &tail, in, &p, &e) == 0)
		put_whole(&p);
	if (image_relay_event(&s, a, &frame, &ev, &out, &e) != -1)
		image_relay_end(&s, a, &frame, &tail, &out, &e);
	buf_free(&p.text);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct arena *a = arena_new(4096, 1 << 26);

	request(&dialect_openai_images, STR("application/json"), in, a);
	request(&dialect_openai_edits, STR("application/json"), in, a);
	request(&dialect_openai_edits, STR("multipart/form-data; boundary=b"),
	    in, a);
	answer(&dialect_gemini_image, in, a);
	answer(&dialect_chat_image, in, a);
	answer(&dialect_dashscope_image, in, a);
	answer(&dialect_reve_edit, in, a);
	answer(&dialect_openai_images, in, a);
	patched(in, a);
	arena_free(a);
	return 0;
}
