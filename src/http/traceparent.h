#ifndef HTTP_TRACEPARENT_H
#define HTTP_TRACEPARENT_H

#include "base/str.h"

/* The header of W3C Trace Context, level 1. */
struct traceparent {
	unsigned char trace[16];
	unsigned char parent[8];
	bool sampled;
};

/*
 * false: it is malformed, or an id is all zeros.  Versions after 00 may say
 * more behind what is known, parted by "-".
 */
bool traceparent_read(struct str, struct traceparent *);

#endif
