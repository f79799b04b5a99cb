#ifndef PIPELINE_RELAY_H
#define PIPELINE_RELAY_H

#include "base/conf.h"
#include "dialect/dialect.h"
#include "pipeline/stage.h"

/*
 * How the answer of one attempt is passed on.  One of four ways, chosen once
 * before the first byte:
 *
 *	patched stream	both sides stream the same dialect: events are
 *			patched in place
 *	patched whole	both sides plain, same dialect
 *	folded		the provider streams, the client does not (or the text
 *			must be seen whole): events are folded into an answer
 *	replayed	the provider cannot stream, the client does
 */

/* stream_usage, as dialects are told it. */
enum frame_usage relay_shows_usage(const struct conf *);

/* Front threads, before the attempt starts. */
void relay_begin(struct req *, const struct target *);
/*
 * After the request is made: tools that the provider is told under other names
 * come back under the client's.
 */
void relay_names(struct req *, const struct target *);

/* Does the transfer stream, so that bytes go to relay_feed()? */
bool relay_streams(const struct req *);

/* Bytes of a stream.  -1: r->err says what is wrong with them. */
int relay_feed(struct req *, struct str);

/* Send what relay_feed() has left in the loop's buffer. */
void relay_flush(struct req *);

/* The stream's body has ended well.  0: the answer is complete and sent. */
int relay_end(struct req *);

/*
 * A whole body (r->whole).  0: the answer is complete and sent; 1: more images
 * are wanted than a call makes, and the same call is to be made once more; 2: images
 * are to be fetched (relay_parts()) before relay_send().
 */
int relay_whole(struct req *);
struct llm_part *relay_parts(struct req *);
int relay_send(struct req *);
/*
 * Is an answer that was said to be complete not sent, because webhooks are to
 * judge it (judge_answer())?  Then relay_send() follows.
 */
bool relay_waits(const struct req *);

/* The images of calls before one that failed.  -1: there are none. */
int relay_made(struct req *);

/* A refusal for content as an answer of its own: 200, content_filter. */
int relay_refusal(struct req *);

/* r->err as an event of the stream that has begun. */
void relay_error(struct req *, struct buf *);

/* What is known of the answer so far; never NULL after relay_begin(). */
const struct llm_facts *relay_facts(const struct req *);

/* Usage as reported, or estimated; and its cost. */
void relay_usage(const struct req *, struct llm_usage *);

void relay_free(struct req *);

#endif
