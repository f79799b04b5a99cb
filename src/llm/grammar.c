#include "llm/llm.h"

enum { BEFORE, BODY, STOPPED, FAILED, ENDED };

/* Events that belong to a choice. */
static bool
in_choice(struct llm_grammar *g, const struct llm_event *ev)
{
	bool *open, ok = false;
	int *block;

	if (ev->choice < 0 || ev->choice >= LLM_CHOICES_MAX ||
	    (g->state != BODY && g->state != STOPPED) ||
	    g->choice[ev->choice].stopped)
		return false;
	open = &g->choice[ev->choice].open;
	block = &g->choice[ev->choice].block;
	if (ev->kind == LLM_EV_OPEN) {
		ok = !*open && ev->block == *block;
		*open = true;
	} else if (ev->kind == LLM_EV_STOP) {
		ok = !*open;
		g->choice[ev->choice].stopped = true;
		g->state = STOPPED;
	} else {
		ok = *open && ev->block == *block;
		if (ev->kind == LLM_EV_CLOSE) {
			*open = false;
			++*block;
		}
	}
	return ok;
}

static int
grammar_put(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	struct llm_grammar *g = (struct llm_grammar *)s;
	bool ok = false;

	switch (ev->kind) {
	case LLM_EV_START:
		ok = g->state == BEFORE;
		g->state = BODY;
		break;
	case LLM_EV_OPEN:
	case LLM_EV_DELTA:
	case LLM_EV_CLOSE:
	case LLM_EV_STOP:
		ok = in_choice(g, ev);
		break;
	case LLM_EV_USAGE:
	case LLM_EV_PING:
		ok = g->state == BODY || g->state == STOPPED;
		break;
	case LLM_EV_ERROR:
		ok = g->state != ENDED;
		g->state = FAILED;
		break;
	case LLM_EV_END:
		ok = g->state == STOPPED || g->state == FAILED;
		g->state = ENDED;
		break;
	}
	if (!ok)
		return err_set(e, ERR_INTERNAL,
		    "event %d out of place in state %d", ev->kind, g->state);
	return g->next == NULL ? 0 : llm_put(g->next, ev, e);
}

void
llm_grammar_init(struct llm_grammar *g, struct llm_sink *next)
{
	*g = (struct llm_grammar){ .sink = { grammar_put }, .next = next };
}
