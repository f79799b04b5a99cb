#ifndef PIPELINE_LOOP_PARTS_H
#define PIPELINE_LOOP_PARTS_H

/* What the files of the loop share; nobody else includes it. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/call.h"
#include "pipeline/loop.h"
#include "pipeline/peers.h"

/* What an fd in the epoll is, if it is nobody's. */
enum watch_kind { WATCH_LISTEN, WATCH_WAKE };

/*
 * epoll's data is a tagged pointer: requests and idle clients are told apart
 * by their low bits; the rest is a kind, or a descriptor of curl.
 */
enum { TAG_KIND, TAG_REQ, TAG_IDLE, TAG_CURL, TAG_MASK = 3 };

/*
 * What the epoll knows of a connection to a provider, and what curl wants to
 * be known.  One that waits for its next transfer stays in the epoll, so that
 * a transfer on a kept connection costs no epoll_ctl().
 */
struct upstream_fd {
	bool ours;              /* a connection, and not a socket inside curl */
	uint32_t armed, wanted; /* events */
};

struct mail {
	pthread_mutex_t lock;
	struct req *first, **last;
	struct loop_task *tasks; /* in any order */
	struct client **kept;    /* connections that stay open */
	size_t nkept, maxkept;
	bool rung; /* the eventfd has been written */
};

struct loop {
	struct world *world;
	struct client *(*open)(int fd);
	struct peers *peers; /* who may connect; NULL without `listen` */
	int64_t told_ms;     /* of one that may not */
	int ep, wake, listen, reserve;
	bool listening;
	CURLM *multi;
	struct call_pool *pool;
	int64_t curl_due;        /* monotonic ms, -1: none */
	struct upstream_fd *fds; /* by descriptor */
	size_t nfds;
	struct arena *scratch;
	struct buf out;
	struct mail mail;
	pthread_t thread;
	struct req *given;   /* by stages that ran on this thread */
	struct req *writing; /* whose bytes are in `out` */
	struct batch *batch; /* records, written together */
	struct buf lines;    /* of the log, likewise */
	int64_t lines_due;
	struct req *live;    /* requests that the loop has */
	struct req *over;    /* to be ended after this batch of events */
	struct req *leaving; /* to go to a front thread after it */
	struct req *spare;   /* places for requests */
	int nspare;
	int64_t next_scan;
	atomic_llong drain_until; /* 0: not draining */
	int64_t cut_at;           /* when the time to drain was over */
	int idle;                 /* connections without a request */
};

static inline uint64_t
loop_tagged(const void *p, unsigned tag)
{
	return (uint64_t)(uintptr_t)p | tag;
}

/* Put an fd into the epoll, or change what it is watched for. */
void loop_watch(struct loop *, int fd, uint32_t events, uint64_t data, int op);

/* loop_curl.c: curl's handles; what happened to an fd, or curl's timer. */
void loop_curl_open(struct loop *, const struct conf *);
void loop_curl_drive(struct loop *, curl_socket_t fd, uint32_t events);

/* loop_accept.c: all that knock; one without a request; those given back. */
void loop_accept(struct loop *);
void loop_idle_look(struct loop *, struct client *, bool watched);
void loop_take_kept(struct loop *);

/* loop_mail.c */
void loop_mail_ring(struct loop *);
void loop_mail_read(struct loop *);

/* loop_req.c: one that was given to us; what its client did. */
void loop_req_take(struct loop *, struct req *);
void loop_req_client(struct loop *, struct req *, uint32_t events);
/* Look at every request whose time has come; find the next such time. */
void loop_req_scan(struct loop *, int64_t now);
/* End those that are over, and send away those that leave. */
void loop_req_end(struct loop *);
/* The time to drain is up: what is left gets an error, or nothing. */
void loop_req_cut(struct loop *);

#endif
