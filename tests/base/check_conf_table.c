#include <stdio.h>
#include <stdlib.h>

#include "base/conf.h"
#include "room.h"

/* What the compiler cannot see in the table. */
START_TEST(rows)
{
	const struct conf_row *r, *last = NULL;
	union {
		struct conf c;
		struct conf_provider p;
		struct conf_model m;
	} into;
	struct arena *a = arena_new(4096, 1 << 20);
	struct err e = { 0 };

	for (r = conf_rows; r->name != NULL; last = r++) {
		ck_assert_msg(last == NULL || last->scope < r->scope ||
			(last->scope == r->scope &&
			    strcmp(last->name, r->name) < 0),
		    "%s is not in its place", r->name);
		ck_assert_msg(conf_set(r, &into, str_from(r->def), a, &e) == 0,
		    "%s: %s", r->name, e.msg);
		ck_assert_msg(
		    r->text[strlen(r->text) - 1] == '.', "%s", r->name);
		ck_assert_msg((r->type == CONF_WORD) == (r->words != NULL),
		    "%s", r->name);
		ck_assert_msg(
		    (r->type >= CONF_INT) == (r->max > r->min), "%s", r->name);
		ck_assert_ptr_eq(conf_row(r->scope, str_from(r->name)), r);
	}
	ck_assert_int_lt(r - conf_rows, 128);
	ck_assert_ptr_null(conf_row(CONF_MODEL, STR("log_level")));
	ck_assert_ptr_null(conf_row(CONF_MODEL, STR("")));
	arena_free(a);
}
END_TEST

/* Every setting is in the manual, with its default. */
START_TEST(manual)
{
	const struct conf_row *r;
	char *p = NULL, item[100];
	size_t n = 0;
	FILE *f = open_memstream(&p, &n);

	conf_manual(f);
	fclose(f);
	ck_assert(strncmp(p, ".Sh SETTINGS\n", 13) == 0);
	for (r = conf_rows; r->name != NULL; r++) {
		snprintf(item, sizeof(item), "\n.It Ic %s No =", r->name);
		ck_assert_msg(strstr(p, item) != NULL, "%s", r->name);
	}
	ck_assert_ptr_nonnull(strstr(p, "\nDefault:\n.Ql 32m .\n"));
	ck_assert_ptr_nonnull(strstr(p, "Cm flat | Cm openai"));
	free(p);
}
END_TEST

CASE(case_conf_table)
{
	TCase *t = tcase_create("conf_table");

	tcase_add_test(t, rows);
	tcase_add_test(t, manual);
	return t;
}
