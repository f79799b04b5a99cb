/*
 * Bedrock's Converse and ConverseStream, and its CountTokens.
 *
 * What differs from the neutral model: blocks are objects with one member, what
 * only one kind of model knows stands in an object of its own, and the stream is
 * no SSE (http/eventstream.h); its errors are messages of that stream.
 */
#include "dialect/bedrock.h"
#include "dialect/openai.h"

static int
decode_count(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct jmember *v;
	int n = jscan_event(body, a, &v);
	int64_t tokens;

	if (n == -1 || !jscan_int(jscan_get(v, n, "inputTokens"), &tokens) ||
	    tokens < 0)
		return err_set(
		    e, ERR_UPSTREAM, "Answer of the provider has no count");
	return answer_put_count(f, tokens, to, e);
}

#define HEARS (LLM_SAY_AUDIO | LLM_SAY_VIDEO | LLM_SAY_STOP)

const struct dialect dialect_bedrock_converse = {
	.name = "bedrock-converse",
	.task = LLM_CHAT,
	.hears = HEARS,
	.encode_request = bedrock_encode_request,
	.tool_name = bedrock_tool_name,
	.decode_answer = bedrock_decode_answer,
	.decode_event = bedrock_decode_event,
	.decode_end = bedrock_decode_end,
	.decode_error = openai_decode_error,
	.dec_size = sizeof(struct bedrock_dec),
};

const struct dialect dialect_bedrock_count = {
	.name = "bedrock-count",
	.task = LLM_COUNT,
	.hears = HEARS,
	.encode_request = bedrock_encode_count,
	.decode_answer = decode_count,
	.decode_error = openai_decode_error,
};
