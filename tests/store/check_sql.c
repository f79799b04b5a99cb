#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "room.h"
#include "store/sql.h"

struct place {
	char dir[SCRATCH_PATH];
	char path[SCRATCH_PATH + 8];
	char url[SCRATCH_PATH + 16];
};

static struct sql *
open_mode(const struct place *p, enum sql_mode mode)
{
	struct err e = { 0 };
	struct sql *s;

	if (sql_open(&s, p->url, mode, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return s;
}

static struct sql *
begin(struct place *p)
{
	scratch_begin(p->dir);
	snprintf(p->path, sizeof(p->path), "%s/t.db", p->dir);
	snprintf(p->url, sizeof(p->url), "sqlite:%s", p->path);
	return open_mode(p, SQL_WRITE);
}

static void
end(struct place *p, struct sql *s)
{
	sql_close(s);
	scratch_end(p->dir);
}

static void
run(struct sql *s, const char *text)
{
	struct err e = { 0 };

	ck_assert_msg(sql_exec(s, text, &e) == 0, "%s: %s", text, e.msg);
}

static int64_t
ask(struct sql *s, const char *text)
{
	struct err e = { 0 };
	struct sql_stmt *st = sql_prepare(s, text, &e);
	int64_t v;

	ck_assert_msg(st != NULL, "%s", e.msg);
	ck_assert_int_eq(sql_step(st, &e), 1);
	v = sql_int(st, 0);
	sql_done(st);
	return v;
}

START_TEST(values)
{
	struct err e = { 0 };
	struct sql_stmt *st;
	struct place p;
	struct sql *s = begin(&p);

	run(s, "CREATE TABLE t(i INTEGER, s TEXT, b BLOB, n TEXT)");
	st = sql_prepare(s, "INSERT INTO t VALUES (?1, ?2, ?3, ?4)", &e);
	sql_bind_int(st, 1, INT64_MIN);
	sql_bind_str(st, 2, STR(""));
	sql_bind_blob(st, 3, (struct str){ "a\0b", 3 });
	sql_bind_str(st, 4, STR_NONE);
	ck_assert_int_eq(sql_step(st, &e), 0);
	sql_done(st);
	ck_assert_int_eq(sql_changes(s), 1);
	st = sql_prepare(s, "SELECT i, s, b, n AS last FROM t", &e);
	ck_assert_int_eq(sql_step(st, &e), 1);
	ck_assert(sql_int(st, 0) == INT64_MIN);
	ck_assert(sql_str(st, 1).p != NULL && sql_str(st, 1).n == 0);
	ck_assert(str_eq(sql_str(st, 2), (struct str){ "a\0b", 3 }));
	ck_assert(sql_is_null(st, 3) && sql_str(st, 3).p == NULL);
	ck_assert_int_eq(sql_ncols(st), 4);
	ck_assert_str_eq(sql_col_name(st, 3), "last");
	ck_assert_int_eq(sql_step(st, &e), 0);
	sql_done(st);
	end(&p, s);
}
END_TEST

START_TEST(statements)
{
	static const char text[] = "SELECT ?1";
	struct err e = { 0 };
	struct sql_stmt *st, *again;
	struct place p;
	struct sql *s = begin(&p);

	st = sql_prepare(s, text, &e);
	sql_bind_int(st, 1, 7);
	sql_done(st);
	again = sql_prepare(s, text, &e);
	ck_assert_ptr_eq(st, again);
	ck_assert_int_eq(sql_step(again, &e), 1);
	ck_assert_msg(sql_is_null(again, 0), "an old value was left");
	sql_done(again);
	ck_assert_ptr_null(sql_prepare(s, "SELECT nothing FROM nowhere", &e));
	ck_assert_int_eq(e.code, ERR_STORE);
	ck_assert_ptr_null(strstr(e.msg, "nowhere"));
	end(&p, s);
}
END_TEST

START_TEST(pragmas)
{
	struct stat st;
	struct place p;
	struct sql *s = begin(&p);

	ck_assert_int_eq(ask(s, "PRAGMA foreign_keys"), 1);
	ck_assert_int_eq(ask(s, "PRAGMA synchronous"), 1);
	ck_assert_int_eq(ask(s, "PRAGMA cache_size"), -512);
	ck_assert_str_eq(sql_backend(s), "sqlite");
	ck_assert_int_eq(stat(p.path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	sql_close(s);
	s = open_mode(&p, SQL_LEDGER);
	ck_assert_int_eq(ask(s, "PRAGMA synchronous"), 2);
	end(&p, s);
}
END_TEST

START_TEST(refused)
{
	struct err e = { 0 };
	struct place p;
	struct sql *s = begin(&p), *other;

	ck_assert_int_eq(sql_open(&other, "postgresql://db", SQL_READ, &e), -1);
	ck_assert_int_eq(e.code, ERR_CONFIG);
	ck_assert_int_eq(
	    sql_open(&other, "sqlite:/nowhere/x", SQL_WRITE, &e), -1);
	ck_assert_int_eq(e.code, ERR_STORE);
	ck_assert_ptr_nonnull(strstr(e.msg, "/nowhere/x"));
	ck_assert_ptr_null(other);
	run(s, "CREATE TABLE t(k TEXT UNIQUE); INSERT INTO t VALUES ('a')");
	e = (struct err){ 0 };
	ck_assert_int_eq(sql_exec(s, "INSERT INTO t VALUES ('a')", &e), -1);
	ck_assert_int_eq(e.code, ERR_CONFLICT);
	other = open_mode(&p, SQL_READ);
	ck_assert_int_eq(sql_exec(other, "DELETE FROM t", &e), -1);
	ck_assert_int_eq(e.code, ERR_STORE);
	ck_assert_int_eq(e.retry_after, 5);
	ck_assert_int_eq(ask(other, "SELECT count(*) FROM t"), 1);
	sql_close(other);
	end(&p, s);
}
END_TEST

START_TEST(deadline_lock)
{
	struct err e = { 0 };
	struct place p;
	struct sql *s = begin(&p), *other;
	int64_t from_ms;

	run(s, "CREATE TABLE t(k TEXT)");
	other = open_mode(&p, SQL_WRITE);
	sql_set_timeout(other, 200);
	ck_assert_int_eq(sql_begin(s, &e), 0);
	from_ms = clock_ms();
	ck_assert_int_eq(sql_begin(other, &e), -1);
	ck_assert_int_eq(e.code, ERR_STORE);
	ck_assert_int_ge(clock_ms() - from_ms, 190);
	ck_assert_int_lt(clock_ms() - from_ms, 1000);
	sql_rollback(other);
	ck_assert_int_eq(sql_commit(s, &e), 0);
	ck_assert_int_eq(sql_begin(other, &e), 0);
	sql_rollback(other);
	sql_close(other);
	end(&p, s);
}
END_TEST

START_TEST(deadline_work)
{
	struct err e = { 0 };
	struct sql_stmt *st;
	struct place p;
	struct sql *s = begin(&p);
	int64_t from_ms = clock_ms();

	sql_set_timeout(s, 100);
	st = sql_prepare(s,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	    " SELECT count(*) FROM n",
	    &e);
	ck_assert_int_eq(sql_step(st, &e), -1);
	ck_assert_int_eq(e.code, ERR_STORE);
	ck_assert_int_lt(clock_ms() - from_ms, 1000);
	sql_done(st);
	ck_assert_int_eq(ask(s, "SELECT 5"), 5);
	end(&p, s);
}
END_TEST

START_TEST(ping)
{
	struct err e = { 0 };
	struct place p;
	struct sql *s = begin(&p);

	ck_assert_int_eq(sql_ping(s, &e), -1);
	ck_assert_int_eq(sql_migrate(s, &e), 0);
	ck_assert_int_eq(sql_ping(s, &e), 0);
	end(&p, s);
}
END_TEST

CASE(case_sql)
{
	TCase *t = tcase_create("sql");

	tcase_add_test(t, values);
	tcase_add_test(t, statements);
	tcase_add_test(t, pragmas);
	tcase_add_test(t, refused);
	tcase_add_test(t, deadline_lock);
	tcase_add_test(t, deadline_work);
	tcase_add_test(t, ping);
	return t;
}
