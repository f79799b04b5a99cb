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
/* Usage and cost of the answer into r->record. */
void record_answer(struct req *);
/* The end record into the spool, metrics, the log line. */
void record_end(struct req *);

#endif
