#ifndef PIPELINE_PROCESS_H
#define PIPELINE_PROCESS_H

#include "pipeline/client.h"
#include "pipeline/endpoint.h"

/*
 * The life of a process: configuration, stores, threads, the loop until it is
 * told to stop, and all of that back again.  These return exit statuses.
 */

/* Until SIGTERM (drain_timeout) or SIGQUIT (timeout_gateway) have drained it. */
int process_serve(const struct program *, const char *conf, int listen_fd,
    struct client *(*open)(int fd));

/* One request. */
int process_once(const struct program *, const char *conf, struct client *);

/* Is the configuration good?  Says on standard error what is not. */
int process_test(const struct program *, const char *conf);

#endif
