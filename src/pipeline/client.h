#ifndef PIPELINE_CLIENT_H
#define PIPELINE_CLIENT_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* A request as the web server hands it over, before anything is decided. */
struct inbound {
	struct str method;
	struct str uri;          /* REQUEST_URI: path and query, encoded */
	struct str content_type; /* absent if there is none */
	struct str coding;       /* Content-Encoding */
	struct str address;      /* REMOTE_ADDR */
	int64_t length;          /* CONTENT_LENGTH; -1: none; -2: no number */
	struct str *params;      /* "HTTP_X_REQUEST_ID=abc", ends absent */
	bool snippet;            /* LLMGW_SNIPPET is there */
	bool authorizer;         /* FastCGI's role: only whether it may */
};

/* The value of a CGI variable ("HTTP_AUTHORIZATION"), or absent. */
struct str inbound_param(const struct inbound *, const char *name);

/*
 * The one who asked.  fcgi/io.c and fcgi/cgi.c implement this, so that the
 * loop need not know what it writes to.  One owner at a time, as the request.
 */
struct client {
	const struct client_ops *ops;
};

struct client_ops {
	/*
	 * Loop: has a request begun?  2: it is all there, head() and body()
	 * will not block; 1: it has; 0: not yet; -1: close.  No blocking.
	 */
	int (*ready)(struct client *);

	/*
	 * The parameters, then the body of at most `max` bytes,
	 * both into the arena.  On front threads these may block, within the
	 * receive timeout.  A
	 * body that is not wanted is read and dropped by end(), or the web
	 * server would put its own page in place of our answer (reliability.md
	 * finding 8).  body() fails with ERR_TOO_LARGE, or ERR_BAD_PARAM if it
	 * is shorter or longer than announced.
	 */
	int (*head)(struct client *, struct arena *, struct inbound *);
	int (*body)(struct client *, struct arena *, int64_t announced,
	    size_t max, struct str *out, struct err *);

	/* What to watch for hang-up and for room to write. */
	int (*fd)(const struct client *);
	/*
	 * Send what fits without waiting and keep the rest; `last` says that
	 * nothing follows.  -1: the client is gone.
	 */
	int (*send)(struct client *, struct str, bool last);
	/*
	 * The same for the end of an answer: n strings that are not copied.
	 * They and v live until pending() is 0, or end().
	 */
	int (*lend)(struct client *, const struct str *v, int n);
	/* Send more of what was kept; -1: gone. */
	int (*flush)(struct client *);
	size_t (*pending)(const struct client *); /* bytes kept */

	/* Does the web server want the connection to stay open? */
	bool (*keeps)(const struct client *);
	/*
	 * The request is over.  1: the connection stays open for another one
	 * (and ready() is asked again), which happens only if `keep` and the
	 * web server wants it; 0: it is closed and the client freed.
	 */
	int (*end)(struct client *, bool keep);
};

#endif
