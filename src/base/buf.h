#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "base/str.h"

/*
 * Growing bytes with a ceiling.  Zero-initialised plus a limit is a valid
 * buffer.  Past the limit, appends are dropped and `full` stays set: callers
 * check it once, at the end.  Memory never exceeds the limit by more than one
 * byte.
 */
struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t limit;
	bool full;
};

#define BUF_LIMIT(max) ((struct buf){ .limit = (max) })

void buf_grow(struct buf *, struct str); /* buf_add() when room is short */
void buf_int(struct buf *, int64_t);     /* decimal */
void buf_fmt(struct buf *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
void buf_free(struct buf *);

/* Not of the buffer's own bytes. */
static inline void
buf_add(struct buf *b, struct str s)
{
	if (b->full || s.n > b->cap - b->n) {
		buf_grow(b, s);
		return;
	}
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

static inline void
buf_addc(struct buf *b, char c)
{
	if (!b->full && b->n < b->cap)
		b->p[b->n++] = c;
	else
		buf_grow(b, (struct str){ &c, 1 });
}

/* Room for n more bytes, or NULL: past the limit.  buf_took() says how many. */
char *buf_room(struct buf *, size_t n);

static inline char *
buf_ready(struct buf *b, size_t n)
{
	return !b->full && n <= b->cap - b->n ? b->p + b->n : buf_room(b, n);
}

static inline void
buf_took(struct buf *b, const char *end)
{
	b->n = (size_t)(end - b->p);
}

static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p == NULL ? "" : b->p, b->n };
}

static inline void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->full = false;
}

#endif
