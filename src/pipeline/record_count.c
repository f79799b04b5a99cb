/* What a request is in the metrics: gauges while it runs, counters at its end. */
#include <stdio.h>

#include "base/clock.h"
#include "pipeline/attempt.h"
#include "pipeline/record.h"
#include "pipeline/world.h"

/* What we took of the time: before the first call, and after the last. */
static void
count_overhead(struct req *r)
{
	struct str name = str_from(r->endpoint->name);
	int64_t us;

	if (r->asked_us == 0 || r->told_us == 0)
		return;
	us = r->asked_us - r->began_us + clock_us() - r->told_us;
	metrics_observe_us(r->world->metrics, METRIC_OVERHEAD, &name, us);
}

/* The model as a label: from the catalogue, or "other". */
static struct str
target_label(const struct target *t)
{
	const struct mapping *m = t->mapping;

	return m->model == NULL ? STR("other") : m->model->id;
}

static struct str
model_label(const struct req *r)
{
	const struct target *t = attempt_target(r);

	if (r->record.cached)
		return r->route.model == NULL ? STR("other") :
						r->route.model->id;
	return t == NULL ? STR("unknown") : target_label(t);
}

static struct str
provider_label(const struct req *r)
{
	const struct target *t = attempt_target(r);
	struct str id = r->record.used_provider;

	if (!r->record.cached)
		return t == NULL ? STR("unknown") : t->upstream->id;
	return providers_find(r->world->providers, id) == NULL ? STR("other") :
								 id;
}

/* --- gauges --- */

static void
gauge_flight(struct req *r, const struct target *t, int by)
{
	struct str labels[] = { target_label(t), t->upstream->id };

	metrics_gauge(r->world->metrics, GAUGE_CHAT_INFLIGHT, labels, by);
}

void
record_flies(struct req *r)
{
	const struct target *t = attempt_target(r);

	if (r->flying == t || (r->endpoint->flags & ENDPOINT_CHAT) == 0)
		return;
	if (r->flying != NULL)
		gauge_flight(r, r->flying, -1);
	r->flying = t;
	gauge_flight(r, t, 1);
}

static void
gauge_stream(struct req *r, int by)
{
	struct str name = str_from(r->endpoint->name);

	metrics_gauge(r->world->metrics, GAUGE_STREAMS, &name, by);
}

void
record_streams(struct req *r)
{
	r->streaming = true;
	gauge_stream(r, 1);
}

static void
land(struct req *r)
{
	if (r->flying != NULL)
		gauge_flight(r, r->flying, -1);
	if (r->streaming)
		gauge_stream(r, -1);
}

/* The error_type of chat_completion_errors_total for an attempt's fault. */
static struct str
error_label(const struct req *r)
{
	if (r->gone)
		return STR("canceled");
	switch (
	    r->tries == 0 ? FAULT_CLIENT : r->attempts[r->tries - 1].fault) {
	case FAULT_FILTER:
		return STR("content_filter");
	case FAULT_GATEWAY:
		return STR("gateway_error");
	case FAULT_NONE:
	case FAULT_CLIENT:
	case FAULT__MAX:
		return STR("client_error");
	case FAULT_RATE:
	case FAULT_UPSTREAM:
	case FAULT_NETWORK:
	case FAULT_TIMEOUT:
	case FAULT_CANCELLED:
		break;
	}
	return STR("upstream_error");
}

static void
count_tokens(struct req *r, struct str model, struct str provider)
{
	const struct llm_usage *u = &r->record.usage;
	const struct {
		struct str type;
		int64_t n;
	} rows[] = { { STR("input"), u->input }, { STR("output"), u->output },
		{ STR("reasoning"), u->reasoning },
		{ STR("cached"), u->cache_read } };

	for (size_t i = 0; i < NROWS(rows); i++) {
		struct str labels[] = { model, provider, rows[i].type };

		if (rows[i].n > 0)
			metrics_observe(r->world->metrics, METRIC_TOKENS,
			    labels, rows[i].n * 1000);
	}
}

/* api.md 10.2: of chat, messages and responses. */
static void
count_chat(struct req *r, struct str model, struct str provider)
{
	struct metrics *m = r->world->metrics;
	struct str streaming = r->record.streamed ? STR("true") : STR("false");
	struct str all[] = { model, provider, r->record.finish, streaming };
	struct str timed[] = { model, provider, streaming };
	struct str error[] = { model, provider, error_label(r) };

	metrics_add(m, METRIC_COMPLETIONS, all, 1);
	metrics_add(m, METRIC_FINISH, all, 1);
	metrics_observe(m, METRIC_DURATION, timed, r->record.duration_ms);
	if (r->record.ttft_ms >= 0)
		metrics_observe(m, METRIC_TTFT, all, r->record.ttft_ms * 1000);
	if (r->record.error_code.p != NULL)
		metrics_add(m, METRIC_ERRORS, error, 1);
	count_tokens(r, model, provider);
}

static void
count_usage(struct req *r, struct str model, struct str provider)
{
	struct str labels[] = { model, provider };
	struct metrics *m = r->world->metrics;

	if (r->record.cost.total > 0)
		metrics_add(m, METRIC_COST, labels, r->record.cost.total);
	if (r->record.usage.estimated) {
		metrics_add(m, METRIC_USAGE_ESTIMATED, &provider, 1);
		if (r->complete)
			metrics_add(m, METRIC_USAGE_MISSING, &provider, 1);
	}
}

static void
count_request(struct req *r)
{
	struct str status = STR("none"), labels[3];
	char tmp[16];

	snprintf(tmp, sizeof(tmp), "%d", r->record.status);
	status = str_from(tmp);
	labels[0] = str_from(r->endpoint->name);
	labels[1] = str_from(strcmp(r->endpoint->method, "*") == 0 ?
		"other" :
		r->endpoint->method);
	labels[2] = status;
	metrics_add(r->world->metrics, METRIC_REQUESTS, labels, 1);
	if (r->gone && !r->complete) {
		labels[1] = r->answered ? STR("stream") : STR("waiting");
		metrics_add(r->world->metrics, METRIC_DISCONNECTS, labels, 1);
	}
}

void
record_count(struct req *r)
{
	struct str model, provider;

	land(r);
	if (r->who != NULL && r->endpoint->dialect != NULL) {
		model = model_label(r);
		provider = provider_label(r);
		if ((r->endpoint->flags & ENDPOINT_CHAT) != 0)
			count_chat(r, model, provider);
		count_usage(r, model, provider);
		count_overhead(r);
	}
	count_request(r);
}
