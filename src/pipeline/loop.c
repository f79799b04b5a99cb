#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/batch.h"
#include "pipeline/loop.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define EVENTS_MAX 256
#define ACCEPT_MAX 64  /* in a row, so that transfers get their turn */
#define SCAN_MS 10     /* how often deadlines are looked at, at most */
#define WATCH_MS 50    /* until a client's hang-up is watched for */
#define CUT_MS 1000    /* between two looks at what outlived the drain */
#define LINES_MS 200   /* until lines of the log are written */
#define LINES_MAX ((size_t)16 * 1024)
#define SPARES_MAX 64  /* some 14 KB each */
#define OUT_MAX ((size_t)64 * 1024 * 1024)
#define SCRATCH_MAX ((size_t)64 * 1024 * 1024)
#define RESUME_BYTES ((size_t)64 * 1024)

/* What an fd in the epoll is. */
enum watch_kind { WATCH_LISTEN, WATCH_WAKE, WATCH_CURL };

/*
 * epoll's data is a tagged pointer: requests and idle clients are told apart
 * by their low bits, the rest stands in `kinds`.
 */
enum { TAG_KIND, TAG_REQ, TAG_IDLE, TAG_CURL, TAG_MASK = 3 };

/*
 * What the epoll knows of a connection to a provider, and what curl wants to
 * be known.  One that waits for its next transfer stays in the epoll, so that
 * a transfer on a kept connection costs no epoll_ctl().
 */
struct upstream_fd {
	bool ours; /* a connection, and not a socket inside curl */
	uint32_t armed, wanted; /* events */
};

struct mail {
	pthread_mutex_t lock;
	struct req *first, **last;
	struct loop_task *tasks; /* in any order */
	struct client **kept; /* connections that stay open */
	size_t nkept, maxkept;
	bool rung; /* the eventfd has been written */
};

struct loop {
	struct world *world;
	struct client *(*open)(int fd);
	int ep, wake, listen, reserve;
	bool listening;
	CURLM *multi;
	struct call_pool *pool;
	int64_t curl_due; /* monotonic ms, -1: none */
	struct upstream_fd *fds; /* by descriptor */
	size_t nfds;
	struct arena *scratch;
	struct buf out;
	struct mail mail;
	pthread_t thread;
	struct req *given;   /* by stages that ran on this thread */
	struct req *writing; /* whose bytes are in `out` */
	struct batch *batch; /* records, written together */
	struct buf lines;    /* of the log, likewise */
	int64_t lines_due;
	struct req *live;    /* requests that the loop has */
	struct req *over;    /* to be ended after this batch of events */
	struct req *leaving; /* to go to a front thread after it */
	struct req *spare;   /* places for requests */
	int nspare;
	int64_t next_scan;
	atomic_llong drain_until; /* 0: not draining */
	int64_t cut_at;           /* when the time to drain was over */
	int idle;                 /* connections without a request */
};

static void
watch(struct loop *l, int fd, uint32_t events, uint64_t data, int op)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	if (epoll_ctl(l->ep, op, fd, &ev) == -1 && errno == EEXIST)
		epoll_ctl(l->ep, EPOLL_CTL_MOD, fd, &ev);
}

static uint64_t
tagged(const void *p, unsigned tag)
{
	return (uint64_t)(uintptr_t)p | tag;
}

/* --- what goes out --- */

void
loop_flush(struct loop *l)
{
	struct req *r = l->writing;

	l->writing = NULL;
	if (r != NULL)
		attempt_flush(r);
}

void
loop_unclaim(struct req *r)
{
	struct loop *l = r->world->loop;

	if (!loop_is_here(l) || l->writing != r)
		return;
	l->writing = NULL;
	buf_clear(&l->out); /* nobody else may send what was this one's */
}

struct buf *
loop_claim(struct req *r)
{
	struct loop *l = r->world->loop;

	if (l->writing != r)
		loop_flush(l);
	l->writing = r;
	return &l->out;
}

/* --- curl's wishes --- */

static struct upstream_fd *
fd_of(struct loop *l, curl_socket_t fd)
{
	size_t at = (size_t)fd, n = l->nfds;

	if (at >= n) {
		n = at < 64 ? 128 : at * 2;
		l->fds = realloc(l->fds, n * sizeof(*l->fds));
		if (l->fds == NULL)
			abort();
		memset(l->fds + l->nfds, 0, (n - l->nfds) * sizeof(*l->fds));
		l->nfds = n;
	}
	return &l->fds[at];
}

static void
on_curl_opened(void *arg, int fd)
{
	*fd_of(arg, fd) = (struct upstream_fd){ .ours = true };
}

/* Closing takes it out of the epoll by itself. */
static void
on_curl_closing(void *arg, int fd)
{
	*fd_of(arg, fd) = (struct upstream_fd){ .ours = false };
}

/* Let the epoll know what is wanted. */
static void
arm(struct loop *l, curl_socket_t fd, struct upstream_fd *u)
{
	if (u->wanted == u->armed)
		return;
	if (u->wanted == 0)
		epoll_ctl(l->ep, EPOLL_CTL_DEL, fd, NULL);
	else
		watch(l, fd, u->wanted, (uint64_t)fd << 2 | TAG_CURL,
		    u->armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD);
	u->armed = u->wanted;
}

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct loop *l = arg;
	struct upstream_fd *u = fd_of(l, fd);

	(void)easy;
	(void)known;
	u->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		u->wanted |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		u->wanted |= EPOLLOUT;
	/* One that waits for room would be awake all the time. */
	if (what != CURL_POLL_REMOVE || !u->ours || u->armed != EPOLLIN)
		arm(l, fd, u);
	return 0;
}

static int
on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct loop *l = arg;

	(void)multi;
	l->curl_due = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	return 0;
}

static void
drive_curl(struct loop *l, curl_socket_t fd, uint32_t events)
{
	struct upstream_fd *u;
	int mask = 0, running;

	if (fd != CURL_SOCKET_TIMEOUT && (u = fd_of(l, fd))->wanted == 0) {
		arm(l, fd, u); /* a kept one: the provider has closed it */
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(l->multi, fd, mask, &running);
	loop_flush(l);
}

/* --- requests on the loop --- */

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
	watch(l, r->client->ops->fd(r->client),
	    EPOLLRDHUP | (writing ? (uint32_t)EPOLLOUT : 0),
	    tagged(r, TAG_REQ),
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

static void
on_client(struct loop *l, struct req *r, uint32_t events)
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
run_due(struct req *r, int64_t now)
{
	r->due_ms = INT64_MAX;
	r->on_due(r, now);
	arena_reset(r->world->loop->scratch);
}

/*
 * A request that was given to us.  Its client is watched from the next scan
 * on: most plain answers are out before, and cost no epoll_ctl().
 */
static void
take_req(struct loop *l, struct req *r)
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
		run_due(r, clock_ms());
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

/* --- connections --- */

static void
idle_drop(struct loop *l, struct client *c)
{
	l->idle--;
	c->ops->end(c, false);
}

/*
 * A request that is there as a whole is begun here: what of it might block goes
 * to a front thread (loop_defer), and mostly nothing does.  Anything else
 * begins on a front thread.
 */
static void
begin(struct loop *l, struct client *c, bool whole)
{
	struct req *r;

	if (!whole) {
		fronts_client(l->world->fronts, c);
		return;
	}
	atomic_fetch_add(&l->world->inflight, 1);
	r = req_new(l->world, c);
	req_begin(r);
}

/* Does a request begin on it?  Else wait. */
static void
idle_look(struct loop *l, struct client *c, bool watched)
{
	int fd = c->ops->fd(c), ready = c->ops->ready(c);

	switch (ready) {
	case 2:
	case 1:
		l->idle--;
		if (watched)
			epoll_ctl(l->ep, EPOLL_CTL_DEL, fd, NULL);
		begin(l, c, ready == 2);
		return;
	case 0:
		if (!watched)
			watch(l, fd, EPOLLIN | EPOLLRDHUP, tagged(c, TAG_IDLE),
			    EPOLL_CTL_ADD);
		return;
	default:
		idle_drop(l, c);
		return;
	}
}

/*
 * Out of descriptors: the reserve one takes the connection, so that it is
 * closed and the loop does not spin on it (reliability.md F50).
 */
static void
shed_one(struct loop *l)
{
	int fd;

	close(l->reserve);
	fd = accept4(l->listen, NULL, NULL, SOCK_CLOEXEC);
	if (fd != -1)
		close(fd);
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_say(&l->world->log, LOG_ERROR_, "out of file descriptors");
}

static void
on_listen(struct loop *l)
{
	int fd, i;

	for (i = 0; i < ACCEPT_MAX; i++) {
		fd = accept4(l->listen, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1) {
			if (errno == EMFILE || errno == ENFILE)
				shed_one(l);
			return;
		}
		l->idle++;
		idle_look(l, l->open(fd), false);
	}
}

/* --- mail from other threads --- */

static void
ring(struct loop *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->wake, &one, sizeof(one));

	(void)n; /* full means rung */
}

void
loop_nudge(struct loop *l)
{
	if (atomic_load(&l->drain_until) != 0)
		ring(l);
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
		ring(l);
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
		ring(l);
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
		ring(l);
}

enum verdict
loop_defer(struct req *r)
{
	r->at--;
	loop_queue(r);
	return AWAY;
}

static void
take_kept(struct loop *l)
{
	struct client *c;

	for (;;) {
		pthread_mutex_lock(&l->mail.lock);
		c = l->mail.nkept > 0 ? l->mail.kept[--l->mail.nkept] : NULL;
		pthread_mutex_unlock(&l->mail.lock);
		if (c == NULL)
			return;
		l->idle++;
		if (atomic_load(&l->world->draining))
			idle_drop(l, c);
		else
			idle_look(l, c, false);
	}
}

static void
on_wake(struct loop *l)
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
		take_req(l, r);
	}
	take_kept(l);
}

/* --- the log --- */

void
loop_log(struct loop *l, struct str line)
{
	if (l->lines.n == 0)
		l->lines_due = clock_ms() + LINES_MS;
	buf_add(&l->lines, line);
}

static void
write_lines(struct loop *l)
{
	log_write(&l->world->log, buf_str(&l->lines));
	buf_clear(&l->lines);
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
static void
scan(struct loop *l, int64_t now)
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
			run_due(r, now);
		if (r->due_ms < min)
			min = r->due_ms;
		if (r->wants_room && now + 1000 < min)
			min = now + 1000;
	}
	l->next_scan = min < now + SCAN_MS ? now + SCAN_MS : min;
}

static int
wait_ms(const struct loop *l, int64_t now)
{
	int64_t due = l->next_scan, until = l->drain_until;

	if (l->curl_due >= 0 && l->curl_due < due)
		due = l->curl_due;
	if (until != 0 && until < due)
		due = until;
	if (l->lines.n > 0 && l->lines_due < due)
		due = l->lines_due;
	if (due == INT64_MAX)
		return -1;
	return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

/* --- the end of requests --- */

static void
end_over(struct loop *l)
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

void
loop_drain(struct loop *l, int64_t grace_ms)
{
	atomic_store(&l->drain_until, clock_ms() + grace_ms);
	ring(l);
}

/* What is left when the time is up gets an error, or nothing. */
static void
cut_all(struct loop *l)
{
	struct req *r, *next;

	for (r = l->live; r != NULL; r = next) {
		next = r->live_next;
		if (!settled(r))
			attempt_shut_down(r);
	}
}

/* Nothing new; true when nothing is left. */
static bool
drained(struct loop *l, int64_t now)
{
	int64_t until = atomic_load(&l->drain_until);

	if (until == 0)
		return false;
	if (l->listening) {
		epoll_ctl(l->ep, EPOLL_CTL_DEL, l->listen, NULL);
		l->listening = false;
		atomic_store(&l->world->draining, true);
	}
	if (now >= until) {
		/* What a front thread still holds then is not waited for. */
		if (l->cut_at == 0)
			l->cut_at = now;
		cut_all(l);
		end_over(l);
		atomic_store(&l->drain_until, now + CUT_MS);
		if (now - l->cut_at > 5 * CUT_MS)
			return true;
	}
	return atomic_load(&l->world->inflight) == 0 && l->live == NULL;
}

/* What stages gave us while they ran here; starting it may end it. */
static void
take_given(struct loop *l)
{
	struct req *r;

	while ((r = l->given) != NULL || l->over != NULL ||
	    l->leaving != NULL) {
		/* No call before its record stands (F11). */
		batch_write(l->batch, l->world);
		if (r != NULL) {
			l->given = r->next;
			take_req(l, r);
		}
		end_over(l);
	}
	batch_write(l->batch, l->world);
}

static void
on_event(struct loop *l, const struct epoll_event *ev)
{
	uint64_t data = ev->data.u64;
	void *p = (void *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);

	switch (data & TAG_MASK) {
	case TAG_KIND:
		if (data >> 2 == WATCH_LISTEN)
			on_listen(l);
		else
			on_wake(l);
		break;
	case TAG_REQ:
		on_client(l, p, ev->events);
		break;
	case TAG_IDLE:
		idle_look(l, p, true);
		break;
	default:
		drive_curl(l, (curl_socket_t)(data >> 2), ev->events);
		break;
	}
}

void
loop_run(struct world *w, struct client *once)
{
	struct loop *l = w->loop;
	struct epoll_event ev[EVENTS_MAX];
	int64_t now = clock_ms();
	int i, n;

	l->thread = pthread_self();
	if (once != NULL) {
		fronts_client(w->fronts, once);
		loop_drain(l, w->conf.timeout_gateway);
	}
	while (!drained(l, now)) {
		n = epoll_wait(l->ep, ev, EVENTS_MAX, wait_ms(l, now));
		for (i = 0; i < n; i++)
			on_event(l, &ev[i]);
		take_given(l); /* what was begun wants a timer at once */
		now = clock_ms();
		if (l->curl_due >= 0 && l->curl_due <= now) {
			l->curl_due = -1;
			drive_curl(l, CURL_SOCKET_TIMEOUT, 0);
		}
		call_reap(l->multi);
		loop_flush(l);
		if (now >= l->next_scan)
			scan(l, now);
		end_over(l);
		take_given(l);
		if (l->lines.n > LINES_MAX ||
		    (l->lines.n > 0 && now >= l->lines_due))
			write_lines(l);
	}
	write_lines(l);
}

/* --- making and ending it --- */

CURLM *
loop_multi(struct loop *l)
{
	return l->multi;
}

struct call_pool *
loop_pool(struct loop *l)
{
	return l->pool;
}

struct arena *
loop_scratch(struct loop *l)
{
	return l->scratch;
}

struct batch *
loop_batch(struct loop *l)
{
	return l->batch;
}

static void
make_multi(struct loop *l, const struct conf *c)
{
	const struct call_sockets sockets = { on_curl_opened, on_curl_closing,
		l };

	l->multi = curl_multi_init();
	if (l->multi == NULL)
		abort();
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, 1024L);
	l->pool = call_pool_new(c->ca_file, c->upstream_proxy, &sockets);
}

int
loop_open(struct world *w, int listen_fd, struct client *(*open_client)(int),
    struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	w->loop = l;
	l->world = w;
	l->open = open_client;
	l->listen = listen_fd;
	l->curl_due = -1;
	l->next_scan = INT64_MAX;
	l->out = BUF_LIMIT(OUT_MAX);
	l->lines = BUF_LIMIT(LINES_MAX * 64);
	l->batch = batch_new();
	l->scratch = arena_new(64 * 1024, SCRATCH_MAX);
	pthread_mutex_init(&l->mail.lock, NULL);
	l->mail.last = &l->mail.first;
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l->ep == -1 || l->wake == -1)
		return err_set(e, ERR_CONFIG, "cannot start the loop: %m");
	make_multi(l, &w->conf);
	watch(l, l->wake, EPOLLIN, WATCH_WAKE << 2, EPOLL_CTL_ADD);
	if (listen_fd == -1)
		return 0;
	fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
	watch(l, listen_fd, EPOLLIN, WATCH_LISTEN << 2, EPOLL_CTL_ADD);
	l->listening = true;
	return 0;
}

void
loop_close(struct world *w)
{
	struct loop *l = w->loop;
	struct req *r;

	if (l == NULL)
		return;
	curl_multi_cleanup(l->multi);
	call_pool_free(l->pool);
	while ((r = l->spare) != NULL) {
		l->spare = r->next;
		req_free(r);
	}
	free(l->fds);
	arena_free(l->scratch);
	buf_free(&l->out);
	buf_free(&l->lines);
	batch_free(l->batch);
	pthread_mutex_destroy(&l->mail.lock);
	free(l->mail.kept);
	close(l->ep);
	close(l->wake);
	close(l->reserve);
	free(l);
	w->loop = NULL;
}
