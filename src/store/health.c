#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/rand.h"
#include "store/health_map.h"

#define LOOK_MS 1000
#define MINUTE_MS 60000

const char *const health_key_words[] = { [HEALTH_KEY_OK] = "ok",
	[HEALTH_KEY_FAILED] = "failed",
	[HEALTH_KEY_EMPTY] = "empty",
	[HEALTH_KEY_BAD] = "bad" };
const char *const health_gate_words[] = { [HEALTH_CLOSED] = "closed",
	[HEALTH_OPEN] = "open",
	[HEALTH_PROBE] = "half_open" };

/* "" if the system does not tell: then every boot looks alike. */
static void
read_boot(char out[40])
{
	struct arena *a = arena_new(256, 1024);
	struct err ignored = { 0 };
	struct str s = STR_NONE;

	memset(out, 0, 40);
	if (file_read(a, "/proc/sys/kernel/random/boot_id", 64, &s, &ignored) ==
	    0)
		snprintf(out, 40, "%.*s", STR_ARG(str_trim(s)));
	arena_free(a);
}

/* Who comes first after a boot empties it; the others wait for him. */
static int
take_map(struct health *h, int fd)
{
	unsigned char host[HEALTH_HOST];
	char boot[40];

	read_boot(boot);
	if (flock(fd, LOCK_EX) == -1 || ftruncate(fd, sizeof(*h->map)) == -1)
		return -1;
	h->map = mmap(
	    NULL, sizeof(*h->map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h->map == MAP_FAILED)
		return -1;
	if (memcmp(h->map->boot, boot, sizeof(boot)) != 0) {
		/* A hole costs nothing; writing zeros would fill the file. */
		if (ftruncate(fd, 0) == -1 ||
		    ftruncate(fd, sizeof(*h->map)) == -1)
			return -1;
		rand_bytes(h->map->seed, sizeof(h->map->seed));
		rand_bytes(host, sizeof(host));
		hash_hex(host, sizeof(host), h->map->host);
		memcpy(h->map->boot, boot, sizeof(boot));
	}
	return 0;
}

static int
open_blank(struct health *h, struct health **out, struct err *e)
{
	h->map = mmap(NULL, sizeof(*h->map), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->map == MAP_FAILED) {
		arena_free(h->arena);
		return err_set(
		    e, ERR_CONFIG, "cannot map: %s", strerror(errno));
	}
	*out = h;
	return 0;
}

int
health_open(struct health **out, const char *dir, struct err *e)
{
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct health *h = ARENA_NEW(a, struct health);
	struct str path;
	int fd, rc;

	*out = NULL;
	h->arena = a;
	h->now = clock_ms;
	h->wall = clock_wall_ms;
	if (dir == NULL)
		return open_blank(h, out, e);
	path = arena_fmt(
	    a, "%s/health-%d-%zu", dir, HEALTH_LAYOUT, sizeof(*h->map));
	fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	rc = fd == -1 ? -1 : take_map(h, fd);
	if (rc == -1)
		err_set(e, ERR_CONFIG, "cannot map %s: %s", path.p,
		    strerror(errno));
	/* The mapping keeps the open file, and with it the lock. */
	if (fd != -1) {
		flock(fd, LOCK_UN);
		close(fd);
	}
	if (rc == -1)
		arena_free(a);
	else
		*out = h;
	return rc;
}

void
health_close(struct health *h)
{
	if (h == NULL)
		return;
	munmap(h->map, sizeof(*h->map));
	arena_free(h->arena);
}

static uint64_t
add_hash(uint64_t h, struct str s)
{
	h = (h ^ s.n) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/*
 * Several may write the same text at once: it is the same, so nobody has to
 * repair what a process leaves that dies in here.
 */
static void
write_text(struct health_place *p, struct str provider, struct str model,
    struct str region)
{
	memcpy(p->text, provider.p, provider.n);
	memcpy(p->text + provider.n, model.p, model.n);
	if (region.n > 0)
		memcpy(p->text + provider.n + model.n, region.p, region.n);
	p->nprovider = (uint16_t)provider.n;
	p->nmodel = (uint16_t)model.n;
	p->nregion = (uint16_t)region.n;
	atomic_store_explicit(&p->ready, 1, memory_order_release);
}

int
health_find(
    struct health *h, struct str provider, struct str model, struct str region)
{
	uint64_t want = UINT64_C(0xcbf29ce484222325), seen;
	struct health_place *p;
	size_t at;

	if (provider.n + model.n + region.n > HEALTH_TEXT)
		return -1;
	want = add_hash(add_hash(add_hash(want, provider), model), region) | 1;
	at = want >> 32;
	for (int i = 0; i < HEALTH_PLACES; i++, at++) {
		p = &h->map->places[at % HEALTH_PLACES];
		seen = atomic_load_explicit(&p->hash, memory_order_relaxed);
		if (seen == 0 &&
		    atomic_compare_exchange_strong(&p->hash, &seen, want))
			seen = want;
		if (seen != want)
			continue;
		if (!atomic_load_explicit(&p->ready, memory_order_acquire))
			write_text(p, provider, model, region);
		return (int)(at % HEALTH_PLACES);
	}
	return -1;
}

/* Of a minute that begins some counts may be lost: nobody pays for them. */
static struct health_minute *
this_minute(struct health_place *p, int64_t wall_ms)
{
	uint32_t now = (uint32_t)(wall_ms / MINUTE_MS), seen;
	struct health_minute *m = &p->minutes[now % HEALTH_MINUTES];

	seen = m->minute;
	if (seen != now &&
	    atomic_compare_exchange_strong(&m->minute, &seen, now)) {
		m->requests = m->failed = m->firsts = 0;
		m->first_ms = m->tokens = m->busy_ms = 0;
	}
	return m;
}

static void
add_minute(
    struct health_place *p, const struct health_event *ev, int64_t wall_ms)
{
	struct health_minute *m = this_minute(p, wall_ms);

	atomic_fetch_add(&m->requests, 1);
	if (ev->failed) {
		atomic_fetch_add(&m->failed, 1);
		return;
	}
	if (ev->first_ms >= 0) {
		atomic_fetch_add(&m->firsts, 1);
		atomic_fetch_add(&m->first_ms, (uint64_t)ev->first_ms);
	}
	if (ev->tokens > 0 && ev->busy_ms > 0) {
		atomic_fetch_add(&m->tokens, (uint64_t)ev->tokens);
		atomic_fetch_add(&m->busy_ms, (uint64_t)ev->busy_ms);
	}
}

void
health_note(struct health *h, int place, const struct health_event *ev)
{
	if (place < 0)
		return;
	add_minute(&h->map->places[place], ev, h->wall());
	if (ev->counts)
		health_breaker_note(
		    &h->map->places[place], ev->failed, h->now());
}

/* Sums over the last hour, each minute with its weight. */
struct sums {
	double requests, failed, firsts, first_ms, tokens, busy_ms;
};

static void
add_up(const struct health_minute *ring, int64_t wall_ms, struct sums *s)
{
	uint32_t now = (uint32_t)(wall_ms / MINUTE_MS), age;
	const struct health_minute *m;
	double weight;

	for (int i = 0; i < HEALTH_MINUTES; i++) {
		m = &ring[i];
		age = now - m->minute;
		if (m->requests == 0 || age >= 60)
			continue;
		weight = age <= 1 ? 10 : age <= 5 ? 3 : 1;
		s->requests += weight * m->requests;
		s->failed += weight * m->failed;
		s->firsts += weight * m->firsts;
		s->first_ms += weight * (double)m->first_ms;
		s->tokens += weight * (double)m->tokens;
		s->busy_ms += weight * (double)m->busy_ms;
	}
}

static void
look(const struct health_place *p, int64_t wall_ms, struct health_seen *s)
{
	struct sums v = { 0 };

	add_up(p->minutes, wall_ms, &v);
	add_up(p->others, wall_ms, &v);
	s->uptime = v.requests > 0 ? (1 - v.failed / v.requests) * 100 : 100;
	s->latency = v.firsts > 0 ? v.first_ms / v.firsts : 1000;
	s->throughput = v.busy_ms > 0 ? v.tokens * 1000 / v.busy_ms : 50;
	s->known = v.requests > 0;
}

void
health_look(struct health *h, int place, struct health_view *out)
{
	struct health_seen *s;
	int64_t now = h->now() | 1, seen;

	*out = (struct health_view){ false, 100, 1000, 50 };
	if (place < 0)
		return;
	s = &h->seen[place];
	seen = s->at_ms;
	if ((seen == 0 || now - seen >= LOOK_MS) &&
	    atomic_compare_exchange_strong(&s->at_ms, &seen, now))
		look(&h->map->places[place], h->wall(), s);
	*out = (struct health_view){ s->known, s->uptime, s->latency,
		s->throughput };
}

int
health_places(void)
{
	return HEALTH_PLACES;
}

bool
health_state(const struct health *h, int place, struct health_state *out)
{
	const struct health_place *p;
	int64_t left;

	if (place < 0 || place >= HEALTH_PLACES || !h->map->places[place].ready)
		return false;
	p = &h->map->places[place];
	out->provider = (struct str){ p->text, p->nprovider };
	out->model = (struct str){ p->text + p->nprovider, p->nmodel };
	out->region =
	    (struct str){ p->text + p->nprovider + p->nmodel, p->nregion };
	out->gate = health_peek(h, place);
	left = p->open_until - h->now();
	out->open_ms = p->open_until == 0 || left < 0 ? 0 : left;
	out->failures = (int)p->row;
	return true;
}
