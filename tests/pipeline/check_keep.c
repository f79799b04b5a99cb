/* The response cache's keys and entries (api.md 16). */
#include <stdio.h>
#include <stdlib.h>

#include "pipeline/keep_entry.h"
#include "pipeline/keep_key.h"
#include "room.h"

#define BODY                                                                   \
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"       \
	"\"Hi\"}],\"temperature\":0.5,\"x\":[1,null]}"

static const struct keep_ask base = { .project = { "prj_1", 5 },
	.endpoint = { "/v1/chat/completions", 20 },
	.version = { "2023-06-01", 10 },
	.betas = { "a,b", 3 },
	.model = { "m", 1 },
	.provider = { "openai", 6 },
	.region = { "eu", 2 },
	.guardrails = 1,
	.shape = { "both", 4 } };

static void
key_of(struct keep_ask ask, const char *body, unsigned char out[CACHE_KEY])
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct jmember *v;
	struct err e = { 0 };

	ask.nmembers = jscan_object(str_from(body), a, &v, &e);
	ck_assert_msg(ask.nmembers >= 0, "%s: %s", body, e.msg);
	ask.members = v;
	keep_key(&ask, out);
	arena_free(a);
}

static bool
same(struct keep_ask a, const char *body, struct keep_ask b, const char *other)
{
	unsigned char x[CACHE_KEY], y[CACHE_KEY];

	key_of(a, body, x);
	key_of(b, other, y);
	return memcmp(x, y, CACHE_KEY) == 0;
}

/* Bodies that hit the answer to BODY, and those that do not. */
static const struct {
	const char *body;
	bool hits;
} bodies[] = {
	{ BODY, true },
#define REST                                                                   \
	"\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"               \
	"\"temperature\":0.5,\"x\":[1,null]"
	{ "{\"model\":\"n\"," REST "}", true }, /* it is resolved */
	{ "{" REST ",\"stream\":true}", true }, /* known apart */
	{ "{" REST ",\"stream_options\":{\"include_usage\":true}}", true },
	{ "{\"metadata\":{\"user_id\":\"u\"}," REST "}", true },
	{ "{" REST ",\"store\":true}", true },
	{ "{" REST ",\"prompt_cache_key\":\"k\"}", true },
	{ "{ " REST " ,\"prompt_cache_retention\":\"24h\" }", true },
	{ "{" REST ",\"user\":\"u\"}", false },
	{ "{" REST ",\"metadatas\":1}", false },
	{ "{" REST ",\"n\":1}", false },
	{ "{" REST ",\"routing\":\"price\"}", false },
	{ "{" REST ",\"y\":{\"stream\":true}}", false },
	{ "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
	  "\"temperature\":0.5}",
	    false },
	{ "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
	  "\"temperature\":0.5,\"x\":[1,0]}",
	    false },
	{ "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
	  "\"temperature\":0.6,\"x\":[1,null]}",
	    false },
	{ "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
	  "\"temperature\":0.5,\"x\":[1,null]}",
	    false },
	{ "{\"messages\":[{\"role\":\"system\",\"content\":\"Hi\"}],"
	  "\"temperature\":0.5,\"x\":[1,null]}",
	    false },
	{ "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\",\"metadata\":1}"
	  "],\"temperature\":0.5,\"x\":[1,null]}",
	    false },
	{ "{\"messages\":[],\"temperature\":0.5,\"x\":[1,null]}", false },
	{ "{\"input\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"temperature\":"
	  "0.5,\"x\":[1,null]}",
	    false },
	{ "{}", false },
};

START_TEST(body)
{
	ck_assert_msg(
	    same(base, BODY, base, bodies[_i].body) == bodies[_i].hits, "%s",
	    bodies[_i].body);
}
END_TEST

/* Each thing that counts, changed; and moved over to its neighbour. */
START_TEST(field)
{
	struct keep_ask q[17];
	size_t n = 0, i, k;

	for (i = 0; i < NROWS(q); i++)
		q[i] = base;
	q[n++].project = STR("prj_2");
	q[n++].endpoint = STR("/v1/responses");
	q[n++].version = STR("2024-01-01");
	q[n++].version = STR_NONE;
	q[n++].betas = STR("a");
	q[n++].model = STR("n");
	q[n++].provider = STR("azure");
	q[n++].provider = STR_NONE;
	q[n++].region = STR("us");
	q[n++].stream = true;
	q[n++].guardrails = 2;
	q[n++].updated_ms = 1;
	q[n++].shape = STR("reasoning");
	q[n].project = STR("prj_1/");
	q[n++].endpoint = STR("v1/chat/completions");
	q[n].provider = STR_NONE;
	q[n++].region = STR("openaieu");
	q[n].model = STR("mo");
	q[n++].provider = STR("penai");
	q[n++].region = STR_NONE;
	ck_assert_uint_eq(n, NROWS(q));
	for (i = 0; i < n; i++) {
		ck_assert_msg(!same(base, BODY, q[i], BODY), "%zu", i);
		for (k = 0; k < i; k++)
			ck_assert_msg(
			    !same(q[i], BODY, q[k], BODY), "%zu, %zu", i, k);
	}
}
END_TEST

/* Any two bodies with other bytes in what counts: other keys. */
START_TEST(property)
{
	static const char *const names[] = { "temperature", "top_p", "a", "aa",
		"stream", "metadata", "store", "seed" };
	static const char *const values[] = { "1", "11", "\"1\"", "null", "[1]",
		"[1,1]", "{\"a\":1}", "true" };
	char text[2][400], counts[2][400];
	unsigned seed = (unsigned)_i + 1;

	for (int round = 0; round < 200; round++) {
		for (int w = 0; w < 2; w++) {
			char *p = text[w], *c = counts[w];

			p += sprintf(p, "{\"model\":\"m\"");
			*c = '\0';
			for (size_t k = 0; k < NROWS(names); k++) {
				int v = rand_r(&seed) % 12;

				if (v >= (int)NROWS(values) ||
				    (k != 0 && v % 3 != 0))
					continue;
				p += sprintf(
				    p, ",\"%s\":%s", names[k], values[v]);
				if (k < 4 || k > 6)
					c += sprintf(
					    c, "%s=%s;", names[k], values[v]);
			}
			sprintf(p, "}");
		}
		ck_assert_msg(same(base, text[0], base, text[1]) ==
			(strcmp(counts[0], counts[1]) == 0),
		    "%s and %s", text[0], text[1]);
		struct keep_ask other = base;

		other.project = STR("prj_9");
		ck_assert(!same(base, text[0], other, text[0]));
	}
}
END_TEST

static const struct {
	const char *body;
	unsigned needs;
	bool hosted;
} tools[] = {
	{ "{}", 0, false },
	{ "{}", LLM_CAN_SEARCH, true },
	{ "{\"tools\":[]}", 0, false },
	{ "{\"tools\":[{\"type\":\"function\"}]}", LLM_CAN_TOOLS, false },
	{ "{\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]}", 0, false },
	{ "{\"tools\":[{\"type\":\"custom\"},{\"type\":\"bash_20250124\"}]}", 0,
	    false },
	{ "{\"tools\":[{\"type\":\"function\"},{\"type\":\"mcp\"}]}", 0, true },
	{ "{\"tools\":[{\"type\":\"web_search_20250305\"}]}", 0, true },
	{ "{\"tools\":[{\"type\":\"code_interpreter\"}]}", 0, true },
	{ "{\"tools\":[{\"type\":\"something_new\"}]}", 0, true },
	{ "{\"web_search\":true}", 0, true },
	{ "{\"web_search\":false}", 0, false },
	{ "{\"web_search_options\":{}}", 0, true },
	{ "{\"mcp_servers\":[{}]}", 0, true },
	{ "{\"mcp_servers\":null}", 0, false },
	{ "{\"container\":\"c\"}", 0, true },
};

START_TEST(hosted)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct llm_request q = { .needs = tools[_i].needs };
	struct err e = { 0 };

	q.nmembers = jscan_object(str_from(tools[_i].body), a, &q.members, &e);
	ck_assert_msg(
	    keep_is_hosted(&q) == tools[_i].hosted, "%s", tools[_i].body);
	arena_free(a);
}
END_TEST

static const unsigned char key[CACHE_KEY] = "a key";
static const struct keep_mark marks[] = { { 1, 0 }, { 3, 250 } };

static void
pack(struct buf *b)
{
	const struct keep_entry e = {
		.answer = { .text = STR("one two three"),
		    .holes = { { 3, REUSE_FINISH }, { 3, REUSE_EXTRA },
			{ 13, REUSE_METADATA } },
		    .nholes = 3,
		    .tail = STR(",\"usage\":{}"),
		    .head = STR("{") },
		.used_model = STR("m"),
		.used_provider = STR("p"),
		.usage = { .input = 5,
		    .output = 7,
		    .searches = 2,
		    .estimated = true },
		.why = LLM_STOP_LENGTH,
		.raw_stop = STR("max"),
		.marks = marks,
		.nmarks = NROWS(marks),
	};

	keep_pack(&e, key, b);
}

START_TEST(entry)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct buf b = BUF_LIMIT(4096);
	struct keep_entry e;

	pack(&b);
	ck_assert_int_eq(keep_unpack(&e, key, buf_str(&b), a), 0);
	ck_assert(str_is(e.answer.text, "one two three"));
	ck_assert(str_is(e.answer.tail, ",\"usage\":{}"));
	ck_assert_uint_eq(e.answer.rest.n, 0);
	ck_assert_int_eq(e.answer.nholes, 3);
	ck_assert_uint_eq(e.answer.holes[2].at, 13);
	ck_assert_int_eq(e.answer.holes[1].kind, REUSE_EXTRA);
	ck_assert(str_is(e.used_model, "m") && str_is(e.used_provider, "p"));
	ck_assert(e.usage.input == 5 && e.usage.output == 7 &&
	    e.usage.searches == 2 && e.usage.estimated);
	ck_assert(e.why == LLM_STOP_LENGTH && str_is(e.raw_stop, "max"));
	ck_assert_uint_eq(e.nmarks, 2);
	ck_assert_uint_eq(e.marks[1].wait_ms, 250);
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* No byte may be another, none may lack, none be too many, no key be another. */
START_TEST(damaged)
{
	struct arena *a = arena_new(1024, 1 << 20);
	unsigned char other[CACHE_KEY] = "another key";
	struct buf b = BUF_LIMIT(4096);
	struct keep_entry e;
	size_t i, n;

	pack(&b);
	n = b.n;
	ck_assert_int_eq(keep_unpack(&e, other, buf_str(&b), a), -1);
	for (i = 0; i < n; i++) {
		b.p[i] ^= 0x10;
		ck_assert_msg(
		    keep_unpack(&e, key, buf_str(&b), a) == -1, "%zu", i);
		b.p[i] ^= 0x10;
		ck_assert_msg(
		    keep_unpack(&e, key, (struct str){ b.p, i }, a) == -1,
		    "%zu bytes", i);
	}
	buf_addc(&b, '\0');
	ck_assert_int_eq(keep_unpack(&e, key, buf_str(&b), a), -1);
	buf_free(&b);
	arena_free(a);
}
END_TEST

CASE(case_keep)
{
	TCase *c = tcase_create("keep");

	tcase_add_loop_test(c, body, 0, NROWS(bodies));
	tcase_add_test(c, field);
	tcase_add_loop_test(c, property, 0, 5);
	tcase_add_loop_test(c, hosted, 0, NROWS(tools));
	tcase_add_test(c, entry);
	tcase_add_test(c, damaged);
	return c;
}
