#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scratch.h"
#include "room.h"

START_TEST(write_and_read)
{
	struct arena *a = arena_new(64, 1 << 20);
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 8];
	struct err e = { 0 };
	struct stat st;
	struct str s;

	scratch_begin(dir);
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(file_write(path, STR("one\0two"), 0640, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(file_read(a, path, 7, &s, &e), 0);
	ck_assert(str_eq(s, STR("one\0two")));
	ck_assert_int_eq(s.p[7], '\0');
	ck_assert_int_eq(file_read(a, path, 6, &s, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "larger than 6 bytes"));
	ck_assert_int_eq(file_write(path, STR(""), 0600, &e), 0);
	ck_assert_int_eq(file_read(a, path, 6, &s, &e), 0);
	ck_assert_ptr_nonnull(s.p);
	ck_assert_uint_eq(s.n, 0);
	/* Nothing is left beside it: the directory can go. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(file_read(a, path, 6, &s, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "No such file"));
	ck_assert_int_eq(file_write(path, STR("x"), 0600, &e), -1);
	arena_free(a);
}
END_TEST

START_TEST(directories)
{
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];
	struct err e = { 0 };
	struct stat st;

	scratch_begin(dir);
	snprintf(path, sizeof(path), "%s/a//b/c", dir);
	ck_assert_int_eq(file_mkdir(path, 0750, &e), 0);
	ck_assert_int_eq(file_mkdir(path, 0750, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(file_write(path, STR("x"), 0600, &e), 0);
	ck_assert_int_eq(file_mkdir(path, 0750, &e), -1);
	snprintf(path, sizeof(path), "%s/f/g", dir);
	ck_assert_int_eq(file_mkdir(path, 0750, &e), -1);
	ck_assert_int_eq(file_mkdir("", 0750, &e), -1);
	scratch_end(dir);
}
END_TEST

CASE(case_file)
{
	TCase *t = tcase_create("file");

	tcase_add_test(t, write_and_read);
	tcase_add_test(t, directories);
	return t;
}
