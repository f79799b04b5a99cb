#ifndef DIALECT_REUSE_H
#define DIALECT_REUSE_H

#include "dialect/dialect.h"

/*
 * An answer that is kept to be given again (api.md 16), as its client got it.
 * What belongs to one request alone is cut out of it, and what it cost is
 * nothing from now on.  All this is done once, when it is kept; giving it again
 * is pasting.
 */
enum reuse_kind {
	REUSE_METADATA,  /* of the gateway */
	REUSE_FINISH,    /* chat streams: the tail, in the last finish chunk */
	REUSE_EXTRA,     /* chat streams: or in a chunk of its own */
	REUSE_OWN,       /* what responses repeat of a request: "metadata", */
	REUSE_KEY,       /* "prompt_cache_key", */
	REUSE_RETENTION, /* "prompt_cache_retention" */
	REUSE__MAX
};

struct reuse_hole {
	uint32_t at; /* of the text; ascending */
	uint8_t kind;
};

#define REUSE_HOLES 32

struct reuse {
	struct str text;
	struct reuse_hole holes[REUSE_HOLES];
	int nholes;
	/* Chat streams: members up to, and behind, the value of "metadata". */
	struct str tail, rest;
	struct str head; /* what their chunks begin with, up to the choices */
};

/*
 * `answer` is all that was sent, in `to`'s bytes, without comments between the
 * events; what is made of it is in the arena.  -1: nothing that can be kept,
 * such as an answer one of whose choices was blocked.
 */
int reuse_cut(const struct dialect *to, bool stream, struct str answer,
    const struct llm_usage *, struct arena *, struct reuse *);

/* The request that gets it. */
struct reuse_fill {
	struct str metadata; /* raw, api.md 4.5 */
	bool include_usage;  /* stream_options of this request */
	enum frame_usage usage;
	const struct jmember *members; /* of its body */
	int nmembers;
};

void reuse_put(const struct reuse *, const struct reuse_fill *, struct buf *);

#endif
