#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/answer.h"
#include "bench/hist.h"
#include "bench/usage.h"

#define REPORT_GROUPS 4

enum report_cause {
	REPORT_CONNECT,
	REPORT_CLOSED,
	REPORT_TIMEOUT,
	REPORT_STATUS,
	REPORT_CONTENT,
	REPORT_CAUSE__MAX,
};

/* When the processes are measured. */
enum report_mark {
	REPORT_BEGIN,
	REPORT_ALL_OPEN,  /* every stream has its first piece */
	REPORT_FIRST_END, /* the first of them ends */
	REPORT_END,
	REPORT_MARK__MAX,
};

/* What a run of the clients has found. */
struct report {
	uint64_t ok;
	uint64_t failed;
	uint64_t cause[REPORT_CAUSE__MAX];
	char first_failure[320];
	uint64_t connects;
	uint64_t pieces;
	int64_t wall_us;
	struct hist latency;
	struct hist first;
	struct hist delay;
	int ngroups;
	struct usage_group group[REPORT_GROUPS];
	struct usage at[REPORT_MARK__MAX][REPORT_GROUPS];
	struct usage peak[REPORT_GROUPS];
	uint64_t pieces_at[REPORT_MARK__MAX];
};

int report_group(struct report *, const char *);
/* Measures now; only the first time counts. */
void report_mark(struct report *, enum report_mark, bool memory);
/* Measures memory now and keeps it if it is more than before. */
void report_peak(struct report *);
void report_failure(
    struct report *, enum report_cause, const char *why, const struct answer *);
/* One JSON object to standard output. */
void report_print(const struct report *, const char *mode, int conns);

#endif
