#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "base/buf.h"
#include "base/err.h"

/* One server-sent event.  Both views are valid only during the callback. */
struct sse_event {
	struct str name; /* "event:" field, or STR_NONE */
	struct str data; /* "data:" lines joined by '\n' */
};

/* 0: go on.  Anything else ends the feeding and is what the feeder returns. */
typedef int sse_fn(void *arg, const struct sse_event *, struct err *);

/*
 * A parser that is fed.  Zero plus the limits (SSE_INIT) is a valid one.  Lines
 * end with LF, CRLF or CR; a byte-order mark at the start is skipped.  What
 * lies whole inside the fed bytes is not copied; the buffers hold what a read
 * has cut.
 */
struct sse {
	struct buf line; /* the beginning of a line */
	struct buf name; /* of the event that is not over */
	struct buf data;
	struct buf rest;    /* lines that are no SSE, since the last event */
	struct str name_at; /* the same as views, during one feeding */
	struct str data_at;
	bool has_name;
	bool has_data;
	bool after_cr;
	unsigned char mark; /* bytes of the byte-order mark seen; 4: past it */
	unsigned comments;  /* lines that begin with a colon */
};

/* wire.md 1.1; models that draw send images in one event. */
#define SSE_EVENT_MAX ((size_t)1024 * 1024)
#define SSE_IMAGE_MAX ((size_t)32 * 1024 * 1024)
#define SSE_REST_MAX ((size_t)64 * 1024)
#define SSE_LIMIT(max)                                                         \
	((struct sse){ .line = { .limit = (max) },                             \
	    .name = { .limit = 256 },                                          \
	    .data = { .limit = (max) },                                        \
	    .rest = { .limit = SSE_REST_MAX } })
#define SSE_INIT SSE_LIMIT(SSE_EVENT_MAX)

/*
 * Feed bytes as they arrive, split anywhere; fn runs once per whole event.
 * -1 with ERR_UPSTREAM if an event is too large, else what fn returned.
 */
int sse_feed(struct sse *, struct str, sse_fn *fn, void *arg, struct err *);

/* The stream is over: run fn for an event whose blank line was forgotten. */
int sse_end(struct sse *, sse_fn *fn, void *arg, struct err *);

/*
 * The lines after the last event that were no SSE, joined by '\n'; call it
 * after sse_end().  Gemini and Vertex end a stream with a bare JSON error
 * (trap 10), and some servers answer a streaming request with plain JSON.
 */
struct str sse_rest(const struct sse *);

void sse_free(struct sse *);

/* Write one event: "event: name" (if any), "data: ...", blank line. */
void sse_put(struct buf *, struct str name, struct str data);

#endif
