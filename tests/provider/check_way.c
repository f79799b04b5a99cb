/*
 * Which way a request takes: the client's own dialect first, then one that
 * hears all that the request says.
 */
#include "provider/provider.h"
#include "room.h"

static const struct dialect plain = { .name = "plain", .task = LLM_CHAT };
static const struct dialect rich = {
	.name = "rich", .task = LLM_CHAT, .hears = LLM_SAY_MANY | LLM_SAY_URL
};
static const struct dialect count = { .name = "count", .task = LLM_COUNT };
static const struct dialect other = { .name = "other", .task = LLM_CHAT };
static const struct dialect vectors = { .name = "v", .task = LLM_EMBED };

static const struct upstream up = {
	.ways = { { .dialect = &plain, .without = LLM_WANTS_RESPONSES },
	    { .dialect = &rich, .deaf = LLM_SAY_URL }, { .dialect = &count } },
	.nways = 3,
};

static const struct {
	const struct dialect *from;
	unsigned caps;
	unsigned says;
	const struct dialect *way; /* NULL: none */
	unsigned deaf;
} rows[] = {
	{ &plain, 0, LLM_SAY_MANY, &plain, 0 },
	{ &rich, 0, LLM_SAY_URL, &rich, 0 },
	{ &other, 0, 0, &plain, 0 },
	{ &other, 0, LLM_SAY_MANY, &rich, 0 },
	{ &plain, LLM_WANTS_RESPONSES, 0, &rich, 0 },
	{ &other, 0, LLM_SAY_URL, NULL, LLM_SAY_URL },
	{ &other, 0, LLM_SAY_BIAS, NULL, LLM_SAY_BIAS },
	{ &count, 0, 0, &count, 0 },
	{ &vectors, 0, 0, NULL, 0 },
};

START_TEST(way)
{
	unsigned deaf = 1;
	const struct way *w = provider_way(
	    &up, rows[_i].from, rows[_i].caps, rows[_i].says, &deaf);

	ck_assert_ptr_eq(w == NULL ? NULL : w->dialect, rows[_i].way);
	if (w == NULL)
		ck_assert_uint_eq(deaf, rows[_i].deaf);
}
END_TEST

CASE(case_way)
{
	TCase *t = tcase_create("way");

	tcase_add_loop_test(t, way, 0, NROWS(rows));
	return t;
}
