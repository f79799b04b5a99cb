#ifndef PROVIDER_GOOGLE_TOKEN_H
#define PROVIDER_GOOGLE_TOKEN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "http/request.h"

/*
 * A credential for Google Cloud and the token that it is changed into.  One of
 *
 *	{"type":"service_account",...}	signs for tokens (RFC 7523)
 *	the path of a file with that
 *	"metadata"			the machine's own account
 *	"ya29...."			a token that somebody else fetched
 *
 * Tokens are shared by all threads and live in memory only.
 */
struct google_cred;

/* Seconds before its end from which a token is fetched anew, if it lives long. */
#define GOOGLE_EARLY 300

/*
 * `metadata`: host of the metadata server, NULL: the usual one.
 *
 * Fails with ERR_CONFIG, in words without the secret; the URL of the token must
 * be https of a host of Google's, or on this machine.
 */
int google_cred_new(
    struct google_cred **, struct str key, const char *metadata, struct err *);
/*
 * The same of JSON that somebody else than the operator gave: nothing is read,
 * and besides Google's own the token may be at these hosts only.
 */
int google_cred_json(
    struct google_cred **, struct str json, struct str hosts, struct err *);
void google_cred_free(struct google_cred *); /* NULL is fine */

/* The project that the credential belongs to, or absent. */
struct str google_cred_project(const struct google_cred *);

/* The signed assertion of a service account at this time; appended. */
int google_cred_assert(
    const struct google_cred *, int64_t now, struct buf *, struct err *);

/*
 * 0: there is a token.  1: fetch *q (in the arena) and give google_cred_took()
 * what comes, whatever it is; a token that is about to end stays in use by
 * others meanwhile.  2: another one is fetching.  -1: the last fetch failed
 * after `now`; ERR_FETCH if nobody answered, else ERR_GATEWAY.
 *
 * took() with status 0: nobody answered; -1: the fetch was cancelled.
 */
int google_cred_need(struct google_cred *, int64_t now, struct arena *,
    struct http_request *q, struct err *);
int google_cred_took(struct google_cred *, int64_t now, int status,
    struct str body, struct err *);

/* The token was refused (401): the next one needs another. */
void google_cred_forget(struct google_cred *);

/* A copy of the token in the arena, wiped with it; absent if there is none. */
struct str google_cred_token(struct google_cred *, struct arena *);

#endif
