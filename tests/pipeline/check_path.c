#include "pipeline/path.h"
#include "room.h"

/* What is asked, what path it is; NULL means refused. */
static const struct {
	const char *uri;
	const char *path;
	const char *query;
} cases[] = {
	{ "/", "/", NULL },
	{ "/?skip=redis", "/", "skip=redis" },
	{ "/v1/models", "/v1/models", NULL },
	{ "/v1/models/", "/v1/models", NULL },
	{ "/v1/models//", NULL, NULL },
	{ "/v1/m%6Fdels?a=%6F", "/v1/models", "a=%6F" },
	{ "/v1//models", NULL, NULL },
	{ "/v1/./models", NULL, NULL },
	{ "/v1/../models", NULL, NULL },
	{ "/v1/%2e%2e/models", NULL, NULL },
	{ "/v1%2Fmodels", NULL, NULL },
	{ "/v1%2fmodels", NULL, NULL },
	{ "/v1/models%00", NULL, NULL },
	{ "/v1/models%", NULL, NULL },
	{ "/v1/models%4", NULL, NULL },
	{ "/v1/models%zz", NULL, NULL },
	{ "v1/models", NULL, NULL },
	{ "", NULL, NULL },
	{ "/v1/models/a+b", "/v1/models/a+b", NULL },
	{ "/v1/models/%252F", "/v1/models/%2F", NULL },
};

START_TEST(decode)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct str path, query;
	int rc;

	rc = path_decode(a, str_from(cases[_i].uri), &path, &query);
	if (cases[_i].path == NULL)
		ck_assert_msg(rc == -1, "%s: accepted", cases[_i].uri);
	else {
		ck_assert_msg(rc == 0, "%s: refused", cases[_i].uri);
		ck_assert_msg(str_is(path, cases[_i].path), "%s: %.*s",
		    cases[_i].uri, STR_ARG(path));
		if (cases[_i].query != NULL)
			ck_assert(str_is(query, cases[_i].query));
		else
			ck_assert_ptr_null(query.p);
	}
	arena_free(a);
}
END_TEST

CASE(case_path)
{
	TCase *t = tcase_create("path");

	tcase_add_loop_test(t, decode, 0, NROWS(cases));
	return t;
}
