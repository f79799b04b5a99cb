#include "base/clock.h"
#include "base/hash.h"
#include "http/traceparent.h"
#include "http/url.h"
#include "pipeline/gate.h"
#include "pipeline/trace.h"
#include "pipeline/tracer.h"
#include "pipeline/world.h"

#define SPANS_MAX ((size_t)64 * 1024)
#define STATE_MAX 512 /* of tracestate, as its specification asks at least */

/* In OTLP's numbers. */
enum { KIND_SERVER = 2, KIND_CLIENT = 3, STATUS_ERROR = 2 };

/* Of a request that is traced, in life. */
struct trace {
	struct traceparent from;
	bool child;       /* `from.parent` is a span of the client */
	struct str state; /* tracestate, or absent */
	unsigned char span[8];
};

/* As the conventions call those they know. */
static const struct {
	const char *id, *name;
} systems[] = {
	{ "openai", "openai" },
	{ "anthropic", "anthropic" },
	{ "azure", "azure.ai.openai" },
	{ "aws-bedrock", "aws.bedrock" },
	{ "google-ai-studio", "gcp.gemini" },
	{ "google-vertex", "gcp.vertex_ai" },
	{ "mistral", "mistral_ai" },
	{ "xai", "x_ai" },
};

static const char *const operations[] = {
	[LLM_CHAT] = "chat",
	[LLM_COUNT] = "count_tokens",
	[LLM_EMBED] = "embeddings",
	[LLM_IMAGE] = "generate_content",
};

void
trace_begin(struct req *r)
{
	struct str state = req_param(r, "HTTP_TRACESTATE");
	struct traceparent from = { .sampled = false };
	struct trace *t;
	bool child = traceparent_read(req_param(r, "HTTP_TRACEPARENT"), &from);

	if (child ? !from.sampled :
		    (int64_t)rand_pool_below(&r->ids, 1000) >=
		    r->world->conf.otlp_sample_milli)
		return;
	t = ARENA_NEW(r->life, struct trace);
	t->from = from;
	t->child = child;
	if (!child)
		rand_bytes(t->from.trace, sizeof(t->from.trace));
	else if (state.n > 0 && state.n <= STATE_MAX)
		t->state = arena_dup(r->life, state);
	rand_bytes(t->span, sizeof(t->span));
	r->trace = t;
}

/* --- attributes --- */

static void
open_value(struct jw *w, const char *key)
{
	jw_obj(w, NULL);
	jw_strc(w, "key", key);
	jw_obj(w, "value");
}

static void
put_text(struct jw *w, const char *key, struct str s)
{
	if (s.n == 0)
		return;
	open_value(w, key);
	jw_str(w, "stringValue", s);
	jw_end(w);
	jw_end(w);
}

/* Numbers of 64 bits are strings in OTLP's JSON. */
static void
put_int(struct jw *w, const char *key, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	open_value(w, key);
	jw_strc(w, "intValue", text);
	jw_end(w);
	jw_end(w);
}

static void
put_bool(struct jw *w, const char *key, bool v)
{
	open_value(w, key);
	jw_bool(w, "boolValue", v);
	jw_end(w);
	jw_end(w);
}

/* A list of one. */
static void
put_list(struct jw *w, const char *key, struct str s)
{
	if (s.n == 0)
		return;
	open_value(w, key);
	jw_obj(w, "arrayValue");
	jw_arr(w, "values");
	jw_obj(w, NULL);
	jw_str(w, "stringValue", s);
	jw_end(w);
	jw_end(w);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

/* Dollars, to the last nano-dollar: no binary fraction. */
static void
put_dollars(struct jw *w, const char *key, int64_t nano)
{
	char text[40];

	snprintf(text, sizeof(text), "%lld.%09lld",
	    (long long)(nano / 1000000000), (long long)(nano % 1000000000));
	put_text(w, key, str_from(text));
}

/* --- spans --- */

static const char *
operation_of(const struct req *r)
{
	return operations[r->endpoint->dialect->task];
}

static void
put_id(struct jw *w, const char *key, const unsigned char *id, size_t n)
{
	char text[33];

	hash_hex(id, n, text);
	jw_strc(w, key, text);
}

static void
put_time(struct jw *w, const char *key, int64_t wall_ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld000000", (long long)wall_ms);
	jw_strc(w, key, text);
}

/* Everything up to the attributes, which stay open. */
static void
open_span(struct jw *w, const struct trace *t, const unsigned char *id,
    const unsigned char *parent)
{
	jw_obj(w, NULL);
	put_id(w, "traceId", t->from.trace, sizeof(t->from.trace));
	put_id(w, "spanId", id, 8);
	if (parent != NULL)
		put_id(w, "parentSpanId", parent, 8);
	if (t->state.n > 0)
		jw_str(w, "traceState", t->state);
}

/* `status` is what failed, or absent. */
static void
close_span(struct jw *w, struct str status)
{
	jw_end(w); /* attributes */
	jw_obj(w, "status");
	if (status.p != NULL) {
		jw_int(w, "code", STATUS_ERROR);
		jw_str(w, "message", status);
	}
	jw_end(w);
	jw_end(w);
}

static void
put_usage(struct jw *w, const struct llm_usage *u)
{
	put_int(w, "gen_ai.usage.input_tokens", u->input);
	put_int(w, "gen_ai.usage.output_tokens", u->output);
	if (u->cache_read > 0)
		put_int(w, "gen_ai.usage.cache_read.input_tokens",
		    u->cache_read);
	if (u->cache_write_5m + u->cache_write_1h > 0)
		put_int(w, "gen_ai.usage.cache_creation.input_tokens",
		    u->cache_write_5m + u->cache_write_1h);
}

/* Who asked, what for, and what became of it. */
static void
put_request(struct jw *w, const struct req *r)
{
	const struct usage_record *u = &r->record;

	put_text(w, "http.request.method", str_from(r->endpoint->method));
	put_text(w, "http.route", str_from(r->endpoint->path));
	put_int(w, "http.response.status_code", u->status);
	put_text(w, "error.type", u->error_code);
	put_text(w, "user_agent.original", u->user_agent);
	put_text(w, "gen_ai.operation.name", str_from(operation_of(r)));
	put_text(w, "gen_ai.request.model", u->requested_model);
	put_text(w, "gen_ai.conversation.id", u->session);
	put_usage(w, &u->usage);
	put_list(w, "gen_ai.response.finish_reasons", u->finish);
	put_text(w, "llmgw.request_id", u->request_id);
	put_text(w, "llmgw.organization_id", u->org);
	put_text(w, "llmgw.project_id", u->project);
	put_text(w, "llmgw.key_id", u->key);
	put_text(w, "llmgw.used_model", u->used_model);
	put_text(w, "llmgw.used_provider", u->used_provider);
	put_bool(w, "llmgw.cached", u->cached);
	put_bool(w, "llmgw.streamed", u->streamed);
	put_dollars(w, "llmgw.cost_usd", u->cost.total);
	if (u->ttft_ms >= 0)
		put_int(w, "llmgw.time_to_first_token_ms", u->ttft_ms);
}

static void
put_server_span(struct jw *w, const struct req *r)
{
	const struct trace *t = r->trace;
	const struct usage_record *u = &r->record;
	char name[128];

	snprintf(name, sizeof(name), "%s %s", r->endpoint->method,
	    r->endpoint->path);
	open_span(w, t, t->span, t->child ? t->from.parent : NULL);
	jw_strc(w, "name", name);
	jw_int(w, "kind", KIND_SERVER);
	put_time(w, "startTimeUnixNano", u->started_ms);
	put_time(w, "endTimeUnixNano", u->started_ms + u->duration_ms);
	jw_arr(w, "attributes");
	put_request(w, r);
	/* What the client did wrong is no error of a server. */
	close_span(w, u->status >= 500 ? u->error_code : STR_NONE);
}

static struct str
system_of(struct str provider)
{
	for (size_t i = 0; i < NROWS(systems); i++)
		if (str_is(provider, systems[i].id))
			return str_from(systems[i].name);
	return provider;
}

static void
put_attempt(struct jw *w, const struct req *r, int i)
{
	const struct attempt *at = &r->attempts[i];
	const struct upstream *up = at->target->upstream;
	bool last = i == r->tries - 1;
	struct err ignored = { 0 };
	struct url url;

	put_text(w, "gen_ai.operation.name", str_from(operation_of(r)));
	put_text(w, "gen_ai.provider.name", system_of(up->id));
	put_text(w, "gen_ai.request.model", at->target->model);
	if (at->status > 0)
		put_int(w, "http.response.status_code", at->status);
	if (at->fault != FAULT_NONE)
		put_text(w, "error.type",
		    str_from(fault_rows[at->fault].word));
	if (url_parse(up->base_url, &url, &ignored) == 0)
		put_text(w, "server.address", url.host);
	if (last && at->fault == FAULT_NONE) {
		put_usage(w, &r->record.usage);
		put_list(w, "gen_ai.response.finish_reasons", r->record.finish);
	}
	put_text(w, "llmgw.provider", up->id);
	put_text(w, "llmgw.region", at->target->region);
	put_text(w, "llmgw.credential",
	    target_is_own(at->target) ? STR("own") : STR("gateway"));
	if (i > 0)
		put_int(w, "http.request.resend_count", i);
}

static void
put_client_span(struct jw *w, const struct req *r, int i)
{
	const struct attempt *at = &r->attempts[i];
	int64_t start = r->record.started_ms + at->started_ms - r->began_ms;
	unsigned char id[8];
	char name[256];

	rand_bytes(id, sizeof(id));
	snprintf(name, sizeof(name), "%s %.*s", operation_of(r),
	    STR_ARG(at->target->model));
	open_span(w, r->trace, id, r->trace->span);
	jw_strc(w, "name", name);
	jw_int(w, "kind", KIND_CLIENT);
	put_time(w, "startTimeUnixNano", start);
	put_time(w, "endTimeUnixNano", start + at->duration_ms);
	jw_arr(w, "attributes");
	put_attempt(w, r, i);
	close_span(w,
	    at->fault == FAULT_NONE ? STR_NONE :
				      str_from(fault_rows[at->fault].word));
}

void
trace_end(struct req *r)
{
	struct buf b = BUF_LIMIT(SPANS_MAX);
	struct jw w;

	for (int i = -1; i < r->tries; i++) {
		w = (struct jw)JW_TO(&b);
		if (i == -1)
			put_server_span(&w, r);
		else
			put_client_span(&w, r, i);
		if (i < r->tries - 1)
			buf_addc(&b, ',');
	}
	if (!b.full)
		tracer_add(r->world->tracer, buf_str(&b), r->tries + 1);
	buf_free(&b);
}
