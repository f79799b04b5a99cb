/* A request that arrived as a whole: what is whole can be parsed or refused. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str in = { (const char *)p, n };
	struct arena *a = arena_new(4096, 64 << 20);
	struct record_request r;
	struct str *v;

	if (record_is_whole(in) && record_parse(in, a, &r) == 0) {
		assert(r.body.n <= n && (!r.authorizer || r.body.n == 0));
		for (v = r.params; v->p != NULL; v++)
			assert(v->p[v->n] == '\0');
	}
	arena_free(a);
	return 0;
}
