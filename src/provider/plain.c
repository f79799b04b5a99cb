/*
 * The request for a provider that takes JSON over HTTP and a key in a header.
 * Nothing of the client's headers is used (wire.md trap 109).
 */
#include <assert.h>
#include <stdlib.h>

#include "http/url.h"
#include "json/jw.h"
#include "provider/image.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

#define BODY_MAX ((size_t)512 << 20)
/* The dialect's own patches need room in the same pass. */
#define FIRST_PASS (JPATCH_MAX - DIALECT_PATCHES)

/* Does this way take such a mapping? */
static bool
way_fits(const struct way *w, enum llm_task task, unsigned caps)
{
	return w->dialect->task == task && (caps & w->with) == w->with &&
	    (caps & w->without) == 0;
}

const struct way *
provider_way(const struct upstream *u, const struct dialect *from,
    unsigned caps, unsigned says, unsigned *deaf)
{
	const struct way *w;
	unsigned unheard;
	int i;

	*deaf = 0;
	/* Between equal dialects everything can be said, but of images. */
	for (w = u->ways; w < u->ways + u->nways; w++)
		if (w->dialect == from && way_fits(w, from->task, caps) &&
		    (from->task != LLM_IMAGE ||
			(says & (~from->hears | w->deaf)) == 0))
			return w;
	for (i = 0; i < u->nways; i++) {
		w = &u->ways[i];
		if (!way_fits(w, from->task, caps))
			continue;
		unheard = says & (~w->dialect->hears | w->deaf);
		if (unheard == 0)
			return w;
		if (*deaf == 0)
			*deaf = unheard & ~(unheard - 1);
	}
	return NULL;
}

bool
provider_streams(const struct target *t, const struct llm_request *r)
{
	bool plain = (t->caps & LLM_CAN_PLAIN) != 0;
	bool stream = (t->caps & LLM_CAN_STREAM) != 0;

	if (t->upstream->no_stream || (plain && !stream) ||
	    r->from->task == LLM_COUNT)
		return false;
	if (r->from->task == LLM_IMAGE)
		return r->stream && t->way->dialect == r->from;
	/* A model that nobody described has neither bit. */
	return r->stream || (stream && !plain);
}

static void
free_buf(void *b)
{
	buf_free(b);
}

/* A buffer that goes with the arena. */
static struct buf *
arena_buf(struct arena *a, size_t limit)
{
	struct buf *b = ARENA_NEW(a, struct buf);

	*b = BUF_LIMIT(limit);
	arena_defer(a, free_buf, b);
	return b;
}

static void
change_stream(
    const struct target *t, const struct llm_request *r, struct changes *c)
{
	bool told =
	    str_is(jscan_get(c->members, c->nmembers, "stream"), "true");

	bool options = t->way->dialect == &dialect_openai_chat;

	if (provider_streams(t, r)) {
		if (told)
			return;
		quirk_set(c, STR("stream"), STR("true"));
		if (options &&
		    (t->upstream->quirks & QUIRK_NO_STREAM_OPTIONS) == 0)
			quirk_set(c, STR("stream_options"),
			    STR("{\"include_usage\":true}"));
		return;
	}
	if (told)
		quirk_del(c, STR("stream"));
	/* OpenAI refuses it where nothing streams. */
	if (options)
		quirk_del(c, STR("stream_options"));
}

/* Some models stop early, or not at all, unless they are told a limit. */
static void
change_limit(const struct target *t, const struct llm_request *r,
    struct changes *c, struct arena *a)
{
	struct str n;

	if (t->max_output <= 0 || r->max_output > 0)
		return;
	n = arena_fmt(a, "%lld", (long long)t->max_output);
	if ((t->upstream->quirks & QUIRK_MAX_COMPLETION) != 0 &&
	    (t->caps & LLM_WANTS_MAX_COMPLETION) != 0)
		quirk_set(c, STR("max_completion_tokens"), n);
	else
		quirk_set(c, STR("max_tokens"), n);
}

static void
make_changes(const struct target *t, const struct llm_request *r,
    struct changes *c, struct arena *a)
{
	struct buf *name = arena_buf(a, 4096);
	struct jw w = JW_TO(name);

	jw_str(&w, NULL, t->model);
	quirk_set(c, STR("model"), buf_str(name));
	change_stream(t, r, c);
	if (t->way->dialect == &dialect_openai_embed)
		quirk_embed(t, c);
	if (t->way->dialect == &dialect_openai_responses)
		quirk_responses(t, c);
	if (t->way->dialect == &dialect_openai_images ||
	    t->way->dialect == &dialect_openai_edits)
		quirk_image(t, r, c, a);
	if (t->way->dialect != &dialect_openai_chat)
		return;
	change_limit(t, r, c, a);
	quirk_apply(t, c, a);
}

/* What one splice could not take: read the body again and go on. */
static int
apply_rest(struct buf **body, const struct changes *c, int from,
    struct arena *a, struct err *e)
{
	struct jmember *m;
	struct buf *out;
	int n, k;

	for (; from < c->n; from += k) {
		k = c->n - from < JPATCH_MAX ? c->n - from : JPATCH_MAX;
		if ((n = jscan_object(buf_str(*body), a, &m, e)) == -1)
			return -1;
		out = arena_buf(a, BODY_MAX);
		jscan_splice(m, n, &c->v[from], k, out);
		*body = out;
	}
	return 0;
}

static struct llm_aim
aim_of(const struct target *t, const struct llm_request *r, struct changes *c,
    struct arena *a)
{
	return (struct llm_aim){ .model = t->model,
		.caps = t->caps,
		.efforts = t->efforts,
		.max_output = t->limit,
		.stream = provider_streams(t, r),
		.ids = (t->upstream->quirks & QUIRK_NO_CALL_IDS) == 0,
		.tiers = (t->upstream->quirks & QUIRK_NO_TIERS) == 0,
		.arena = a,
		.dropped = c->dropped,
		.scale = t->upstream->scale };
}

/* The client's own bytes, patched on the way. */
static int
relay_body(const struct target *t, struct llm_request *r, struct changes *c,
    struct arena *a, struct buf **body, struct err *e)
{
	struct llm_aim aim = aim_of(t, r, c, a);
	int first;

	c->members = r->members;
	c->nmembers = r->nmembers;
	if (t->upstream->ops->change != NULL)
		t->upstream->ops->change(t, r, c, a);
	make_changes(t, r, c, a);
	first = c->n < FIRST_PASS ? c->n : FIRST_PASS;
	if (dialect_body(t->way->dialect, r, &aim, c->v, first, *body, e) == -1)
		return -1;
	return apply_rest(body, c, first, a, e);
}

/* Encoded anew: what is to be patched is known only afterwards. */
static int
encode_body(const struct target *t, struct llm_request *r, struct changes *c,
    struct arena *a, struct buf **body, struct err *e)
{
	struct llm_aim aim = aim_of(t, r, c, a);
	struct jmember *m;

	if (dialect_body(t->way->dialect, r, &aim, NULL, 0, *body, e) == -1)
		return -1;
	c->nmembers = jscan_object(buf_str(*body), a, &m, e);
	if (c->nmembers == -1)
		return -1;
	c->members = m;
	if (t->upstream->ops->change != NULL)
		t->upstream->ops->change(t, r, c, a);
	if (t->way->dialect == &dialect_openai_chat)
		make_changes(t, r, c, a);
	return apply_rest(body, c, 0, a, e);
}

/* The line for Content-Type goes to *type. */
static int
put_body(const struct target *t, struct llm_request *r, struct arena *a,
    struct http_request *q, struct buf *dropped, struct str *type,
    struct err *e)
{
	struct changes *c = arena_alloc(a, sizeof(*c));
	struct buf *body = arena_buf(a, BODY_MAX);
	int rc;

	c->members = NULL;
	c->nmembers = c->n = 0;
	c->dropped = dropped;
	rc = t->way->dialect == r->from ? relay_body(t, r, c, a, &body, e) :
					  encode_body(t, r, c, a, &body, e);
	if (rc == -1)
		return -1;
	buf_addc(body, '\0');
	if (body->full)
		return err_set(e, ERR_TOO_LARGE, "Request is too large");
	q->body = (struct str){ body->p, body->n - 1 };
	*type = STR("Content-Type: application/json");
	return t->way->dialect->form ? form_body(r, q->body, a, q, type, e) : 0;
}

static void
put_url(const struct target *t, bool streams, struct arena *a,
    struct http_request *q)
{
	static const char mark[] = "{model}";
	const struct way *w = t->way;
	struct buf *name;
	const char *at;

	q->url = url_join(a, t->upstream->base_url,
	    str_from(
		streams && w->stream_path != NULL ? w->stream_path : w->path));
	if ((at = strstr(q->url.p, mark)) == NULL)
		return;
	name = arena_buf(a, 4096);
	url_segment(name, t->model);
	q->url = arena_fmt(a, "%.*s%.*s%s", (int)(at - q->url.p), q->url.p,
	    STR_ARG(buf_str(name)), at + sizeof(mark) - 1);
}

/* curl would send a line end in a value as it is (reliability.md T9). */
int
provider_put_header(struct http_request *q, struct str line, struct err *e)
{
	size_t i;

	for (i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
			return err_set(
			    e, ERR_INTERNAL, "Internal Server Error");
	assert(q->nheaders < HTTP_HEADERS_MAX);
	q->headers[q->nheaders++] = line;
	return 0;
}

int
provider_put_secret(struct http_request *q, struct arena *a, const char *name,
    struct str secret, struct err *e)
{
	return provider_put_header(q, secret_copy(a, name, secret), e);
}

int
provider_put_key(const struct target *t, struct arena *a,
    struct http_request *q, struct err *e)
{
	static const char *const names[AUTH__MAX] = {
		[AUTH_NONE] = "",
		[AUTH_BEARER] = "Authorization: Bearer ",
		[AUTH_X_API_KEY] = "x-api-key: ",
		[AUTH_API_KEY] = "api-key: ",
		[AUTH_X_GOOG] = "x-goog-api-key: ",
	};
	const struct upstream *u = t->upstream;

	if (u->auth == AUTH_NONE)
		return 0;
	if (t->key < 0 || t->key >= u->nkeys)
		return err_set(e, ERR_INTERNAL, "Internal Server Error");
	return provider_put_secret(
	    q, a, names[u->auth], secret_str(&u->keys[t->key]), e);
}

int
provider_request(const struct target *t, struct llm_request *r, struct arena *a,
    struct http_request *q, struct buf *dropped, struct err *e)
{
	bool streams = provider_streams(t, r);
	struct str type;

	*q = (struct http_request){ 0 };
	if (!upstream_usable(t->upstream))
		return err_set(e, ERR_INTERNAL, "Internal Server Error");
	q->public_only = t->upstream->public_only;
	q->way = t->upstream->way;
	if (put_body(t, r, a, q, dropped, &type, e) == -1)
		return -1;
	put_url(t, streams, a, q);
	if (t->upstream->ops->place != NULL &&
	    t->upstream->ops->place(t, r, a, &q->url, e) == -1)
		return -1;
	if (provider_put_header(q, type, e) == -1 ||
	    provider_put_header(q,
		str_from(!streams ?
			"Accept: application/json" :
			t->way->framing == FRAMING_SSE ?
			"Accept: text/event-stream" :
			"Accept: application/vnd.amazon.eventstream"),
		e) == -1 ||
	    provider_put_header(q, STR("Accept-Encoding: identity"), e) == -1 ||
	    provider_put_header(
		q, STR("User-Agent: llmgw/" PACKAGE_VERSION), e) == -1)
		return -1;
	if (t->upstream->ops->headers != NULL &&
	    t->upstream->ops->headers(t, r, a, q, e) == -1)
		return -1;
	return t->upstream->ops->sign != NULL ?
	    t->upstream->ops->sign(t, a, q, e) :
	    provider_put_key(t, a, q, e);
}
