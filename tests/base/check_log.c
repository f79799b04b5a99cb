#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/scratch.h"
#include "room.h"

struct place {
	char dir[SCRATCH_PATH];
	char path[SCRATCH_PATH + 8];
	struct arena *a;
	struct log log;
};

static void
begin(struct place *p, const char *level)
{
	struct err e = { 0 };

	scratch_begin(p->dir);
	snprintf(p->path, sizeof(p->path), "%s/log", p->dir);
	p->a = arena_new(1024, 1 << 20);
	ck_assert_int_eq(log_open(&p->log, "chat", level, p->path, &e), 0);
}

/* What was written, without the time. */
static const char *
written(struct place *p)
{
	struct err e = { 0 };
	struct str s;

	ck_assert_int_eq(file_read(p->a, p->path, 1 << 20, &s, &e), 0);
	if (s.n == 0)
		return "";
	ck_assert(str_starts(s, "t=20"));
	ck_assert_int_eq(s.p[s.n - 1], '\n');
	ck_assert_ptr_eq(memchr(s.p, '\n', s.n), s.p + s.n - 1);
	return strchr(s.p, ' ') + 1;
}

static void
end(struct place *p)
{
	log_close(&p->log);
	arena_free(p->a);
	scratch_end(p->dir);
}

#define HEAD "level=info program=chat "

static const struct {
	struct str in;
	const char *out;
} values[] = {
	{ STR("plain/1.0"), "k=plain/1.0\n" },
	{ STR(""), "k=\"\"\n" },
	{ STR("a b"), "k=\"a b\"\n" },
	{ STR("a=b"), "k=\"a=b\"\n" },
	{ STR("say \"x\\y\""), "k=\"say \\\"x\\\\y\\\"\"\n" },
	{ STR("a\nlevel=error"), "k=\"a\\nlevel=error\"\n" },
	{ STR("\r\0\x1b\x7f"), "k=\"\\x0d\\x00\\x1b\\x7f\"\n" },
	{ STR("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
	    "k=\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"\n" },
	{ STR("\xc2\x85\x9b"), "k=\"\\xc2\\x85\\x9b\"\n" }, /* C1 */
	{ STR("\xc0\x8a\xed\xa0\x80"), /* overlong, surrogate */
	    "k=\"\\xc0\\x8a\\xed\\xa0\\x80\"\n" },
	{ STR("\xe2\x82"), "k=\"\\xe2\\x82\"\n" }, /* cut */
	{ STR("\xf4\x90\x80\x80\xff"), "k=\"\\xf4\\x90\\x80\\x80\\xff\"\n" },
};

START_TEST(value)
{
	struct place p;
	struct logline l;
	char want[256];

	begin(&p, "info");
	logline_start(&l, &p.log, LOG_INFO_);
	logline_str(&l, "none", STR_NONE);
	logline_str(&l, "k", values[_i].in);
	logline_write(&l, &p.log);
	snprintf(want, sizeof(want), HEAD "%s", values[_i].out);
	ck_assert_str_eq(written(&p), want);
	end(&p);
}
END_TEST

START_TEST(fields)
{
	struct place p;
	struct logline l;
	char many[600];

	memset(many, 'x', sizeof(many));
	begin(&p, "info");
	logline_start(&l, &p.log, LOG_INFO_);
	logline_int(&l, "n", -5);
	logline_str(&l, "k", (struct str){ many, sizeof(many) });
	logline_write(&l, &p.log);
	ck_assert_uint_eq(strlen(written(&p)), strlen(HEAD "n=-5 k=\n") + 512);
	end(&p);
}
END_TEST

START_TEST(levels)
{
	struct place p;
	struct err e = { 0 };

	begin(&p, "warn");
	log_say(&p.log, LOG_INFO_, "not said");
	ck_assert_str_eq(written(&p), "");
	log_say(&p.log, LOG_WARN_, "it is %d", 5);
	ck_assert_str_eq(
	    written(&p), "level=warn program=chat msg=\"it is 5\"\n");
	end(&p);
	ck_assert_int_eq(log_open(&p.log, "x", "loud", "", &e), -1);
	ck_assert_int_eq(log_open(&p.log, "x", "info", "/none/x", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "/none/x"));
}
END_TEST

START_TEST(long_prose)
{
	struct place p;
	char *many = calloc(1, 5001);

	memset(many, '\n', 5000);
	begin(&p, "debug");
	log_say(&p.log, LOG_DEBUG_, "%s", many);
	ck_assert_uint_eq(strlen(written(&p)),
	    strlen("level=debug program=chat msg=\"\"\n") + 2 * 2048);
	end(&p);
	free(many);
}
END_TEST

START_TEST(full_disk)
{
	struct log l;
	struct err e = { 0 };

	ck_assert_int_eq(log_open(&l, "chat", "info", "/dev/full", &e), 0);
	log_say(&l, LOG_INFO_, "lost");
	log_say(&l, LOG_INFO_, "lost");
	ck_assert_uint_eq(l.dropped, 2);
	log_close(&l);
}
END_TEST

CASE(case_log)
{
	TCase *t = tcase_create("log");

	tcase_add_loop_test(t, value, 0, NROWS(values));
	tcase_add_test(t, fields);
	tcase_add_test(t, levels);
	tcase_add_test(t, long_prose);
	tcase_add_test(t, full_disk);
	return t;
}
