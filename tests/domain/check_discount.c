#include "domain/discount.h"
#include "domain/price.h"
#include "domain/principal.h"
#include "domain/route.h"
#include "room.h"

static const struct model model = { .id = STR("m") };
static const struct prices tier = { .upto = INT64_MAX,
	.input = 150000,
	.cached_input = NO_PRICE,
	.cache_write = NO_PRICE,
	.cache_write_1h = NO_PRICE,
	.output = 600000,
	.request = NO_PRICE,
	.web_search = NO_PRICE,
	.image_in = NO_PRICE,
	.image_out = NO_PRICE,
	.audio_in = NO_PRICE,
	.audio_out = NO_PRICE };
static const struct mapping mapping = { .model = &model,
	.provider = STR("p"),
	.discount = 10000,
	.tiers = &tier,
	.ntiers = 1 };

/* From the one that counts least to the one that counts most. */
static const struct discount ladder[] = {
	{ .global = true, .millionths = 20000 },
	{ .global = true, .model = STR("m"), .millionths = 30000 },
	{ .global = true, .provider = STR("p"), .millionths = 40000 },
	{ .global = true,
	    .provider = STR("p"),
	    .model = STR("m"),
	    .millionths = 50000 },
	{ .millionths = 60000 },
	{ .model = STR("m"), .millionths = 45000 },
	{ .provider = STR("p"), .millionths = 35000 },
	{ .provider = STR("p"), .model = STR("m"), .millionths = 25000 },
};

START_TEST(precedence)
{
	struct discount v[NROWS(ladder)];
	int n;

	ck_assert_int_eq(discount_factor(NULL, 0, &mapping, 1), 990000);
	for (n = 1; n <= (int)NROWS(ladder); n++) {
		/* In either order. */
		for (int i = 0; i < n; i++)
			v[i] = ladder[n - 1 - i];
		ck_assert_int_eq(discount_factor(ladder, n, &mapping, 1),
		    PRICE_FULL - ladder[n - 1].millionths);
		ck_assert_int_eq(discount_factor(v, n, &mapping, 1),
		    PRICE_FULL - ladder[n - 1].millionths);
	}
}
END_TEST

START_TEST(others)
{
	const struct discount v[] = {
		{ .provider = STR("q"), .millionths = 500000 },
		{ .provider = STR("p"), .model = STR("n"), .millionths = 500000 },
		{ .model = STR("m"), .millionths = 400000, .expires_ms = 100 },
		{ .model = STR("m"), .millionths = 300000, .expires_ms = 200 },
		{ .model = STR("m"), .millionths = 200000 },
	};

	ck_assert_int_eq(discount_factor(v, 2, &mapping, 1), 990000);
	ck_assert_int_eq(discount_factor(v, 5, &mapping, 99), 600000);
	ck_assert_int_eq(discount_factor(v, 5, &mapping, 100), 700000);
	ck_assert_int_eq(discount_factor(v, 5, &mapping, 200), 800000);
}
END_TEST

/* Each part is rounded once, half up: 14.2. */
static const struct {
	int64_t units, pico, factor, want;
} parts[] = {
	{ 1, 1000, 500000, 1 }, /* half a nano-dollar */
	{ 1, 1000, 499999, 0 },
	{ 3, 1000, 500000, 2 },
	{ 1000, 150000, 750000, 112500 },
	{ 7, 150, 333333, 0 },
	{ 1, 1000000000, 1, 1 },
	{ 1, 499999999, 1, 0 },
	{ 1, 500000000, 1, 1 },
	{ 5, 150000, 0, 0 },
	{ INT64_MAX, INT64_MAX, 0, 0 },
	{ INT64_MAX, INT64_MAX, 1, INT64_MAX / 16 },
	{ INT64_MAX, INT64_MAX, PRICE_FULL, INT64_MAX / 16 },
};

START_TEST(rounding)
{
	for (size_t i = 0; i < NROWS(parts); i++)
		ck_assert_msg(price_part_at(parts[i].units, parts[i].pico,
				  parts[i].factor) == parts[i].want,
		    "row %zu: %lld", i,
		    (long long)price_part_at(
			parts[i].units, parts[i].pico, parts[i].factor));
}
END_TEST

START_TEST(cost)
{
	const struct llm_usage u = { .input = 1001, .output = 33 };
	struct llm_cost c;

	price_cost(&mapping, &u, 990000, PRICE_FULL, true, &c);
	ck_assert_int_eq(c.input, 148649); /* 148648.5 */
	ck_assert_int_eq(c.output, 19602);
	ck_assert_int_eq(c.total, 148649 + 19602);
	ck_assert_int_eq(c.billed, c.total);
	ck_assert_int_eq(c.discount, 150150 + 19800 - c.total);
	price_cost(&mapping, &u, PRICE_FULL, PRICE_FULL, false, &c);
	ck_assert_int_eq(c.discount, 0);
	/* A tier is no discount, and is rounded with it once. */
	ck_assert_int_eq(price_product(990000, 2500000), 2475000);
	ck_assert_int_eq(price_product(333333, 500000), 166667); /* .5 */
	price_cost(&mapping, &u, 2475000, 2500000, true, &c);
	ck_assert_int_eq(c.input, 371621); /* 371621.25 */
	ck_assert_int_eq(c.output, 49005);
	ck_assert_int_eq(c.discount, 375375 + 49500 - c.total);
	price_cost(&mapping, &u, 0, PRICE_FULL, true, &c);
	ck_assert_int_eq(c.total, 0);
	ck_assert_int_eq(c.discount, 150150 + 19800);
}
END_TEST

static int64_t
factor(void *arg, const struct mapping *m)
{
	return m == arg ? 400000 : 1000000;
}

START_TEST(routing)
{
	struct prices dear = tier;
	struct mapping m[2] = { mapping, mapping };
	const struct mapping *v[] = { &m[0], &m[1] };
	struct route_world w = { .arg = &m[1], .factor = factor };

	dear.input *= 2;
	dear.output *= 2;
	m[1].tiers = &dear;
	route_sort(NULL, v, 2);
	ck_assert_ptr_eq(v[0], &m[0]);
	route_sort(&w, v, 2);
	ck_assert_ptr_eq(v[0], &m[1]);
}
END_TEST

CASE(case_discount)
{
	TCase *t = tcase_create("discount");

	tcase_add_test(t, precedence);
	tcase_add_test(t, others);
	tcase_add_test(t, rounding);
	tcase_add_test(t, cost);
	tcase_add_test(t, routing);
	return t;
}
