#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include <stdint.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/request.h"

/*
 * One transfer as a curl handle.  Every option that every transfer needs is
 * set here and nowhere else (house.md 2.3): no redirects, no proxy or
 * credentials from the environment, no Expect, HTTP/1.1, names resolved off
 * the loop, verification of certificates not configurable.
 */
struct call;

/* All run on the thread that drives the multi handle, inside curl. */
struct call_ops {
	/* Bytes of the body; status and headers are known.  -1 ends it. */
	int (*body)(void *arg, struct str);
	/* Over: err is ERR_NONE, or says what broke. */
	void (*end)(void *arg, const struct err *);
};

/* What an attempt may need of the answer's headers. */
struct call_head {
	int status;            /* 0: none yet */
	int64_t retry_after_ms; /* -1: not told */
	bool json;             /* Content-Type is JSON */
	bool sse;              /* text/event-stream */
	char error[64];        /* x-amzn-errortype, or "" */
};

struct call_limits {
	int64_t connect_ms;
	int64_t total_ms; /* for all of it; 0: the caller watches */
	size_t body_max; /* of a whole answer, after decoding */
	bool stream;     /* small pieces over a long time: a small buffer */
	bool fresh;      /* over no kept connection */
};

/* Handles waiting for the next transfer, of one thread. */
struct call_pool;
/*
 * Told of each connection's descriptor, when it has been opened and before it
 * is closed; not of sockets inside curl (the resolver's).
 */
struct call_sockets {
	void (*opened)(void *arg, int fd);
	void (*closing)(void *arg, int fd);
	void *arg;
};
struct call_pool *call_pool_new(const struct http_way *,
    const struct call_sockets *);
void call_pool_free(struct call_pool *);

/*
 * Start the request on the multi handle.  The request and what it points to
 * must live until end() has run or call_cancel() returned.  NULL: `err` says
 * why (bad URL).
 */
struct call *call_start(struct call_pool *, CURLM *,
    const struct http_request *, const struct call_limits *,
    const struct call_ops *, void *arg, struct err *);
const struct call_head *call_head(const struct call *);
void call_pause(struct call *, bool);
void call_cancel(struct call *); /* no callback runs any more */

/* Has all of the request gone out, so that its body may be freed? */
bool call_sent(const struct call *);

/* Take finished transfers off the multi handle and run their end(). */
void call_reap(CURLM *);

#endif
