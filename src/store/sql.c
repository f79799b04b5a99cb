#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "store/sql_ops.h"

/* api.md 2.3: every 503 of a store says when to come again. */
#define RETRY_AFTER 5
#define TIMEOUT_MS 2000

static const struct {
	const char *scheme;
	const struct sql_ops *ops;
} backends[] = {
	{ "sqlite", &sql_sqlite },
	{ "postgresql", &sql_pg },
	{ "postgres", &sql_pg },
};

int
sql_fail(struct sql *s, enum err_code code, const char *what, const char *said,
    struct err *e)
{
	if (said != NULL) {
		snprintf(s->said, sizeof(s->said), "%s", said);
		if (s->log != NULL)
			log_say(s->log, LOG_WARN_, "%s: %s: %.200s",
			    s->ops->name, s->said, what);
	}
	e->retry_after = code == ERR_STORE ? RETRY_AFTER : 0;
	if (code == ERR_CONFLICT)
		return err_set(e, code, "It conflicts with what is there");
	return err_set(e, code, "The database is not available");
}

static void
start_clock(struct sql *s)
{
	s->until_ms = clock_ms() + s->timeout_ms;
}

/* NULL: there is none of this scheme; *where is what follows it. */
static const struct sql_ops *
find_ops(const char *url, const char **where, struct err *e)
{
	const char *end = strchr(url, ':');
	size_t n = end == NULL ? strlen(url) : (size_t)(end - url);

	for (size_t i = 0; end != NULL && i < NROWS(backends); i++) {
		*where = end + 1;
		if (str_is((struct str){ url, n }, backends[i].scheme))
			return backends[i].ops;
	}
	/* Only the beginning: behind it there may be a password. */
	err_set(e, ERR_CONFIG,
	    "store_sql: \"%.*s:\" names no store this program has",
	    (int)(n < 30 ? n : 30), url);
	return NULL;
}

int
sql_check(const char *url, struct err *e)
{
	const char *where;

	return find_ops(url, &where, e) == NULL ? -1 : 0;
}

int
sql_open(struct sql **out, const char *url, enum sql_mode mode, struct err *e)
{
	const char *where;
	const struct sql_ops *ops = find_ops(url, &where, e);
	struct arena *a;
	struct sql *s;

	*out = NULL;
	if (ops == NULL)
		return -1;
	a = arena_new(sizeof(*s) + 64, SIZE_MAX);
	s = ARENA_NEW(a, struct sql);
	s->arena = a;
	s->ops = ops;
	s->timeout_ms = TIMEOUT_MS;
	start_clock(s);
	if (s->ops->open(s, where, mode, e) == -1) {
		sql_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

/* "//user:secret@host" and "?password=secret": what stands for the secret. */
const char *
sql_url_shown(struct arena *a, const char *url)
{
	struct str all = str_from(url);
	const char *at = strstr(url, "://"), *end, *p;

	if (at != NULL) {
		at += 3;
		end = strpbrk(at, "/?");
		if (end == NULL)
			end = url + all.n;
		p = memrchr(at, '@', (size_t)(end - at));
		at = p == NULL ? NULL : memchr(at, ':', (size_t)(p - at));
		if (at != NULL)
			all =
			    arena_fmt(a, "%.*s:***%s", (int)(at - url), url, p);
	}
	if ((p = strstr(all.p, "password=")) == NULL)
		return all.p;
	p += strlen("password=");
	return arena_fmt(
	    a, "%.*s***%s", (int)(p - all.p), all.p, p + strcspn(p, "&"))
	    .p;
}

void
sql_forget(struct sql *s)
{
	for (int i = 0; i < s->nstmts; i++) {
		s->ops->finalize(s->stmts[i].handle);
		arena_free(s->stmts[i].clean);
		s->stmts[i].clean = NULL;
	}
	s->nstmts = 0;
}

void
sql_close(struct sql *s)
{
	if (s == NULL)
		return;
	sql_forget(s);
	s->ops->close(s);
	arena_free(s->arena);
}

const char *
sql_backend(const struct sql *s)
{
	return s->ops->name;
}

void
sql_set_log(struct sql *s, struct log *l)
{
	s->log = l;
}

void
sql_set_timeout(struct sql *s, int64_t ms)
{
	s->timeout_ms = ms;
}

const char *
sql_said(const struct sql *s)
{
	return s->said;
}

int
sql_exec(struct sql *s, const char *text, struct err *e)
{
	start_clock(s);
	return s->ops->exec(s, text, e);
}

int
sql_scrub(struct sql *s, const char *table, struct err *e)
{
	char text[128];

	if (!s->ops->remote) /* the pages were overwritten as they were freed */
		return sql_exec(s, "PRAGMA wal_checkpoint(TRUNCATE)", e);
	snprintf(text, sizeof(text), "VACUUM %s", table);
	return sql_exec(s, text, e);
}

/* What sql_migrate_soon() left for later. */
static int
check_schema(struct sql *s, struct err *e)
{
	if (!s->unchecked)
		return 0;
	s->unchecked = false;
	if (sql_migrate(s, e) == 0)
		return 0;
	s->unchecked = true;
	return e->code == ERR_STORE ?
	    -1 :
	    sql_fail(s, ERR_STORE, "schema", e->msg, e);
}

static int
begin(struct sql *s, enum sql_tx kind, struct err *e)
{
	assert(!s->in_transaction);
	if (check_schema(s, e) == -1)
		return -1;
	start_clock(s);
	if (s->ops->transact(s, kind, e) == -1)
		return -1;
	s->in_transaction = true;
	return 0;
}

int
sql_begin(struct sql *s, struct err *e)
{
	return begin(s, SQL_BEGIN, e);
}

int
sql_begin_alone(struct sql *s, struct err *e)
{
	return begin(s, SQL_BEGIN_ALONE, e);
}

int
sql_begin_read(struct sql *s, struct err *e)
{
	return begin(s, SQL_BEGIN_READ, e);
}

int
sql_commit(struct sql *s, struct err *e)
{
	assert(s->in_transaction && s->nqueued == 0);
	start_clock(s);
	if (s->ops->transact(s, SQL_COMMIT, e) == -1)
		return -1;
	s->in_transaction = false;
	return 0;
}

void
sql_rollback(struct sql *s)
{
	struct err ignored = { 0 };

	if (!s->in_transaction)
		return;
	s->nqueued = 0;
	start_clock(s);
	/* The store may have rolled back by itself: that is no error. */
	s->ops->transact(s, SQL_ROLLBACK, &ignored);
	s->in_transaction = false;
}

bool
sql_in_transaction(const struct sql *s)
{
	return s->in_transaction;
}

struct sql_stmt *
sql_prepare(struct sql *s, const char *text, struct err *e)
{
	struct sql_stmt *st;
	int i;

	if (check_schema(s, e) == -1)
		return NULL;
	for (i = 0; i < s->nstmts; i++)
		if (s->stmts[i].text == text)
			break;
	assert(i < SQL_STMTS_MAX);
	st = &s->stmts[i];
	start_clock(s);
	if (i == s->nstmts) {
		st->sql = s;
		st->text = text;
		if ((st->handle = s->ops->prepare(s, text, e)) == NULL)
			return NULL;
		s->nstmts++;
	}
	assert(!st->used);
	if (s->ops->ready != NULL && s->ops->ready(s, st->handle, e) == -1)
		return NULL;
	st->used = true;
	return st;
}

void
sql_done(struct sql_stmt *st)
{
	if (st == NULL)
		return;
	st->sql->ops->reset(st->handle);
	if (st->clean != NULL)
		arena_reset(st->clean);
	st->used = false;
}

/* The bytes at p that are one character, or 0. */
static size_t
char_length(const char *p, const char *end)
{
	if ((unsigned char)*p < 0x80)
		return *p != '\0';
	return utf8_length(p, end);
}

/* What follows the ASCII at p, eight bytes at a time; NUL is none of it. */
static const char *
skip_ascii(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), top = ones << 7;
	uint64_t v;

	for (; end - p >= 8; p += 8) {
		memcpy(&v, p, sizeof(v));
		if (((v | (v - ones)) & top) != 0)
			break;
	}
	return p;
}

static struct str
clean(struct sql_stmt *st, struct str s)
{
	const char *end = s.p + s.n, *p = skip_ascii(s.p, end);
	char *copy = NULL;
	size_t n;

	while (p < end) {
		if ((n = char_length(p, end)) == 0) {
			if (st->clean == NULL)
				st->clean = arena_new(1024, SIZE_MAX);
			if (copy == NULL)
				copy = arena_cstr(st->clean, s);
			copy[p - s.p] = '?';
			n = 1;
		}
		p += n;
	}
	return copy == NULL ? s : (struct str){ copy, s.n };
}

void
sql_bind_int(struct sql_stmt *st, int i, int64_t v)
{
	st->sql->ops->bind_int(st->handle, i, v);
}

void
sql_bind_str(struct sql_stmt *st, int i, struct str s)
{
	if (s.p == NULL)
		st->sql->ops->bind_null(st->handle, i);
	else
		st->sql->ops->bind_str(st->handle, i, clean(st, s));
}

void
sql_bind_blob(struct sql_stmt *st, int i, struct str s)
{
	st->sql->ops->bind_blob(st->handle, i, s);
}

void
sql_bind_null(struct sql_stmt *st, int i)
{
	st->sql->ops->bind_null(st->handle, i);
}

int
sql_step(struct sql_stmt *st, struct err *e)
{
	assert(st->sql->nqueued == 0);
	start_clock(st->sql);
	return st->sql->ops->step(st, e);
}

int
sql_run(struct sql_stmt *st, struct err *e)
{
	int rc = sql_step(st, e);

	sql_done(st);
	return rc == -1 ? -1 : 0;
}

int
sql_queue(struct sql_stmt *st, struct err *e)
{
	struct sql *s = st->sql;
	int rc;

	assert(s->in_transaction && s->nqueued < SQL_QUEUE_MAX);
	start_clock(s);
	if (s->ops->queue != NULL)
		rc = s->ops->queue(st, e);
	else if ((rc = s->ops->step(st, e)) == 0)
		s->queued[s->nqueued] = s->ops->changes(s);
	assert(rc != 1);
	if (rc == 0)
		s->nqueued++;
	return rc;
}

int
sql_flush(struct sql *s, int64_t changed[SQL_QUEUE_MAX], struct err *e)
{
	int n = s->nqueued;

	start_clock(s);
	if (n > 0 && s->ops->flush != NULL && s->ops->flush(s, e) == -1)
		n = -1;
	else if (changed != NULL)
		memcpy(changed, s->queued, (size_t)n * sizeof(*changed));
	s->nqueued = 0;
	return n;
}

int64_t
sql_int(struct sql_stmt *st, int i)
{
	return st->sql->ops->col_int(st->handle, i);
}

struct str
sql_str(struct sql_stmt *st, int i)
{
	return st->sql->ops->col_str(st->handle, i);
}

bool
sql_is_null(struct sql_stmt *st, int i)
{
	return sql_type(st, i) == SQL_NULL;
}

enum sql_type
sql_type(struct sql_stmt *st, int i)
{
	return st->sql->ops->col_type(st->handle, i);
}

int
sql_ncols(struct sql_stmt *st)
{
	return st->sql->ops->ncols(st->handle);
}

const char *
sql_col_name(struct sql_stmt *st, int i)
{
	return st->sql->ops->col_name(st->handle, i);
}

int64_t
sql_changes(struct sql *s)
{
	return s->ops->changes(s);
}

int
sql_ping(struct sql *s, struct err *e)
{
	struct sql_stmt *st;
	int rc;

	/* A table, so that the file itself is read. */
	st = sql_prepare(s, "SELECT max(version) FROM schema_version", e);
	rc = st == NULL ? -1 : sql_step(st, e);
	sql_done(st);
	return rc == -1 ? -1 : 0;
}
