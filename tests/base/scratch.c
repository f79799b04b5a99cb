#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "base/scratch.h"

void
scratch_begin(char dir[SCRATCH_PATH])
{
	snprintf(dir, SCRATCH_PATH, "/tmp/llmgw-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st;
	(void)kind;
	(void)f;
	return remove(path);
}

void
scratch_end(const char *dir)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
