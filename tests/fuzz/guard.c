#include <stdlib.h>

#include "domain/guard.h"

/*
 * A text through the personal data and secrets rules, whole and in pieces: what
 * was found is replaced, positions stay inside, and a stream ends.
 */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct guard_set *
make(void)
{
	const struct guard_rule v[] = {
		{ .id = STR("a"),
		    .type = STR("pii_detection"),
		    .action = GUARD_REDACT,
		    .direction = GUARD_OUTPUT },
		{ .id = STR("b"),
		    .type = STR("secrets"),
		    .action = GUARD_REDACT,
		    .direction = GUARD_OUTPUT },
	};
	struct guard_set *s;
	struct err e = { 0 };

	if (guard_set_make(v, 2, STR("p"), &s, &e) == -1)
		abort();
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct guard_set *set;
	struct str in = { (const char *)data, size }, piece;
	struct arena *a = arena_new(4096, 1 << 26);
	struct buf out = BUF_LIMIT(1 << 24);
	struct guard_stream *g;
	struct guard_verdict v;
	size_t n = size == 0 ? 1 : data[0] % 40 + 1u;

	if (set == NULL)
		set = make();
	guard_begin(&v, set, GUARD_OUTPUT, a);
	guard_scan(&v, in, false, a);
	guard_begin(&v, set, GUARD_OUTPUT, a);
	g = guard_stream_new(&v);
	for (piece = in; in.n > 0;) {
		piece = (struct str){ in.p, in.n < n ? in.n : n };
		in.p += piece.n;
		in.n -= piece.n;
		guard_stream_put(g, piece, in.n == 0, a, &out);
	}
	guard_stream_free(g);
	buf_free(&out);
	arena_free(a);
	return 0;
}
