#include <stdio.h>
#include <stdlib.h>

#include "room.h"
#include "setup.h"

/* NULL: the text stays as it is. */
static const struct {
	const char *in;
	const char *out;
} cases[] = {
	{ "", NULL },
	{ "the key is my secret key!", NULL },
	{ "Bad key topSecret1, topSecret1.", "Bad key ***, ***." },
	{ "xtopSecret1x", "x***x" },
	{ "Incorrect API key provided: sk-proj-AbC_123-def456.",
	    "Incorrect API key provided: ***." },
	{ "sk-ab********yz is wrong", "*** is wrong" },
	{ "key=gsk_0123456789abcdef&x", "key=***&x" },
	{ "AIzaSyA-1234567890_abc", "***" },
	{ "AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE", "*** and ***" },
	{ "got Authorization: Bearer abc.def/ghi=", "got Authorization: ***" },
	{ "the bearer is gone", NULL },
	{ "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "***" },
	{ "0123456789abcdef0123456789abcdef", "***" },
	{ "a task is a task-force thing", NULL },
	{ "account 123456789012 is closed", "account *** is closed" },
	{ "at 1795300000123 or 12345678901", NULL },
	{ "arn:aws:iam::123456789012:role/x-y is not", "*** is not" },
	{ "in projects/my-proj-1/locations/eu",
	    "in projects/***/locations/eu" },
	{ "in projects/p", "in projects/*" },
	{ "organization org-AbCdEf123456 on tokens",
	    "organization *** on tokens" },
	{ "see https://platform.openai.com/account/x?y=1.", "see [host]." },
	{ "(http://10.0.0.1:8000/v1)", "([host])" },
	{ "no route to db-1.eu.internal:5432, sorry",
	    "no route to [host], sorry" },
	{ "dial 10.1.2.3:80: refused", "dial [host]: refused" },
	{ "localhost:8000 is down", "[host] is down" },
	{ "upstream gpu.rack7.example is down", "upstream [host] is down" },
	{ "https://gpu.rack7.example/v1", "[host]" },
	{ "mail ops@corp.com", "mail ops@[host]" },
	{ "a.io", "***" },
	{ "messages.0.content.1.text: missing", NULL },
	{ "tools[0].function.name is no name", NULL },
	{ "'messages[2].content' of gpt-4.1-mini", NULL },
	{ "Unknown parameter: user_location", NULL },
	{ "version 1.2.3 of 2.0", NULL },
	{ "Stop. In this case e.g. this", NULL },
	{ "\xc3\xa4\xc3\xb6 topSecret1 \xe2\x82\xac",
	    "\xc3\xa4\xc3\xb6 *** \xe2\x82\xac" },
	{ "it was topSecr", "it was " },
};

static void
open_upstream(struct upstream *u)
{
	*u = (struct upstream){ .nkeys = 2 };
	u->base_url = STR("http://gpu.rack7.example:8000/v1");
	secret_set(&u->keys[0], STR("topSecret1"));
	secret_set(&u->keys[1], STR("key")); /* too short to look for */
}

static void
close_upstream(struct upstream *u)
{
	secret_free(&u->keys[0]);
	secret_free(&u->keys[1]);
}

START_TEST(scrub)
{
	const char *want = cases[_i].out == NULL ? cases[_i].in : cases[_i].out;
	struct upstream u;
	struct target t = { .upstream = &u };
	char *text = strdup(cases[_i].in);

	open_upstream(&u);
	provider_scrub(&t, text);
	ck_assert_str_eq(text, want);
	provider_scrub(&t, text);
	ck_assert_str_eq(text, want);
	close_upstream(&u);
	free(text);
}
END_TEST

/* A key at every place of a message that is cut at 1,000 bytes. */
START_TEST(at_the_end)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct upstream u;
	struct target t = { .upstream = &u };
	struct err e;
	int n;

	open_upstream(&u);
	u.ways[0] =
	    (struct way){ .dialect = &dialect_openai_chat, .path = "/" };
	t.way = u.ways;
	u.name = STR("Example");
	for (n = 980; n < 1005; n++) {
		provider_fault(&t, 400,
		    arena_fmt(a,
			"{\"error\":{\"message\":\"%0*d topSecret1 x\"}}", n,
			0),
		    a, &e);
		ck_assert_ptr_null(strstr(e.msg, "topSec"));
	}
	close_upstream(&u);
	arena_free(a);
}
END_TEST

CASE(case_scrub)
{
	TCase *c = tcase_create("scrub");

	tcase_add_loop_test(c, scrub, 0, (int)NROWS(cases));
	tcase_add_test(c, at_the_end);
	return c;
}
