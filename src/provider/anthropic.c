/*
 * The headers of Anthropic's API (api.md 5.1).  Versions after the first take
 * the key as a bearer token.
 */
#include "provider/anthropic.h"

#define FIRST_VERSION "2023-06-01"
#define HEADER "anthropic-version: "

/* "2026-10-21" */
static bool
is_date(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (i == 4 || i == 7 ? s.p[i] != '-' :
				       s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n == 10;
}

static int
like_headers(const struct target *t, const struct llm_request *r,
    struct arena *a, struct http_request *q, struct err *e)
{
	(void)t;
	(void)r;
	(void)a;
	return provider_put_header(q, STR(HEADER FIRST_VERSION), e);
}

static int
headers(const struct target *t, const struct llm_request *r, struct arena *a,
    struct http_request *q, struct err *e)
{
	struct str version = str_trim(r->version), betas = str_trim(r->betas);
	struct str line = STR(HEADER FIRST_VERSION);

	(void)t;
	if (is_date(version))
		line = arena_fmt(a, HEADER "%.*s", STR_ARG(version));
	if (provider_put_header(q, line, e) == -1)
		return -1;
	if (betas.n == 0)
		return 0;
	line = arena_fmt(a, "anthropic-beta: %.*s", STR_ARG(betas));
	return provider_put_header(q, line, e);
}

/* The version that the request tells: its header stands already. */
static struct str
version_of(const struct http_request *q)
{
	struct str line;
	int i;

	for (i = 0; i < q->nheaders; i++) {
		line = q->headers[i];
		if (str_starts(line, HEADER))
			return (struct str){ line.p + sizeof(HEADER) - 1,
				line.n - (sizeof(HEADER) - 1) };
	}
	return STR(FIRST_VERSION);
}

static int
sign(const struct target *t, struct arena *a, struct http_request *q,
    struct err *e)
{
	const struct upstream *u = t->upstream;

	if (u->auth != AUTH_X_API_KEY || t->key < 0 || t->key >= u->nkeys ||
	    str_cmp(version_of(q), STR(FIRST_VERSION)) <= 0)
		return provider_put_key(t, a, q, e);
	return provider_put_secret(
	    q, a, "Authorization: Bearer ", secret_str(&u->keys[t->key]), e);
}

const struct provider_ops anthropic_ops = { .headers = headers, .sign = sign };
const struct provider_ops anthropic_like_ops = { .headers = like_headers };
