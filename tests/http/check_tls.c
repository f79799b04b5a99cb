#include <stdio.h>
#include <string.h>

#include "base/scratch.h"
#include "http/certificate.h"
#include "http/tls.h"
#include "room.h"

static char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];

static void
begin(void)
{
	scratch_begin(dir);
	snprintf(path, sizeof(path), "%s/file.pem", dir);
}

/* What is wrong with the file, by the two checks; NULL: nothing. */
static void
expect(const char *ca, const char *certificate)
{
	struct err e = { 0 };

	ck_assert_int_eq(tls_check_ca(path, &e), ca == NULL ? 0 : -1);
	if (ca != NULL)
		ck_assert_msg(strstr(e.msg, ca) != NULL, "%s", e.msg);
	e = (struct err){ 0 };
	ck_assert_int_eq(
	    tls_check_certificate(path, &e), certificate == NULL ? 0 : -1);
	if (certificate != NULL)
		ck_assert_msg(strstr(e.msg, certificate) != NULL, "%s", e.msg);
	ck_assert_msg(
	    e.msg[0] == '\0' || strstr(e.msg, path) != NULL, "%s", e.msg);
}

START_TEST(files)
{
	struct err e = { 0 };
	FILE *f;

	begin();
	expect("cannot read", "cannot read");
	f = fopen(path, "w");
	fputs("-----BEGIN CERTIFICATE-----\nnot one\n", f);
	fclose(f);
	expect("no certificate", "no certificate");
	certificate_write(path, KEY_NONE);
	expect(NULL, "no key");
	certificate_write(path, KEY_FOREIGN);
	expect(NULL, "a key of another certificate");
	certificate_write(path, KEY_OWN);
	expect(NULL, NULL);
	ck_assert_int_eq(tls_check_ca("", &e), 0);
	ck_assert_int_eq(tls_check_certificate(NULL, &e), 0);
	scratch_end(dir);
}
END_TEST

CASE(case_tls)
{
	TCase *t = tcase_create("tls");

	tcase_add_test(t, files);
	return t;
}
