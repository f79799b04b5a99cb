#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "ctl/environment.h"

#define NAME "environment"
#define SIZE_MOST (1 << 20)

/* One pair of quotes around all of it is not part of the value. */
static struct str
unquoted(struct str v)
{
	char first = v.n < 2 ? '\0' : v.p[0];

	if ((first == '"' || first == '\'') && v.p[v.n - 1] == first)
		return (struct str){ v.p + 1, v.n - 2 };
	return v;
}

static void
add(struct arena *a, struct str line)
{
	struct str value = str_trim(line), name;

	if (value.n == 0 || *value.p == '#' || *value.p == ';' ||
	    memchr(value.p, '=', value.n) == NULL)
		return;
	name = str_trim(str_split(&value, '='));
	if (name.n > 0)
		setenv(arena_dup(a, name).p,
		    arena_dup(a, unquoted(str_trim(value))).p, 0);
}

void
environment_add(struct arena *a, const char *conf)
{
	const char *slash = conf == NULL ? NULL : strrchr(conf, '/');
	struct err ignored = { 0 };
	struct str path, rest;

	if (slash == NULL)
		return;
	path = arena_fmt(a, "%.*s/" NAME, (int)(slash - conf), conf);
	if (file_read(a, path.p, SIZE_MOST, &rest, &ignored) == -1)
		return;
	while (rest.n > 0)
		add(a, str_split(&rest, '\n'));
}
