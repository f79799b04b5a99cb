/*
 * Pins what io.c takes from libfcgi beyond its documents (FCGX_Accept_r() on a
 * descriptor that is in place, keepConnection, FCGX_Free() without closing),
 * and the records that we write ourselves.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "fcgi/io.h"
#include "room.h"

enum { BEGIN = 1, PARAMS = 4, STDIN = 5, STDOUT = 6, END = 3, VALUES = 9 };

static void
put_record(struct buf *b, int type, int id, struct str s)
{
	char h[8] = { 1, (char)type, (char)(id >> 8), (char)id,
		(char)(s.n >> 8), (char)s.n, 0, 0 };

	buf_add(b, (struct str){ h, 8 });
	buf_add(b, s);
}

static void
put_begin_as(struct buf *b, int role, int id, bool keep)
{
	char body[8] = { 0, (char)role, keep ? 1 : 0, 0, 0, 0, 0, 0 };

	put_record(b, BEGIN, id, (struct str){ body, 8 });
}

static void
put_begin(struct buf *b, int id, bool keep)
{
	put_begin_as(b, 1, id, keep);
}

static void
put_param(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, (char)strlen(name));
	buf_addc(b, (char)strlen(value));
	buf_add(b, str_from(name));
	buf_add(b, str_from(value));
}

/* A whole request with this body, as a web server sends it. */
static void
put_request(struct buf *b, int id, bool keep, struct str body)
{
	struct buf p = BUF_LIMIT(4096);

	put_begin(b, id, keep);
	put_param(&p, "REQUEST_METHOD", "POST");
	put_param(&p, "REQUEST_URI", "/v1/x?y=1");
	put_record(b, PARAMS, id, buf_str(&p));
	put_record(b, PARAMS, id, STR(""));
	if (body.n > 0)
		put_record(b, STDIN, id, body);
	put_record(b, STDIN, id, STR(""));
	buf_free(&p);
}

struct wire {
	int ours, theirs;
	struct client *client;
	struct arena *arena;
	struct inbound in;
};

static struct wire
wire_open(void)
{
	struct wire w = { 0 };
	int v[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	io_init();
	w.ours = v[0];
	w.theirs = v[1];
	w.client = io_open(v[0]);
	w.arena = arena_new(4096, 1 << 20);
	return w;
}

static void
wire_send(struct wire *w, struct buf *b)
{
	ck_assert_int_eq(write(w->theirs, b->p, b->n), (ssize_t)b->n);
	buf_free(b);
}

/*
 * Send a request, as a whole or in two pieces; in the first case it is read by
 * record.c, in the second by libfcgi.
 */
static void
wire_begin(struct wire *w, struct buf *b, bool whole)
{
	struct buf rest = BUF_LIMIT(4096);

	if (!whole) {
		buf_add(&rest, (struct str){ b->p + b->n - 8, 8 });
		b->n -= 8;
	}
	wire_send(w, b);
	ck_assert_int_eq(w->client->ops->ready(w->client), whole ? 2 : 1);
	if (!whole)
		wire_send(w, &rest);
	ck_assert_int_eq(w->client->ops->head(w->client, w->arena, &w->in), 0);
}

static void
wire_close(struct wire *w)
{
	w->client->ops->end(w->client, false);
	close(w->theirs);
	arena_free(w->arena);
}

/* What came back, at most n bytes. */
static size_t
wire_read(struct wire *w, unsigned char *out, size_t n)
{
	struct pollfd p = { .fd = w->theirs, .events = POLLIN };
	size_t got = 0;
	ssize_t k;

	while (got < n && poll(&p, 1, 200) == 1) {
		k = read(w->theirs, out + got, n - got);
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	return got;
}

START_TEST(reads_and_closes)
{
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096);
	struct err e = { 0 };
	struct str body;

	ck_assert_int_eq(w.client->ops->ready(w.client), 0);
	put_request(&b, 258, false, STR("hello"));
	wire_begin(&w, &b, _i == 1);
	ck_assert(str_is(inbound_param(&w.in, "REQUEST_URI"), "/v1/x?y=1"));
	ck_assert_int_eq(
	    w.client->ops->body(w.client, w.arena, 5, 100, &body, &e), 0);
	ck_assert(str_is(body, "hello"));
	ck_assert_int_eq(w.client->ops->fd(w.client), w.ours);
	ck_assert_int_ne(fcntl(w.ours, F_GETFD), -1);
	wire_close(&w);
	ck_assert_int_eq(fcntl(w.ours, F_GETFD), -1);
}
END_TEST

START_TEST(writes_its_own_records)
{
	static const unsigned char want[] = { 1, STDOUT, 1, 2, 0, 2, 0, 0, 'o',
		'k', 1, STDOUT, 1, 2, 0, 0, 0, 0, 1, END, 1, 2, 0, 8, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0 };
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096);
	struct err e = { 0 };
	unsigned char got[128];
	struct str body;

	put_request(&b, 258, true, STR(""));
	wire_begin(&w, &b, _i == 1);
	w.client->ops->body(w.client, w.arena, -1, 0, &body, &e);
	ck_assert_int_eq(w.client->ops->send(w.client, STR(""), false), 0);
	ck_assert_int_eq(w.client->ops->send(w.client, STR("ok"), true), 0);
	ck_assert_uint_eq(wire_read(&w, got, sizeof(got)), sizeof(want));
	ck_assert_mem_eq(got, want, sizeof(want));
	/* Kept open, it takes another request. */
	ck_assert_int_eq(w.client->ops->end(w.client, true), 1);
	put_request(&b, 1, false, STR("again"));
	wire_begin(&w, &b, _i == 0);
	ck_assert_int_eq(
	    w.client->ops->body(w.client, w.arena, 5, 100, &body, &e), 0);
	ck_assert(str_is(body, "again"));
	wire_close(&w);
}
END_TEST

/* Long strings go out as the socket takes them, and are not kept. */
START_TEST(lends)
{
	static char text[300000];
	static unsigned char got[400000];
	const struct str v[] = { STR("head"), STR(""), { text, sizeof(text) },
		STR("tail") };
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096), body = BUF_LIMIT(1 << 20);
	struct err e = { 0 };
	struct str in;
	size_t n = 0, k, len;

	memset(text, 'x', sizeof(text));
	put_request(&b, 258, true, STR(""));
	wire_begin(&w, &b, true);
	w.client->ops->body(w.client, w.arena, -1, 0, &in, &e);
	ck_assert_int_eq(w.client->ops->lend(w.client, v, 4), 0);
	ck_assert_uint_gt(w.client->ops->pending(w.client), 0);
	while ((k = wire_read(&w, got + n, 50000)) > 0) {
		n += k;
		ck_assert_int_eq(w.client->ops->flush(w.client), 0);
	}
	ck_assert_uint_eq(w.client->ops->pending(w.client), 0);
	for (k = 0; got[k + 1] == STDOUT; k += 8 + len) {
		len = (size_t)got[k + 4] << 8 | got[k + 5];
		buf_add(&body, (struct str){ (char *)got + k + 8, len });
		if (len == 0)
			break;
	}
	ck_assert_uint_eq(n, k + 24);
	ck_assert_uint_eq(body.n, 8 + sizeof(text));
	ck_assert_mem_eq(body.p, "headx", 5);
	ck_assert_mem_eq(body.p + body.n - 5, "xtail", 5);
	ck_assert_int_eq(w.client->ops->end(w.client, true), 1);
	wire_close(&w);
	buf_free(&body);
}
END_TEST

/* An authorizer has no body: none is waited for, whatever is announced. */
START_TEST(authorizes)
{
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096), p = BUF_LIMIT(4096);
	struct buf rest = BUF_LIMIT(4096);
	struct err e = { 0 };
	struct str body;
	unsigned char got[64];

	put_begin_as(&b, _i < 2 ? 2 : 3, 1, false);
	put_param(&p, "REQUEST_METHOD", "POST");
	put_record(&b, PARAMS, 1, buf_str(&p));
	put_record(_i == 0 ? &b : &rest, PARAMS, 1, STR(""));
	wire_send(&w, &b);
	ck_assert_int_eq(w.client->ops->ready(w.client), _i == 0 ? 2 : 1);
	wire_send(&w, &rest);
	ck_assert_int_eq(w.client->ops->head(w.client, w.arena, &w.in),
	    _i < 2 ? 0 : -1);
	if (_i < 2) {
		ck_assert(w.in.authorizer);
		ck_assert_int_eq(w.client->ops->body(w.client, w.arena, 5, 100,
				     &body, &e),
		    0);
		ck_assert_uint_eq(body.n, 0);
		w.client->ops->send(w.client, STR("ok"), true);
		ck_assert_uint_eq(wire_read(&w, got, sizeof(got)), 34);
	}
	wire_close(&w);
	buf_free(&p);
}
END_TEST

static const struct {
	const char *name;
	int64_t announced;
	size_t max;
	enum err_code code;
} bodies[] = {
	{ "as announced", 5, 5, ERR_NONE },
	{ "short", 6, 10, ERR_BAD_PARAM },
	{ "long", 4, 10, ERR_BAD_PARAM },
	{ "no length", -1, 10, ERR_BAD_PARAM },
	{ "too large", 5, 4, ERR_TOO_LARGE },
};

START_TEST(body_and_its_length)
{
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096);
	struct err e = { 0 };
	struct str body;

	put_request(&b, 1, true, STR("12345"));
	wire_begin(&w, &b, _i >= (int)NROWS(bodies));
	w.client->ops->body(w.client, w.arena,
	    bodies[(size_t)_i % NROWS(bodies)].announced,
	    bodies[(size_t)_i % NROWS(bodies)].max, &body, &e);
	ck_assert_msg(e.code == bodies[(size_t)_i % NROWS(bodies)].code, "%s: %d %s",
	    bodies[(size_t)_i % NROWS(bodies)].name, e.code, e.msg);
	/* All of it was read: the next request would begin here. */
	ck_assert_int_eq(w.client->ops->ready(w.client), 0);
	wire_close(&w);
}
END_TEST

START_TEST(refuses_other_first_records)
{
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096);

	put_record(&b, VALUES, 0, STR("\x0e\0FCGI_MAX_CONNS"));
	wire_send(&w, &b);
	ck_assert_int_eq(w.client->ops->ready(w.client), -1);
	wire_close(&w);

	w = wire_open();
	put_begin(&b, 0, false);
	wire_send(&w, &b);
	ck_assert_int_eq(w.client->ops->ready(w.client), -1);
	wire_close(&w);

	w = wire_open();
	shutdown(w.theirs, SHUT_WR);
	ck_assert_int_eq(w.client->ops->ready(w.client), -1);
	wire_close(&w);
}
END_TEST

/* A request that breaks off must not hold a front thread for two seconds. */
START_TEST(broken_request_ends_at_once)
{
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096);
	int64_t began = clock_ms();

	put_begin(&b, 1, false);
	wire_send(&w, &b);
	shutdown(w.theirs, SHUT_WR);
	ck_assert_int_eq(w.client->ops->head(w.client, w.arena, &w.in), -1);
	ck_assert_int_lt(clock_ms() - began, 500);
	wire_close(&w);
}
END_TEST

/* What the socket does not take is kept, in order, and sent later. */
START_TEST(keeps_what_does_not_fit)
{
	struct wire w = wire_open();
	struct buf b = BUF_LIMIT(4096);
	struct err e = { 0 };
	size_t size = 4 << 20, total = 0, n;
	char *big = arena_alloc(w.arena, size);
	unsigned char tmp[65536];
	struct str body;

	put_request(&b, 1, false, STR(""));
	wire_begin(&w, &b, true);
	w.client->ops->body(w.client, w.arena, 0, 0, &body, &e);
	memset(big, 'x', size);
	ck_assert_int_eq(
	    w.client->ops->send(w.client, (struct str){ big, size }, true), 0);
	ck_assert_uint_gt(w.client->ops->pending(w.client), size / 2);
	while ((n = wire_read(&w, tmp, sizeof(tmp))) > 0) {
		total += n;
		ck_assert_int_eq(w.client->ops->flush(w.client), 0);
	}
	ck_assert_uint_eq(w.client->ops->pending(w.client), 0);
	/* 65 records and the trailer. */
	ck_assert_uint_eq(total, size + 8 * ((size + 65527) / 65528) + 24);
	close(w.theirs);
	ck_assert_int_eq(w.client->ops->send(w.client, STR("x"), false), -1);
	wire_close(&w);
}
END_TEST

CASE(case_io)
{
	TCase *t = tcase_create("io");

	tcase_add_test(t, lends);
	tcase_add_loop_test(t, reads_and_closes, 0, 2);
	tcase_add_loop_test(t, writes_its_own_records, 0, 2);
	tcase_add_loop_test(t, authorizes, 0, 3);
	tcase_add_loop_test(t, body_and_its_length, 0, 2 * (int)NROWS(bodies));
	tcase_add_test(t, refuses_other_first_records);
	tcase_add_test(t, broken_request_ends_at_once);
	tcase_add_test(t, keeps_what_does_not_fit);
	return t;
}
