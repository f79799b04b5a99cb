#ifndef PIPELINE_REPLY_H
#define PIPELINE_REPLY_H

#include "pipeline/stage.h"

/*
 * Status, headers and bodies to the client, api.md 1.5 and 2.  All of these
 * send what fits and leave the rest with the client's buffer; -1 and r->gone:
 * nobody is there any more.
 */

/* A whole answer; `type` NULL: JSON.  `extra`: further header lines. */
int reply_whole(struct req *, int status, const char *type, struct str extra,
    struct str body);

/*
 * A 200 with these header lines and nothing else: to a web server that makes
 * variables of them and adds all others to the answer of somebody else.
 */
int reply_allow(struct req *, struct str lines);

/*
 * A 200 with a body that is sent from where it is: what it points to lives as
 * long as the request.
 */
int reply_pieces(struct req *, const struct pieces *);

/* The error in r->err, in the client's format.  Before the status only. */
int reply_error(struct req *);

/* Bytes of a stream; the first bring the head of a 200 with them. */
int reply_more(struct req *, struct str bytes, bool last);
/* The error as the stream's last event, api.md 2.5. */
int reply_stream_error(struct req *);

/* Which format errors have: header, project, setting, then by client. */
void reply_format(struct req *);
/* The first three of them alone, for a stream that may fail later. */
void reply_asked_format(struct req *);

/* DONE if all was sent, AWAY if the loop has the rest. */
enum verdict reply_finish(struct req *);

#endif
