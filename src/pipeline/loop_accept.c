/* Connections on which no request runs. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "pipeline/loop_parts.h"
#include "pipeline/world.h"

#define ACCEPT_MAX 64 /* in a row, so that transfers get their turn */

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
void
loop_idle_look(struct loop *l, struct client *c, bool watched)
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
			loop_watch(l, fd, EPOLLIN | EPOLLRDHUP,
			    loop_tagged(c, TAG_IDLE), EPOLL_CTL_ADD);
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

/* Once a second at most: whoever it is may try often. */
static void
tell_refused(struct loop *l, const char *who)
{
	int64_t now = clock_ms();

	if (now - l->told_ms < 1000)
		return;
	l->told_ms = now;
	log_say(&l->world->log, LOG_WARN_,
	    "a FastCGI connection of %s was refused: fcgi_peers and "
	    "fcgi_users say who may connect",
	    who);
}

void
loop_accept(struct loop *l)
{
	char who[PEERS_WHO];
	int fd, i;

	for (i = 0; i < ACCEPT_MAX; i++) {
		fd = peers_accept(l->peers, l->listen, who);
		if (fd == PEERS_REFUSED) {
			tell_refused(l, who);
			continue;
		}
		if (fd == -1) {
			if (errno == EMFILE || errno == ENFILE)
				shed_one(l);
			return;
		}
		l->idle++;
		loop_idle_look(l, l->open(fd), false);
	}
}

void
loop_take_kept(struct loop *l)
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
			loop_idle_look(l, c, false);
	}
}
