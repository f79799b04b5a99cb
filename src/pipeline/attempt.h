#ifndef PIPELINE_ATTEMPT_H
#define PIPELINE_ATTEMPT_H

#include "pipeline/stage.h"

/*
 * One try at one target, driven by the loop:
 *
 *	stage_relay	front	body, URL and credentials; then loop_give()
 *	attempt_start	loop	the transfer begins
 *	...		loop	bytes go to the relay, timers watch
 *	the end		loop	the answer is complete, or another target, or
 *				the error; a big plain answer goes to a front
 *				thread, which goes on at stage_answer
 */
void attempt_start(struct req *);

/* Its start record could not be written: 503, nothing is called (F9). */
void attempt_refuse(struct req *);

/* The client has taken what it was sent: the provider may go on. */
void attempt_resume(struct req *);

/*
 * What the events of this turn made goes to the client; if he is slow the
 * provider waits.
 */
void attempt_flush(struct req *);

/* The client is gone: cancel the transfer and note it as 499. */
void attempt_abandon(struct req *);

/* Drain time is over: end it with a 503, in a stream as its last event. */
void attempt_shut_down(struct req *);

/* For pipeline/token.c, on the loop: the next target, or the error. */
void attempt_failed(struct req *, enum fault, int status);
/* The same target once more, as if it had not been tried. */
void attempt_again(struct req *);
/* No callback of the transfer runs any more. */
void attempt_drop_call(struct req *);

/* For pipeline/hedge.c, of the transfer that is the request's own. */
int attempt_body(struct req *, const struct call_head *, struct str);
void attempt_end(struct req *, const struct call_head *, const struct err *);
struct call_limits attempt_limits(const struct req *, bool stream);
/* One more in r->attempts: it is the one that runs. */
void attempt_begin(struct req *, const struct target *, int64_t started_ms);
/* Who is asked now, into the record. */
void attempt_names(struct req *, const struct target *);
/* The last attempt has lost, its transfer is cancelled. */
void attempt_cancelled(struct req *);
/* Into the metrics, once its fault is known. */
void attempt_count(struct req *, const struct attempt *);

/* The target of the attempt that runs or ran last, or NULL. */
const struct target *attempt_target(const struct req *);

#endif
