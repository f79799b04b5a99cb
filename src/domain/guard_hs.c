/*
 * The matcher: libvectorscan, or Hyperscan, whose interface it has.  It is
 * loaded when the first rules are compiled: linked, it would cost every program
 * half a megabyte at its start, and few installations have guardrails.
 */
#include <dlfcn.h>
#include <stddef.h>

#include "domain/guard_parts.h"

#define LIBRARY "libhs.so.5" /* the interface of 5.x */
#define ENTRY(name)                                                            \
	{                                                                      \
		"hs_" #name, offsetof(struct guard_hs, name)                   \
	}

static const struct {
	const char *name;
	size_t at;
} entries[] = {
	ENTRY(compile_multi),
	ENTRY(free_compile_error),
	ENTRY(expression_info),
	ENTRY(alloc_scratch),
	ENTRY(clone_scratch),
	ENTRY(free_scratch),
	ENTRY(free_database),
	ENTRY(scan),
	ENTRY(open_stream),
	ENTRY(scan_stream),
	ENTRY(close_stream),
};

int
guard_hs_load(struct arena *a, const struct guard_hs **out, struct err *e)
{
	struct guard_hs *hs = ARENA_NEW(a, struct guard_hs);
	/* It stays, so that nothing that runs in it can lose its code. */
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE), *f;

	for (size_t i = 0; lib != NULL && i < NROWS(entries); i++) {
		if ((f = dlsym(lib, entries[i].name)) == NULL)
			break;
		memcpy((char *)hs + entries[i].at, &f, sizeof(f));
	}
	if (lib == NULL || hs->close_stream == NULL)
		return err_set(e, ERR_INTERNAL, "Guardrails need %s: %s",
		    LIBRARY, dlerror());
	*out = hs;
	return 0;
}
