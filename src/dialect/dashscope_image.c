/*
 * Images of Alibaba's Model Studio (DashScope) by multimodal-generation: one a
 * call, told as a chat; answers are URLs that live for a day.
 * https://www.alibabacloud.com/help/en/model-studio/qwen-image-api and
 * .../qwen-image-edit-api
 */
#include "dialect/image.h"
#include "dialect/openai.h"
#include "dialect/parts.h"

#define FILES_MAX 3 /* images of an edit */

/* The sizes that all models have; of the 2.0 series they are some of many. */
static const struct image_ratio ratios[] = {
	{ 1, 1, "1328*1328" },
	{ 4, 3, "1472*1104" },
	{ 3, 4, "1104*1472" },
	{ 16, 9, "1664*928" },
	{ 9, 16, "928*1664" },
};

static void
put_content(const struct llm_request *r, struct jw *w)
{
	struct buf url = BUF_LIMIT(SSE_IMAGE_MAX);
	const struct llm_part *p;

	for (p = r->messages->parts; p != NULL; p = p->next) {
		if (p->kind != LLM_MEDIA)
			continue;
		jw_obj(w, NULL);
		buf_clear(&url);
		parts_put_url(p, &url);
		jw_str(w, "image", buf_str(&url));
		jw_end(w);
	}
	buf_free(&url);
	jw_obj(w, NULL);
	jw_str(w, "text", r->messages->parts->text);
	jw_end(w);
}

static void
put_parameters(const struct llm_request *r, struct jw *w)
{
	struct json_object *v;

	jw_obj(w, "parameters");
	if (r->picture.ratio_w > 0)
		jw_strc(w, "size",
		    image_nearest(ratios, NROWS(ratios), &r->picture));
	if ((v = llm_hint(r, "negative_prompt")) != NULL)
		jw_node(w, "negative_prompt", v);
	if ((v = llm_hint(r, "seed")) != NULL)
		jw_node(w, "seed", v);
	jw_bool(w, "watermark", false);
	jw_end(w);
}

static int
encode(const struct llm_request *r, const struct llm_aim *aim, struct jw *w,
    struct err *e)
{
	static const char *const known[] = { "negative_prompt", "seed", NULL };

	if (image_at_most(r, FILES_MAX, e) == -1)
		return -1;
	jw_obj(w, NULL);
	jw_str(w, "model", aim->model);
	jw_obj(w, "input");
	jw_arr(w, "messages");
	jw_obj(w, NULL);
	jw_strc(w, "role", "user");
	jw_arr(w, "content");
	put_content(r, w);
	for (int i = 0; i < 4; i++)
		jw_end(w);
	put_parameters(r, w);
	jw_end(w);
	if (r->picture.quality > LLM_QUALITY_STANDARD)
		llm_drop(aim, "quality");
	if (r->user.p != NULL)
		llm_drop(aim, "user");
	llm_drop_hints(aim, r, known);
	return dialect_fits(w->out, e);
}

static int
take_choice(struct llm_sink *to, int *n, struct str raw, struct err *e)
{
	struct jiter it =
	    jscan_into(jscan_at(jscan_at(raw, "message"), "content"));
	struct jmember m;
	struct str url;

	while (jscan_next(&it, &m)) {
		url = jscan_word(m.raw, "image");
		if (url.n > 0 && image_put(to, (*n)++, STR_NONE, url, e) == -1)
			return -1;
	}
	return 0;
}

static int
decode(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct llm_facts facts = { .calls = 0 };
	struct str output, usage;
	struct jmember *v, m;
	struct jiter it;
	int64_t w = 0, h = 0;
	int n = answer_scan(a, &body, &v, e), images = 0;

	if (n == -1)
		return -1;
	output = jscan_get(v, n, "output");
	if (output.p == NULL) { /* {"code":"...","message":"..."} */
		openai_error_inside(a, body, e);
		return -1;
	}
	usage = jscan_get(v, n, "usage");
	jscan_int(jscan_at(usage, "width"), &w);
	jscan_int(jscan_at(usage, "height"), &h);
	if (w > 0 && w < 100000 && h > 0 && h < 100000) {
		facts.usage.picture.w = (int)w;
		facts.usage.picture.h = (int)h;
	}
	if (image_put_start(f, to, e) == -1)
		return -1;
	for (it = jscan_into(jscan_at(output, "choices")); jscan_next(&it, &m);)
		if (take_choice(to, &images, m.raw, e) == -1)
			return -1;
	if (image_put_end(&facts, to, e) == -1)
		return -1;
	return images > 0 ? 0 : image_none(e);
}

const struct dialect dialect_dashscope_image = {
	.name = "dashscope-image",
	.task = LLM_IMAGE,
	.hears = LLM_SAY_EDIT | LLM_SAY_URL | LLM_SAY_LINK,
	.encode_request = encode,
	.decode_answer = decode,
	.decode_error = openai_decode_error,
};
