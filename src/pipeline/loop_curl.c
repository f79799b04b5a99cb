/* The sockets and timers of curl in the epoll of the loop. */
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "pipeline/loop_parts.h"
#include "pipeline/world.h"

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
		loop_watch(l, fd, u->wanted, (uint64_t)fd << 2 | TAG_CURL,
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

void
loop_curl_drive(struct loop *l, curl_socket_t fd, uint32_t events)
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

void
loop_curl_open(struct loop *l, const struct conf *c)
{
	const struct call_sockets sockets = { on_curl_opened, on_curl_closing,
		l };
	const struct http_way way = { c->ca_file, c->client_certificate,
		c->upstream_proxy };

	l->multi = curl_multi_init();
	if (l->multi == NULL)
		abort();
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS,
	    (long)l->world->fd_idle);
	l->pool = call_pool_new(&way, &sockets);
}
