#ifndef PIPELINE_WORLD_H
#define PIPELINE_WORLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/conf.h"
#include "base/log.h"
#include "domain/catalog.h"
#include "domain/key.h"
#include "provider/provider.h"
#include "store/health.h"
#include "store/metrics.h"
#include "store/spool.h"
#include "store/sql.h"

struct health_share;
struct holds;
struct keep;
struct retain;
struct tracer;
struct loop;
struct owns;
struct guards;
struct fronts;
struct slow;
struct program;

/*
 * What a process has: made at start, const while requests run (the atomics
 * apart), taken down at the end.
 */
struct world {
	struct conf conf;
	struct log log;
	const struct program *program;
	struct catalog *catalog;
	struct providers *providers;
	struct keys *keys;
	struct guards *guards; /* the same: compiled guardrails */
	struct owns *owns;    /* of those that call providers */
	struct secret master; /* what own keys are sealed with */
	struct sql *sql; /* of the keys; health's is behind sql_lock */
	pthread_mutex_t sql_lock;
	/* Of health: for keys, and for what they ask about themselves. */
	struct sql *key_sql;
	struct sql *read_sql; /* behind read_lock */
	pthread_mutex_t read_lock;
	struct metrics *metrics;
	struct health *health; /* of providers and keys, on this host */
	struct slow *slow;     /* with hedge_percent, else NULL */
	atomic_llong asked;    /* requests that could have been hedged */
	atomic_llong hedges;   /* and those that were */
	struct health_share *health_share; /* with other hosts; or NULL */
	atomic_int retries;    /* requests that are being tried again */
	atomic_uint turn;      /* of keys that are all unwell */
	struct spool *spool;
	struct counters *counters;
	struct holds *holds;  /* of programs that call models, else NULL */
	struct keep *keep;    /* the response cache, of the same */
	struct retain *retain; /* payloads on their way, of the same */
	struct tracer *tracer; /* with otlp_endpoint, else NULL */
	int fd_high;  /* from this descriptor on no request is taken, */
	int fd_pairs; /* nor with more requests than these in progress */
	int fd_idle;  /* connections to providers that may be idle */
	int64_t storage_pico; /* a token, storage_usd_per_mtok */
	struct loop *loop;
	struct fronts *fronts;
	void *own; /* of the program */
	bool trusts_server; /* on this socket it may say who asks */
	atomic_int inflight;      /* requests in this process */
	atomic_bool draining;     /* nothing new is accepted */
	atomic_bool crowded;      /* near the memory limit (api.md 15.4) */
	atomic_bool snippet_said; /* the missing LLMGW_SNIPPET was logged */
};

/* Everything but threads and sockets; after fork.  `path` as conf_load(). */
int world_open(struct world *, const struct program *, const char *path,
    struct err *);
void world_close(struct world *);

/* The same without opening a store: is this configuration good? */
int world_test(const struct program *, const char *path, struct err *);

/* Today in UTC, "2026-11-22". */
#define WORLD_DAY 11
void world_today(char out[WORLD_DAY]);

#endif
