#include "dialect/openai.h"
#include "dialect/reuse.h"

#define PIECE_MAX ((size_t)64 * 1024 * 1024)
#define DONE STR("data: [DONE]\n\n")
#define DATA STR("data: ")

/* One answer on its way into pieces. */
struct cutting {
	const struct dialect *to;
	struct arena *a;
	struct reuse *u;
	struct buf text;
	struct str free_cost;   /* raw "cost_details" */
	const struct tail tail; /* usage that cost nothing */
	bool bad;
};

static void
hole(struct cutting *c, enum reuse_kind kind)
{
	struct reuse *u = c->u;

	if (u->nholes == REUSE_HOLES || c->text.n > UINT32_MAX) {
		c->bad = true;
		return;
	}
	u->holes[u->nholes++] =
	    (struct reuse_hole){ (uint32_t)c->text.n, (uint8_t)kind };
}

/* What members of a response are the request's own; else REUSE__MAX. */
static enum reuse_kind
kind_of(struct str key, const char *metadata, bool own)
{
	if (str_is(key, metadata))
		return REUSE_METADATA;
	if (!own)
		return REUSE__MAX;
	return str_is(key, "metadata")            ? REUSE_OWN :
	    str_is(key, "prompt_cache_key")       ? REUSE_KEY :
	    str_is(key, "prompt_cache_retention") ? REUSE_RETENTION :
						    REUSE__MAX;
}

/* Is it a conversation in items?  It has own words for some things. */
static bool
in_items(const struct cutting *c)
{
	return c->to == &dialect_openai_responses;
}

/* The object `in`, which is a part of `json`, loses what is not for all. */
static void
cut_members(struct cutting *c, struct str json, struct str in)
{
	const char *metadata = in_items(c) ? "gateway_metadata" : "metadata";
	const char *from = json.p, *end = json.p + json.n;
	struct jiter it;
	struct jmember m;
	enum reuse_kind kind;

	for (it = jscan_into(in); jscan_next(&it, &m);) {
		kind = kind_of(m.key, metadata, in_items(c));
		if (kind == REUSE__MAX)
			continue;
		buf_add(
		    &c->text, (struct str){ from, (size_t)(m.raw.p - from) });
		hole(c, kind);
		from = m.raw.p + m.raw.n;
	}
	buf_add(&c->text, (struct str){ from, (size_t)(end - from) });
}

/* The same JSON at no cost; `at` is where usage stands: "", "response/". */
static struct str
without_cost(struct cutting *c, struct str json, const char *at)
{
	struct jpatch patches[] = {
		{ JPATCH_SET, arena_fmt(c->a, "%susage/cost", at), STR("0"),
		    NULL },
		{ JPATCH_SET, arena_fmt(c->a, "%susage/cost_details", at),
		    c->free_cost, NULL },
	};
	struct buf b = BUF_LIMIT(PIECE_MAX);
	struct jmember *v;
	struct str s;
	int n = jscan_event(json, c->a, &v);

	if (n == -1) {
		c->bad = true;
		return STR("{}");
	}
	jscan_splice(v, n, patches, NROWS(patches), &b);
	s = arena_dup(c->a, buf_str(&b));
	c->bad = c->bad || b.full;
	buf_free(&b);
	return s;
}

static bool
has_hole(const struct cutting *c, enum reuse_kind kind)
{
	for (int i = 0; i < c->u->nholes; i++)
		if (c->u->holes[i].kind == kind)
			return true;
	return false;
}

/* --- streams --- */

/* The event that ends where s does, cut off s; absent: there is none. */
static struct str
last_event(struct str *s)
{
	size_t n = s->n, at;
	struct str ev;

	if (n < 2 || memcmp(s->p + n - 2, "\n\n", 2) != 0)
		return STR_NONE;
	for (at = n - 2; at >= 2; at--)
		if (s->p[at - 1] == '\n' && s->p[at - 2] == '\n')
			break;
	if (at < 2)
		at = 0;
	ev = (struct str){ s->p + at, n - at };
	s->n = at;
	return ev;
}

/* The first of s, likewise. */
static struct str
first_event(struct str *s)
{
	const char *end = memmem(s->p, s->n, "\n\n", 2);
	struct str ev = { s->p, s->n };

	if (end != NULL)
		ev.n = (size_t)(end - s->p) + 2;
	s->p += ev.n;
	s->n -= ev.n;
	return ev;
}

/* The JSON of an event; *lead is what stands before it. */
static struct str
data_of(struct str ev, struct str *lead)
{
	const char *p;

	*lead = STR_NONE;
	if (ev.n < 8 || memcmp(ev.p + ev.n - 2, "\n\n", 2) != 0)
		return STR_NONE;
	p = str_starts(ev, "data: ") ? ev.p : memmem(ev.p, ev.n, "\ndata: ", 7);
	if (p == NULL)
		return STR_NONE;
	p += *p == '\n' ? 7 : 6;
	*lead = (struct str){ ev.p, (size_t)(p - ev.p) };
	return (struct str){ p, (size_t)(ev.p + ev.n - 2 - p) };
}

static bool
is_named(struct str ev, const char *name)
{
	size_t n = strlen(name);

	return str_starts(ev, "event: ") && ev.n > 7 + n &&
	    memcmp(ev.p + 7, name, n) == 0 && ev.p[7 + n] == '\n';
}

/* The tail of a chat stream, out of the members behind the choices. */
static void
cut_tail(struct cutting *c, const char *from, struct str chunk)
{
	const char *end = chunk.p + chunk.n - 1; /* the closing bracket */
	struct str metadata = jscan_at(chunk, "metadata");

	c->u->tail = (struct str){ from, (size_t)(metadata.p - from) };
	from = metadata.p + metadata.n;
	c->u->rest = (struct str){ from, (size_t)(end - from) };
}

/* The provider's or our own stream did not show usage. */
static void
make_tail(struct cutting *c)
{
	struct buf b = BUF_LIMIT(PIECE_MAX);
	struct jw w = JW_TO(&b);

	buf_add(&b, STR(",\"usage\":"));
	openai_put_usage(&w, NULL, &c->tail, STR_NONE);
	buf_add(&b, STR(",\"metadata\":"));
	c->u->tail = arena_dup(c->a, buf_str(&b));
	c->u->rest = STR("");
	buf_free(&b);
}

/* The finish chunk: all of it but its closing bracket is text. */
static void
cut_finish(struct cutting *c, struct str before, struct str chunk, size_t n)
{
	buf_add(&c->text, before);
	buf_add(&c->text, DATA);
	buf_add(&c->text, (struct str){ chunk.p, n });
	hole(c, REUSE_FINISH);
	buf_add(&c->text, STR("}\n\n"));
	hole(c, REUSE_EXTRA);
	buf_add(&c->text, DONE);
}

/* The last chunk but "[DONE]" is one without a choice, or a finish. */
static void
cut_chat(struct cutting *c, struct str s)
{
	struct str ev, lead, chunk, choices, metadata, usage;
	const char *from;

	if (s.n < DONE.n || memcmp(s.p + s.n - DONE.n, DONE.p, DONE.n) != 0) {
		c->bad = true;
		return;
	}
	s.n -= DONE.n;
	ev = last_event(&s);
	chunk = data_of(ev, &lead);
	if (chunk.n == 0 || !jscan_is_object(chunk) ||
	    chunk.p[chunk.n - 1] != '}' ||
	    (choices = jscan_at(chunk, "choices")).n < 2) {
		c->bad = true;
		return;
	}
	/* `"choices":` stands before the choices, and is not of the head. */
	c->u->head = (struct str){ chunk.p,
		(size_t)(choices.p - chunk.p) - strlen("\"choices\":") };
	metadata = jscan_at(chunk, "metadata");
	usage = jscan_at(chunk, "usage");
	if (metadata.p == NULL || usage.p == NULL) {
		make_tail(c);
		cut_finish(c, s, chunk, chunk.n - 1);
		return;
	}
	if (choices.n >
	    2) { /* the finish; what is ours begins with the usage */
		size_t n = (size_t)(usage.p - chunk.p) - strlen(",\"usage\":");

		cut_finish(c, s, chunk, n);
		chunk = without_cost(c, chunk, "");
		from = jscan_at(chunk, "usage").p - strlen(",\"usage\":");
		cut_tail(c, from, chunk);
		return;
	}
	chunk = without_cost(c, chunk, "");
	choices = jscan_at(chunk, "choices");
	cut_tail(c, choices.p + choices.n, chunk);
	chunk = data_of(last_event(&s), &lead);
	if (chunk.n < 2)
		c->bad = true;
	else
		cut_finish(c, s, chunk, chunk.n - 1);
}

/* message_delta has all that is ours, and message_stop follows it. */
static void
cut_messages(struct cutting *c, struct str s)
{
	struct str stop = last_event(&s), delta = last_event(&s), lead, json;

	json = data_of(delta, &lead);
	if (!is_named(stop, "message_stop") ||
	    !is_named(delta, "message_delta") || json.n == 0) {
		c->bad = true;
		return;
	}
	buf_add(&c->text, s);
	buf_add(&c->text, lead);
	json = without_cost(c, json, "");
	cut_members(c, json, json);
	buf_add(&c->text, STR("\n\n"));
	buf_add(&c->text, stop);
}

/* Events that show the response so far repeat what the request said. */
static void
cut_response(struct cutting *c, struct str ev)
{
	struct str lead, json = data_of(ev, &lead);
	bool last = is_named(ev, "response.completed") ||
	    is_named(ev, "response.incomplete");

	if (json.n == 0 ||
	    (!last && !is_named(ev, "response.created") &&
		!is_named(ev, "response.in_progress") &&
		!is_named(ev, "response.queued"))) {
		buf_add(&c->text, ev);
		return;
	}
	if (last)
		json = without_cost(c, json, "response/");
	else if (!jscan_is_object(json))
		c->bad = true;
	if (c->bad)
		return;
	buf_add(&c->text, lead);
	cut_members(c, json, jscan_at(json, "response"));
	buf_add(&c->text, STR("\n\n"));
}

static void
cut_stream(struct cutting *c, struct str s)
{
	if (in_items(c))
		while (s.n > 0 && !c->bad)
			cut_response(c, first_event(&s));
	else if (c->to == &dialect_anthropic_messages)
		cut_messages(c, s);
	else
		cut_chat(c, s);
}

/* One of several choices may have been blocked. */
static bool
is_blocked(struct str s)
{
	static const char word[] = "\"finish_reason\":\"content_filter\"";

	return memmem(s.p, s.n, word, sizeof(word) - 1) != NULL;
}

static struct str
cost_of_nothing(struct arena *a)
{
	static const struct llm_cost nothing;
	struct buf b = BUF_LIMIT(4096);
	struct jw w = JW_TO(&b);
	struct str s;

	jw_obj(&w, NULL);
	llm_put_cost(&w, &nothing);
	jw_end(&w);
	s = arena_dup(a, buf_str(&b));
	buf_free(&b);
	return jscan_at(s, "cost_details");
}

int
reuse_cut(const struct dialect *to, bool stream, struct str answer,
    const struct llm_usage *usage, struct arena *a, struct reuse *u)
{
	struct cutting c = { .to = to,
		.a = a,
		.u = u,
		.text = BUF_LIMIT(PIECE_MAX),
		.free_cost = cost_of_nothing(a),
		.tail = { usage, NULL, STR_NONE } };
	struct str json;

	*u = (struct reuse){ .nholes = 0 };
	if (to == &dialect_openai_chat && is_blocked(answer))
		return -1;
	if (stream)
		cut_stream(&c, answer);
	else {
		json = without_cost(&c, answer, "");
		cut_members(&c, json, json);
	}
	if (c.bad || c.text.full ||
	    !(has_hole(&c, REUSE_METADATA) || has_hole(&c, REUSE_FINISH))) {
		buf_free(&c.text);
		return -1;
	}
	u->text = arena_dup(a, buf_str(&c.text));
	buf_free(&c.text);
	return 0;
}
