#ifndef PIPELINE_LOOP_H
#define PIPELINE_LOOP_H

#include <stdint.h>

#include "pipeline/stage.h"

struct batch;
struct fronts;

/*
 * The loop thread: accepts, idle connections, every transfer, every timer,
 * every byte of a stream.  Nothing on it blocks.  The front threads wait on
 * one queue and on nothing else; the ledger carries records into SQL.
 */

/* `open` makes a client of an accepted fd. */
int loop_open(struct world *, int listen_fd, struct client *(*open)(int fd),
    struct err *);
void loop_close(struct world *);

/* Run until drained.  `once` is the only client of a CGI program, or NULL. */
void loop_run(struct world *, struct client *once);

/* Any thread or signal handler: stop accepting, end by this deadline. */
void loop_drain(struct loop *, int64_t grace_ms);

/*
 * Stages run on front threads, or on the loop itself while nothing of them
 * blocks.  One that would block says `return loop_defer(r)` first if
 * loop_is_here(): a front thread runs it again.
 */
bool loop_is_here(const struct loop *);
enum verdict loop_defer(struct req *);

/* Something else to do on the loop; the caller keeps its memory. */
struct loop_task {
	struct loop_task *next;
	void (*run)(struct loop_task *);
};
void loop_post(struct loop *, struct loop_task *);

/* Give the request to the loop; returns AWAY. */
enum verdict loop_give(struct req *);
/* A connection that stays open.  Front threads. */
void loop_keep(struct loop *, struct client *);

/*
 * Places of requests that are over, with their arenas, for those to come:
 * allocating them anew cost 4 % of a plain request.  On other threads there is
 * none to take (NULL) and none is kept (false).
 */
struct req *loop_spare(struct loop *);
bool loop_keep_spare(struct loop *, struct req *);

/* A request has ended: if the loop drains, it looks whether it is done. */
void loop_nudge(struct loop *);

/* On the loop thread: */
CURLM *loop_multi(struct loop *);
struct call_pool *loop_pool(struct loop *);
/* Scratch, reset after each event. */
struct arena *loop_scratch(struct loop *);
/*
 * A buffer for what goes out to this request's client.  It is sent, by
 * attempt_flush(), when curl has given all it has, or another request claims
 * the buffer: events that came together leave together.
 */
struct buf *loop_claim(struct req *);
void loop_flush(struct loop *);
/* It has been sent already, or will not be: what is left is dropped. */
void loop_unclaim(struct req *);
/* Records for the spool, written together: pipeline/batch.h. */
struct batch *loop_batch(struct loop *);
/* A line of the log: written with others, 200 ms later at most. */
void loop_log(struct loop *, struct str line);
/* Something was sent: watch for room if some of it is left. */
void loop_written(struct req *);
/* Back to a front thread, which goes on at r->at. */
void loop_queue(struct req *);
/* The request is over; it is ended when the batch of events is through. */
void loop_over(struct req *);
/* Run fn for each request that waits for a token. */
void loop_each_waiting(struct loop *, void (*fn)(struct req *));
/* Look at this request at r->due_ms or soon after. */
void loop_due(struct req *, int64_t due_ms);

/* Threads that run stages. */
int fronts_open(struct world *, struct err *);
void fronts_close(struct world *); /* waits for them */
/* Give them a connection on which a request begins, or a request. */
void fronts_client(struct fronts *, struct client *);
void fronts_req(struct fronts *, struct req *);
/* Something else to do there; all of it is done before fronts_close() ends. */
void fronts_task(struct fronts *, struct loop_task *);

/* The thread that ships records and sweeps. */
struct ledger;
int ledger_open(struct ledger **, struct world *, struct err *);
void ledger_close(struct ledger *); /* ships what is left */

#endif
