#ifndef PIPELINE_KEEP_H
#define PIPELINE_KEEP_H

#include "pipeline/keep_entry.h"
#include "pipeline/stage.h"

/*
 * The response cache (api.md 16): whole answers of projects that want it are
 * kept and given again.  A request of any other project costs one comparison.
 * The store is asked and told on front threads; what it cannot do is a miss.
 */
struct keep;

/* Of a process; the store is opened when it is first needed. */
void keep_open(struct keep **, struct world *);
void keep_close(struct keep *); /* NULL: nothing */
void keep_tend(struct keep *);  /* ledger, once a second */

/* Of a request that asked the store, in life. */
struct kept {
	unsigned char key[CACHE_KEY];
	bool hit;
	bool waited;            /* for another that asks for the same */
	bool leads;             /* others may wait for it */
	int64_t until_ms;       /* how long it waits */
	struct llm_facts facts; /* of a hit */
	struct buf copy;        /* of what the client got */
	struct buf marks;       /* struct keep_mark */
	int64_t marked_ms;
};

/*
 * r->err says that nobody can be asked.  FAIL, or NEXT if the cache comes first
 * (api.md 1.7), and only a miss fails.
 */
enum verdict keep_unrouted(struct req *);

/* What is sent to the client as the answer, with r->kept only. */
void keep_copy(struct req *, struct str bytes);

/* r->kept is over: an answer that may be kept is put into the store. */
void keep_end(struct req *);

/* Among the files of this: the store; NULL: it fails, or did just now. */
struct cache *keep_store(struct keep *);
void keep_failed(struct keep *, const struct err *);
void keep_count(const struct keep *, const char *result);
/* Nobody need wait for this one any more. */
void keep_land(struct keep *, const unsigned char key[CACHE_KEY]);

/* keep_hit.c: the entry, of the life arena, to the client; DONE or AWAY. */
enum verdict keep_answer(struct req *, const struct keep_entry *);

#endif
