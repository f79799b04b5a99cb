#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/scratch.h"
#include "pipeline/peers.h"
#include "room.h"

static char dir[SCRATCH_PATH];

/* A listening socket of the family, at some port or in the directory. */
static int
listening(int family, struct sockaddr_storage *a, socklen_t *n)
{
	struct sockaddr_un *u = (struct sockaddr_un *)a;
	int fd = socket(family, SOCK_STREAM, 0);

	memset(a, 0, sizeof(*a));
	a->ss_family = (sa_family_t)family;
	*n = family == AF_INET ? sizeof(struct sockaddr_in) :
	    family == AF_INET6 ? sizeof(struct sockaddr_in6) :
				 sizeof(*u);
	if (family == AF_UNIX)
		snprintf(u->sun_path, sizeof(u->sun_path), "%s/s", dir);
	else if (family == AF_INET)
		((struct sockaddr_in *)a)->sin_addr.s_addr =
		    htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)a, *n), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	if (family != AF_UNIX)
		getsockname(fd, (struct sockaddr *)a, n);
	return fd;
}

/* Over IPv4 to a socket of IPv6. */
static int
connect_four(const struct sockaddr_storage *six)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = ((const struct sockaddr_in6 *)six)->sin6_port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static const struct row {
	int family;
	const char *nets, *users; /* NULL: our own */
	const char *why;          /* it does not open; else NULL */
	bool refused;
	const char *who;
} rows[] = {
	{ AF_UNIX, "", "", NULL, false, "" },
	{ AF_UNIX, "", NULL, NULL, false, "" },
	{ AF_UNIX, "", "65533 , 65532", NULL, true, "user " },
	{ AF_UNIX, "", " ", NULL, false, "" },
	{ AF_UNIX, "", "nobody-of-that-name", "no user", false, "" },
	{ AF_UNIX, "", ",", "no user \"\"", false, "" },
	{ AF_INET, "", "", "fcgi_peers must name", false, "" },
	{ AF_INET, "127.0.0.1", "", NULL, false, "" },
	{ AF_INET, "192.0.2.1, 127.0.0.0/8", "", NULL, false, "" },
	{ AF_INET, "192.0.2.0/24, ::1", "", NULL, true, "127.0.0.1" },
	{ AF_INET6, "127.0.0.1", "", NULL, false, "" },
	{ AF_INET6, "::/0", "", NULL, true, "127.0.0.1" },
};

START_TEST(may_connect)
{
	const struct row *r = &rows[_i];
	char own[32], who[PEERS_WHO] = "", byte;
	struct conf c = { .fcgi_peers = (char *)(uintptr_t)r->nets,
		.fcgi_users = own };
	struct sockaddr_storage a;
	struct err e = { 0 };
	struct peers *p;
	socklen_t n;
	int fd, there, here;

	scratch_begin(dir);
	if (r->users == NULL)
		snprintf(own, sizeof(own), "%u", (unsigned)getuid());
	else
		snprintf(own, sizeof(own), "%s", r->users);
	fd = listening(r->family, &a, &n);
	ck_assert_int_eq(peers_open(&p, fd, &c, &e), r->why == NULL ? 0 : -1);
	if (r->why != NULL) {
		ck_assert_int_eq(e.code, ERR_CONFIG);
		ck_assert_msg(strstr(e.msg, r->why) != NULL, "%s", e.msg);
	} else {
		there = r->family == AF_INET6 ?
		    connect_four(&a) :
		    socket(r->family, SOCK_STREAM, 0);
		if (r->family != AF_INET6)
			ck_assert_int_eq(
			    connect(there, (struct sockaddr *)&a, n), 0);
		here = peers_accept(p, fd, who);
		ck_assert_msg(
		    (here == PEERS_REFUSED) == r->refused, "%d %s", here, who);
		if (r->refused) {
			ck_assert_int_eq(read(there, &byte, 1), 0);
			ck_assert_msg(strncmp(who, r->who, strlen(r->who)) == 0,
			    "%s", who);
		} else
			close(here);
		close(there);
	}
	peers_close(p);
	close(fd);
	scratch_end(dir);
}
END_TEST

CASE(case_peers)
{
	TCase *t = tcase_create("peers");

	tcase_add_loop_test(t, may_connect, 0, NROWS(rows));
	return t;
}
