#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include "base/log.h"

#define PROCESSES_MAX 64

/* What is supervised; run.h says how. */
struct program {
	char **argv;
	char **test; /* exit status 0: the configuration is good */
	int n;       /* processes, at most PROCESSES_MAX */
};

/* Until all processes have ended; returns the exit status. */
int watch_program(const struct program *, struct log *);

#endif
