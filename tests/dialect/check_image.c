/*
 * Images: what the gates see of a request, forms, and answers of those who draw
 * in other words.  What passes between equal dialects is tested end to end.
 */
#include "dialect/image.h"
#include "room.h"

#define DOT "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
#define FORM "multipart/form-data; boundary=b"
#define PART(name, more, data)                                                 \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"" more        \
	"\r\n\r\n" data "\r\n"
#define PNG "\x89PNG\r\n\x1a\n12345678"

static void
expect(struct str s, const char *piece)
{
	ck_assert_msg(memmem(s.p, s.n, piece, strlen(piece)) != NULL,
	    "no %s in %.*s", piece, (int)s.n, s.p);
}

static const struct {
	const char *body;
	unsigned says;
	int n, w, h, ratio_w, ratio_h;
} peeks[] = {
	{ "{\"prompt\":\"x\"}", 0, 1, 0, 0, 0, 0 },
	{ "{\"prompt\":\"x\",\"n\":10,\"size\":\"1024x768\"}", 0, 10, 1024, 768,
	    4, 3 },
	{ "{\"prompt\":\"x\",\"size\":\"1792x1024\"}", 0, 1, 1792, 1024, 16,
	    9 },
	{ "{\"prompt\":\"x\",\"size\":\"1024x1792\"}", 0, 1, 1024, 1792, 9,
	    16 },
	{ "{\"prompt\":\"x\",\"size\":\"100x100\",\"aspect_ratio\":\"6:4\"}", 0,
	    1, 100, 100, 3, 2 },
	{ "{\"prompt\":\"x\",\"size\":\"auto\",\"n\":null}", 0, 1, 0, 0, 0, 0 },
	{ "{\"prompt\":\"x\",\"response_format\":\"url\"}", LLM_SAY_LINK, 1, 0,
	    0, 0, 0 },
	{ "{\"prompt\":\"x\",\"stream\":true}", LLM_SAY_PARTIAL, 1, 0, 0, 0,
	    0 },
};

START_TEST(peek)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_request r = { .from = &dialect_openai_images };
	struct err e = { 0 };

	r.body = str_from(peeks[_i].body);
	ck_assert_msg(r.from->peek(&r, a, &e) == 0, "%s", e.msg);
	ck_assert(str_is(r.model, "auto"));
	ck_assert_uint_eq(r.needs, LLM_CAN_DRAW);
	ck_assert_uint_eq(r.says, peeks[_i].says);
	ck_assert_int_eq(r.pictures, peeks[_i].n);
	ck_assert_int_eq(r.picture.w, peeks[_i].w);
	ck_assert_int_eq(r.picture.h, peeks[_i].h);
	ck_assert_int_eq(r.picture.ratio_w, peeks[_i].ratio_w);
	ck_assert_int_eq(r.picture.ratio_h, peeks[_i].ratio_h);
	arena_free(a);
}
END_TEST

static const char *const bad[] = { "{}", "{\"prompt\":\"\"}", "{\"prompt\":1}",
	"{\"prompt\":\"x\",\"size\":\"0x1\"}",
	"{\"prompt\":\"x\",\"size\":\"1x99999\"}",
	"{\"prompt\":\"x\",\"size\":\"x\"}",
	"{\"prompt\":\"x\",\"size\":\"1x1x1\"}",
	"{\"prompt\":\"x\",\"aspect_ratio\":\"1:0\"}",
	"{\"prompt\":\"x\",\"n\":1.5}", "{\"prompt\":\"x\"" };

START_TEST(refused)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_request r = { .from = &dialect_openai_images };
	struct err e = { 0 };

	r.body = str_from(bad[_i]);
	ck_assert_int_eq(r.from->peek(&r, a, &e), -1);
	arena_free(a);
}
END_TEST

static const char form[] = PART("prompt", "", "F\xc3\xbcge \"x\"")
    PART("image[]", "; filename=\"a.png\"", PNG) PART("n", "", "2")
	PART("x", "", "03") PART("mask", "; filename=m", PNG)
	    PART("user", "", "") PART("stream", "", "true") "--b--\r\n";

START_TEST(forms)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_request r = { .from = &dialect_openai_edits,
		.type = STR(FORM),
		.body = { form, sizeof(form) - 1 } };
	struct err e = { 0 };
	const struct llm_part *p;

	ck_assert_msg(r.from->peek(&r, a, &e) == 0, "%s", e.msg);
	ck_assert(str_is(r.body,
	    "{\"prompt\":\"F\xc3\xbcge \\\"x\\\"\",\"n\":2,\"x\":\"03\","
	    "\"stream\":true}"));
	ck_assert_int_eq(r.images, 1);
	ck_assert_int_eq(r.pictures, 2);
	ck_assert_uint_eq(
	    r.says, LLM_SAY_EDIT | LLM_SAY_MASK | LLM_SAY_PARTIAL);
	ck_assert(str_is(r.files->field, "image[]"));
	ck_assert(str_is(r.files->type, "image/png"));
	ck_assert(str_is(r.files->data, PNG));
	/* A view of what came in. */
	ck_assert(
	    r.files->data.p > form && r.files->data.p < form + sizeof(form));

	ck_assert_int_eq(r.from->decode_request(&r, a, &e), 0);
	p = r.messages->parts;
	ck_assert(str_is(p->text, "F\xc3\xbcge \"x\""));
	p = p->next;
	ck_assert(str_is(p->media.data, "iVBORw0KGgoxMjM0NTY3OA=="));
	ck_assert_ptr_eq(p->next, r.mask);
	ck_assert_ptr_null(p->next->next);
	ck_assert(str_is(r.hints->name, "x"));
	arena_free(a);
}
END_TEST

/* Cut anywhere, with any byte changed: an error or a request, and no more. */
START_TEST(torn)
{
	struct arena *a = arena_new(4096, 1 << 26);
	char copy[sizeof(form)];
	struct llm_request r;
	struct err e = { 0 };
	size_t i;

	for (i = 0; i < sizeof(form) - 1; i++) {
		memcpy(copy, form, sizeof(form));
		copy[i] ^= 1;
		r = (struct llm_request){ .from = &dialect_openai_edits,
			.type = STR(FORM),
			.body = { copy, sizeof(form) - 1 } };
		if (r.from->peek(&r, a, &e) == 0)
			ck_assert(jscan_is_object(r.body));
		r = (struct llm_request){ .from = &dialect_openai_edits,
			.type = STR(FORM),
			.body = { form, i } };
		ck_assert_int_eq(
		    r.from->peek(&r, a, &e), i >= sizeof(form) - 3 ? 0 : -1);
	}
	arena_free(a);
}
END_TEST

/* --- answers of others --- */

#define INLINE                                                                 \
	"{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"" DOT "\"}}"
#define USAGE                                                                  \
	"\"usageMetadata\":{\"promptTokenCount\":7,"                           \
	"\"candidatesTokenCount\":1290}"

static const struct {
	const char *name;
	const struct dialect *from;
	const char *body;
	enum err_code code;
	const char *has; /* of what the client gets */
	int64_t image_out;
} answers[] = {
	{ "gemini", &dialect_gemini_image,
	    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}," INLINE
	    "]}}]," USAGE "}",
	    ERR_NONE,
	    "\"data\":[{\"b64_json\":\"" DOT "\"}],\"output_format\":\"png\"",
	    1290 },
	{ "gemini, two", &dialect_gemini_image,
	    "{\"candidates\":[{\"content\":{\"parts\":[" INLINE "," INLINE
	    "]},\"finishReason\":\"STOP\"}]}",
	    ERR_NONE, "\"},{\"b64_json\"", 0 },
	{ "gemini, thoughts", &dialect_gemini_image,
	    "{\"candidates\":[{\"content\":{\"parts\":[{\"thought\":true,"
	    "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"}}]}}]}",
	    ERR_NO_CONTENT, NULL, 0 },
	{ "gemini, no image", &dialect_gemini_image,
	    "{\"candidates\":[{\"finishReason\":\"NO_IMAGE\"}]}",
	    ERR_NO_CONTENT, NULL, 0 },
	{ "gemini, refused", &dialect_gemini_image,
	    "{\"candidates\":[{\"finishReason\":\"IMAGE_SAFETY\"}]," USAGE "}",
	    ERR_REFUSED, NULL, 0 },
	{ "gemini, blocked", &dialect_gemini_image,
	    "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", ERR_REFUSED,
	    NULL, 0 },
	{ "gemini, an error", &dialect_gemini_image,
	    "{\"error\":{\"code\":503,\"message\":\"x\",\"status\":"
	    "\"UNAVAILABLE\"}}",
	    ERR_UPSTREAM, NULL, 0 },
	{ "imagen", &dialect_gemini_image,
	    "{\"predictions\":[{\"mimeType\":\"image/png\","
	    "\"bytesBase64Encoded\":\"" DOT
	    "\"},{\"raiFilteredReason\":\"x\"}]}",
	    ERR_NONE, "[{\"b64_json\":\"" DOT "\"}]", 0 },
	{ "imagen, filtered", &dialect_gemini_image,
	    "{\"predictions\":[{\"raiFilteredReason\":\"x\"}]}", ERR_REFUSED,
	    NULL, 0 },
	{ "chat", &dialect_chat_image,
	    "{\"choices\":[{\"message\":{\"images\":[{\"image_url\":{\"url\":"
	    "\"data:image/webp;base64," DOT "\"}}]}}],\"usage\":{"
	    "\"prompt_tokens\":5,\"completion_tokens\":9,"
	    "\"completion_tokens_details\":{\"image_tokens\":8}}}",
	    ERR_NONE, "\"b64_json\":\"" DOT "\"}],\"output_format\":\"webp\"",
	    8 },
	{ "chat, a URL", &dialect_chat_image,
	    "{\"choices\":[{\"message\":{\"images\":[{\"image_url\":{\"url\":"
	    "\"https://h/x.png\"}}]}}]}",
	    ERR_NONE, "[{\"url\":\"https://h/x.png\"}]", 0 },
	{ "chat, words", &dialect_chat_image,
	    "{\"choices\":[{\"message\":{\"content\":\"no\"}}]}",
	    ERR_NO_CONTENT, NULL, 0 },
	{ "chat, filtered", &dialect_chat_image,
	    "{\"choices\":[{\"finish_reason\":\"content_filter\"}]}",
	    ERR_REFUSED, NULL, 0 },
	{ "dashscope", &dialect_dashscope_image,
	    "{\"output\":{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{"
	    "\"role\":\"assistant\",\"content\":[{\"image\":"
	    "\"https://h/x.png?Expires=1&Sig=a%2Fb\"}]}}]},\"usage\":{"
	    "\"image_count\":1,\"width\":1664,\"height\":928},"
	    "\"request_id\":\"r\"}",
	    ERR_NONE, "[{\"url\":\"https://h/x.png?Expires=1&Sig=a%2Fb\"}]",
	    0 },
	{ "dashscope, words", &dialect_dashscope_image,
	    "{\"output\":{\"choices\":[{\"message\":{\"content\":[{\"text\":"
	    "\"no\"}]}}]}}",
	    ERR_NO_CONTENT, NULL, 0 },
	{ "dashscope, an error", &dialect_dashscope_image,
	    "{\"code\":\"InternalError\",\"message\":\"x\"}", ERR_UPSTREAM,
	    NULL, 0 },
	{ "reve", &dialect_reve_image,
	    "{\"image\":\"" DOT "\",\"version\":\"reve-create@20250915\","
	    "\"content_violation\":false,\"credits_used\":18}",
	    ERR_NONE, "\"data\":[{\"b64_json\":\"" DOT "\"}]", 0 },
	{ "reve, refused", &dialect_reve_edit,
	    "{\"content_violation\":true,\"credits_used\":0}", ERR_REFUSED,
	    NULL, 0 },
	{ "reve, none", &dialect_reve_edit, "{\"version\":\"x\"}",
	    ERR_NO_CONTENT, NULL, 0 },
	{ "reve, an error", &dialect_reve_image,
	    "{\"error_code\":\"X\",\"message\":\"x\"}", ERR_UPSTREAM, NULL,
	    0 },
	{ "openai", &dialect_openai_images,
	    "{\"data\":[{\"b64_json\":\"" DOT "\"},{\"url\":\"https://h/y\"}],"
	    "\"output_format\":\"jpeg\",\"usage\":{\"input_tokens\":3,"
	    "\"output_tokens\":4}}",
	    ERR_NONE,
	    "[{\"b64_json\":\"" DOT "\"},{\"url\":\"https://h/y\"}],"
	    "\"output_format\":\"jpeg\"",
	    4 },
	{ "openai, none", &dialect_openai_images, "{\"data\":[]}",
	    ERR_NO_CONTENT, NULL, 0 },
	{ "openai, no data", &dialect_openai_images,
	    "{\"data\":[{\"b64_json\":\"\"}]}", ERR_NO_CONTENT, NULL, 0 },
	{ "no JSON", &dialect_gemini_image, "<html>", ERR_UPSTREAM, NULL, 0 },
};

static void
whole(const struct pieces *p, struct buf *out)
{
	struct str v[2 * PIECES_MAX + 1];
	int i, n = pieces_list(p, v);

	for (i = 0; i < n; i++)
		buf_add(out, v[i]);
}

START_TEST(decoded)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_answer answer = { .ended = false };
	struct llm_fold *f = llm_fold_new(a, &answer);
	struct frame frame = {
		.id = STR("img-1"), .model = STR("p/m"), .created = 5
	};
	struct tail tail = { .usage = &answer.usage };
	struct pieces p = PIECES_LIMIT(10000);
	struct buf b = BUF_LIMIT(10000);
	struct llm_grammar g;
	struct err e = { 0 };
	int rc;

	f->views = true;
	llm_grammar_init(&g, &f->sink);
	rc = answers[_i].from->decode_answer(
	    a, &frame, str_from(answers[_i].body), &g.sink, &e);
	ck_assert_msg((rc == -1) == (answers[_i].code != ERR_NONE), "%s: %s",
	    answers[_i].name, e.msg);
	if (rc == -1) {
		ck_assert_int_eq(e.code, answers[_i].code);
		arena_free(a);
		return;
	}
	ck_assert(answer.ended);
	ck_assert_int_eq(answer.usage.image_out, answers[_i].image_out);
	dialect_openai_images.encode_pieces(&frame, &answer, &tail, &p);
	whole(&p, &b);
	ck_assert(jscan_is_object(buf_str(&b)));
	expect(buf_str(&b), answers[_i].has);
	buf_free(&p.text);
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* Long strings are not copied. */
START_TEST(far)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf body = BUF_LIMIT(1 << 20), b = BUF_LIMIT(1 << 20);
	struct pieces p = PIECES_LIMIT(10000);
	struct frame frame = { .created = 5 };
	struct llm_facts facts = { .calls = 0 };
	struct tail tail = { &facts.usage, NULL, STR("{\"m\":1}") };
	struct err e = { 0 };
	int i;

	buf_add(&body, STR("{\"x\":[1.50],\"data\":[{\"b64_json\":\""));
	for (i = 0; i < 100000; i++)
		buf_addc(&body, 'A');
	buf_add(&body, STR("\"}],\"usage\":{\"input_tokens\":1,\"y\":2}}"));
	ck_assert_int_eq(dialect_openai_images.patch_read(
			     a, &frame, buf_str(&body), &facts, &e),
	    0);
	ck_assert_int_eq(facts.images, 1);
	ck_assert_int_eq(dialect_openai_images.patch_pieces(
			     a, &frame, &tail, buf_str(&body), &p, &e),
	    0);
	ck_assert_int_eq(p.n, 1);
	ck_assert(p.v[0].far.p > body.p && p.v[0].far.p < body.p + body.n);
	ck_assert_uint_lt(p.text.n, 2000);
	whole(&p, &b);
	ck_assert(jscan_is_object(buf_str(&b)));
	b.p[b.n - 1] = '\0';
	ck_assert_ptr_nonnull(
	    strstr(b.p, "{\"created\":5,\"x\":[1.50],\"data\":[{"));
	ck_assert_ptr_nonnull(strstr(b.p, "\"y\":2},\"metadata\":{\"m\":1}"));
	buf_free(&body);
	buf_free(&p.text);
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* --- streams --- */

static int
run(struct image_relay *s, const char *const *data, struct buf *out,
    struct err *e)
{
	const struct dialect *d = &dialect_openai_images;
	struct frame frame = { .created = 5 };
	struct tail tail = { &s->facts.usage, NULL, STR("{}") };
	struct arena *a = arena_new(4096, 1 << 20);
	struct sse_event ev;
	int rc = 0;

	for (; *data != NULL && rc == 0; data++) {
		ev = (struct sse_event){ .data = str_from(*data) };
		rc = d->relay_event(s, a, &frame, &ev, out, e);
	}
	if (rc != -1)
		rc = d->relay_end(s, a, &frame, &tail, out, e);
	d->relay_free(s);
	arena_free(a);
	return rc;
}

START_TEST(streamed)
{
	static const char *const good[] = {
		"{\"type\":\"image_generation.partial_image\",\n\"b64_json\":"
		"\"A\"}",
		"no JSON",
		"{\"type\":\"image_generation.completed\",\"b64_json\":\"B\","
		"\"usage\":{\"input_tokens\":2,\"output_tokens\":3},\"z\":1}",
		"[DONE]", NULL
	};
	static const char *const cut[] = {
		"{\"type\":\"image_generation.partial_image\"}", NULL
	};
	static const char *const broken[] = {
		"{\"error\":{\"message\":\"boom\"}}", NULL
	};
	struct image_relay s = { .open = false };
	struct buf b = BUF_LIMIT(10000);
	struct err e = { 0 };

	ck_assert_int_eq(run(&s, good, &b, &e), 0);
	ck_assert_int_eq(s.facts.images, 1);
	ck_assert_int_eq(s.facts.skipped, 1);
	ck_assert_int_eq(s.facts.usage.image_out, 3);
	expect(buf_str(&b),
	    "event: image_generation.partial_image\n"
	    "data: {\"type\":\"image_generation.partial_image\","
	    "\"b64_json\":\"A\"}\n\n"
	    "event: image_generation.completed\ndata: {\"type\":"
	    "\"image_generation.completed\",\"b64_json\":\"B\",\"z\":1,"
	    "\"usage\":{\"input_tokens\":2,");
	ck_assert_str_eq("\"metadata\":{}}\n\n",
	    (buf_addc(&b, '\0'),
		b.p + b.n - 1 - strlen("\"metadata\":{}}\n\n")));
	s = (struct image_relay){ .open = false };
	ck_assert_int_eq(run(&s, cut, &b, &e), -1);
	ck_assert_int_eq(e.code, ERR_NO_CONTENT);
	ck_assert_int_eq(run(&s, broken, &b, &e), -1);
	ck_assert_int_eq(e.code, ERR_UPSTREAM);
	ck_assert_str_eq(e.msg, "boom");
	buf_free(&b);
}
END_TEST

CASE(case_image)
{
	TCase *c = tcase_create("image");

	tcase_add_loop_test(c, peek, 0, (int)NROWS(peeks));
	tcase_add_loop_test(c, refused, 0, (int)NROWS(bad));
	tcase_add_test(c, forms);
	tcase_add_test(c, torn);
	tcase_add_loop_test(c, decoded, 0, (int)NROWS(answers));
	tcase_add_test(c, far);
	tcase_add_test(c, streamed);
	return c;
}
