#include <unistd.h>

#include "domain/catalog.h"

#define INSTALLED LLMGW_DATADIR "/catalog.ndjson"

const char *
catalog_path(const struct conf *c, struct arena *a)
{
	struct str own;

	if (*c->catalog_file != '\0')
		return c->catalog_file;
	own = arena_fmt(a, "%s/catalog.ndjson", c->state_dir);
	return access(own.p, R_OK) == 0 ? own.p : INSTALLED;
}
