#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "store/metrics_map.h"

/* Another process may have made the file, but not yet given it its size. */
static int
map_file(struct metrics *m, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *p = MAP_FAILED;

	if (fd != -1 && ftruncate(fd, sizeof(*m->map)) == 0)
		p = mmap(NULL, sizeof(*m->map), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err_set(
		    e, ERR_CONFIG, "cannot map %s: %s", path, strerror(errno));
	else
		m->map = p;
	if (fd != -1)
		close(fd);
	return p == MAP_FAILED ? -1 : 0;
}

int
metrics_open(
    struct metrics **out, const char *dir, const char *program, struct err *e)
{
	struct arena *a = arena_new(sizeof(struct metrics) + 512, SIZE_MAX);
	struct metrics *m = ARENA_NEW(a, struct metrics);
	struct str path;

	*out = NULL;
	m->arena = a;
	m->self = -1;
	path = arena_fmt(
	    a, "%s/metrics-%d-%zu", dir, METRICS_LAYOUT, sizeof(*m->map));
	if (file_mkdir(dir, 0750, e) == -1 || map_file(m, path.p, e) == -1) {
		arena_free(a);
		return -1;
	}
	metrics_claim(m, program);
	metrics_gauge(m, GAUGE_SPOOL, NULL, 0); /* there from the start */
	*out = m;
	return 0;
}

void
metrics_close(struct metrics *m)
{
	if (m == NULL)
		return;
	metrics_release(m);
	munmap(m->map, sizeof(*m->map));
	arena_free(m->arena);
}

/* Eight bytes at a time; the multiplier is the fraction of the golden ratio. */
static uint64_t
mix(uint64_t h, struct str s)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t v;

	h = (h ^ s.n) * k;
	while (s.n > 0) {
		v = 0;
		memcpy(&v, s.p, s.n < sizeof(v) ? s.n : sizeof(v));
		h = (h ^ v) * k;
		h ^= h >> 32;
		if (s.n <= sizeof(v))
			break;
		s.p += sizeof(v);
		s.n -= sizeof(v);
	}
	return h;
}

static uint64_t
hash_of(int row, const struct str *labels)
{
	uint64_t h = (uint64_t)row + 1;

	for (int i = 0; metrics_rows[row].labels[i] != NULL; i++)
		h = mix(h, labels[i]);
	return h == 0 ? 1 : h;
}

/*
 * Several may write the same text at once, which is harmless: it is the same.
 * So a process that dies in here leaves nothing that has to be repaired.
 */
static void
write_text(struct series *s, int row, const struct str *labels)
{
	size_t n = 0;

	for (int i = 0; metrics_rows[row].labels[i] != NULL; i++) {
		memcpy(s->text + n, labels[i].p, labels[i].n);
		n += labels[i].n;
		s->text[n++] = '\0';
	}
	s->row = (uint16_t)row;
	s->ntext = (uint16_t)n;
	atomic_store_explicit(&s->ready, 1, memory_order_release);
}

static struct series *
other_of(struct metrics *m, int row)
{
	struct series *s = &m->map->other[row];
	struct str labels[METRICS_LABELS];

	for (int i = 0; i < METRICS_LABELS; i++)
		labels[i] = STR("other");
	if (atomic_load_explicit(&s->ready, memory_order_acquire) == 0)
		write_text(s, row, labels);
	return s;
}

static bool
fits(int row, const struct str *labels)
{
	size_t n = 0;

	for (int i = 0; metrics_rows[row].labels[i] != NULL; i++)
		n += labels[i].n + 1;
	return n <= sizeof(((struct series *)NULL)->text);
}

static struct series *
find(struct metrics *m, int row, const struct str *labels)
{
	uint64_t want = hash_of(row, labels), seen;
	size_t at = want >> 32;
	struct series *s;

	if (!fits(row, labels))
		return other_of(m, row);
	for (int i = 0; i < METRICS_SERIES; i++, at++) {
		s = &m->map->series[at % METRICS_SERIES];
		seen = atomic_load_explicit(&s->hash, memory_order_relaxed);
		if (seen == 0)
			if (atomic_compare_exchange_strong(
				&s->hash, &seen, want))
				seen = want;
		if (seen != want)
			continue;
		if (atomic_load_explicit(&s->ready, memory_order_acquire) == 0)
			write_text(s, row, labels);
		return s;
	}
	return other_of(m, row);
}

static void
add(_Atomic int64_t *p, int64_t by)
{
	atomic_fetch_add_explicit(p, by, memory_order_relaxed);
}

void
metrics_add(
    struct metrics *m, enum metric_id id, const struct str *labels, int64_t by)
{
	assert(metrics_rows[id].kind == METRICS_COUNTER);
	add(&find(m, (int)id, labels)->sum, by);
}

/* `v` is in the unit times per_unit, as the bounds are. */
static void
observe(struct metrics *m, int row, const struct str *labels, int64_t v)
{
	const struct metrics_row *r = &metrics_rows[row];
	struct series *s = find(m, row, labels);
	int i = 0;

	assert(r->kind == METRICS_HISTOGRAM);
	while (r->buckets[i] != 0 && v > r->buckets[i])
		i++;
	add(&s->sum, v);
	add(&s->counts[i], 1);
}

void
metrics_observe(struct metrics *m, enum metric_id id, const struct str *labels,
    int64_t milli)
{
	observe(m, (int)id, labels, milli * (metrics_rows[id].per_unit / 1000));
}

void
metrics_observe_us(
    struct metrics *m, enum metric_id id, const struct str *labels, int64_t us)
{
	observe(m, (int)id, labels, us / (1000000 / metrics_rows[id].per_unit));
}

/* Our cell of a series; NULL: the process has gauges of too many already. */
static struct cell *
cell_of(struct metrics *m, uint32_t series)
{
	struct process *p = &m->map->processes[m->self];
	uint32_t seen, at = series * 2654435761u >> 16;
	struct cell *c;

	for (int i = 0; i < METRICS_CELLS; i++, at++) {
		c = &p->cells[at % METRICS_CELLS];
		seen = atomic_load_explicit(&c->series, memory_order_relaxed);
		if (seen == 0)
			if (atomic_compare_exchange_strong(
				&c->series, &seen, series))
				seen = series;
		if (seen == series)
			return c;
	}
	return NULL;
}

void
metrics_gauge(
    struct metrics *m, enum gauge_id id, const struct str *labels, int64_t by)
{
	int row = (int)METRIC__MAX + (int)id;
	const struct series *s;
	struct cell *c;

	if (m->self == -1)
		return;
	/* other[] and series[] are neighbours: one place for both. */
	s = find(m, row, labels);
	c = cell_of(m, (uint32_t)(s - m->map->other) + 1);
	if (c != NULL)
		atomic_fetch_add_explicit(
		    &c->value, (int32_t)by, memory_order_relaxed);
}

int64_t
metrics_enter(struct metrics *m)
{
	int n = m->map->nprocesses;
	int64_t sum = 0;

	if (m->self == -1)
		return 0;
	atomic_fetch_add(&m->map->inflight[m->self], 1);
	for (int i = 0; i < n; i++)
		sum += atomic_load_explicit(
		    &m->map->inflight[i], memory_order_relaxed);
	return sum;
}

void
metrics_leave(struct metrics *m)
{
	if (m->self != -1)
		atomic_fetch_sub(&m->map->inflight[m->self], 1);
}
