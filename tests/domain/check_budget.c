#include "domain/budget.h"
#include "domain/price.h"
#include "room.h"

#define BARE                                                                   \
	.cached_input = NO_PRICE, .cache_write = NO_PRICE,                     \
	.cache_write_1h = NO_PRICE, .request = NO_PRICE,                       \
	.web_search = NO_PRICE, .image_in = NO_PRICE, .image_out = NO_PRICE,   \
	.audio_in = NO_PRICE, .audio_out = NO_PRICE

/* Nano-dollars a token: 1 in, 10 out; double from 1000 tokens on. */
static const struct prices tiers[] = {
	{ BARE, .upto = 1000, .input = 1000, .output = 10000 },
	{ BARE, .upto = INT64_MAX, .input = 2000, .output = 20000 },
};
static const struct mapping plain = {
	.context = 10000, .max_output = 5000, .tiers = tiers, .ntiers = 2
};
static const struct prices dear_tier[] = {
	{ BARE, .upto = INT64_MAX, .input = 3000, .output = 30000 },
};
static const struct mapping dear = {
	.context = 10000, .max_output = 100, .tiers = dear_tier, .ntiers = 1
};

struct world {
	struct org org;
	struct principal who;
	struct llm_request q;
	struct budget_ask ask;
	struct budget_plan plan;
	struct arena *a;
	struct err e;
};

static void
begin(struct world *w)
{
	*w = (struct world){ .a = arena_new(1024, SIZE_MAX) };
	w->org.credits_nano = 1000000;
	memcpy(w->org.id, "org_1", 6);
	w->who = (struct principal){ .org = &w->org,
		.key = "key_1",
		.project = "prj_1",
		.mode = "credits",
		.usage_limit_nano = -1 };
	w->q = (struct llm_request){ .text_bytes = 200, .n = 1 };
	w->ask = (struct budget_ask){ .who = &w->who,
		.request = &w->q,
		.candidates = { { &plain, PRICE_FULL, false } },
		.n = 1,
		.min_output = 1024,
		.wall_ms = 1000 };
}

static int64_t
worst(struct world *w)
{
	budget_make(&w->plan, &w->ask);
	return w->plan.worst_nano;
}

START_TEST(amounts)
{
	struct world w;

	begin(&w);
	ck_assert_int_eq(worst(&w), 100 * 1 + 5000 * 10);
	w.q.max_output = 50;
	ck_assert_int_eq(worst(&w), 100 * 1 + 50 * 10);
	w.q.n = 3;
	ck_assert_int_eq(worst(&w), 100 * 1 + 150 * 10);
	w.ask.candidates[0].factor = 500000;
	ck_assert_int_eq(worst(&w), 50 * 1 + 150 * 5);
	w.ask.candidates[0].factor = PRICE_FULL;
	w.q.n = 1;
	w.q.text_bytes = 2001; /* the next tier */
	ck_assert_int_eq(worst(&w), 1001 * 2 + 50 * 20);
	w.q.text_bytes = 100000; /* more than the context */
	ck_assert_int_eq(worst(&w), 10000 * 2 + 50 * 20);
	w.q.text_bytes = 0;
	w.q.images = 1;
	ck_assert_int_eq(worst(&w), 2000 * 2 + 50 * 20);
	w.q.images = 0;
	w.ask.candidates[1] =
	    (struct budget_candidate){ &dear, PRICE_FULL, true };
	w.ask.n = 2;
	ck_assert_int_eq(worst(&w), 50 * 30);
	ck_assert_int_eq(w.plan.gateway_nano, 50 * 10);
	arena_free(w.a);
}
END_TEST

START_TEST(purses)
{
	struct world w;

	begin(&w);
	w.q.max_output = 50;
	w.who.usage_limit_nano = 7;
	w.org.budget = (struct period){ 9, 1, PERIOD_DAY };
	worst(&w);
	ck_assert_int_eq(w.plan.n, 3);
	ck_assert(str_is(w.plan.ops[0].key, "o:c"));
	ck_assert(str_is(w.plan.ops[1].key, "k:key_1:u"));
	ck_assert(str_is(w.plan.ops[2].key, "o:b:0"));
	ck_assert_int_eq(w.plan.ops[2].limit, 9);
	ck_assert_int_eq(w.plan.ops[2].by, 600);
	w.ask.candidates[0].own = true;
	worst(&w);
	ck_assert_int_eq(w.plan.n, 2);
	w.ask.candidates[0].factor = 0;
	worst(&w);
	ck_assert_int_eq(w.plan.n, 0);
	arena_free(w.a);
}
END_TEST

/* The largest output that fits, and not one token more. */
START_TEST(reduced)
{
	struct world w;

	begin(&w);
	worst(&w);
	w.plan.ops[0].used = 1000000 - 100 - 20000 - 9;
	ck_assert_int_eq(budget_refused(&w.plan, 0, &w.ask, w.a, &w.e), 0);
	ck_assert_int_eq(w.ask.max_output, 2000);
	ck_assert_int_eq(worst(&w), 20100);
	arena_free(w.a);
	begin(&w);
	worst(&w);
	w.plan.ops[0].used = 1000000 - 100 - 10239;
	ck_assert_int_eq(budget_refused(&w.plan, 0, &w.ask, w.a, &w.e), -1);
	ck_assert_int_eq(w.e.code, ERR_CREDITS);
	ck_assert_int_eq(w.e.retry_after, 0);
	ck_assert_msg(str_is(w.e.members,
			  "{\"required\":0.0000501,"
			  "\"available\":0.000010339,\"held\":0}"),
	    "%.*s", STR_ARG(w.e.members));
	arena_free(w.a);
}
END_TEST

START_TEST(refused)
{
	struct world w;

	begin(&w);
	w.q.max_output = 50;
	w.who.project_budget = (struct period){ 700, 1, PERIOD_DAY };
	worst(&w);
	w.plan.ops[1].held = 600;
	ck_assert_int_eq(budget_refused(&w.plan, 1, &w.ask, w.a, &w.e), -1);
	ck_assert_int_eq(w.e.code, ERR_BUDGET);
	ck_assert_int_eq(w.e.retry_after, 1);
	ck_assert_str_eq(
	    w.e.msg, "Budget of project does not cover this request");
	memcpy(w.who.mode, "hybrid", 7);
	budget_refused(&w.plan, 0, &w.ask, w.a, &w.e);
	ck_assert_str_eq(w.e.msg,
	    "No API key set for provider and organization has insufficient "
	    "credits");
	/* With a key of one's own, only those that credits pay are dropped. */
	w.ask.candidates[1] =
	    (struct budget_candidate){ &dear, PRICE_FULL, true };
	w.ask.n = 2;
	worst(&w);
	ck_assert_int_eq(budget_refused(&w.plan, 0, &w.ask, w.a, &w.e), 0);
	ck_assert_int_eq(w.ask.n, 1);
	ck_assert(w.ask.candidates[0].own);
	arena_free(w.a);
}
END_TEST

/* Each image may be a call of its own. */
START_TEST(images)
{
	static const struct prices each[] = { { BARE, .upto = INT64_MAX,
	    .image_in_each = 1000000, .image_out_each = 70000000 } };
	static const struct mapping drawer = { .tiers = each, .ntiers = 1 };
	struct world w;

	begin(&w);
	w.ask.candidates[0].mapping = &drawer;
	w.q.pictures = w.q.n = 4;
	w.q.images = 2;
	ck_assert_int_eq(worst(&w), 4 * 70000 + 2 * 1000);
	w.q.pictures = w.q.n = 1;
	ck_assert_int_eq(worst(&w), 70000 + 2 * 1000);
	arena_free(w.a);
}
END_TEST

CASE(case_budget)
{
	TCase *t = tcase_create("budget");

	tcase_add_test(t, images);
	tcase_add_test(t, amounts);
	tcase_add_test(t, purses);
	tcase_add_test(t, reduced);
	tcase_add_test(t, refused);
	return t;
}
