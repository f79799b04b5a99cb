#ifndef DOMAIN_OAUTH_H
#define DOMAIN_OAUTH_H

#include "domain/key.h"

/*
 * Sign-in of MCP clients by an API key (api.md 11.2): clients, each bound to a
 * key, and codes.  The database knows the key by its id only.  A code says by
 * itself what it is for, under a MAC of key_hash_secrets; the database keeps
 * those that were used, so that none is used twice.
 */
#define OAUTH_ID_SIZE 27 /* "llmgc_" and 20 letters and digits */
#define OAUTH_CODE_MS 600000
#define OAUTH_CODE_SIZE 76    /* base64url of 56 bytes */
#define OAUTH_CLIENTS_MAX 100 /* of one key */
#define OAUTH_REDIRECTS_MAX 10
#define OAUTH_CHALLENGE 43 /* characters of S256 */

/* https, or http on loopback; no fragment, nothing a header cannot hold. */
bool oauth_redirect_good(struct str uri);
/*
 * Is it one of these (a JSON array)?  On loopback any port will do (RFC 8252,
 * 7.3).
 */
bool oauth_redirect_listed(struct str list, struct str uri);

/* RFC 7636: 43 to 128 characters; and what S256 makes of them. */
bool oauth_verifier_good(struct str);
void oauth_challenge(struct str verifier, char out[OAUTH_CHALLENGE + 1]);

struct oauth_client {
	char id[OAUTH_ID_SIZE];
	char key[ID_SIZE];
	struct str redirects; /* raw array */
};
/* ERR_BAD_PARAM: the key has too many.  Makes the id. */
int oauth_client_add(
    struct sql *, struct oauth_client *, int64_t now_ms, struct err *);
/* 1: found, strings in the arena; 0: there is none; -1: ERR_STORE. */
int oauth_client_find(struct sql *, struct str id, struct arena *,
    struct oauth_client *, struct err *);

/* What a code is bound to; all of it known again when it is used. */
struct oauth_grant {
	struct str client, redirect, challenge;
};
void oauth_code_make(const struct keys *, const struct oauth_grant *,
    int64_t now_ms, char out[OAUTH_CODE_SIZE]);
/* Is it ours, for this, and in time? */
bool oauth_code_good(const struct keys *, struct str code,
    const struct oauth_grant *, int64_t now_ms);
/* Use it: 1, or 0: it was used before; -1: ERR_STORE. */
int oauth_code_take(
    struct sql *, struct str code, int64_t now_ms, struct err *);

#endif
