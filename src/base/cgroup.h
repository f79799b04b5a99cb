#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdbool.h>

/*
 * How much of the memory it may have our control group has in use, of Linux's
 * cgroups version 1 and 2.  What the kernel would give back by itself (files
 * read and not used again, "inactive_file") does not count.
 */
#define CGROUP_LEVELS 4
#define CGROUP_PATH 400

struct cgroup {
	bool v1;
	int n; /* levels that have a limit, ours first: the tightest counts */
	char dir[CGROUP_LEVELS][CGROUP_PATH];
};

/*
 * Find the levels with a limit.  `self` is /proc/self/cgroup, `root` where
 * cgroups are mounted.  Of a container, whose own path is not seen inside, the
 * top counts.  No limit, or nothing that can be read: n = 0.
 */
void cgroup_find(struct cgroup *, const char *self, const char *root);

/* Per cent in use; 0: no limit.  Some system calls: once a second at most. */
int cgroup_memory(const struct cgroup *);

#endif
