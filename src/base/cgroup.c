#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/str.h"

/* Version 1 says "no limit" with a number of pages near the largest. */
#define NO_LIMIT (INT64_C(1) << 60)

/* Names of the two versions. */
static const struct names {
	const char *limit, *used, *idle;
} names[] = {
	{ "memory.max", "memory.current", "\ninactive_file " },
	{ "memory.limit_in_bytes", "memory.usage_in_bytes",
	    "\ntotal_inactive_file " },
};

/* A small file as text; false: it cannot be read. */
static bool
slurp(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, to, size - 1);
	close(fd);
	to[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool
slurp_in(const char *dir, const char *name, char *to, size_t size)
{
	char path[CGROUP_PATH + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return slurp(path, to, size);
}

/* -1: none. */
static int64_t
limit_of(const char *dir, bool v1)
{
	char text[32];
	int64_t v;

	if (!slurp_in(dir, names[v1].limit, text, sizeof(text)) ||
	    text[0] < '0' || text[0] > '9')
		return -1;
	v = strtoll(text, NULL, 10);
	return v > 0 && v < NO_LIMIT ? v : -1;
}

/* The path in "4:memory:/path" of version 1, or else in "0::/path". */
static bool
own_path(char *self, bool *v1, const char **path)
{
	char *line, *rest = self, *kind;

	*path = NULL;
	*v1 = false;
	while (!*v1 && (line = strsep(&rest, "\n")) != NULL) {
		strsep(&line, ":");
		kind = strsep(&line, ":");
		if (line == NULL)
			continue;
		*v1 = strcmp(kind, "memory") == 0;
		if (*v1 || *kind == '\0')
			*path = line;
	}
	return *path != NULL;
}

/* `dir` and what is above it, down to the length of the mount point. */
static void
climb(struct cgroup *c, char *dir, size_t top)
{
	char *slash;

	for (;;) {
		if (c->n < CGROUP_LEVELS && limit_of(dir, c->v1) != -1)
			str_copy(c->dir[c->n++], CGROUP_PATH, str_from(dir));
		slash = strrchr(dir, '/');
		if (slash == NULL || (size_t)(slash - dir) < top)
			return;
		*slash = '\0';
	}
}

void
cgroup_find(struct cgroup *c, const char *self, const char *root)
{
	char text[4096], dir[CGROUP_PATH];
	const char *path;
	size_t top;
	int n;

	*c = (struct cgroup){ .n = 0 };
	if (!slurp(self, text, sizeof(text)) || !own_path(text, &c->v1, &path))
		return;
	n = snprintf(dir, sizeof(dir), "%s%s", root, c->v1 ? "/memory" : "");
	top = (size_t)n;
	if (strcmp(path, "/") != 0)
		n += snprintf(dir + n, sizeof(dir) - top, "%s", path);
	if ((size_t)n >= sizeof(dir))
		return;
	if (access(dir, X_OK) == -1)
		dir[top] = '\0';
	climb(c, dir, top);
}

static int
percent(const char *dir, bool v1)
{
	char text[8192], number[32];
	const char *idle;
	int64_t limit = limit_of(dir, v1), used;

	if (limit == -1 ||
	    !slurp_in(dir, names[v1].used, number, sizeof(number)))
		return 0;
	used = strtoll(number, NULL, 10);
	if (slurp_in(dir, "memory.stat", text, sizeof(text)) &&
	    (idle = strstr(text, names[v1].idle)) != NULL)
		used -= strtoll(idle + strlen(names[v1].idle), NULL, 10);
	return used <= 0 ? 0 : (int)(used / (limit / 100 + 1));
}

int
cgroup_memory(const struct cgroup *c)
{
	int most = 0, one;

	for (int i = 0; i < c->n; i++)
		if ((one = percent(c->dir[i], c->v1)) > most)
			most = one;
	return most;
}
