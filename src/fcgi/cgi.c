/*
 * Plain CGI: the same stages, one request, one process.  Writing may block,
 * which hurts nobody else here.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "fcgi/io.h"

extern char **environ;

struct cgi {
	struct client client; /* first, so casts work */
	bool read;            /* the body was */
};

static struct cgi *
cgi_of(const struct client *c)
{
	return (struct cgi *)(uintptr_t)c;
}

static int
cgi_ready(struct client *c)
{
	(void)c;
	return 1;
}

static int
cgi_head(struct client *c, struct arena *a, struct inbound *in)
{
	size_t i, n;

	(void)c;
	for (n = 0; environ[n] != NULL; n++)
		;
	in->params = arena_zalloc(a, (n + 1) * sizeof(*in->params));
	for (i = 0; i < n; i++)
		in->params[i] = str_from(environ[i]);
	return 0;
}

/* Up to n bytes of standard input; how many there were. */
static size_t
read_in(char *p, size_t n)
{
	size_t got = 0;
	ssize_t k;

	while (got < n) {
		k = read(STDIN_FILENO, p + got, n - got);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	return got;
}

/* CGI promises no end of file behind the body, so nothing more is read. */
static int
cgi_body(struct client *c, struct arena *a, int64_t announced, size_t max,
    struct str *out, struct err *e)
{
	size_t want = announced > 0 ? (size_t)announced : 0, n;
	char *p;

	*out = STR("");
	cgi_of(c)->read = true;
	if (want > max)
		return err_set(e, ERR_TOO_LARGE,
		    "Request body exceeds %zu bytes", max);
	p = arena_alloc(a, want + 1);
	n = read_in(p, want);
	p[n] = '\0';
	*out = (struct str){ p, n };
	return n == want ? 0 :
			   err_set(e, ERR_BAD_PARAM,
			       "Request body is shorter than its "
			       "Content-Length");
}

static int
cgi_fd(const struct client *c)
{
	(void)c;
	return STDOUT_FILENO;
}

static int
cgi_send(struct client *c, struct str s, bool last)
{
	(void)c;
	(void)last;
	return file_put(STDOUT_FILENO, s);
}

static int
cgi_lend(struct client *c, const struct str *v, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (cgi_send(c, v[i], i == n - 1) == -1)
			return -1;
	return 0;
}

static int
cgi_flush(struct client *c)
{
	(void)c;
	return 0;
}

static size_t
cgi_pending(const struct client *c)
{
	(void)c;
	return 0;
}

static bool
cgi_keeps(const struct client *c)
{
	(void)c;
	return false;
}

static int
cgi_end(struct client *c, bool keep)
{
	(void)keep;
	free(cgi_of(c));
	return 0;
}

static const struct client_ops cgi_ops = {
	.ready = cgi_ready,
	.head = cgi_head,
	.body = cgi_body,
	.fd = cgi_fd,
	.send = cgi_send,
	.lend = cgi_lend,
	.flush = cgi_flush,
	.pending = cgi_pending,
	.keeps = cgi_keeps,
	.end = cgi_end,
};

struct client *
cgi_open(void)
{
	struct cgi *c = calloc(1, sizeof(*c));

	if (c == NULL)
		abort();
	c->client.ops = &cgi_ops;
	return &c->client;
}
