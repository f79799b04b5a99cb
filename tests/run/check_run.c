/*
 * Each test forks a supervisor of a script, which writes a line for what
 * happens to it: "start", "test", "term", "quit".
 */
#include <fcntl.h>
#include <stddef.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "room.h"
#include "run/run.h"

#define PATIENCE_MS 10000

static const char script[] =
    "#!/bin/sh\n"
    "cd \"${0%/*}\"\n"
    "say() { echo \"$1 $$\" >> log; }\n"
    "for a; do\n"
    "	[ \"$a\" = --test ] && { say test; [ ! -e bad ]; exit; }\n"
    "done\n"
    "trap 'say term; exit 0' TERM\n"
    "trap 'say quit; exit 0' QUIT\n"
    "say start\n"
    "[ -e die ] && exit 3\n"
    "while :; do sleep 0.05; done\n";

struct place {
	struct arena *a;
	char dir[32];
	pid_t pid; /* of the supervisor */
};

static const char *
in_dir(struct place *p, const char *name)
{
	return arena_fmt(p->a, "%s/%s", p->dir, name).p;
}

static void
touch(struct place *p, const char *name)
{
	struct err e = { 0 };

	ck_assert_int_eq(file_write(in_dir(p, name), STR(""), 0600, &e), 0);
}

/* How many lines say that, and the process of the last one. */
static int
count(struct place *p, const char *what, pid_t *last)
{
	struct err e = { 0 };
	struct str rest, line, word;
	int n = 0;

	if (file_read(p->a, in_dir(p, "log"), 1 << 20, &rest, &e) == -1)
		return 0;
	while (rest.p != NULL) {
		line = str_split(&rest, '\n');
		word = str_split(&line, ' ');
		if (!str_is(word, what))
			continue;
		n++;
		if (last != NULL)
			*last = (pid_t)strtol(line.p, NULL, 10);
	}
	return n;
}

static void
expect(struct place *p, const char *what, int n)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (count(p, what, NULL) < n && clock_ms() < end)
		usleep(10000);
	ck_assert_msg(count(p, what, NULL) == n, "%s: %d instead of %d", what,
	    count(p, what, NULL), n);
}

static void
no_output(void)
{
	int fd = open("/dev/null", O_WRONLY);

	if (getenv("VERBOSE") == NULL)
		dup2(fd, STDERR_FILENO);
}

/* A listening socket at that fd; any address will do. */
static void
listen_at(int fd)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr sa = { .sa_family = AF_UNIX };

	/* An address of only the family is one that Linux chooses. */
	if (bind(s, &sa, sizeof(sa.sa_family)) == -1 || listen(s, 1) == -1)
		_exit(70);
	dup2(s, fd);
}

static void
begin(struct place *p)
{
	struct err e = { 0 };

	p->a = arena_new(4096, 1 << 20);
	snprintf(p->dir, sizeof(p->dir), "/tmp/llmgw-run-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	ck_assert_int_eq(
	    file_write(in_dir(p, "program"), str_from(script), 0700, &e), 0);
}

/* run_main() with these words and a listening socket at fd, if not -1. */
static void
run(struct place *p, const char *const *words, int fd)
{
	char *argv[8] = { NULL };
	int argc;

	for (argc = 0; words[argc] != NULL; argc++)
		argv[argc] = arena_cstr(p->a, str_from(words[argc]));
	if ((p->pid = fork()) != 0)
		return;
	/* A test that fails leaves nothing running. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	no_output();
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
	if (fd != -1)
		listen_at(fd);
	if (fd == 3) {
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_PID", arena_fmt(p->a, "%d", (int)getpid()).p, 1);
	}
	optind = 1;
	_exit(run_main(argc, argv));
}

/* n processes of the script. */
static void
run_script(struct place *p, const char *n)
{
	const char *words[] = { "llmgw-run", n, in_dir(p, "program"),
		"argument", NULL };

	run(p, words, STDIN_FILENO);
}

/* The exit status of the supervisor, 256 and more: a signal. */
static int
status(struct place *p)
{
	int64_t end = clock_ms() + PATIENCE_MS;
	int st = 0;
	pid_t pid;

	while ((pid = waitpid(p->pid, &st, WNOHANG)) == 0 && clock_ms() < end)
		usleep(10000);
	ck_assert_msg(pid == p->pid, "it does not end");
	return WIFEXITED(st) ? WEXITSTATUS(st) : 256 + WTERMSIG(st);
}

static void
end(struct place *p)
{
	static const char *const names[] = { "program", "log", "bad", "die" };

	for (size_t i = 0; i < NROWS(names); i++)
		unlink(in_dir(p, names[i]));
	ck_assert_int_eq(rmdir(p->dir), 0);
	arena_free(p->a);
}

START_TEST(restart)
{
	struct place p;
	int64_t then;
	pid_t pid;

	begin(&p);
	run_script(&p, "2");
	expect(&p, "start", 2);
	count(&p, "start", &pid);
	then = clock_ms();
	kill(pid, SIGKILL);
	expect(&p, "start", 3);
	ck_assert_int_ge(clock_ms() - then, 100);
	ck_assert_int_lt(clock_ms() - then, 3000);
	kill(p.pid, SIGTERM);
	ck_assert_int_eq(status(&p), 0);
	ck_assert_int_eq(count(&p, "term", NULL), 2);
	end(&p);
}
END_TEST

/* Starts at 0, 0.1, 0.3, 0.7, 1.5 s. */
START_TEST(back_off)
{
	struct place p;

	begin(&p);
	touch(&p, "die");
	run_script(&p, "1");
	expect(&p, "start", 3);
	usleep(800000);
	ck_assert_int_ge(count(&p, "start", NULL), 3);
	ck_assert_int_le(count(&p, "start", NULL), 5);
	kill(p.pid, SIGTERM);
	ck_assert_int_eq(status(&p), 0);
	end(&p);
}
END_TEST

START_TEST(giving_up)
{
	struct place p;
	int n;

	begin(&p);
	touch(&p, "die");
	run_script(&p, "5");
	ck_assert_int_eq(status(&p), 1);
	n = count(&p, "start", NULL);
	ck_assert_int_ge(n, 10);
	ck_assert_int_le(n, 15);
	end(&p);
}
END_TEST

START_TEST(reload)
{
	struct place p;

	begin(&p);
	run_script(&p, "2");
	expect(&p, "start", 2);
	kill(p.pid, SIGHUP);
	expect(&p, "test", 1);
	expect(&p, "start", 4);
	ck_assert_int_eq(count(&p, "quit", NULL), 0);
	expect(&p, "quit", 2);
	kill(p.pid, SIGQUIT);
	ck_assert_int_eq(status(&p), 0);
	ck_assert_int_eq(count(&p, "quit", NULL), 4);
	ck_assert_int_eq(count(&p, "start", NULL), 4);
	end(&p);
}
END_TEST

/* What comes during a reload is another one behind it. */
START_TEST(reload_twice)
{
	struct place p;

	begin(&p);
	run_script(&p, "1");
	expect(&p, "start", 1);
	kill(p.pid, SIGHUP);
	expect(&p, "start", 2);
	kill(p.pid, SIGHUP);
	kill(p.pid, SIGHUP);
	expect(&p, "start", 3);
	expect(&p, "quit", 2);
	kill(p.pid, SIGTERM);
	ck_assert_int_eq(status(&p), 0);
	ck_assert_int_eq(count(&p, "test", NULL), 2);
	end(&p);
}
END_TEST

/* A configuration that the test refuses, then one that only ends the program. */
START_TEST(bad_reload)
{
	struct place p;

	begin(&p);
	run_script(&p, "2");
	expect(&p, "start", 2);
	touch(&p, "bad");
	kill(p.pid, SIGHUP);
	expect(&p, "test", 1);
	usleep(200000);
	expect(&p, "start", 2);
	unlink(in_dir(&p, "bad"));
	touch(&p, "die");
	kill(p.pid, SIGHUP);
	expect(&p, "test", 2);
	usleep(1500000);
	ck_assert_int_eq(count(&p, "quit", NULL), 0);
	/* The end of the first may be faster than the start of the second. */
	ck_assert_int_ge(count(&p, "start", NULL), 3);
	ck_assert_int_le(count(&p, "start", NULL), 4);
	kill(p.pid, SIGTERM);
	ck_assert_int_eq(status(&p), 0);
	end(&p);
}
END_TEST

/* Nothing goes on without a supervisor. */
START_TEST(killed)
{
	struct place p;

	begin(&p);
	run_script(&p, "2");
	expect(&p, "start", 2);
	kill(p.pid, SIGKILL);
	ck_assert_int_eq(status(&p), 256 + SIGKILL);
	expect(&p, "term", 2);
	end(&p);
}
END_TEST

static const struct {
	const char *words[6];
	int fd;
	int status;
} uses[] = {
	{ { "llmgw-run" }, 0, 64 },
	{ { "llmgw-run", "2" }, 0, 64 },
	{ { "llmgw-run", "0", "true" }, 0, 64 },
	{ { "llmgw-run", "65", "true" }, 0, 64 },
	{ { "llmgw-run", "2x", "true" }, 0, 64 },
	{ { "llmgw-run", "-x", "2", "true" }, 0, 64 },
	{ { "llmgw-run", "-t" }, 0, 64 },
	{ { "llmgw-run", "2", "true" }, -1, 1 },
	{ { "llmgw-run", "5", "true", "-x" }, 0, 1 },
	{ { "llmgw-run", "5", "true" }, 3, 1 },
	{ { "llmgw-run", "5", "/none/program" }, 0, 1 },
};

START_TEST(use)
{
	struct place p;

	begin(&p);
	run(&p, uses[_i].words, uses[_i].fd);
	ck_assert_int_eq(status(&p), uses[_i].status);
	end(&p);
}
END_TEST

/* The socket of systemd is fd 0 of the processes; -t is asked on reload. */
START_TEST(systemd)
{
	struct place p;
	const char *words[] = { "llmgw-run", "-t", NULL, "1", NULL, NULL };

	begin(&p);
	words[2] = arena_fmt(p.a, "echo asked $$ >> %s/log; false", p.dir).p;
	words[4] = in_dir(&p, "program");
	run(&p, words, 3);
	expect(&p, "start", 1);
	kill(p.pid, SIGHUP);
	expect(&p, "asked", 1);
	kill(p.pid, SIGINT);
	ck_assert_int_eq(status(&p), 0);
	ck_assert_int_eq(count(&p, "term", NULL), 1);
	ck_assert_int_eq(count(&p, "test", NULL), 0);
	end(&p);
}
END_TEST

/* What a service manager is told (sd_notify(3)), at an abstract socket. */
START_TEST(notified)
{
	struct place p;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *words[] = { "llmgw-run", "1", NULL, NULL };
	char name[64], text[256];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t n;

	begin(&p);
	snprintf(name, sizeof(name), "@check-run-%d", (int)getpid());
	memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				 strlen(name))),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	words[2] = in_dir(&p, "program");
	run(&p, words, 0);
	unsetenv("NOTIFY_SOCKET");
#define TOLD(what)                                                             \
	do {                                                                   \
		n = recv(fd, text, sizeof(text) - 1, 0);                       \
		ck_assert_int_gt(n, 0);                                        \
		text[n] = '\0';                                                \
		ck_assert_msg(strncmp(text, what, strlen(what)) == 0, "%s",   \
		    text);                                                     \
	} while (0)
	TOLD("READY=1\nSTATUS=");
	expect(&p, "start", 1);
	touch(&p, "bad");
	kill(p.pid, SIGHUP);
	TOLD("RELOADING=1\nSTATUS=");
	TOLD("READY=1\nSTATUS=Reload: the test failed");
	kill(p.pid, SIGTERM);
	TOLD("STOPPING=1\n");
	ck_assert_int_eq(status(&p), 0);
	close(fd);
	end(&p);
}
END_TEST

/* "auto": one a processor that we may use. */
START_TEST(by_processors)
{
	const char *words[] = { "llmgw-run", "auto", NULL, NULL };
	struct place p;
	cpu_set_t cpus;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	begin(&p);
	words[2] = in_dir(&p, "program");
	run(&p, words, 0);
	expect(&p, "start", CPU_COUNT(&cpus));
	kill(p.pid, SIGTERM);
	ck_assert_int_eq(status(&p), 0);
	end(&p);
}
END_TEST

CASE(case_run)
{
	TCase *t = tcase_create("run");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, restart);
	tcase_add_test(t, back_off);
	tcase_add_test(t, giving_up);
	tcase_add_test(t, reload);
	tcase_add_test(t, reload_twice);
	tcase_add_test(t, bad_reload);
	tcase_add_test(t, killed);
	tcase_add_loop_test(t, use, 0, NROWS(uses));
	tcase_add_test(t, systemd);
	tcase_add_test(t, notified);
	tcase_add_test(t, by_processors);
	return t;
}
