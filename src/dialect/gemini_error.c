/*
 * google.rpc.Status, alone or in an array, and whatever else stands in front of
 * it.
 */
#include "dialect/gemini.h"
#include "dialect/openai.h"

#define READ_MAX ((size_t)64 * 1024)

/* Names of google.rpc.Code, when no number is told (wire.md 13). */
static const struct {
	const char *word;
	int status;
} names[] = {
	{ "CANCELLED", 499 },
	{ "INVALID_ARGUMENT", 400 },
	{ "FAILED_PRECONDITION", 400 },
	{ "OUT_OF_RANGE", 400 },
	{ "UNAUTHENTICATED", 401 },
	{ "PERMISSION_DENIED", 403 },
	{ "NOT_FOUND", 404 },
	{ "ABORTED", 409 },
	{ "ALREADY_EXISTS", 409 },
	{ "RESOURCE_EXHAUSTED", 429 },
	{ "INTERNAL", 500 },
	{ "UNKNOWN", 500 },
	{ "DATA_LOSS", 500 },
	{ "UNIMPLEMENTED", 501 },
	{ "UNAVAILABLE", 503 },
	{ "DEADLINE_EXCEEDED", 504 },
};

int
gemini_rpc_status(struct str word)
{
	size_t i;

	for (i = 0; i < NROWS(names); i++)
		if (str_is(word, names[i].word))
			return names[i].status;
	return 0;
}

void
gemini_decode_error(struct arena *a, struct str body, struct err *e)
{
	struct str o = jscan_sole_object(body, READ_MAX), word;

	openai_decode_error(a, body, e);
	word = jscan_text(jscan_at(jscan_at(o, "error"), "status"), a);
	if (e->status == 0)
		e->status = gemini_rpc_status(word);
	if (str_eq(e->word, word))
		e->word = STR_NONE; /* a status, no code of its own */
}
