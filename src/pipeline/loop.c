/*
 * The loop thread: what it waits for, in which order it does things, and its
 * beginning and end.  The rest of it stands in loop_*.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/batch.h"
#include "pipeline/loop_parts.h"
#include "pipeline/world.h"

#define EVENTS_MAX 256
#define CUT_MS 1000  /* between two looks at what outlived the drain */
#define LINES_MS 200 /* until lines of the log are written */
#define LINES_MAX ((size_t)16 * 1024)
#define OUT_MAX ((size_t)64 * 1024 * 1024)
#define SCRATCH_MAX ((size_t)64 * 1024 * 1024)

void
loop_watch(struct loop *l, int fd, uint32_t events, uint64_t data, int op)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	if (epoll_ctl(l->ep, op, fd, &ev) == -1 && errno == EEXIST)
		epoll_ctl(l->ep, EPOLL_CTL_MOD, fd, &ev);
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

void
loop_drain(struct loop *l, int64_t grace_ms)
{
	atomic_store(&l->drain_until, clock_ms() + grace_ms);
	loop_mail_ring(l);
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
		loop_req_cut(l);
		loop_req_end(l);
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

	while (
	    (r = l->given) != NULL || l->over != NULL || l->leaving != NULL) {
		/* No call before its record stands (F11). */
		batch_write(l->batch, l->world);
		if (r != NULL) {
			l->given = r->next;
			loop_req_take(l, r);
		}
		loop_req_end(l);
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
			loop_accept(l);
		else
			loop_mail_read(l);
		break;
	case TAG_REQ:
		loop_req_client(l, p, ev->events);
		break;
	case TAG_IDLE:
		loop_idle_look(l, p, true);
		break;
	default:
		loop_curl_drive(l, (curl_socket_t)(data >> 2), ev->events);
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
			loop_curl_drive(l, CURL_SOCKET_TIMEOUT, 0);
		}
		call_reap(l->multi);
		loop_flush(l);
		if (now >= l->next_scan)
			loop_req_scan(l, now);
		loop_req_end(l);
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
	loop_curl_open(l, &w->conf);
	loop_watch(l, l->wake, EPOLLIN, WATCH_WAKE << 2, EPOLL_CTL_ADD);
	if (listen_fd == -1)
		return 0;
	if (peers_open(&l->peers, listen_fd, &w->conf, e) == -1)
		return -1;
	fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
	loop_watch(l, listen_fd, EPOLLIN, WATCH_LISTEN << 2, EPOLL_CTL_ADD);
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
	peers_close(l->peers);
	close(l->ep);
	close(l->wake);
	close(l->reserve);
	free(l);
	w->loop = NULL;
}
