#ifndef DOMAIN_PAYLOAD_H
#define DOMAIN_PAYLOAD_H

#include "base/secret.h"
#include "json/jw.h"
#include "store/sql.h"

/*
 * What requests and answers said, of organisations that have it kept
 * (api.md 17.2): JSON, packed, sealed with the master key and bound to the
 * record and the organisation.  A row goes when the organisation's days are
 * over, or when it has none kept any more.
 */
#define PAYLOAD_MAX ((size_t)96 * 1024 * 1024)

struct payload {
	struct str record; /* log_... */
	struct str org;
	int64_t created_ms;
	struct str json;
};
/* One that is there already stays.  The arena is for what is between. */
int payload_put(struct sql *, const struct secret *master,
    const struct payload *, struct arena *, struct err *);

/* Of a record, in the arena.  master NULL: nobody may read it. */
enum payload_state {
	PAYLOAD_NONE, /* there never was one */
	PAYLOAD_KEPT, /* json */
	PAYLOAD_SHUT, /* this master key does not open it, or there is none */
	PAYLOAD_DELETED, /* its days are over */
};
struct payload_view {
	enum payload_state state;
	struct str json; /* absent but for PAYLOAD_KEPT */
};
int payload_get(struct sql *, const struct secret *master, struct str record,
    struct arena *, struct payload_view *, struct err *);
/* Members payload, payload_state and payload_deleted. */
void payload_put_view(struct jw *, const struct payload_view *);

/*
 * Delete what is past its days, at most PAYLOAD_BATCH rows, and say so in their
 * records.  How many, or -1.  After the last of them payload_scrub() sees to it
 * that nothing of them is left in the database's files.
 */
#define PAYLOAD_BATCH 500
int payload_clean(struct sql *, int64_t now_ms, struct err *);
int payload_scrub(struct sql *, struct err *);

/* Is it this process's turn, once in `every_ms` in the whole deployment? */
int payload_turn(struct sql *, int64_t now_ms, int64_t every_ms, struct err *);

/*
 * JSON, or events of JSON, with long strings of base64 replaced by
 * "sha256:..." of the bytes they stand for: images are kept by digest.
 */
void payload_digest(struct str text, struct buf *out);

#endif
