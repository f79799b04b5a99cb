#ifndef DOMAIN_USAGE_FIELD_H
#define DOMAIN_USAGE_FIELD_H

#include "domain/usage.h"

/*
 * The members of a record, each once: what it is called in the spool and in the
 * table "log", and where it is in the struct.  usage*.c only walk this table.
 */
enum usage_type {
	USAGE_STR,
	USAGE_RAW,   /* JSON text */
	USAGE_INT,   /* int64_t, 0 if not written */
	USAGE_OPT,   /* int64_t, -1 and NULL if there is none */
	USAGE_SMALL, /* int */
	USAGE_BOOL
};

struct usage_field {
	const char *name;
	enum usage_type type;
	bool at_start; /* known before the call */
	size_t offset;
};

#define USAGE_FIELDS 68
extern const struct usage_field usage_fields[USAGE_FIELDS];

/* clang-format off */
#define USAGE_COLUMNS \
    "record_id, attempt_of, request_id, organization_id, project_id, key_id, " \
    "endpoint, source, user_agent, session_id, user_id, requested_model, " \
    "requested_provider, used_model, used_provider, upstream_model, " \
    "used_region, tier, mode, " \
    "credential, error_code, error_class, finish, raw_finish, decision, routing, " \
    "headers, dropped, guardrails, started_ms, duration_ms, ttft_ms, reasoning_ms, status, " \
    "streamed, cached, aborted, estimated, request_bytes, answer_bytes, " \
    "input_tokens, cache_read_tokens, cache_write_5m_tokens, " \
    "cache_write_1h_tokens, audio_in_tokens, image_in_tokens, " \
    "output_tokens, reasoning_tokens, audio_out_tokens, image_out_tokens, " \
    "images_in, images_out, searches, cost_nano, input_cost_nano, " \
    "cached_input_cost_nano, cache_write_cost_nano, output_cost_nano, " \
    "request_cost_nano, web_search_cost_nano, image_in_cost_nano, " \
    "image_out_cost_nano, audio_in_cost_nano, audio_out_cost_nano, " \
    "content_filter_cost_nano, data_storage_cost_nano, " \
    "billed_nano, discount_nano"
/* clang-format on */

/* "INSERT INTO log(...) VALUES (...)", parameters in the order of fields. */
extern const char usage_insert_text[];
/* "SELECT ... FROM log WHERE project_id = ?1 AND request_id = ?2 ..." */
extern const char usage_select_text[];

/* A row that began with USAGE_COLUMNS; strings in the arena. */
void usage_row(struct sql_stmt *, struct arena *, struct usage_record *);

static inline void *
usage_at(struct usage_record *r, const struct usage_field *f)
{
	return (char *)r + f->offset;
}

#endif
