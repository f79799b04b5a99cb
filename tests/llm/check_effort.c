#include <check.h>

#include "llm/llm.h"
#include "room.h"

START_TEST(near)
{
	unsigned set = 1u << LLM_EFFORT_LOW | 1u << LLM_EFFORT_HIGH;

	ck_assert_int_eq(
	    llm_effort_near(LLM_EFFORT_MEDIUM, set), LLM_EFFORT_LOW);
	ck_assert_int_eq(llm_effort_near(LLM_EFFORT_MAX, set), LLM_EFFORT_HIGH);
	ck_assert_int_eq(llm_effort_near(LLM_EFFORT_NONE, set), LLM_EFFORT_LOW);
	ck_assert_int_eq(
	    llm_effort_near(LLM_EFFORT_XHIGH, 0), LLM_EFFORT_XHIGH);
}
END_TEST

/* api.md 18: below 2048 low, below 8192 medium, else high. */
START_TEST(budget)
{
	enum llm_effort e;

	ck_assert_int_eq(llm_budget_effort(2047), LLM_EFFORT_LOW);
	ck_assert_int_eq(llm_budget_effort(2048), LLM_EFFORT_MEDIUM);
	ck_assert_int_eq(llm_budget_effort(8192), LLM_EFFORT_HIGH);
	ck_assert_int_eq(llm_effort_budget(LLM_EFFORT_MEDIUM), 4096);
	ck_assert(llm_effort_find(STR("xhigh"), &e) && e == LLM_EFFORT_XHIGH);
	ck_assert(!llm_effort_find(STR("huge"), &e));
	ck_assert(!llm_effort_find(STR_NONE, &e));
}
END_TEST

/* Settings effort_budgets and budget_efforts. */
START_TEST(scale)
{
	struct llm_scale s;
	struct llm_aim aim = { .scale = &s }, plain = { .scale = NULL };
	struct err e = { 0 };

	ck_assert_int_eq(llm_scale_parse(&s, STR("low:2000, max:60000"),
			     STR("minimal:100,xhigh:30000"), &e),
	    0);
	ck_assert_int_eq(llm_aim_budget(&aim, LLM_EFFORT_LOW), 2000);
	ck_assert_int_eq(llm_aim_budget(&aim, LLM_EFFORT_MEDIUM), 4096);
	ck_assert_int_eq(llm_aim_budget(&aim, LLM_EFFORT_MAX), 60000);
	ck_assert_int_eq(llm_aim_budget(&plain, LLM_EFFORT_MAX), 32768);
	ck_assert_int_eq(llm_aim_effort(&aim, 99), LLM_EFFORT_MINIMAL);
	ck_assert_int_eq(llm_aim_effort(&aim, 8000), LLM_EFFORT_XHIGH);
	ck_assert_int_eq(llm_aim_effort(&aim, 30000), LLM_EFFORT_HIGH);
	ck_assert_int_eq(llm_aim_effort(&plain, 100), LLM_EFFORT_LOW);
	ck_assert_int_eq(llm_scale_parse(&s, STR("low:1k"), STR(""), &e), -1);
	ck_assert(strstr(e.msg, "\"low:1k\"") != NULL);
	ck_assert_int_eq(llm_scale_parse(&s, STR("huge:1"), STR(""), &e), -1);
	ck_assert_int_eq(llm_scale_parse(&s, STR(""), STR(""), &e), 0);
	ck_assert_int_eq(llm_aim_effort(&aim, 8191), LLM_EFFORT_MEDIUM);
}
END_TEST

START_TEST(seal)
{
	struct buf b = BUF_LIMIT(100);
	enum llm_issuer by;

	llm_seal_put(&b, LLM_BY_GOOGLE, STR("a:b"), LLM_BY_ANTHROPIC);
	ck_assert(str_is(buf_str(&b), "llmgw:google:a:b"));
	ck_assert(
	    str_is(llm_seal_read(buf_str(&b), LLM_BY_ANTHROPIC, &by), "a:b"));
	ck_assert_int_eq(by, LLM_BY_GOOGLE);
	buf_clear(&b);
	llm_seal_put(&b, LLM_BY_ANTHROPIC, STR("a:b"), LLM_BY_ANTHROPIC);
	ck_assert(str_is(buf_str(&b), "a:b"));
	ck_assert(
	    str_is(llm_seal_read(STR("llmgw:nobody:x"), LLM_BY_OPENAI, &by),
		"llmgw:nobody:x"));
	ck_assert_int_eq(by, LLM_BY_OPENAI);
	buf_free(&b);
}
END_TEST

START_TEST(drop)
{
	struct buf b = BUF_LIMIT(100);
	struct llm_aim aim = { .dropped = &b };
	struct llm_hint user = { NULL, STR("user"), NULL };
	struct llm_hint store = { &user, STR("store"), NULL };
	struct llm_request r = { .hints = &store };
	const char *const taken[] = { "user", NULL };

	llm_drop(&aim, "seed");
	llm_drop(&aim, "seed");
	llm_drop_hints(&aim, &r, taken);
	ck_assert(str_is(buf_str(&b), "seed,store"));
	buf_free(&b);
}
END_TEST

CASE(case_effort)
{
	TCase *t = tcase_create("effort");

	tcase_add_test(t, near);
	tcase_add_test(t, budget);
	tcase_add_test(t, scale);
	tcase_add_test(t, seal);
	tcase_add_test(t, drop);
	return t;
}
