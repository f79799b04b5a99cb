/*
 * Anthropic messages.
 *
 * What differs from the neutral model: the system prompt stands beside the
 * messages, turns alternate, results are blocks of the user, and a stream says
 * where blocks begin and end.  Thoughts are signed and go back as they came.
 */
#include "dialect/anthropic.h"
#include "dialect/openai.h"

static const struct {
	const char *word;
	enum llm_stop why;
	bool ours; /* the word for this reason */
} stops[] = {
	{ "end_turn", LLM_STOP_END, true },
	{ "max_tokens", LLM_STOP_LENGTH, true },
	{ "tool_use", LLM_STOP_CALLS, true },
	{ "stop_sequence", LLM_STOP_SEQUENCE, true },
	{ "refusal", LLM_STOP_FILTER, true },
	{ "pause_turn", LLM_STOP_END, false }, /* trap 127 */
	{ "model_context_window_exceeded", LLM_STOP_LENGTH, false },
};

enum llm_stop
anthropic_stop(struct str word)
{
	size_t i;

	for (i = 0; i < NROWS(stops); i++)
		if (str_is(word, stops[i].word))
			return stops[i].why;
	return LLM_STOP_END;
}

struct str
anthropic_stop_word(enum llm_stop why, struct str raw)
{
	size_t i;

	for (i = 0; i < NROWS(stops); i++)
		if (why == stops[i].why && str_is(raw, stops[i].word))
			return str_from(stops[i].word);
	for (i = 0; i < NROWS(stops); i++)
		if (why == stops[i].why && stops[i].ours)
			return str_from(stops[i].word);
	return STR("end_turn");
}

enum anthropic_block
anthropic_block_of(struct str raw)
{
	static const struct {
		const char *word;
		enum anthropic_block block;
	} rows[] = {
		{ "text", ANTHROPIC_TEXT },
		{ "thinking", ANTHROPIC_THINKING },
		{ "redacted_thinking", ANTHROPIC_REDACTED },
		{ "tool_use", ANTHROPIC_TOOL },
	};
	struct str word = jscan_word(raw, "type");
	size_t i;

	for (i = 0; i < NROWS(rows); i++)
		if (str_is(word, rows[i].word))
			return rows[i].block;
	return ANTHROPIC_OTHER;
}

const struct dialect dialect_anthropic_messages = {
	.name = "anthropic-messages",
	.task = LLM_CHAT,
	.id_prefix = "msg_",
	.ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n",
	.hears = LLM_SAY_URL | LLM_SAY_SEARCH | LLM_SAY_STOP,
	.peek = anthropic_peek,
	.body_patches = anthropic_body_patches,
	.decode_request = anthropic_decode_request,
	.encode_event = anthropic_encode_event,
	.encode_answer = anthropic_encode_answer,
	.encode_error = anthropic_encode_error,
	.enc_size = sizeof(struct anthropic_enc),
	.encode_request = anthropic_encode_request,
	.tool_name = anthropic_tool_name,
	.decode_answer = anthropic_decode_answer,
	.decode_event = anthropic_decode_event,
	.decode_end = anthropic_decode_end,
	.decode_free = anthropic_decode_free,
	.decode_error = openai_decode_error,
	.dec_size = sizeof(struct anthropic_dec),
	.relay_event = anthropic_relay_event,
	.relay_end = anthropic_relay_end,
	.relay_facts = anthropic_relay_facts,
	.relay_free = anthropic_relay_free,
	.relay_size = sizeof(struct anthropic_relay),
	.patch_read = anthropic_patch_read,
	.patch_write = anthropic_patch_write,
};
