#include "base/clock.h"
#include "domain/report.h"
#include "json/jscan.h"

static void
put_text(struct jw *w, const char *key, struct str s)
{
	if (s.n == 0)
		jw_null(w, key);
	else
		jw_str(w, key, s);
}

static void
put_opt(struct jw *w, const char *key, int64_t v)
{
	if (v < 0)
		jw_null(w, key);
	else
		jw_int(w, key, v);
}

/* api.md 4.4. */
static void
put_usage(struct jw *w, const struct usage_record *r)
{
	const struct llm_usage *u = &r->usage;
	int64_t written = u->cache_write_5m + u->cache_write_1h;

	jw_obj(w, "usage");
	jw_int(w, "prompt_tokens", u->input);
	jw_int(w, "completion_tokens", u->output);
	jw_int(w, "total_tokens", u->input + u->output);
	jw_obj(w, "prompt_tokens_details");
	jw_int(w, "cached_tokens", u->cache_read);
	jw_int(w, "cache_write_tokens", written);
	jw_int(w, "audio_tokens", u->audio_in);
	jw_int(w, "image_tokens", u->image_in);
	if (written > 0) {
		jw_obj(w, "cache_creation");
		jw_int(w, "ephemeral_5m_input_tokens", u->cache_write_5m);
		jw_int(w, "ephemeral_1h_input_tokens", u->cache_write_1h);
		jw_end(w);
	}
	jw_end(w);
	jw_obj(w, "completion_tokens_details");
	jw_int(w, "reasoning_tokens", u->reasoning);
	jw_int(w, "audio_tokens", u->audio_out);
	jw_int(w, "image_tokens", u->image_out);
	jw_end(w);
	llm_put_cost(w, &r->cost);
	if (u->estimated)
		jw_bool(w, "estimated", true);
	jw_end(w);
}

static const char *
state_of(const struct usage_record *r)
{
	if (r->status == 499)
		return "cancelled";
	if (r->status >= 400 || r->error_code.p != NULL)
		return "failed";
	return r->cached ? "cached" : "completed";
}

static void
put_routing(struct jw *w, const struct usage_record *r)
{
	jw_raw(w, "routing", r->routing.n > 0 ? r->routing : STR("[]"));
}

void
report_put_usage(struct jw *w, const struct usage_record *r)
{
	jw_obj(w, NULL);
	jw_strc(w, "object", "usage");
	put_text(w, "request_id", r->request_id);
	jw_str(w, "log_id", r->id);
	jw_time(w, "created_at", r->started_ms);
	put_text(w, "endpoint", r->endpoint);
	jw_int(w, "status", r->status);
	jw_strc(w, "state", state_of(r));
	put_text(w, "requested_model", r->requested_model);
	put_text(w, "used_model", r->used_model);
	put_text(w, "used_provider", r->used_provider);
	put_text(w, "used_region", r->used_region);
	jw_bool(w, "streamed", r->streamed);
	jw_bool(w, "cached", r->cached);
	put_text(w, "finish_reason", r->finish);
	put_opt(w, "duration_ms", r->duration_ms);
	put_opt(w, "ttft_ms", r->ttft_ms);
	put_usage(w, r);
	jw_nano(w, "billed", r->cost.billed);
	put_text(w, "mode", r->mode);
	put_text(w, "credential", r->credential);
	put_routing(w, r);
	jw_end(w);
}

static void
put_dropped(struct jw *w, struct str list)
{
	jw_arr(w, "dropped");
	while (list.n > 0)
		jw_str(w, NULL, str_trim(str_split(&list, ',')));
	jw_end(w);
}

/* Texts of a record that are members as they are. */
static const struct {
	const char *key;
	size_t offset;
} texts[] = {
#define T(key, member)                                                         \
	{                                                                      \
		key, offsetof(struct usage_record, member)                     \
	}
	T("request_id", request_id),
	T("attempt_of", attempt_of),
	T("session_id", session),
	T("organization_id", org),
	T("project_id", project),
	T("key_id", key),
	T("user", user),
	T("endpoint", endpoint),
	T("source", source),
	T("user_agent", user_agent),
	T("requested_model", requested_model),
	T("requested_provider", requested_provider),
	T("used_model", used_model),
	T("used_provider", used_provider),
	T("used_region", used_region),
	T("underlying_used_model", upstream_model),
	T("mode", mode),
	T("credential", credential),
	T("tier", tier),
	T("error_code", error_code),
	T("error_class", error_class),
	T("finish_reason", finish),
	T("raw_finish_reason", raw_finish),
#undef T
};

void
report_put_log(struct jw *w, const char *key, const struct usage_record *r,
    const struct payload_view *p)
{
	int64_t end_ms =
	    r->started_ms + (r->duration_ms > 0 ? r->duration_ms : 0);

	jw_obj(w, key);
	jw_str(w, "id", r->id);
	jw_strc(w, "object", "log");
	jw_time(w, "created_at", r->started_ms);
	jw_time(w, "updated_at", end_ms);
	for (size_t i = 0; i < NROWS(texts); i++)
		put_text(w, texts[i].key,
		    *(const struct str *)(const void *)((const char *)r +
			texts[i].offset));
	jw_int(w, "status", r->status);
	jw_strc(w, "state", state_of(r));
	jw_bool(w, "streamed", r->streamed);
	jw_bool(w, "cached", r->cached);
	jw_bool(w, "aborted", r->aborted);
	jw_bool(w, "estimated", r->usage.estimated);
	put_opt(w, "duration_ms", r->duration_ms);
	put_opt(w, "ttft_ms", r->ttft_ms);
	put_opt(w, "reasoning_ttft_ms", r->reasoning_ms);
	jw_int(w, "request_bytes", r->request_bytes);
	jw_int(w, "answer_bytes", r->answer_bytes);
	put_usage(w, r);
	jw_nano(w, "cost", r->cost.total);
	jw_nano(w, "billed", r->cost.billed);
	jw_nano(w, "discount", r->cost.discount);
	jw_raw(w, "headers", r->headers.n > 0 ? r->headers : STR("{}"));
	put_dropped(w, r->dropped);
	jw_raw(w, "guardrails",
	    r->guardrails.n > 0 ? r->guardrails : STR("[]"));
	put_routing(w, r);
	jw_raw(w, "decision", r->decision.n > 0 ? r->decision : STR("null"));
	if (p != NULL)
		payload_put_view(w, p);
	jw_end(w);
}

/* --- sums --- */

static double
share(int64_t part, int64_t all)
{
	return all == 0 ? 0 : (double)(part * 10000 / all) / 10000;
}

static void
put_average(struct jw *w, const char *key, int64_t sum, int64_t n)
{
	if (n == 0)
		jw_null(w, key);
	else
		jw_int(w, key, (sum + n / 2) / n);
}

static const struct {
	const char *key;
	enum report_number number;
} costs[] = {
	{ "cost", REPORT_COST },
	{ "input_cost", REPORT_INPUT_COST },
	{ "cached_input_cost", REPORT_CACHED_INPUT_COST },
	{ "cache_write_input_cost", REPORT_CACHE_WRITE_COST },
	{ "output_cost", REPORT_OUTPUT_COST },
	{ "request_cost", REPORT_REQUEST_COST },
	{ "image_cost", REPORT_IMAGE_COST },
	{ "audio_cost", REPORT_AUDIO_COST },
	{ "web_search_cost", REPORT_WEB_SEARCH_COST },
	{ "content_filter_cost", REPORT_CONTENT_FILTER_COST },
	{ "data_storage_cost", REPORT_DATA_STORAGE_COST },
	{ "billed", REPORT_BILLED },
	{ "own_key_cost", REPORT_OWN_KEY_COST },
	{ "discount_savings", REPORT_DISCOUNT },
};

void
report_put_sums(struct jw *w, const struct report_sums *s)
{
	const int64_t *v = s->v;

	jw_int(w, "requests", v[REPORT_REQUESTS]);
	jw_int(w, "errors", v[REPORT_ERRORS]);
	jw_num(w, "error_rate", share(v[REPORT_ERRORS], v[REPORT_REQUESTS]));
	jw_int(w, "cached", v[REPORT_CACHED]);
	jw_num(w, "cache_rate", share(v[REPORT_CACHED], v[REPORT_REQUESTS]));
	jw_int(w, "input_tokens", v[REPORT_INPUT]);
	jw_int(w, "cached_tokens", v[REPORT_CACHE_READ]);
	jw_int(w, "cache_write_tokens", v[REPORT_CACHE_WRITE]);
	jw_int(w, "output_tokens", v[REPORT_OUTPUT]);
	jw_int(w, "reasoning_tokens", v[REPORT_REASONING]);
	jw_int(w, "total_tokens", v[REPORT_INPUT] + v[REPORT_OUTPUT]);
	for (size_t i = 0; i < NROWS(costs); i++)
		jw_nano(w, costs[i].key, v[costs[i].number]);
	put_average(
	    w, "avg_duration_ms", v[REPORT_DURATION], v[REPORT_DURATIONS]);
	put_average(w, "avg_ttft_ms", v[REPORT_TTFT], v[REPORT_TTFTS]);
}

/* "2026-11-22T00:00:00Z": a slot begins with a full second. */
static void
put_slot(struct jw *w, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];

	clock_text(ms, text);
	memcpy(text + 19, "Z", 2);
	jw_strc(w, key, text);
}

/* "model", or "header:team" for the header's group. */
static struct str
group_name(const struct report_activity *q, int i, struct buf *b)
{
	buf_clear(b);
	buf_add(b, str_from(report_group_words[q->by[i]]));
	if (q->by[i] == REPORT_HEADER) {
		buf_addc(b, ':');
		buf_add(b, q->header);
	}
	buf_addc(b, '\0');
	return (struct str){ b->p, b->n - 1 };
}

static void
put_row(struct jw *w, const struct report_activity *q,
    const struct report_row *row, struct buf *name)
{
	jw_obj(w, NULL);
	put_slot(w, "time", row->slot_ms);
	for (int i = 0; i < q->nby; i++)
		put_text(w, group_name(q, i, name).p, row->by[i]);
	report_put_sums(w, &row->sums);
	jw_end(w);
}

void
report_put_activity(struct jw *w, const struct report_activity *q,
    const struct report_sums *totals, const struct report_row *v, int n,
    struct str next)
{
	struct buf name = BUF_LIMIT(256);

	jw_obj(w, NULL);
	jw_strc(w, "object", "activity");
	jw_time(w, "from", q->filter.from_ms);
	jw_time(w, "to", q->filter.until_ms);
	jw_strc(w, "granularity", q->step == REPORT_HOURS ? "hour" : "day");
	jw_arr(w, "group_by");
	for (int i = 0; i < q->nby; i++)
		jw_str(w, NULL, group_name(q, i, &name));
	jw_end(w);
	jw_obj(w, "totals");
	report_put_sums(w, totals);
	jw_end(w);
	jw_arr(w, "data");
	for (int i = 0; i < n; i++)
		put_row(w, q, &v[i], &name);
	jw_end(w);
	put_text(w, "next_cursor", next);
	jw_end(w);
	buf_free(&name);
}

/* --- CSV --- */

/* A value as JSON spells it is a cell, too, if it is no text. */
static void
csv_text(struct buf *b, struct str s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++)
		quoted = quoted || memchr(",\"\r\n", s.p[i], 4) != NULL;
	if (quoted)
		buf_addc(b, '"');
	/* Spreadsheets take such text for a formula. */
	if (s.n > 0 && memchr("=+-@\t\r", *s.p, 6) != NULL)
		buf_addc(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_addc(b, '"');
		buf_addc(b, s.p[i]);
	}
	if (quoted)
		buf_addc(b, '"');
}

/*
 * The sums as JSON, members or values of it: names and order of the columns
 * are those of the members.
 */
static void
csv_sums(struct buf *b, const struct report_sums *s, bool names)
{
	struct buf json = BUF_LIMIT(1 << 16);
	struct jw w = JW_TO(&json);
	struct jmember m;
	struct jiter it;

	jw_obj(&w, NULL);
	report_put_sums(&w, s);
	jw_end(&w);
	for (it = jscan_into(buf_str(&json)); jscan_next(&it, &m);) {
		buf_addc(b, ',');
		if (names)
			buf_add(b, m.key);
		else if (!jscan_null(m.raw))
			buf_add(b, m.raw);
	}
	buf_add(b, STR("\r\n"));
	buf_free(&json);
}

void
report_put_csv(struct buf *b, const struct report_activity *q,
    const struct report_row *v, int n)
{
	static const struct report_sums none;
	struct buf name = BUF_LIMIT(256);
	char text[CLOCK_TEXT];

	buf_add(b, STR("time"));
	for (int i = 0; i < q->nby; i++) {
		buf_addc(b, ',');
		csv_text(b, group_name(q, i, &name));
	}
	csv_sums(b, &none, true);
	for (int k = 0; k < n; k++) {
		clock_text(v[k].slot_ms, text);
		buf_add(b, (struct str){ text, 19 });
		buf_addc(b, 'Z');
		for (int i = 0; i < q->nby; i++) {
			buf_addc(b, ',');
			csv_text(b, v[k].by[i]);
		}
		csv_sums(b, &v[k].sums, false);
	}
	buf_free(&name);
}
