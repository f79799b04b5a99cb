#ifndef BASE_PIECES_H
#define BASE_PIECES_H

#include "base/buf.h"

/*
 * Bytes that are put together only when they are sent: a buffer of small text,
 * and long strings of others at places in it.  They must live until all of it
 * has been sent.
 */
#define PIECES_MAX 24
#define PIECES_FAR ((size_t)8192) /* what is shorter is copied */

struct pieces {
	struct buf text;
	struct {
		size_t at; /* in text */
		struct str far;
	} v[PIECES_MAX];
	int n;
};

#define PIECES_LIMIT(max) ((struct pieces){ .text = { .limit = (max) } })

/* Not of the text's own bytes. */
void pieces_add(struct pieces *, struct str);
/* In order, into out[2 * PIECES_MAX + 1]; returns how many. */
int pieces_list(const struct pieces *, struct str *out);

#endif
