#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include <curl/curl.h>

#include "pipeline/loop.h"
#include "pipeline/process.h"
#include "pipeline/server.h"
#include "pipeline/world.h"

/* SIGTERM and SIGQUIT wait here, so that no handler needs a global. */
struct signals {
	struct world *world;
	pthread_t thread;
	sigset_t set;
};

static void *
signals_main(void *arg)
{
	struct signals *s = arg;
	const struct conf *c = &s->world->conf;
	int sig;

	for (;;) {
		if (sigwait(&s->set, &sig) != 0)
			continue;
		if (sig == SIGUSR2) /* process_serve() is done */
			return NULL;
		log_say(&s->world->log, LOG_INFO_, "%s: draining",
		    sig == SIGQUIT ? "SIGQUIT" : "SIGTERM");
		loop_drain(s->world->loop,
		    sig == SIGQUIT ? c->timeout_gateway : c->drain_timeout);
	}
}

/* Before other threads start, so that none of them takes these signals. */
static void
signals_block(struct signals *s)
{
	sigemptyset(&s->set);
	sigaddset(&s->set, SIGTERM);
	sigaddset(&s->set, SIGINT);
	sigaddset(&s->set, SIGQUIT);
	sigaddset(&s->set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &s->set, NULL);
}

static int
say(const struct program *p, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", p->name, e->msg);
	return EX_CONFIG;
}

/* Serve with everything open; takes it down in reverse. */
static int
run(struct world *w, struct signals *s, int listen_fd,
    struct client *(*open_client)(int), struct client *once)
{
	struct ledger *ledger = NULL;
	struct err e = { 0 };
	int rc = EX_OK;

	if (loop_open(w, listen_fd, open_client, &e) == -1 ||
	    fronts_open(w, &e) == -1 ||
	    (w->spool != NULL && ledger_open(&ledger, w, &e) == -1) ||
	    pthread_create(&s->thread, NULL, signals_main, s) != 0) {
		rc = say(w->program, &e);
		goto out;
	}
	loop_run(w, once);
	pthread_kill(s->thread, SIGUSR2);
	pthread_join(s->thread, NULL);
out:
	fronts_close(w);
	ledger_close(ledger);
	loop_close(w);
	return rc;
}

static int
serve(const struct program *p, const char *conf, int listen_fd,
    struct client *(*open_client)(int), struct client *once)
{
	struct world *w = calloc(1, sizeof(*w));
	struct signals s = { .world = w };
	struct err e = { 0 };
	int rc;

	if (w == NULL)
		abort();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	signals_block(&s);
	if (world_open(w, p, conf_path(conf), &e) == -1)
		rc = say(p, &e);
	else {
		server_trust(w, listen_fd);
		rc = run(w, &s, listen_fd, open_client, once);
	}
	world_close(w);
	curl_global_cleanup();
	free(w);
	return rc;
}

int
process_serve(const struct program *p, const char *conf, int listen_fd,
    struct client *(*open_client)(int))
{
	return serve(p, conf, listen_fd, open_client, NULL);
}

int
process_once(const struct program *p, const char *conf, struct client *c)
{
	return serve(p, conf, -1, NULL, c);
}

int
process_test(const struct program *p, const char *conf)
{
	struct err e = { 0 };

	if (world_test(p, conf_path(conf), &e) == -1)
		return say(p, &e);
	return EX_OK;
}
