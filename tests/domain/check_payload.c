#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "domain/payload.h"
#include "domain/tenant.h"
#include "domain/usage.h"
#include "room.h"
#include "stores.h"

#define DAY INT64_C(86400000)
#define NOW INT64_C(1795300000000)

struct world {
	char dir[SCRATCH_PATH];
	char url[STORE_URL];
	struct arena *a;
	struct sql *sql;
	struct secret master;
	char org[ID_SIZE];
};

static void
must(struct world *w, const char *text)
{
	struct err e = { 0 };

	ck_assert_msg(sql_exec(w->sql, text, &e) == 0, "%s", e.msg);
}

static void
begin(struct world *w)
{
	struct err e = { 0 };
	struct tenant t;

	memset(w, 0, sizeof(*w));
	scratch_begin(w->dir);
	store_url(w->dir, w->url);
	w->a = arena_new(4096, SIZE_MAX);
	secret_set(&w->master, STR("0123456789abcdef0123456789abcdef"));
	ck_assert_int_eq(sql_open(&w->sql, w->url, SQL_WRITE, &e), 0);
	ck_assert_int_eq(sql_migrate(w->sql, &e), 0);
	ck_assert_int_eq(tenant_bootstrap(w->sql, w->a, &t, &e), 0);
	str_copy(w->org, sizeof(w->org), t.parent);
	must(w, "UPDATE organization SET retention = 'retain',"
		" retention_days = 2");
}

static void
end(struct world *w)
{
	secret_free(&w->master);
	sql_close(w->sql);
	arena_free(w->a);
	scratch_end(w->dir);
}

static void
put(struct world *w, const char *record, int64_t created_ms)
{
	const struct payload p = { str_from(record), str_from(w->org),
		created_ms, STR("{\"request\":\"said\"}") };
	struct err e = { 0 };

	ck_assert_msg(
	    payload_put(w->sql, &w->master, &p, w->a, &e) == 0, "%s", e.msg);
}

static enum payload_state
look(struct world *w, const struct secret *master, const char *record)
{
	struct payload_view v;
	struct err e = { 0 };

	ck_assert_msg(payload_get(w->sql, master, str_from(record), w->a, &v,
			  &e) == 0,
	    "%s", e.msg);
	if (v.state == PAYLOAD_KEPT)
		ck_assert(str_is(v.json, "{\"request\":\"said\"}"));
	else
		ck_assert_ptr_null(v.json.p);
	return v.state;
}

START_TEST(sealed)
{
	struct secret other = { 0 }, none = { 0 };
	struct world w;

	begin(&w);
	secret_set(&other, STR("another key of thirty-two bytes."));
	put(&w, "log_1", NOW);
	put(&w, "log_1", NOW + 1); /* the first stays */
	put(&w, "log_2", NOW);
	ck_assert_int_eq(look(&w, &w.master, "log_1"), PAYLOAD_KEPT);
	ck_assert_int_eq(look(&w, &other, "log_1"), PAYLOAD_SHUT);
	ck_assert_int_eq(look(&w, &none, "log_1"), PAYLOAD_SHUT);
	ck_assert_int_eq(look(&w, NULL, "log_1"), PAYLOAD_SHUT);
	ck_assert_int_eq(look(&w, &w.master, "log_3"), PAYLOAD_NONE);
	/* It is of its record, whoever moves it, and whole. */
	must(&w, "UPDATE payload SET sealed = (SELECT sealed FROM payload"
		 " WHERE record_id = 'log_1') WHERE record_id = 'log_2'");
	ck_assert_int_eq(look(&w, &w.master, "log_2"), PAYLOAD_SHUT);
	must(&w, "UPDATE payload SET sealed = '' WHERE record_id = 'log_1'");
	ck_assert_int_eq(look(&w, &w.master, "log_1"), PAYLOAD_SHUT);
	secret_free(&other);
	end(&w);
}
END_TEST

START_TEST(days)
{
	const struct spool_record record_old = { .kind = SPOOL_END,
		.json = STR("{\"record_id\":\"log_old\",\"started_ms\":1}") };
	struct usage_batch batch = { .board = NULL };
	struct err e = { 0 };
	struct world w;
	char record[32];
	int i;

	begin(&w);
	batch.arena = w.a;
	ck_assert_int_eq(usage_insert(w.sql, &record_old, 1, &batch, &e), 0);
	put(&w, "log_old", NOW - 2 * DAY - 1);
	put(&w, "log_new", NOW - 2 * DAY);
	ck_assert_int_eq(payload_clean(w.sql, NOW, &e), 1);
	ck_assert_int_eq(payload_clean(w.sql, NOW, &e), 0);
	ck_assert_int_eq(payload_scrub(w.sql, &e), 0);
	ck_assert_int_eq(look(&w, &w.master, "log_old"), PAYLOAD_DELETED);
	ck_assert_int_eq(look(&w, &w.master, "log_new"), PAYLOAD_KEPT);
	for (i = 0; i < PAYLOAD_BATCH; i++) {
		snprintf(record, sizeof(record), "log_%d", i);
		put(&w, record, NOW);
	}
	must(&w, "UPDATE organization SET retention = 'none'");
	ck_assert_int_eq(payload_clean(w.sql, NOW, &e), PAYLOAD_BATCH);
	ck_assert_int_eq(payload_clean(w.sql, NOW, &e), 1);
	ck_assert_int_eq(look(&w, &w.master, "log_new"), PAYLOAD_NONE);
	end(&w);
}
END_TEST

START_TEST(turns)
{
	struct err e = { 0 };
	struct world w;

	begin(&w);
	ck_assert_int_eq(payload_turn(w.sql, NOW, 1000, &e), 1);
	ck_assert_int_eq(payload_turn(w.sql, NOW, 1000, &e), 0);
	ck_assert_int_eq(payload_turn(w.sql, NOW + 999, 1000, &e), 0);
	ck_assert_int_eq(payload_turn(w.sql, NOW + 1000, 1000, &e), 1);
	end(&w);
}
END_TEST

START_TEST(digests)
{
	struct buf in = BUF_LIMIT(100000), out = BUF_LIMIT(100000);
	struct buf want = BUF_LIMIT(100000);
	unsigned char h[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	struct buf zeros = BUF_LIMIT(100000);

	/* 2048 letters A are 1536 bytes of zero. */
	for (int i = 0; i < 1536; i++)
		buf_addc(&zeros, '\0');
	hash_sha256(buf_str(&zeros), h);
	hash_hex(h, sizeof(h), hex);
	buf_add(&in, STR("{\"a\\\"b\":\"x\\\\\",\"i\":\"data:image/png;base64,"));
	buf_add(&want, buf_str(&in));
	for (int i = 0; i < 2048; i++)
		buf_addc(&in, 'A');
	buf_add(&want, STR("sha256:"));
	buf_add(&want, str_from(hex));
	buf_add(&in, STR("\",\"n\":1,\"t\":\""));
	buf_add(&want, STR("\",\"n\":1,\"t\":\""));
	for (int i = 0; i < 500; i++) { /* text that only looks like it */
		buf_add(&in, STR("AAA "));
		buf_add(&want, STR("AAA "));
	}
	buf_add(&in, STR("\"}"));
	buf_add(&want, STR("\"}"));
	payload_digest(buf_str(&in), &out);
	ck_assert(str_eq(buf_str(&out), buf_str(&want)));
	/* Cut anywhere it is still all there, or a digest of a whole string. */
	for (size_t n = 0; n < in.n; n++) {
		buf_clear(&out);
		payload_digest((struct str){ in.p, n }, &out);
		ck_assert_uint_le(out.n, n + 100);
	}
	buf_free(&in);
	buf_free(&out);
	buf_free(&want);
	buf_free(&zeros);
}
END_TEST

CASE(case_payload)
{
	TCase *t = tcase_create("payload");

	tcase_add_test(t, sealed);
	tcase_add_test(t, days);
	tcase_add_test(t, turns);
	tcase_add_test(t, digests);
	return t;
}
