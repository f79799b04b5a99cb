#ifndef STORE_COUNTERS_MAP_H
#define STORE_COUNTERS_MAP_H

/*
 * The mapped file of counters_shm.c.  Its name carries MAP_LAYOUT and its size:
 * change the number with the structs.  All zero is a valid, empty table.
 *
 * A counter is known by 128 bits of SipHash over organisation and key, under a
 * random key of the file, so that nobody can choose keys that collide.  It
 * stands in one of MAP_PROBE places behind its hash; a place that was used once
 * is never empty again, but goes to another counter when its own is idle.
 *
 * Everything of an organisation is changed under the lock of its stripe only.
 * Holds are one pool for all stripes: a place is claimed by writing the stripe
 * into owner[], after which it belongs to that stripe's lock.
 *
 * A process may be killed between any two writes.  So `held` is always what
 * the holds add up to, and `sum` what the slots do: whoever finds that an owner
 * of the lock died makes them so again (counters_map_lock()).
 *
 * The file is sparse.  Places are allocated on disk before they are written,
 * for a full disk would end the process by SIGBUS.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "store/counters_ops.h"

#define MAP_LAYOUT 1
#define MAP_STRIPES 64
#define MAP_HELD 8192 /* of a stripe; powers of two, as the next two */
#define MAP_RATES 4096
#define MAP_HOLDS 32768 /* of all */
#define MAP_PROBE 64
#define MAP_SLOTS 60
/*
 * It is held for microseconds, but whoever holds it may have to wait for a CPU:
 * 50 ms were too few where many processes wanted one.
 */
#define MAP_LOCK_MS 300

/* Of the hash; both 0: free. */
struct map_key {
	uint64_t a, b;
};

struct map_held {
	int64_t used;
	int64_t held;
	int64_t version; /* of `used`, plus 1; 0: it is not loaded */
	int64_t seen_ms;
};

struct map_rate {
	int64_t at; /* number of the newest slot: time / slot_ms */
	int64_t sum;
	int64_t slot_ms;
	int64_t spare;
	int64_t slots[MAP_SLOTS]; /* number modulo MAP_SLOTS */
};

struct map_table {
	_Alignas(4096) struct map_key held_keys[MAP_HELD];
	struct map_key rate_keys[MAP_RATES];
	struct map_held held[MAP_HELD];
	struct map_rate rates[MAP_RATES];
};

struct map_part {
	uint32_t slot; /* in held[]; it stays, for held is not 0 */
	uint32_t kind; /* enum counter_kind */
	int64_t amount;
};

struct map_hold {
	struct map_key id;
	int64_t expires_ms;
	int64_t nano; /* the largest HELD part */
	int64_t nparts;
	struct map_part parts[COUNTER_PARTS_MAX];
	int64_t spare[3];
};
_Static_assert(sizeof(struct map_hold) == 256, "four cache lines");

struct map_stripe {
	_Alignas(128) pthread_mutex_t lock; /* robust, of all processes */
	int64_t next_expiry;                /* no hold ends before */
	_Atomic int64_t holds, nano;        /* sums, for counters_held() */
	uint32_t allocated; /* the beginning of its table is on disk */
};

enum map_state { MAP_BUILDING, MAP_READY };

struct map {
	_Atomic uint64_t magic; /* written last: the rest is whole */
	char boot[40];
	unsigned char key[16];
	uint64_t generation; /* random */
	int64_t built_ms;    /* when building began */
	_Atomic int state;
	_Atomic int busy; /* processes that say their holds right now */
	_Atomic int hosts; /* counters_shm_hosts(); stands in what was padding */
	struct map_stripe stripes[MAP_STRIPES];
	_Atomic uint8_t owner[MAP_HOLDS]; /* stripe + 1; 0: free */
	uint32_t marks[MAP_HOLDS];        /* of the ids */
	struct map_hold holds[MAP_HOLDS];
	struct map_table tables[MAP_STRIPES];
};

/* An open file; from the handle's arena. */
struct map_file {
	struct map_file *older; /* was replaced; threads may still be in it */
	struct map *map;
	int fd;
	int dir; /* locked, shared, while the file is in use */
};

/*
 * Milliseconds of the monotonic clock, which all processes of a host share and
 * no jump of the wall clock moves; never small.
 */
int64_t counters_map_now(void);

/* counters_map.c: the file in `dir`, made if it is missing or of no use. */
int counters_map_open(struct map_file *, const char *dir, struct err *);
void counters_map_close(struct map_file *);
/* Is it still the one that stands in the directory? */
bool counters_map_current(const struct map_file *, const char *dir);

/* Lock a stripe, repaired if its last owner died; -1: not within MAP_LOCK_MS. */
int counters_map_lock(struct map_file *, int stripe, struct err *);
void counters_map_unlock(struct map_file *, int stripe);

/*
 * counters_slot.c, all under the stripe's lock: the place of a counter, or -1.
 * `make`: claim one if it is not there; -1: none is free, or the disk is full.
 */
int counters_slot_held(
    struct map_file *, int stripe, struct map_key, bool make, int64_t now);
int counters_slot_rate(struct map_file *, int stripe, struct map_key, bool make,
    int64_t now, int64_t slot_ms);

/* Let the slots that are past go; then the sum is that of the window. */
void counters_rate_advance(struct map_rate *, int64_t now);
bool counters_rate_fits(int64_t sum, int64_t by, int64_t limit);
int64_t counters_rate_wait(
    const struct map_rate *, int64_t by, int64_t limit, int64_t now);

/* counters_hold.c, the same: place of a hold in the pool, or -1. */
int counters_hold_find(struct map *, int stripe, struct map_key id);
/* A free one, without parts. */
int counters_hold_make(struct map *, int stripe, struct map_key id);
/* Set a part; false: there are too many.  0 takes it away. */
bool counters_hold_set(struct map *, int stripe, int hold, uint32_t slot,
    enum counter_kind, int64_t amount);
int64_t counters_hold_part(const struct map_hold *, uint32_t slot);
int64_t counters_hold_nano(const struct map_hold *);
void counters_hold_drop(struct map *, int stripe, int hold);
void counters_hold_until(
    struct map *, int stripe, int hold, int64_t expires_ms);
/* Those that are past their time, if there can be any. */
void counters_hold_expire(struct map *, int stripe, int64_t now);

#endif
