#include <stdlib.h>

#include "room.h"
#include "setup.h"

#define BOTH (LLM_CAN_PLAIN | LLM_CAN_STREAM)

/* Who streams, and what the body says about it. */
static const struct {
	const char *name;
	const char *provider; /* of the file below */
	unsigned caps;
	const char *in; /* behind "model", as in check_quirk.c */
	const char *has;
	const char *lacks;
	bool streams;
} cases[] = {
	{ "plain", "usual", BOTH, "\"a\":1", "\"a\":1", "stream", false },
	{ "plain, in words", "usual", BOTH, "\"stream\":false",
	    "\"stream\":false", "options", false },
	{ "options without a stream", "usual", BOTH,
	    "\"stream_options\":{\"include_usage\":true}", "\"model\"",
	    "stream", false },
	{ "stream", "usual", BOTH, "\"stream\":true", "\"stream\":true", "zz",
	    true },
	{ "nobody knows the model", "usual", 0, "\"stream\":true",
	    "\"stream\":true", "zz", true },
	{ "nobody knows the model, plain", "usual", 0, "\"a\":1", "\"a\":1",
	    "stream", false },
	{ "model can only stream", "usual", LLM_CAN_STREAM, "\"a\":1",
	    "\"stream\":true,\"stream_options\":{\"include_usage\":true}", "zz",
	    true },
	{ "model cannot stream", "usual", LLM_CAN_PLAIN, "\"stream\":true",
	    "\"model\"", "stream", false },
	{ "provider cannot stream", "plain", BOTH,
	    "\"stream\":true,\"stream_options\":{}", "\"model\"", "stream",
	    false },
	{ "no options wanted", "strict", BOTH,
	    "\"stream\":true,\"stream_options\":{}", "\"stream\":true",
	    "options", true },
};

static const char file[] =
    "[provider usual]\nbase_url = https://h.example.org/v1\nkey = k1,k2\n"
    "auth = x-api-key\n"
    "[provider plain]\nbase_url = https://h.example.org\nstreaming = off\n"
    "[provider strict]\nbase_url = https://h.example.org\n"
    "quirks = no_stream_options\n";

START_TEST(streams)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct target t = { .model = STR("m"), .caps = cases[_i].caps };
	struct setup s;
	struct sent q;

	setup_clear();
	ck_assert_msg(setup_load(&s, file) == 0, "%s", s.err.msg);
	t.upstream = providers_find(s.providers, str_from(cases[_i].provider));
	q = setup_send(
	    a, &t, arena_fmt(a, "{\"model\":\"x\",%s}", cases[_i].in).p);
	ck_assert_msg(q.rc == 0, "%s: %s", cases[_i].name, q.err.msg);
	ck_assert_msg(strstr(q.body, cases[_i].has) != NULL, "%s: %s",
	    cases[_i].name, q.body);
	ck_assert_msg(strstr(q.body, cases[_i].lacks) == NULL, "%s: %s",
	    cases[_i].name, q.body);
	ck_assert_ptr_nonnull(strstr(q.headers,
	    cases[_i].streams ? "Accept: text/event-stream\n" :
				"Accept: application/json\n"));
	setup_free(&s);
	arena_free(a);
}
END_TEST

START_TEST(headers)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct target t = {
		.model = STR("a\"b\xc3\xa4\x01"), .key = 1, .max_output = 77
	};
	struct setup s;
	struct sent q;

	setup_clear();
	ck_assert(setup_load(&s, file) == 0);
	t.upstream = providers_find(s.providers, STR("usual"));
	q = setup_send(a, &t, "{\"model\":\"x\",\"api_base\":\"http://e\"}");
	ck_assert_int_eq(q.rc, 0);
	ck_assert_str_eq(q.url, "https://h.example.org/v1/chat/completions");
	ck_assert_ptr_eq(
	    strstr(q.headers, "Content-Type: application/json\n"), q.headers);
	ck_assert_ptr_nonnull(
	    strstr(q.headers, "\nAccept-Encoding: identity\n"));
	ck_assert_ptr_nonnull(strstr(q.headers, "\nUser-Agent: llmgw/"));
	ck_assert_ptr_nonnull(strstr(q.headers, "\nx-api-key: k2\n"));
	ck_assert_ptr_null(strstr(q.headers, "Authorization"));
	ck_assert_str_eq(q.body,
	    "{\"model\":\"a\\\"b\xc3\xa4\\u0001\",\"api_base\":\"http://e\","
	    "\"max_tokens\":77}");
	q = setup_send(a, &t, "{\"model\":\"x\",\"max_tokens\":5}");
	ck_assert_ptr_nonnull(strstr(q.body, "\"max_tokens\":5}"));
	t.key = 2;
	q = setup_send(a, &t, "{\"model\":\"x\"}");
	ck_assert_int_eq(q.rc, -1);
	setup_free(&s);
	arena_free(a);
}
END_TEST

CASE(case_plain)
{
	TCase *c = tcase_create("plain");

	tcase_add_loop_test(c, streams, 0, (int)NROWS(cases));
	tcase_add_test(c, headers);
	return c;
}
