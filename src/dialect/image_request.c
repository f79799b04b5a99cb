/*
 * Requests for images: what the gates need of them, and the neutral view.
 */
#include <math.h>

#include "base/b64.h"
#include "dialect/image.h"
#include "dialect/openai.h"
#include "dialect/parts.h"
#include "http/multipart.h"
#include "json/jx.h"

static void
take_picture(struct llm_request *r, struct arena *a)
{
	struct llm_picture *p = &r->picture;

	*p = (struct llm_picture){ 0 };
	llm_picture_size(p, jscan_text(check_get(r, "size"), a));
	llm_picture_ratio(p, jscan_text(check_get(r, "aspect_ratio"), a));
	p->quality = llm_quality_find(jscan_text(check_get(r, "quality"), a));
}

static int
peek(struct llm_request *r, const struct jrule *rules, struct arena *a,
    struct err *e)
{
	struct check_seen seen = { .text_not = 0 };
	struct jcheck c = { .arena = a, .err = e, .arg = &seen };
	int64_t n = 1;

	if (check_body(r, &c, rules) == -1)
		return -1;
	if (r->model.n == 0)
		r->model = STR("auto");
	r->needs |= LLM_CAN_DRAW;
	jscan_int(check_get(r, "n"), &n);
	r->n = r->pictures = n;
	if (r->stream)
		r->says |= LLM_SAY_PARTIAL;
	if (str_is(check_get(r, "response_format"), "\"url\""))
		r->says |= LLM_SAY_LINK;
	take_picture(r, a);
	return 0;
}

int
image_peek(struct llm_request *r, struct arena *a, struct err *e)
{
	return peek(r, image_rules, a, e);
}

static int
missing(struct err *e, const char *param, const char *why)
{
	e->param = str_from(param);
	return err_set(e, ERR_BAD_PARAM, "%s", why);
}

static int
check_files(struct llm_request *r, struct err *e)
{
	const struct llm_file *f;

	for (f = r->files; f != NULL; f = f->next) {
		if (str_is(f->field, "mask"))
			r->says |= LLM_SAY_MASK;
		else
			r->images++;
	}
	if (r->images == 0)
		return missing(e, "image",
		    "image file is required for multipart/form-data requests");
	if (r->images > IMAGE_FILES_MAX)
		return missing(e, "image",
		    "Invalid request parameters: image: at most 16 files");
	return 0;
}

int
image_edit_peek(struct llm_request *r, struct arena *a, struct err *e)
{
	bool form = multipart_is(r->type);

	/* With files it was read before, and its fields have changed. */
	if (form && r->files == NULL && image_form(r, a, e) == -1)
		return -1;
	if (peek(r, image_edit_rules, a, e) == -1)
		return -1;
	r->says |= LLM_SAY_EDIT;
	r->needs |= LLM_CAN_IMAGES;
	if (check_get(r, "prompt").n <= 2)
		return missing(e, "prompt", "prompt is required");
	if (form)
		return check_files(r, e);
	if (check_get(r, "images").p == NULL)
		return missing(e, "images",
		    "Invalid request parameters: images: is required");
	return 0;
}

/* Base64 of it, written where it stays. */
static struct str
encoded(struct str data, struct arena *a)
{
	size_t n = (data.n + 2) / 3 * 4;
	struct buf b = { .p = arena_alloc(a, n + 1), .cap = n, .limit = n };

	b64_encode(data, &b);
	return buf_str(&b);
}

static void
add_files(struct llm_request *r, struct llm_part ***tail, struct arena *a)
{
	const struct llm_file *f;
	struct llm_part *p, *mask = NULL;

	for (f = r->files; f != NULL; f = f->next) {
		if (str_is(f->field, "mask")) {
			mask = ARENA_NEW(a, struct llm_part);
			p = mask;
			p->kind = LLM_MEDIA;
		} else
			p = parts_add(tail, LLM_MEDIA, a);
		p->media.mime = f->type;
		p->media.data = encoded(f->data, a);
	}
	if (mask != NULL) {
		**tail = mask;
		*tail = &mask->next;
		r->mask = mask;
	}
}

static struct llm_part *
add_entry(struct llm_part ***tail, struct str raw, struct arena *a)
{
	struct llm_part *p = parts_add(tail, LLM_MEDIA, a);

	parts_take_url(p, jscan_text(jscan_at(raw, "image_url"), a), a);
	return p;
}

/* The members that are no images, for those who read hints. */
static int
read_rest(struct llm_request *r, struct arena *a, struct err *e)
{
	static const char *const known[] = { "model", "prompt", "n", "size",
		"aspect_ratio", "quality", "response_format", "images", "mask",
		"stream", "partial_images", "routing", "free_models_only",
		"no_reasoning", "onboarding", "user", NULL };
	static const struct jpatch without[] = {
		{ JPATCH_DEL, STR("images"), { NULL, 0 }, NULL },
		{ JPATCH_DEL, STR("mask"), { NULL, 0 }, NULL },
	};
	struct buf b = BUF_LIMIT(r->body.n + 16);

	jscan_splice(r->members, r->nmembers, without, 2, &b);
	r->doc = jx_parse(a, buf_str(&b), e);
	buf_free(&b);
	if (r->doc == NULL)
		return -1;
	r->user = jx_str(r->doc, "user");
	parts_hints(r, known, a);
	return 0;
}

int
image_decode_request(struct llm_request *r, struct arena *a, struct err *e)
{
	struct llm_message *m = ARENA_NEW(a, struct llm_message);
	struct llm_part **tail = &m->parts, *p;
	struct str mask = check_get(r, "mask");
	struct jiter it;
	struct jmember v;

	if (read_rest(r, a, e) == -1)
		return -1;
	m->role = LLM_USER;
	p = parts_add(&tail, LLM_TEXT, a);
	p->text = jscan_text(check_get(r, "prompt"), a);
	add_files(r, &tail, a);
	for (it = jscan_into(check_get(r, "images")); jscan_next(&it, &v);)
		add_entry(&tail, v.raw, a);
	if (mask.p != NULL)
		r->mask = add_entry(&tail, mask, a);
	r->messages = m;
	return 0;
}

int
image_at_most(const struct llm_request *r, int max, struct err *e)
{
	if (r->images <= max)
		return 0;
	e->param = STR("images");
	return err_set(e, ERR_BAD_PARAM,
	    "images: the provider of this model takes at most %d", max);
}

const char *
image_nearest(
    const struct image_ratio *v, size_t n, const struct llm_picture *p)
{
	double want = log((double)p->ratio_w / p->ratio_h), off, least = 0;
	size_t best = 0;

	for (size_t i = 0; i < n; i++) {
		off = fabs(log((double)v[i].w / v[i].h) - want);
		if (i == 0 || off < least) {
			best = i;
			least = off;
		}
	}
	return v[best].word;
}

/* How the events of its stream begin. */
const void *
image_note(const struct llm_request *r, struct arena *life)
{
	(void)life;
	return (r->says & LLM_SAY_EDIT) != 0 ? "image_edit" :
					       "image_generation";
}

const char *
image_event_head(const struct frame *f)
{
	return f->asked == NULL ? "image_generation" : f->asked;
}

/* The gateway's own members; aspect_ratio is turned into what is there. */
int
image_body_patches(const struct llm_request *r, struct jpatch *v, int max)
{
	static const struct str ours[] = { STR("routing"),
		STR("free_models_only"), STR("no_reasoning"),
		STR("onboarding") };

	(void)r;
	return jpatch_delete(ours, NROWS(ours), v, max);
}
