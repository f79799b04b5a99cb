#include <stdlib.h>

#include "json/jscan.h"
#include "json/jx.h"

/*
 * What the scanner accepts json-c reads too, and it stays accepted when it is
 * written again, with and without patches.
 */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(struct str in, const struct jmember *m, int n, struct arena *a)
{
	static const struct jpatch p[] = {
		{ .op = JPATCH_SET, .path = STR("a/*/b"), .arg = STR("[]") },
		{ .op = JPATCH_REN, .path = STR("c"), .arg = STR("a") },
		{ .op = JPATCH_DEL, .path = STR("a/0") },
	};
	struct buf out = BUF_LIMIT(1 << 24);
	struct err e = { 0 };
	size_t k;

	if (jx_parse(a, in, &e) == NULL || !jscan_is_object(in))
		abort();
	for (k = 0; k <= NROWS(p); k++) {
		buf_clear(&out);
		jscan_splice(m, n, p, (int)k, &out);
		if (!jscan_is_object(buf_str(&out)))
			abort();
	}
	if (jscan_has_lone_surrogate(jscan_repair(in, a)))
		abort();
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct arena *a = arena_new(4096, 1 << 26);
	struct jmember *m;
	struct jiter it;
	struct jmember one;
	int n;

	for (it = jscan_into(in); jscan_next(&it, &one);)
		if (one.raw.p < in.p || one.raw.p + one.raw.n > in.p + in.n)
			abort();
	if ((n = jscan_event(in, a, &m)) >= 0)
		check(in, m, n, a);
	arena_free(a);
	return 0;
}
