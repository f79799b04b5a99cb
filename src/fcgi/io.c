/*
 * A request comes in one of two ways.  Small ones mostly arrive as a whole:
 * then the loop takes them out of the socket in one piece (record.c).  All
 * others are read by libfcgi on a front thread.
 *
 * What differs from the usual use of libfcgi: the connection was accepted by
 * the loop, so FCGX_Accept_r() finds a descriptor in place and only reads; and
 * as soon as the body is read libfcgi's buffers are given back, so that a
 * stream of minutes does not keep 18 KB of them.  tests/fcgi/check_io.c pins
 * the fields of FCGX_Request that this needs.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fastcgi.h>
#include <fcgiapp.h>

#include "base/buf.h"
#include "fcgi/io.h"
#include "fcgi/record.h"

#define HEADER RECORD_HEADER
#define PEEK_MAX 16384 /* requests up to this size begin on the loop */
#define SMALL 2048 /* bytes that are sent as one piece */
#define PENDING_MAX ((size_t)256 * 1024 * 1024)
#define RECEIVE_TIMEOUT_S 30 /* the web server has the request already */

struct conn {
	struct client client; /* first, so casts work */
	int fd;
	int id; /* of the FastCGI request */
	bool keep;
	bool authorizer; /* there is no body, whatever is announced */
	bool reading; /* libfcgi holds buffers */
	size_t whole; /* bytes of a request that is there as a whole, or 0 */
	struct str body; /* of it */
	FCGX_Request fcgi;
	struct buf pending;
	size_t sent; /* of pending */
	const struct str *lent; /* what comes behind it, not ours */
	int nlent;
	size_t taken; /* of the first of them */
};

static struct conn *
conn_of(const struct client *c)
{
	return (struct conn *)(uintptr_t)c;
}

/*
 * A first record that is no BEGIN_REQUEST, or one of id 0, can hang or crash
 * libfcgi (GET_VALUES with many names overflows a buffer in 2.4.2).
 */
static int
conn_ready(struct client *client)
{
	struct conn *c = conn_of(client);
	unsigned char h[PEEK_MAX] __attribute__((uninitialized));
	ssize_t n;

	if (c->whole > 0)
		return 2;
	n = recv(c->fd, h, sizeof(h), MSG_PEEK | MSG_DONTWAIT);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n < HEADER || h[0] != 1 || h[1] != RECORD_BEGIN ||
	    (h[2] | h[3]) == 0)
		return -1;
	if (!record_is_whole((struct str){ (char *)h, (size_t)n }))
		return 1;
	c->whole = (size_t)n;
	return 2;
}

/* Take it out of the socket, where it has been seen to be. */
static int
take_whole(struct conn *c, struct arena *a, struct inbound *in)
{
	char h[PEEK_MAX] __attribute__((uninitialized));
	struct record_request r;
	ssize_t n;

	n = recv(c->fd, h, c->whole, MSG_DONTWAIT);
	if (n != (ssize_t)c->whole ||
	    record_parse((struct str){ h, c->whole }, a, &r) == -1)
		return -1;
	c->id = r.id;
	c->keep = r.keep;
	c->authorizer = in->authorizer = r.authorizer;
	c->body = r.body;
	in->params = r.params;
	return 0;
}

/* The body of it is in the arena already. */
static int
whole_body(struct conn *c, int64_t announced, size_t max, struct str *out,
    struct err *e)
{
	size_t want = announced > 0 ? (size_t)announced : 0;

	*out = c->body;
	c->whole = 0;
	if (c->body.n > max || want > max)
		return err_set(e, ERR_TOO_LARGE,
		    "Request body exceeds %zu bytes", max);
	if (c->body.n < want)
		return err_set(e, ERR_BAD_PARAM,
		    "Request body is shorter than its Content-Length");
	if (c->body.n > want)
		return err_set(e, ERR_BAD_PARAM,
		    announced < 0 ? "Request body without Content-Length" :
				    "Request body is longer than its "
				    "Content-Length");
	return 0;
}

/* libfcgi's buffers go, the descriptor stays ours. */
static void
release(struct conn *c)
{
	if (!c->reading)
		return;
	c->fcgi.ipcFd = -1;
	FCGX_Free(&c->fcgi, 0);
	c->reading = false;
}

/* "NAME=VALUE" strings into the arena, in one block. */
static struct str *
copy_params(char **envp, struct arena *a)
{
	size_t count = 0, bytes = 0, i, n;
	struct str *v;
	char *p;

	for (i = 0; envp[i] != NULL; i++, count++)
		bytes += strlen(envp[i]) + 1;
	v = arena_zalloc(a, (count + 1) * sizeof(*v) + bytes);
	p = (char *)(v + count + 1);
	for (i = 0; i < count; i++) {
		n = strlen(envp[i]);
		memcpy(p, envp[i], n + 1);
		v[i] = (struct str){ p, n };
		p += n + 1;
	}
	return v;
}

static int
conn_head(struct client *client, struct arena *a, struct inbound *in)
{
	static const struct timeval wait = { .tv_sec = RECEIVE_TIMEOUT_S };
	struct conn *c = conn_of(client);

	if (c->whole > 0)
		return take_whole(c, a, in);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	FCGX_InitRequest(&c->fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	c->fcgi.ipcFd = c->fd;
	c->fcgi.keepConnection = 1;
	FCGX_Detach(&c->fcgi); /* or closing may wait two seconds */
	if (FCGX_Accept_r(&c->fcgi) != 0) {
		/* libfcgi has closed the descriptor. */
		c->fd = c->fcgi.ipcFd;
		return -1;
	}
	c->reading = true;
	c->id = c->fcgi.requestId;
	c->keep = c->fcgi.keepConnection != 0;
	c->authorizer = in->authorizer = c->fcgi.role == FCGI_AUTHORIZER;
	if (c->fcgi.role != FCGI_RESPONDER && !c->authorizer)
		return -1;
	in->params = copy_params(c->fcgi.envp, a);
	/* libfcgi takes the end of the file for the end of the parameters. */
	return inbound_param(in, "REQUEST_METHOD").p != NULL ? 0 : -1;
}

/* Read and drop what is left of the body. */
static void
drain(struct conn *c)
{
	char tmp[8192];

	while (FCGX_GetStr(tmp, sizeof(tmp), c->fcgi.in) > 0)
		;
}

static int
conn_body(struct client *client, struct arena *a, int64_t announced, size_t max,
    struct str *out, struct err *e)
{
	struct conn *c = conn_of(client);
	size_t want = announced > 0 ? (size_t)announced : 0, n = 0;
	char *p;
	int rc = 0, got = 0;

	*out = STR("");
	if (c->authorizer) {
		c->whole = 0;
		release(c);
		return 0;
	}
	if (c->whole > 0)
		return whole_body(c, announced, max, out, e);
	if (want > max) {
		drain(c);
		release(c);
		return err_set(e, ERR_TOO_LARGE,
		    "Request body exceeds %zu bytes", max);
	}
	p = arena_alloc(a, want + 1);
	while (n < want && (got = FCGX_GetStr(p + n, (int)(want - n),
				c->fcgi.in)) > 0)
		n += (size_t)got;
	p[n] = '\0';
	*out = (struct str){ p, n };
	if (n < want)
		rc = err_set(e, ERR_BAD_PARAM,
		    "Request body is shorter than its Content-Length");
	else if (FCGX_GetChar(c->fcgi.in) != -1) {
		rc = err_set(e, ERR_BAD_PARAM,
		    announced < 0 ? "Request body without Content-Length" :
				    "Request body is longer than its "
				    "Content-Length");
		drain(c);
	}
	release(c);
	return rc;
}

static int
conn_fd(const struct client *c)
{
	return conn_of(c)->fd;
}

/* Framed bytes that did not go out. */
static size_t
kept(const struct conn *c)
{
	return c->pending.n - c->sent;
}

static size_t
conn_pending(const struct client *client)
{
	const struct conn *c = conn_of(client);
	size_t n = kept(c);
	int i;

	for (i = 0; i < c->nlent; i++)
		n += c->lent[i].n;
	return n - c->taken;
}

/* End of the stream, then end of the request: complete, status 0. */
#define TRAILER (3 * HEADER)
static void
put_trailer(unsigned char *t, int id)
{
	record_header(t, RECORD_STDOUT, id, 0);
	record_header(t + HEADER, RECORD_END, id, HEADER);
	memset(t + 2 * HEADER, 0, HEADER);
}

static int
flush_kept(struct conn *c)
{
	ssize_t n;

	while (c->sent < c->pending.n) {
		n = send(c->fd, c->pending.p + c->sent, c->pending.n - c->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		c->sent += (size_t)n;
	}
	buf_free(&c->pending);
	c->sent = 0;
	return 0;
}

/* Keep what of these records did not go out. */
static int
keep_rest(struct conn *c, const struct iovec *v, int n, size_t gone)
{
	int i;

	for (i = 0; i < n; i++) {
		if (gone >= v[i].iov_len) {
			gone -= v[i].iov_len;
			continue;
		}
		buf_add(&c->pending,
		    (struct str){ (const char *)v[i].iov_base + gone,
			v[i].iov_len - gone });
		gone = 0;
	}
	return c->pending.full ? -1 : 0;
}

/* Events are small: copying one costs less than having the kernel gather it. */
static ssize_t
send_pieces(struct conn *c, struct iovec *v, int n)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)n };
	char all[SMALL] __attribute__((uninitialized));
	size_t len = 0;
	int i;

	if (v[0].iov_len + v[1].iov_len + v[2].iov_len > SMALL)
		return sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (i = 0; i < n; i++) {
		memcpy(all + len, v[i].iov_base, v[i].iov_len);
		len += v[i].iov_len;
	}
	return send(c->fd, all, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One record, and the end of all if `last`: one system call. */
static int
send_record(struct conn *c, struct str s, bool last)
{
	unsigned char h[HEADER], t[TRAILER];
	struct iovec v[3] = { { h, HEADER },
		{ (void *)(uintptr_t)s.p, s.n }, { t, TRAILER } };
	ssize_t n = 0;

	record_header(h, RECORD_STDOUT, c->id, s.n);
	put_trailer(t, c->id);
	if (s.n == 0) { /* an empty record would be the end of the stream */
		v[0].iov_len = 0;
		if (!last)
			return 0;
	}
	if (kept(c) == 0) {
		do
			n = send_pieces(c, v, last ? 3 : 2);
		while (n == -1 && errno == EINTR);
		if (n == -1 && errno != EAGAIN)
			return -1;
	}
	return keep_rest(c, v, last ? 3 : 2, n < 0 ? 0 : (size_t)n);
}

static int
conn_send(struct client *client, struct str s, bool last)
{
	struct conn *c = conn_of(client);
	struct str piece;

	do {
		piece = s;
		if (piece.n > RECORD_MAX)
			piece.n = RECORD_MAX;
		s.p += piece.n;
		s.n -= piece.n;
		if (send_record(c, piece, last && s.n == 0) == -1)
			return -1;
	} while (s.n > 0);
	return 0;
}

/* What is lent, a record at a time, while the socket takes it. */
static int
send_lent(struct conn *c)
{
	struct str piece;

	while (kept(c) == 0 && c->nlent > 0) {
		piece = c->lent[0];
		piece.p += c->taken;
		piece.n -= c->taken;
		if (piece.n > RECORD_MAX)
			piece.n = RECORD_MAX;
		c->taken += piece.n;
		if (c->taken == c->lent[0].n) {
			c->lent++;
			c->nlent--;
			c->taken = 0;
		}
		if (send_record(c, piece, c->nlent == 0) == -1)
			return -1;
	}
	return 0;
}

static int
conn_lend(struct client *client, const struct str *v, int n)
{
	struct conn *c = conn_of(client);

	c->lent = v;
	c->nlent = n;
	c->taken = 0;
	return send_lent(c);
}

static int
conn_flush(struct client *client)
{
	struct conn *c = conn_of(client);

	return flush_kept(c) == -1 ? -1 : send_lent(c);
}

static bool
conn_keeps(const struct client *c)
{
	return conn_of(c)->keep;
}

static int
conn_end(struct client *client, bool keep)
{
	struct conn *c = conn_of(client);

	release(c);
	c->whole = 0;
	if (keep && c->nlent == 0 && c->keep && conn_pending(client) == 0 &&
	    c->fd != -1)
		return 1;
	buf_free(&c->pending);
	if (c->fd != -1)
		close(c->fd);
	free(c);
	return 0;
}

static const struct client_ops conn_ops = {
	.ready = conn_ready,
	.head = conn_head,
	.body = conn_body,
	.fd = conn_fd,
	.send = conn_send,
	.lend = conn_lend,
	.flush = conn_flush,
	.pending = conn_pending,
	.keeps = conn_keeps,
	.end = conn_end,
};

struct client *
io_open(int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		abort();
	c->client.ops = &conn_ops;
	c->fd = fd;
	c->pending.limit = PENDING_MAX;
	return &c->client;
}

void
io_init(void)
{
	FCGX_Init();
}
