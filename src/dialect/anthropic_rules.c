/*
 * What a messages request may say (api.md 5.1), as tables.
 */
#include "dialect/anthropic.h"

static int
check_image(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;

	seen->images++;
	if (str_is(jscan_word(jscan_at(raw, "source"), "type"), "url"))
		c->marks |= LLM_SAY_URL;
	return 0;
}

static int
check_document(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;
	struct str source = jscan_at(raw, "source");

	if (str_is(jscan_word(source, "type"), "base64"))
		seen->file_bytes += jscan_word(source, "data").n;
	else if (str_is(jscan_word(source, "type"), "url"))
		c->marks |= LLM_SAY_URL;
	return 0;
}

static int
check_container(struct jcheck *c, struct str raw)
{
	(void)raw;
	return check_native(c, "container");
}

static int
check_servers(struct jcheck *c, struct str raw)
{
	struct jiter it = jscan_into(raw);
	struct jmember m;

	return jscan_next(&it, &m) ? check_native(c, "mcp_servers") : 0;
}

/*
 * Tools without a type are the client's.  A search beside them is a wish
 * (api.md 18); of the others only this dialect knows what they are.
 */
static int
check_tool(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;
	struct str type = jscan_text(jscan_at(raw, "type"), c->arena);

	if (type.p == NULL || str_is(type, "custom")) {
		if (jscan_at(raw, "name").p == NULL)
			return jcheck_fail_at(c, "name", "is required");
		if (jscan_at(raw, "input_schema").p == NULL)
			return jcheck_fail_at(c, "input_schema", "is required");
		seen->tools++;
		c->marks |= LLM_CAN_TOOLS;
		return 0;
	}
	if (str_starts(type, "web_search_") || str_is(type, "web_search")) {
		seen->searches = true;
		return 0;
	}
	if (str_starts(type, "tool_search_")) {
		seen->finds = true;
		return 0;
	}
	return check_native(c, "tools");
}

/* clang-format off */
#define END { .name = NULL }

static const struct jrule any_rules[] = { END };
static const struct jrule string_rule = { .name = "*", .types = JT_STR };

static const struct jrule base64_rules[] = {
	{ .name = "media_type", .types = JT_STR, .required = true },
	{ .name = "data", .types = JT_STR, .required = true,
	    .also = check_data }, END };
static const struct jrule url_rules[] = {
	{ .name = "url", .types = JT_STR, .required = true }, END };
static const struct jrule text_source_rules[] = {
	{ .name = "data", .types = JT_STR, .required = true }, END };
static const struct jrule file_rules[] = {
	{ .name = "file_id", .types = JT_STR, .required = true,
	    .also = check_word }, END };

static const struct jvariant native_type = { NULL, any_rules, LLM_SAY_NATIVE };

static const struct jvariant image_sources[] = {
	{ "base64", base64_rules, 0 },
	{ "url", url_rules, 0 },
	{ "file", file_rules, LLM_SAY_NATIVE },
	{ NULL, NULL, 0 } };
static const struct jrule image_rules[] = {
	{ .name = "source", .types = JT_OBJ, .required = true,
	    .variants = image_sources, .unknown = &native_type }, END };

static const struct jrule text_rules[] = {
	{ .name = "text", .types = JT_STR, .required = true },
	{ .name = "cache_control", .types = JT_OBJ }, END };

static const struct jvariant part_types[] = {
	{ "text", text_rules, 0 },
	{ "image", image_rules, LLM_CAN_IMAGES },
	{ NULL, NULL, 0 } };
static const struct jrule part_rule = {
	.name = "*", .types = JT_OBJ, .variants = part_types,
	.unknown = &native_type };
static const struct jrule content_source_rules[] = {
	{ .name = "content", .types = JT_STR | JT_ARR, .required = true,
	    .items = &part_rule }, END };

static const struct jvariant document_sources[] = {
	{ "base64", base64_rules, 0 },
	{ "url", url_rules, 0 },
	{ "text", text_source_rules, 0 },
	{ "content", content_source_rules, 0 },
	{ "file", file_rules, LLM_SAY_NATIVE },
	{ NULL, NULL, 0 } };
static const struct jrule document_rules[] = {
	{ .name = "source", .types = JT_OBJ, .required = true,
	    .variants = document_sources, .unknown = &native_type },
	{ .name = "title", .types = JT_STR },
	{ .name = "context", .types = JT_STR },
	{ .name = "cache_control", .types = JT_OBJ }, END };

static const struct jrule search_result_rules[] = {
	{ .name = "source", .types = JT_STR, .required = true },
	{ .name = "title", .types = JT_STR, .required = true },
	{ .name = "content", .types = JT_ARR, .required = true,
	    .items = &part_rule }, END };

static const struct jrule result_image_rule[] = {
	{ .name = "source", .types = JT_OBJ, .required = true,
	    .variants = image_sources, .unknown = &native_type }, END };
static const struct jvariant result_types[] = {
	{ "text", text_rules, 0 },
	{ "image", result_image_rule, LLM_CAN_IMAGES },
	{ "document", document_rules, LLM_CAN_FILES },
	{ "search_result", search_result_rules, 0 },
	{ "tool_reference", any_rules, 0 },
	{ NULL, NULL, 0 } };

static int
check_block(struct jcheck *c, struct str raw)
{
	struct str type = jscan_word(raw, "type");

	if (str_is(type, "image"))
		return check_image(c, raw);
	if (str_is(type, "document"))
		return check_document(c, raw);
	return 0;
}

static const struct jrule result_part_rule = {
	.name = "*", .types = JT_OBJ, .variants = result_types,
	.unknown = &native_type, .also = check_block };
static const struct jrule tool_result_rules[] = {
	{ .name = "tool_use_id", .types = JT_STR, .required = true,
	    .also = check_word },
	{ .name = "content", .types = JT_STR | JT_ARR,
	    .items = &result_part_rule },
	{ .name = "is_error", .types = JT_BOOL },
	{ .name = "cache_control", .types = JT_OBJ }, END };
static const struct jrule tool_use_rules[] = {
	{ .name = "id", .types = JT_STR, .required = true,
	    .also = check_word },
	{ .name = "name", .types = JT_STR, .required = true,
	    .also = check_word },
	{ .name = "input", .types = JT_OBJ, .required = true },
	{ .name = "cache_control", .types = JT_OBJ }, END };
static const struct jrule thinking_rules[] = {
	{ .name = "thinking", .types = JT_STR, .required = true },
	{ .name = "signature", .types = JT_STR }, END };
static const struct jrule redacted_rules[] = {
	{ .name = "data", .types = JT_STR, .required = true }, END };

/* What the provider's own tools said is left out elsewhere. */
static const struct jvariant block_types[] = {
	{ "text", text_rules, 0 },
	{ "image", image_rules, LLM_CAN_IMAGES },
	{ "document", document_rules, LLM_CAN_FILES },
	{ "search_result", search_result_rules, 0 },
	{ "tool_use", tool_use_rules, 0 },
	{ "tool_result", tool_result_rules, 0 },
	{ "thinking", thinking_rules, 0 },
	{ "redacted_thinking", redacted_rules, 0 },
	{ "server_tool_use", any_rules, 0 },
	{ "web_search_tool_result", any_rules, 0 },
	{ "tool_search_tool_result", any_rules, 0 },
	{ NULL, NULL, 0 } };
static const struct jrule block_rule = {
	.name = "*", .types = JT_OBJ, .variants = block_types,
	.unknown = &native_type, .also = check_block };

static const struct jrule message_rules[] = {
	{ .name = "role", .types = JT_STR, .required = true,
	    .words = "user|assistant|system" },
	{ .name = "content", .types = JT_STR | JT_ARR, .required = true,
	    .items = &block_rule }, END };
static const struct jrule message_rule = {
	.name = "*", .types = JT_OBJ, .members = message_rules };

static const struct jvariant system_types[] = {
	{ "text", text_rules, 0 }, { NULL, NULL, 0 } };
static const struct jrule system_rule = {
	.name = "*", .types = JT_OBJ, .variants = system_types };

static const struct jrule tool_rules[] = {
	{ .name = "type", .types = JT_STR },
	{ .name = "name", .types = JT_STR, .min = 1, .max = 128,
	    .also = check_word },
	{ .name = "description", .types = JT_STR },
	{ .name = "input_schema", .types = JT_OBJ },
	{ .name = "strict", .types = JT_BOOL },
	{ .name = "cache_control", .types = JT_OBJ },
	{ .name = "max_uses", .types = JT_INT, .min = 1, .max = 1e9 },
	{ .name = "allowed_domains", .types = JT_ARR, .items = &string_rule },
	{ .name = "blocked_domains", .types = JT_ARR, .items = &string_rule },
	{ .name = "user_location", .types = JT_OBJ }, END };
static const struct jrule tool_rule = {
	.name = "*", .types = JT_OBJ, .members = tool_rules,
	.also = check_tool };

static const struct jrule free_choice_rules[] = {
	{ .name = "disable_parallel_tool_use", .types = JT_BOOL }, END };
static const struct jrule named_choice_rules[] = {
	{ .name = "name", .types = JT_STR, .required = true,
	    .also = check_word },
	{ .name = "disable_parallel_tool_use", .types = JT_BOOL }, END };
static const struct jvariant choice_types[] = {
	{ "auto", free_choice_rules, 0 },
	{ "any", free_choice_rules, 0 },
	{ "tool", named_choice_rules, 0 },
	{ "none", any_rules, 0 },
	{ NULL, NULL, 0 } };

static const struct jrule budget_rules[] = {
	{ .name = "budget_tokens", .types = JT_INT, .required = true,
	    .min = 1024, .max = 0 }, END };
static const struct jvariant thinking_types[] = {
	{ "enabled", budget_rules, LLM_CAN_REASON },
	{ "adaptive", any_rules, LLM_CAN_REASON },
	{ "disabled", any_rules, 0 },
	{ NULL, NULL, 0 } };

static const struct jrule schema_rules[] = {
	{ .name = "schema", .types = JT_OBJ, .required = true }, END };
static const struct jvariant format_types[] = {
	{ "json_schema", schema_rules, LLM_CAN_SCHEMA },
	{ NULL, NULL, 0 } };
static const struct jrule output_rules[] = {
	{ .name = "effort", .types = JT_STR,
	    .words = "low|medium|high|xhigh|max", .mark = LLM_CAN_REASON },
	{ .name = "format", .types = JT_OBJ, .variants = format_types }, END };
static const struct jrule metadata_rules[] = {
	{ .name = "user_id", .types = JT_STR, .also = check_word }, END };

#define COMMON                                                                 \
	{ .name = "model", .types = JT_STR, .required = true,                  \
	    .also = check_model },                                             \
	{ .name = "messages", .types = JT_ARR, .required = true, .min = 1,     \
	    .max = 100000, .items = &message_rule },                           \
	{ .name = "system", .types = JT_STR | JT_ARR, .items = &system_rule }, \
	{ .name = "temperature", .types = JT_NUM, .min = 0, .max = 1 },        \
	{ .name = "top_p", .types = JT_NUM, .min = 0, .max = 1 },              \
	{ .name = "top_k", .types = JT_INT, .min = 0, .max = 1e15 },           \
	{ .name = "stop_sequences", .types = JT_ARR, .items = &string_rule },  \
	{ .name = "stream", .types = JT_BOOL },                                \
	{ .name = "tools", .types = JT_ARR, .min = 0, .max = 1024,             \
	    .items = &tool_rule },                                             \
	{ .name = "tool_choice", .types = JT_OBJ, .variants = choice_types },  \
	{ .name = "thinking", .types = JT_OBJ, .variants = thinking_types },   \
	{ .name = "output_config", .types = JT_OBJ,                            \
	    .members = output_rules },                                         \
	{ .name = "output_format", .types = JT_OBJ,                            \
	    .variants = format_types },                                        \
	{ .name = "metadata", .types = JT_OBJ, .members = metadata_rules },    \
	{ .name = "service_tier", .types = JT_STR },                           \
	{ .name = "container", .types = JT_STR | JT_OBJ,                       \
	    .also = check_container },                                         \
	{ .name = "context_management", .types = JT_OBJ,                       \
	    .also = check_management },                                        \
	{ .name = "mcp_servers", .types = JT_ARR, .also = check_servers },     \
	{ .name = "cache_control", .types = JT_OBJ },                          \
	{ .name = "routing", .types = JT_STR,                                  \
	    .words = "auto|price|throughput|latency" },                        \
	{ .name = "free_models_only", .types = JT_BOOL },                      \
	{ .name = "no_reasoning", .types = JT_BOOL }, END

const struct jrule anthropic_rules[] = {
	{ .name = "max_tokens", .types = JT_INT, .required = true, .min = 1,
	    .max = 0 },
	COMMON };
const struct jrule anthropic_count_rules[] = {
	{ .name = "max_tokens", .types = JT_INT, .min = 1, .max = 0 },
	COMMON };
/* clang-format on */
