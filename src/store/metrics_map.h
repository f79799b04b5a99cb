#ifndef STORE_METRICS_MAP_H
#define STORE_METRICS_MAP_H

/*
 * The mapped file of metrics*.c.  All zero is a valid, empty one, so that
 * whoever comes first only sets the size.  Change METRICS_LAYOUT with the
 * structs: the file's name carries it.
 *
 * A series is found by the hash of its metric and labels, which is also how its
 * slot is claimed: who finds the hash there may add at once, and the label
 * text is only needed by the reader.  64 bits over closed sets do not collide.
 */
#include <stdatomic.h>

#include "base/arena.h"
#include "store/metrics.h"

#define METRICS_LAYOUT 5
#define METRICS_PROGRAM 24 /* of its name, with a NUL */
#define METRICS_PROGRAMS 16
#define METRICS_SERIES 4096 /* a power of two */
#define METRICS_CELLS 256   /* gauges of one process; a power of two */
#define METRICS_PROCESSES 256
#define METRICS_LABELS 4
#define METRICS_BUCKETS 11

/* Gauges follow the counters in the table of rows. */
#define METRICS_ROWS ((int)METRIC__MAX + (int)GAUGE__MAX)

enum metrics_kind { METRICS_COUNTER, METRICS_HISTOGRAM, METRICS_GAUGE };

struct metrics_row {
	const char *name;
	const char *help;
	enum metrics_kind kind;
	const char *labels[METRICS_LABELS + 1];
	/* What one of the unit is in the numbers that are kept: 1000 ... */
	int64_t per_unit;
	int64_t buckets[METRICS_BUCKETS + 1]; /* ascending; ends with 0 */
};

extern const struct metrics_row metrics_rows[METRICS_ROWS];

struct series {
	_Atomic uint64_t hash;  /* 0: free */
	_Atomic uint32_t ready; /* the text below is whole */
	uint16_t row;
	uint16_t ntext;
	char text[136];      /* the values, a NUL behind each */
	_Atomic int64_t sum; /* the value of a counter */
	_Atomic int64_t counts[METRICS_BUCKETS + 1];
};
_Static_assert(sizeof(struct series) == 256, "four cache lines");

/* A gauge of one process; which one is the place of its series, plus one. */
struct cell {
	_Atomic uint32_t series;
	_Atomic int32_t value;
};

struct process {
	_Atomic uint64_t owner; /* pid and start time; 0: free */
	_Atomic uint64_t ticks; /* CPU time when it was last looked at */
	char program[METRICS_PROGRAM];
	struct cell cells[METRICS_CELLS];
};

/* CPU time of a program's processes that are no more, so that no sum falls. */
struct past {
	char program[METRICS_PROGRAM];
	_Atomic uint64_t ticks;
	_Atomic int state; /* 0 free, 1 the name is being written, 2 it stands */
};

struct metrics_map {
	/* For labels that found no room: one per row, all "other". */
	struct series other[METRICS_ROWS];
	struct series series[METRICS_SERIES];
	/* Apart from the blocks, so that a sum over all reads little. */
	_Atomic int32_t inflight[METRICS_PROCESSES];
	_Atomic int32_t nprocesses; /* highest place ever used */
	struct process processes[METRICS_PROCESSES];
	struct past past[METRICS_PROGRAMS];
};

struct metrics {
	struct arena *arena;
	struct metrics_map *map;
	int self; /* place of our block, or -1: all were taken */
};

/* metrics_process.c */
void metrics_claim(struct metrics *, const char *program);
void metrics_release(struct metrics *);
bool metrics_process_alive(uint64_t owner);
int metrics_process_pid(uint64_t owner);
/* CPU time of processes of this program that have ended. */
uint64_t metrics_process_past(const struct metrics_map *, const char *program);

#endif
