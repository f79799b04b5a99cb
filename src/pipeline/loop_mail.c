/* What other threads have for the loop. */
#include <stdlib.h>
#include <unistd.h>

#include "pipeline/loop_parts.h"
#include "pipeline/world.h"

void
loop_mail_ring(struct loop *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->wake, &one, sizeof(one));

	(void)n; /* full means rung */
}

void
loop_nudge(struct loop *l)
{
	if (atomic_load(&l->drain_until) != 0)
		loop_mail_ring(l);
}

enum verdict
loop_give(struct req *r)
{
	struct loop *l = r->world->loop;
	bool rung;

	if (loop_is_here(l)) {
		r->next = l->given;
		l->given = r;
		return AWAY;
	}
	r->next = NULL;
	pthread_mutex_lock(&l->mail.lock);
	*l->mail.last = r;
	l->mail.last = &r->next;
	rung = l->mail.rung;
	l->mail.rung = true;
	pthread_mutex_unlock(&l->mail.lock);
	if (!rung)
		loop_mail_ring(l);
	return AWAY;
}

void
loop_post(struct loop *l, struct loop_task *t)
{
	bool rung;

	pthread_mutex_lock(&l->mail.lock);
	t->next = l->mail.tasks;
	l->mail.tasks = t;
	rung = l->mail.rung;
	l->mail.rung = true;
	pthread_mutex_unlock(&l->mail.lock);
	if (!rung)
		loop_mail_ring(l);
}

void
loop_keep(struct loop *l, struct client *c)
{
	struct mail *m = &l->mail;
	bool rung;

	pthread_mutex_lock(&m->lock);
	if (m->nkept == m->maxkept) {
		m->maxkept = m->maxkept == 0 ? 16 : m->maxkept * 2;
		m->kept = realloc(m->kept, m->maxkept * sizeof(*m->kept));
		if (m->kept == NULL)
			abort();
	}
	m->kept[m->nkept++] = c;
	rung = m->rung;
	m->rung = true;
	pthread_mutex_unlock(&m->lock);
	if (!rung)
		loop_mail_ring(l);
}

void
loop_mail_read(struct loop *l)
{
	struct loop_task *t, *more;
	struct req *r, *next;
	uint64_t count;
	ssize_t n = read(l->wake, &count, sizeof(count));

	(void)n;
	pthread_mutex_lock(&l->mail.lock);
	r = l->mail.first;
	l->mail.first = NULL;
	l->mail.last = &l->mail.first;
	t = l->mail.tasks;
	l->mail.tasks = NULL;
	l->mail.rung = false;
	pthread_mutex_unlock(&l->mail.lock);
	for (; t != NULL; t = more) {
		more = t->next;
		t->run(t);
	}
	for (; r != NULL; r = next) {
		next = r->next;
		loop_req_take(l, r);
	}
	loop_take_kept(l);
}
