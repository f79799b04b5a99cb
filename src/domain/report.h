#ifndef DOMAIN_REPORT_H
#define DOMAIN_REPORT_H

#include "domain/payload.h"
#include "domain/usage.h"
#include "domain/zone.h"
#include "json/jw.h"

/*
 * What is asked about records, api.md 20.2 and 20.3.  All of it takes a range
 * of record ids, which begin with the time, so its cost is that of the range.
 * A year of a busy gateway takes longer than the 2 s that a statement has:
 * sql_set_timeout() before.
 */
enum report_flag { REPORT_ANY, REPORT_YES, REPORT_NO };

/* Absent strings and zeros: any. */
struct report_filter {
	int64_t from_ms;  /* started at this time or later */
	int64_t until_ms; /* and before this one */
	struct str org, project, key;
	struct str model, provider; /* the used ones */
	struct str error_code, request, session, source;
	int64_t status;
	enum report_flag cached, streamed;
	int64_t min_cost_nano;
};

/* --- records --- */

struct report_list {
	struct report_filter filter;
	bool no_attempts; /* requests only */
	bool guarded;     /* those that a guardrail matched */
	int limit;
	struct str cursor; /* absent: from the newest on */
};

/*
 * Newest first, into the arena; returns how many.  *next is the cursor of what
 * follows, absent at the end.  ERR_BAD_PARAM: no such cursor.
 */
int report_list(struct sql *, const struct report_list *, struct arena *,
    struct usage_record **, struct str *next, struct err *);
/* One record, if it is of this organisation (absent: any).  1, 0 or -1. */
int report_get(struct sql *, struct str id, struct str org, struct arena *,
    struct usage_record *, struct err *);

/* --- sums --- */

/* In the order of SUMS in report.c. */
enum report_number {
	REPORT_REQUESTS,
	REPORT_ERRORS, /* status 400 and above */
	REPORT_CACHED,
	REPORT_INPUT, /* tokens */
	REPORT_CACHE_READ,
	REPORT_CACHE_WRITE,
	REPORT_OUTPUT,
	REPORT_REASONING,
	REPORT_COST, /* nano-dollars, from here */
	REPORT_INPUT_COST,
	REPORT_CACHED_INPUT_COST,
	REPORT_CACHE_WRITE_COST,
	REPORT_OUTPUT_COST,
	REPORT_REQUEST_COST,
	REPORT_IMAGE_COST, /* in and out */
	REPORT_AUDIO_COST,
	REPORT_WEB_SEARCH_COST,
	REPORT_CONTENT_FILTER_COST,
	REPORT_DATA_STORAGE_COST,
	REPORT_BILLED,
	REPORT_OWN_KEY_COST,
	REPORT_DISCOUNT,
	REPORT_DURATION, /* ms, of all that have one */
	REPORT_DURATIONS,
	REPORT_TTFT,
	REPORT_TTFTS,
	REPORT__NUMBERS
};

/*
 * Failed attempts are no requests and no errors, but what they took of tokens
 * and money counts.
 */
struct report_sums {
	int64_t v[REPORT__NUMBERS];
};

int report_totals(struct sql *, const struct report_filter *,
    struct report_sums *, struct err *);

enum report_group {
	REPORT_MODEL, /* used ones */
	REPORT_PROVIDER,
	REPORT_KEY,
	REPORT_PROJECT,
	REPORT_ORGANIZATION,
	REPORT_ENDPOINT,
	REPORT_SOURCE,
	REPORT_MODE,
	REPORT_USER,
	REPORT_HEADER,
	REPORT__GROUPS
};
/* "model"; of HEADER "header". */
extern const char *const report_group_words[REPORT__GROUPS];

enum report_step { REPORT_WHOLE, REPORT_HOURS, REPORT_DAYS };

struct report_activity {
	struct report_filter filter;
	enum report_step step;
	const struct zone *zone; /* unless WHOLE */
	enum report_group by[REPORT__GROUPS];
	int nby;
	struct str header; /* lower-case name, for HEADER */
	int limit;         /* rows; 0: all */
	struct str cursor;
};

struct report_row {
	int64_t slot_ms; /* where its slot begins, even before from_ms */
	struct str by[REPORT__GROUPS]; /* as in the question; absent: none */
	struct report_sums sums;
};

/*
 * Rows in the order of time, then of their groups' bytes; only those with a
 * request, or with cost.  Returns how many; *next as in report_list().
 */
int report_activity(struct sql *, const struct report_activity *,
    struct arena *, struct report_row **, struct str *next, struct err *);

/* --- the question, as the query of a URL --- */

/* A parameter, decoded, or absent. */
typedef struct str report_param(void *arg, const char *name);

/* from, to, organization_id, project_id ... min_cost. */
int report_read_filter(
    report_param *, void *arg, struct report_filter *, struct err *);
/* All of it: filters, range, granularity, group_by, timezone, limit, cursor. */
int report_read_activity(report_param *, void *arg, int64_t wall_ms,
    struct arena *, struct report_activity *, struct err *);
/* limit and cursor, 1 to 500 (50). */
int report_read_page(
    report_param *, void *arg, int *limit, struct str *cursor, struct err *);

/* --- the answer --- */

/* A record as /logs has it, api.md 17.3; with its payload, if that is given. */
void report_put_log(struct jw *, const char *key, const struct usage_record *,
    const struct payload_view *);
/* A record as /v1/usage/{request_id} has it, api.md 10.5. */
void report_put_usage(struct jw *, const struct usage_record *);
/* The members of 20.3 into the open object. */
void report_put_sums(struct jw *, const struct report_sums *);
/* The whole answer of /activity. */
void report_put_activity(struct jw *, const struct report_activity *,
    const struct report_sums *totals, const struct report_row *, int n,
    struct str next);
/* The rows as CSV (RFC 4180), the first line has the names. */
void report_put_csv(struct buf *, const struct report_activity *,
    const struct report_row *, int n);

#endif
