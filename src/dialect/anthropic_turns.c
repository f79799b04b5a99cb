/*
 * Messages as turns: user and assistant alternate, the user begins, results go
 * first, and nothing is empty (wire.md 9.1).
 */
#include "dialect/anthropic.h"

bool
anthropic_blank(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (strchr(" \t\r\n", s.p[i]) == NULL || s.p[i] == '\0')
			return false;
	return true;
}

/* May this part go there at all? */
static bool
is_sent(const struct llm_part *p, bool assistant)
{
	switch (p->kind) {
	case LLM_TEXT:
	case LLM_REFUSAL:
		return !anthropic_blank(p->text); /* trap 64 */
	case LLM_MEDIA:
	case LLM_RESULT:
		return !assistant;
	case LLM_CALL:
		return assistant;
	case LLM_REASONING: /* traps 75, 76 */
		return assistant && p->reasoning.by == LLM_BY_ANTHROPIC &&
		    p->reasoning.seal.n > 0;
	case LLM_NATIVE:
		break;
	}
	return false;
}

static bool
has_thought(const struct llm_part *p)
{
	while (p != NULL && (p->kind != LLM_REASONING || !is_sent(p, true)))
		p = p->next;
	return p != NULL;
}

/* The same by what the caller wants. */
static bool
is_wanted(const struct llm_message *m, const struct llm_part *p, unsigned flags)
{
	bool assistant = m->role == LLM_ASSISTANT;

	if (m->role == LLM_SYSTEM)
		return false;
	if (p->kind == LLM_REASONING && (flags & ANTHROPIC_NO_THOUGHTS) != 0)
		return false;
	return is_sent(p, assistant) ||
	    (p->kind == LLM_TEXT && assistant &&
		(flags & ANTHROPIC_KEEP_BLANK) != 0 && has_thought(m->parts));
}

/* The turns so far, and the ends of their lists. */
struct making {
	struct arena *arena;
	struct anthropic_turn *first;
	struct anthropic_turn *last;
	struct anthropic_item **results;
	struct anthropic_item **rest;
};

static void
add_turn(struct making *m, bool assistant)
{
	struct anthropic_turn *t = ARENA_NEW(m->arena, struct anthropic_turn);

	t->assistant = assistant;
	if (m->last == NULL)
		m->first = t;
	else
		m->last->next = t;
	m->last = t;
	m->results = &t->results;
	m->rest = &t->rest;
}

static void
add_item(struct making *m, const struct llm_part *p, bool assistant)
{
	struct anthropic_item *i = ARENA_NEW(m->arena, struct anthropic_item);
	struct anthropic_item ***tail;

	if (m->last == NULL && assistant) { /* the user begins */
		add_turn(m, false);
		m->last->rest = ARENA_NEW(m->arena, struct anthropic_item);
		m->last->rest->text = STR(".");
	}
	if (m->last == NULL || m->last->assistant != assistant)
		add_turn(m, assistant);
	i->part = p;
	if (p->kind == LLM_TEXT || p->kind == LLM_REFUSAL)
		i->text = p->text;
	tail = p->kind == LLM_RESULT ? &m->results : &m->rest;
	**tail = i;
	*tail = &i->next;
}

static const struct anthropic_item *
find_result(const struct anthropic_turn *t, struct str id)
{
	const struct anthropic_item *i;

	for (i = t->results; i != NULL; i = i->next)
		if (str_eq(i->part->result.id, id))
			return i;
	return NULL;
}

/* Every call has its result in the next turn. */
static int
check_calls(const struct anthropic_turn *t, struct err *e)
{
	const struct anthropic_item *i;

	for (; t != NULL && t->next != NULL; t = t->next)
		for (i = t->rest; i != NULL; i = i->next) {
			if (i->part == NULL || i->part->kind != LLM_CALL ||
			    find_result(t->next, i->part->call.id) != NULL)
				continue;
			e->param = STR("messages");
			return err_set(e, ERR_BAD_PARAM,
			    "Invalid request parameters: messages: tool call "
			    "%.*s has no result",
			    i->part->call.id.n > 100 ? 100 :
						       (int)i->part->call.id.n,
			    i->part->call.id.p);
		}
	return 0;
}

/* Blanks at the end of an answer to be continued are refused (trap 74). */
static void
trim_last(struct making *m)
{
	struct anthropic_item *i = m->last == NULL ? NULL : m->last->rest;

	while (i != NULL && i->next != NULL)
		i = i->next;
	if (i == NULL || !m->last->assistant || i->text.p == NULL)
		return;
	while (i->text.n > 0 &&
	    strchr(" \t\r\n", i->text.p[i->text.n - 1]) != NULL)
		i->text.n--;
}

int
anthropic_turns(const struct llm_request *r, unsigned flags, struct arena *a,
    struct anthropic_turn **out, struct err *e)
{
	static const struct llm_part dot = { .kind = LLM_TEXT };
	struct making m = { .arena = a };
	const struct llm_message *msg;
	const struct llm_part *p;

	for (msg = r->messages; msg != NULL; msg = msg->next)
		for (p = msg->parts; p != NULL; p = p->next)
			if (is_wanted(msg, p, flags))
				add_item(&m, p, msg->role == LLM_ASSISTANT);
	if (m.first == NULL) {
		add_item(&m, &dot, false);
		m.first->rest->text = STR(".");
	}
	trim_last(&m);
	*out = m.first;
	return check_calls(m.first, e);
}

bool
anthropic_lacks_thought(const struct anthropic_turn *t)
{
	const struct anthropic_item *first;

	for (; t != NULL; t = t->next)
		if (t->assistant && t->next != NULL && t->next->next == NULL &&
		    t->next->results != NULL) {
			first = t->rest;
			return first->part->kind != LLM_REASONING;
		}
	return false;
}

static int
count_parts(const struct llm_part *p)
{
	int n = 0;

	for (; p != NULL; p = p->next)
		n += p->cache != LLM_CACHE_NONE;
	return n;
}

static int
count_items(const struct anthropic_item *i)
{
	int n = 0;

	for (; i != NULL; i = i->next) {
		if (i->part == NULL)
			continue;
		n += i->part->cache != LLM_CACHE_NONE &&
		    i->part->kind != LLM_REASONING;
		if (i->part->kind == LLM_RESULT)
			n += count_parts(i->part->result.parts);
	}
	return n;
}

int
anthropic_count_marks(
    const struct llm_request *r, const struct anthropic_turn *t)
{
	const struct llm_message *m;
	const struct llm_tool *tool;
	const struct llm_part *p;
	int n = 0;

	for (tool = r->tools; tool != NULL; tool = tool->next)
		n += tool->cache != LLM_CACHE_NONE && !tool->barred;
	for (m = r->messages; m != NULL; m = m->next)
		for (p = m->parts; p != NULL && m->role == LLM_SYSTEM;
		     p = p->next)
			n += p->cache != LLM_CACHE_NONE &&
			    !anthropic_blank(p->text);
	for (; t != NULL; t = t->next)
		n += count_items(t->results) + count_items(t->rest);
	return n;
}
