#ifndef PIPELINE_COURIER_H
#define PIPELINE_COURIER_H

#include "domain/alert.h"
#include "pipeline/world.h"

/*
 * Alerts on their way to their webhooks.  The ledger finds them and keeps them,
 * the loop makes the transfers, so that neither waits for the other: https to
 * public addresses only (insecure_hosts may be anything), no redirects, 5 s, 3
 * tries.  What is still to be sent when the process ends is lost.
 */
struct courier;

struct courier *courier_new(struct world *);
/* When the loop has run its last turn, on its thread. */
void courier_free(struct courier *); /* NULL: nothing */

/*
 * Ledger, each tick: send what is due.  `look`: records were committed, so
 * that a threshold may have been crossed; the database is asked at most once a
 * second.
 */
void courier_tick(struct courier *, struct sql *, bool look);

/* Must the address of this webhook be public (reliability.md T7)? */
struct world;
bool courier_guarded(const struct world *, struct str url);

#endif
