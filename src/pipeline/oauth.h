#ifndef PIPELINE_OAUTH_H
#define PIPELINE_OAUTH_H

#include "pipeline/stage.h"

/*
 * OAuth for MCP clients (api.md 11.2), over domain/oauth.h: who has a key signs
 * in with it.  All of it runs on front threads.
 */

/* Of the program mcp: a database handle for clients and codes. */
int oauth_open(struct world *, struct err *);
void oauth_close(struct world *);

enum verdict stage_oauth_server(struct req *);   /* RFC 8414 */
enum verdict stage_oauth_resource(struct req *); /* RFC 9728 */
enum verdict stage_oauth_register(struct req *); /* RFC 7591 */
enum verdict stage_oauth_authorize(struct req *);
enum verdict stage_oauth_token(struct req *);

/* r->err as {error, error_description}; err.word is the code, if it is set. */
void oauth_error(const struct req *, int status, struct jw *);
/* Where a client without a key finds all this: a header line. */
void oauth_put_challenge(const struct req *, struct buf *);

#endif
