/*
 * Images of Reve: created from a prompt, edited by an instruction, or remixed
 * from several; one a call, base64 of a PNG.  https://api.reve.com/llms.txt
 */
#include "dialect/image.h"
#include "dialect/openai.h"

#define FILES_MAX 6 /* of a remix */

static const struct image_ratio ratios[] = {
	{ 1, 1, "1:1" },
	{ 4, 3, "4:3" },
	{ 3, 4, "3:4" },
	{ 3, 2, "3:2" },
	{ 2, 3, "2:3" },
	{ 16, 9, "16:9" },
	{ 9, 16, "9:16" },
};

/* The mapping's name is their "version": "latest", "reve-create@20250915". */
static void
put_rest(const struct llm_request *r, const struct llm_aim *aim, struct jw *w)
{
	static const char *const none[] = { NULL };

	if (r->picture.ratio_w > 0)
		jw_strc(w, "aspect_ratio",
		    image_nearest(ratios, NROWS(ratios), &r->picture));
	jw_str(w, "version", aim->model);
	if (r->picture.quality > LLM_QUALITY_STANDARD)
		llm_drop(aim, "quality");
	if (r->user.p != NULL)
		llm_drop(aim, "user");
	llm_drop_hints(aim, r, none);
}

static int
encode(const struct llm_request *r, const struct llm_aim *aim, struct jw *w,
    struct err *e)
{
	jw_obj(w, NULL);
	jw_str(w, "prompt", r->messages->parts->text);
	put_rest(r, aim, w);
	jw_end(w);
	return dialect_fits(w->out, e);
}

static int
encode_edit(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	const struct llm_part *p = r->messages->parts;
	int n = r->images;

	if (image_at_most(r, FILES_MAX, e) == -1)
		return -1;
	jw_obj(w, NULL);
	jw_str(w, n > 1 ? "prompt" : "edit_instruction", p->text);
	if (n > 1)
		jw_arr(w, "reference_images");
	for (; p != NULL; p = p->next)
		if (p->kind == LLM_MEDIA)
			jw_str(
			    w, n > 1 ? NULL : "reference_image", p->media.data);
	if (n > 1)
		jw_end(w);
	put_rest(r, aim, w);
	jw_end(w);
	return dialect_fits(w->out, e);
}

static int
decode(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct llm_facts facts = { .calls = 0 };
	struct jmember *v;
	struct str image;
	int n = answer_scan(a, &body, &v, e);

	if (n == -1)
		return -1;
	image = jscan_inner(jscan_get(v, n, "image"));
	if (image.n == 0 && jscan_get(v, n, "message").p != NULL) {
		openai_error_inside(a, body, e);
		return -1;
	}
	if (image_put_start(f, to, e) == -1 ||
	    (image.n > 0 &&
		image_put(to, 0, STR("image/png"), image, e) == -1) ||
	    image_put_end(&facts, to, e) == -1)
		return -1;
	if (str_is(jscan_get(v, n, "content_violation"), "true"))
		return image_filtered(e);
	return image.n > 0 ? 0 : image_none(e);
}

const struct dialect dialect_reve_image = {
	.name = "reve-image",
	.task = LLM_IMAGE,
	.encode_request = encode,
	.decode_answer = decode,
	.decode_error = openai_decode_error,
};

const struct dialect dialect_reve_edit = {
	.name = "reve-edit",
	.task = LLM_IMAGE,
	.hears = LLM_SAY_EDIT,
	.encode_request = encode_edit,
	.decode_answer = decode,
	.decode_error = openai_decode_error,
};
