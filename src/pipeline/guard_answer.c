/* Guardrails of an answer: whole, in pieces, or as judges see it. */
#include "pipeline/guard.h"
#include "pipeline/loop.h"
#include "pipeline/world.h"

#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

int
guard_answer(struct req *r, struct str *body)
{
	struct req_guard *g = r->guard;

	if (!guard_answers(r) || g->heard)
		return 0;
	guard_walk(&g->out, r->endpoint->dialect, true, body, r->life, NULL);
	return g->out.blocked ? guard_blocked(r, &g->out) : 0;
}

/* A block of a stream that is open: its text goes through a window. */
struct guard_window {
	struct guard_window *next;
	int choice, block;
	struct guard_stream *stream;
	struct buf out;
};

static struct guard_window **
window_of(struct req_guard *g, const struct llm_event *ev)
{
	struct guard_window **p = &g->windows;

	while (*p != NULL &&
	    ((*p)->choice != ev->choice || (*p)->block != ev->block))
		p = &(*p)->next;
	return p;
}

static void
open_window(struct req *r, const struct llm_event *ev)
{
	struct req_guard *g = r->guard;
	struct guard_window *w = ARENA_NEW(r->life, struct guard_window);

	w->choice = ev->choice;
	w->block = ev->block;
	w->stream = guard_stream_new(&g->out);
	w->out = BUF_LIMIT(ANSWER_MAX);
	w->next = g->windows;
	g->windows = w;
}

static void
close_window(struct guard_window **p)
{
	struct guard_window *w = *p;

	*p = w->next;
	guard_stream_free(w->stream);
	buf_free(&w->out);
}

/* A piece goes in, what may go on comes out as an event of its own. */
static int
pass(struct req *r, struct guard_window *w, const struct llm_event *ev,
    struct str piece, bool last, struct llm_sink *to, struct err *e)
{
	struct llm_event out = {
		.kind = LLM_EV_DELTA, .choice = ev->choice, .block = ev->block
	};

	buf_clear(&w->out);
	guard_stream_put(w->stream, piece, last,
	    loop_is_here(r->world->loop) ? loop_scratch(r->world->loop) :
					   r->life,
	    &w->out);
	if (r->guard->out.blocked)
		return guard_blocked(r, &r->guard->out);
	out.delta.text = buf_str(&w->out);
	if (ev->kind == LLM_EV_DELTA) {
		out.delta.seal = ev->delta.seal;
		out.delta.cite = ev->delta.cite;
	}
	if (w->out.n == 0 && out.delta.seal.n == 0 && out.delta.cite == NULL)
		return 0;
	return llm_put(to, &out, e);
}

/* Blocks that nobody closed end with their choice. */
static int
flush(struct req *r, struct llm_sink *to, struct err *e)
{
	struct req_guard *g = r->guard;
	struct llm_event ev = { .kind = LLM_EV_CLOSE };
	int rc = 0;

	while (rc == 0 && g->windows != NULL) {
		ev.choice = g->windows->choice;
		ev.block = g->windows->block;
		rc = pass(r, g->windows, &ev, STR(""), true, to, e);
		close_window(&g->windows);
	}
	return rc;
}

int
guard_event(struct req *r, const struct llm_event *ev, struct llm_sink *to,
    struct err *e)
{
	struct guard_window **p;
	int rc = 0;

	if (r->guard->heard)
		return llm_put(to, ev, e);
	switch (ev->kind) {
	case LLM_EV_OPEN:
		if (ev->open.kind != LLM_MEDIA && ev->open.kind != LLM_VECTOR)
			open_window(r, ev);
		break;
	case LLM_EV_DELTA:
		p = window_of(r->guard, ev);
		if (*p != NULL)
			return pass(r, *p, ev, ev->delta.text, false, to, e);
		break;
	case LLM_EV_CLOSE:
		p = window_of(r->guard, ev);
		if (*p == NULL)
			break;
		rc = pass(r, *p, ev, STR(""), true, to, e);
		close_window(p);
		break;
	case LLM_EV_END:
		guard_finish(&r->guard->out);
		rc = flush(r, to, e);
		break;
	case LLM_EV_START:
	case LLM_EV_USAGE:
	case LLM_EV_STOP:
	case LLM_EV_PING:
	case LLM_EV_ERROR:
		break;
	}
	return rc == -1 ? -1 : llm_put(to, ev, e);
}

void
guard_windows_free(struct req_guard *g)
{
	while (g->windows != NULL)
		close_window(&g->windows);
}

int
guard_hear(struct req *r, struct llm_answer *answer)
{
	struct req_guard *g = r->guard;
	struct buf texts = BUF_LIMIT(ANSWER_MAX);

	g->heard = answer;
	guard_walk_answer(&g->out, answer, r->life, &texts);
	g->text = arena_dup(r->life, buf_str(&texts));
	buf_free(&texts);
	if (g->out.blocked)
		return guard_blocked(r, &g->out);
	return g->text.n > 0 ? 1 : 0;
}
