#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>

#include "base/str.h"

#define HTTP_HEADERS_MAX 16

/* Of [llmgw] or of a provider's section; NULL: the general ones, or none. */
struct http_way {
	const char *ca_file;
	const char *certificate; /* ours, with its key */
	const char *proxy;
};

/*
 * What http/call.c sends.  Built by pure code, so tests can look at it.  Every
 * string is NUL-terminated, and no header holds a control character.
 */
struct http_request {
	const char *method; /* NULL: POST */
	struct str url;
	struct str body;         /* of `parts` only the length */
	const struct str *parts; /* a body in pieces, or NULL */
	int nparts;
	struct str headers[HTTP_HEADERS_MAX]; /* "Name: value" */
	int nheaders;
	struct http_way way;
	bool public_only; /* a client's URL: https, public addresses, no
			     proxy (reliability.md T7) */
};

#endif
