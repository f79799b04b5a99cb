/*
 * {"billed_units":{...},"tokens":{...},"cached_tokens":5}.  "tokens" has also
 * what Cohere itself puts around a prompt, which nobody pays for; so costs and
 * clients are told what is billed.
 */
#include "dialect/answer.h"
#include "dialect/cohere.h"

/* -1: not told, or no count of anything. */
static int64_t
count_at(struct str raw, const char *key)
{
	int64_t v;

	raw = jscan_at(raw, key);
	return jscan_int(raw, &v) && v >= 0 && answer_count(raw, &v) ? v : -1;
}

/*
 * Of the cached ones those that are billed, too.  A cache holds the beginning
 * of a prompt, and there stands what Cohere put in.
 */
static int64_t
cached(struct str raw, int64_t all, int64_t billed)
{
	int64_t n = count_at(raw, "cached_tokens");

	if (all > billed)
		n -= all - billed;
	return n < 0 ? 0 : n > billed ? billed : n;
}

void
cohere_read_usage(struct str raw, struct llm_facts *f)
{
	struct str billed = jscan_at(raw, "billed_units");
	struct str tokens = jscan_at(raw, "tokens");
	int64_t in = count_at(billed, "input_tokens");
	int64_t out = count_at(billed, "output_tokens");
	int64_t all = count_at(tokens, "input_tokens");

	if (in == -1)
		in = all;
	if (out == -1)
		out = count_at(tokens, "output_tokens");
	if (in == -1 && out == -1)
		return;
	in = in < 0 ? 0 : in;
	f->has_usage = true;
	f->usage = (struct llm_usage){ .input = in,
		.cache_read = cached(raw, all, in),
		.output = out < 0 ? 0 : out };
}
