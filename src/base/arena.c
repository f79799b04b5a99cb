#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

#define CHUNK_MAX ((size_t)32 * 1024)
#define ALIGN _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct chunk *first;       /* kept by arena_reset() */
	struct chunk *now;         /* small things are cut from this one */
	struct chunk *others;      /* all but the first */
	struct deferred *deferred; /* newest first */
	size_t taken;
	size_t limit;
};

/* `zero`: full of zeros; pages that nobody uses are not touched for that. */
static struct chunk *
chunk_new(size_t size, bool zero)
{
	struct chunk *c;

	if (size > SIZE_MAX - sizeof(*c) ||
	    (c = zero ? calloc(1, sizeof(*c) + size) :
			malloc(sizeof(*c) + size)) == NULL)
		abort();
	c->next = NULL;
	c->used = 0;
	c->size = size;
	return c;
}

/*
 * A chunk with room for size bytes.  A big thing gets one of its own size and
 * the rest of the chunk in use stays in use: a body of a megabyte must not
 * waste what is behind it.
 */
static struct chunk *
chunk_for(struct arena *a, size_t size, bool zero)
{
	size_t next =
	    a->now->size < CHUNK_MAX / 2 ? a->now->size * 2 : CHUNK_MAX;
	struct chunk *c = chunk_new(size > next ? size : next, zero);

	c->next = a->others;
	a->others = c;
	if (size <= next)
		a->now = c;
	return c;
}

struct arena *
arena_new(size_t first, size_t limit)
{
	struct arena *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		abort();
	a->limit = limit;
	a->first = a->now = chunk_new(first, false);
	return a;
}

bool
arena_full(const struct arena *a)
{
	return a->taken > a->limit;
}

size_t
arena_taken(const struct arena *a)
{
	return a->taken;
}

void
arena_reset(struct arena *a)
{
	struct chunk *c;

	for (; a->deferred != NULL; a->deferred = a->deferred->next)
		a->deferred->fn(a->deferred->arg);

	while ((c = a->others) != NULL) {
		a->others = c->next;
		free(c);
	}
	a->now = a->first;
	a->now->used = 0;
	a->taken = 0;
}

void
arena_free(struct arena *a)
{
	/* Behave consistently with free(NULL). */
	if (a == NULL)
		return;
	arena_reset(a);
	free(a->first);
	free(a);
}

static void *
take(struct arena *a, size_t size, bool zero)
{
	struct chunk *c = a->now;
	void *p;

	if (size > SIZE_MAX / 2)
		abort();
	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	if (c->size - c->used < size)
		c = chunk_for(a, size, zero);
	a->taken += size;
	p = c->bytes + c->used;
	c->used += size;
	return p;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	return take(a, size, false);
}

void *
arena_zalloc(struct arena *a, size_t size)
{
	const struct chunk *others = a->others;
	void *p = take(a, size, size >= CHUNK_MAX);

	/* One of its own is full of zeros already. */
	return size >= CHUNK_MAX && a->others != others ? p :
							  memset(p, 0, size);
}

char *
arena_cstr(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str
arena_dup(struct arena *a, struct str s)
{
	if (s.p == NULL)
		return STR_NONE;
	return (struct str){ arena_cstr(a, s), s.n };
}

struct str
arena_cat(struct arena *a, const struct str *v, int n)
{
	size_t len = 0;
	char *p, *at;
	int i;

	for (i = 0; i < n; i++)
		len += v[i].n;
	p = at = arena_alloc(a, len + 1);
	for (i = 0; i < n; at += v[i].n, i++)
		if (v[i].n > 0)
			memcpy(at, v[i].p, v[i].n);
	*at = '\0';
	return (struct str){ p, len };
}

struct str
arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();

	p = arena_zalloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){ p, (size_t)n };
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct deferred *d = ARENA_NEW(a, struct deferred);

	d->fn = fn;
	d->arg = arg;
	d->next = a->deferred;
	a->deferred = d;
}
