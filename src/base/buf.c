#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* With its NUL the largest block that glibc hands out without searching. */
#define FIRST ((size_t)1023)

/* And for a NUL behind them. */
char *
buf_room(struct buf *b, size_t n)
{
	size_t cap;

	if (b->full || n > b->limit - b->n) {
		b->full = true;
		return NULL;
	}
	if (n > b->cap - b->n || b->p == NULL) {
		cap = b->cap < FIRST / 2 ? FIRST : b->cap * 2 + 1;
		if (cap < b->n + n)
			cap = b->n + n;
		if (cap > b->limit)
			cap = b->limit;
		if ((b->p = realloc(b->p, cap + 1)) == NULL)
			abort();
		b->cap = cap; /* and a byte more, for a NUL */
	}
	return b->p + b->n;
}

void
buf_grow(struct buf *b, struct str s)
{
	char *p;

	if (s.n == 0 || (p = buf_room(b, s.n)) == NULL)
		return;
	memcpy(p, s.p, s.n);
	b->n += s.n;
}

void
buf_int(struct buf *b, int64_t v)
{
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char text[24];
	size_t i = sizeof(text);

	do
		text[--i] = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (v < 0)
		text[--i] = '-';
	buf_add(b, (struct str){ text + i, sizeof(text) - i });
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if ((p = buf_room(b, (size_t)n)) == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .limit = b->limit };
}
