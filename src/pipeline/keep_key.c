#include <stdio.h>

#include "base/hash.h"
#include "pipeline/keep_key.h"

/* Who the answer is for, and in what form: not a part of what is asked. */
static const char *const aside[] = { "model", "stream", "stream_options",
	"metadata", "store", "prompt_cache_key", "prompt_cache_retention" };

static void
put(struct buf *b, struct str s)
{
	char n[8];

	for (size_t i = 0, v = s.n; i < sizeof(n); i++, v >>= 8)
		n[i] = (char)(v & 0xff);
	buf_add(b, (struct str){ n, sizeof(n) });
	buf_add(b, s);
}

static void
put_int(struct buf *b, int64_t v)
{
	char text[24];

	put(b,
	    (struct str){ text,
		(size_t)snprintf(text, sizeof(text), "%lld", (long long)v) });
}

static bool
is_aside(struct str key)
{
	for (size_t i = 0; i < NROWS(aside); i++)
		if (str_is(key, aside[i]))
			return true;
	return false;
}

void
keep_key(const struct keep_ask *k, unsigned char out[CACHE_KEY])
{
	struct buf b = BUF_LIMIT(SIZE_MAX);

	put(&b, k->project);
	put(&b, k->endpoint);
	put(&b, k->version);
	put(&b, k->betas);
	put(&b, k->model);
	put(&b, k->provider);
	put(&b, k->region);
	put_int(&b, k->stream);
	put_int(&b, k->updated_ms);
	put_int(&b, k->guardrails);
	put(&b, k->shape);
	for (int i = 0; i < k->nmembers; i++) {
		if (is_aside(k->members[i].key))
			continue;
		put(&b, k->members[i].key);
		put(&b, k->members[i].raw);
	}
	hash_sha256(buf_str(&b), out);
	buf_free(&b);
}

/* Tools that providers know by a type of their own but clients run. */
static bool
runs_at_client(struct str type)
{
	static const char *const heads[] = { "function", "custom", "bash_",
		"text_editor_", "computer_", "memory_", "local_shell",
		"apply_patch" };

	for (size_t i = 0; i < NROWS(heads); i++)
		if (str_starts(type, heads[i]))
			return true;
	return type.p == NULL;
}

static bool
says(const struct llm_request *q, const char *member)
{
	struct str raw = jscan_get(q->members, q->nmembers, member);

	return raw.p != NULL && !jscan_null(raw) && !str_is(raw, "[]") &&
	    !str_is(raw, "false");
}

bool
keep_is_hosted(const struct llm_request *q)
{
	struct jiter it =
	    jscan_into(jscan_get(q->members, q->nmembers, "tools"));
	struct jmember m;

	if ((q->needs & LLM_CAN_SEARCH) != 0 ||
	    (q->says & LLM_SAY_SEARCH) != 0 || says(q, "mcp_servers") ||
	    says(q, "container") || says(q, "web_search") ||
	    says(q, "web_search_options"))
		return true;
	while (jscan_next(&it, &m))
		if (!runs_at_client(jscan_word(m.raw, "type")))
			return true;
	return false;
}
