#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

static struct str
record(struct arena *a, int id, const char *rest)
{
	return arena_fmt(a, "{\"id\":\"log_%d\",%s}", id, rest);
}

static struct spool_segment *
start(struct spool *s, struct arena *a, int id)
{
	struct spool_segment *g;
	struct err e = { 0 };

	if (spool_start(s, record(a, id, "\"a\":1"), &g, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return g;
}

static void
end(struct spool *s, struct arena *a, int id, struct spool_segment *g)
{
	struct err e = { 0 };

	if (spool_end(s, record(a, id, "\"b\":2"), g, &e) == -1)
		ck_abort_msg("%s", e.msg);
}

/* Files whose name is that of a segment. */
static int
segments(const char *dir)
{
	struct dirent *d;
	DIR *dp = opendir(dir);
	int n = 0;

	while ((d = readdir(dp)) != NULL)
		n += strlen(d->d_name) == 29 && d->d_name[20] == '.';
	closedir(dp);
	return n;
}

START_TEST(order)
{
	char dir[SCRATCH_PATH];
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct spool_record r[8];
	struct err e = { 0 };
	struct spool_segment *g;
	struct spool *s;

	scratch_begin(dir);
	s = open_in(dir);
	g = start(s, a, 1);
	end(s, a, 2, NULL);
	end(s, a, 1, g);
	ck_assert_int_eq(spool_depth(s), 3);
	ck_assert_int_eq(spool_take(s, a, r, 8, &e), 3);
	ck_assert_int_eq(r[0].kind, SPOOL_START);
	ck_assert(str_eq(r[0].json, record(a, 1, "\"a\":1")));
	ck_assert(str_eq(r[1].json, record(a, 2, "\"b\":2")));
	ck_assert_int_eq(r[2].kind, SPOOL_END);
	ck_assert(!r[0].orphan);
	/* Nothing was committed: they come again. */
	ck_assert_int_eq(spool_take(s, a, r, 2, &e), 2);
	ck_assert(str_eq(r[1].json, record(a, 2, "\"b\":2")));
	spool_shipped(s);
	ck_assert_int_eq(spool_depth(s), 1);
	ck_assert_int_eq(spool_take(s, a, r, 8, &e), 1);
	ck_assert_int_eq(spool_sync(s), 0);
	spool_shipped(s);
	ck_assert_int_eq(spool_depth(s), 0);
	ck_assert_int_eq(spool_take(s, a, r, 8, &e), 0);
	ck_assert_int_eq(segments(dir), 1);
	spool_close(s);
	ck_assert_int_eq(segments(dir), 0);
	arena_free(a);
	scratch_end(dir);
}
END_TEST

/* 16 MiB of records of 1 MiB less a little. */
static struct str
big(struct arena *a, int id)
{
	struct str s = record(a, id, "\"x\":\"");
	char *p = arena_zalloc(a, SPOOL_MAX);

	memset(p, 'x', SPOOL_MAX);
	memcpy(p, s.p, s.n - 1);
	memcpy(p + SPOOL_MAX - 2, "\"}", 2);
	return (struct str){ p, SPOOL_MAX };
}

static int
take_all(struct spool *s, struct arena *a)
{
	struct spool_record r[4];
	struct err e = { 0 };
	int n, all = 0;

	while ((n = spool_take(s, a, r, 4, &e)) > 0) {
		spool_shipped(s);
		all += n;
	}
	ck_assert_int_eq(n, 0);
	return all;
}

/* A START with its END, one alone, and an END of an older START, in one write. */
START_TEST(together)
{
	struct arena *a = arena_new(4096, 64 << 20);
	char dir[SCRATCH_PATH];
	struct spool_record v[8];
	struct spool *s;
	struct err e = { 0 };
	struct spool_put p[] = {
		{ .kind = SPOOL_START, .json = record(a, 1, "\"a\":1") },
		{ .kind = SPOOL_START, .json = record(a, 2, "\"a\":1") },
		{ .kind = SPOOL_END, .json = record(a, 1, "\"b\":2") },
		{ .kind = SPOOL_END, .json = record(a, 0, "\"b\":2") },
	};
	int i;

	scratch_begin(dir);
	s = open_in(dir);
	p[2].start = 0;
	p[3].start = -1;
	p[3].segment = start(s, a, 0);
	spool_put_all(s, p, (int)NROWS(p));
	for (i = 0; i < (int)NROWS(p); i++)
		ck_assert_int_eq(p[i].rc, 0);
	ck_assert_ptr_nonnull(p[1].segment);
	ck_assert_int_eq(spool_take(s, a, v, 8, &e), 5);
	ck_assert_int_eq(v[0].kind, SPOOL_START);
	for (i = 0; i < (int)NROWS(p); i++) {
		ck_assert_int_eq(v[i + 1].kind, p[i].kind);
		ck_assert(str_eq(v[i + 1].json, p[i].json));
	}
	spool_shipped(s);
	/* Record 2 has no END, so its segment stays. */
	spool_close(s);
	ck_assert_int_eq(segments(dir), 1);
	scratch_end(dir);
	arena_free(a);
}
END_TEST

START_TEST(rotation)
{
	char dir[SCRATCH_PATH];
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct spool_segment *g, *unused;
	struct err e = { 0 };
	struct spool *s;
	struct str text;

	scratch_begin(dir);
	s = open_in(dir);
	text = big(a, 5);
	g = start(s, a, 1);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(spool_end(s, text, NULL, &e), 0);
	ck_assert_int_eq(segments(dir), 3);
	ck_assert_int_eq(take_all(s, a), 41);
	ck_assert_msg(segments(dir) == 2, "the open start keeps the first");
	end(s, a, 1, g);
	ck_assert_int_eq(take_all(s, a), 1);
	spool_shipped(s);
	ck_assert_int_eq(segments(dir), 1);
	ck_assert_int_eq(spool_depth(s), 0);
	text.n++;
	ck_assert_int_eq(spool_start(s, text, &unused, &e), -1);
	ck_assert_int_eq(e.code, ERR_TOO_LARGE);
	spool_close(s);
	arena_free(a);
	scratch_end(dir);
}
END_TEST

/* In a child with a limit on the size of files, which looks like no room. */
static int
fill_up(const char *dir)
{
	const struct rlimit limit = { 4096, 4096 };
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct spool_segment *g, *last = NULL;
	struct spool *s = open_in(dir);
	struct err e = { 0 };
	int n = 0;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	while (spool_start(s, record(a, n, "\"a\":1"), &g, &e) == 0) {
		last = g;
		if (++n > 1000)
			return 1;
	}
	if (e.code != ERR_STORE || e.retry_after != 5 || g != NULL)
		return 2;
	if (spool_end(s, record(a, n - 1, "\"b\":2"), last, &e) == -1)
		return 3;
	if (spool_start(s, record(a, n, "\"a\":1"), &g, &e) == 0)
		return 4;
	/* What was written in part was cut off: all can be read. */
	if (take_all(s, a) != n + 1)
		return 5;
	spool_close(s);
	arena_free(a);
	return 0;
}

START_TEST(disk_full)
{
	char dir[SCRATCH_PATH];
	int status;
	pid_t pid;

	scratch_begin(dir);
	if ((pid = fork()) == 0)
		_exit(fill_up(dir));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "step %d", WEXITSTATUS(status));
	scratch_end(dir);
}
END_TEST

START_TEST(reserve)
{
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];
	struct stat st;

	scratch_begin(dir);
	spool_close(open_in(dir));
	snprintf(path, sizeof(path), "%s/reserve", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 64 << 20);
	scratch_end(dir);
}
END_TEST

CASE(case_spool)
{
	TCase *t = tcase_create("spool");

	tcase_add_test(t, order);
	tcase_add_test(t, together);
	tcase_add_test(t, rotation);
	tcase_add_test(t, disk_full);
	tcase_add_test(t, reserve);
	return t;
}
