#include <stdio.h>
#include <sys/stat.h>

#include "base/cgroup.h"
#include "base/file.h"
#include "base/scratch.h"
#include "room.h"

static char root[SCRATCH_PATH];

static void
setup(void)
{
	scratch_begin(root);
}

static void
teardown(void)
{
	scratch_end(root);
}

static const char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void
file(const char *name, const char *text)
{
	struct err e = { 0 };

	ck_assert_int_eq(
	    file_write(path_of(name), str_from(text), 0600, &e), 0);
}

static void
group(const char *dir, const char *limit, const char *used, bool v1)
{
	char name[200];
	struct err e = { 0 };

	ck_assert_int_eq(file_mkdir(path_of(dir), 0700, &e), 0);
	snprintf(name, sizeof(name), "%s/%s", dir,
	    v1 ? "memory.limit_in_bytes" : "memory.max");
	file(name, limit);
	snprintf(name, sizeof(name), "%s/%s", dir,
	    v1 ? "memory.usage_in_bytes" : "memory.current");
	file(name, used);
	snprintf(name, sizeof(name), "%s/memory.stat", dir);
	file(name,
	    v1 ? "cache 5\ninactive_file 7\ntotal_inactive_file 100\n" :
		 "anon 5\ninactive_file 100\n");
}

static int
now_of(const char *self)
{
	struct cgroup c;
	char proc[256];

	file("self", self);
	snprintf(proc, sizeof(proc), "%s", path_of("self"));
	cgroup_find(&c, proc, root);
	return cgroup_memory(&c);
}

START_TEST(version_2)
{
	group("a.slice/b.service", "10000\n", "9100\n", false);
	ck_assert_int_eq(now_of("0::/a.slice/b.service\n"), 89);
	group("a.slice/b.service", "10000\n", "9500\n", false);
	ck_assert_int_eq(now_of("0::/a.slice/b.service\n"), 93);
	group("a.slice/b.service", "max\n", "9500\n", false);
	ck_assert_int_eq(now_of("0::/a.slice/b.service\n"), 0);
	/* The limit of a level above counts as well, the tightest most. */
	group("a.slice", "20000\n", "19100\n", false);
	ck_assert_int_eq(now_of("0::/a.slice/b.service\n"), 94);
	group("a.slice/b.service", "9000\n", "9000\n", false);
	ck_assert_int_eq(now_of("0::/a.slice/b.service\n"), 97);
}
END_TEST

START_TEST(version_1)
{
	group("memory/x", "10000\n", "9500\n", true);
	ck_assert_int_eq(
	    now_of("5:devices:/\n4:memory:/x\n1:cpu:/y\n0::/\n"), 93);
	group("memory/x", "9223372036854771712\n", "9500\n", true);
	ck_assert_int_eq(now_of("4:memory:/x\n0::/\n"), 0);
}
END_TEST

START_TEST(container)
{
	group("memory", "10000\n", "5100\n", true);
	ck_assert_int_eq(now_of("4:memory:/not/seen/here\n"), 49);
	group(".", "10000\n", "2100\n", false);
	ck_assert_int_eq(now_of("0::/not/seen/here\n"), 19);
	ck_assert_int_eq(now_of("0::/\n"), 19);
}
END_TEST

static const char *const strange[] = { "", "\n", "0", "4:memory", "memory",
	"0::", "::::", "4:memory:" };

START_TEST(nothing_to_read)
{
	ck_assert_int_eq(now_of(strange[_i]), 0);
}
END_TEST

CASE(case_cgroup)
{
	TCase *t = tcase_create("cgroup");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, version_2);
	tcase_add_test(t, version_1);
	tcase_add_test(t, container);
	tcase_add_loop_test(t, nothing_to_read, 0, (int)NROWS(strange));
	return t;
}
