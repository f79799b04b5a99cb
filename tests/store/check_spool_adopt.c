/* Processes that die: each is a child that is killed, or leaves without end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scratch.h"
#include "room.h"
#include "store/spool.h"

static struct spool *
open_in(const char *dir)
{
	struct err e = { 0 };
	struct spool *s;

	if (spool_open(&s, dir, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return s;
}

/* 1 and 2 are started, 1 ends; then SIGKILL. */
static void
die_between(const char *dir)
{
	struct spool *s = open_in(dir);
	struct spool_segment *g, *h;
	struct err e = { 0 };

	spool_start(s, STR("{\"id\":\"log_1\",\"a\":1}"), &g, &e);
	spool_start(s, STR("{\"id\":\"log_2\",\"a\":1}"), &h, &e);
	spool_end(s, STR("{\"id\":\"log_1\",\"b\":2}"), g, &e);
	raise(SIGKILL);
}

static void
let_die(const char *dir)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		die_between(dir);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}

START_TEST(killed)
{
	char dir[SCRATCH_PATH];
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct spool_record *r;
	struct err e = { 0 };
	struct spool *s, *other;

	scratch_begin(dir);
	let_die(dir);
	s = open_in(dir);
	other = open_in(dir);
	ck_assert_int_eq(spool_adopt(s, a, &r, &e), 3);
	ck_assert(!r[0].orphan && r[1].orphan && !r[2].orphan);
	ck_assert_int_eq(r[2].kind, SPOOL_END);
	ck_assert(str_is(r[1].json, "{\"id\":\"log_2\",\"a\":1}"));
	ck_assert_msg(spool_adopt(other, a, &r, &e) == 0, "only one adopts");
	/* The commit failed: it comes again, to whoever asks first. */
	ck_assert_int_eq(spool_adopt(s, a, &r, &e), 3);
	spool_adopted(s);
	ck_assert_int_eq(spool_adopt(s, a, &r, &e), 0);
	ck_assert_int_eq(spool_adopt(other, a, &r, &e), 0);
	spool_close(s);
	spool_close(other);
	arena_free(a);
	scratch_end(dir);
}
END_TEST

/* Adopt for as long as there is anything; the count of ENDs is the status. */
static int
adopt_all(const char *dir)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct spool *s = open_in(dir);
	struct spool_record *r;
	struct err e = { 0 };
	int n, ends = 0, idle = 0;

	while (idle < 20) {
		n = spool_adopt(s, a, &r, &e);
		for (int i = 0; i < n; i++)
			ends += r[i].kind == SPOOL_END;
		idle = n > 0 ? 0 : idle + 1;
		usleep(2000);
		spool_adopted(s);
	}
	spool_close(s);
	arena_free(a);
	return ends;
}

START_TEST(once)
{
	char dir[SCRATCH_PATH];
	int status, ends = 0;
	pid_t pids[2];

	scratch_begin(dir);
	for (int i = 0; i < 10; i++)
		let_die(dir);
	for (int i = 0; i < 2; i++)
		if ((pids[i] = fork()) == 0)
			_exit(adopt_all(dir));
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ends += WEXITSTATUS(status);
	}
	ck_assert_int_eq(ends, 10);
	scratch_end(dir);
}
END_TEST

/* A START of the first segment whose END is in the second: no orphan. */
static void
die_later(const char *dir)
{
	static char text[1 << 20];
	struct spool *s = open_in(dir);
	struct spool_segment *g;
	struct err e = { 0 };

	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"id\":\"log_9\",\"x\":\"", 19);
	spool_start(s, STR("{\"id\":\"log_1\",\"a\":1}"), &g, &e);
	for (int i = 0; i < 17; i++)
		spool_end(s, (struct str){ text, sizeof(text) }, NULL, &e);
	spool_end(s, STR("{\"id\":\"log_1\",\"b\":2}"), g, &e);
	raise(SIGKILL);
}

START_TEST(newest_first)
{
	char dir[SCRATCH_PATH];
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct spool_record *r;
	struct err e = { 0 };
	struct spool *s;
	int status, n;
	pid_t pid;

	scratch_begin(dir);
	if ((pid = fork()) == 0) {
		die_later(dir);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	s = open_in(dir);
	ck_assert_int_gt(n = spool_adopt(s, a, &r, &e), 0);
	ck_assert(str_is(r[n - 1].json, "{\"id\":\"log_1\",\"b\":2}"));
	spool_adopted(s);
	ck_assert_int_gt(spool_adopt(s, a, &r, &e), 1);
	ck_assert_int_eq(r[0].kind, SPOOL_START);
	spool_adopted(s);
	ck_assert_int_eq(spool_adopt(s, a, &r, &e), 0);
	spool_close(s);
	arena_free(a);
	scratch_end(dir);
}
END_TEST

#define DEAD "0000000000000000dead.00000001"

/* The bytes of a file of three records. */
static struct str
sample(struct arena *a)
{
	char dir[SCRATCH_PATH], cmd[256], path[SCRATCH_PATH + 40];
	struct err e = { 0 };
	struct str text;

	scratch_begin(dir);
	let_die(dir);
	snprintf(path, sizeof(path), "%s/" DEAD, dir);
	snprintf(cmd, sizeof(cmd), "mv %s/*.00000001 %s", dir, path);
	ck_assert_int_eq(system(cmd), 0);
	ck_assert_int_eq(file_read(a, path, 1 << 20, &text, &e), 0);
	scratch_end(dir);
	return text;
}

/* How many records come of a file with these bytes. */
static int
adopt_bytes(struct str text)
{
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 40];
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct spool *s;
	struct spool_record *r;
	struct err e = { 0 };
	int n;

	scratch_begin(dir);
	s = open_in(dir);
	snprintf(path, sizeof(path), "%s/" DEAD, dir);
	ck_assert_int_eq(file_write(path, text, 0600, &e), 0);
	n = spool_adopt(s, a, &r, &e);
	ck_assert_int_ge(n, 0);
	for (int i = 0; i < n; i++)
		ck_assert(r[i].json.n == 20 && r[i].json.p[0] == '{');
	spool_adopted(s);
	ck_assert_int_ne(access(path, F_OK), 0);
	spool_close(s);
	scratch_end(dir);
	arena_free(a);
	return n;
}

START_TEST(torn)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct str text = sample(a);
	size_t one = text.n / 3;

	ck_assert_uint_eq(text.n % 3, 0);
	for (size_t n = 0; n <= text.n; n++)
		ck_assert_int_eq(
		    adopt_bytes((struct str){ text.p, n }), (int)(n / one));
	arena_free(a);
}
END_TEST

START_TEST(flipped)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct str text = sample(a), bad;
	size_t one = text.n / 3;
	char *p;

	for (size_t i = 0; i < text.n; i++) {
		bad = arena_dup(a, text);
		memcpy(&p, &bad.p, sizeof(p));
		p[i] = (char)(p[i] ^ 1 << i % 8);
		ck_assert_msg(
		    adopt_bytes(bad) == (int)(i / one), "byte %zu", i);
	}
	arena_free(a);
}
END_TEST

CASE(case_spool_adopt)
{
	TCase *t = tcase_create("spool_adopt");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, killed);
	tcase_add_test(t, once);
	tcase_add_test(t, newest_first);
	tcase_add_test(t, torn);
	tcase_add_test(t, flipped);
	return t;
}
