#ifndef PIPELINE_SEALS_H
#define PIPELINE_SEALS_H

#include "pipeline/stage.h"

/*
 * Google's signatures of calls, for clients that do not send them back
 * (api.md 4.3): kept for 24 h in the store of the response cache, by project
 * and id of the call.  One that is lost costs nothing but Google's thoughts: the
 * dialect has a word for a signature that nobody has.
 */

/* If Google may be asked: calls without a signature get theirs.  NEXT. */
enum verdict stage_seals(struct req *);

/* An event of an answer; those that sign a call are noted. */
void seals_note(struct req *, const struct llm_event *);

/* The request is over: what was noted goes into the store.  Any thread. */
void seals_end(struct req *);

#endif
