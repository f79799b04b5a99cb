#include <string.h>

#include "base/hash.h"
#include "http/traceparent.h"
#include "room.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static const struct {
	const char *text;
	bool good, sampled;
} rows[] = {
	{ "00-" TRACE "-" SPAN "-01", true, true },
	{ " 00-" TRACE "-" SPAN "-00 ", true, false },
	{ "00-" TRACE "-" SPAN "-03", true, true },
	{ "cc-" TRACE "-" SPAN "-01", true, true },
	{ "cc-" TRACE "-" SPAN "-01-what-will-be", true, true },
	{ "cc-" TRACE "-" SPAN "-01.what", false, false },
	{ "00-" TRACE "-" SPAN "-01-more", false, false },
	{ "ff-" TRACE "-" SPAN "-01", false, false },
	{ "00-00000000000000000000000000000000-" SPAN "-01", false, false },
	{ "00-" TRACE "-0000000000000000-01", false, false },
	{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, false },
	{ "00-" TRACE "-" SPAN "-0x", false, false },
	{ "00_" TRACE "-" SPAN "-01", false, false },
	{ "00-" TRACE "-" SPAN, false, false },
	{ "", false, false },
};

START_TEST(headers)
{
	struct traceparent t;
	char trace[33], span[17];

	ck_assert_msg(traceparent_read(str_from(rows[_i].text), &t) ==
		rows[_i].good,
	    "%s", rows[_i].text);
	if (!rows[_i].good)
		return;
	hash_hex(t.trace, 16, trace);
	hash_hex(t.parent, 8, span);
	ck_assert_str_eq(trace, TRACE);
	ck_assert_str_eq(span, SPAN);
	ck_assert(t.sampled == rows[_i].sampled);
}
END_TEST

START_TEST(absent)
{
	struct traceparent t;

	ck_assert(!traceparent_read(STR_NONE, &t));
}
END_TEST

CASE(case_traceparent)
{
	TCase *t = tcase_create("traceparent");

	tcase_add_loop_test(t, headers, 0, NROWS(rows));
	tcase_add_test(t, absent);
	return t;
}
