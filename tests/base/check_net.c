#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/net.h"
#include "room.h"
#include "scratch.h"

static int
listen_at(const char *dir, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s%s%s", dir,
	    dir[0] == '\0' ? "" : "/", name);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

/* Of a path below the scratch directory. */
static bool
bound(int fd, const char *dir, const char *name)
{
	char path[SCRATCH_PATH + 32];

	snprintf(path, sizeof(path), "%s%s", dir, name);
	return net_bound_to(fd, path);
}

START_TEST(bound_to)
{
	char dir[SCRATCH_PATH], sub[SCRATCH_PATH + 8], link[SCRATCH_PATH + 8];
	int a, b, c;

	scratch_begin(dir);
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	ck_assert_int_eq(symlink(sub, link), 0);
	a = listen_at(dir, "a.sock");
	b = listen_at(sub, "b.sock");
	ck_assert(bound(a, dir, "/a.sock"));
	ck_assert(bound(a, dir, ""));
	ck_assert(bound(a, dir, "/"));
	ck_assert(bound(a, dir, "//sub/../a.sock"));
	ck_assert(!bound(a, dir, "/b.sock"));
	ck_assert(!bound(a, dir, "/a.soc"));
	ck_assert(!bound(a, dir, "/sub"));
	ck_assert(bound(b, link, ""));
	ck_assert(bound(b, link, "/b.sock"));
	/* A directory is not all that is below it. */
	ck_assert(!bound(b, dir, ""));
	ck_assert(!bound(b, "", ""));
	ck_assert_int_eq(chdir(dir), 0);
	c = listen_at("", "c.sock");
	ck_assert(!bound(c, dir, "/c.sock"));
	close(a);
	close(b);
	close(c);
	ck_assert_int_eq(chdir("/"), 0);
	scratch_end(dir);
}
END_TEST

START_TEST(bound_to_nothing)
{
	struct sockaddr any = { .sa_family = AF_INET };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), pair[2];

	ck_assert_int_eq(bind(tcp, &any, sizeof(any)), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert(!net_bound_to(tcp, "/"));
	ck_assert(!net_bound_to(pair[0], "/"));
	ck_assert(!net_bound_to(-1, "/"));
	close(tcp);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

CASE(case_net)
{
	TCase *t = tcase_create("net");

	tcase_add_test(t, bound_to);
	tcase_add_test(t, bound_to_nothing);
	return t;
}
