#include <stdatomic.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/health.h"
#include "store/slow.h"

#define HALF_MS ((int64_t)30 * 60 * 1000)
#define BUCKETS 160 /* eight for each doubling: up to 2^20 ms */
#define STEPS 8
#define ENOUGH 20 /* answers, before anything is said */

/* Two halves in turn: the one that is filled, and the one before. */
struct slow_half {
	_Atomic int64_t number; /* of half hours */
	_Atomic uint32_t count[BUCKETS];
};

struct slow {
	struct arena *arena;
	int places;
	struct slow_half *halves; /* [place][stream][2] */
};

struct slow *
slow_new(void)
{
	int places = health_places();
	size_t size = (size_t)places * 4 * sizeof(struct slow_half);
	struct arena *a = arena_new(sizeof(struct slow) + 64, 2 * size);
	struct slow *s = ARENA_NEW(a, struct slow);

	s->arena = a;
	s->places = places;
	s->halves = arena_zalloc(a, size);
	return s;
}

void
slow_free(struct slow *s)
{
	if (s != NULL)
		arena_free(s->arena);
}

static struct slow_half *
half_of(const struct slow *s, int place, bool stream, int64_t number)
{
	return &s->halves[place * 4 + (stream ? 2 : 0) + (int)(number & 1)];
}

static int
bucket_of(int64_t ms)
{
	int i = 0;

	if (ms < STEPS)
		return ms < 0 ? 0 : (int)ms;
	while (ms >= 2 * STEPS) {
		ms >>= 1;
		i++;
	}
	i = STEPS * (i + 1) + (int)(ms - STEPS);
	return i < BUCKETS ? i : BUCKETS - 1;
}

/* The first value that is above it. */
static int64_t
bucket_end(int i)
{
	if (i < STEPS)
		return i + 1;
	return (int64_t)(STEPS + i % STEPS + 1) << (i / STEPS - 1);
}

void
slow_note(struct slow *s, int place, bool stream, int64_t ms)
{
	int64_t number = clock_ms() / HALF_MS + 2, was;
	struct slow_half *h;

	if (place < 0 || place >= s->places)
		return;
	h = half_of(s, place, stream, number);
	was = atomic_load(&h->number);
	if (was != number &&
	    atomic_compare_exchange_strong(&h->number, &was, number))
		for (int i = 0; i < BUCKETS; i++)
			atomic_store(&h->count[i], 0);
	atomic_fetch_add_explicit(
	    &h->count[bucket_of(ms)], 1, memory_order_relaxed);
}

int64_t
slow_p95(const struct slow *s, int place, bool stream)
{
	int64_t number = clock_ms() / HALF_MS + 2;
	uint32_t count[BUCKETS] = { 0 };
	uint64_t all = 0, seen = 0;
	struct slow_half *h;
	int i, k;

	if (place < 0 || place >= s->places)
		return -1;
	for (k = 0; k < 2; k++) {
		h = half_of(s, place, stream, number - k);
		if (atomic_load(&h->number) != number - k)
			continue;
		for (i = 0; i < BUCKETS; i++)
			count[i] += atomic_load_explicit(
			    &h->count[i], memory_order_relaxed);
	}
	for (i = 0; i < BUCKETS; i++)
		all += count[i];
	if (all < ENOUGH)
		return -1;
	for (i = 0; i < BUCKETS; i++) {
		seen += count[i];
		if (seen * 100 >= all * 95)
			break;
	}
	return bucket_end(i);
}
