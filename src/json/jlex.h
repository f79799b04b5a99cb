#ifndef JSON_JLEX_H
#define JSON_JLEX_H

#include <stdbool.h>

/*
 * The words of JSON (RFC 8259, sections 2, 6 and 7).  Each function returns
 * what follows the word, or NULL if there is none at p.
 */

static inline const char *
jlex_ws(const char *p, const char *end)
{
	/* Mostly there is none: one comparison says so. */
	while (p < end && (unsigned char)*p <= ' ' &&
	    (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* p follows the opening quote; *escaped is set if there is an escape. */
const char *jlex_string(const char *p, const char *end, bool *escaped);

/* A number near some finite double. */
const char *jlex_number(const char *p, const char *end);

#endif
