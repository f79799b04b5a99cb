/*
 * total(4) headers(4) crc(4) | headers | payload | crc(4), all big-endian; the
 * first sum covers the lengths, the second all that comes before it.
 */
#include <zlib.h>

#include "http/eventstream.h"

#define PRELUDE ((size_t)12)
#define FRAME (PRELUDE + 4) /* all but headers and payload */
#define TYPE_BYTES 6
#define TYPE_STRING 7
#define HEADERS_MAX 128 /* in number */

/* What the headers of a message say; the rest of them means nothing to us. */
struct message {
	struct str kind; /* "event", "exception", "error" */
	struct str event;
	struct str exception;
	struct str code;
	struct str payload;
};

static const struct {
	const char *name;
	int status;
} statuses[] = {
	{ "AccessDenied", 403 },
	{ "ExpiredToken", 403 },
	{ "IncompleteSignature", 403 },
	{ "InternalFailure", 500 },
	{ "InternalServer", 500 },
	{ "InvalidSignature", 403 },
	{ "MissingAuthenticationToken", 403 },
	{ "ModelError", 424 },
	{ "ModelNotReady", 429 },
	{ "ModelStreamError", 424 },
	{ "ModelTimeout", 408 },
	{ "ResourceNotFound", 404 },
	{ "ServiceQuotaExceeded", 429 },
	{ "ServiceUnavailable", 503 },
	{ "Throttling", 429 },
	{ "TooManyRequests", 429 },
	{ "UnknownOperation", 404 },
	{ "UnrecognizedClient", 403 },
	{ "Validation", 400 },
};

int
eventstream_status(struct str s)
{
	static const struct str tail = STR("Exception");
	struct str name = str_split(&s, ':');
	const char *hash = memrchr(name.p == NULL ? "" : name.p, '#', name.n);
	size_t i;

	if (hash != NULL) { /* "com.amazon.coral.service#Name" */
		name.n -= (size_t)(hash + 1 - name.p);
		name.p = hash + 1;
	}
	name = str_trim(name);
	if (name.n > tail.n &&
	    memcmp(name.p + name.n - tail.n, tail.p, tail.n) == 0)
		name.n -= tail.n;
	for (i = 0; i < NROWS(statuses); i++)
		if (str_is_nocase(name, statuses[i].name))
			return statuses[i].status;
	return 0;
}

static uint32_t
read32(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static bool
is_sum(struct str s)
{
	return crc32_z(0, (const unsigned char *)s.p, s.n) == read32(s.p + s.n);
}

static int
broken(struct err *e, const char *what)
{
	return err_set(e, ERR_UPSTREAM, "Event stream is broken: %s", what);
}

/* --- headers --- */

/* Take n bytes off the front; false: there are not as many. */
static bool
take(struct str *rest, size_t n, struct str *out)
{
	if (rest->n < n)
		return false;
	*out = (struct str){ rest->p, n };
	rest->p += n;
	rest->n -= n;
	return true;
}

int
eventstream_header(struct str *rest, struct eventstream_header *h)
{
	static const size_t sizes[] = { 0, 0, 1, 2, 4, 8, 0, 0, 8, 16 };
	struct str s;
	size_t n;

	if (rest->n == 0)
		return 0;
	if (!take(rest, 1, &s) || !take(rest, (unsigned char)*s.p, &h->name) ||
	    h->name.n == 0 || !take(rest, 1, &s))
		return -1;
	h->type = (unsigned char)*s.p;
	if (h->type >= (int)NROWS(sizes))
		return -1;
	n = sizes[h->type];
	if (h->type == TYPE_BYTES || h->type == TYPE_STRING) {
		if (!take(rest, 2, &s))
			return -1;
		n = (size_t)(unsigned char)s.p[0] << 8 | (unsigned char)s.p[1];
	}
	return take(rest, n, &h->value) ? 1 : -1;
}

/* Is the first header of this name another one? */
static bool
is_repeated(struct str before, struct str name)
{
	struct eventstream_header h;

	while (eventstream_header(&before, &h) == 1)
		if (str_eq(h.name, name))
			return h.name.p != name.p;
	return false;
}

static int
read_headers(struct str all, struct message *m, struct err *e)
{
	const struct {
		const char *name;
		struct str *to;
	} rows[] = {
		{ ":message-type", &m->kind },
		{ ":event-type", &m->event },
		{ ":exception-type", &m->exception },
		{ ":error-code", &m->code },
	};
	struct eventstream_header h;
	struct str rest = all;
	int rc, n = 0;
	size_t i;

	while ((rc = eventstream_header(&rest, &h)) == 1) {
		if (++n > HEADERS_MAX || is_repeated(all, h.name))
			return broken(e, "bad headers");
		for (i = 0; i < NROWS(rows); i++)
			if (str_is(h.name, rows[i].name) &&
			    h.type == TYPE_STRING)
				*rows[i].to = h.value;
	}
	return rc == -1 ? broken(e, "bad header") : 0;
}

/* --- messages --- */

/* An exception ends the stream, and so does an error (trap 16). */
static int
take_failure(const struct message *m, struct err *e)
{
	struct str name = m->exception.n > 0 ? m->exception : m->code;

	e->status = eventstream_status(name);
	return err_set(e, ERR_UPSTREAM, "Provider sent an error: %.*s",
	    name.n > 100 ? 100 : (int)name.n, name.n == 0 ? "" : name.p);
}

static int
take_message(struct str msg, sse_fn *fn, void *arg, struct err *e)
{
	struct str headers = { msg.p + PRELUDE, read32(msg.p + 4) };
	struct message m = { .payload = { headers.p + headers.n,
				 msg.n - FRAME - headers.n } };
	struct sse_event ev;

	if (!is_sum((struct str){ msg.p, msg.n - 4 }))
		return broken(e, "bad check sum");
	if (read_headers(headers, &m, e) == -1)
		return -1;
	if (m.exception.p != NULL || m.code.p != NULL ||
	    str_is(m.kind, "exception") || str_is(m.kind, "error"))
		return take_failure(&m, e);
	ev = (struct sse_event){ m.event, m.payload };
	return fn(arg, &ev, e);
}

/* The length of the message that begins so; 0: the bytes do not tell yet. */
static int
read_length(
    const struct eventstream *s, struct str in, size_t *out, struct err *e)
{
	size_t total, headers;

	*out = 0;
	if (in.n < PRELUDE)
		return 0;
	if (!is_sum((struct str){ in.p, 8 }))
		return broken(e, "bad check sum of lengths");
	total = read32(in.p);
	headers = read32(in.p + 4);
	if (headers > EVENTSTREAM_HEADERS_MAX || total < FRAME + headers)
		return broken(e, "bad lengths");
	if (total - FRAME - headers > s->max ||
	    total - FRAME - headers > EVENTSTREAM_PAYLOAD_MAX)
		return err_set(
		    e, ERR_UPSTREAM, "Event of the provider is too large");
	*out = total;
	return 0;
}

/* Fill up the message that is in the buffer with what has come. */
static int
fill(
    struct eventstream *s, struct str *in, sse_fn *fn, void *arg, struct err *e)
{
	size_t want = s->need == 0 ? PRELUDE : s->need, n = want - s->in.n;
	int rc;

	if (n > in->n)
		n = in->n;
	buf_add(&s->in, (struct str){ in->p, n });
	in->p += n;
	in->n -= n;
	if (s->in.n < want)
		return 0;
	if (s->need == 0 && read_length(s, buf_str(&s->in), &s->need, e) == -1)
		return -1;
	if (s->in.n < s->need)
		return 0;
	rc = take_message(buf_str(&s->in), fn, arg, e);
	buf_clear(&s->in);
	s->need = 0;
	return rc;
}

int
eventstream_feed(
    struct eventstream *s, struct str in, sse_fn *fn, void *arg, struct err *e)
{
	size_t n;
	int rc;

	while (in.n > 0) {
		n = 0;
		if (s->in.n == 0 && read_length(s, in, &n, e) == -1)
			return -1;
		if (n == 0 || n > in.n) {
			rc = fill(s, &in, fn, arg, e);
		} else {
			rc = take_message((struct str){ in.p, n }, fn, arg, e);
			in.p += n;
			in.n -= n;
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
eventstream_end(const struct eventstream *s, struct err *e)
{
	return s->in.n > 0 ? broken(e, "cut") : 0;
}

void
eventstream_free(struct eventstream *s)
{
	buf_free(&s->in);
}
