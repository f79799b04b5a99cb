#ifndef HTTP_EVENTSTREAM_H
#define HTTP_EVENTSTREAM_H

#include "http/sse.h"

/*
 * application/vnd.amazon.eventstream: messages with two check sums.  They come
 * out as events like those of SSE: the name is ":event-type", the data is the
 * payload.  Whatever is wrong with a message is an error, and so is an
 * exception or error message of the provider: no dialect needs to know them.
 */
struct eventstream {
	struct buf in; /* the beginning of a message that a read has cut */
	size_t need;   /* bytes of the message in `in`; 0: not known yet */
	size_t max;    /* of a payload; more than the format allows is less */
};

#define EVENTSTREAM_HEADERS_MAX ((size_t)128 * 1024)
#define EVENTSTREAM_PAYLOAD_MAX ((size_t)24 * 1024 * 1024)
#define EVENTSTREAM_LIMIT(m)                                                   \
	((struct eventstream){                                                 \
	    .in = { .limit = (m) + EVENTSTREAM_HEADERS_MAX + 16 },             \
	    .max = (m) })
#define EVENTSTREAM_INIT EVENTSTREAM_LIMIT(SSE_EVENT_MAX)

/*
 * Feed bytes as they arrive, split anywhere; fn runs once per message that is
 * an event.  -1 with ERR_UPSTREAM if a message is broken or too large, or is
 * the provider's error: then err->status is the one that its name stands for,
 * and err->msg the name.  Else what fn returned.
 */
int eventstream_feed(
    struct eventstream *, struct str, sse_fn *fn, void *arg, struct err *);

/* The stream is over: -1 if that was in the middle of a message (trap 14). */
int eventstream_end(const struct eventstream *, struct err *);

void eventstream_free(struct eventstream *);

/*
 * The status that the name of an AWS exception stands for ("throttling",
 * "ThrottlingException:http://..."); 0: not known.  In a stream it is all there
 * is, and where there is a status it is often 400.
 */
int eventstream_status(struct str exception);

/* One header of a message. */
struct eventstream_header {
	struct str name;
	int type;         /* 0 to 9 */
	struct str value; /* its bytes, without the length */
};

/* The next one of *rest.  1: there was; 0: none is left; -1: broken. */
int eventstream_header(struct str *rest, struct eventstream_header *);

#endif
