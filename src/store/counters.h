#ifndef STORE_COUNTERS_H
#define STORE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Fast working copies of what is limited: requests and tokens of the last
 * minute, requests in progress, money spent and reserved.  One call takes all
 * of a request's operations or none of them.  counters_shm.c keeps them in a
 * mapped file of the host, counters_redis.c in Redis; nothing here knows what
 * a key or a budget is.
 *
 * All counters of an organisation stand together (one stripe of the file, one
 * hash tag in Redis), and a call concerns one organisation.
 *
 * SQL is the truth for what was spent.  `used` of a counter is a copy of a sum
 * that stands in SQL, with the version of that row: counters_load() sets it
 * and never goes back to an older version, so nothing is added twice and
 * nothing drifts.  What is not in SQL yet is covered by a hold, which has the
 * id of the record that will be written: it is taken before the call, shrinks
 * to the real cost at its end, and is dropped when the record was committed.
 * Each of these may be repeated.
 */
struct counters;
struct log;
struct metrics;

enum counter_kind {
	COUNTER_RATE,  /* sum over the last window_ms + by <= limit */
	COUNTER_HELD,  /* used + held + by <= limit; adds to the hold */
	COUNTER_OPEN,  /* the same, but nothing is ever used: in progress */
	COUNTER_BELOW, /* used < limit; takes nothing */
};

#define COUNTER_ORG_MAX 64
#define COUNTER_KEY_MAX 160
#define COUNTER_ID_MAX 64
#define COUNTER_OPS_MAX 24
#define COUNTER_PARTS_MAX 12 /* of one hold */
#define COUNTER_WINDOW_MAX INT64_C(600000)

struct counter_op {
	enum counter_kind kind;
	struct str key;    /* "k:key_...:rpm"; without the organisation */
	int64_t by;        /* >= 0 */
	int64_t limit;     /* INT64_MAX: none, it only counts */
	int64_t window_ms; /* RATE: at most COUNTER_WINDOW_MAX; sixty slots */
	/* What it was before the call; all are filled, whatever fails. */
	int64_t used; /* RATE: sum over the window */
	int64_t held;
	int64_t wait_ms; /* RATE: until it would be admitted, if it is not */
};

enum counter_result {
	COUNTERS_TAKEN,
	COUNTERS_REFUSED, /* by ops[*at] */
	COUNTERS_UNKNOWN, /* ops[*at].used has to be loaded, then try again */
	COUNTERS_DOWN     /* err: ERR_STORE, try later; nothing was taken */
};

/* The row of "tally" that a counter is a copy of. */
struct counter_tally {
	const char *scope; /* key, project, organization */
	struct str id;     /* absent: the organisation's */
	int64_t from_ms;
	bool billed; /* billed_nano, else cost_nano */
};

struct counters_setup {
	const char *url; /* store_kv: embedded:DIR, redis://..., unix:PATH */
	int64_t hold_ms; /* a hold without an end is let go after so long */
	struct log *log; /* may be NULL */
	/* The rest is for Redis: what takes over while it is down (F1). */
	const char *local_dir; /* rates and requests in progress: a file here */
	const char *sql_url;   /* money: tables hold and tally; NULL: nowhere */
	bool (*tally)(struct str key, struct counter_tally *);
	struct metrics *metrics; /* NULL, or where failures are counted */
};

/*
 * After fork.  What `setup` points to lives as long as the handle.  Calls of
 * one handle may come from any thread.  A Redis that does not answer is no
 * failure here.
 */
/* Before that: may this be one?  ERR_CONFIG names the setting. */
int counters_check(const char *url, struct err *);
int counters_open(
    struct counters **, const struct counters_setup *, struct err *);
void counters_close(struct counters *);                /* NULL: nothing */
const char *counters_backend(const struct counters *); /* api.md 10.1 */

/* Does counters_apply() wait for nobody, so that the loop may call it? */
bool counters_quick(const struct counters *);

/*
 * All ops, or none; a key stands once among those that take something.  `id`
 * names the hold of the HELD and OPEN ones (absent: there are none); more calls
 * with the same id add to that hold.  A RATE whose `by` is above its limit is
 * admitted into an empty window; a limit of 0 admits nothing.
 *
 * Who may be asked by counters_tend() for his holds notes this one before the
 * call and forgets it if it was not taken: then no hold is lost with a store.
 */
enum counter_result counters_apply(struct counters *, struct str org,
    struct str id, struct counter_op *, int n, int *at, struct err *);

/* Copies of SQL: used = value, if `version` is newer than what is there. */
struct counter_value {
	struct str key;
	int64_t value;
	int64_t version;
};
int counters_load(struct counters *, struct str org,
    const struct counter_value *, int n, struct err *);

/*
 * The request is over: each op says what its part of the hold becomes (`by`;
 * parts that are not named stay), a RATE changes by `by` (may be negative) in
 * the slot of `at_ms` (clock_wall_ms() of its admission).  A hold without
 * parts is gone.  Never blocks: what needs a round trip is done soon after, by
 * a thread of the handle, in order.
 */
void counters_change(struct counters *, struct str org, struct str id,
    const struct counter_op *, int n, int64_t at_ms);

/*
 * The records of these holds are committed: load the new sums, where the
 * counter exists, and let the holds go, in one step.  Blocks; ledger only.
 */
struct counter_drop {
	struct str org;
	const struct str *ids;
	int nids;
	const struct counter_value *values;
	int nvalues;
};
int counters_drop(
    struct counters *, const struct counter_drop *, int n, struct err *);

/*
 * Generations.  Counters that were lost (a flushed Redis, a new file) are
 * built anew within 5 s: meanwhile counters_apply() says COUNTERS_DOWN where
 * something is held.  Ledger, each tick: 1 means that this process has to say
 * which holds it has: first see to it that all its finished records are in
 * SQL, then counters_renew() for each hold of requests in progress, and
 * counters_renewed() at last.
 */
int counters_tend(struct counters *, struct err *);
int counters_renew(struct counters *, struct str org, struct str id,
    const struct counter_op *, int n, struct err *);
void counters_renewed(struct counters *);

/* Does it answer?  For health; at most timeout_ms. */
int counters_ping(struct counters *, int64_t timeout_ms, struct err *);

/* Sums of all organisations: gateway_reservations_open, _reserved_usd. */
void counters_held(struct counters *, int64_t *holds, int64_t *nano);

#endif
