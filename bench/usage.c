#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/usage.h"

#define PROCS_MAX 4096

struct procs {
	int n;
	struct {
		pid_t pid;
		pid_t parent;
		bool in;
	} v[PROCS_MAX];
};

int
usage_parse(struct usage_group *g, const char *text)
{
	const char *p = strchr(text, '=');
	char *end;

	if (p == NULL || (size_t)(p - text) >= sizeof(g->name))
		return -1;
	*g = (struct usage_group){ .n = 0 };
	memcpy(g->name, text, (size_t)(p - text));
	do {
		if (g->n == USAGE_PIDS)
			return -1;
		g->pid[g->n] = (pid_t)strtol(p + 1, &end, 10);
		if (g->pid[g->n++] <= 0)
			return -1;
		p = end;
	} while (*p == ',');
	return *p == '\0' ? 0 : -1;
}

/* A small file as a string; empty if it cannot be read. */
static void
slurp(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? 0 : read(fd, to, size - 1);

	to[n > 0 ? n : 0] = '\0';
	if (fd != -1)
		close(fd);
}

/* Field k of /proc/PID/stat, counted as proc(5) does, k > 3. */
static int64_t
stat_field(const char *stat, int k)
{
	const char *p = strrchr(stat, ')');

	for (k -= 2; p != NULL && k > 0; k--)
		p = strchr(p + 1, ' ');
	return p == NULL ? 0 : strtoll(p, NULL, 10);
}

static void
procs_list(struct procs *ps)
{
	DIR *d = opendir("/proc");
	char path[64], b[512];
	struct dirent *de;

	ps->n = 0;
	while (d != NULL && (de = readdir(d)) != NULL && ps->n < PROCS_MAX) {
		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/stat", de->d_name);
		slurp(path, b, sizeof(b));
		ps->v[ps->n].pid = (pid_t)strtol(de->d_name, NULL, 10);
		ps->v[ps->n].parent = (pid_t)stat_field(b, 4);
		ps->v[ps->n++].in = false;
	}
	if (d != NULL)
		closedir(d);
}

static bool
procs_has(const struct procs *ps, pid_t pid)
{
	for (int i = 0; i < ps->n; i++)
		if (ps->v[i].pid == pid)
			return ps->v[i].in;
	return false;
}

static void
procs_mark(struct procs *ps, const struct usage_group *g)
{
	bool more = true;

	for (int i = 0; i < ps->n; i++)
		for (int k = 0; k < g->n; k++)
			if (ps->v[i].pid == g->pid[k])
				ps->v[i].in = true;
	while (more) {
		more = false;
		for (int i = 0; i < ps->n; i++)
			if (!ps->v[i].in && procs_has(ps, ps->v[i].parent))
				more = ps->v[i].in = true;
	}
}

/* Nanoseconds of the threads that live, summed; ticks are too coarse. */
static int64_t
threads_us(pid_t pid)
{
	char path[96], b[128];
	struct dirent *de;
	int64_t ns = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if ((d = opendir(path)) == NULL)
		return 0;
	while ((de = readdir(d)) != NULL) {
		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat",
		    (int)pid, de->d_name);
		slurp(path, b, sizeof(b));
		ns += strtoll(b, NULL, 10);
	}
	closedir(d);
	return ns / 1000;
}

/*
 * User and system time from stat, in ticks of 10 ms.  The same time in
 * nanoseconds is taken where the kernel has it, unless it is clearly less:
 * then threads have ended, which only stat still counts.
 */
static int64_t
cpu_us(pid_t pid, const char *stat)
{
	int64_t tick_us = 1000000 / sysconf(_SC_CLK_TCK);
	int64_t ticks = (stat_field(stat, 14) + stat_field(stat, 15)) * tick_us;
	int64_t fine = threads_us(pid);

	return fine + 2 * tick_us < ticks ? ticks : fine;
}

static int64_t
field_kb(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p == NULL ? 0 : strtoll(p + strlen(name), NULL, 10);
}

void
usage_read(const struct usage_group *g, bool memory, struct usage *u)
{
	char path[64], b[4096];
	struct procs ps;

	*u = (struct usage){ .procs = 0 };
	procs_list(&ps);
	procs_mark(&ps, g);
	for (int i = 0; i < ps.n; i++) {
		if (!ps.v[i].in)
			continue;
		u->procs++;
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)ps.v[i].pid);
		slurp(path, b, sizeof(b));
		u->cpu_us += cpu_us(ps.v[i].pid, b);
		if (!memory)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup",
		    (int)ps.v[i].pid);
		slurp(path, b, sizeof(b));
		u->rss_kb += field_kb(b, "\nRss:");
		u->pss_kb += field_kb(b, "\nPss:");
		u->anon_kb += field_kb(b, "\nPss_Anon:");
	}
}
