#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/net.h"
#include "base/users.h"
#include "pipeline/peers.h"

/* A host that is cut off says nothing: its idle connections end by themselves. */
#define IDLE_S 60
#define PROBE_S 10
#define PROBES 3

struct peers {
	struct arena *arena; /* its own */
	bool tcp;
	struct str nets; /* borrowed of the configuration */
	uid_t users[USERS_MAX];
	int nusers; /* 0: the list is empty: whoever the mode lets in */
};

/* Accepted sockets have the options of the listening one. */
static void
set_options(int fd)
{
	static const struct {
		int level, name, value;
	} v[] = { { IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, PROBES } };

	for (size_t i = 0; i < NROWS(v); i++)
		setsockopt(
		    fd, v[i].level, v[i].name, &v[i].value, sizeof(v[i].value));
}

int
peers_open(
    struct peers **out, int listen_fd, const struct conf *c, struct err *e)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);
	struct arena *arena = arena_new(sizeof(struct peers) + 64, SIZE_MAX);
	struct peers *p = ARENA_NEW(arena, struct peers);

	*out = p;
	p->arena = arena;
	if (getsockname(listen_fd, (struct sockaddr *)&a, &n) == -1)
		return err_set(e, ERR_CONFIG, "the listening socket: %m");
	p->tcp = a.ss_family == AF_INET || a.ss_family == AF_INET6;
	p->nets = str_trim(str_from(c->fcgi_peers));
	if (!p->tcp) {
		p->nusers = users_parse(
		    str_from(c->fcgi_users), p->users, USERS_MAX, e);
		return p->nusers == -1 ? -1 : 0;
	}
	if (p->nets.n == 0)
		return err_set(e, ERR_CONFIG,
		    "the listening socket is TCP: fcgi_peers must name the web "
		    "servers that may connect");
	set_options(listen_fd);
	return 0;
}

void
peers_close(struct peers *p)
{
	if (p != NULL)
		arena_free(p->arena);
}

/* Text of the address; one of IPv4 that came by IPv6 as what it is. */
static void
put_address(const struct sockaddr_storage *a, char who[PEERS_WHO])
{
	const struct sockaddr_in6 *six = (const void *)a;
	const struct sockaddr_in *four = (const void *)a;
	const char *text;

	if (a->ss_family == AF_INET)
		text = inet_ntop(AF_INET, &four->sin_addr, who, PEERS_WHO);
	else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		text = inet_ntop(
		    AF_INET, &six->sin6_addr.s6_addr[12], who, PEERS_WHO);
	else
		text = inet_ntop(AF_INET6, &six->sin6_addr, who, PEERS_WHO);
	if (text == NULL)
		who[0] = '\0';
}

static bool
is_user(const struct peers *p, int fd, char who[PEERS_WHO])
{
	struct ucred cred = { 0 };
	socklen_t n = sizeof(cred);

	snprintf(who, PEERS_WHO, "a user that the kernel does not name");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == -1)
		return false;
	snprintf(who, PEERS_WHO, "user %u", (unsigned)cred.uid);
	for (int i = 0; i < p->nusers; i++)
		if (p->users[i] == cred.uid)
			return true;
	return false;
}

int
peers_accept(const struct peers *p, int listen_fd, char who[PEERS_WHO])
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	bool good = true;
	int fd;

	if (!p->tcp) {
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		good = fd == -1 || p->nusers == 0 || is_user(p, fd, who);
	} else {
		fd =
		    accept4(listen_fd, (struct sockaddr *)&a, &n, SOCK_CLOEXEC);
		if (fd != -1) {
			put_address(&a, who);
			good = net_host_in(p->nets, str_from(who));
		}
	}
	if (good)
		return fd;
	close(fd);
	return PEERS_REFUSED;
}
