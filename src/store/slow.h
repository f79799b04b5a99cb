#ifndef STORE_SLOW_H
#define STORE_SLOW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How long a place (store/health.h) takes until its first token, or for a plain
 * answer: the 95th percentile of the last half to whole hour, in this process.
 * Any thread; nothing locks, what is lost is a count.
 */
struct slow;

struct slow *slow_new(void);
void slow_free(struct slow *); /* NULL: nothing */

/* place -1: nothing. */
void slow_note(struct slow *, int place, bool stream, int64_t ms);
/* In ms, at most an eighth too much; -1: too little is known. */
int64_t slow_p95(const struct slow *, int place, bool stream);

#endif
