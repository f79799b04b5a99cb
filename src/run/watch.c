#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/notify.h"
#include "run/watch.h"

#define KIDS_MAX 512 /* room for several sets that are still draining */

#define DELAY_MIN_MS 100
#define DELAY_MAX_MS 5000
#define HEALTHY_MS 10000 /* a longer life resets the delay */
#define DEATHS 10
#define DEATHS_MS 60000
#define TRIAL_MS 1000
#define TEST_MS 30000
#define IDLE_MS 3600000

enum set { SET_NONE, SET_NOW, SET_NEW, SET_OLD };

/* A process, or one that is to be started at due_ms (pid 0). */
struct kid {
	enum set set;
	pid_t pid;
	int64_t due_ms;
	int64_t start_ms;
	int64_t delay_ms;
};

struct watch {
	const struct program *program;
	struct log *log;
	struct notify manager;
	sigset_t signals, mask; /* ours; what our processes get */
	struct kid kids[KIDS_MAX];
	pid_t tester; /* 0: none */
	int64_t test_end_ms;
	int64_t trial_end_ms; /* 0: there is no new set */
	bool again;           /* SIGHUP came during a reload */
	bool stopping;
	int64_t deaths[DEATHS]; /* the last ones, in a ring */
	uint64_t ndeaths;
	int status;
};

/* Fork and exec; -1 if there is no process to be had. */
static pid_t
spawn(struct watch *u, char **argv)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == -1)
		log_say(u->log, LOG_ERROR_, "fork: %s", strerror(errno));
	if (pid != 0)
		return pid;
	sigprocmask(SIG_SETMASK, &u->mask, NULL);
	/* Nobody shall serve unsupervised; we may be gone by now. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != parent)
		_exit(1);
	execvp(argv[0], argv);
	log_say(u->log, LOG_ERROR_, "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

static void
kid_start(struct watch *u, struct kid *k)
{
	int64_t now = clock_ms();

	k->start_ms = now;
	k->pid = spawn(u, u->program->argv);
	if (k->pid == -1) {
		k->pid = 0;
		k->due_ms = now + DELAY_MAX_MS;
	}
}

/* Start n processes; false if there is no room for them. */
static bool
set_start(struct watch *u, enum set set)
{
	struct kid *k;
	int left = u->program->n, room = 0;

	for (k = u->kids; k < u->kids + KIDS_MAX; k++)
		room += k->set == SET_NONE;
	if (room < left)
		return false;
	for (k = u->kids; left > 0; k++) {
		if (k->set != SET_NONE)
			continue;
		*k = (struct kid){ .set = set };
		kid_start(u, k);
		left--;
	}
	return true;
}

/* Signal the processes of a set, which thereby becomes an old one. */
static void
set_end(struct watch *u, enum set set, int sig)
{
	struct kid *k;

	for (k = u->kids; k < u->kids + KIDS_MAX; k++) {
		if (k->set != set)
			continue;
		k->set = k->pid == 0 ? SET_NONE : SET_OLD;
		if (k->pid != 0)
			kill(k->pid, sig);
	}
}

static void
stop(struct watch *u, int sig)
{
	notify_say(&u->manager, "STOPPING=1\nSTATUS=Requests run to their end");
	u->stopping = true;
	u->trial_end_ms = 0;
	u->again = false;
	if (u->tester != 0)
		kill(u->tester, SIGKILL);
	set_end(u, SET_OLD, sig);
	set_end(u, SET_NEW, sig);
	set_end(u, SET_NOW, sig);
}

static void
reload(struct watch *u)
{
	if (u->stopping)
		return;
	u->again = u->tester != 0 || u->trial_end_ms != 0;
	if (u->again)
		return;
	log_say(u->log, LOG_INFO_, "reload: testing the configuration");
	notify_say(&u->manager, "RELOADING=1\nSTATUS=Testing the configuration");
	u->tester = spawn(u, u->program->test);
	if (u->tester == -1)
		u->tester = 0;
	u->test_end_ms = clock_ms() + TEST_MS;
}

static void
reload_done(struct watch *u, enum log_level level, const char *how)
{
	char text[160];

	log_say(u->log, level, "reload: %s", how);
	snprintf(text, sizeof(text), "READY=1\nSTATUS=Reload: %s", how);
	notify_say(&u->manager, text);
	if (u->again)
		reload(u);
}

static void
on_tested(struct watch *u, int status)
{
	u->tester = 0;
	if (u->stopping)
		return;
	if (status != 0)
		reload_done(
		    u, LOG_ERROR_, "the test failed; the old processes stay");
	else if (!set_start(u, SET_NEW))
		reload_done(u, LOG_ERROR_,
		    "too many old processes are draining; try later");
	else
		u->trial_end_ms = clock_ms() + TRIAL_MS;
}

/* Is this a loop that restarting will not end? */
static bool
too_many_deaths(struct watch *u, int64_t now)
{
	u->deaths[u->ndeaths++ % DEATHS] = now;
	return u->ndeaths >= DEATHS &&
	    now - u->deaths[u->ndeaths % DEATHS] <= DEATHS_MS;
}

static void
on_death_now(struct watch *u, struct kid *k)
{
	int64_t now = clock_ms();

	if (now - k->start_ms >= HEALTHY_MS || k->delay_ms == 0)
		k->delay_ms = DELAY_MIN_MS;
	else if ((k->delay_ms *= 2) > DELAY_MAX_MS)
		k->delay_ms = DELAY_MAX_MS;
	k->due_ms = now + k->delay_ms;
	if (too_many_deaths(u, now)) {
		log_say(u->log, LOG_ERROR_, "%d ends within %d s: giving up",
		    DEATHS, DEATHS_MS / 1000);
		u->status = 1;
		stop(u, SIGTERM);
	}
}

static void
on_death(struct watch *u, struct kid *k, int status)
{
	bool expected = u->stopping || k->set == SET_OLD;

	log_say(u->log, expected ? LOG_INFO_ : LOG_WARN_,
	    "process %d ended with %s %d", (int)k->pid,
	    WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	k->pid = 0;
	switch (k->set) {
	case SET_NOW:
		on_death_now(u, k);
		break;
	case SET_NEW:
		set_end(u, SET_NEW, SIGTERM);
		u->trial_end_ms = 0;
		reload_done(u, LOG_ERROR_,
		    "a new process ended at once; the old processes stay");
		break;
	case SET_OLD:
	case SET_NONE:
		k->set = SET_NONE;
		break;
	}
}

static void
reap(struct watch *u)
{
	struct kid *k;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == u->tester) {
			on_tested(u, status);
			continue;
		}
		for (k = u->kids; k < u->kids + KIDS_MAX; k++)
			if (k->set != SET_NONE && k->pid == pid) {
				on_death(u, k, status);
				break;
			}
	}
}

static void
on_signal(struct watch *u, int sig)
{
	switch (sig) {
	case SIGTERM:
	case SIGINT:
		log_say(u->log, LOG_INFO_, "stopping");
		stop(u, SIGTERM);
		break;
	case SIGQUIT:
		log_say(u->log, LOG_INFO_, "draining");
		stop(u, SIGQUIT);
		break;
	case SIGHUP:
		reload(u);
		break;
	default:
		break;
	}
	reap(u);
}

/* Do what is due; returns the time of the next. */
static int64_t
on_time(struct watch *u)
{
	int64_t now = clock_ms(), next = now + IDLE_MS;
	struct kid *k;

	if (u->trial_end_ms != 0 && now >= u->trial_end_ms) {
		u->trial_end_ms = 0;
		set_end(u, SET_NOW, SIGQUIT);
		for (k = u->kids; k < u->kids + KIDS_MAX; k++)
			if (k->set == SET_NEW)
				k->set = SET_NOW;
		reload_done(u, LOG_INFO_, "the new processes took over");
	}
	if (u->tester != 0 && now >= u->test_end_ms) {
		kill(u->tester, SIGKILL);
		u->test_end_ms = now + TEST_MS;
	}
	for (k = u->kids; k < u->kids + KIDS_MAX; k++) {
		if (k->set == SET_NONE || k->pid != 0)
			continue;
		if (k->due_ms <= now)
			kid_start(u, k);
		if (k->pid == 0 && k->due_ms < next)
			next = k->due_ms;
	}
	if (u->trial_end_ms != 0 && u->trial_end_ms < next)
		next = u->trial_end_ms;
	if (u->tester != 0 && u->test_end_ms < next)
		next = u->test_end_ms;
	return next;
}

static bool
any_left(const struct watch *u)
{
	const struct kid *k;

	for (k = u->kids; k < u->kids + KIDS_MAX; k++)
		if (k->set != SET_NONE)
			return true;
	return u->tester != 0;
}

/* Ignored signals would never arrive, and ignored SIGCHLD leaves no status. */
static void
take_signals(struct watch *u)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT,
		SIGCHLD };

	sigemptyset(&u->signals);
	for (size_t i = 0; i < NROWS(signals); i++) {
		signal(signals[i], SIG_DFL);
		sigaddset(&u->signals, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &u->signals, &u->mask);
}

int
watch_program(const struct program *program, struct log *log)
{
	struct watch watch = { .program = program, .log = log };
	struct watch *u = &watch;
	struct timespec wait;
	int64_t ms;
	int sig;

	take_signals(u);
	notify_open(&u->manager);
	set_start(u, SET_NOW);
	notify_say(&u->manager, "READY=1\nSTATUS=Serving");
	log_say(u->log, LOG_INFO_, "%d processes of %s", u->program->n,
	    u->program->argv[0]);
	while (!u->stopping || any_left(u)) {
		ms = on_time(u) - clock_ms();
		if (ms < 0)
			ms = 0;
		wait.tv_sec = ms / 1000;
		wait.tv_nsec = ms % 1000 * 1000000;
		sig = sigtimedwait(&u->signals, NULL, &wait);
		if (sig > 0)
			on_signal(u, sig);
	}
	notify_close(&u->manager);
	return u->status;
}
