/*
 * Transfers to what a client named: nothing may reach a private address, in
 * whatever form it is written (reliability.md T7).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/call.h"
#include "room.h"

/* A canary on loopback: has anybody come? */
static int
listen_on(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

struct over {
	bool done;
	struct err err;
};

static int
on_body(void *arg, struct str bytes)
{
	(void)arg;
	(void)bytes;
	return 0;
}

static void
on_end(void *arg, const struct err *e)
{
	struct over *o = arg;

	o->done = true;
	o->err = *e;
}

static void
on_socket(void *arg, int fd)
{
	(void)arg;
	(void)fd;
}

/* True if a connection came in before the transfer was over. */
static bool
reaches(const char *host, bool guarded)
{
	static const struct call_ops ops = { on_body, on_end };
	struct call_limits limits = { .connect_ms = 2000, .body_max = 100 };
	struct http_request q = { .method = "GET", .public_only = guarded };
	const struct call_sockets sockets = { on_socket, on_socket, NULL };
	const struct http_way way = { NULL };
	struct call_pool *pool = call_pool_new(&way, &sockets);
	CURLM *multi = curl_multi_init();
	struct over o = { .done = false };
	struct err e = { 0 };
	char url[256];
	int port, fd = listen_on(&port), came = -1, left = 1;

	snprintf(url, sizeof(url), "%s:%d/", host, port);
	q.url = str_from(url);
	ck_assert_ptr_nonnull(
	    call_start(pool, multi, &q, &limits, &ops, &o, &e));
	while (!o.done && came == -1) {
		curl_multi_perform(multi, &left);
		call_reap(multi);
		came = accept(fd, NULL, NULL);
		curl_multi_poll(multi, NULL, 0, 10, NULL);
	}
	if (came != -1)
		close(came);
	while (!o.done) {
		curl_multi_perform(multi, &left);
		call_reap(multi);
		curl_multi_poll(multi, NULL, 0, 10, NULL);
	}
	ck_assert_int_ne(o.err.code, ERR_NONE);
	curl_multi_cleanup(multi);
	call_pool_free(pool);
	close(fd);
	return came != -1;
}

static const char *const hosts[] = { "https://127.0.0.1", "https://localhost",
	"https://127.1", "https://0x7f000001", "https://2130706433",
	"https://0177.0.0.1", "https://[::ffff:127.0.0.1]", "https://0.0.0.0",
	"https://a@127.0.0.1" };

START_TEST(guarded)
{
	ck_assert(!reaches(hosts[_i], true));
}
END_TEST

/* The test can fail: without the guard the canary hears of it. */
START_TEST(open_to_operators)
{
	ck_assert(reaches(hosts[0], false));
	ck_assert(reaches(hosts[2], false));
}
END_TEST

START_TEST(not_http)
{
	ck_assert(!reaches("http://127.0.0.1", true));
	ck_assert(!reaches("ftp://127.0.0.1", true));
}
END_TEST

CASE(case_call)
{
	TCase *t = tcase_create("call");

	tcase_add_loop_test(t, guarded, 0, NROWS(hosts));
	tcase_add_test(t, open_to_operators);
	tcase_add_test(t, not_http);
	return t;
}
