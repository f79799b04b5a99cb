#ifndef STORE_METRICS_H
#define STORE_METRICS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Counters and histograms of all programs of a host in one mapped file, so
 * that one scrape sees all and nothing is lost when a process ends.  Adding is
 * a hash look-up and one atomic addition; no lock, no system call.  The file's
 * name carries layout version and size; it is never resized.  Gauges stand in
 * a block per process, and those of dead processes do not count.
 */
struct metrics;

enum metric_id {
	METRIC_COMPLETIONS,     /* chat_completions_total */
	METRIC_DURATION,        /* chat_completion_duration_seconds */
	METRIC_TTFT,            /* chat_completion_ttft_ms */
	METRIC_ERRORS,          /* chat_completion_errors_total */
	METRIC_FINISH,          /* chat_completion_finish_reason_total */
	METRIC_TOKENS,          /* chat_completion_tokens */
	METRIC_REQUESTS,        /* gateway_requests_total */
	METRIC_SHED,            /* gateway_requests_shed_total */
	METRIC_ATTEMPTS,        /* gateway_upstream_attempts_total */
	METRIC_OVERHEAD,        /* gateway_overhead_seconds */
	METRIC_STREAM_ERRORS,   /* gateway_stream_errors_total */
	METRIC_DISCONNECTS,     /* gateway_client_disconnects_total */
	METRIC_COST,            /* gateway_cost_usd_total, in nano-dollars */
	METRIC_USAGE_MISSING,   /* gateway_usage_missing_total */
	METRIC_USAGE_ESTIMATED, /* gateway_usage_estimated_total */
	METRIC_STORE_ERRORS,    /* gateway_store_errors_total */
	METRIC_REJECTIONS,      /* gateway_ratelimit_rejections_total */
	METRIC_CACHE,           /* gateway_cache_requests_total */
	METRIC_PAYLOADS,        /* gateway_payloads_total */
	METRIC_SPANS,           /* gateway_trace_spans_total */
	METRIC_GUARD_MATCHES,   /* gateway_guardrail_matches_total */
	METRIC_GUARD_FAILURES,  /* gateway_guardrail_failures_total */
	METRIC_LOG_DROPPED,     /* gateway_log_dropped_total */
	METRIC__MAX
};

/* Gauges of this process. */
enum gauge_id {
	GAUGE_INFLIGHT,      /* gateway_inflight_requests, by endpoint */
	GAUGE_STREAMS,       /* gateway_open_streams, by endpoint */
	GAUGE_CHAT_INFLIGHT, /* chat_completion_requests_in_flight */
	GAUGE_SPOOL,         /* gateway_spool_records */
	GAUGE__MAX
};

/*
 * `program` names the process in process_* series.  After fork: a block in the
 * file belongs to the process.
 */
int metrics_open(
    struct metrics **, const char *dir, const char *program, struct err *);
void metrics_close(struct metrics *);

/*
 * Add to a series.  `labels` are the values, in the order of the metric's row,
 * each from a closed set: the caller maps anything else to "other".  If
 * the table is full they count under "other" in each label.
 * metrics_observe() is for histograms; its value is in the unit of the
 * buckets' row times 1000 (milli-units), so that no floating point is needed.
 * METRIC_OVERHEAD, whose buckets begin at a tenth of a millisecond, should be
 * given to metrics_observe_us(), which takes microseconds; the other rows in
 * seconds take them there too.
 */
void metrics_add(
    struct metrics *, enum metric_id, const struct str *labels, int64_t by);
void metrics_observe(
    struct metrics *, enum metric_id, const struct str *labels, int64_t milli);
void metrics_observe_us(
    struct metrics *, enum metric_id, const struct str *labels, int64_t us);
void metrics_gauge(struct metrics *, enum gauge_id, const struct str *labels,
    int64_t by); /* up or down */

/*
 * Requests in progress over all processes of the host, for max_inflight:
 * metrics_enter() counts one in and says how many there are now.
 */
int64_t metrics_enter(struct metrics *);
void metrics_leave(struct metrics *);

/*
 * Once a second, by the ledger: what processes that died had in progress does
 * not count any more.  metrics_open() and metrics_text() do it too.
 */
void metrics_sweep(struct metrics *);

/*
 * Prometheus text 0.0.4 of everything, process_* of all live processes too.
 * gateway_store_up is the caller's to add: metrics_label() writes values.
 */
void metrics_text(struct metrics *, struct buf *out);
void metrics_label(struct buf *out, struct str value); /* escaped */

/* On every series (api.md 10.2). */
#define METRICS_SERVICE "service=\"llmgateway-gateway\""

#endif
