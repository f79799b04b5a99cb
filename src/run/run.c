#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "run/run.h"
#include "run/watch.h"

#define USAGE 64 /* EX_USAGE */

/* sd_listen_fds(3): one socket, at fd 3, if the variables mean us. */
static int
take_socket(struct log *l)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	socklen_t len = sizeof(int);
	int on = 0;

	if (pid != NULL && fds != NULL && strtol(pid, NULL, 10) == getpid()) {
		if (strcmp(fds, "1") != 0) {
			log_say(
			    l, LOG_ERROR_, "LISTEN_FDS is %s, must be 1", fds);
			return -1;
		}
		if (dup2(3, STDIN_FILENO) == -1) {
			log_say(l, LOG_ERROR_, "LISTEN_FDS: no fd 3");
			return -1;
		}
		close(3);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) ==
		-1 ||
	    !on) {
		log_say(l, LOG_ERROR_, "fd 0 is no listening socket");
		return -1;
	}
	return 0;
}

/* PROGRAM ARG... --test, or the command of -t. */
static char **
test_command(struct arena *a, char **argv, int n, char *command)
{
	char **v = arena_zalloc(a, ((size_t)n + 4) * sizeof(*v));

	if (command != NULL) {
		v[0] = arena_cstr(a, STR("/bin/sh"));
		v[1] = arena_cstr(a, STR("-c"));
		v[2] = command;
		return v;
	}
	memcpy(v, argv, (size_t)n * sizeof(*v));
	v[n] = arena_cstr(a, STR("--test"));
	return v;
}

static int
usage(void)
{
	fprintf(stderr,
	    "usage: llmgw-run [-t COMMAND] N PROGRAM [ARG...]\n"
	    "N processes (1 to %d, or auto: one a processor) of PROGRAM on "
	    "the\nlistening socket at fd 0;\n"
	    "COMMAND tests the configuration, PROGRAM ARG... --test without.\n",
	    PROCESSES_MAX);
	return USAGE;
}

/* A number, or "auto": of the processors that we may use. */
static long
count_of(const char *s)
{
	cpu_set_t cpus;
	char *end;
	long n;

	if (strcmp(s, "auto") != 0) {
		n = strtol(s, &end, 10);
		return *end == '\0' ? n : -1;
	}
	n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ?
	    CPU_COUNT(&cpus) :
	    sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > PROCESSES_MAX ? PROCESSES_MAX : n;
}

int
run_main(int argc, char *argv[])
{
	struct arena *a;
	struct err e = { 0 };
	struct program p = { 0 };
	struct log l;
	char *command = NULL;
	int c, rc = 1;
	long n;

	while ((c = getopt(argc, argv, "+t:")) != -1) {
		if (c != 't')
			return usage();
		command = optarg;
	}
	if (argc - optind < 2)
		return usage();
	n = count_of(argv[optind]);
	if (n < 1 || n > PROCESSES_MAX)
		return usage();
	a = arena_new(4096, SIZE_MAX);
	p.n = (int)n;
	p.argv = argv + optind + 1;
	p.test = test_command(a, p.argv, argc - optind - 1, command);
	log_open(&l, "run", "info", NULL, &e);
	if (take_socket(&l) == 0)
		rc = watch_program(&p, &l);
	arena_free(a);
	return rc;
}
