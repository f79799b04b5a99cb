/*
 * Images by generateContent of AI Studio and Vertex: one a call, a ratio in
 * place of a size, no masks.  Answers of Imagen's predict are read as well,
 * which some still have (wire.md 14).
 */
#include "dialect/gemini.h"
#include "dialect/image.h"
#include "dialect/openai.h"

#define SIDE_1K 1536 /* the longest side that is meant by 1K */
#define SIDE_2K 3072

static void
put_config(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	const struct llm_picture *p = &r->picture;
	int side = p->w > p->h ? p->w : p->h;

	jw_obj(w, "generationConfig");
	jw_arr(w, "responseModalities");
	jw_strc(w, NULL, "IMAGE");
	jw_end(w);
	if (p->ratio_w > 0) {
		jw_obj(w, "imageConfig");
		jw_str(w, "aspectRatio",
		    arena_fmt(aim->arena, "%d:%d", p->ratio_w, p->ratio_h));
		if (side > SIDE_1K + 256)
			jw_strc(w, "imageSize", side > SIDE_2K ? "4K" : "2K");
		jw_end(w);
	}
	jw_end(w);
}

static int
encode(const struct llm_request *r, const struct llm_aim *aim, struct jw *w,
    struct err *e)
{
	static const char *const none[] = { NULL };

	jw_obj(w, NULL);
	if (gemini_put_contents(r, aim, w, e) == -1)
		return -1;
	put_config(r, aim, w);
	jw_end(w);
	if (r->picture.quality > LLM_QUALITY_STANDARD)
		llm_drop(aim, "quality");
	if (r->user.p != NULL)
		llm_drop(aim, "user");
	llm_drop_hints(aim, r, none);
	return dialect_fits(w->out, e);
}

/* What one decoding has found. */
struct found {
	struct arena *arena;
	struct llm_sink *to;
	struct err *err;
	int n;
	bool filtered;
};

static int
take(struct found *o, struct str type, struct str data)
{
	if (data.n == 0)
		return 0;
	return image_put(o->to, o->n++,
	    type.n > 0 ? arena_dup(o->arena, type) : STR("image/png"), data,
	    o->err);
}

/* Images of thoughts are drafts. */
static int
take_candidate(struct found *o, struct str raw)
{
	struct str word = jscan_word(raw, "finishReason"), blob;
	struct jiter it;
	struct jmember m;
	bool broken;

	it = jscan_into(jscan_at(jscan_at(raw, "content"), "parts"));
	while (jscan_next(&it, &m)) {
		blob = jscan_at(m.raw, "inlineData");
		if (!str_is(jscan_at(m.raw, "thought"), "true") &&
		    take(o, jscan_word(blob, "mimeType"),
			jscan_word(blob, "data")) == -1)
			return -1;
	}
	if (word.n > 0 && gemini_stop(word, &broken) == LLM_STOP_FILTER)
		o->filtered = true;
	return 0;
}

static int
take_all(struct found *o, const struct jmember *v, int n)
{
	struct str word =
	    jscan_word(jscan_get(v, n, "promptFeedback"), "blockReason");
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(jscan_get(v, n, "candidates"));
	     jscan_next(&it, &m);)
		if (take_candidate(o, m.raw) == -1)
			return -1;
	for (it = jscan_into(jscan_get(v, n, "predictions"));
	     jscan_next(&it, &m);) {
		if (take(o, jscan_word(m.raw, "mimeType"),
			jscan_word(m.raw, "bytesBase64Encoded")) == -1)
			return -1;
		o->filtered |= jscan_at(m.raw, "raiFilteredReason").p != NULL;
	}
	o->filtered |= word.n > 0 && !str_is(word, "BLOCK_REASON_UNSPECIFIED");
	return 0;
}

static void
read_usage(struct str raw, struct llm_facts *f, int images)
{
	struct gemini_counts counts = { 0 };

	f->has_usage = gemini_read_usage(raw, &counts, &f->usage);
	if (images > 0 && f->usage.image_out == 0)
		f->usage.image_out = counts.candidates;
}

static int
decode(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct found o = { .arena = a, .to = to, .err = e };
	struct llm_facts facts = { .calls = 0 };
	struct jmember *v;
	struct str error;
	int n = answer_scan(a, &body, &v, e);

	if (n == -1)
		return -1;
	error = jscan_get(v, n, "error");
	if (error.p != NULL && !jscan_null(error)) {
		openai_error_inside(a, error, e);
		if (e->status == 0)
			e->status =
			    gemini_rpc_status(jscan_word(error, "status"));
		return -1;
	}
	if (image_put_start(f, to, e) == -1 || take_all(&o, v, n) == -1)
		return -1;
	read_usage(jscan_get(v, n, "usageMetadata"), &facts, o.n);
	if (image_put_end(&facts, to, e) == -1)
		return -1;
	return o.n > 0 ? 0 : o.filtered ? image_filtered(e) : image_none(e);
}

const struct dialect dialect_gemini_image = {
	.name = "gemini-image",
	.task = LLM_IMAGE,
	.hears = LLM_SAY_EDIT | LLM_SAY_URL,
	.encode_request = encode,
	.decode_answer = decode,
	.decode_error = gemini_decode_error,
};
