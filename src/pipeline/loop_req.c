/* Requests that the loop has: their clients, their times, their ends. */
#include <sys/epoll.h>

#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/loop_parts.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define SCAN_MS 10    /* how often deadlines are looked at, at most */
#define WATCH_MS 50   /* until a client's hang-up is watched for */
#define SPARES_MAX 64 /* some 14 KB each */
#define RESUME_BYTES ((size_t)64 * 1024)

static void
live_add(struct loop *l, struct req *r)
{
	r->live_next = l->live;
	r->live_prev = &l->live;
	if (l->live != NULL)
		l->live->live_prev = &r->live_next;
	l->live = r;
}

static void
live_remove(struct req *r)
{
	if (r->live_prev == NULL)
		return;
	*r->live_prev = r->live_next;
	if (r->live_next != NULL)
		r->live_next->live_prev = r->live_prev;
	r->live_prev = NULL;
}

/* Its end or its departure is decided. */
static bool
settled(const struct req *r)
{
	return r->state == REQ_OVER || r->state == REQ_FRONT;
}

void
loop_over(struct req *r)
{
	struct loop *l = r->world->loop;

	if (settled(r))
		return;
	r->state = REQ_OVER;
	r->next = l->over;
	l->over = r;
}

void
loop_each_waiting(struct loop *l, void (*fn)(struct req *))
{
	struct req *r, *next;

	for (r = l->live; r != NULL; r = next) {
		next = r->live_next;
		if (r->token == TOKEN_WAIT && r->state == REQ_CALL)
			fn(r);
	}
}

void
loop_due(struct req *r, int64_t due_ms)
{
	struct loop *l = r->world->loop;

	r->due_ms = due_ms;
	if (due_ms < l->next_scan)
		l->next_scan = due_ms;
}

static void
unwatch(struct loop *l, struct req *r)
{
	if (!r->watched)
		return;
	epoll_ctl(l->ep, EPOLL_CTL_DEL, r->client->ops->fd(r->client), NULL);
	r->watched = false;
}

bool
loop_is_here(const struct loop *l)
{
	return pthread_equal(l->thread, pthread_self()) != 0;
}

/* Hang-up always; room to write only while something waits for it. */
static void
watch_client(struct loop *l, struct req *r, bool writing)
{
	loop_watch(l, r->client->ops->fd(r->client),
	    EPOLLRDHUP | (writing ? (uint32_t)EPOLLOUT : 0),
	    loop_tagged(r, TAG_REQ),
	    r->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
	r->watched = true;
}

void
loop_queue(struct req *r)
{
	struct loop *l = r->world->loop;

	if (settled(r))
		return;
	r->state = REQ_FRONT;
	r->next = l->leaving;
	l->leaving = r;
}

/*
 * The client has left: nothing more is asked of anybody.  One that has all of
 * its answer did not leave early.
 */
static void
client_gone(struct req *r)
{
	r->gone = true;
	attempt_abandon(r);
	loop_over(r);
}

void
loop_written(struct req *r)
{
	struct loop *l = r->world->loop;
	bool waiting;

	if (settled(r))
		return;
	if (r->gone) {
		/* A running transfer is ended by its own callback. */
		if (r->call == NULL)
			client_gone(r);
		return;
	}
	waiting = r->client->ops->pending(r->client) > 0;
	if (waiting != r->wants_room) {
		watch_client(l, r, waiting);
		r->wants_room = waiting;
		r->taken_ms = clock_ms();
	}
	if (waiting && clock_ms() + 1000 < l->next_scan)
		l->next_scan = clock_ms() + 1000;
	if (!waiting && r->state == REQ_DRAIN)
		loop_over(r);
}

void
loop_req_client(struct loop *l, struct req *r, uint32_t events)
{
	(void)l;
	if (settled(r))
		return;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		client_gone(r);
		return;
	}
	if (r->client->ops->flush(r->client) == -1) {
		client_gone(r);
		return;
	}
	r->taken_ms = clock_ms();
	if (r->client->ops->pending(r->client) < RESUME_BYTES)
		attempt_resume(r);
	loop_written(r);
}

static void
run_due(struct loop *l, struct req *r, int64_t now)
{
	r->due_ms = INT64_MAX;
	r->on_due(r, now);
	arena_reset(l->scratch);
}

/*
 * A request that was given to us.  Its client is watched from the next scan
 * on: most plain answers are out before, and cost no epoll_ctl().
 */
void
loop_req_take(struct loop *l, struct req *r)
{
	live_add(l, r);
	if (l->next_scan > clock_ms() + WATCH_MS)
		l->next_scan = clock_ms() + WATCH_MS;
	if (r->start_failed)
		attempt_refuse(r);
	else if (r->state == REQ_CALL)
		attempt_start(r);
	else if (r->state == REQ_TIMED && r->due_ms > 0)
		loop_due(r, r->due_ms);
	else if (r->state == REQ_TIMED)
		run_due(l, r, clock_ms());
	loop_written(r);
}

struct req *
loop_spare(struct loop *l)
{
	struct req *r = loop_is_here(l) ? l->spare : NULL;

	if (r != NULL) {
		l->spare = r->next;
		l->nspare--;
	}
	return r;
}

bool
loop_keep_spare(struct loop *l, struct req *r)
{
	if (!loop_is_here(l) || l->nspare == SPARES_MAX)
		return false;
	r->next = l->spare;
	l->spare = r;
	l->nspare++;
	return true;
}

enum verdict
loop_defer(struct req *r)
{
	r->at--;
	loop_queue(r);
	return AWAY;
}

/* --- time --- */

static void
client_slow(struct req *r, int64_t now)
{
	if (r->wants_room &&
	    now - r->taken_ms > r->world->conf.timeout_client_write)
		client_gone(r);
}

/* Look at every request whose time has come; find the next such time. */
void
loop_req_scan(struct loop *l, int64_t now)
{
	struct req *r, *next;
	int64_t min = INT64_MAX;

	for (r = l->live; r != NULL; r = next) {
		next = r->live_next;
		if (!settled(r) && !r->watched)
			watch_client(l, r, false);
		if (!settled(r) && r->wants_room)
			client_slow(r, now);
		if (!settled(r) && r->due_ms <= now && r->on_due != NULL)
			run_due(l, r, now);
		if (r->due_ms < min)
			min = r->due_ms;
		if (r->wants_room && now + 1000 < min)
			min = now + 1000;
	}
	l->next_scan = min < now + SCAN_MS ? now + SCAN_MS : min;
}

/* --- the end --- */

void
loop_req_end(struct loop *l)
{
	struct req *r;

	while ((r = l->leaving) != NULL) {
		l->leaving = r->next;
		loop_unclaim(r);
		unwatch(l, r);
		live_remove(r);
		fronts_req(l->world->fronts, r);
	}

	while ((r = l->over) != NULL) {
		l->over = r->next;
		loop_unclaim(r);
		/* Closing a descriptor takes it out by itself. */
		if (r->client->ops->keeps(r->client))
			unwatch(l, r);
		live_remove(r);
		req_end(r);
	}
}

/* What is left when the time is up gets an error, or nothing. */
void
loop_req_cut(struct loop *l)
{
	struct req *r, *next;

	for (r = l->live; r != NULL; r = next) {
		next = r->live_next;
		if (!settled(r))
			attempt_shut_down(r);
	}
}
