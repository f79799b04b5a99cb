#ifndef DOMAIN_KNOWN_H
#define DOMAIN_KNOWN_H

#include "base/hash.h"
#include "domain/principal_load.h"

/*
 * What keys.c remembers of keys and organisations, behind its lock.  A key is
 * known by a mark of its text.  It is fresh while nothing was changed in the
 * database since it was read, as far as the last poll knows, and that poll is
 * younger than ttl_ms.
 *
 * Direct-mapped: a key that falls on another's place costs a look-up.
 */
#define KNOWN_KEYS 2048
#define KNOWN_ORGS 512
#define KNOWN_NOT 1024

struct known {
	int64_t ttl_ms;
	int64_t version;   /* of the last poll */
	int64_t polled_ms; /* monotonic; 0: never */
	struct known_key {
		unsigned char mark[HASH_MARK];
		int64_t seen_ms;  /* it was right then; 0: free */
		int64_t until_ms; /* wall; a rolled secret ends; 0: never */
		const struct principal *who;
	} keys[KNOWN_KEYS];
	struct known_not {
		unsigned char mark[HASH_MARK];
		int64_t seen_ms;
		int64_t version;
	} nots[KNOWN_NOT];
	const struct org *orgs[KNOWN_ORGS];
};

/* A look at table "change", begun at now_ms; the later one counts. */
void known_poll(struct known *, int64_t version, int64_t now_ms);

/* 1: *out, a reference; 0: not known, or not fresh; -1: known to be none. */
int known_find(struct known *, const unsigned char mark[HASH_MARK],
    int64_t wall_ms, const struct principal **out);
/*
 * The same for the database being down: what was fresh 15 minutes ago, or is
 * known to be none without a look at the version.
 */
int known_find_old(struct known *, const unsigned char mark[HASH_MARK],
    int64_t wall_ms, const struct principal **out);

/* Takes a reference of its own.  NULL: there is no such key. */
void known_keep(struct known *, const unsigned char mark[HASH_MARK],
    int64_t version, const struct principal *, int64_t until_ms);

/* A reference, or NULL. */
const struct org *known_org(
    const struct known *, const char *id, int64_t version);
void known_keep_org(struct known *, const struct org *);

/* Principals and organisations; that a key is none stays known. */
void known_forget(struct known *);

#endif
