#include <stdint.h>
#include <stdlib.h>

#include "http/multipart.h"

/*
 * A form whole, in pieces and byte by byte: the same parts come out, all of them
 * inside of what was fed and none inside another.
 */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
run(struct str in, size_t step, struct multipart *m, struct arena *a)
{
	struct err e = { 0 };
	size_t i, n;
	char *copy;
	int rc;

	rc = multipart_init(m, STR("multipart/form-data; boundary=b"), a, &e);
	for (i = 0; i < in.n && rc == 0; i += n) {
		n = in.n - i < step ? in.n - i : step;
		copy = malloc(n);
		memcpy(copy, in.p + i, n);
		rc = multipart_feed(m, (struct str){ copy, n }, &e);
		free(copy);
	}
	return rc == 0 ? multipart_end(m, &e) : rc;
}

static void
same(const struct multipart *x, const struct multipart *y, size_t size)
{
	uint64_t end = 0;

	if (x->n != y->n)
		abort();
	for (int i = 0; i < x->n; i++) {
		if (!str_eq(x->parts[i].name, y->parts[i].name) ||
		    x->parts[i].from != y->parts[i].from ||
		    x->parts[i].n != y->parts[i].n || x->parts[i].from < end ||
		    x->parts[i].from + x->parts[i].n > size)
			abort();
		end = x->parts[i].from + x->parts[i].n;
	}
}

/* The first byte chooses the header. */
static void
header(struct str in, struct arena *a)
{
	struct multipart m;
	struct err e = { 0 };
	const char head[] = "multipart/form-data;";
	struct str v[] = { { head, sizeof(head) - 1 }, in };

	if (multipart_init(&m, arena_cat(a, v, 2), a, &e) == 0 &&
	    (m.nmark < 5 || m.nmark > MULTIPART_BOUNDARY + 4))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct arena *a = arena_new(4096, 1 << 26);
	struct multipart whole, bytes, pieces;
	int rc = run(in, size + 1, &whole, a);

	if (run(in, 1, &bytes, a) != rc || run(in, 7, &pieces, a) != rc)
		abort();
	if (rc == 0) {
		same(&whole, &bytes, size);
		same(&whole, &pieces, size);
	}
	header(in, a);
	arena_free(a);
	return 0;
}
