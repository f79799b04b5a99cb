#include <zstd.h>

#include "base/b64.h"
#include "base/hash.h"
#include "base/unpack.h"
#include "domain/payload.h"

#define LEVEL 3
#define LONG ((size_t)1024) /* base64 that is shorter is no image */
#define DAY_MS "86400000"

/* --- rows --- */

static struct str
pack(struct str json, struct arena *a)
{
	size_t max = ZSTD_compressBound(json.n), n;
	char *p = arena_alloc(a, max);

	n = ZSTD_compress(p, max, json.p, json.n, LEVEL);
	return ZSTD_isError(n) ? STR_NONE : (struct str){ p, n };
}

int
payload_put(struct sql *s, const struct secret *master, const struct payload *p,
    struct arena *a, struct err *e)
{
	const struct str names[] = { STR("payload"), p->record, p->org };
	struct str packed = pack(p->json, a), sealed;
	struct sql_stmt *st;

	if (packed.p == NULL)
		return err_set(e, ERR_INTERNAL, "a payload cannot be packed");
	sealed = seal(master, packed, names, 3, a);
	st = sql_prepare(s,
	    "INSERT INTO payload(record_id, organization_id, created_ms, "
	    "sealed)"
	    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (record_id) DO NOTHING",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, p->record);
	sql_bind_str(st, 2, p->org);
	sql_bind_int(st, 3, p->created_ms);
	sql_bind_blob(st, 4, sealed);
	return sql_run(st, e);
}

static struct str
open_sealed(const struct secret *master, struct str sealed,
    const struct str *names, struct arena *a)
{
	struct secret packed = { 0 };
	struct err ignored = { 0 };
	struct str json = STR_NONE;

	if (master == NULL || master->bytes == NULL ||
	    !seal_open(master, sealed, names, 3, &packed))
		return STR_NONE;
	if (unpack_zstd(a, secret_str(&packed), PAYLOAD_MAX, &json, &ignored) ==
	    -1)
		json = STR_NONE;
	secret_free(&packed);
	return json;
}

static int
was_deleted(struct sql *s, struct str record, struct err *e)
{
	struct sql_stmt *st = sql_prepare(
	    s, "SELECT payload_deleted FROM log WHERE record_id = ?1", e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, record);
	if ((rc = sql_step(st, e)) == 1)
		rc = sql_int(st, 0) != 0;
	sql_done(st);
	return rc;
}

int
payload_get(struct sql *s, const struct secret *master, struct str record,
    struct arena *a, struct payload_view *out, struct err *e)
{
	struct str names[] = { STR("payload"), record, STR_NONE };
	struct sql_stmt *st = sql_prepare(s,
	    "SELECT organization_id, sealed FROM payload WHERE record_id = ?1",
	    e);
	int rc;

	*out = (struct payload_view){ PAYLOAD_NONE, STR_NONE };
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, record);
	if ((rc = sql_step(st, e)) == 1) {
		names[2] = sql_str(st, 0);
		out->json = open_sealed(master, sql_str(st, 1), names, a);
		out->state = out->json.p == NULL ? PAYLOAD_SHUT : PAYLOAD_KEPT;
	}
	sql_done(st);
	if (rc == 0 && (rc = was_deleted(s, record, e)) == 1)
		out->state = PAYLOAD_DELETED;
	return rc == -1 ? -1 : 0;
}

void
payload_put_view(struct jw *w, const struct payload_view *v)
{
	static const char *const words[] = { [PAYLOAD_NONE] = "none",
		[PAYLOAD_KEPT] = "kept",
		[PAYLOAD_SHUT] = "unreadable",
		[PAYLOAD_DELETED] = "deleted" };

	jw_raw(w, "payload", v->json);
	jw_strc(w, "payload_state", words[v->state]);
	jw_bool(w, "payload_deleted", v->state == PAYLOAD_DELETED);
}

/* --- their end --- */

/* The oldest that are past their days; ?1: now. */
#define DOOMED                                                                 \
	"(SELECT p.record_id FROM payload p JOIN organization o"               \
	" ON o.id = p.organization_id WHERE o.retention = 'none'"              \
	" OR p.created_ms < ?1 - o.retention_days * " DAY_MS                   \
	" ORDER BY p.created_ms, p.record_id LIMIT 500)"

static int
run_with(struct sql *s, const char *text, int64_t now_ms, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, text, e);

	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, now_ms);
	return sql_run(st, e);
}

int
payload_clean(struct sql *s, int64_t now_ms, struct err *e)
{
	int n = -1;

	if (sql_begin(s, e) == 0 &&
	    run_with(s,
		"UPDATE log SET payload_deleted = 1 WHERE record_id IN " DOOMED,
		now_ms, e) == 0 &&
	    run_with(s, "DELETE FROM payload WHERE record_id IN " DOOMED,
		now_ms, e) == 0) {
		n = (int)sql_changes(s);
		if (sql_commit(s, e) == -1)
			n = -1;
	}
	sql_rollback(s);
	return n;
}

int
payload_scrub(struct sql *s, struct err *e)
{
	return sql_scrub(s, "payload", e);
}

int
payload_turn(struct sql *s, int64_t now_ms, int64_t every_ms, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s,
	    "INSERT INTO job(id, next_ms) VALUES ('payloads', ?1)"
	    " ON CONFLICT (id) DO UPDATE SET next_ms = excluded.next_ms"
	    " WHERE job.next_ms <= ?2",
	    e);

	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, now_ms + every_ms);
	sql_bind_int(st, 2, now_ms);
	return sql_run(st, e) == -1 ? -1 : sql_changes(s) == 1;
}

/* --- images --- */

/* The closing quote of the string that begins at p; NULL: there is none. */
static const char *
closing(const char *p, const char *end)
{
	const char *from = p, *q, *s;

	while ((q = memchr(p, '"', (size_t)(end - p))) != NULL) {
		for (s = q; s > from && s[-1] == '\\'; s--)
			;
		if ((q - s) % 2 == 0)
			return q;
		p = q + 1;
	}
	return NULL;
}

/* "data:image/png;base64,": what stands before base64; else nothing. */
static size_t
prefix_of(struct str s)
{
	const char *comma;

	if (!str_starts(s, "data:"))
		return 0;
	comma = memchr(s.p, ',', s.n < 256 ? s.n : 256);
	return comma == NULL ? 0 : (size_t)(comma - s.p) + 1;
}

static void
put_string(struct str s, struct buf *out)
{
	size_t n = prefix_of(s);
	struct str rest = { s.p + n, s.n - n };
	unsigned char digest[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	struct buf bytes = BUF_LIMIT(PAYLOAD_MAX);

	if (rest.n < LONG || !hash_is_base64(rest) ||
	    b64_decode(rest, &bytes) == -1)
		buf_add(out, s);
	else {
		hash_sha256(buf_str(&bytes), digest);
		hash_hex(digest, sizeof(digest), hex);
		buf_add(out, (struct str){ s.p, n });
		buf_add(out, STR("sha256:"));
		buf_add(out, str_from(hex));
	}
	buf_free(&bytes);
}

void
payload_digest(struct str text, struct buf *out)
{
	const char *p = text.p, *end = text.p + text.n, *q, *r;

	while (p < end && (q = memchr(p, '"', (size_t)(end - p))) != NULL) {
		buf_add(out, (struct str){ p, (size_t)(q - p) + 1 });
		p = q + 1;
		if ((r = closing(p, end)) == NULL)
			break;
		put_string((struct str){ p, (size_t)(r - p) }, out);
		buf_addc(out, '"');
		p = r + 1;
	}
	buf_add(out, (struct str){ p, (size_t)(end - p) });
}
