#ifndef STORE_HEALTH_MAP_H
#define STORE_HEALTH_MAP_H

/*
 * The mapped file of health*.c.  All zero is a valid, empty one.  Change
 * HEALTH_LAYOUT with the structs: the file's name carries it.
 */
#include <stdatomic.h>

#include "base/arena.h"
#include "base/hash.h"
#include "store/health.h"

#define HEALTH_LAYOUT 2
#define HEALTH_PLACES 1024 /* a power of two */
#define HEALTH_KEYS 1024   /* a power of two */
#define HEALTH_MINUTES 64  /* of a ring; 60 count */
#define HEALTH_SLICES 8    /* of ten seconds; six count */
#define HEALTH_TEXT 232
#define HEALTH_HOST 8
#define HEALTH_CHOICES 16384 /* a power of two */

/* What happened in one minute of the wall clock. */
struct health_minute {
	_Atomic uint32_t minute;
	_Atomic uint32_t requests;
	_Atomic uint32_t failed;
	_Atomic uint32_t firsts; /* requests that had a first token */
	_Atomic uint64_t first_ms;
	_Atomic uint64_t tokens;
	_Atomic uint64_t busy_ms;
};

struct health_place {
	_Atomic uint64_t hash;  /* 0: free */
	_Atomic uint32_t ready; /* the text is whole */
	uint16_t nprovider, nmodel, nregion;
	char text[HEALTH_TEXT]; /* the three, one behind the other */
	/* The breaker. */
	_Atomic uint32_t row;        /* failures, one after the other */
	_Atomic int64_t open_until;  /* 0: closed */
	_Atomic int64_t open_for;    /* how long it was opened last */
	_Atomic int64_t probe_until; /* somebody tries it until then */
	_Atomic uint64_t slices[HEALTH_SLICES]; /* number:32 all:16 bad:16 */
	struct health_minute minutes[HEALTH_MINUTES];
	/* health_share.c: those of other hosts, and how much of ours they know. */
	struct health_minute others[HEALTH_MINUTES];
	_Atomic uint64_t told[HEALTH_MINUTES]; /* minute:32 requests:32 */
};

struct health_key_slot {
	_Atomic uint64_t mark; /* 0: free */
	_Atomic uint32_t row;  /* failures, one after the other */
	_Atomic uint32_t bad;
	_Atomic uint32_t empty; /* why it is skipped */
	_Atomic int64_t failed_at;
	_Atomic int64_t skip_until;
};

struct health_choice {
	_Atomic uint64_t what; /* 0: free */
	_Atomic uint64_t provider;
	_Atomic int64_t at_ms;
};

struct health_map {
	char boot[40]; /* of the system: times of another boot say nothing */
	char host[2 * HEALTH_HOST + 1]; /* what others know this host by */
	_Atomic int64_t shared_at;    /* the process of this time shares */
	_Atomic uint32_t shared_upto; /* minute that was read last */
	unsigned char seed[HASH_MARK]; /* of marks: clients choose sessions */
	struct health_choice choices[HEALTH_CHOICES];
	struct health_place places[HEALTH_PLACES];
	struct health_key_slot keys[HEALTH_KEYS];
};

/*
 * What health_look() found, and when; of this process.  Who reads while it is
 * written may get one number of the second before.
 */
struct health_seen {
	_Atomic int64_t at_ms;
	_Atomic bool known;
	_Atomic double uptime;
	_Atomic double latency;
	_Atomic double throughput;
};

/* health_breaker.c */
void health_breaker_note(struct health_place *, bool failed, int64_t now_ms);

struct health {
	struct arena *arena;
	struct health_map *map;
	int64_t (*now)(void);  /* clock_ms(); tests have their own */
	int64_t (*wall)(void); /* clock_wall_ms() */
	struct health_seen seen[HEALTH_PLACES];
};

#endif
