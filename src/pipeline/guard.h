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
	bool blocked_out;             /* the answer is */
	struct guard_window *windows; /* of a stream's blocks */
	struct str text;              /* what judges are told, in setup */
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
bool guard_answers(const struct req *);
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
/*
 * What a judge made of r->guard->text goes into the body; -1: it does not have
 * its paragraphs any more, so that no text can be told from the next.
 */
int guard_replace(struct req *, struct str redacted);

/* --- guard_text.c --- */

/*
 * The texts and files of a JSON body, each given to guard_scan() or
 * guard_file(); *body is replaced if one was edited, and then all other bytes
 * are as they were.  `texts` collects what was read, with blank lines between;
 * NULL: not wanted.
 */
void guard_walk(struct guard_verdict *, const struct dialect *, bool answer,
    struct str *body, struct arena *, struct buf *texts);
/* Put back what `texts` collected, changed: by paragraphs. */
void guard_put_back(
    const struct dialect *, struct str *body, struct str texts, struct arena *);

#endif
