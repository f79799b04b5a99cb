/* The three lists are in the same order; tests compare them. */
#include "domain/usage_field.h"

#define F(member) offsetof(struct usage_record, member)

/* clang-format off */
const struct usage_field usage_fields[USAGE_FIELDS] = {
{ "record_id", USAGE_STR, true, F(id) },
{ "attempt_of", USAGE_STR, false, F(attempt_of) },
{ "request_id", USAGE_STR, true, F(request_id) },
{ "organization_id", USAGE_STR, true, F(org) },
{ "project_id", USAGE_STR, true, F(project) },
{ "key_id", USAGE_STR, true, F(key) },
{ "endpoint", USAGE_STR, true, F(endpoint) },
{ "source", USAGE_STR, true, F(source) },
{ "user_agent", USAGE_STR, true, F(user_agent) },
{ "session_id", USAGE_STR, true, F(session) },
{ "user_id", USAGE_STR, true, F(user) },
{ "requested_model", USAGE_STR, true, F(requested_model) },
{ "requested_provider", USAGE_STR, true, F(requested_provider) },
{ "used_model", USAGE_STR, true, F(used_model) },
{ "used_provider", USAGE_STR, true, F(used_provider) },
{ "upstream_model", USAGE_STR, true, F(upstream_model) },
{ "used_region", USAGE_STR, false, F(used_region) },
{ "tier", USAGE_STR, true, F(tier) },
{ "mode", USAGE_STR, true, F(mode) },
{ "credential", USAGE_STR, true, F(credential) },
{ "error_code", USAGE_STR, false, F(error_code) },
{ "error_class", USAGE_STR, false, F(error_class) },
{ "finish", USAGE_STR, false, F(finish) },
{ "raw_finish", USAGE_STR, false, F(raw_finish) },
{ "decision", USAGE_RAW, false, F(decision) },
{ "routing", USAGE_RAW, false, F(routing) },
{ "headers", USAGE_RAW, true, F(headers) },
{ "dropped", USAGE_STR, false, F(dropped) },
{ "guardrails", USAGE_RAW, false, F(guardrails) },
{ "started_ms", USAGE_INT, true, F(started_ms) },
{ "duration_ms", USAGE_OPT, false, F(duration_ms) },
{ "ttft_ms", USAGE_OPT, false, F(ttft_ms) },
{ "reasoning_ms", USAGE_OPT, false, F(reasoning_ms) },
{ "status", USAGE_SMALL, false, F(status) },
{ "streamed", USAGE_BOOL, true, F(streamed) },
{ "cached", USAGE_BOOL, false, F(cached) },
{ "aborted", USAGE_BOOL, false, F(aborted) },
{ "estimated", USAGE_BOOL, false, F(usage.estimated) },
{ "request_bytes", USAGE_INT, true, F(request_bytes) },
{ "answer_bytes", USAGE_INT, false, F(answer_bytes) },
{ "input_tokens", USAGE_INT, false, F(usage.input) },
{ "cache_read_tokens", USAGE_INT, false, F(usage.cache_read) },
{ "cache_write_5m_tokens", USAGE_INT, false, F(usage.cache_write_5m) },
{ "cache_write_1h_tokens", USAGE_INT, false, F(usage.cache_write_1h) },
{ "audio_in_tokens", USAGE_INT, false, F(usage.audio_in) },
{ "image_in_tokens", USAGE_INT, false, F(usage.image_in) },
{ "output_tokens", USAGE_INT, false, F(usage.output) },
{ "reasoning_tokens", USAGE_INT, false, F(usage.reasoning) },
{ "audio_out_tokens", USAGE_INT, false, F(usage.audio_out) },
{ "image_out_tokens", USAGE_INT, false, F(usage.image_out) },
{ "images_in", USAGE_SMALL, false, F(usage.images_in) },
{ "images_out", USAGE_SMALL, false, F(usage.images_out) },
{ "searches", USAGE_SMALL, false, F(usage.searches) },
{ "cost_nano", USAGE_INT, false, F(cost.total) },
{ "input_cost_nano", USAGE_INT, false, F(cost.input) },
{ "cached_input_cost_nano", USAGE_INT, false, F(cost.cached_input) },
{ "cache_write_cost_nano", USAGE_INT, false, F(cost.cache_write) },
{ "output_cost_nano", USAGE_INT, false, F(cost.output) },
{ "request_cost_nano", USAGE_INT, false, F(cost.request) },
{ "web_search_cost_nano", USAGE_INT, false, F(cost.web_search) },
{ "image_in_cost_nano", USAGE_INT, false, F(cost.image_in) },
{ "image_out_cost_nano", USAGE_INT, false, F(cost.image_out) },
{ "audio_in_cost_nano", USAGE_INT, false, F(cost.audio_in) },
{ "audio_out_cost_nano", USAGE_INT, false, F(cost.audio_out) },
{ "content_filter_cost_nano", USAGE_INT, false, F(cost.content_filter) },
{ "data_storage_cost_nano", USAGE_INT, false, F(cost.data_storage) },
{ "billed_nano", USAGE_INT, false, F(cost.billed) },
{ "discount_nano", USAGE_INT, false, F(cost.discount) },
};

const char usage_insert_text[] =
    "INSERT INTO log(" USAGE_COLUMNS ") VALUES ("
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
    "?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, "
    "?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, "
    "?42, ?43, ?44, ?45, ?46, ?47, ?48, ?49, ?50, ?51, ?52, ?53, ?54, "
    "?55, ?56, ?57, ?58, ?59, ?60, ?61, ?62, ?63, ?64, ?65, ?66, ?67, "
    "?68"
    ") ON CONFLICT(record_id) DO NOTHING";

const char usage_select_text[] =
    "SELECT " USAGE_COLUMNS " FROM log"
    " WHERE request_id = ?1 AND project_id = ?2 AND attempt_of IS NULL"
    " ORDER BY record_id DESC LIMIT 1";
/* clang-format on */
