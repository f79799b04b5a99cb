#ifndef PIPELINE_KEEP_ENTRY_H
#define PIPELINE_KEEP_ENTRY_H

#include "dialect/reuse.h"
#include "store/cache.h"

/* When the events of a stream came: so many, so long after those before. */
struct keep_mark {
	uint32_t events;
	uint32_t wait_ms;
};

/* An answer as the store has it, with what the record of a hit says. */
struct keep_entry {
	struct reuse answer;
	struct str used_model, used_provider, upstream_model, used_region;
	struct str dropped;
	struct llm_usage usage;
	enum llm_stop why;
	struct str raw_stop;
	const struct keep_mark *marks; /* none: gaps were not kept */
	size_t nmarks;
};

void keep_pack(const struct keep_entry *, const unsigned char key[CACHE_KEY],
    struct buf *out);

/*
 * Views into `value`, marks in the arena.  -1: damaged, of another format, or
 * of another key.
 */
int keep_unpack(struct keep_entry *, const unsigned char key[CACHE_KEY],
    struct str value, struct arena *);

#endif
