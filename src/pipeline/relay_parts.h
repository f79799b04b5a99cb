#ifndef PIPELINE_RELAY_PARTS_H
#define PIPELINE_RELAY_PARTS_H

/* What the files of the relay share; nobody else includes it. */
#include "http/eventstream.h"
#include "http/sse.h"
#include "pipeline/relay.h"

#define RELAY_ANSWER_MAX ((size_t)64 * 1024 * 1024)

/* A tool that the provider knows by another name. */
struct relay_name {
	struct relay_name *next;
	struct str sent;
	struct str own; /* the client's */
};

/*
 * `patched` streams and whole answers never become events.  All others do:
 * they are collected (`fold`) if the client wants one piece or the text must
 * be seen whole, else encoded as they come.
 */
struct relay {
	struct llm_sink sink;  /* first, so casts work: events end here */
	struct llm_sink coded; /* those that guardrails let go on */
	struct req *r;
	const struct dialect *to;   /* the client's */
	const struct dialect *from; /* the provider's */
	struct frame frame;
	enum framing framing;
	struct sse sse;            /* FRAMING_SSE, */
	struct eventstream frames; /* or the others */
	bool streams;              /* the provider's side */
	bool patched;
	bool replays;  /* what was folded goes out as events */
	bool terminal; /* the provider's last event has been seen */
	bool judged;   /* webhooks have been or are to be asked */
	bool waits;    /* for them */
	void *state;   /* of the patched stream, or of the decoder */
	void *enc;
	struct buf
	    *out; /* the loop's, or `own` when it may be a front's turn */
	struct buf own;
	struct llm_fold *fold;
	struct llm_answer *answer; /* what is folded */
	struct llm_facts facts;    /* unless the patched stream keeps them */
	struct tail tail;
	struct relay_name *names;
	struct draw *draw; /* of images, else NULL */
};

struct draw {
	int64_t wanted; /* calls of one image each that are to be made */
	bool bytes;     /* and no URLs: they are fetched */
	int images_in;
	struct llm_picture picture; /* asked for */
	struct llm_usage before;    /* of the calls before this one */
};

/* Cost and metadata, once all of the answer is known. */
const struct tail *relay_tail(struct relay *, struct arena *);
/* Usage of this call alone, as reported or estimated. */
void relay_told_usage(
    const struct req *, const struct llm_facts *, struct llm_usage *);
/* From here on events are collected. */
void relay_start_fold(struct relay *);
/* The answer is not what was prepared for: it is decoded, from its beginning. */
void relay_recode(struct relay *);

/* relay_stream.c: send what the last events made. */
void relay_send_out(struct req *, bool last);

/* relay_whole.c: what was folded goes out, as events or in one piece. */
int relay_send_folded(struct relay *);

#endif
