#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "http/eventstream.h"

/*
 * Whole, in pieces and byte by byte the same events come out.  The check sums
 * are put right first: else nothing gets past them.
 */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
on_event(void *arg, const struct sse_event *ev, struct err *e)
{
	struct buf *b = arg;

	(void)e;
	buf_add(b, ev->name);
	buf_addc(b, '\0');
	buf_add(b, ev->data);
	buf_addc(b, '\0');
	return 0;
}

static void
put_sum(uint8_t *p, size_t n)
{
	uint32_t v = (uint32_t)crc32_z(0, p, n);

	for (int i = 0; i < 4; i++)
		p[n + (size_t)i] = (uint8_t)(v >> (24 - 8 * i));
}

static void
repair(uint8_t *p, size_t size)
{
	size_t total;

	while (size >= 16) {
		p[0] = p[1] = p[4] = p[5] = 0;
		put_sum(p, 8);
		total = (size_t)p[2] << 8 | p[3];
		if (total < 16 || total > size)
			return;
		put_sum(p, total - 4);
		p += total;
		size -= total;
	}
}

/* Each piece is a copy of its own, so that views which outlive it are found. */
static int
run(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct eventstream s = EVENTSTREAM_LIMIT(4096);
	struct err e = { 0 };
	size_t i, n;
	int rc = 0;
	char *copy;

	for (i = 0; i < size && rc == 0; i += n) {
		n = size - i < step ? size - i : step;
		copy = malloc(n);
		memcpy(copy, data + i, n);
		rc = eventstream_feed(
		    &s, (struct str){ copy, n }, on_event, out, &e);
		free(copy);
	}
	if (rc == 0)
		rc = eventstream_end(&s, &e);
	eventstream_free(&s);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_LIMIT(1 << 20);
	struct buf bytes = BUF_LIMIT(1 << 20);
	struct buf pieces = BUF_LIMIT(1 << 20);
	uint8_t *copy = malloc(size + 1);
	int rc;

	if (size > 0)
		memcpy(copy, data, size);
	repair(copy, size);
	rc = run(copy, size, size + 1, &whole);
	if (run(copy, size, 1, &bytes) != rc ||
	    run(copy, size, 5, &pieces) != rc ||
	    !str_eq(buf_str(&whole), buf_str(&bytes)) ||
	    !str_eq(buf_str(&whole), buf_str(&pieces)))
		abort();
	buf_free(&whole);
	buf_free(&bytes);
	buf_free(&pieces);
	free(copy);
	return 0;
}
