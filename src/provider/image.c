/*
 * What those who have images/generations know of its members, and how they call
 * it.  Unknown members pass, as everywhere between equal dialects.
 */
#include "provider/image.h"

#define SIDE 1024 /* of a square, where only a ratio was given */
#define STEP 16   /* what sides are multiples of */

const struct image_words image_gpt = {
	.takes = "n size quality background output_format output_compression "
		 "moderation user stream partial_images input_fidelity",
	.size = IMAGE_GPT,
};
const struct image_words image_xai = {
	.takes = "n user aspect_ratio",
	.size = IMAGE_RATIO,
	.b64 = "b64_json",
};
const struct image_words image_together = {
	.takes = "n seed negative_prompt output_format",
	.size = IMAGE_SIDES,
	.b64 = "base64",
};
const struct image_words image_zai = {
	.takes = "size quality user",
	.size = IMAGE_PIXELS,
};
const struct image_words image_bytedance = {
	.takes = "size seed",
	.size = IMAGE_PIXELS,
	.b64 = "b64_json",
};

static bool
is_listed(const char *list, const char *name)
{
	struct str rest = str_from(list);

	while (rest.p != NULL)
		if (str_is(str_split(&rest, ' '), name))
			return true;
	return false;
}

/* A value that asks for what comes anyway. */
static bool
says_nothing(const char *name, struct str raw)
{
	return jscan_null(raw) || str_is(raw, "\"auto\"") ||
	    (strcmp(name, "n") == 0 && str_is(raw, "1")) ||
	    str_is(raw, "false");
}

static void
leave_out(const struct image_words *k, struct changes *c)
{
	static const char *const known[] = { "n", "size", "quality", "style",
		"background", "output_format", "output_compression",
		"moderation", "user", "seed", "negative_prompt",
		"input_fidelity", "stream", "partial_images" };
	struct str raw;
	size_t i;

	for (i = 0; i < NROWS(known); i++) {
		raw = jscan_get(c->members, c->nmembers, known[i]);
		if (raw.p == NULL || is_listed(k->takes, known[i]))
			continue;
		quirk_del(c, str_from(known[i]));
		/* The size is told in another way. */
		if (!says_nothing(known[i], raw) &&
		    strcmp(known[i], "size") != 0)
			quirk_drop(c, known[i]);
	}
}

/* Sides of about a square's area with this ratio. */
static void
sides(const struct llm_picture *p, int *w, int *h)
{
	int64_t v = SIDE;

	*w = p->w;
	*h = p->h;
	if (p->w > 0 &&
	    p->ratio_w * (int64_t)p->h == p->ratio_h * (int64_t)p->w)
		return;
	while (v * v * p->ratio_h / p->ratio_w > (int64_t)SIDE * SIDE)
		v -= STEP;
	while ((v + STEP) * (v + STEP) * p->ratio_h / p->ratio_w <=
	    (int64_t)SIDE * SIDE)
		v += STEP;
	*w = (int)v;
	*h = (int)(v * p->ratio_h / p->ratio_w) / STEP * STEP;
	if (*h < STEP)
		*h = STEP;
}

static void
change_size(const struct image_words *k, const struct llm_request *r,
    struct changes *c, struct arena *a)
{
	bool asked =
	    jscan_get(c->members, c->nmembers, "aspect_ratio").p != NULL;
	const struct llm_picture *p = &r->picture;
	int w, h;

	if (p->ratio_w == 0)
		return;
	if (k->size == IMAGE_RATIO) {
		quirk_set(c, STR("aspect_ratio"),
		    arena_fmt(a, "\"%d:%d\"", p->ratio_w, p->ratio_h));
		return;
	}
	sides(p, &w, &h);
	if (k->size == IMAGE_SIDES) {
		quirk_set(c, STR("width"), arena_fmt(a, "%d", w));
		quirk_set(c, STR("height"), arena_fmt(a, "%d", h));
	} else if (asked && k->size == IMAGE_PIXELS)
		quirk_set(c, STR("size"), arena_fmt(a, "\"%dx%d\"", w, h));
	else if (asked)
		quirk_set(c, STR("size"),
		    p->ratio_w == p->ratio_h    ? STR("\"1024x1024\"") :
			p->ratio_w > p->ratio_h ? STR("\"1536x1024\"") :
						  STR("\"1024x1536\""));
	quirk_del(c, STR("aspect_ratio"));
}

/* Their words are low, medium and high. */
static void
change_quality(const struct llm_request *r, struct changes *c)
{
	if (r->picture.quality == LLM_QUALITY_STANDARD)
		quirk_set(c, STR("quality"), STR("\"medium\""));
	else if (r->picture.quality == LLM_QUALITY_HD)
		quirk_set(c, STR("quality"), STR("\"high\""));
}

/* GPT image refuses the member (trap 108); others answer URLs without it. */
static void
change_format(const struct image_words *k, const struct llm_request *r,
    struct changes *c, struct arena *a)
{
	if (k->b64 == NULL)
		quirk_del(c, STR("response_format"));
	else
		quirk_set(c, STR("response_format"),
		    (r->says & LLM_SAY_LINK) != 0 ?
			STR("\"url\"") :
			arena_fmt(a, "\"%s\"", k->b64));
}

void
quirk_image(const struct target *t, const struct llm_request *r,
    struct changes *c, struct arena *a)
{
	const struct image_words *k = t->way->image;

	if (t->way->one)
		quirk_del(c, STR("n"));
	if (t->way->dialect->form) { /* they become files */
		quirk_del(c, STR("images"));
		quirk_del(c, STR("mask"));
	}
	if (k == NULL) {
		if (jscan_get(c->members, c->nmembers, "aspect_ratio").p !=
		    NULL)
			quirk_del(c, STR("size"));
		return;
	}
	change_size(k, r, c, a);
	change_format(k, r, c, a);
	if (k->size == IMAGE_GPT)
		change_quality(r, c);
	leave_out(k, c);
}
