/*
 * Reasoning that somebody signed or encrypted: reasoning_details, as OpenRouter
 * has them, and litellm's thinking_blocks.  Of a stream they come in pieces,
 * which clients send back as they came: pieces of one index are one thought.
 */
#include "dialect/openai.h"
#include "dialect/parts.h"
#include "json/jx.h"

#define THOUGHT_MAX ((size_t)32 * 1024 * 1024)

static const struct {
	const char *word;
	enum llm_issuer by;
} formats[] = {
	{ "anthropic-claude-v1", LLM_BY_ANTHROPIC },
	{ "google-gemini-v1", LLM_BY_GOOGLE },
	{ "openai-responses-v1", LLM_BY_OPENAI },
	{ "azure-openai-responses-v1", LLM_BY_OPENAI },
};

enum llm_issuer
openai_issuer(struct str format)
{
	size_t i;

	for (i = 0; i < NROWS(formats); i++)
		if (str_is(format, formats[i].word))
			return formats[i].by;
	return LLM_BY_NOBODY;
}

static const char *
format_of(enum llm_issuer by)
{
	size_t i;

	for (i = 0; i < NROWS(formats); i++)
		if (formats[i].by == by)
			return formats[i].word;
	return NULL;
}

/* --- requests --- */

/* One thought on its way in. */
struct thought {
	struct llm_part ***tail;
	struct arena *a;
	struct buf text;
	struct buf seal;
	enum llm_issuer by;
	struct str id;
	int64_t index;
	bool hidden;
	bool any;
};

static void
end_thought(struct thought *t)
{
	struct llm_part *p;

	if (t->any && (t->text.n > 0 || t->seal.n > 0)) {
		p = parts_add(t->tail, LLM_REASONING, t->a);
		p->reasoning.text = arena_dup(t->a, buf_str(&t->text));
		p->reasoning.by = t->by;
		p->reasoning.hidden = t->hidden;
		p->reasoning.id = t->id;
		if (t->seal.n > 0 && t->by != LLM_BY_NOBODY)
			p->reasoning.seal = arena_dup(t->a, buf_str(&t->seal));
	}
	buf_clear(&t->text);
	buf_clear(&t->seal);
	t->by = LLM_BY_NOBODY;
	t->id = STR_NONE;
	t->any = t->hidden = false;
}

static void
take_detail(struct thought *t, struct json_object *o)
{
	struct str type = jx_str(o, "type"), id = jx_str(o, "id");
	bool hidden = str_is(type, "reasoning.encrypted");
	enum llm_issuer by = openai_issuer(jx_str(o, "format"));
	int64_t index = -1;

	jx_int(o, "index", &index);
	if (!t->any || index == -1 || index != t->index || hidden != t->hidden)
		end_thought(t);
	t->any = true;
	t->index = index;
	t->hidden = hidden;
	if (by != LLM_BY_NOBODY)
		t->by = by;
	if (id.n > 0)
		t->id = id;
	if (hidden) {
		buf_add(&t->seal, jx_str(o, "data"));
		return;
	}
	buf_add(&t->text,
	    jx_str(o, str_is(type, "reasoning.summary") ? "summary" : "text"));
	buf_add(&t->seal, jx_str(o, "signature"));
}

static void
take_details(struct json_object *list, struct llm_part ***tail, struct arena *a)
{
	struct thought t = { .tail = tail, .a = a };
	struct json_object *item;

	t.text.limit = t.seal.limit = THOUGHT_MAX;
	JX_EACH (list, i, item)
		take_detail(&t, item);
	end_thought(&t);
	buf_free(&t.text);
	buf_free(&t.seal);
}

static void
take_blocks(struct json_object *list, struct llm_part ***tail, struct arena *a)
{
	struct json_object *item;
	struct llm_part *p;
	struct str seal;

	JX_EACH (list, i, item) {
		p = parts_add(tail, LLM_REASONING, a);
		p->reasoning.hidden =
		    str_is(jx_str(item, "type"), "redacted_thinking");
		p->reasoning.text = jx_str(item, "thinking");
		seal = jx_str(item, p->reasoning.hidden ? "data" : "signature");
		if (seal.n == 0)
			continue;
		p->reasoning.seal = seal;
		p->reasoning.by = LLM_BY_ANTHROPIC;
	}
}

/* The richest form that is there: the others say the same again. */
void
openai_decode_reasoning(
    struct json_object *message, struct llm_part ***tail, struct arena *a)
{
	struct llm_part **before = *tail;
	struct str text;

	take_details(jx_arr(message, "reasoning_details"), tail, a);
	if (*before == NULL)
		take_blocks(jx_arr(message, "thinking_blocks"), tail, a);
	if (*before != NULL)
		return;
	text = jx_str(message, "reasoning_content");
	if (text.n == 0)
		text = jx_str(message, "reasoning");
	if (text.n > 0)
		parts_add(tail, LLM_REASONING, a)->reasoning.text = text;
}

/* --- both ways out --- */

void
openai_put_detail(struct jw *w, const struct openai_detail *d)
{
	const char *format = format_of(d->by);

	jw_obj(w, NULL);
	jw_strc(
	    w, "type", d->hidden ? "reasoning.encrypted" : "reasoning.text");
	if (d->id.n > 0)
		jw_str(w, "id", d->id);
	if (d->hidden)
		jw_str(w, "data", d->seal);
	else if (d->text.n > 0)
		jw_str(w, "text", d->text);
	if (!d->hidden && d->seal.n > 0)
		jw_str(w, "signature", d->seal);
	if (format != NULL)
		jw_strc(w, "format", format);
	jw_int(w, "index", d->index);
	jw_end(w);
}

void
openai_put_details(const struct llm_part *parts, struct jw *w)
{
	const struct llm_part *p;
	struct openai_detail d;
	int index = 0;

	for (p = parts; p != NULL; p = p->next)
		if (p->kind == LLM_REASONING &&
		    p->reasoning.by != LLM_BY_NOBODY)
			break;
	if (p == NULL)
		return;
	jw_arr(w, "reasoning_details");
	for (p = parts; p != NULL; p = p->next) {
		if (p->kind != LLM_REASONING)
			continue;
		d = (struct openai_detail){ .by = p->reasoning.by,
			.hidden = p->reasoning.hidden,
			.id = p->reasoning.id,
			.text = p->reasoning.text,
			.seal = p->reasoning.seal,
			.index = index++ };
		openai_put_detail(w, &d);
	}
	jw_end(w);
}
