#include "bench/hist.h"

static int
slot_of(int64_t v)
{
	int top;

	if (v < HIST_STEPS)
		return (int)v;
	top = 63 - __builtin_clzll((unsigned long long)v);
	return (top - 4) * HIST_STEPS +
	    (int)((v >> (top - 5)) & (HIST_STEPS - 1));
}

/* The largest value that falls into the slot. */
static int64_t
slot_end(int slot)
{
	int shift = slot / HIST_STEPS - 1;

	if (shift < 0)
		return slot;
	return ((INT64_C(1) * HIST_STEPS + slot % HIST_STEPS + 1) << shift) - 1;
}

void
hist_add(struct hist *h, int64_t v)
{
	if (v < 0)
		v = 0;
	h->n++;
	h->count[slot_of(v)]++;
	if (v > h->max)
		h->max = v;
}

int64_t
hist_quantile(const struct hist *h, double q)
{
	uint64_t seen = 0, want = (uint64_t)(q * (double)h->n);
	int64_t v = h->max;

	for (int i = 0; i < 60 * HIST_STEPS; i++) {
		seen += h->count[i];
		if (seen > want) {
			v = slot_end(i);
			break;
		}
	}
	return v < h->max ? v : h->max;
}
