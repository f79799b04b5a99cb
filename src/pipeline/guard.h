#ifndef PIPELINE_GUARD_H
#define PIPELINE_GUARD_H

#include "domain/guard.h"
#include "pipeline/stage.h"

/*
 * Guardrails of a request: what its texts hold before they are routed, and what
 * the answer holds before it is sent.  Nothing of this exists, and nothing is
 * looked at, for an organisation without rules.
 */
struct req_guard {
	const struct guard_set *set; /* a reference */
	struct guard_verdict in, out;
	struct guard_window *windows; /* of a stream's blocks */
	struct llm_answer *heard;     /* by judges; else NULL */
	struct str text;              /* what judges are told */
	unsigned judging;             /* GUARD_INPUT or GUARD_OUTPUT */
	int judge;                    /* that is being asked */
	int64_t since_ms;
};

/* Sets that are made already, by organisation and project. */
struct guards;
void guards_open(struct guards **);
void guards_close(struct guards *); /* NULL: nothing */

/* Matches into the record and the metrics; before the record is written. */
void guard_record(struct req *);
/* References and windows. */
void guard_free(struct req *);

/* Are there rules for the answer? */
static inline bool
guard_answers(const struct req *r)
{
	return r->guard != NULL && r->guard->out.set != NULL;
}
/* Webhooks among them?  Then the answer must be there as a whole. */
static inline bool
guard_judges(const struct req *r)
{
	int at = -1;

	return guard_answers(r) &&
	    guard_judge(r->guard->set, GUARD_OUTPUT, &at) != NULL;
}
/*
 * An answer that webhooks are to judge goes through the other rules, in place.
 * 1: there is text to be judged (judge_answer()); 0: there is none; -1: it is
 * blocked.  From then on guard_answer() and guard_event() let it pass.
 */
int guard_hear(struct req *, struct llm_answer *);
/* Loop: ask them; then the request goes on at r->at, or ends blocked. */
void judge_answer(struct req *);
void guard_windows_free(struct req_guard *);
/*
 * A whole answer in the client's dialect.  0: *body may be sent, edited in the
 * arena if a rule wanted that; -1: it is blocked, r->err says so.
 */
int guard_answer(struct req *, struct str *body);
/*
 * An event of a stream on its way to `to`, with texts held back and edited.
 * -1: blocked, r->err says so.
 */
int guard_event(
    struct req *, const struct llm_event *, struct llm_sink *to, struct err *);

/* The value of X-LLMGW-Guardrail into b, if anything was found. */
void guard_header(const struct req *, struct buf *b);

/* r->err for a verdict that blocks; returns -1. */
int guard_blocked(struct req *, const struct guard_verdict *);
/* The request's body has changed: read it again. */
int guard_read_again(struct req *, struct str body);

/* --- guard_text.c --- */

/*
 * The texts and files of a JSON body, each given to guard_scan() or
 * guard_file(); *body is replaced if one was edited, and then all other bytes
 * are as they were.  `texts` collects what was read, with blank lines between;
 * NULL: not wanted.  true: a file should go, and nothing can be in its place.
 */
bool guard_walk(struct guard_verdict *, const struct dialect *, bool answer,
    struct str *body, struct arena *, struct buf *texts);
/* Put back what `texts` collected, changed: by paragraphs. */
void guard_put_back(
    const struct dialect *, struct str *body, struct str texts, struct arena *);
/* Both for an answer that is not written yet. */
void guard_walk_answer(struct guard_verdict *, struct llm_answer *,
    struct arena *, struct buf *texts);
void guard_put_back_answer(
    struct llm_answer *, struct str texts, struct arena *);

#endif
