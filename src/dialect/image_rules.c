/*
 * Members of requests for images (api.md 8).
 */
#include <stdio.h>

#include "dialect/image.h"
#include "dialect/openai.h"

static int
check_size(struct jcheck *c, struct str raw)
{
	struct llm_picture p = { 0 };

	return llm_picture_size(&p, jscan_text(raw, c->arena)) ?
	    0 :
	    jcheck_fail(c, "must be auto or WIDTHxHEIGHT");
}

static int
check_ratio(struct jcheck *c, struct str raw)
{
	struct llm_picture p = { 0 };

	return llm_picture_ratio(&p, jscan_text(raw, c->arena)) ?
	    0 :
	    jcheck_fail(c, "must be WIDTH:HEIGHT");
}

/* {"image_url":"..."}; `path` names it to the client. */
static int
check_entry(struct jcheck *c, struct str raw, const char *path)
{
	struct check_seen *seen = c->arg;
	struct str url = jscan_at(raw, "image_url");
	enum openai_image_fault fault = OPENAI_IMAGE_FORM;
	const char *type = NULL;

	if (url.n > 0 && *url.p == '"')
		fault = openai_image_fault(jscan_text(url, c->arena), &type);
	seen->images++;
	c->err->param = arena_fmt(c->arena, "%s.image_url", path);
	if (fault == OPENAI_IMAGE_BYTES ||
	    (fault == OPENAI_IMAGE_GOOD && type != NULL &&
		strcmp(type, "gif") == 0))
		return err_set(c->err, ERR_BAD_IMAGE,
		    "Invalid request parameters: %s.image_url: is neither "
		    "PNG, JPEG nor WebP as it says",
		    path);
	if (fault != OPENAI_IMAGE_GOOD)
		return err_set(c->err, ERR_BAD_PARAM,
		    "%s.image_url must be an https URL or a base64 data URL",
		    path);
	if (type == NULL)
		c->marks |= LLM_SAY_URL;
	c->err->param = STR_NONE;
	return 0;
}

static int
check_images(struct jcheck *c, struct str raw)
{
	struct jiter it;
	struct jmember m;
	char path[32];
	int i = 0;

	for (it = jscan_into(raw); jscan_next(&it, &m); i++) {
		snprintf(path, sizeof(path), "images[%d]", i);
		if (i < IMAGE_FILES_MAX && check_entry(c, m.raw, path) == -1)
			return -1;
	}
	return i >= 1 && i <= IMAGE_FILES_MAX ?
	    0 :
	    jcheck_fail(c, "must have 1 to %d elements", IMAGE_FILES_MAX);
}

static int
check_mask(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;
	int rc = check_entry(c, raw, "mask");

	c->marks |= LLM_SAY_MASK;
	seen->images--; /* it is none of the images */
	return rc;
}

/* clang-format off */
#define COMMON                                                                 \
	{ .name = "model", .types = JT_STR, .also = check_model },             \
	{ .name = "n", .types = JT_INT, .min = 1, .max = 10 },                 \
	{ .name = "size", .types = JT_STR, .also = check_size },               \
	{ .name = "aspect_ratio", .types = JT_STR, .also = check_ratio },      \
	{ .name = "quality", .types = JT_STR,                                  \
	    .words = "auto|standard|hd|low|medium|high|xhigh|max" },           \
	{ .name = "style", .types = JT_STR, .words = "vivid|natural" },        \
	{ .name = "response_format", .types = JT_STR,                          \
	    .words = "b64_json|url" },                                         \
	{ .name = "background", .types = JT_STR },                             \
	{ .name = "output_format", .types = JT_STR },                          \
	{ .name = "output_compression", .types = JT_INT, .min = 0, .max = 100 },\
	{ .name = "moderation", .types = JT_STR },                             \
	{ .name = "user", .types = JT_STR },                                   \
	{ .name = "seed", .types = JT_INT },                                   \
	{ .name = "negative_prompt", .types = JT_STR },                        \
	{ .name = "stream", .types = JT_BOOL },                                \
	{ .name = "partial_images", .types = JT_INT, .min = 0, .max = 3 },     \
	{ .name = "routing", .types = JT_STR,                                  \
	    .words = "auto|price|throughput|latency" },                        \
	{ .name = "free_models_only", .types = JT_BOOL }

const struct jrule image_rules[] = {
	{ .name = "prompt", .types = JT_STR, .required = true, .min = 1,
	    .max = -1 },
	COMMON,
	{ .name = NULL }
};

/* What is missing has words of its own: image_edit_peek(). */
const struct jrule image_edit_rules[] = {
	{ .name = "prompt", .types = JT_STR },
	{ .name = "images", .types = JT_ARR, .also = check_images },
	{ .name = "mask", .types = JT_OBJ, .also = check_mask },
	{ .name = "input_fidelity", .types = JT_STR, .words = "high|low" },
	COMMON,
	{ .name = NULL }
};
/* clang-format on */
