#ifndef STORE_COUNTERS_OPS_H
#define STORE_COUNTERS_OPS_H

#include "base/arena.h"
#include "store/counters.h"

/* Between counters.c and its backends; each call is as counters.h says. */
struct counters_ops {
	const char *name; /* counters_backend() */
	bool quick;
	void (*close)(struct counters *);
	enum counter_result (*apply)(struct counters *, struct str org,
	    struct str id, struct counter_op *, int n, int *at, struct err *);
	int (*load)(struct counters *, struct str org,
	    const struct counter_value *, int n, struct err *);
	void (*change)(struct counters *, struct str org, struct str id,
	    const struct counter_op *, int n, int64_t at_ms);
	int (*drop)(struct counters *, const struct counter_drop *, int n,
	    struct err *);
	int (*tend)(struct counters *, struct err *);
	int (*renew)(struct counters *, struct str org, struct str id,
	    const struct counter_op *, int n, struct err *);
	void (*renewed)(struct counters *);
	int (*ping)(struct counters *, int64_t timeout_ms, struct err *);
	void (*held)(struct counters *, int64_t *holds, int64_t *nano);
};

struct counters {
	const struct counters_ops *ops;
	struct arena *arena;
	struct counters_setup setup;
	void *state; /* the backend's */
};

/*
 * Each fills c->ops and c->state; `where` is what follows the scheme.  After a
 * failure c->ops is NULL, and nothing is left open.
 */
int counters_shm_open(struct counters *, const char *where, struct err *);
int counters_redis_open(struct counters *, const char *where, struct err *);

/*
 * Of the mapped file: a name of the host that no other has, and how many hosts
 * there are (0: nobody has counted them), for all processes of this one.
 */
uint64_t counters_shm_host(const struct counters *);
_Atomic int *counters_shm_hosts(const struct counters *);

/*
 * How long a hold lives on behind its request's end: until the record is
 * committed, which may have to wait for the database.
 */
#define COUNTERS_ENDED_MS (INT64_C(24) * 3600 * 1000)
/* A generation is built for so long, and if somebody is late at most ... */
#define COUNTERS_BUILD_MS 3000
#define COUNTERS_BUILD_MAX_MS 5000

/* The error of COUNTERS_DOWN; -1. */
int counters_down(struct err *);

/* Does `by` more fit below the limit?  One place for all backends. */
static inline bool
counters_fits(int64_t used, int64_t held, int64_t by, int64_t limit)
{
	int64_t sum;

	if (limit == INT64_MAX)
		return true;
	return !__builtin_add_overflow(used, held, &sum) &&
	    !__builtin_add_overflow(sum, by, &sum) && sum <= limit;
}

#endif
