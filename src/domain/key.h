#ifndef DOMAIN_KEY_H
#define DOMAIN_KEY_H

#include <stdint.h>

#include "base/conf.h"
#include "base/hash.h"
#include "base/rand.h"
#include "domain/principal.h"
#include "store/sql.h"

/*
 * Keys of this process: one or two database handles, each used by one thread
 * at a time, and a memory of principals and of unknown keys.  A principal is
 * good while the change version is the one it was read with, and the last look
 * at that is younger than key_cache_ttl; 15 min while the database is down.  The
 * raw key never reaches SQL or the memory: only its HMAC-SHA-256 does
 * (reliability.md T1).
 */
struct keys;

/*
 * The secrets are those of the configuration, newest first; without one:
 * ERR_CONFIG.  The handle is borrowed: nobody else uses it meanwhile, and the
 * caller closes it after keys_close().  It should be one for writing, or keys
 * of an older secret are not stored again under the newest.
 */
int keys_open(struct keys **, struct sql *, const struct conf *, struct err *);
void keys_close(struct keys *);

/* A second handle, for two look-ups at once; before any thread. */
void keys_add_sql(struct keys *, struct sql *);

/*
 * Look a presented key up.  0: *out is a reference, the caller's to drop, status and expiry are checked
 * (401), archive and suspension are not (key_tenant).  Errors are those of
 * api.md 3; ERR_STORE if the database cannot tell.  Blocks, with a deadline.
 */
int keys_find(struct keys *, struct str token, int64_t wall_ms,
    const struct principal **out, struct err *);

/*
 * The same out of the memory alone, which never blocks.  1: the database would
 * have to be asked.
 */
int keys_recall(struct keys *, struct str token, int64_t wall_ms,
    const struct principal **out, struct err *);

/*
 * Both for somebody whom the web server has authenticated: by `ask_too` the
 * database is asked, else 1 says that it would have to be.  In the memory he
 * and a key can never be taken for each other.
 */
struct identity;
int keys_identify(struct keys *, const struct identity *, int64_t wall_ms,
    bool ask_too, const struct principal **out, struct err *);

/*
 * Look at the change version, once a second, by a handle of the caller.
 * Without it each key asks by itself when key_cache_ttl is over.
 */
void keys_poll(struct keys *, struct sql *);

/*
 * Memory is short (reliability.md F51): forget all principals, if the database
 * answers; false: it does not, and what is known has to serve on.
 */
bool keys_forget(struct keys *, struct sql *);

/* Step 6: 410 and 403. */
int key_tenant(const struct principal *, struct err *);

/* What new keys begin with. */
const char *keys_prefix(const struct keys *);

/* The digest that is stored, with the newest secret. */
void keys_digest(
    const struct keys *, struct str token, unsigned char out[HASH_SIZE]);

/* The same with each secret, for those who keep digests of their own. */
int keys_nsecrets(const struct keys *);
void keys_digest_by(const struct keys *, int secret, struct str token,
    unsigned char out[HASH_SIZE]);

/*
 * A new key of this prefix, 40 random letters and digits; `out` has room if the
 * prefix has at most KEY_PREFIX_MAX bytes, as keys_open() makes sure.
 */
#define KEY_SIZE 80
#define KEY_PREFIX_MAX 32
#define KEY_RANDOM 40 /* letters and digits behind the prefix */
void key_make(const char *prefix, char out[KEY_SIZE]);
/* "llmgtwy_…abcd", as it is shown later; `out` has room for KEY_SIZE. */
void key_mask(const char *key, const char *prefix, char out[KEY_SIZE]);

#endif
