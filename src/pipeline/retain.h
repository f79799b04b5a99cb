#ifndef PIPELINE_RETAIN_H
#define PIPELINE_RETAIN_H

#include "pipeline/stage.h"

/*
 * Payloads of organisations that have them kept (api.md 17.2): a copy of the
 * body and of what goes to the client, handed to the ledger when the request is
 * over.  There they wait in memory, never on disk in the clear; what exceeds
 * RETAIN_WAITING while the database is down is given up, and counted.
 */
struct retain;
#define RETAIN_WAITING ((size_t)128 * 1024 * 1024)

struct retain *retain_new(void);
void retain_free(struct retain *); /* NULL: nothing */

/* Begins the copy; NEXT. */
enum verdict stage_retain(struct req *);
/* Bytes to the client; r->retained is set. */
void retain_add(struct req *, struct str);
/*
 * The same of what a provider is asked and says, with X-Debug (api.md 1.4): a
 * call begins with r->ask; bytes of its answer.  Answers that guardrails look at
 * are left out: what they take away is not kept.
 */
void retain_asked(struct req *);
void retain_told(struct req *, struct str);
/* The request is over.  Any thread. */
void retain_end(struct req *);

/* Ledger only: what waits goes into SQL; -1: it waits on. */
int retain_ship(struct world *, struct sql *, struct err *);
/* Ledger only: deletes what is past its days, when it is its turn. */
void retain_tend(struct world *, struct sql *);

#endif
