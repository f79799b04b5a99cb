#include <json-c/json.h>

#include "llm/llm.h"

#define BLOCK_MAX ((size_t)32 * 1024 * 1024)

/* A choice while it grows. */
struct llm_open {
	struct llm_open *next;
	struct llm_choice *choice;
	struct llm_part **tail;
	struct llm_part *part;   /* open block, or NULL */
	struct llm_cite **cites; /* the end of its list */
	struct buf text;
	struct buf seal;
};

static void
free_text(void *arg)
{
	struct llm_open *o = arg;

	buf_free(&o->text);
	buf_free(&o->seal);
}

static struct llm_open *
choice_at(struct llm_fold *f, int index)
{
	struct llm_choice **c = &f->answer->choices;
	struct llm_open **p = &f->open;

	for (; *p != NULL; p = &(*p)->next)
		if ((*p)->choice->index == index)
			return *p;
	while (*c != NULL)
		c = &(*c)->next;
	*c = ARENA_NEW(f->arena, struct llm_choice);
	(*c)->index = index;
	*p = ARENA_NEW(f->arena, struct llm_open);
	(*p)->choice = *c;
	(*p)->tail = &(*c)->parts;
	(*p)->text.limit = (*p)->seal.limit = BLOCK_MAX;
	arena_defer(f->arena, free_text, *p);
	return *p;
}

static void
open_block(struct llm_fold *f, const struct llm_event *ev)
{
	struct llm_open *o = choice_at(f, ev->choice);

	buf_clear(&o->text);
	buf_clear(&o->seal);
	*o->tail = o->part = ARENA_NEW(f->arena, struct llm_part);
	o->tail = &o->part->next;
	o->part->kind = ev->open.kind;
	o->cites = &o->part->cites;
	if (ev->open.kind == LLM_CALL) {
		o->part->call.id = arena_dup(f->arena, ev->open.id);
		o->part->call.name = arena_dup(f->arena, ev->open.name);
		o->part->call.seal = arena_dup(f->arena, ev->open.seal);
		o->part->call.custom = ev->open.custom;
	} else if (ev->open.kind == LLM_MEDIA) {
		o->part->media.mime = arena_dup(f->arena, ev->open.name);
	} else if (ev->open.kind == LLM_REASONING) {
		o->part->reasoning.id = arena_dup(f->arena, ev->open.id);
		o->part->reasoning.by = ev->open.by;
		o->part->reasoning.hidden = ev->open.hidden;
	}
}

static void
add_cite(struct llm_fold *f, struct llm_open *o, const struct llm_cite *c)
{
	*o->cites = ARENA_NEW(f->arena, struct llm_cite);
	**o->cites = *c;
	(*o->cites)->next = NULL;
	(*o->cites)->url = arena_dup(f->arena, c->url);
	(*o->cites)->title = arena_dup(f->arena, c->title);
	o->cites = &(*o->cites)->next;
}

/* The string of a part that deltas add to. */
static struct str *
text_of(struct llm_part *p)
{
	switch (p->kind) {
	case LLM_CALL:
		return &p->call.args;
	case LLM_REASONING:
		return &p->reasoning.text;
	case LLM_MEDIA:
		return p->media.mime.n > 0 ? &p->media.data : &p->media.url;
	case LLM_TEXT:
	case LLM_REFUSAL:
	case LLM_RESULT:
	case LLM_NATIVE:
		break;
	}
	return &p->text;
}

static int
fold_block(struct llm_fold *f, const struct llm_event *ev, struct err *e)
{
	struct llm_open *o = choice_at(f, ev->choice);

	if (o->part == NULL)
		return err_set(e, ERR_INTERNAL, "delta outside a block");
	if (ev->kind == LLM_EV_DELTA && f->views &&
	    o->part->kind == LLM_MEDIA) {
		*text_of(o->part) = ev->delta.text;
		return 0;
	}
	if (ev->kind == LLM_EV_DELTA) {
		buf_add(&o->text, ev->delta.text);
		buf_add(&o->seal, ev->delta.seal);
		if (ev->delta.cite != NULL)
			add_cite(f, o, ev->delta.cite);
		return 0;
	}
	if (o->text.full || o->seal.full)
		return err_set(e, ERR_UPSTREAM, "Answer is too large");
	if (!f->views || o->part->kind != LLM_MEDIA)
		*text_of(o->part) = arena_dup(f->arena, buf_str(&o->text));
	if (o->part->kind == LLM_REASONING && o->seal.n > 0)
		o->part->reasoning.seal =
		    arena_dup(f->arena, buf_str(&o->seal));
	o->part = NULL;
	return 0;
}

static void
fold_error(struct llm_fold *f, const struct err *error)
{
	struct llm_answer *a = f->answer;

	a->failed = true;
	a->error = *error;
	a->error.word = arena_dup(f->arena, error->word);
	a->error.param = arena_dup(f->arena, error->param);
	a->error.members = arena_dup(f->arena, error->members);
}

static int
fold_put(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	struct llm_fold *f = (struct llm_fold *)s;
	struct llm_answer *a = f->answer;
	struct llm_choice *c;

	switch (ev->kind) {
	case LLM_EV_START:
		a->id = arena_dup(f->arena, ev->start.id);
		a->model = arena_dup(f->arena, ev->start.model);
		break;
	case LLM_EV_OPEN:
		open_block(f, ev);
		break;
	case LLM_EV_DELTA:
	case LLM_EV_CLOSE:
		return fold_block(f, ev, e);
	case LLM_EV_USAGE:
		a->usage = ev->usage;
		break;
	case LLM_EV_STOP:
		c = choice_at(f, ev->choice)->choice;
		c->why = ev->stop.why;
		c->seq = arena_dup(f->arena, ev->stop.seq);
		c->raw = arena_dup(f->arena, ev->stop.raw);
		break;
	case LLM_EV_ERROR:
		fold_error(f, ev->error);
		break;
	case LLM_EV_END:
		a->ended = true;
		break;
	case LLM_EV_PING:
		break;
	}
	return 0;
}

struct llm_fold *
llm_fold_new(struct arena *a, struct llm_answer *out)
{
	struct llm_fold *f = ARENA_NEW(a, struct llm_fold);

	f->sink.put = fold_put;
	f->arena = a;
	f->answer = out;
	return f;
}

static int
replay_open(const struct llm_part *p, struct llm_event ev, struct llm_sink *to,
    struct err *e)
{
	ev.kind = LLM_EV_OPEN;
	ev.open.kind = p->kind;
	if (p->kind == LLM_CALL) {
		ev.open.id = p->call.id;
		ev.open.name = p->call.name;
		ev.open.seal = p->call.seal;
		ev.open.custom = p->call.custom;
	} else if (p->kind == LLM_MEDIA) {
		ev.open.name = p->media.mime;
	} else if (p->kind == LLM_REASONING) {
		ev.open.id = p->reasoning.id;
		ev.open.by = p->reasoning.by;
		ev.open.hidden = p->reasoning.hidden;
	}
	return llm_put(to, &ev, e);
}

static int
replay_part(const struct llm_part *p, int choice, int block,
    struct llm_sink *to, struct err *e)
{
	struct llm_part copy = *p;
	struct llm_event ev = { .choice = choice, .block = block };
	const struct llm_cite *c;

	if (replay_open(p, ev, to, e) == -1)
		return -1;

	ev = (struct llm_event){
		.kind = LLM_EV_DELTA, .choice = choice, .block = block
	};
	ev.delta.text = *text_of(&copy);
	if (p->kind == LLM_REASONING)
		ev.delta.seal = p->reasoning.seal;
	if (llm_put(to, &ev, e) == -1)
		return -1;
	ev.delta.text = ev.delta.seal = STR_NONE;
	for (c = p->cites; c != NULL; c = c->next) {
		ev.delta.cite = c;
		if (llm_put(to, &ev, e) == -1)
			return -1;
	}

	ev = (struct llm_event){
		.kind = LLM_EV_CLOSE, .choice = choice, .block = block
	};
	return llm_put(to, &ev, e);
}

int
llm_replay(const struct llm_answer *a, struct llm_sink *to, struct err *e)
{
	struct llm_event ev = { .kind = LLM_EV_START };
	const struct llm_choice *c;
	const struct llm_part *p;
	int block;

	ev.start.id = a->id;
	ev.start.model = a->model;
	if (llm_put(to, &ev, e) == -1)
		return -1;
	for (c = a->choices; c != NULL; c = c->next)
		for (p = c->parts, block = 0; p != NULL; p = p->next)
			if (replay_part(p, c->index, block++, to, e) == -1)
				return -1;
	for (c = a->choices; c != NULL; c = c->next) {
		ev = (struct llm_event){ .kind = LLM_EV_STOP,
			.choice = c->index };
		ev.stop.why = c->why;
		ev.stop.seq = c->seq;
		ev.stop.raw = c->raw;
		if (llm_put(to, &ev, e) == -1)
			return -1;
	}
	ev = (struct llm_event){ .kind = LLM_EV_USAGE, .usage = a->usage };
	if (llm_put(to, &ev, e) == -1)
		return -1;
	ev = (struct llm_event){ .kind = LLM_EV_END };
	return llm_put(to, &ev, e);
}

void
llm_part_set_text(struct llm_request *r, struct llm_part *p, struct str s)
{
	p->text = s;
	if (p->node != NULL)
		json_object_set_string_len(p->node, s.p, (int)s.n);
	r->edited = true;
}
