/*
 * OpenAI responses, without what is stored (api.md 6).
 *
 * What differs from the neutral model: items stand in a row instead of turns,
 * thoughts and calls among them; tools may take free text; a stream tells each
 * text again when it is over, and the whole answer at its end.
 */
#include "dialect/responses.h"

/* Statuses that codes would have had as answers of their own. */
static const struct {
	const char *code;
	int status;
} codes[] = {
	{ "rate_limit_exceeded", 429 },
	{ "insufficient_quota", 429 },
	{ "server_error", 500 },
	{ "invalid_prompt", 400 },
	{ "context_length_exceeded", 400 },
};

static bool
is_value(struct str raw)
{
	return raw.n > 0 && !jscan_null(raw);
}

bool
responses_error_in(struct arena *a, struct str raw, struct err *e)
{
	struct str type = jscan_word(raw, "type"), error, code;
	size_t i;

	if (str_is(type, "response.failed"))
		raw = jscan_at(raw, "response");
	error = jscan_at(raw, "error");
	if (is_value(error))
		code = jscan_word(error, "code");
	else if (str_is(type, "error"))
		code = jscan_word(raw, "code");
	else if (!str_is(type, "response.failed"))
		return false;
	else
		code = STR_NONE;
	answer_error(a, raw, e);
	for (i = 0; i < NROWS(codes); i++)
		if (str_is(code, codes[i].code))
			e->status = codes[i].status;
	return true;
}

void
responses_see_end(struct str response, struct llm_facts *f)
{
	struct str word =
	    jscan_word(jscan_at(response, "incomplete_details"), "reason");
	bool cut = str_is(jscan_word(response, "status"), "incomplete");

	f->usage.tier = llm_tier_of(jscan_word(response, "service_tier"));
	if (word.n == 0)
		word = jscan_word(response, "status");
	str_copy(f->raw_stop, sizeof(f->raw_stop), word);
	if (cut)
		f->why = str_is(word, "content_filter") ? LLM_STOP_FILTER :
							  LLM_STOP_LENGTH;
	else
		f->why = f->calls > 0 ? LLM_STOP_CALLS : LLM_STOP_END;
}

static void
see_content(struct str array, struct llm_facts *f)
{
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(array); jscan_next(&it, &m);) {
		f->text_bytes += (int64_t)(jscan_word(m.raw, "text").n +
		    jscan_word(m.raw, "refusal").n);
		if (str_is(jscan_word(m.raw, "type"), "refusal"))
			f->refused = true;
	}
}

/* What the provider's own tools do counts as something that was said. */
void
responses_see_item(struct str raw, struct llm_facts *f)
{
	struct str type = jscan_word(raw, "type");

	if (str_is(type, "message"))
		see_content(jscan_at(raw, "content"), f);
	else if (str_is(type, "reasoning")) {
		see_content(jscan_at(raw, "summary"), f);
		see_content(jscan_at(raw, "content"), f);
	} else if (str_is(type, "image_generation_call"))
		f->images++;
	else if (str_is(type, "web_search_call"))
		f->usage.searches++;
	else if (str_is(type, "function_call") ||
	    str_is(type, "custom_tool_call"))
		f->calls++;
	else
		f->text_bytes++;
}

const struct dialect dialect_openai_responses = {
	.name = "openai-responses",
	.task = LLM_CHAT,
	.id_prefix = "resp_",
	.hears = LLM_SAY_URL | LLM_SAY_CUSTOM | LLM_SAY_SEARCH,
	.peek = responses_peek,
	.body_patches = responses_body_patches,
	.decode_request = responses_decode_request,
	.note = responses_note,
	.encode_event = responses_encode_event,
	.encode_free = responses_encode_free,
	.encode_answer = responses_encode_answer,
	.encode_error = responses_encode_error,
	.encode_failure = responses_encode_failure,
	.enc_size = sizeof(struct responses_enc),
	.encode_request = responses_encode_request,
	.decode_answer = responses_decode_answer,
	.decode_event = responses_decode_event,
	.decode_end = responses_decode_end,
	.decode_free = responses_decode_free,
	.decode_error = openai_decode_error,
	.dec_size = sizeof(struct responses_dec),
	.relay_event = responses_relay_event,
	.relay_end = responses_relay_end,
	.relay_facts = responses_relay_facts,
	.relay_free = responses_relay_free,
	.relay_size = sizeof(struct responses_relay),
	.patch_read = responses_patch_read,
	.patch_write = responses_patch_write,
};
