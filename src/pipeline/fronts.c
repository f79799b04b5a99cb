#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pipeline/loop.h"
#include "pipeline/world.h"

#define STACK_BYTES ((size_t)256 * 1024)

/*
 * The queue holds requests: a connection on which one begins gets its request
 * when it is queued, so that nothing else must be allocated.
 */
struct fronts {
	struct world *world;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct req *first, **last;
	struct loop_task *tasks; /* in any order, when no request waits */
	int waiting;
	bool closing;
	pthread_t *threads;
	int nthreads;
};

/* A request, or a task; neither: it is time to end. */
static struct req *
next_req(struct fronts *f, struct loop_task **task)
{
	struct req *r;

	pthread_mutex_lock(&f->lock);
	while (f->first == NULL && f->tasks == NULL && !f->closing) {
		f->waiting++;
		pthread_cond_wait(&f->more, &f->lock);
		f->waiting--;
	}
	r = f->first;
	*task = r == NULL ? f->tasks : NULL;
	if (r != NULL && (f->first = r->next) == NULL)
		f->last = &f->first;
	else if (*task != NULL)
		f->tasks = (*task)->next;
	pthread_mutex_unlock(&f->lock);
	return r;
}

static void *
front_main(void *arg)
{
	struct fronts *f = arg;
	struct loop_task *task;
	struct req *r;

	pthread_setname_np(pthread_self(), "front");
	while ((r = next_req(f, &task)) != NULL || task != NULL) {
		if (task != NULL) {
			task->run(task);
			continue;
		}
		r->next = NULL;
		if (r->endpoint == NULL)
			req_begin(r);
		else
			req_run(r);
	}
	return NULL;
}

void
fronts_req(struct fronts *f, struct req *r)
{
	bool wake;

	r->next = NULL;
	pthread_mutex_lock(&f->lock);
	*f->last = r;
	f->last = &r->next;
	wake = f->waiting > 0;
	pthread_mutex_unlock(&f->lock);
	if (wake)
		pthread_cond_signal(&f->more);
}

void
fronts_task(struct fronts *f, struct loop_task *t)
{
	bool wake;

	pthread_mutex_lock(&f->lock);
	t->next = f->tasks;
	f->tasks = t;
	wake = f->waiting > 0;
	pthread_mutex_unlock(&f->lock);
	if (wake)
		pthread_cond_signal(&f->more);
}

void
fronts_client(struct fronts *f, struct client *c)
{
	atomic_fetch_add(&f->world->inflight, 1);
	fronts_req(f, req_new(f->world, c));
}

int
fronts_open(struct world *w, struct err *e)
{
	struct fronts *f = calloc(1, sizeof(*f));
	pthread_attr_t attr;
	int n = (int)w->conf.front_threads;

	if (f == NULL || (f->threads = calloc((size_t)n, sizeof(*f->threads))) ==
				 NULL)
		abort();
	w->fronts = f;
	f->world = w;
	f->last = &f->first;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (; f->nthreads < n; f->nthreads++)
		if (pthread_create(&f->threads[f->nthreads], &attr, front_main,
			f) != 0)
			return err_set(e, ERR_CONFIG, "cannot start threads");
	pthread_attr_destroy(&attr);
	return 0;
}

void
fronts_close(struct world *w)
{
	struct fronts *f = w->fronts;
	int i;

	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->closing = true;
	pthread_mutex_unlock(&f->lock);
	pthread_cond_broadcast(&f->more);
	for (i = 0; i < f->nthreads; i++)
		pthread_join(f->threads[i], NULL);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->more);
	free(f->threads);
	free(f);
	w->fronts = NULL;
}
