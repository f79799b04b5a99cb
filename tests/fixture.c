#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <check.h>

#include "fixture.h"

#define CASES_MAX 256

static struct str
root(void)
{
	const char *srcdir = getenv("srcdir");

	return str_from(srcdir == NULL ? "." : srcdir);
}

struct str
fixture_read(struct arena *a, struct str dir, const char *file)
{
	struct str path = arena_fmt(a, "%.*s/%s", STR_ARG(dir), file);
	FILE *f = fopen(path.p, "rb");
	struct stat st;
	size_t n;
	char *p;

	if (f == NULL)
		return STR_NONE;
	if (fstat(fileno(f), &st) == -1)
		ck_abort_msg("cannot stat %s", path.p);
	n = (size_t)st.st_size;
	p = arena_zalloc(a, n + 1);
	if (fread(p, 1, n, f) != n)
		ck_abort_msg("cannot read %s", path.p);
	fclose(f);
	return (struct str){ p, n };
}

static int
by_name(const void *x, const void *y)
{
	const struct str *a = x, *b = y;

	return strcmp(a->p, b->p);
}

struct str *
fixture_cases(struct arena *a, const char *topic)
{
	struct str *v = arena_zalloc(a, CASES_MAX * sizeof(*v));
	struct str dir = root();
	struct dirent *d;
	size_t n = 0;
	DIR *dp;

	dir = arena_fmt(a, "%.*s/fixtures/%s", STR_ARG(dir), topic);
	if ((dp = opendir(dir.p)) == NULL)
		ck_abort_msg("no fixtures at %s", dir.p);
	while ((d = readdir(dp)) != NULL && n < CASES_MAX - 1)
		if (d->d_name[0] != '.')
			v[n++] =
			    arena_fmt(a, "%.*s/%s", STR_ARG(dir), d->d_name);
	closedir(dp);
	qsort(v, n, sizeof(*v), by_name);
	return v;
}

/* The line, from 1, in which the two begin to differ. */
static int
first_difference(struct str x, struct str y)
{
	int line = 1;
	size_t i;

	for (i = 0; i < x.n && i < y.n && x.p[i] == y.p[i]; i++)
		line += x.p[i] == '\n';
	return line;
}

void
fixture_expect(
    struct arena *a, struct str dir, const char *file, struct str got)
{
	struct str want = fixture_read(a, dir, file);
	struct str path = arena_fmt(a, "%.*s/%s", STR_ARG(dir), file);
	FILE *f;

	if (getenv("UPDATE_GOLDEN") != NULL) {
		if ((f = fopen(path.p, "wb")) == NULL)
			ck_abort_msg("cannot write %s", path.p);
		fwrite(got.p, 1, got.n, f);
		fclose(f);
		return;
	}
	if (!str_eq(got, want))
		ck_abort_msg("%s:%d:\n want %.*s\n got  %.*s", path.p,
		    first_difference(want, got), STR_ARG(want), STR_ARG(got));
}
