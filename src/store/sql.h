#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The SQL store behind one interface, with two backends: sql_sqlite.c and
 * sql_pg.c.  A handle belongs to one thread at a time.  Every call has a
 * deadline (2 s, or what sql_set_timeout() was told), after which it fails with
 * ERR_STORE; the text of the store's own message goes to the log, never to a
 * client.
 *
 * Placeholders are written ?1, ?2, ...  Times are INTEGER milliseconds of the
 * wall clock, money INTEGER nano-dollars, booleans 0 and 1.
 *
 * Statements are those that both backends take:
 * - ON CONFLICT ... DO NOTHING or DO UPDATE, RETURNING; no INSERT OR ...;
 * - a parameter that may be NULL is compared before it is tested, so that
 *   PostgreSQL knows its type: (x = ?1 OR ?1 IS NULL); with nothing to compare
 *   it with, CAST(?1 AS TEXT) IS NULL;
 * - ORDER BY of what may be NULL says NULLS FIRST or LAST;
 * - no max(a, b) of two values, no AUTOINCREMENT, no rowid;
 * - after a failure in a transaction only sql_rollback() is of use.
 */
struct sql;
struct log;

enum sql_type { SQL_NULL, SQL_INT, SQL_TEXT, SQL_BLOB };
enum sql_mode { SQL_READ, SQL_WRITE, SQL_LEDGER /* WRITE, and synced */ };

/*
 * "sqlite:PATH": the file is made if missing (WRITE only), mode 0600.
 * "postgresql://..." as libpq reads it: one connection, made by the first
 * statement, and again by the next one after it was lost; what ran meanwhile
 * fails with ERR_STORE, and so does the rest of its transaction.  Attempts that
 * fail are spaced by 0.1 to 2 s.
 *
 * Open after fork: a connection does not survive one.  The message of a failure
 * is for the operator and names the file, never a password.
 */
int sql_open(struct sql **, const char *url, enum sql_mode, struct err *);
/* Before that: may this be one?  ERR_CONFIG names the setting. */
int sql_check(const char *url, struct err *);
void sql_close(struct sql *);                /* NULL: nothing */
const char *sql_backend(const struct sql *); /* "sqlite", "postgresql" */
/* The URL without its password, for people; in the arena. */
struct arena;
const char *sql_url_shown(struct arena *, const char *url);

/* Where the store's own messages go; NULL, the default: nowhere. */
void sql_set_log(struct sql *, struct log *);
/* What the store said when it last failed, for the operator; "": nothing. */
const char *sql_said(const struct sql *);
/* Another deadline for the calls that follow; not inside a transaction. */
void sql_set_timeout(struct sql *, int64_t ms);
/* Does it answer?  For the health check, after sql_set_timeout(). */
int sql_ping(struct sql *, struct err *);

/*
 * One or more statements without parameters and rows.  Column types are written
 * as SQLite knows them: PostgreSQL gets BYTEA for BLOB, BIGINT for INTEGER, and
 * TEXT that sorts by bytes.
 */
int sql_exec(struct sql *, const char *text, struct err *);

/*
 * After rows were deleted for good: nothing of them stays in the table's files
 * or in the journal, as far as nobody is still reading them.
 */
int sql_scrub(struct sql *, const char *table, struct err *);

/*
 * A transaction that may write.  SQLite takes its lock at once, so that it
 * cannot fail half-way because another wrote in between; in PostgreSQL writers
 * run side by side.  sql_rollback() after an error, or without a transaction,
 * does no harm.
 */
int sql_begin(struct sql *, struct err *);
/* The same, but of those begun so only one runs at a time, in all processes. */
int sql_begin_alone(struct sql *, struct err *);
/* Reads only, and all of it from one moment; SQL_READ handles too. */
int sql_begin_read(struct sql *, struct err *);
int sql_commit(struct sql *, struct err *);
void sql_rollback(struct sql *);
bool sql_in_transaction(const struct sql *);

/*
 * A prepared statement, kept by the handle under its text (which must be a
 * literal or live as long as the handle), reset and ready to be bound.  Ends
 * with sql_done().  NULL: err says why.
 */
struct sql_stmt;
struct sql_stmt *sql_prepare(struct sql *, const char *text, struct err *);
void sql_done(struct sql_stmt *);
/* Let all statements go: their texts may end before the handle. */
void sql_forget(struct sql *);

/*
 * Parameters count from 1.  Bytes are borrowed until sql_done().  In a text,
 * NUL and bytes that are not UTF-8 become "?", for PostgreSQL takes neither.
 */
void sql_bind_int(struct sql_stmt *, int, int64_t);
void sql_bind_str(struct sql_stmt *, int, struct str); /* absent: NULL */
void sql_bind_blob(struct sql_stmt *, int, struct str);
void sql_bind_null(struct sql_stmt *, int);

/* 1: a row.  0: no more.  -1: err; ERR_CONFLICT if a constraint refuses. */
int sql_step(struct sql_stmt *, struct err *);
/* One without rows, and done with: 0 or -1. */
int sql_run(struct sql_stmt *, struct err *);

/*
 * In a transaction: as sql_step() for a statement without rows, which the store
 * may take later.  At most SQL_QUEUE_MAX before sql_flush(), which says how
 * many there were, or -1, and how many rows each of them changed (`changed` may
 * be NULL).  Nothing else is asked in between but sql_prepare() and sql_done().
 * One round trip for all: through a unix socket 1024 rows of "log" take
 * PostgreSQL 20 ms instead of 39; each millisecond of a network counts once.
 */
#define SQL_QUEUE_MAX 1024
int sql_queue(struct sql_stmt *, struct err *);
int sql_flush(struct sql *, int64_t changed[SQL_QUEUE_MAX], struct err *);

/*
 * Columns count from 0; valid until the next step.  Their number and names are
 * known after the first step, even if there was no row.
 */
int64_t sql_int(struct sql_stmt *, int);
struct str sql_str(struct sql_stmt *, int); /* NULL: absent */
bool sql_is_null(struct sql_stmt *, int);
enum sql_type sql_type(struct sql_stmt *, int);
int sql_ncols(struct sql_stmt *);
const char *sql_col_name(struct sql_stmt *, int);

/* Rows that the last INSERT, UPDATE or DELETE changed. */
int64_t sql_changes(struct sql *);

/*
 * Numbered migrations (migrate.c), each applied once, each in a transaction of
 * its own; several processes may call it at once.  ERR_CONFIG: the database is
 * newer than this program.
 */
int sql_migrate(struct sql *, struct err *);
/*
 * The same, but a remote store that does not answer is no failure: the handle
 * then does it when it is first used, and ERR_STORE is all it says before.
 */
int sql_migrate_soon(struct sql *, struct err *);
/* The number of the last one that this program knows, and that is applied. */
int sql_version_wanted(void);
int sql_version(struct sql *, int64_t *, struct err *);

/*
 * All tables but schema_version, each after those it refers to, with the
 * columns that tell its rows apart: "a, b".  Ends with a NULL name.
 */
struct sql_table {
	const char *name, *key;
	bool fixed; /* rows are added, and never change */
};
extern const struct sql_table sql_tables[];

#endif
