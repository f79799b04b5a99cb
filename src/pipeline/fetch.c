/*
 * Images and documents that a client gave by URL, for providers that want the
 * bytes (api.md 4.2): one after the other, before any provider is asked; and
 * images that a provider answered by URL, for clients that want the bytes.  Where
 * they may come from is guarded in http/call.c.
 */
#include "base/b64.h"
#include "base/clock.h"
#include "pipeline/loop.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define FETCH_MAX ((size_t)20 * 1024 * 1024)
#define FETCH_MS 10000
#define URLS_MAX 16

/* What is being fetched for a request. */
struct fetch {
	struct llm_part *v[URLS_MAX];
	int n;
	int at;
	int64_t started_ms;
	bool answer; /* of a provider: what cannot be had stays a URL */
};

static const struct {
	const char *mime;
	struct str magic;
	struct str later; /* from byte 8 on */
} types[] = {
	{ "image/png", STR("\x89PNG\r\n\x1a\n"), STR("") },
	{ "image/jpeg", STR("\xff\xd8\xff"), STR("") },
	{ "image/gif", STR("GIF8"), STR("") },
	{ "image/webp", STR("RIFF"), STR("WEBP") },
	{ "application/pdf", STR("%PDF-"), STR("") },
};

/* The type by the first bytes, or NULL (trap 106). */
static const char *
type_of(struct str s)
{
	size_t i;

	for (i = 0; i < NROWS(types); i++)
		if (s.n >= 16 &&
		    memcmp(s.p, types[i].magic.p, types[i].magic.n) == 0 &&
		    memcmp(s.p + 8, types[i].later.p, types[i].later.n) == 0)
			return types[i].mime;
	return NULL;
}

static int
collect(struct fetch *f, struct llm_part *p, struct err *e)
{
	for (; p != NULL; p = p->next) {
		if (p->kind == LLM_RESULT &&
		    collect(f, p->result.parts, e) == -1)
			return -1;
		if (p->kind != LLM_MEDIA || p->media.url.p == NULL)
			continue;
		if (f->n == URLS_MAX)
			return err_set(e, ERR_BAD_IMAGE,
			    "At most %d images can be fetched by image_url",
			    URLS_MAX);
		f->v[f->n++] = p;
	}
	return 0;
}

static void next(struct req *);

static void
failed(struct req *r, const char *why)
{
	struct fetch *f = r->timed;

	if (f->answer) {
		f->at++;
		next(r);
		return;
	}
	r->err = (struct err){ .code = ERR_NONE };
	err_set(&r->err, ERR_BAD_IMAGE,
	    "The image or document of image_url cannot be fetched: %s", why);
	reply_error(r);
	r->state = REQ_DRAIN;
	loop_written(r);
}

static int
on_body(void *arg, struct str bytes)
{
	struct req *r = arg;

	r->whole.limit = FETCH_MAX;
	buf_add(&r->whole, bytes);
	return 0;
}

/* The bytes take the place of the URL. */
static void
take(struct req *r, const char *mime)
{
	struct fetch *f = r->timed;
	struct llm_part *p = f->v[f->at++];
	struct buf b = BUF_LIMIT(2 * FETCH_MAX);

	b64_encode(buf_str(&r->whole), &b);
	p->media.url = STR_NONE;
	p->media.mime = str_from(mime);
	p->media.data = arena_dup(r->setup, buf_str(&b));
	buf_free(&b);
	buf_clear(&r->whole);
	next(r);
}

static void
on_end(void *arg, const struct err *e)
{
	struct req *r = arg;
	int status = call_head(r->call)->status;
	const char *mime = type_of(buf_str(&r->whole));

	r->call = NULL;
	if (r->gone)
		loop_over(r);
	else if (e->code != ERR_NONE && r->whole.n > 0)
		failed(r, "it broke off or is larger than 20 MiB");
	else if (e->code != ERR_NONE)
		failed(r, "no connection to a public https address");
	else if (status != 200)
		failed(r, "its server refused");
	else if (mime == NULL)
		failed(r, "it is neither PNG, JPEG, GIF, WebP nor PDF");
	else
		take(r, mime);
}

static const struct call_ops ops = { .body = on_body, .end = on_end };

static void
next(struct req *r)
{
	struct fetch *f = r->timed;
	struct loop *l = r->world->loop;
	struct call_limits limits = {
		.connect_ms = FETCH_MS,
		.body_max = FETCH_MAX,
	};

	if (f->at == f->n) {
		if (!f->answer)
			r->chat.says &= ~(unsigned)LLM_SAY_URL;
		r->on_due = NULL;
		loop_queue(r);
		return;
	}
	r->ask = (struct http_request){ .method = "GET", .public_only = true };
	r->ask.url = arena_dup(r->setup, f->v[f->at]->media.url);
	f->started_ms = clock_ms();
	buf_clear(&r->whole);
	r->call = call_start(
	    loop_pool(l), loop_multi(l), &r->ask, &limits, &ops, r, &r->err);
	if (r->call == NULL)
		failed(r, "bad URL");
	else
		loop_due(r, f->started_ms + FETCH_MS);
}

/* At first to begin, on the loop; then when the time for one is over. */
static void
on_due(struct req *r, int64_t now)
{
	(void)now;
	if (r->call == NULL) {
		next(r);
		return;
	}
	call_cancel(r->call);
	r->call = NULL;
	failed(r, "it took longer than 10 seconds");
}

enum verdict
stage_fetch(struct req *r)
{
	struct fetch *f;
	struct llm_message *m;

	if (!r->fetches)
		return NEXT;
	f = ARENA_NEW(r->life, struct fetch);
	if (r->chat.doc == NULL &&
	    r->chat.from->decode_request(&r->chat, r->setup, &r->err) == -1)
		return FAIL;
	for (m = r->chat.messages; m != NULL; m = m->next)
		if (collect(f, m->parts, &r->err) == -1)
			return FAIL;
	r->timed = f;
	r->on_due = on_due;
	r->due_ms = clock_ms();
	r->state = REQ_TIMED;
	return loop_give(r);
}

void
fetch_answer(struct req *r, struct llm_part *p)
{
	struct fetch *f = ARENA_NEW(r->life, struct fetch);

	f->answer = true;
	for (; p != NULL && f->n < URLS_MAX; p = p->next)
		if (str_starts(p->media.url, "https://"))
			f->v[f->n++] = p;
	r->timed = f;
	r->on_due = on_due;
	r->due_ms = clock_ms();
	r->state = REQ_TIMED;
}
