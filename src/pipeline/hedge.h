#ifndef PIPELINE_HEDGE_H
#define PIPELINE_HEDGE_H

#include "pipeline/stage.h"

/*
 * A second transfer of a request whose first one is slow (api.md 12.5), with
 * setting hedge_percent.  Who sends the first byte of a good answer wins; the
 * other is cancelled, and stands among the attempts before the winner.  All of
 * it runs on the loop.  Without hedge_percent there is none: nothing is done.
 */

/* An attempt begins: when is it slow?  INT64_MAX: nothing follows then. */
int64_t hedge_at(struct req *);

/*
 * At that time, and whenever on_due() runs: begin the second transfer, or look
 * what became of it.  true: it has taken the place of the first, with the bytes
 * it had, which go on to attempt_body() and attempt_end().
 */
bool hedge_look(struct req *, int64_t now_ms);

/* The first byte of the first one: the second has lost, if it runs. */
void hedge_lost(struct req *);
/* The first one has failed and is noted: true if the second goes on for it. */
bool hedge_takes(struct req *);
/* The request ends, or another attempt begins: no callback runs any more. */
void hedge_drop(struct req *);

#endif
