#ifndef PIPELINE_TOKEN_H
#define PIPELINE_TOKEN_H

#include "pipeline/stage.h"

/*
 * Tokens that some providers want instead of a key.  One request fetches, the
 * others wait on the loop; all of them then make their attempt anew.
 *
 * In stage_relay, before the request is built; false: there is nothing to
 * fetch.  true: the attempt has begun, and *v is what the stage says.
 */
bool token_need(struct req *, struct target *, enum verdict *v);

/* On the loop: fetch, wait or fail, as token_need() found. */
void token_start(struct req *);

/* The transfer was cancelled, for whatever reason: others may fetch. */
void token_dropped(struct req *);

/* The provider refused the token: true, the attempt is made once more. */
bool token_renew(struct req *, int status);

#endif
