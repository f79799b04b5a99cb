/*
 * Where the texts of a body are.  Members that hold texts are named; inside
 * them every string counts but those whose names say that they are no text.
 */
#include <stdlib.h>

#include "base/b64.h"
#include "pipeline/guard.h"

#define HEAD_BYTES 48
#define PROBS_MAX 128

struct edit {
	struct str raw;
	struct str with;
};

struct walk {
	struct guard_verdict *verdict;
	struct arena *arena;
	struct buf *texts;
	struct str given; /* what is put back, or absent */
	bool answer;
	struct str probs[PROBS_MAX]; /* tokens of an answer's texts */
	int nprobs;
	bool responses;
	bool images; /* no part of theirs can become text */
	bool stuck;  /* one should have */
	struct edit *v;
	int n, cap;
};

/* In which text is found, by dialect; the last word is of answers. */
static const struct {
	const char *dialect;
	const char *request[5];
	const char *answer;
} roots[] = {
	{ "openai-chat", { "messages", NULL }, "choices" },
	{ "anthropic-messages", { "system", "messages", NULL }, "content" },
	{ "anthropic-count", { "system", "messages", NULL }, NULL },
	{ "openai-responses", { "instructions", "input", "prompt", NULL },
	    "output" },
	{ "openai-embeddings", { "input", NULL }, NULL },
	{ "mcp-chat", { NULL }, "result" },
	{ "openai-edits", { "prompt", "images", "mask", NULL }, NULL },
	{ NULL, { "system", "messages", "input", "prompt", NULL }, NULL },
};

static bool
is_one_of(struct str s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_is(s, *words))
			return true;
	return false;
}

/* Names of strings that are no text. */
static bool
is_structure(struct str key)
{
	static const char *const names[] = { "type", "role", "id", "index",
		"tool_call_id", "call_id", "tool_use_id", "name", "status",
		"model", "detail", "media_type", "mime_type", "format",
		"file_id", "file_url", "signature", "encrypted_content", "data",
		"url", "image_url", "file_data", "filename", "ttl",
		"finish_reason", "stop_reason", "object", "phase",
		"thinking_signature", NULL };

	return key.n > 0 && is_one_of(key, names);
}

static void
add_edit(struct walk *w, struct str raw, struct str with)
{
	struct edit *old = w->v;

	if (w->n == w->cap) {
		w->cap = w->cap == 0 ? 16 : w->cap * 2;
		w->v = arena_alloc(w->arena, (size_t)w->cap * sizeof(*w->v));
		if (w->n > 0)
			memcpy(w->v, old, (size_t)w->n * sizeof(*old));
	}
	w->v[w->n++] = (struct edit){ raw, with };
}

/* As many paragraphs of what is put back as the text has. */
static struct str
next_given(struct walk *w, struct str text)
{
	const char *from = w->given.p, *p = from, *end = from + w->given.n;

	for (;;) {
		const char *q = memmem(p, (size_t)(end - p), "\n\n", 2);

		p = q == NULL ? end : q + 2;
		if (q == NULL ||
		    (q = memmem(text.p, text.n, "\n\n", 2)) == NULL)
			break;
		text.n -= (size_t)(q + 2 - text.p);
		text.p = q + 2;
	}
	w->given = (struct str){ p, (size_t)(end - p) };
	return (struct str){ from,
		(size_t)(p - from) -
		    (p == end &&
				(p - from < 2 ||
				    memcmp(p - 2, "\n\n", 2) != 0) ?
			    0 :
			    2) };
}

/* What a text becomes. */
static struct str
look(struct walk *w, struct str text, bool asked)
{
	struct str out = w->given.p == NULL ?
	    guard_scan(w->verdict, text, asked, w->arena) :
	    text.n > 0 ? next_given(w, text) :
			 text;

	if (w->texts != NULL && out.n > 0) {
		if (w->texts->n > 0)
			buf_add(w->texts, STR("\n\n"));
		buf_add(w->texts, out);
	}
	return out;
}

static void
take_text(struct walk *w, struct str raw, bool asked)
{
	struct str text = jscan_text(raw, w->arena);
	struct str out = look(w, text, asked);
	struct buf b = BUF_LIMIT(text.n * 6 + 4096);
	struct jw j = JW_TO(&b);

	if (str_eq(out, text))
		return;
	jw_str(&j, NULL, out);
	add_edit(w, raw, arena_dup(w->arena, buf_str(&b)));
	buf_free(&b);
}

/* --- files --- */

/* Arguments of a call that were JSON stay JSON. */
static void
take_args(struct walk *w, struct str raw, bool asked)
{
	int n = w->n;
	struct err e;
	struct str text;

	take_text(w, raw, asked);
	if (w->n == n)
		return;
	text = jscan_text(raw, w->arena);
	if (jscan_value(text, w->arena, &e) == -1)
		return;
	text = jscan_text(w->v[n].with, w->arena);
	if (jscan_value(text, w->arena, &e) == -1)
		w->v[n].with = STR("\"{}\"");
}

/* What is left of a part that a rule took out. */
static void
remove_part(struct walk *w, struct str part)
{
	add_edit(w, part,
	    w->responses ?
		STR("{\"type\":\"input_text\",\"text\":\"[FILE_REMOVED]\"}") :
		STR("{\"type\":\"text\",\"text\":\"[FILE_REMOVED]\"}"));
}

static void
take_file(struct walk *w, struct str base64, struct str part)
{
	struct str head = { base64.p,
		base64.n < HEAD_BYTES ? base64.n / 4 * 4 : HEAD_BYTES };
	struct buf b = BUF_LIMIT(HEAD_BYTES + 8);

	b64_decode(head, &b);
	if (guard_file(w->verdict, buf_str(&b), base64.n / 4 * 3)) {
		if (part.p == NULL || w->images)
			w->stuck = true;
		else
			remove_part(w, part);
	}
	buf_free(&b);
}

/* Files that a member holds: a data URL, or base64. */
static bool
is_file(struct walk *w, const struct jmember *m, struct str part, bool typed)
{
	struct str s = jscan_inner(m->raw), head;

	if (s.p == NULL || w->answer || w->verdict == NULL ||
	    !guard_has_files(w->verdict->set))
		return false;
	if (str_starts(s, "data:")) {
		head = str_split(&s, ',');
		if (s.p == NULL || memmem(head.p, head.n, ";base64", 7) == NULL)
			return false;
	} else if (!str_eq(m->key, STR("file_data")) &&
	    !(typed && str_eq(m->key, STR("data"))))
		return false;
	take_file(w, s, part);
	return true;
}

/* --- values --- */

static void walk(struct walk *, struct str raw, struct str key, struct str part,
    bool asked, bool any);

static void
note_probs(struct walk *w, struct str raw)
{
	if (w->answer && !jscan_null(raw) && w->nprobs < PROBS_MAX)
		w->probs[w->nprobs++] = raw;
}

static void
walk_object(
    struct walk *w, struct str raw, struct str part, bool asked, bool any)
{
	struct str type = jscan_word(raw, "type");
	bool base64 = str_is(type, "base64");
	bool plain = str_is(type, "text"); /* Anthropic's plain document */
	struct jmember m;

	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m);) {
		if (any)
			walk(w, m.raw, m.key, part, asked, true);
		else if (str_eq(m.key, STR("logprobs")))
			note_probs(w, m.raw);
		else if (is_file(w, &m, part, base64) ||
		    str_eq(m.key, STR("input_audio")) ||
		    str_eq(m.key, STR("audio")))
			continue;
		else if (plain && str_eq(m.key, STR("data")))
			walk(w, m.raw, STR_NONE, part, asked, false);
		else if (str_eq(m.key, STR("arguments")) && m.raw.p[0] == '"')
			take_args(w, m.raw, asked);
		else
			walk(w, m.raw, m.key, part, asked,
			    m.raw.p[0] != '"' &&
				(str_eq(m.key, STR("input")) ||
				    str_eq(m.key, STR("arguments"))));
	}
}

static void
walk(struct walk *w, struct str raw, struct str key, struct str part,
    bool asked, bool any)
{
	struct jmember m;

	switch (raw.p[0]) {
	case '"':
		if (any || !is_structure(key))
			take_text(w, raw, asked);
		break;
	case '{':
		walk_object(w, raw, part, asked, any);
		break;
	case '[':
		for (struct jiter it = jscan_into(raw); jscan_next(&it, &m);)
			walk(w, m.raw, key, m.raw.p[0] == '{' ? m.raw : part,
			    asked, any);
		break;
	default:
		break;
	}
}

/* The elements of a list of messages; the last one of a user is asked. */
static void
walk_messages(struct walk *w, struct str raw)
{
	struct jmember m;
	const char *last = NULL;

	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m);)
		if (m.raw.p[0] == '{' &&
		    str_is(jscan_word(m.raw, "role"), "user"))
			last = m.raw.p;
	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m);)
		walk(w, m.raw, STR_NONE, STR_NONE,
		    last == NULL ? m.raw.p[0] == '"' : m.raw.p == last, false);
}

static void
walk_root(struct walk *w, const char *name, struct str raw)
{
	if (raw.p == NULL)
		return;
	if (raw.p[0] == '[' && !w->answer && strcmp(name, "system") != 0)
		walk_messages(w, raw);
	else
		walk(w, raw, STR_NONE, STR_NONE,
		    !w->answer &&
			(strcmp(name, "input") == 0 ||
			    strcmp(name, "prompt") == 0),
		    false);
}

/* --- edits --- */

static int
by_place(const void *x, const void *y)
{
	const struct edit *a = x, *b = y;

	if (a->raw.p != b->raw.p)
		return a->raw.p < b->raw.p ? -1 : 1;
	return a->raw.n > b->raw.n ? -1 : a->raw.n < b->raw.n;
}

/* An edit inside another goes with it. */
static void
apply(struct walk *w, struct str *body)
{
	const char *at = body->p, *end = body->p + body->n;
	struct buf b = { 0 };

	b.limit = body->n + 64;
	for (int i = 0; i < w->n; i++)
		b.limit += w->v[i].with.n;
	qsort(w->v, (size_t)w->n, sizeof(*w->v), by_place);
	for (int i = 0; i < w->n; i++) {
		if (w->v[i].raw.p < at)
			continue;
		buf_add(&b, (struct str){ at, (size_t)(w->v[i].raw.p - at) });
		buf_add(&b, w->v[i].with);
		at = w->v[i].raw.p + w->v[i].raw.n;
	}
	buf_add(&b, (struct str){ at, (size_t)(end - at) });
	*body = arena_dup(w->arena, buf_str(&b));
	buf_free(&b);
}

static void
walk_body(struct walk *w, const struct dialect *d, struct str *body)
{
	int i = 0;

	w->responses = strcmp(d->name, "openai-responses") == 0;
	w->images = strcmp(d->name, "openai-edits") == 0;
	while (
	    roots[i].dialect != NULL && strcmp(roots[i].dialect, d->name) != 0)
		i++;
	if (w->answer && roots[i].answer != NULL)
		walk_root(w, roots[i].answer, jscan_at(*body, roots[i].answer));
	for (int j = 0; !w->answer && roots[i].request[j] != NULL; j++)
		walk_root(w, roots[i].request[j],
		    jscan_at(*body, roots[i].request[j]));
}

bool
guard_walk(struct guard_verdict *v, const struct dialect *d, bool answer,
    struct str *body, struct arena *a, struct buf *texts)
{
	struct walk w = {
		.verdict = v, .arena = a, .texts = texts, .answer = answer
	};

	walk_body(&w, d, body);
	guard_finish(v);
	/* The tokens of what was redacted would tell it. */
	for (int i = 0; w.n > 0 && i < w.nprobs; i++)
		add_edit(&w, w.probs[i],
		    w.probs[i].p[0] == '[' ? STR("[]") : STR("null"));
	if (w.n > 0 && !v->blocked)
		apply(&w, body);
	return w.stuck;
}

void
guard_put_back(const struct dialect *d, struct str *body, struct str texts,
    struct arena *a)
{
	struct walk w = { .arena = a, .given = texts };

	walk_body(&w, d, body);
	if (w.n > 0)
		apply(&w, body);
}

/* --- answers that are not written yet --- */

static void
look_at_part(struct walk *w, struct llm_part *p)
{
	struct str *text = NULL, old;
	struct err e;

	if (p->kind == LLM_TEXT || p->kind == LLM_REFUSAL)
		text = &p->text;
	else if (p->kind == LLM_REASONING)
		text = &p->reasoning.text;
	else if (p->kind == LLM_CALL)
		text = &p->call.args;
	if (text == NULL || text->n == 0)
		return;
	old = *text;
	*text = look(w, old, false);
	if (p->kind == LLM_CALL && !p->call.custom && text->p != old.p &&
	    jscan_value(*text, w->arena, &e) == -1)
		*text = STR("{}");
}

static void
walk_answer(struct walk *w, struct llm_answer *answer)
{
	for (struct llm_choice *c = answer->choices; c != NULL; c = c->next)
		for (struct llm_part *p = c->parts; p != NULL; p = p->next)
			look_at_part(w, p);
}

void
guard_walk_answer(struct guard_verdict *v, struct llm_answer *answer,
    struct arena *a, struct buf *texts)
{
	struct walk w = {
		.verdict = v, .arena = a, .texts = texts, .answer = true
	};

	walk_answer(&w, answer);
	guard_finish(v);
}

void
guard_put_back_answer(
    struct llm_answer *answer, struct str texts, struct arena *a)
{
	struct walk w = { .arena = a, .given = texts };

	walk_answer(&w, answer);
}
