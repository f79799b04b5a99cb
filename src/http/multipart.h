#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * multipart/form-data (RFC 7578), fed in pieces of any size.  It finds out where
 * the parts are and keeps none of their bytes: who feeds it has them.  Strict:
 * the first thing is a boundary, lines of a head end with CRLF, each part has a
 * name.  What stands behind the last boundary is ignored (RFC 2046).
 */
#define MULTIPART_PARTS 64
#define MULTIPART_HEAD ((size_t)8192) /* bytes of a part's head */
#define MULTIPART_BOUNDARY 70

struct multipart_part {
	struct str name;
	struct str filename; /* absent: a field; it has no meaning to us */
	struct str type;     /* Content-Type, or absent */
	uint64_t from;       /* its data, in bytes of all that was fed */
	uint64_t n;
};

struct multipart {
	struct arena *arena; /* of names; lives as long as the parts are used */
	char mark[MULTIPART_BOUNDARY + 8]; /* CRLF, two hyphens, boundary */
	size_t nmark;
	size_t met; /* bytes of the mark that were just seen */
	int state;
	uint64_t at; /* bytes fed */
	struct buf head;
	struct multipart_part parts[MULTIPART_PARTS];
	int n;
};

/*
 * By the header Content-Type.  -1: it is not multipart/form-data, or has no
 * boundary of 1 to 70 characters.
 */
int multipart_init(
    struct multipart *, struct str content_type, struct arena *, struct err *);

/* -1 with ERR_BAD_PARAM: it is broken, and must not be fed any more. */
int multipart_feed(struct multipart *, struct str, struct err *);

/* All has been fed.  -1: the last boundary is missing. */
int multipart_end(struct multipart *, struct err *);

/* Is this the media type, whatever its parameters are? */
bool multipart_is(struct str content_type);

#endif
