#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <curl/curl.h>

#include "fcgi/io.h"
#include "fcgi/worker.h"
#include "pipeline/process.h"

/* What the command line says. */
struct args {
	const char *conf;
	bool test;
	bool version;
	bool bad;
};

static struct args
parse_args(int argc, char *argv[])
{
	struct args a = { 0 };
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			a.conf = argv[++i];
		else if (strcmp(argv[i], "--test") == 0)
			a.test = true;
		else if (strcmp(argv[i], "--version") == 0)
			a.version = true;
		else
			a.bad = true;
	}
	return a;
}

static int
usage(const char *program)
{
	fprintf(stderr,
	    "usage: %s.fcgi [-c FILE] [--test | --version]\n"
	    "A FastCGI program: start it with a listening socket as standard "
	    "input, for example\n"
	    "  spawn-fcgi -s SOCKET -- llmgw-run 1 %s.fcgi -c FILE\n"
	    "or as a CGI program of the web server.\n",
	    program, program);
	return EX_USAGE;
}

static bool
is_listening(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

/* Two descriptors a stream: as many as we may have. */
static void
raise_limits(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
	mallopt(M_ARENA_MAX, 2);
	/* What is large goes back to the system when it is freed. */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	prctl(PR_SET_DUMPABLE, 0); /* keys are in our memory */
	signal(SIGPIPE, SIG_IGN);
}

int
worker_main(int argc, char *argv[], const struct program *p)
{
	struct args a = parse_args(argc, argv);
	bool fastcgi = is_listening(STDIN_FILENO);

	if (a.bad)
		return usage(p->name);
	if (a.version) {
		printf("llmgw %s\n", PACKAGE_VERSION);
		return EX_OK;
	}
	if (a.test)
		return process_test(p, a.conf);
	if (!fastcgi && getenv("REQUEST_METHOD") == NULL)
		return usage(p->name);
	raise_limits();
	io_init();
	return fastcgi ? process_serve(p, a.conf, STDIN_FILENO, io_open) :
			 process_once(p, a.conf, cgi_open());
}
