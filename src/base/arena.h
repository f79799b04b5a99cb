#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

/*
 * Memory with one end.  A request has two arenas: "setup" (body, tree, targets),
 * freed when the first event of the answer has left, and "life", which stays
 * small.  Nothing taken from an arena is ever freed by itself: arena_reset()
 * ends everything at once, running the deferred calls in reverse order first.
 *
 * Allocation cannot fail.  Past its limit an arena still serves, but
 * arena_full() says so and whoever drives the request ends it (413 or 500).
 * When malloc itself fails the process ends and is started again.
 */
struct arena;

/* The first chunk is kept by arena_reset(); later ones grow up to 32 KB. */
struct arena *arena_new(size_t first, size_t limit);
bool arena_full(const struct arena *);
size_t arena_taken(const struct arena *); /* bytes since the last reset */
void arena_reset(struct arena *);
void arena_free(struct arena *); /* NULL is fine */

/* Zeroed, aligned for every type. */
void *arena_zalloc(struct arena *, size_t);
/* The same without zeroing it: for what is filled at once. */
void *arena_alloc(struct arena *, size_t);
/* A copy with a NUL behind it; absent stays absent. */
struct str arena_dup(struct arena *, struct str);
/* The same as a C string; absent becomes "". */
char *arena_cstr(struct arena *, struct str);
/* These have a NUL behind them too; arena_cat() puts n strings together. */
struct str arena_cat(struct arena *, const struct str *, int n);
struct str arena_fmt(struct arena *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Call fn(arg) at reset: how a foreign handle joins the request's lifetime.
 * arg must live that long too, which is certain only inside the arena.  The
 * reset may run on any thread, so fn touches nothing that a thread owns.
 */
void arena_defer(struct arena *, void (*fn)(void *), void *arg);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
