/*
 * SQLite.  Readers and one writer work side by side because of the WAL; who
 * finds the write lock taken waits in on_busy() until its deadline, and a long
 * statement is ended by on_progress().
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sql_ops.h"

/* Opcodes between two looks at the clock: some 50 microseconds of work. */
#define PROGRESS_STEP 2000

static int
on_progress(void *arg)
{
	const struct sql *s = arg;

	return clock_ms() > s->until_ms;
}

/* Wait longer each time: 1, 2, 4 ... at most 16 ms. */
static int
on_busy(void *arg, int tries)
{
	const struct sql *s = arg;
	struct timespec nap = { 0 };

	if (clock_ms() >= s->until_ms)
		return 0;
	nap.tv_nsec = 1000000L << (tries < 4 ? tries : 4);
	nanosleep(&nap, NULL);
	return 1;
}

static int
fail(struct sql *s, const char *what, struct err *e)
{
	sqlite3 *db = s->conn;
	bool clash = sqlite3_errcode(db) == SQLITE_CONSTRAINT;

	return sql_fail(
	    s, clash ? ERR_CONFLICT : ERR_STORE, what, sqlite3_errmsg(db), e);
}

static int
exec(struct sql *s, const char *text, struct err *e)
{
	if (sqlite3_exec(s->conn, text, NULL, NULL, NULL) != SQLITE_OK)
		return fail(s, text, e);
	return 0;
}

static int
transact(struct sql *s, enum sql_tx kind, struct err *e)
{
	static const char *const texts[] = {
		[SQL_BEGIN] = "BEGIN IMMEDIATE",
		[SQL_BEGIN_ALONE] = "BEGIN IMMEDIATE",
		[SQL_BEGIN_READ] = "BEGIN",
		[SQL_COMMIT] = "COMMIT",
		[SQL_ROLLBACK] = "ROLLBACK",
	};

	return exec(s, texts[kind], e);
}

/*
 * SQLite would make the file with 0644.  mknod() and not open(): closing a
 * descriptor drops the POSIX locks that another thread's connection may hold
 * on the file by then.
 */
static int
make_private(const char *path, struct err *e)
{
	if (mknod(path, S_IFREG | 0600, 0) == -1 && errno != EEXIST)
		return err_set(e, ERR_STORE, "cannot make database %s: %s",
		    path, strerror(errno));
	return 0;
}

/*
 * Small on purpose: every process has two or three connections.  The page
 * cache is bounded, and nothing is mapped, since a file that is cut by
 * somebody else would then kill the process.
 */
static int
set_up(struct sql *s, enum sql_mode mode, struct err *e)
{
	if (exec(s,
		"PRAGMA cache_size=-512; PRAGMA mmap_size=0;"
		"PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON;"
		"PRAGMA secure_delete=ON",
		e) == -1)
		return -1;
	if (mode == SQL_READ)
		return 0;
	/*
	 * For a file that is new: the log grows at its end, and each page of
	 * it is written twice, once into the journal.
	 */
	if (exec(s, "PRAGMA page_size=16384", e) == -1)
		return -1;
	/* SQLite does not ask on_busy() when two switch at the same time. */
	while (exec(s, "PRAGMA journal_mode=WAL", e) == -1)
		if (sqlite3_errcode(s->conn) != SQLITE_BUSY ||
		    on_busy(s, 0) == 0)
			return -1;
	/*
	 * The ledger writes all the time: with room for the pages of a batch
	 * it does not read them again, and a page that many batches change is
	 * written back once for 16 MB of journal.
	 */
	return exec(s,
	    mode == SQL_LEDGER ?
		    "PRAGMA synchronous=FULL; PRAGMA cache_size=-2048;"
		    "PRAGMA wal_autocheckpoint=4000" :
		    "PRAGMA synchronous=NORMAL",
	    e);
}

static int
open_db(struct sql *s, const char *path, enum sql_mode mode, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	sqlite3 *db = NULL;
	int rc;

	flags |=
	    mode == SQL_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	if (mode != SQL_READ && make_private(path, e) == -1)
		return -1;
	rc = sqlite3_open_v2(path, &db, flags, NULL);
	s->conn = db;
	if (rc != SQLITE_OK)
		return err_set(e, ERR_STORE, "cannot open database %s: %s",
		    path, sqlite3_errstr(rc));
	sqlite3_busy_handler(db, on_busy, s);
	sqlite3_progress_handler(db, PROGRESS_STEP, on_progress, s);
	if (set_up(s, mode, e) == -1)
		return err_set(e, ERR_STORE, "cannot use database %s: %s", path,
		    sqlite3_errmsg(db));
	return 0;
}

static void
close_db(struct sql *s)
{
	sqlite3_close(s->conn);
}

static void *
prepare(struct sql *s, const char *text, struct err *e)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v3(s->conn, text, -1, SQLITE_PREPARE_PERSISTENT,
		&st, NULL) != SQLITE_OK) {
		fail(s, text, e);
		return NULL;
	}
	return st;
}

static int
has_table(struct sql *s, const char *name, struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	st = prepare(
	    s, "SELECT 1 FROM sqlite_master WHERE type='table' AND name=?1", e);
	if (st == NULL)
		return -1;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		fail(s, name, e);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static void
finalize(void *st)
{
	sqlite3_finalize(st);
}

static void
reset(void *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

static void
bind_int(void *st, int i, int64_t v)
{
	sqlite3_bind_int64(st, i, v);
}

static void
bind_str(void *st, int i, struct str v)
{
	sqlite3_bind_text64(st, i, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8);
}

static void
bind_blob(void *st, int i, struct str v)
{
	sqlite3_bind_blob64(st, i, v.p, v.n, SQLITE_STATIC);
}

static void
bind_null(void *st, int i)
{
	sqlite3_bind_null(st, i);
}

/* A statement that is stepped after its end starts again, as SQLite does. */
static int
step(struct sql_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st->handle);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return fail(st->sql, st->text, e);
}

static int64_t
col_int(void *st, int i)
{
	return sqlite3_column_int64(st, i);
}

static struct str
col_str(void *st, int i)
{
	const void *p = sqlite3_column_blob(st, i);

	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return STR_NONE;
	return (struct str){ p == NULL ? "" : p,
		(size_t)sqlite3_column_bytes(st, i) };
}

static enum sql_type
col_type(void *st, int i)
{
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL:
		return SQL_NULL;
	case SQLITE_INTEGER:
		return SQL_INT;
	case SQLITE_BLOB:
		return SQL_BLOB;
	default:
		return SQL_TEXT;
	}
}

static int
ncols(void *st)
{
	return sqlite3_column_count(st);
}

static const char *
col_name(void *st, int i)
{
	return sqlite3_column_name(st, i);
}

static int64_t
changes(struct sql *s)
{
	return sqlite3_changes64(s->conn);
}

const struct sql_ops sql_sqlite = {
	.name = "sqlite",
	.open = open_db,
	.close = close_db,
	.exec = exec,
	.transact = transact,
	.has_table = has_table,
	.prepare = prepare,
	.finalize = finalize,
	.reset = reset,
	.bind_int = bind_int,
	.bind_str = bind_str,
	.bind_blob = bind_blob,
	.bind_null = bind_null,
	.step = step,
	.col_int = col_int,
	.col_str = col_str,
	.col_type = col_type,
	.ncols = ncols,
	.col_name = col_name,
	.changes = changes,
};
