#include <stdlib.h>

#include "json/jscan.h"
#include "json/jx.h"
#include "room.h"

/*
 * What must hold of any text, tried on documents of all kinds and on many
 * damaged ones.  No blanks around the members of the top level: jscan_splice()
 * drops them.
 */
static const char *const docs[] = {
	"{}",
	"{\"a\":{}}",
	"{\"a\":[ ],\"b\":[[[ 1 , 2 ]]]}",
	"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\", "
	"\"content\":\"Say \\\"hi\\\"\\n\"},\n {\"role\":\"assistant\","
	"\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
	"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]}],"
	"\"temperature\":0.70,\"stream\":true,\"max_tokens\":1e3}",
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
	"\"choices\":[{\"index\":0,\"delta\":{\"content\":\" w\xc3\xb6rld "
	"\xf0\x9f\x98\x80\"},\"finish_reason\":null}],\"usage\":null}",
	"{\"n\":[0,-0,-0.0,1e-400,12345678901234567890,1.7976931348623157e308,"
	"0.1E+2,2e-2]}",
	"{\"s\":\"\\u00e4\\ud83d\\ude00\\ud800\\/\\b\\f\\n\\r\\t\\\\\\\"\","
	"\"t\":{\"\\u00e4\":{\"\\ud800\":\"\\u0000\"}}}",
	"{\"\":{\"\":{\"\":[true,false,null]}}}",
};

#define ROUNDS 4000

START_TEST(unpatched)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct jpatch nowhere[] = {
		{ JPATCH_SET, STR("zz/y"), STR("1"), NULL },
		{ JPATCH_DEL, STR("messages/9/x"), STR_NONE, NULL },
	};
	struct buf out = BUF_LIMIT(1 << 20);
	struct str in = str_from(docs[_i]);
	struct jmember *m;
	int n, k;

	n = jscan_event(in, a, &m);
	ck_assert_msg(n >= 0, "%s", docs[_i]);
	for (k = 0; k <= 1; k++) {
		buf_clear(&out);
		jscan_splice(m, n, nowhere, k, &out);
		ck_assert(str_eq(buf_str(&out), in));
	}
	buf_free(&out);
	arena_free(a);
}
END_TEST

/* A generator of our own: the same everywhere. */
static uint32_t
draw(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(*state >> 8) * below >> 24);
}

/* Read everything, at any depth, whatever it is. */
static size_t
read_all(struct str raw, struct arena *a)
{
	struct jiter it = jscan_into(raw);
	size_t n = jscan_text(raw, a).n;
	struct jmember m;
	int64_t i;
	double d;

	n += jscan_int(raw, &i);
	n += jscan_num(raw, &d);
	while (jscan_next(&it, &m)) {
		ck_assert(m.raw.n > 0 && m.raw.p > raw.p);
		ck_assert(m.raw.p + m.raw.n <= raw.p + raw.n);
		n += read_all(m.raw, a) + jscan_key_is(m.key, STR("id"));
	}
	return n;
}

static void
check_accepted(struct str in, const struct jmember *m, int n, struct arena *a)
{
	struct jpatch p[] = {
		{ JPATCH_SET, STR("messages/*/content"), STR("\"\""), NULL },
		{ JPATCH_DEL, STR("choices/0/delta"), STR_NONE, NULL },
		{ JPATCH_REN, STR("model"), STR("id"), NULL },
	};
	struct buf out = BUF_LIMIT(1 << 20);
	struct err e = { 0 };
	int k;

	ck_assert_msg(jx_parse(a, in, &e) != NULL, "%.*s", STR_ARG(in));
	ck_assert(!jscan_has_lone_surrogate(jscan_repair(in, a)));
	ck_assert(jscan_is_object(jscan_repair(in, a)));
	for (k = 0; k <= (int)NROWS(p); k++) {
		buf_clear(&out);
		jscan_splice(m, n, p, k, &out);
		ck_assert_msg(
		    jscan_is_object(buf_str(&out)), "%.*s", STR_ARG(in));
	}
	buf_free(&out);
}

/* Change a byte, take some out, or copy some to another place. */
static struct str
damage(struct arena *a, struct str in, uint32_t *state)
{
	static const char bytes[] = "\"\\{}[]:,u0e.- \t\n\x01\x80\xc3\xed\xff";
	uint32_t n = (uint32_t)in.n, at = draw(state, n), to;
	char *p = arena_zalloc(a, in.n + 8);
	uint32_t len = 1 + draw(state, 6);

	memcpy(p, in.p, in.n);
	switch (draw(state, 3)) {
	case 0:
		p[at] = bytes[draw(state, sizeof(bytes))];
		break;
	case 1:
		len = len < n - at ? len : n - at;
		memmove(p + at, p + at + len, n - at - len);
		n -= len;
		break;
	default:
		to = draw(state, n);
		len = len < n - at ? len : n - at;
		memmove(p + to + len, p + to, n - to);
		memcpy(p + to, in.p + at, len);
		n += len;
		break;
	}
	return (struct str){ p, n };
}

START_TEST(damaged)
{
	struct arena *a = arena_new(4096, 1 << 20);
	uint32_t state = 7 + (uint32_t)_i;
	struct jmember *m;
	struct str s;
	int i, n;
	char *p;

	for (i = 0; i < ROUNDS; i++) {
		s = str_from(docs[_i]);
		for (n = (int)draw(&state, 3); n >= 0 && s.n > 0; n--)
			s = damage(a, s, &state);
		/* Memory of its exact size: ASan sees each step out of it. */
		p = malloc(s.n);
		memcpy(p, s.p, s.n);
		s.p = p;
		read_all(s, a);
		if ((n = jscan_event(s, a, &m)) >= 0)
			check_accepted(s, m, n, a);
		arena_reset(a);
		free(p);
	}
	arena_free(a);
}
END_TEST

CASE(case_corpus)
{
	TCase *t = tcase_create("corpus");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, unpatched, 0, NROWS(docs));
	tcase_add_loop_test(t, damaged, 0, NROWS(docs));
	return t;
}
