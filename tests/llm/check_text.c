#include "json/jw.h"
#include "llm/llm.h"
#include "room.h"

static int
collect(void *arg, struct llm_part *p, struct str s)
{
	struct buf *b = arg;

	(void)p;
	buf_add(b, s);
	buf_addc(b, '|');
	return str_is(s, "stop") ? -1 : 0;
}

START_TEST(each)
{
	struct llm_part refusal = { .kind = LLM_REFUSAL, .text = STR("no") };
	struct llm_part inner = { .kind = LLM_TEXT, .text = STR("ok") };
	struct llm_part result = { .next = &refusal, .kind = LLM_RESULT };
	struct llm_part media = { .next = &result, .kind = LLM_MEDIA };
	struct llm_part text = {
		.next = &media, .kind = LLM_TEXT, .text = STR("hi")
	};
	struct llm_message m = { .parts = &text };
	struct llm_choice c = { .parts = &inner };
	struct llm_answer a = { .choices = &c };
	struct buf b = BUF_LIMIT(100);

	result.result.parts = &inner;
	ck_assert_int_eq(llm_each_text(&m, collect, &b), 0);
	ck_assert(str_is(buf_str(&b), "hi|ok|no|"));
	buf_clear(&b);
	ck_assert_int_eq(llm_each_answer_text(&a, collect, &b), 0);
	ck_assert(str_is(buf_str(&b), "ok|"));
	inner.text = STR("stop");
	ck_assert_int_eq(llm_each_text(&m, collect, &b), -1);
	buf_free(&b);
}
END_TEST

START_TEST(dump)
{
	struct llm_part p = { .kind = LLM_TEXT, .text = STR("hi") };
	struct llm_message m = { .role = LLM_USER, .parts = &p };
	struct llm_request r = { .model = STR("m"),
		.messages = &m,
		.has = 1u << LLM_TOP_P,
		.has_effort = true,
		.effort = LLM_EFFORT_LOW };
	struct buf b = BUF_LIMIT(4096);
	struct jw w = JW_TO(&b);

	r.set[LLM_TOP_P] = 0.5;
	llm_dump(&r, &w);
	buf_addc(&b, '\0');
	ck_assert_str_eq(b.p,
	    "{\"model\":\"m\",\"stream\":false,\"messages\":[{\"role\":"
	    "\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[],"
	    "\"choose\":\"auto\",\"top_p\":0.5,\"stops\":[],"
	    "\"effort\":\"low\",\"serial\":false,\"format\":0}");
	buf_free(&b);
}
END_TEST

CASE(case_text)
{
	TCase *t = tcase_create("text");

	tcase_add_test(t, each);
	tcase_add_test(t, dump);
	return t;
}
