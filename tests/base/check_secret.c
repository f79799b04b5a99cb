#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scratch.h"
#include "base/secret.h"
#include "room.h"

static const struct {
	const char *text;
	mode_t mode;
	const char *secret; /* or "" and the error holds: */
	const char *why;
} files[] = {
	{ "one", 0600, "one", "" },
	{ "one\n", 0400, "one", "" },
	{ "one two \r\nthree\n", 0600, "one two ", "" },
	{ "one\n", 0640, "", "mode 0640" },
	{ "one\n", 0604, "", "mode 0604" },
	{ "", 0600, "", "first line is empty" },
	{ "\none\n", 0600, "", "first line is empty" },
};

START_TEST(read_file)
{
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 8];
	struct secret s = { 0 };
	struct err e = { 0 };
	int rc;

	scratch_begin(dir);
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(
	    file_write(path, str_from(files[_i].text), files[_i].mode, &e), 0);
	rc = secret_read(&s, path, &e);
	ck_assert_int_eq(rc, files[_i].secret[0] == '\0' ? -1 : 0);
	if (rc == 0)
		ck_assert(str_is(secret_str(&s), files[_i].secret));
	else {
		ck_assert_ptr_nonnull(strstr(e.msg, files[_i].why));
		ck_assert_ptr_nonnull(strstr(e.msg, path));
	}
	secret_free(&s);
	scratch_end(dir);
}
END_TEST

/* Others' files are refused, those of systemd's credentials are not. */
START_TEST(owners)
{
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];
	struct secret s = { 0 };
	struct err e = { 0 };

	scratch_begin(dir);
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(file_write(path, STR("one"), 0440, &e), 0);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	ck_assert_int_eq(secret_read(&s, path, &e), 0);
	snprintf(path, sizeof(path), "%s/../%s/f", dir, strrchr(dir, '/'));
	ck_assert_int_eq(secret_read(&s, path, &e), -1);
	unsetenv("CREDENTIALS_DIRECTORY");
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(secret_read(&s, path, &e), -1);
	ck_assert_int_eq(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 1234, 1234), 0);
		ck_assert_int_eq(secret_read(&s, path, &e), -1);
		ck_assert_ptr_nonnull(strstr(e.msg, "another user"));
	}
	ck_assert_int_eq(secret_read(&s, dir, &e), -1);
	secret_free(&s);
	scratch_end(dir);
}
END_TEST

START_TEST(set)
{
	struct secret s = { 0 };

	ck_assert_ptr_null(secret_str(&s).p);
	secret_set(&s, STR("one"));
	ck_assert(str_is(secret_str(&s), "one"));
	ck_assert_int_eq(s.bytes[3], '\0');
	secret_set(&s, STR("other"));
	ck_assert(str_is(secret_str(&s), "other"));
	secret_set(&s, STR_NONE);
	ck_assert_ptr_null(secret_str(&s).p);
	secret_free(&s);
	secret_free(&s);
}
END_TEST

CASE(case_secret)
{
	TCase *t = tcase_create("secret");

	tcase_add_loop_test(t, read_file, 0, NROWS(files));
	tcase_add_test(t, owners);
	tcase_add_test(t, set);
	return t;
}
