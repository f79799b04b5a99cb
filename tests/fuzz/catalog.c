#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "domain/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A list is refused or usable; corpus: lines of data/catalog.ndjson. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char name[] = "/tmp/fuzz-catalog-XXXXXX";
	int fd = mkstemp(name), i;
	struct catalog *c;
	struct err e = { 0 };

	if (fd == -1)
		return 0;
	if (write(fd, p, n) == (ssize_t)n &&
	    catalog_load(&c, name, NULL, &e) == 0) {
		for (i = 0; i < catalog_count(c); i++)
			catalog_find(c, catalog_at(c, i)->id);
		catalog_free(c);
	}
	close(fd);
	unlink(name);
	return 0;
}
