#include "llm/llm.h"
#include "room.h"

static const struct {
	const char *size;
	bool good;
	int w, h, ratio_w, ratio_h;
} sizes[] = {
	{ "auto", true, 0, 0, 0, 0 },
	{ "1024x1024", true, 1024, 1024, 1, 1 },
	{ "1536x1024", true, 1536, 1024, 3, 2 },
	{ "1024x1536", true, 1024, 1536, 2, 3 },
	{ "1792x1024", true, 1792, 1024, 16, 9 },
	{ "1024x1792", true, 1024, 1792, 9, 16 },
	{ "1920x1080", true, 1920, 1080, 16, 9 },
	{ "65535x1", true, 65535, 1, 65535, 1 },
	{ "65536x1", false, 0, 0, 0, 0 },
	{ "99999999999x1", false, 0, 0, 0, 0 },
	{ "", false, 0, 0, 0, 0 },
	{ "x", false, 0, 0, 0, 0 },
	{ "1x", false, 0, 0, 0, 0 },
	{ "x1", false, 0, 0, 0, 0 },
	{ "0x1", false, 0, 0, 0, 0 },
	{ "1X1", false, 0, 0, 0, 0 },
	{ "1x1 ", false, 0, 0, 0, 0 },
	{ "-1x1", false, 0, 0, 0, 0 },
};

START_TEST(size)
{
	struct llm_picture p = { 0 };

	ck_assert_int_eq(
	    llm_picture_size(&p, str_from(sizes[_i].size)), sizes[_i].good);
	ck_assert_int_eq(p.w, sizes[_i].w);
	ck_assert_int_eq(p.h, sizes[_i].h);
	ck_assert_int_eq(p.ratio_w, sizes[_i].ratio_w);
	ck_assert_int_eq(p.ratio_h, sizes[_i].ratio_h);
}
END_TEST

START_TEST(ratio)
{
	struct llm_picture p = { .w = 1, .h = 1 };

	ck_assert(llm_picture_ratio(&p, STR("32:18")));
	ck_assert_int_eq(p.ratio_w, 16);
	ck_assert_int_eq(p.ratio_h, 9);
	ck_assert_int_eq(p.w, 1);
	ck_assert(!llm_picture_ratio(&p, STR("16x9")));
	ck_assert(!llm_picture_ratio(&p, STR("auto")));
	ck_assert_int_eq(llm_quality_find(STR("hd")), LLM_QUALITY_HD);
	ck_assert_int_eq(llm_quality_find(STR("odd")), LLM_QUALITY_AUTO);
}
END_TEST

START_TEST(sum)
{
	struct llm_usage a = { .input = 1, .image_out = 2, .images_out = 3 };
	struct llm_usage b = { .input = 10,
		.image_out = 20,
		.images_out = 30,
		.estimated = true };

	llm_usage_add(&a, &b);
	ck_assert_int_eq(a.input, 11);
	ck_assert_int_eq(a.image_out, 22);
	ck_assert_int_eq(a.images_out, 33);
	ck_assert(a.estimated);
}
END_TEST

CASE(case_picture)
{
	TCase *c = tcase_create("picture");

	tcase_add_loop_test(c, size, 0, (int)NROWS(sizes));
	tcase_add_test(c, ratio);
	tcase_add_test(c, sum);
	return c;
}
