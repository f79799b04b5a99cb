#ifndef PIPELINE_TRACER_H
#define PIPELINE_TRACER_H

#include "pipeline/stage.h"

/*
 * Spans on their way to a collector: OTLP over HTTP, in JSON.  They gather here,
 * the ledger makes a batch of them each second, the loop sends it.  One batch is
 * on its way at a time; what waits meanwhile has a bound, and what exceeds it,
 * or is refused in the end, is dropped and counted.  While something waits the
 * process does not end: drain sends it at once, and once.
 */
struct tracer;

/* NULL: otlp_endpoint is not set. */
struct tracer *tracer_new(struct world *);
/* When the loop has run its last turn, on its thread. */
void tracer_free(struct tracer *); /* NULL: nothing */

/* A span, as JSON; n of them with commas between.  Any thread. */
void tracer_add(struct tracer *, struct str spans, int n);

/* Ledger, each tick; NULL: nothing. */
void tracer_tick(struct tracer *);

#endif
