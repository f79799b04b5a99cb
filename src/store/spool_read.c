/*
 * The reading side of a living process: its ledger thread.  It reads the files
 * that the other threads append to, so what waits costs disk and no memory.
 */
#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/spool_file.h"

/* Read at once: some 500 records of the usual size. */
#define CHUNK ((size_t)256 << 10)
#define RECORD_MAX (HEAD_SIZE + SPOOL_MAX + 1)

/* Eight digits; false if they are not. */
static bool
hex8(const char *p, uint32_t *out)
{
	uint32_t v = 0;

	for (int i = 0; i < 8; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (uint32_t)(p[i] - '0');
		else if (p[i] >= 'a' && p[i] <= 'f')
			v = v << 4 | (uint32_t)(p[i] - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

/* One record at the front of `in`; 0: it is not whole or not as written. */
static size_t
parse_one(struct str in, struct spool_record *r)
{
	uint32_t len, crc;
	const char *p = in.p;

	if (in.n < HEAD_SIZE + 1 || p[0] != '1' || p[2] != ' ' ||
	    p[11] != ' ' || p[20] != ' ' || !hex8(p + 3, &len) ||
	    !hex8(p + 12, &crc))
		return 0;
	if (len > SPOOL_MAX || len > in.n - HEAD_SIZE - 1 ||
	    p[HEAD_SIZE + len] != '\n')
		return 0;
	if (p[1] == 'E')
		crc = ~crc;
	else if (p[1] != 'S')
		return 0;
	r->kind = p[1] == 'S' ? SPOOL_START : SPOOL_END;
	r->json = (struct str){ p + HEAD_SIZE, len };
	r->orphan = false;
	return hash_crc32c(r->json) == crc ? HEAD_SIZE + len + 1 : 0;
}

int
spool_parse(struct str in, struct spool_record *r, int max, size_t *used)
{
	size_t one;
	int n;

	*used = 0;
	for (n = 0; n < max; n++) {
		one = parse_one(
		    (struct str){ in.p + *used, in.n - *used }, &r[n]);
		if (one == 0)
			break;
		*used += one;
	}
	return n;
}

/* The lock is held for a look at the list only, never while reading. */
static struct spool_segment *
next_of(struct spool *s, struct spool_segment *g, int64_t *size)
{
	pthread_mutex_lock(&s->lock);
	g = g == NULL ? s->first : g->next;
	if (g != NULL)
		*size = g->size;
	pthread_mutex_unlock(&s->lock);
	return g;
}

/* What was written cannot be read back: give up the rest of the segment. */
static void
give_up(struct spool *s, struct spool_segment *g, int64_t size)
{
	pthread_mutex_lock(&s->lock);
	s->depth -= g->nleft - g->ntaken;
	g->nleft = g->ntaken;
	pthread_mutex_unlock(&s->lock);
	g->taken = size;
}

/* Records of one segment, from g->taken on, whose end was `size`. */
static int
take_from(struct spool *s, struct spool_segment *g, int64_t size,
    struct arena *a, struct spool_record *r, int max, struct err *e)
{
	size_t want, used, left = (size_t)(size - g->taken);
	ssize_t got;
	char *p;
	int n;

	for (want = CHUNK;; want = RECORD_MAX) {
		if (want > left)
			want = left;
		p = arena_alloc(a, want);
		got = pread(g->fd, p, want, g->taken);
		if (got == -1)
			return err_set(e, ERR_STORE, "cannot read %s: %s",
			    g->name, strerror(errno));
		n = spool_parse((struct str){ p, (size_t)got }, r, max, &used);
		if (n > 0 || want == left || want == RECORD_MAX)
			break;
	}
	g->taken += (int64_t)used;
	g->ntaken += n;
	if (n == 0)
		give_up(s, g, size);
	return n;
}

int
spool_take(struct spool *s, struct arena *a, struct spool_record *r, int max,
    struct err *e)
{
	struct spool_segment *g;
	int64_t size = 0;
	int n = 0, got;

	for (g = NULL; (g = next_of(s, g, &size)) != NULL;) {
		/* What was taken before and not shipped comes once more. */
		g->taken = g->shipped;
		g->ntaken = 0;
		while (n < max && g->taken < size) {
			got = take_from(s, g, size, a, r + n, max - n, e);
			if (got == -1)
				return -1;
			n += got;
		}
	}
	return n;
}

/* Out of the list, if it is done with; the lock is held. */
static bool
unlink_done(struct spool *s, struct spool_segment **at)
{
	struct spool_segment *g = *at;

	if (g == s->current || g->shipped != g->size || g->nopen > 0)
		return false;
	*at = g->next;
	return true;
}

void
spool_shipped(struct spool *s)
{
	struct spool_segment **at, *g, *done = NULL;

	pthread_mutex_lock(&s->lock);
	for (at = &s->first; (g = *at) != NULL;) {
		g->shipped = g->taken;
		g->nleft -= g->ntaken;
		s->depth -= g->ntaken;
		g->ntaken = 0;
		if (unlink_done(s, at)) {
			g->next = done;
			done = g;
		} else
			at = &g->next;
	}
	pthread_mutex_unlock(&s->lock);
	while ((g = done) != NULL) {
		done = g->next;
		unlinkat(s->dir, g->name, 0);
		close(g->fd);
		pthread_mutex_lock(&s->lock);
		g->next = s->spare;
		s->spare = g;
		pthread_mutex_unlock(&s->lock);
	}
}

int
spool_sync(struct spool *s)
{
	struct spool_segment *g;
	int64_t size = 0;
	int rc = 0;

	for (g = NULL; (g = next_of(s, g, &size)) != NULL;) {
		if (g->synced == size)
			continue;
		if (fdatasync(g->fd) == -1)
			rc = -1;
		else
			g->synced = size;
	}
	return rc;
}
