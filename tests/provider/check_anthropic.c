/* Headers for servers of Anthropic's messages, and sections that speak it. */
#include "room.h"
#include "setup.h"

static const char file[] =
    "[provider anthropic]\nkey = k\n"
    "[provider mine]\ndialect = anthropic-messages\n"
    "base_url = https://h.example.org\nkey = k\n"
    "[provider open]\ndialect = anthropic-messages\n"
    "base_url = https://h.example.org/v1\n"
    "[provider bearer]\ndialect = anthropic-messages\n"
    "base_url = https://h.example.org\npath = /x\nkey = k\nauth = bearer\n";

static const struct {
	const char *provider;
	const char *version; /* of the client */
	const char *betas;
	const char *url;
	const char *has; /* headers, a comma between them */
	const char *lacks;
} cases[] = {
	{ "anthropic", NULL, NULL, "https://api.anthropic.com/v1/messages",
	    "anthropic-version: 2023-06-01,x-api-key: k", "anthropic-beta" },
	{ "anthropic", "2026-10-21", "a-1", /* trap 61 */
	    "https://api.anthropic.com/v1/messages",
	    "anthropic-version: 2026-10-21,anthropic-beta: a-1,"
	    "Authorization: Bearer k",
	    "x-api-key" },
	{ "anthropic", "2023-01-01", NULL,
	    "https://api.anthropic.com/v1/messages",
	    "anthropic-version: 2023-01-01,x-api-key: k", "Authorization" },
	{ "anthropic", "2026-10-2x", NULL,
	    "https://api.anthropic.com/v1/messages",
	    "anthropic-version: 2023-06-01,x-api-key: k", "Authorization" },
	{ "mine", "2026-10-21", "a-1", "https://h.example.org/v1/messages",
	    "anthropic-version: 2023-06-01,x-api-key: k", "anthropic-beta" },
	{ "open", NULL, NULL, "https://h.example.org/v1/messages",
	    "anthropic-version: 2023-06-01", "x-api-key" },
	{ "bearer", NULL, NULL, "https://h.example.org/x",
	    "anthropic-version: 2023-06-01,Authorization: Bearer k",
	    "x-api-key" },
};

START_TEST(headers)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct llm_request r = { .from = &dialect_anthropic_messages,
		.n = 1,
		.body = STR("{\"model\":\"x\",\"max_tokens\":1}"),
		.version = str_from(cases[_i].version),
		.betas = str_from(cases[_i].betas) };
	struct target t = { .model = STR("m") };
	struct buf dropped = BUF_LIMIT(1000), lines = BUF_LIMIT(10000);
	struct str has = str_from(cases[_i].has), one;
	struct http_request q;
	struct setup s;
	struct err e = { 0 };
	int i;

	setup_clear();
	ck_assert_msg(setup_load(&s, file) == 0, "%s", s.err.msg);
	t.upstream = providers_find(s.providers, str_from(cases[_i].provider));
	ck_assert_ptr_nonnull(t.upstream);
	t.way = &t.upstream->ways[0];
	r.nmembers = jscan_object(r.body, a, &r.members, &e);
	ck_assert_msg(
	    provider_request(&t, &r, a, &q, &dropped, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(arena_cstr(a, q.url), cases[_i].url);
	for (i = 0; i < q.nheaders; i++) {
		buf_add(&lines, q.headers[i]);
		buf_addc(&lines, '\n');
	}
	buf_addc(&lines, '\0');
	while (has.p != NULL) {
		one = str_split(&has, ',');
		ck_assert_msg(
		    strstr(lines.p, arena_cstr(a, one)) != NULL, "%s", lines.p);
	}
	ck_assert_ptr_null(strstr(lines.p, cases[_i].lacks));
	buf_free(&dropped);
	buf_free(&lines);
	setup_free(&s);
	arena_free(a);
}
END_TEST

/* Who counts tokens is asked at a path of its own. */
START_TEST(counts)
{
	const struct upstream *u;
	const struct way *w;
	struct setup s;
	unsigned deaf;

	setup_clear();
	ck_assert_int_eq(setup_load(&s, file), 0);
	u = providers_find(s.providers, STR("anthropic"));
	w = provider_way(u, &dialect_anthropic_count, 0, 0, &deaf);
	ck_assert_ptr_nonnull(w);
	ck_assert_str_eq(w->path, "/v1/messages/count_tokens");
	u = providers_find(s.providers, STR("bearer"));
	ck_assert_ptr_null(
	    provider_way(u, &dialect_anthropic_count, 0, 0, &deaf));
	ck_assert_uint_eq(deaf, 0);
	setup_free(&s);
}
END_TEST

CASE(case_anthropic)
{
	TCase *c = tcase_create("anthropic");

	tcase_add_loop_test(
	    c, headers, 0, (int)(sizeof(cases) / sizeof(*cases)));
	tcase_add_test(c, counts);
	return c;
}
