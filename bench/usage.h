#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define USAGE_PIDS 64

/* Processes that are measured together, each with all its descendants. */
struct usage_group {
	char name[16];
	int n;
	pid_t pid[USAGE_PIDS];
};

struct usage {
	int procs;
	int64_t cpu_us; /* user and system */
	int64_t rss_kb;
	int64_t pss_kb;
	int64_t anon_kb; /* PSS without files and shared memory */
};

/* Read "name=pid,pid,..."; -1 if it is not that. */
int usage_parse(struct usage_group *, const char *);

/*
 * The sum over the group, from /proc.  Memory only when asked for: reading it
 * costs the processes time.
 */
void usage_read(const struct usage_group *, bool memory, struct usage *);

#endif
