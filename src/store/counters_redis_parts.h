#ifndef STORE_COUNTERS_REDIS_PARTS_H
#define STORE_COUNTERS_REDIS_PARTS_H

/* What the files of the counters in Redis share; nobody else includes it. */
#include <pthread.h>

#include "base/buf.h"
#include "store/counters_ops.h"
#include "store/counters_sql.h"
#include "store/redis.h"

#define GEN_KEY STR("llmgw:gen")
#define GEN_SIZE 80 /* "b:" 16 letters ":" 40 of the server */
#define ARGS_MAX 256
/* SQL keeps it so long, twice as long each time it comes back soon. */
#define DWELL_MS 5000

/* A counters_change() that waits for the thread. */
struct todo {
	struct todo *next;
	struct str org, id;
	struct counter_op *ops;
	int n;
	int64_t at_ms;
};

struct remote {
	struct rds *rds;
	struct counters *local; /* or NULL */
	struct tab *tab;        /* or NULL */
	struct tab_state state; /* ledger: as last read */
	int64_t down_ms;        /* ledger: Redis is down since; 0: it is not */
	int64_t apart_ms;       /* ledger: SQL last failed; 0: never */
	int64_t dwell_ms, left_ms; /* ledger */
	_Atomic int64_t ready_ms;  /* wall clock, of SQL */
	pthread_mutex_t lock;      /* of what follows */
	char gen[GEN_SIZE];        /* "": unknown */
	int64_t seen_ms;           /* when it became this one */
	char said[GEN_SIZE];       /* knows this process's holds */
	bool saying;
	_Atomic int64_t local_ms; /* wall clock: last counted in the file */
	int64_t met_ms;           /* ledger: this host was last shown to the others */
	/* The thread and its queue. */
	pthread_t thread;
	pthread_cond_t wake;
	struct arena *filling, *working;
	struct todo *first, **last;
	int queued;
	bool closing;
};

/* Arguments of one run of the script; numbers stand in `text`. */
struct remote_call {
	struct str argv[ARGS_MAX];
	int n;
	struct buf text; /* fixed: never grows, so that argv stays */
	char room[ARGS_MAX * 24];
};

/* --- counters_redis_call.c --- */

/*
 * A run of the script: what it is about, without the ops.  `sixth` is the
 * argument that each mode has of its own (counters_lua.h).
 */
void remote_begin(struct remote_call *, const char *gen, struct str org,
    const char *mode, struct str id, int64_t expires_ms, int64_t sixth);
void remote_put(struct remote_call *, struct str);
void remote_put_int(struct remote_call *, int64_t);
void remote_put_ops(struct remote_call *, const struct counter_op *, int n);

/*
 * The script's reply, the caller's to free; NULL: it failed, or *other: it was
 * for another generation than `gen`, which is known now.
 */
redisReply *remote_run(
    struct remote *, struct remote_call *, const char *gen, bool *other);
bool remote_no_script(const redisReply *); /* it must be sent whole */

/* One command; its reply, the caller's to free, and the server, or NULL. */
redisReply *remote_ask(struct remote *, int argc, const struct str *argv,
    int64_t timeout_ms, char run_id[41]);

/* The generation as it is known; "": it is not. */
void remote_gen(struct remote *, char out[GEN_SIZE]);

/* --- counters_redis_queue.c --- */

/* counters_change(): into the queue; without room the hold waits for its drop. */
void remote_change(struct counters *, struct str org, struct str id,
    const struct counter_op *, int n, int64_t at_ms);
void *remote_queue(void *remote); /* its thread, until `closing` */

/* --- counters_redis_local.c --- */

/*
 * Those of ops that are rates or requests in progress, counted in the file of
 * the host, below this host's share of the limit; *at is of ops.  In `used` of
 * a rate the shares of the other hosts are contained.
 */
enum counter_result remote_apply_local(struct remote *, struct str org,
    struct str id, struct counter_op *ops, int n, int *at, struct err *);
void remote_undo_local(struct remote *, struct str org, struct str id,
    const struct counter_op *ops, int n);
/* Ledger, while Redis answers: be seen by the other hosts, and count them. */
void remote_meet(struct remote *);

/* --- counters_redis_gen.c --- */

/* Where money is counted, out of SQL. */
void remote_read_state(struct remote *);
/* The generation out of Redis; one is made if there is none.  -1: no answer. */
int remote_look(struct remote *);
/* counters_tend() and counters_renewed(). */
int remote_tend(struct counters *, struct err *);
void remote_renewed(struct counters *);

#endif
