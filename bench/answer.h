#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads one answer of HTTP/1.1 as it arrives and checks it: status 200, and
 * for a plain answer the mock's text with usage, for a stream all pieces in
 * order, then finish_reason, usage and [DONE].
 */

#define ANSWER_HELD 8192 /* head, plain body or one line of a stream */

enum answer_state {
	ANSWER_HEAD,
	ANSWER_BODY,
	ANSWER_SIZE, /* of a chunk */
	ANSWER_DATA,
	ANSWER_DATA_END,
	ANSWER_TRAILER,
	ANSWER_DONE,
};

/* A piece of a stream that the mock wrote at that time. */
typedef void answer_fn(void *arg, int64_t written_us);

struct answer {
	enum answer_state state;
	bool stream;
	bool chunked;
	bool to_eof; /* the body ends with the connection */
	bool close;  /* the server will close the connection */
	bool disorder;
	bool finish;
	bool usage;
	bool done;
	bool too_long;
	int status;
	int seq; /* of the last piece */
	int64_t left;
	answer_fn *on_piece;
	void *arg;
	size_t n;
	char p[ANSWER_HELD + 1]; /* not cleared by answer_reset() */
};

void answer_reset(struct answer *, bool stream, answer_fn *, void *arg);
/* True as soon as the answer has ended, well or not; the rest is ignored. */
bool answer_feed(struct answer *, const char *, size_t);
/* The connection has ended: did the answer end with it? */
bool answer_eof(struct answer *);
/* What is wrong with an answer that has ended, NULL if nothing. */
const char *answer_fault(const struct answer *, int pieces);

#endif
