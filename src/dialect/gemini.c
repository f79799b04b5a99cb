/*
 * Gemini's generateContent, as an upstream.
 *
 * What differs from the neutral model: the system prompt and the model's name
 * are no members of the list, calls often have no ids, results name the
 * function, signatures stand beside the parts they sign, and a stream ends
 * with its body.
 */
#include "dialect/gemini.h"

static const struct {
	const char *word;
	enum llm_stop why;
	bool broken;
} stops[] = {
	{ "STOP", LLM_STOP_END, false },
	{ "MAX_TOKENS", LLM_STOP_LENGTH, false },
	{ "CONTINUATION", LLM_STOP_LENGTH, false }, /* trap 126 */
	{ "SAFETY", LLM_STOP_FILTER, false },
	{ "RECITATION", LLM_STOP_FILTER, false },
	{ "LANGUAGE", LLM_STOP_FILTER, false },
	{ "BLOCKLIST", LLM_STOP_FILTER, false },
	{ "PROHIBITED_CONTENT", LLM_STOP_FILTER, false },
	{ "SPII", LLM_STOP_FILTER, false },
	{ "MALFORMED_FUNCTION_CALL", LLM_STOP_OTHER, true },
	{ "MALFORMED_RESPONSE", LLM_STOP_OTHER, true },
	{ "UNEXPECTED_TOOL_CALL", LLM_STOP_OTHER, true },
	{ "TOO_MANY_TOOL_CALLS", LLM_STOP_OTHER, true },
	{ "MISSING_THOUGHT_SIGNATURE", LLM_STOP_OTHER, true },
};

enum llm_stop
gemini_stop(struct str word, bool *broken)
{
	size_t i;

	*broken = false;
	for (i = 0; i < NROWS(stops); i++)
		if (str_is(word, stops[i].word)) {
			*broken = stops[i].broken;
			return stops[i].why;
		}
	return str_starts(word, "IMAGE_") ? LLM_STOP_FILTER : LLM_STOP_END;
}

const struct dialect dialect_gemini = {
	.name = "gemini",
	.task = LLM_CHAT,
	.hears = LLM_SAY_STOP | LLM_SAY_MANY | LLM_SAY_AUDIO | LLM_SAY_VIDEO |
	    LLM_SAY_URL | LLM_SAY_SEARCH | LLM_SAY_DRAW,
	.encode_request = gemini_encode_request,
	.decode_answer = gemini_decode_answer,
	.decode_event = gemini_decode_event,
	.decode_end = gemini_decode_end,
	.decode_free = gemini_decode_free,
	.decode_error = gemini_decode_error,
	.dec_size = sizeof(struct gemini_dec),
};
