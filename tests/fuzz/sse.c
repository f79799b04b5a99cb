#include <stdint.h>
#include <stdlib.h>

#include "http/sse.h"

/* Whole, in pieces and byte by byte the same events come out. */
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

/* Each piece is a copy of its own, so that views which outlive it are found. */
static int
run(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct sse s = SSE_LIMIT(4096);
	struct err e = { 0 };
	size_t i, n;
	int rc = 0;
	char *copy;

	for (i = 0; i < size && rc == 0; i += n) {
		n = size - i < step ? size - i : step;
		copy = malloc(n);
		memcpy(copy, data + i, n);
		rc = sse_feed(&s, (struct str){ copy, n }, on_event, out, &e);
		free(copy);
	}
	if (rc == 0)
		rc = sse_end(&s, on_event, out, &e);
	buf_add(out, sse_rest(&s));
	sse_free(&s);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_LIMIT(1 << 20);
	struct buf bytes = BUF_LIMIT(1 << 20);
	struct buf pieces = BUF_LIMIT(1 << 20);
	int rc = run(data, size, size + 1, &whole);

	if (run(data, size, 1, &bytes) == 0 && rc == 0 &&
	    (run(data, size, 5, &pieces) != 0 ||
		!str_eq(buf_str(&whole), buf_str(&bytes)) ||
		!str_eq(buf_str(&whole), buf_str(&pieces))))
		abort();
	buf_free(&whole);
	buf_free(&bytes);
	buf_free(&pieces);
	return 0;
}
