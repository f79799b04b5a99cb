#include "domain/price.h"
#include "room.h"

#define M(usd_micro) (INT64_C(usd_micro)) /* per million: pico per token */

#define BARE                                                                   \
	.cached_input = NO_PRICE, .cache_write = NO_PRICE,                     \
	.cache_write_1h = NO_PRICE, .request = NO_PRICE,                       \
	.web_search = NO_PRICE, .image_in = NO_PRICE, .image_out = NO_PRICE,   \
	.audio_in = NO_PRICE, .audio_out = NO_PRICE

static const struct prices mini[] = {
	{ BARE, .upto = INT64_MAX, .input = M(150000), .output = M(600000) },
};
static const struct prices mini_cached[] = {
	{ .upto = INT64_MAX,
	    .input = M(150000),
	    .cached_input = M(75000),
	    .cache_write = NO_PRICE,
	    .cache_write_1h = NO_PRICE,
	    .output = M(600000),
	    .request = NO_PRICE,
	    .web_search = NO_PRICE,
	    .image_in = NO_PRICE,
	    .image_out = NO_PRICE,
	    .audio_in = NO_PRICE,
	    .audio_out = NO_PRICE },
};
static const struct prices full[] = {
	{ .upto = 1000,
	    .input = M(3000000),
	    .cached_input = M(300000),
	    .cache_write = M(3750000),
	    .cache_write_1h = M(6000000),
	    .output = M(15000000),
	    .request = INT64_C(12000000000),
	    .web_search = INT64_C(10000000000),
	    .image_in = M(10000000),
	    .image_out = M(40000000),
	    .audio_in = M(32000000),
	    .audio_out = M(64000000) },
	{ .upto = INT64_MAX,
	    .input = M(6000000),
	    .cached_input = M(600000),
	    .cache_write = M(7500000),
	    .cache_write_1h = NO_PRICE,
	    .output = M(22500000),
	    .request = NO_PRICE,
	    .web_search = NO_PRICE,
	    .image_in = NO_PRICE,
	    .image_out = NO_PRICE,
	    .audio_in = NO_PRICE,
	    .audio_out = NO_PRICE },
};

/* Amounts in nano-dollars. */
static const struct {
	const char *name;
	const struct prices *tiers;
	int ntiers;
	struct llm_usage usage;
	struct llm_cost cost;
} cases[] = {
	{ "the example of api.md 4.4", mini_cached, 1,
	    { .input = 1200, .cache_read = 1000, .output = 300 },
	    { .input = 30000,
		.cached_input = 75000,
		.output = 180000,
		.total = 285000 } },
	{ "no price for cached: that of input", mini, 1,
	    { .input = 1200, .cache_read = 1000, .output = 300 },
	    { .input = 30000,
		.cached_input = 150000,
		.output = 180000,
		.total = 360000 } },
	{ "no price for writes: that of input", mini, 1,
	    { .input = 100, .cache_write_5m = 40, .cache_write_1h = 40 },
	    { .input = 3000, .cache_write = 12000, .total = 15000 } },
	{ "writes of an hour, without a price: that of writes", full, 2,
	    { .input = 2000, .cache_write_5m = 10, .cache_write_1h = 10 },
	    { .input = 1980 * 6000,
		.cache_write = 20 * 7500,
		.total = 1980 * 6000 + 20 * 7500 } },
	{ "half up: 10 tokens at 0.15 are 1500 exactly", mini, 1,
	    { .input = 10 }, { .input = 1500, .total = 1500 } },
	{ "each part is rounded, half up", mini_cached, 1,
	    { .cache_read = 0, .input = 1, .output = 1 },
	    { .input = 150, .output = 600, .total = 750 } },
	{ "at the bound of a tier", full, 2, { .input = 1000, .output = 1 },
	    { .input = 3000000,
		.output = 15000,
		.request = 12000000,
		.total = 15015000 } },
	{ "above it", full, 2, { .input = 1001, .output = 1 },
	    { .input = 6006000, .output = 22500, .total = 6028500 } },
	{ "audio and images where they have a price", full, 2,
	    { .input = 100,
		.audio_in = 20,
		.image_in = 30,
		.output = 50,
		.audio_out = 10,
		.image_out = 5,
		.searches = 2 },
	    { .input = 50 * 3000,
		.audio_in = 20 * 32000,
		.image_in = 30 * 10000,
		.output = 35 * 15000,
		.audio_out = 10 * 64000,
		.image_out = 5 * 40000,
		.request = 12000000,
		.web_search = 20000000,
		.total = 150000 + 640000 + 300000 + 525000 + 640000 + 200000 +
		    32000000 } },
	{ "and where they have none", mini, 1,
	    { .input = 100, .audio_in = 20, .output = 50, .image_out = 5 },
	    { .input = 15000, .output = 30000, .total = 45000 } },
	{ "parts that exceed the whole", mini, 1,
	    { .input = 10, .cache_read = 20 },
	    { .cached_input = 3000, .total = 3000 } },
	{ "negative counts", mini, 1, { .input = -5, .output = -1 }, { 0 } },
};

static int64_t
sum(const struct llm_cost *c)
{
	return c->input + c->cached_input + c->cache_write + c->output +
	    c->request + c->web_search + c->image_in + c->image_out +
	    c->audio_in + c->audio_out + c->content_filter + c->data_storage;
}

START_TEST(table)
{
	struct mapping m = { .tiers = cases[_i].tiers,
		.ntiers = cases[_i].ntiers };
	struct llm_cost want = cases[_i].cost, got;

	price_cost(&m, &cases[_i].usage, PRICE_FULL, PRICE_FULL, false, &got);
	ck_assert_msg(memcmp(&want, &got, sizeof(got)) == 0,
	    "%s: total %lld, wanted %lld", cases[_i].name, (long long)got.total,
	    (long long)want.total);
	ck_assert_int_eq(sum(&got), got.total);
	price_cost(&m, &cases[_i].usage, PRICE_FULL, PRICE_FULL, true, &got);
	ck_assert_int_eq(got.billed, got.total);
}
END_TEST

/* The first list that fits; hours are UTC, and may go over midnight. */
START_TEST(places_and_hours)
{
	static const struct prices t[4] = { { .upto = INT64_MAX, .input = 1 },
		{ .upto = INT64_MAX, .input = 2 },
		{ .upto = INT64_MAX, .input = 3 },
		{ .upto = INT64_MAX, .input = 4 } };
	static const struct price_list lists[] = {
		{ STR("eu"), 990, 30, &t[1], 1 }, /* 16:30-00:30 */
		{ STR("eu"), 0, 0, &t[2], 1 },
		{ STR_NONE, 60, 120, &t[3], 1 },
	};
	static const struct {
		const char *region;
		int hour, minute;
		int64_t input;
	} rows[] = { { "", 0, 30, 1 }, { "", 1, 0, 4 }, { "", 1, 59, 4 },
		{ "", 2, 0, 1 }, { "us", 16, 45, 1 }, { "us", 1, 30, 4 },
		{ "eu", 16, 29, 3 }, { "eu", 16, 30, 2 }, { "eu", 23, 59, 2 },
		{ "eu", 0, 29, 2 }, { "eu", 0, 30, 3 }, { "eu", 1, 30, 3 } };
	const struct mapping all = {
		.tiers = t, .ntiers = 1, .lists = lists, .nlists = 3
	};
	const int64_t day = INT64_C(1795478400000); /* 2026-11-24 */
	struct mapping copy;

	for (size_t i = 0; i < NROWS(rows); i++)
		ck_assert_int_eq(
		    price_at(&all, str_from(rows[i].region),
			day + (rows[i].hour * 60 + rows[i].minute) * 60000 +
			    59999,
			&copy)
			->tiers[0]
			.input,
		    rows[i].input);
}
END_TEST

START_TEST(parts)
{
	ck_assert_int_eq(price_part(1, 499), 0);
	ck_assert_int_eq(price_part(1, 500), 1);
	ck_assert_int_eq(price_part(3, 500), 2);
	ck_assert_int_eq(price_part(-1, 500), 0);
	ck_assert_int_eq(price_part(1, NO_PRICE), 0);
	ck_assert_int_gt(price_part(INT64_MAX, INT64_MAX), 0);
}
END_TEST

/* Written parts are added before they are rounded, not after. */
START_TEST(writes_round_once)
{
	struct prices t = { BARE, .upto = INT64_MAX, .input = 400 };
	struct mapping m = { .tiers = &t, .ntiers = 1 };
	struct llm_usage u = {
		.input = 2, .cache_write_5m = 1, .cache_write_1h = 1
	};
	struct llm_cost c;

	price_cost(&m, &u, PRICE_FULL, PRICE_FULL, false, &c);
	ck_assert_int_eq(c.cache_write, 1);
}
END_TEST

/* A generator of our own, so that a failure comes again. */
static uint64_t
next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Small, large, negative and extreme counts. */
static int64_t
odd_count(uint64_t *s)
{
	switch (next(s) % 6) {
	case 0:
		return INT64_MAX - (int64_t)(next(s) % 3);
	case 1:
		return INT64_MIN + (int64_t)(next(s) % 3);
	case 2:
		return -(int64_t)(next(s) % 100);
	default:
		return (int64_t)(next(s) % 3000000);
	}
}

static void
odd_usage(uint64_t *s, struct llm_usage *u)
{
	*u = (struct llm_usage){
		.input = odd_count(s),
		.cache_read = odd_count(s),
		.cache_write_5m = odd_count(s),
		.cache_write_1h = odd_count(s),
		.audio_in = odd_count(s),
		.image_in = odd_count(s),
		.output = odd_count(s),
		.reasoning = odd_count(s),
		.audio_out = odd_count(s),
		.image_out = odd_count(s),
		.images_in = (int)(odd_count(s) % 100000),
		.searches = (int)(odd_count(s) % 100000),
	};
}

static void
odd_prices(uint64_t *s, struct prices *t)
{
	int64_t *v[] = { &t->input, &t->cached_input, &t->cache_write,
		&t->cache_write_1h, &t->output, &t->request, &t->web_search,
		&t->image_in, &t->image_out, &t->audio_in, &t->audio_out };
	size_t i;

	for (i = 0; i < NROWS(v); i++) {
		*v[i] = odd_count(s);
		if (*v[i] < 0)
			*v[i] = NO_PRICE;
	}
	t->upto = INT64_MAX;
}

START_TEST(properties)
{
	uint64_t s = 88172645463325252u;
	struct llm_usage u;
	struct llm_cost c, d;
	struct prices t;
	struct mapping m = { .tiers = &t, .ntiers = 1 };
	int i;

	for (i = 0; i < 20000; i++) {
		odd_prices(&s, &t);
		odd_usage(&s, &u);
		price_cost(&m, &u, PRICE_FULL, PRICE_FULL, true, &c);
		ck_assert_int_eq(sum(&c), c.total);
		ck_assert_int_ge(c.total, 0);
		ck_assert_int_ge(c.input, 0);
		ck_assert_int_ge(c.output, 0);
		if (u.output < INT64_MAX) { /* more never costs less */
			u.output++;
			price_cost(&m, &u, PRICE_FULL, PRICE_FULL, true, &d);
			ck_assert_int_ge(d.total, c.total);
		}
		if (u.input < INT64_MAX) {
			u.input++;
			price_cost(&m, &u, PRICE_FULL, PRICE_FULL, true, &d);
			ck_assert_int_ge(d.total, c.total);
		}
		m.context = (int64_t)(next(&s) % 2) * 128000;
		price_clamp(&m, &u);
		ck_assert(u.input >= 0 && u.output >= 0);
		ck_assert(u.cache_read >= 0 && u.cache_write_5m >= 0);
		ck_assert(u.cache_read + u.cache_write_5m + u.cache_write_1h <=
		    u.input);
		ck_assert(u.reasoning <= u.output && u.searches >= 0);
		ck_assert(m.context == 0 || u.input <= m.context);
	}
}
END_TEST

/* Images: 8,000 pico a token of text, 40,000 of images. */
static const struct prices by_token[] = { { .upto = INT64_MAX,
    .input = 8000,
    .output = 8000,
    .cached_input = NO_PRICE,
    .cache_write = NO_PRICE,
    .cache_write_1h = NO_PRICE,
    .request = NO_PRICE,
    .web_search = NO_PRICE,
    .image_in = 10000,
    .image_out = 40000,
    .audio_in = NO_PRICE,
    .audio_out = NO_PRICE,
    .image_in_each = NO_PRICE,
    .image_out_each = NO_PRICE } };
static const struct prices by_piece[] = { { .upto = INT64_MAX,
    .image_in = NO_PRICE,
    .image_out = NO_PRICE,
    .audio_in = NO_PRICE,
    .audio_out = NO_PRICE,
    .image_in_each = 2000000,
    .image_out_each = 70000000 } };
static const struct picture_price rows[] = {
	{ 1024, 1024, LLM_QUALITY_LOW, 272, NO_PRICE },
	{ 0, 0, LLM_QUALITY_LOW, 408, NO_PRICE },
	{ 1024, 1024, LLM_QUALITY_AUTO, 4160, NO_PRICE },
	{ 0, 0, LLM_QUALITY_AUTO, 6240, NO_PRICE },
};
static const struct picture_price each_rows[] = {
	{ 1024, 1024, LLM_QUALITY_AUTO, 0, 40000000 },
	{ 0, 0, LLM_QUALITY_AUTO, 0, 80000000 },
};
static const struct mapping tokens = {
	.tiers = by_token, .ntiers = 1, .pictures = rows, .npictures = 4
};
static const struct mapping bare = { .tiers = by_token, .ntiers = 1 };
static const struct mapping pieces = { .tiers = by_piece, .ntiers = 1 };
static const struct mapping sized = {
	.tiers = by_piece, .ntiers = 1, .pictures = each_rows, .npictures = 2
};

static const struct {
	const char *name;
	const struct mapping *m;
	struct llm_picture picture;
	bool told;
	int64_t image_out; /* tokens */
	int64_t cost;      /* of two images, nano-dollars */
	int64_t worst;     /* of one, pico-dollars */
} pictures[] = {
	{ "told tokens", &tokens, { 1024, 1024, 1, 1, LLM_QUALITY_LOW }, true,
	    500, 500 * 40, 272 * 40000 },
	{ "tokens of size and quality", &tokens,
	    { 1024, 1024, 1, 1, LLM_QUALITY_LOW }, false, 544, 544 * 40,
	    272 * 40000 },
	{ "of another size", &tokens, { 512, 512, 1, 1, LLM_QUALITY_LOW },
	    false, 816, 816 * 40, 408 * 40000 },
	{ "of a size", &tokens, { 1024, 1024, 1, 1, LLM_QUALITY_AUTO }, false,
	    8320, 8320 * 40, 4160 * 40000 },
	{ "nothing known", &tokens, { 0 }, false, 12480, 12480 * 40,
	    INT64_C(6240) * 40000 },
	{ "no rows", &bare, { 0 }, false, 2580, 2580 * 40,
	    INT64_C(8192) * 40000 },
	{ "no rows, four million pixels", &bare, { 2048, 2048, 1, 1, 0 }, false,
	    10320, 10320 * 40, INT64_C(8192) * 40000 },
	{ "by piece", &pieces, { 0 }, false, 0, 140000, 70000000 },
	{ "by piece and size", &sized, { 1024, 1024, 1, 1, 0 }, false, 0, 80000,
	    40000000 },
	{ "by piece, another size", &sized, { 512, 512, 1, 1, 0 }, false, 0,
	    160000, 80000000 },
};

START_TEST(images)
{
	struct llm_usage u = { .images_out = 2,
		.images_in = 3,
		.estimated = !pictures[_i].told,
		.picture = pictures[_i].picture };
	const struct mapping *m = pictures[_i].m;
	struct llm_cost c;

	if (pictures[_i].told)
		u.image_out = u.output = 500;
	price_fill(m, &u);
	price_clamp(m, &u);
	price_cost(m, &u, PRICE_FULL, PRICE_FULL, true, &c);
	ck_assert_int_eq(u.image_out, pictures[_i].image_out);
	ck_assert_msg(c.image_out == pictures[_i].cost, "%s: %lld",
	    pictures[_i].name, (long long)c.image_out);
	ck_assert_int_eq(c.image_in, m->tiers == by_piece ? 6000 : 0);
	ck_assert_int_eq(c.total, sum(&c));
	ck_assert_int_eq(price_picture(m, m->tiers, &pictures[_i].picture),
	    pictures[_i].worst);
}
END_TEST

CASE(case_price)
{
	TCase *t = tcase_create("price");

	tcase_add_loop_test(t, images, 0, (int)NROWS(pictures));
	tcase_add_loop_test(t, table, 0, NROWS(cases));
	tcase_add_test(t, places_and_hours);
	tcase_add_test(t, parts);
	tcase_add_test(t, writes_round_once);
	tcase_add_test(t, properties);
	return t;
}
