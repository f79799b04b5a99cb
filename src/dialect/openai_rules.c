/*
 * What a chat request may say (api.md 4.1, 4.2), as tables.
 */
#include "dialect/openai.h"

#define TOOL_NAME_MAX 128

static struct openai_id **
chain_of(struct jcheck *c, struct str id)
{
	struct openai_seen *s = c->arg;
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * 16777619u;
	if (s->ids == NULL) /* most requests have no calls */
		s->ids = arena_zalloc(
		    c->arena, OPENAI_CHAINS * sizeof(struct openai_id *));
	return &s->ids[h % OPENAI_CHAINS];
}

static void
add_call_ids(struct jcheck *c, struct str calls)
{
	struct openai_id **chain, *seen;
	struct jiter it;
	struct jmember m;
	struct str id;

	for (it = jscan_into(calls); jscan_next(&it, &m);) {
		id = jscan_text(jscan_at(m.raw, "id"), c->arena);
		chain = chain_of(c, id);
		seen = ARENA_NEW(c->arena, struct openai_id);
		seen->id = id;
		seen->next = *chain;
		*chain = seen;
	}
}

static int
check_tool_message(struct jcheck *c, struct str raw)
{
	struct str id = jscan_text(jscan_at(raw, "tool_call_id"), c->arena);
	const struct openai_id *s;

	if (id.p == NULL)
		return jcheck_fail_at(
		    c, "tool_call_id", "is required for role tool");
	for (s = *chain_of(c, id); s != NULL; s = s->next)
		if (str_eq(s->id, id))
			return 0;
	return jcheck_fail_at(c, "tool_call_id",
	    "no earlier assistant message has a call with this id");
}

static int
check_message(struct jcheck *c, struct str raw)
{
	struct str role = jscan_at(raw, "role");
	struct str content = jscan_at(raw, "content");

	if (str_eq(role, STR("\"assistant\""))) {
		add_call_ids(c, jscan_at(raw, "tool_calls"));
		return 0;
	}
	if (content.p == NULL || jscan_null(content))
		return jcheck_fail_at(c, "content", "is required");
	if (str_eq(role, STR("\"tool\"")))
		return check_tool_message(c, raw);
	return 0;
}

static bool
is_name_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	    (ch >= '0' && ch <= '9') || (ch != '\0' && strchr("_.:-", ch));
}

int
openai_check_name(struct jcheck *c, struct str raw)
{
	struct str s = jscan_inner(raw);
	size_t i;

	for (i = 0; i < s.n && is_name_char(s.p[i]); i++)
		;
	if (i < s.n || s.n == 0 || s.n > TOOL_NAME_MAX)
		return jcheck_fail(c, "must match [A-Za-z0-9_.:-]{1,128}");
	return 0;
}

static int
check_stop(struct jcheck *c, struct str raw)
{
	struct jiter it;
	struct jmember m;
	int n = 0;

	if (raw.p[0] != '[')
		return 0;
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		n++;
	return n >= 1 && n <= 16 ? 0 :
				   jcheck_fail(c, "must have 1 to 16 elements");
}

int
openai_check_effort(struct jcheck *c, struct str raw)
{
	if (!str_eq(raw, STR("\"none\"")))
		c->marks |= LLM_CAN_REASON;
	return 0;
}

/* 64 bits, more than a number that a rule takes for whole may have. */
static int
check_seed(struct jcheck *c, struct str raw)
{
	int64_t v;

	return jscan_int(raw, &v) ? 0 :
				    jcheck_fail(c, "must be a whole number");
}

static int
check_modality(struct jcheck *c, struct str raw)
{
	if (str_eq(raw, STR("\"audio\"")))
		c->marks |= LLM_CAN_SPEAK | LLM_SAY_SPEAK;
	else if (str_eq(raw, STR("\"image\"")))
		c->marks |= LLM_CAN_DRAW | LLM_SAY_DRAW;
	return 0;
}

static int
check_web_search(struct jcheck *c, struct str raw)
{
	if (str_eq(raw, STR("true")))
		c->marks |= LLM_CAN_SEARCH | LLM_SAY_SEARCH;
	return 0;
}

static int
check_audio(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;

	seen->audio_bytes += raw.n - 2;
	return check_data(c, raw);
}

/* https, or data that is passed on as it is. */
static int
check_media_url(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;
	struct str s = jscan_inner(raw);

	if (raw.p[0] == '{')
		return 0; /* its member is looked at */
	seen->text_not += s.n;
	if (str_starts(s, "data:")) {
		seen->file_bytes += s.n;
		return 0;
	}
	if (s.n <= 8 || strncasecmp(s.p, "https://", 8) != 0)
		return jcheck_fail(c, "must be an https URL or a data URL");
	c->marks |= LLM_SAY_URL;
	return 0;
}

/* clang-format off */
#define END { .name = NULL }

static const struct jrule text_rules[] = {
	{ .name = "text", .types = JT_STR, .required = true }, END };
static const struct jrule url_rules[] = {
	{ .name = "url", .types = JT_STR, .required = true,
	    .also = openai_check_image },
	{ .name = "detail", .types = JT_STR }, END };
static const struct jrule image_rules[] = {
	{ .name = "image_url", .types = JT_OBJ, .required = true,
	    .members = url_rules }, END };
static const struct jrule audio_data_rules[] = {
	{ .name = "data", .types = JT_STR, .required = true,
	    .also = check_audio },
	{ .name = "format", .types = JT_STR, .required = true }, END };
static const struct jrule audio_rules[] = {
	{ .name = "input_audio", .types = JT_OBJ, .required = true,
	    .members = audio_data_rules }, END };
static const struct jrule file_data_rules[] = {
	{ .name = "file_data", .types = JT_STR, .also = check_file },
	{ .name = "filename", .types = JT_STR, .also = check_word },
	{ .name = "file_id", .types = JT_STR, .mark = LLM_SAY_NATIVE,
	    .also = check_word }, END };
static const struct jrule file_rules[] = {
	{ .name = "file", .types = JT_OBJ, .required = true,
	    .members = file_data_rules }, END };
static const struct jrule media_url_rules[] = {
	{ .name = "url", .types = JT_STR, .required = true,
	    .also = check_media_url }, END };
static const struct jrule video_rules[] = {
	{ .name = "video_url", .types = JT_OBJ | JT_STR, .required = true,
	    .members = media_url_rules, .also = check_media_url }, END };
static const struct jrule audio_url_rules[] = {
	{ .name = "audio_url", .types = JT_OBJ | JT_STR, .required = true,
	    .members = media_url_rules, .also = check_media_url }, END };
static const struct jrule document_rules[] = {
	{ .name = "document_url", .types = JT_OBJ | JT_STR, .required = true,
	    .members = media_url_rules, .also = check_media_url }, END };
static const struct jrule refusal_rules[] = {
	{ .name = "refusal", .types = JT_STR, .required = true }, END };
static const struct jrule any_rules[] = { END };

static const struct jvariant part_types[] = {
	{ "text", text_rules, 0 },
	{ "image_url", image_rules, LLM_CAN_IMAGES },
	{ "input_audio", audio_rules, LLM_CAN_AUDIO | LLM_SAY_AUDIO },
	{ "file", file_rules, LLM_CAN_FILES },
	{ "refusal", refusal_rules, 0 },
	{ "video_url", video_rules, LLM_CAN_VIDEO | LLM_SAY_VIDEO },
	{ "audio_url", audio_url_rules, LLM_CAN_AUDIO | LLM_SAY_AUDIO },
	{ "document_url", document_rules, LLM_CAN_FILES },
	{ "thinking", any_rules, 0 },
	{ NULL, NULL, 0 } };
static const struct jrule part_rule = {
	.name = "*", .types = JT_OBJ, .variants = part_types };

static const struct jrule called_rules[] = {
	{ .name = "name", .types = JT_STR, .required = true,
	    .also = check_word },
	{ .name = "arguments", .types = JT_STR, .required = true }, END };
static const struct jrule call_rules[] = {
	{ .name = "id", .types = JT_STR, .required = true,
	    .also = check_word },
	{ .name = "type", .types = JT_STR },
	{ .name = "function", .types = JT_OBJ, .members = called_rules },
	{ .name = "custom", .types = JT_OBJ, .mark = LLM_SAY_CUSTOM }, END };
static const struct jrule call_rule = {
	.name = "*", .types = JT_OBJ, .members = call_rules };

static const struct jrule message_rules[] = {
	{ .name = "role", .types = JT_STR, .required = true,
	    .words = "system|developer|user|assistant|tool|function" },
	{ .name = "content", .types = JT_STR | JT_ARR, .items = &part_rule },
	{ .name = "name", .types = JT_STR, .also = check_word },
	{ .name = "tool_call_id", .types = JT_STR, .also = check_word },
	{ .name = "tool_calls", .types = JT_ARR, .items = &call_rule },
	{ .name = "refusal", .types = JT_STR },
	{ .name = "reasoning", .types = JT_STR },
	{ .name = "reasoning_content", .types = JT_STR },
	{ .name = "reasoning_details", .types = JT_ARR },
	{ .name = "thinking_blocks", .types = JT_ARR },
	{ .name = "annotations", .types = JT_ARR },
	{ .name = "audio", .types = JT_OBJ, .mark = LLM_SAY_NATIVE }, END };
static const struct jrule message_rule = {
	.name = "*", .types = JT_OBJ, .members = message_rules,
	.also = check_message };

const struct jrule openai_function_rules[] = {
	{ .name = "name", .types = JT_STR, .required = true,
	    .also = openai_check_name },
	{ .name = "description", .types = JT_STR },
	{ .name = "parameters", .types = JT_OBJ },
	{ .name = "strict", .types = JT_BOOL }, END };
static const struct jrule function_tool_rules[] = {
	{ .name = "function", .types = JT_OBJ, .required = true,
	    .members = openai_function_rules }, END };
static const struct jrule named_rules[] = {
	{ .name = "name", .types = JT_STR, .required = true,
	    .also = openai_check_name }, END };
static const struct jrule custom_tool_rules[] = {
	{ .name = "custom", .types = JT_OBJ, .required = true,
	    .members = named_rules }, END };
static const struct jrule string_rule = { .name = "*", .types = JT_STR };
static const struct jrule search_tool_rules[] = {
	{ .name = "user_location", .types = JT_OBJ },
	{ .name = "search_context_size", .types = JT_STR },
	{ .name = "max_uses", .types = JT_INT, .min = 1, .max = 1e9 },
	{ .name = "allowed_domains", .types = JT_ARR, .items = &string_rule },
	{ .name = "blocked_domains", .types = JT_ARR, .items = &string_rule },
	END };
static const struct jvariant tool_types[] = {
	{ "function", function_tool_rules, LLM_CAN_TOOLS },
	{ "custom", custom_tool_rules, LLM_CAN_TOOLS | LLM_SAY_CUSTOM },
	{ "web_search", search_tool_rules, LLM_CAN_SEARCH | LLM_SAY_SEARCH },
	{ NULL, NULL, 0 } };
static const struct jrule tool_rule = {
	.name = "*", .types = JT_OBJ, .variants = tool_types };
static const struct jrule old_function_rule = {
	.name = "*", .types = JT_OBJ, .members = openai_function_rules,
	.mark = LLM_CAN_TOOLS };

static const struct jrule choice_rules[] = {
	{ .name = "function", .types = JT_OBJ, .required = true,
	    .members = named_rules }, END };
static const struct jvariant choice_types[] = {
	{ "function", choice_rules, LLM_CAN_TOOLS },
	{ "allowed_tools", any_rules, LLM_CAN_TOOLS },
	{ "custom", any_rules, LLM_CAN_TOOLS | LLM_SAY_CUSTOM },
	{ NULL, NULL, 0 } };

static const struct jrule schema_rules[] = {
	{ .name = "name", .types = JT_STR, .required = true,
	    .also = check_word },
	{ .name = "schema", .types = JT_OBJ, .required = true },
	{ .name = "description", .types = JT_STR },
	{ .name = "strict", .types = JT_BOOL }, END };
static const struct jrule json_schema_rules[] = {
	{ .name = "json_schema", .types = JT_OBJ, .required = true,
	    .members = schema_rules }, END };
static const struct jvariant format_types[] = {
	{ "text", any_rules, 0 },
	{ "json_object", any_rules, LLM_CAN_JSON },
	{ "json_schema", json_schema_rules, LLM_CAN_SCHEMA },
	{ NULL, NULL, 0 } };

static const struct jrule stream_rules[] = {
	{ .name = "include_usage", .types = JT_BOOL },
	{ .name = "include_obfuscation", .types = JT_BOOL }, END };
static const struct jrule reasoning_rules[] = {
	{ .name = "effort", .types = JT_STR, .words = OPENAI_EFFORTS,
	    .also = openai_check_effort },
	{ .name = "max_tokens", .types = JT_INT, .min = 1, .max = 1e9,
	    .mark = LLM_CAN_REASON | LLM_CAN_BUDGET },
	{ .name = "exclude", .types = JT_BOOL }, END };
static const struct jrule bias_rules[] = {
	{ .name = "*", .types = JT_NUM, .min = -100, .max = 100 }, END };
static const struct jrule image_config_rules[] = {
	{ .name = "aspect_ratio", .types = JT_STR },
	{ .name = "image_size", .types = JT_STR },
	{ .name = "n", .types = JT_INT, .min = 1, .max = 128 },
	{ .name = "seed", .types = JT_INT },
	{ .name = "image_quality", .types = JT_STR }, END };
static const struct jrule plugin_rules[] = {
	{ .name = "id", .types = JT_STR, .required = true,
	    .words = "response-healing" }, END };
static const struct jrule plugin_rule = {
	.name = "*", .types = JT_OBJ, .members = plugin_rules };
static const struct jrule modality_rule = {
	.name = "*", .types = JT_STR, .words = "text|audio|image",
	.also = check_modality };

const struct jrule openai_chat_rules[] = {
	{ .name = "model", .types = JT_STR, .required = true,
	    .also = check_model },
	{ .name = "messages", .types = JT_ARR, .required = true, .min = 1,
	    .max = 20000, .items = &message_rule },
	{ .name = "temperature", .types = JT_NUM, .min = 0, .max = 2 },
	{ .name = "top_p", .types = JT_NUM, .min = 0, .max = 1 },
	{ .name = "frequency_penalty", .types = JT_NUM, .min = -2, .max = 2 },
	{ .name = "presence_penalty", .types = JT_NUM, .min = -2, .max = 2 },
	{ .name = "top_k", .types = JT_NUM, .min = 0, .max = 1e15 },
	{ .name = "max_tokens", .types = JT_INT, .min = 1, .max = 1e15 },
	{ .name = "max_completion_tokens", .types = JT_INT, .min = 1,
	    .max = 1e15 },
	{ .name = "n", .types = JT_INT, .min = 1, .max = 128 },
	{ .name = "stop", .types = JT_STR | JT_ARR, .items = &string_rule,
	    .also = check_stop },
	{ .name = "seed", .types = JT_NUM, .also = check_seed },
	{ .name = "stream", .types = JT_BOOL },
	{ .name = "stream_options", .types = JT_OBJ,
	    .members = stream_rules },
	{ .name = "tools", .types = JT_ARR, .min = 0, .max = 1024,
	    .items = &tool_rule },
	{ .name = "functions", .types = JT_ARR, .min = 0, .max = 1024,
	    .items = &old_function_rule },
	{ .name = "function_call", .types = JT_STR | JT_OBJ },
	{ .name = "tool_choice", .types = JT_STR | JT_OBJ,
	    .words = "auto|none|required", .variants = choice_types },
	{ .name = "parallel_tool_calls", .types = JT_BOOL },
	{ .name = "logprobs", .types = JT_BOOL },
	{ .name = "store", .types = JT_BOOL },
	{ .name = "top_logprobs", .types = JT_INT, .min = 0, .max = 20 },
	{ .name = "response_format", .types = JT_OBJ,
	    .variants = format_types },
	{ .name = "reasoning_effort", .types = JT_STR, .words = OPENAI_EFFORTS,
	    .also = openai_check_effort },
	{ .name = "reasoning", .types = JT_OBJ, .members = reasoning_rules },
	{ .name = "logit_bias", .types = JT_OBJ, .members = bias_rules,
	    .mark = LLM_SAY_BIAS },
	{ .name = "modalities", .types = JT_ARR, .items = &modality_rule },
	{ .name = "audio", .types = JT_OBJ },
	{ .name = "prediction", .types = JT_OBJ },
	{ .name = "verbosity", .types = JT_STR },
	{ .name = "service_tier", .types = JT_STR },
	{ .name = "user", .types = JT_STR, .also = check_word },
	{ .name = "safety_identifier", .types = JT_STR, .also = check_word },
	{ .name = "metadata", .types = JT_OBJ },
	{ .name = "prompt_cache_key", .types = JT_STR, .also = check_word },
	{ .name = "prompt_cache_retention", .types = JT_STR },
	{ .name = "prompt_cache_options", .types = JT_OBJ },
	{ .name = "moderation", .types = JT_OBJ },
	{ .name = "web_search_options", .types = JT_OBJ,
	    .mark = LLM_CAN_SEARCH | LLM_SAY_SEARCH },
	{ .name = "image_config", .types = JT_OBJ,
	    .members = image_config_rules },
	{ .name = "web_search", .types = JT_BOOL, .also = check_web_search },
	{ .name = "plugins", .types = JT_ARR, .items = &plugin_rule },
	{ .name = "routing", .types = JT_STR,
	    .words = "auto|price|throughput|latency" },
	{ .name = "free_models_only", .types = JT_BOOL },
	{ .name = "no_reasoning", .types = JT_BOOL },
	{ .name = "onboarding", .types = JT_BOOL },
	{ .name = "effort", .types = JT_STR, .words = "low|medium|high",
	    .also = openai_check_effort },
	END };
/* clang-format on */
