#ifndef PIPELINE_TRACE_H
#define PIPELINE_TRACE_H

#include "pipeline/stage.h"

/*
 * The spans of a request, with the names of OpenTelemetry's conventions for
 * HTTP and for generative AI: one of kind server for the request, and below it
 * one of kind client for each attempt at a provider.  Nothing of what was said
 * is in them.
 */

/* r->world->tracer is set: takes traceparent up, draws otherwise. */
void trace_begin(struct req *);

/* The record is complete; r->trace is set.  Any thread. */
void trace_end(struct req *);

#endif
