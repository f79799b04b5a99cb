#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

/*
 * A distribution of times in bounded memory: 32 steps to each power of two, so
 * a quantile is at most 3 % above the true value.
 */

#define HIST_STEPS 32

struct hist {
	uint64_t n;
	int64_t max;
	uint64_t count[60 * HIST_STEPS];
};

/* Negative values count as 0. */
void hist_add(struct hist *, int64_t);
/* q from 0 to 1; 0 if nothing was added. */
int64_t hist_quantile(const struct hist *, double q);

#endif
