#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sys/socket.h>

#include "http/address.h"
#include "http/call.h"

#define POOL_MAX 1024       /* idle handles kept: about 5 KB each */
#define HEADERS_MAX (128 * 1024)
#define SENDS_MAX 2
/* curl reads into this; of 16 KB a stream of small pieces uses a page or two. */
#define STREAM_BUFFER 2048L
#define WHOLE_BUFFER 16384L
#define IDENTITY "identity"

struct call {
	struct call *next; /* in the pool */
	CURL *easy;
	struct call_pool *pool;
	CURLM *multi;
	struct curl_slist *headers; /* as curl has them */
	struct http_way way;        /* likewise, if way_set */
	long buffer;
	bool way_set;
	bool guarded; /* public_only: used once */
	bool fresh;   /* what the handle was told last */
	const struct call_ops *ops;
	void *arg;
	struct call_head head;
	struct call_limits limits;
	curl_off_t body; /* bytes to send */
	const struct str *parts; /* of a body in pieces */
	int nparts;
	int part;  /* the next to send from, */
	size_t at; /* there */
	size_t got;
	size_t header_bytes;
	int sends;    /* how often the request has been sent */
	bool in_body; /* a status line has been read to its end */
	char error[CURL_ERROR_SIZE];
};

struct call_pool {
	struct call *idle;
	int nidle;
	struct http_way way;
	const char *system_cas; /* as curl was built */
	struct call_sockets sockets;
};

struct call_pool *
call_pool_new(
    const struct http_way *way, const struct call_sockets *sockets)
{
	struct call_pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	p->way = *way;
	p->system_cas = curl_version_info(CURLVERSION_NOW)->cainfo;
	p->sockets = *sockets;
	return p;
}

static void
call_free(struct call *c)
{
	curl_slist_free_all(c->headers);
	curl_easy_cleanup(c->easy);
	free(c);
}

void
call_pool_free(struct call_pool *p)
{
	struct call *c;

	if (p == NULL)
		return;
	while ((c = p->idle) != NULL) {
		p->idle = c->next;
		call_free(c);
	}
	free(p);
}

/* "Name: value" of this name: the value, else absent. */
static struct str
header_value(struct str line, const char *name)
{
	size_t n = strlen(name);

	while (line.n > 0 && (line.p[line.n - 1] == '\n' ||
				 line.p[line.n - 1] == '\r'))
		line.n--;
	if (line.n <= n || line.p[n] != ':' ||
	    strncasecmp(line.p, name, n) != 0)
		return STR_NONE;
	return str_trim((struct str){ line.p + n + 1, line.n - n - 1 });
}

/* Whole or decimal number of `unit_ms` units; the HTTP date form by curl. */
static int64_t
delay_ms(struct str v, int64_t unit_ms)
{
	char tmp[48], *end;
	double d;
	time_t at;

	if (v.n == 0 || v.n >= sizeof(tmp))
		return -1;
	memcpy(tmp, v.p, v.n);
	tmp[v.n] = '\0';
	d = strtod(tmp, &end);
	if (*end == '\0' && d >= 0 && d < 1e9)
		return (int64_t)(d * (double)unit_ms);
	if ((at = curl_getdate(tmp, NULL)) == -1)
		return -1;
	at -= time(NULL);
	return at < 0 ? 0 : (int64_t)at * 1000;
}

static void
take_header(struct call *c, struct str line)
{
	struct str v;
	int64_t ms;

	if ((v = header_value(line, "content-type")).p != NULL) {
		c->head.json =
		    v.n >= 16 && strncasecmp(v.p, "application/json", 16) == 0;
		c->head.sse =
		    v.n >= 17 && strncasecmp(v.p, "text/event-stream", 17) == 0;
		return;
	}
	if ((v = header_value(line, "x-amzn-errortype")).p != NULL) {
		snprintf(c->head.error, sizeof(c->head.error), "%.*s",
		    STR_ARG(v)); /* what is behind the name may be long */
		return;
	}
	if ((v = header_value(line, "retry-after-ms")).p == NULL)
		v = header_value(line, "x-ms-retry-after-ms");
	if (v.p != NULL)
		ms = delay_ms(v, 1);
	else if ((v = header_value(line, "retry-after")).p != NULL &&
	    c->head.retry_after_ms == -1)
		ms = delay_ms(v, 1000);
	else
		return;
	if (ms >= 0)
		c->head.retry_after_ms = ms;
}

static size_t
on_header(char *p, size_t one, size_t n, void *arg)
{
	struct call *c = arg;
	struct str line = { p, one * n };

	c->header_bytes += line.n;
	if (c->header_bytes > HEADERS_MAX)
		return 0;
	if (str_starts(line, "HTTP/")) {
		c->head = (struct call_head){ .retry_after_ms = -1 };
		c->in_body = false;
	} else if (line.n <= 2)
		c->in_body = true;
	else
		take_header(c, line);
	return line.n;
}

/*
 * curl sends again, up to five times, when kept connections turn out to be
 * dead; once is what we promise (reliability.md F36).
 */
static int
on_send(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct call *c = arg;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	return ++c->sends > SENDS_MAX ? CURL_PREREQFUNC_ABORT :
					CURL_PREREQFUNC_OK;
}

static curl_socket_t
on_open(void *arg, curlsocktype type, struct curl_sockaddr *to)
{
	const struct call_pool *p = arg;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);

	(void)type;
	if (fd == -1)
		return CURL_SOCKET_BAD;
	p->sockets.opened(p->sockets.arg, fd);
	return fd;
}

/* The pool outlives the connection, as the multi handle ends before it. */
static int
on_close(void *arg, curl_socket_t fd)
{
	const struct call_pool *p = arg;

	p->sockets.closing(p->sockets.arg, fd);
	return close(fd);
}

static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct call *c = arg;
	long status = 0;

	if (c->head.status == 0) {
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		c->head.status = (int)status;
	}
	n *= one;
	c->got += n;
	if (c->got > c->limits.body_max)
		return 0;
	return c->ops->body(c->arg, (struct str){ p, n }) == -1 ? 0 : n;
}

/* What every transfer has, set once in a handle's life. */
static void
set_always(struct call *c)
{
	CURL *h = c->easy;

	/* Without it, removing a handle during name look-up waits for it. */
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	/* 7.88 breaks prior-knowledge HTTP/2, and a paused stream grows. */
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(h, CURLOPT_PREREQDATA, c);
	curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, c->pool);
	curl_easy_setopt(h, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(h, CURLOPT_CLOSESOCKETDATA, c->pool);
	curl_easy_setopt(h, CURLOPT_PRIVATE, c);
	/* We ask for identity; who compresses all the same is decoded. */
	curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, IDENTITY);
}

static struct call *
take_call(struct call_pool *p)
{
	struct call *c = p->idle;

	if (c != NULL) {
		p->idle = c->next;
		p->nidle--;
		return c;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->easy = curl_easy_init()) == NULL)
		abort();
	c->pool = p;
	set_always(c);
	return c;
}

static void
give_back(struct call *c)
{
	struct call_pool *p = c->pool;

	c->multi = NULL;
	c->ops = NULL;
	if (p->nidle == POOL_MAX || c->guarded) {
		call_free(c);
		return;
	}
	c->next = p->idle;
	p->idle = c;
	p->nidle++;
}

/* The same headers as last time are there already. */
static bool
same_headers(const struct call *c, const struct http_request *q)
{
	const struct curl_slist *l = c->headers;
	int i;

	for (i = 0; i < q->nheaders; i++, l = l->next)
		if (l == NULL || strcmp(l->data, q->headers[i].p) != 0)
			return false;
	return l != NULL && l->next == NULL; /* the row of Expect */
}

static void
set_headers(struct call *c, const struct http_request *q)
{
	int i;

	if (same_headers(c, q))
		return;
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	for (i = 0; i < q->nheaders; i++)
		c->headers = curl_slist_append(c->headers, q->headers[i].p);
	c->headers = curl_slist_append(c->headers, "Expect:");
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

/* The request's own, else the general one, else NULL. */
static const char *
choose(const char *own, const char *general)
{
	if (own != NULL)
		return own;
	return general != NULL && *general != '\0' ? general : NULL;
}

/* What seldom differs from the transfer before; curl copies each string. */
static void
set_way(struct call *c, const struct http_request *q)
{
	const struct http_way *all = &c->pool->way;
	const struct http_way way = {
		.ca_file = choose(q->way.ca_file, all->ca_file),
		.certificate = choose(q->way.certificate, all->certificate),
		.proxy = choose(q->way.proxy, all->proxy),
	};
	long size = c->limits.stream ? STREAM_BUFFER : WHOLE_BUFFER;

	if (c->way_set && way.ca_file == c->way.ca_file &&
	    way.certificate == c->way.certificate &&
	    way.proxy == c->way.proxy && size == c->buffer)
		return;
	/* "" keeps *_proxy of the environment out as well. */
	curl_easy_setopt(
	    c->easy, CURLOPT_PROXY, way.proxy == NULL ? "" : way.proxy);
	/* The handle may have had another's; those of the system otherwise. */
	curl_easy_setopt(c->easy, CURLOPT_CAINFO,
	    way.ca_file != NULL ? way.ca_file : c->pool->system_cas);
	curl_easy_setopt(c->easy, CURLOPT_SSLCERT, way.certificate);
	curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, size);
	curl_easy_setopt(
	    c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->limits.connect_ms);
	c->way_set = true;
	c->way = way;
	c->buffer = size;
}

/* By what the name resolved to: no second look-up can come between. */
static curl_socket_t
open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	return address_is_public(&a->addr) ? on_open(arg, purpose, a) :
					     CURL_SOCKET_BAD;
}

/*
 * A URL of a client: https to open addresses, not through a proxy, not over a
 * connection that somebody opened before.
 */
static void
guard(struct call *c)
{
	CURL *h = c->easy;

	c->guarded = true;
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_public);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_SSLCERT, NULL);
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
}

/* The next bytes of a body in pieces. */
static size_t
on_read(char *p, size_t one, size_t n, void *arg)
{
	struct call *c = arg;
	size_t got = 0, k;

	for (n *= one; c->part < c->nparts && got < n; got += k) {
		const struct str *s = &c->parts[c->part];

		k = s->n - c->at < n - got ? s->n - c->at : n - got;
		memcpy(p + got, s->p + c->at, k);
		c->at += k;
		if (c->at == s->n) {
			c->part++;
			c->at = 0;
		}
	}
	return got;
}

/* It is sent once more, from its beginning. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct call *c = arg;

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	c->part = 0;
	c->at = 0;
	return CURL_SEEKFUNC_OK;
}

static void
set_parts(struct call *c, const struct http_request *q)
{
	c->parts = q->parts;
	c->nparts = q->nparts;
	c->part = 0;
	c->at = 0;
	if (q->parts == NULL)
		return;
	curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(c->easy, CURLOPT_SEEKDATA, c);
}

static int
set_request(struct call *c, const struct http_request *q, struct err *e)
{
	CURL *h = c->easy;

	if (curl_easy_setopt(h, CURLOPT_URL, q->url.p) != CURLE_OK)
		return err_set(e, ERR_INTERNAL, "bad provider URL");
	if (q->method != NULL && strcmp(q->method, "GET") == 0)
		curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
	else {
		curl_easy_setopt(h, CURLOPT_POST, 1L);
		set_parts(c, q);
		curl_easy_setopt(
		    h, CURLOPT_POSTFIELDS, q->parts != NULL ? NULL : q->body.p);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)q->body.n);
	}
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)c->limits.total_ms);
	set_headers(c, q);
	set_way(c, q);
	if (c->limits.fresh != c->fresh) {
		c->fresh = c->limits.fresh;
		curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, (long)c->fresh);
	}
	if (q->public_only)
		guard(c);
	return 0;
}

struct call *
call_start(struct call_pool *p, CURLM *multi, const struct http_request *q,
    const struct call_limits *limits, const struct call_ops *ops, void *arg,
    struct err *e)
{
	struct call *c = take_call(p);

	c->head = (struct call_head){ .retry_after_ms = -1 };
	c->limits = *limits;
	c->ops = ops;
	c->arg = arg;
	c->got = c->header_bytes = 0;
	c->sends = 0;
	c->body = (curl_off_t)q->body.n;
	c->in_body = false;
	c->error[0] = '\0';
	if (set_request(c, q, e) == -1) {
		give_back(c);
		return NULL;
	}
	if (curl_multi_add_handle(multi, c->easy) != CURLM_OK) {
		give_back(c);
		return err_set(e, ERR_INTERNAL, "cannot start a transfer"),
		       NULL;
	}
	c->multi = multi;
	return c;
}

const struct call_head *
call_head(const struct call *c)
{
	return &c->head;
}

void
call_pause(struct call *c, bool on)
{
	curl_easy_pause(c->easy, on ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

void
call_cancel(struct call *c)
{
	if (c == NULL)
		return;
	curl_multi_remove_handle(c->multi, c->easy);
	give_back(c);
}

/* What curl's verdict means to an attempt. */
static void
make_error(struct call *c, CURLcode rc, struct err *e)
{
	*e = (struct err){ .code = ERR_NONE };
	switch ((int)rc) {
	case CURLE_OK:
		break;
	case CURLE_OPERATION_TIMEDOUT: /* only connecting has a timer */
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_ABORTED_BY_CALLBACK: /* on_send(): dead again */
		err_set(e, ERR_FETCH, "Failed to connect to provider");
		break;
	case CURLE_RECV_ERROR:
		err_set(e, c->got == 0 && !c->in_body ? ERR_FETCH : ERR_UPSTREAM,
		    "Failed to connect to provider");
		break;
	case CURLE_WRITE_ERROR:
		err_set(e, ERR_UPSTREAM,
		    c->got > c->limits.body_max ? "answer too large" :
						  "answer refused");
		break;
	default: /* cut short, bad chunk, bad encoding */
		err_set(e, ERR_UPSTREAM, "answer broken");
		break;
	}
}

void
call_reap(CURLM *multi)
{
	const struct call_ops *ops;
	struct call *c;
	struct CURLMsg *m;
	struct err e;
	long status;
	void *arg;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		make_error(c, m->data.result, &e);
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		c->head.status = (int)status;
		curl_multi_remove_handle(multi, c->easy);
		ops = c->ops;
		arg = c->arg;
		ops->end(arg, &e);
		give_back(c);
	}
}

bool
call_sent(const struct call *c)
{
	curl_off_t n = 0;

	if (c == NULL)
		return true;
	curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &n);
	return n >= c->body;
}
