/*
 * Images of the simulated provider: a small PNG of the ratio that was asked for,
 * two colours that depend on the prompt and on the images that came with it, one
 * fading into the other.  As URLs they can be had again: the name says all.
 */
#include <stdlib.h>
#include <zlib.h>

#include "base/b64.h"
#include "base/clock.h"
#include "base/hash.h"
#include "dialect/dialect.h"
#include "http/sse.h"
#include "pipeline/reply.h"
#include "pipeline/sim.h"
#include "pipeline/stage.h"
#include "pipeline/world.h"

#define SIDE 256   /* of the longer side, at most */
#define TOKENS 100 /* of an image */
#define FILES "/sim/v1/images/files/"
#define COLOURS 6 /* bytes of the name that make the picture */

struct picture {
	unsigned char colours[HASH_SIZE];
	int w, h;
};

/* --- the file --- */

static void
put_be32(struct buf *b, uint32_t v)
{
	const char p[] = { (char)(v >> 24), (char)(v >> 16), (char)(v >> 8),
		(char)v };

	buf_add(b, (struct str){ p, sizeof(p) });
}

static void
put_chunk(struct buf *b, const char *type, struct str data)
{
	size_t at;

	put_be32(b, (uint32_t)data.n);
	at = b->n;
	buf_add(b, str_from(type));
	buf_add(b, data);
	put_be32(b,
	    (uint32_t)crc32_z(0, (const unsigned char *)b->p + at, data.n + 4));
}

/* Rows of one colour each: no filter, three bytes a pixel. */
static void
put_rows(const struct picture *p, struct buf *raw)
{
	const unsigned char *c = p->colours;
	char pixel[3];
	int x, y, i;

	for (y = 0; y < p->h; y++) {
		for (i = 0; i < 3; i++)
			pixel[i] =
			    (char)((c[i] * (p->h - y) + c[i + 3] * y) / p->h);
		buf_addc(raw, 0);
		for (x = 0; x < p->w; x++)
			buf_add(raw, (struct str){ pixel, 3 });
	}
}

static void
put_png(const struct picture *p, struct arena *a, struct buf *out)
{
	struct buf raw = BUF_LIMIT(SIM_OUT_MAX), head = BUF_LIMIT(64);
	uLongf n;
	Bytef *packed;

	put_rows(p, &raw);
	n = compressBound(raw.n);
	packed = arena_alloc(a, n);
	if (compress2(packed, &n, (const Bytef *)raw.p, raw.n, 6) != Z_OK)
		abort();
	put_be32(&head, (uint32_t)p->w);
	put_be32(&head, (uint32_t)p->h);
	buf_add(&head, STR("\x08\x02\0\0\0")); /* 8 bits, RGB */
	buf_add(out, STR("\x89PNG\r\n\x1a\n"));
	put_chunk(out, "IHDR", buf_str(&head));
	put_chunk(out, "IDAT", (struct str){ (char *)packed, n });
	put_chunk(out, "IEND", STR(""));
	buf_free(&raw);
	buf_free(&head);
}

/* --- what was asked for --- */

/* Sides of the ratio; that of the size, if it has one. */
static void
fit(const struct llm_picture *asked, struct picture *p)
{
	int w = asked->w > 0 ? asked->w : asked->ratio_w;
	int h = asked->h > 0 ? asked->h : asked->ratio_h;

	if (w == 0)
		w = h = 1;
	p->w = w >= h ? SIDE : SIDE * w / h;
	p->h = h >= w ? SIDE : SIDE * h / w;
	p->w = p->w < 1 ? 1 : p->w;
	p->h = p->h < 1 ? 1 : p->h;
}

/* The colours of the i-th: another one for the same request is another. */
static void
colour(const struct req *r, int64_t i, struct picture *p)
{
	const struct llm_file *f;
	struct buf b = BUF_LIMIT(SIM_OUT_MAX);
	unsigned char h[HASH_SIZE];

	buf_add(&b, jscan_get(r->chat.members, r->chat.nmembers, "prompt"));
	buf_int(&b, i);
	for (f = r->chat.files; f != NULL; f = f->next) {
		hash_sha256(f->data, h);
		buf_add(&b, (struct str){ (char *)h, sizeof(h) });
	}
	hash_sha256(buf_str(&b), p->colours);
	buf_free(&b);
}

static void
put_url(const struct req *r, const struct picture *p, struct jw *w)
{
	struct buf b = BUF_LIMIT(4096);
	int i;

	/* sim_url is where FILES begins, but for its first name. */
	buf_fmt(&b, "%s%s", r->world->conf.sim_url, FILES + strlen("/sim"));
	for (i = 0; i < COLOURS; i++)
		buf_fmt(&b, "%02x", p->colours[i]);
	buf_fmt(&b, "-%dx%d.png", p->w, p->h);
	jw_str(w, "url", buf_str(&b));
	buf_free(&b);
}

static void
put_picture(const struct req *r, int64_t i, struct jw *w)
{
	struct buf png = BUF_LIMIT(SIM_OUT_MAX), text = BUF_LIMIT(SIM_OUT_MAX);
	struct picture p;

	fit(&r->chat.picture, &p);
	colour(r, i, &p);
	if ((r->chat.says & LLM_SAY_LINK) != 0)
		put_url(r, &p, w);
	else {
		put_png(&p, r->setup, &png);
		b64_encode(buf_str(&png), &text);
		jw_str(w, "b64_json", buf_str(&text));
	}
	buf_free(&png);
	buf_free(&text);
}

static void
put_usage(const struct req *r, struct jw *w)
{
	int64_t text = ((int64_t)r->chat.text_bytes + 3) / 4;
	int64_t in = r->chat.images * TOKENS, out = r->chat.pictures * TOKENS;

	jw_obj(w, "usage");
	jw_int(w, "input_tokens", text + in);
	jw_int(w, "output_tokens", out);
	jw_int(w, "total_tokens", text + in + out);
	jw_obj(w, "input_tokens_details");
	jw_int(w, "text_tokens", text);
	jw_int(w, "image_tokens", in);
	jw_end(w);
	jw_end(w);
}

/* --- answers --- */

static void
answer(struct req *r)
{
	struct buf b = BUF_LIMIT(SIM_OUT_MAX);
	struct jw w = JW_TO(&b);
	int64_t i;

	jw_obj(&w, NULL);
	jw_int(&w, "created", clock_wall_ms() / 1000);
	jw_strc(&w, "output_format", "png");
	jw_arr(&w, "data");
	for (i = 0; i < r->chat.pictures; i++) {
		jw_obj(&w, NULL);
		put_picture(r, i, &w);
		jw_end(&w);
	}
	jw_end(&w);
	put_usage(r, &w);
	jw_end(&w);
	reply_whole(r, 200, NULL, STR(""), buf_str(&b));
	buf_free(&b);
}

static void
put_event(const struct req *r, const char *what, int64_t i, bool last,
    struct buf *out)
{
	struct buf b = BUF_LIMIT(SIM_OUT_MAX), type = BUF_LIMIT(64);
	struct jw w = JW_TO(&b);

	buf_fmt(&type, "%s.%s",
	    (r->chat.says & LLM_SAY_EDIT) != 0 ? "image_edit" :
						 "image_generation",
	    what);
	jw_obj(&w, NULL);
	jw_str(&w, "type", buf_str(&type));
	jw_int(&w, "created_at", clock_wall_ms() / 1000);
	jw_strc(&w, "output_format", "png");
	put_picture(r, last ? 0 : i + 1, &w);
	if (last)
		put_usage(r, &w);
	else
		jw_int(&w, "partial_image_index", i);
	jw_end(&w);
	sse_put(out, buf_str(&type), buf_str(&b));
	buf_free(&b);
	buf_free(&type);
}

static void
stream(struct req *r)
{
	struct buf out = BUF_LIMIT(SIM_OUT_MAX);
	int64_t n = 0, i;

	jscan_int(
	    jscan_get(r->chat.members, r->chat.nmembers, "partial_images"), &n);
	for (i = 0; i < n; i++)
		put_event(r, "partial_image", i, false, &out);
	put_event(r, "completed", 0, true, &out);
	reply_more(r, buf_str(&out), true);
	buf_free(&out);
}

enum verdict
stage_sim_image(struct req *r)
{
	r->chat.from = (r->endpoint->flags & ENDPOINT_FORM) != 0 ?
	    &dialect_openai_edits :
	    &dialect_openai_images;
	r->chat.type = r->in.content_type;
	if (r->chat.from->peek(&r->chat, r->setup, &r->err) == -1)
		return FAIL;
	if (r->chat.stream)
		stream(r);
	else
		answer(r);
	return DONE;
}

/* Its name: six colours in hex, "-", WxH, ".png". */
static bool
read_name(struct str s, struct picture *p)
{
	struct llm_picture size = { 0 };
	struct str name = str_split(&s, '-');
	char two[3] = { 0 };
	int i;

	if (name.n != (size_t)2 * COLOURS || s.n < 8 ||
	    memcmp(s.p + s.n - 4, ".png", 4) != 0)
		return false;
	for (i = 0; i < COLOURS; i++) {
		memcpy(two, name.p + (size_t)2 * (size_t)i, 2);
		p->colours[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	s.n -= 4;
	llm_picture_size(&size, s);
	p->w = size.w;
	p->h = size.h;
	return size.w > 0 && size.w <= SIDE && size.h <= SIDE;
}

enum verdict
stage_sim_file(struct req *r)
{
	struct buf png = BUF_LIMIT(SIM_OUT_MAX);
	struct str name = { r->path.p + strlen(FILES),
		r->path.n - strlen(FILES) };
	struct picture p;

	if (!read_name(name, &p))
		return stage_not_found(r);
	put_png(&p, r->setup, &png);
	reply_whole(r, 200, "image/png", STR(""), buf_str(&png));
	buf_free(&png);
	return DONE;
}
