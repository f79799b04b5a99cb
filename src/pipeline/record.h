#ifndef PIPELINE_RECORD_H
#define PIPELINE_RECORD_H

#include "pipeline/stage.h"

/* The record, the metrics and the log line of a request. */

/* The internal id of this request's record. */
void record_id(struct req *);
/* Fill what is known when the model is resolved. */
void record_resolved(struct req *);
/* The routing array of api.md 4.5, and the metadata object with it. */
void record_routing(const struct req *, struct buf *out);
void record_metadata(const struct req *, struct buf *out);
/* An attempt has begun, an answer is streamed: gauges, until record_end(). */
void record_flies(struct req *);
void record_streams(struct req *);
/* Usage and cost of the answer into r->record. */
void record_answer(struct req *);
/* The end user and the service tier, out of the body; after peek(). */
void record_body(struct req *);
/* What an attempt cost that has failed, if the provider told. */
void record_failed(struct req *, struct attempt *);
/* Clamps the usage, and prices it for this request's organisation. */
void record_price(const struct req *, const struct target *,
    struct llm_usage *, struct llm_cost *);
/* What is left of the prices, in millionths: the discounts. */
int64_t record_factor(const struct req *, const struct mapping *);
/* A record for each failed attempt; before the request's own. */
void record_attempts(struct req *);
/* Behind them: the decision says so if another provider than chosen was used. */
void record_fallback(struct req *);
/* Its metrics; part of record_end(). */
void record_count(struct req *);
/* The end record into the spool, metrics, the log line. */
void record_end(struct req *);

#endif
