#ifndef FCGI_RECORD_H
#define FCGI_RECORD_H

#include "base/arena.h"

/* FastCGI 1.0, section 8: records as they stand on the wire. */
enum record_type {
	RECORD_BEGIN = 1,
	RECORD_END = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6
};

#define RECORD_HEADER 8
#define RECORD_MAX ((size_t)65528) /* of content: a multiple of 8 below 64K */

/* A header of version 1 for n bytes of content, into 8 bytes. */
void record_header(unsigned char *, enum record_type, int id, size_t n);

/* A request that has arrived as a whole. */
struct record_request {
	int id;
	bool authorizer;    /* the role; else responder */
	bool keep;          /* the web server wants the connection kept */
	struct str *params; /* "NAME=VALUE", NUL-terminated, ends absent */
	struct str body;    /* NUL-terminated */
};

/*
 * Are these bytes one whole request, from BEGIN_REQUEST to the end of STDIN,
 * and nothing more?  An authorizer gets no STDIN (FastCGI 1.0, 6.3): its request ends
 * with PARAMS, or with the empty STDIN that some send.  Looks, and keeps
 * nothing.
 */
bool record_is_whole(struct str);

/*
 * The same bytes as a request, with copies in the arena.  -1: a name-value
 * pair reaches beyond its record, or another role than these two.
 */
int record_parse(struct str, struct arena *, struct record_request *);

#endif
