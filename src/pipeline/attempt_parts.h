#ifndef PIPELINE_ATTEMPT_PARTS_H
#define PIPELINE_ATTEMPT_PARTS_H

/* What the files attempt*.c share; nobody else includes it. */
#include "pipeline/attempt.h"

#define ATTEMPT_ANSWER_MAX ((size_t)32 * 1024 * 1024)

static inline int64_t
attempt_earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The one that runs, or ran last. */
struct attempt *attempt_now(struct req *);
/* Back to the row of a stage, for the next step() to run. */
void attempt_go(struct req *, enum verdict (*run)(struct req *));

/* --- attempt_end.c: how it ends --- */

/* Its fault, into the metrics, the record and the health of who was asked. */
void attempt_note(struct req *, enum fault, int status);
/* Seconds for Retry-After out of the provider's delay. */
int attempt_retry_seconds(int64_t ms);
/* r->err is what the client gets when nothing is left to try. */
void attempt_last_error(struct req *);
/* The same target once more, after so long; it is the loop that waits. */
void attempt_wait(struct req *, int64_t ms);
/* On the loop: all is said, it stays until the client has it. */
void attempt_done(struct req *);
/* A 200 that is no answer: whose fault is it?  r->err is told to the client. */
enum fault attempt_answer_fault(struct req *, int status);
void attempt_failed_answer(struct req *, int status);
/* Webhooks judge the answer before it is sent: stage_send() follows. */
void attempt_to_judges(struct req *);
/* On the loop: the answer has gone out whole. */
void attempt_succeeded(struct req *, int status);

/* --- attempt_call.c: what curl tells --- */

extern const struct call_ops attempt_ops;

/* --- attempt_due.c: time --- */

/* When the provider's time is up, and when the client hears a ping. */
int64_t attempt_patience(struct req *);
int64_t attempt_ping_at(const struct req *);
void attempt_on_due(struct req *, int64_t now);

#endif
