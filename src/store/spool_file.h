#ifndef STORE_SPOOL_FILE_H
#define STORE_SPOOL_FILE_H

/*
 * Inside of spool*.c.  A directory holds
 *
 *	ID.00000001   segments; ID is one per spool_open(), in order of time
 *	ID.00000002.new   one that is being made
 *	adopt.lock    flock()ed by the one who adopts
 *	reserve       64 MiB for the ENDs when the disk is full
 *
 * A record is a line of text, so that the file can be looked at:
 *
 *	1S 0000002a 89abcdef {"id":"log_..."}\n
 *
 * version 1, S or E, length and CRC-32C of the JSON in hexadecimal.  The CRC of
 * an END is stored inverted, so that no flipped letter makes one of a START.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/rand.h"
#include "store/spool.h"

#define HEAD_SIZE 21
#define SEGMENT_MAX ((int64_t)16 << 20)
#define NAME_SIZE 48

struct spool_segment {
	struct spool_segment *next; /* newer */
	int fd;                     /* holds the lock */
	char name[NAME_SIZE];
	/* Under the lock. */
	int64_t size;  /* written */
	int64_t nleft; /* records that are not shipped */
	int nopen;     /* STARTs without END */
	bool torn;     /* half a record at its end: nothing more goes in */
	/* Of the ledger. */
	int64_t shipped; /* so far, in bytes */
	int64_t taken;   /* given out by spool_take() */
	int64_t ntaken;  /* in records */
	int64_t synced;
};

struct spool {
	struct arena *arena;
	pthread_mutex_t lock; /* the list, and every write */
	int dir;
	char id[ID_SIZE];
	unsigned nsegments;          /* made so far */
	struct spool_segment *first; /* oldest */
	struct spool_segment *current;
	struct spool_segment *spare; /* structs for the next segments */
	int64_t reserve_checked_ms;
	bool reserve;
	_Atomic int64_t depth;
	/* Ledger: what spool_adopt() holds until spool_adopted(). */
	int adopt_lock;
	int adopted;
	char adopted_name[NAME_SIZE];
};

/* Make, lock and name the next segment; the caller holds the lock. */
int spool_next_segment(struct spool *, struct err *);

/*
 * The records of a text; stops at `max`, at the end, at what is not whole, and
 * at damage.  Returns how many, and in *used how many bytes they are.
 */
int spool_parse(struct str, struct spool_record *, int max, size_t *used);

#endif
