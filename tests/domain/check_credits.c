#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/scratch.h"
#include "domain/alert.h"
#include "domain/credits.h"
#include "domain/usage.h"
#include "json/jscan.h"
#include "room.h"

#define DAY INT64_C(86400000)
#define T0 INT64_C(1760000000000)

struct world {
	char dir[SCRATCH_PATH], url[SCRATCH_PATH + 16];
	struct arena *a;
	struct sql *sql;
};

static void
must(struct world *w, const char *text)
{
	struct err e = { 0 };

	ck_assert_msg(sql_exec(w->sql, text, &e) == 0, "%s: %s", text, e.msg);
}

/* A statement with a BLOB, which SQL text has no common way to write. */
static void
with_blob(struct world *w, const char *text, struct str blob)
{
	struct err e = { 0 };
	struct sql_stmt *st = sql_prepare(w->sql, text, &e);

	ck_assert_ptr_nonnull(st);
	sql_bind_blob(st, 1, blob);
	ck_assert_msg(sql_step(st, &e) == 0, "%s: %s", text, e.msg);
	sql_done(st);
}

static void
begin(struct world *w)
{
	struct err e = { 0 };

	scratch_begin(w->dir);
	snprintf(w->url, sizeof(w->url), "sqlite:%s/u.db", w->dir);
	w->a = arena_new(4096, SIZE_MAX);
	ck_assert_int_eq(sql_open(&w->sql, w->url, SQL_WRITE, &e), 0);
	ck_assert_int_eq(sql_migrate(w->sql, &e), 0);
	must(w,
	    "INSERT INTO organization(id, name, created_ms, updated_ms)"
	    " VALUES ('o', 'o', 1760000000000, 0), ('o2', 'o2', 0, 0);"
	    "INSERT INTO project(id, organization_id, name, created_ms,"
	    " updated_ms) VALUES ('p', 'o', 'p', 1760000000000, 0)");
	with_blob(w,
	    "INSERT INTO api_key(id, project_id, label, digest, masked,"
	    " created_ms, updated_ms)"
	    " VALUES ('k', 'p', 'k', ?1, 'k', 1760000000000, 0)",
	    STR("digest"));
}

static void
end(struct world *w)
{
	sql_close(w->sql);
	arena_free(w->a);
	scratch_end(w->dir);
}

static int64_t
number(struct world *w, const char *text)
{
	struct err e = { 0 };
	struct sql_stmt *st = sql_prepare(w->sql, text, &e);
	int64_t n;

	ck_assert_int_eq(sql_step(st, &e), 1);
	n = sql_int(st, 0);
	sql_done(st);
	return n;
}

static int
add(struct world *w, struct credit *c, struct err *e)
{
	int rc;

	*e = (struct err){ 0 };
	ck_assert_int_eq(sql_begin(w->sql, e), 0);
	rc = credits_add(w->sql, c, w->a, e);
	if (rc != -1)
		ck_assert_int_eq(sql_commit(w->sql, e), 0);
	sql_rollback(w->sql);
	return rc;
}

static const char change_text[] = "SELECT version FROM change";
static const char credits_text[] =
    "SELECT credits_nano FROM organization WHERE id = 'o'";
static const char count_text[] = "SELECT count(*) FROM credit_txn";

static void
spend(struct world *w, int64_t nano, int64_t at_ms)
{
	char id[ID_SIZE];
	struct usage_record r = { .org = STR("o"),
		.project = STR("p"),
		.key = STR("k"),
		.started_ms = at_ms,
		.status = 200,
		.cost = { .total = nano, .billed = nano } };
	struct usage_batch batch = { .arena = w->a };
	struct buf b = BUF_LIMIT(1 << 16);
	struct spool_record s = { .kind = SPOOL_END };
	struct err e = { 0 };

	rand_id(id, "log_", at_ms);
	r.id = str_from(id);
	usage_end(&r, &b);
	s.json = buf_str(&b);
	ck_assert_msg(
	    usage_insert(w->sql, &s, 1, &batch, &e) == 0, "%s", e.msg);
	buf_free(&b);
}

START_TEST(transactions)
{
	struct credit c = { .org = STR("o"),
		.amount_nano = 5000,
		.reason = STR("first"),
		.external_id = STR("x-1"),
		.created_ms = T0 };
	struct credit d = c, *v;
	int64_t version, balance;
	struct err e;
	struct world w;

	begin(&w);
	version = number(&w, change_text);
	ck_assert_msg(add(&w, &c, &e) == 1, "%s", e.msg);
	ck_assert_int_eq(c.balance_nano, 5000);
	ck_assert(str_starts(c.id, "txn_"));
	ck_assert_int_eq(number(&w, change_text), version + 1);
	/* Again: the first one, and nothing changes. */
	d.amount_nano = 7777;
	ck_assert_int_eq(add(&w, &d, &e), 0);
	ck_assert(str_eq(d.id, c.id));
	ck_assert_int_eq(d.amount_nano, 5000);
	ck_assert_int_eq(number(&w, credits_text), 5000);
	ck_assert_int_eq(number(&w, change_text), version + 1);
	/* The same id of another organisation is another one. */
	d = (struct credit){ .org = STR("o2"),
		.amount_nano = 1,
		.reason = STR(""),
		.external_id = STR("x-1"),
		.created_ms = T0 };
	ck_assert_int_eq(add(&w, &d, &e), 1);
	/* Without one each is its own; what was spent shows. */
	spend(&w, 1500, T0);
	d = (struct credit){ .org = STR("o"),
		.amount_nano = -4000,
		.reason = STR("back"),
		.created_ms = T0 + 1 };
	ck_assert_int_eq(add(&w, &d, &e), 1);
	ck_assert_int_eq(d.balance_nano, -500);
	ck_assert_int_eq(credits_balance(w.sql, STR("o"), &balance, &e), 0);
	ck_assert_int_eq(balance, -500);
	ck_assert_int_eq(number(&w, credits_text), 1000);
	/* Newest first, and on from there. */
	ck_assert_int_eq(
	    credits_list(w.sql, STR("o"), STR_NONE, 10, w.a, &v, &e), 2);
	ck_assert(str_eq(v[0].id, d.id) && str_eq(v[1].id, c.id));
	ck_assert_ptr_null(v[0].external_id.p);
	ck_assert_int_eq(
	    credits_list(w.sql, STR("o"), v[0].id, 10, w.a, &v, &e), 1);
	ck_assert(str_eq(v[0].id, c.id));
	end(&w);
}
END_TEST

START_TEST(refused)
{
	struct credit c = { .org = STR("nobody"),
		.amount_nano = 1,
		.reason = STR(""),
		.created_ms = T0 };
	struct err e;
	struct world w;

	begin(&w);
	ck_assert_int_eq(add(&w, &c, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	c = (struct credit){ .org = STR("o"),
		.amount_nano = INT64_MIN,
		.reason = STR(""),
		.created_ms = T0 };
	ck_assert_int_eq(add(&w, &c, &e), -1);
	ck_assert_int_eq(e.code, ERR_BAD_PARAM);
	for (int i = 0; i < 2; i++) {
		c = (struct credit){ .org = STR("o"),
			.amount_nano = CREDIT_MAX_NANO,
			.reason = STR(""),
			.created_ms = T0 };
		ck_assert_int_eq(add(&w, &c, &e), i == 0 ? 1 : -1);
	}
	ck_assert_int_eq(number(&w, count_text), 1);
	ck_assert_int_eq(number(&w, credits_text), CREDIT_MAX_NANO);
	end(&w);
}
END_TEST

/* --- alerts --- */

static int
fire(struct world *w, struct sql *s, int64_t at_ms, struct alert *out)
{
	struct err e = { 0 };
	struct alert *v;
	int n = alert_take(s, at_ms, w->a, &v, &e);

	ck_assert_msg(n >= 0, "%s", e.msg);
	for (int i = n - 1; i >= 0; i--) {
		*out = v[i];
		ck_assert_int_eq(alert_done(s, v[i].id, v[i].from_ms, &e), 0);
	}
	return n;
}

#define ALERT(id, scope, scope_id, kind)                                       \
	"INSERT INTO alert(id, organization_id, scope, scope_id, kind,"        \
	" threshold_millionths, webhook, sealed, created_ms, updated_ms)"      \
	" VALUES ('" id "', 'o', '" scope "', '" scope_id "', '" kind "',"     \
	" 800000, 'https://h.example/x', ?1, 0, 0)"

START_TEST(budget)
{
	struct alert t = { 0 };
	struct err e = { 0 };
	struct sql *other;
	struct world w;

	begin(&w);
	must(&w,
	    "UPDATE project SET budget_nano = 1000, budget_count = 1,"
	    " budget_unit = 'day' WHERE id = 'p'");
	with_blob(&w, ALERT("a1", "project", "p", "budget"), STR("s"));
	with_blob(&w, ALERT("a2", "organization", "o", "budget"), STR("s"));
	with_blob(&w, ALERT("a3", "project", "p", "budget"), STR(""));
	must(&w,
	    "INSERT INTO alert(id, organization_id, scope, scope_id, kind,"
	    " threshold_millionths, webhook, created_ms, updated_ms) VALUES"
	    " ('a4', 'o', 'project', 'p', 'budget', 1, 'https://h/', 0, 0)");
	ck_assert_int_eq(sql_open(&other, w.url, SQL_WRITE, &e), 0);
	ck_assert_int_eq(fire(&w, w.sql, T0, &t), 0);
	spend(&w, 799, T0 + 10);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 20, &t), 0);
	spend(&w, 1, T0 + 30);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 40, &t), 1);
	ck_assert(str_is(t.id, "a1") && str_is(t.scope_id, "p") &&
	    str_is(t.webhook, "https://h.example/x"));
	ck_assert_int_eq(t.used_nano, 800);
	ck_assert_int_eq(t.limit_nano, 1000);
	ck_assert_int_eq(t.from_ms, T0);
	ck_assert_int_eq(t.end_ms, T0 + DAY);
	/* Once, whoever looks. */
	spend(&w, 500, T0 + 50);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 60, &t), 0);
	ck_assert_int_eq(fire(&w, other, T0 + 60, &t), 0);
	/* The next day, once more. */
	ck_assert_int_eq(fire(&w, w.sql, T0 + DAY, &t), 0);
	spend(&w, 900, T0 + DAY);
	ck_assert_int_eq(fire(&w, other, T0 + DAY + 1, &t), 1);
	ck_assert_int_eq(t.from_ms, T0 + DAY);
	ck_assert_int_eq(fire(&w, w.sql, T0 + DAY + 2, &t), 0);
	/* A process whose clock is behind does not send the old one again. */
	ck_assert_int_eq(fire(&w, w.sql, T0 + 70, &t), 0);
	sql_close(other);
	end(&w);
}
END_TEST

/* Whoever took it may have ended before it was sent. */
START_TEST(unsent)
{
	struct alert *v;
	struct err e = { 0 };
	struct world w;

	begin(&w);
	must(&w, "UPDATE api_key SET usage_limit_nano = 1000 WHERE id = 'k'");
	with_blob(&w, ALERT("a1", "key", "k", "budget"), STR("s"));
	spend(&w, 900, T0);
	ck_assert_int_eq(alert_take(w.sql, T0, w.a, &v, &e), 1);
	ck_assert_int_eq(
	    alert_take(w.sql, T0 + ALERT_CLAIM_MS - 1, w.a, &v, &e), 0);
	ck_assert_int_eq(
	    alert_take(w.sql, T0 + ALERT_CLAIM_MS, w.a, &v, &e), 1);
	ck_assert_int_eq(alert_done(w.sql, v[0].id, v[0].from_ms, &e), 0);
	ck_assert_int_eq(
	    alert_take(w.sql, T0 + 10 * ALERT_CLAIM_MS, w.a, &v, &e), 0);
	end(&w);
}
END_TEST

START_TEST(key_limits)
{
	struct alert t = { 0 };
	struct world w;

	begin(&w);
	must(&w, "UPDATE api_key SET usage_limit_nano = 1000 WHERE id = 'k'");
	with_blob(&w, ALERT("a1", "key", "k", "budget"), STR("s"));
	spend(&w, 900, T0);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 1, &t), 1);
	ck_assert_int_eq(t.end_ms, 0);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 400 * DAY, &t), 0);
	end(&w);
}
END_TEST

START_TEST(credits)
{
	struct credit c = { .org = STR("o"),
		.amount_nano = 1000,
		.reason = STR(""),
		.created_ms = T0 };
	struct alert t = { 0 };
	struct err e;
	struct world w;

	begin(&w);
	with_blob(&w, ALERT("a1", "organization", "o", "credits"), STR("s"));
	ck_assert_int_eq(fire(&w, w.sql, T0, &t), 0);
	ck_assert_int_eq(add(&w, &c, &e), 1);
	spend(&w, 800, T0 + 1);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 2, &t), 1);
	ck_assert_int_eq(t.limit_nano, 1000);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 3, &t), 0);
	c.created_ms = T0 + 4;
	ck_assert_int_eq(add(&w, &c, &e), 1);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 5, &t), 0);
	spend(&w, 800, T0 + 6);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 7, &t), 1);
	ck_assert_int_eq(fire(&w, w.sql, T0 + 8, &t), 0);
	end(&w);
}
END_TEST

START_TEST(post)
{
	struct alert t = { .id = STR("alrt_1"),
		.org = STR("o"),
		.scope = STR("organization"),
		.scope_id = STR("o"),
		.kind = STR("credits"),
		.threshold = 800000,
		.limit_nano = 1000000000,
		.used_nano = 800000001 };
	struct buf b = BUF_LIMIT(4096);

	alert_body(&t, T0, &b);
	ck_assert(jscan_is_object(buf_str(&b)));
	ck_assert(str_is(jscan_at(buf_str(&b), "threshold"), "0.8"));
	ck_assert(str_is(jscan_at(buf_str(&b), "used"), "0.800000001"));
	ck_assert(str_is(jscan_at(buf_str(&b), "period"), "null"));
	buf_clear(&b);
	/* printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret */
	alert_sign(STR("s3cret"), 1700000000, STR("{\"a\":1}"), &b);
	ck_assert_msg(str_is(buf_str(&b),
			  "t=1700000000,v1="
			  "1698a50bc74d1ff1db85c4e0a5297c2ad9fdba245d5737cdb789"
			  "e4cc6e098940"),
	    "%.*s", STR_ARG(buf_str(&b)));
	buf_free(&b);
}
END_TEST

CASE(case_credits)
{
	TCase *t = tcase_create("credits");

	tcase_add_test(t, transactions);
	tcase_add_test(t, refused);
	tcase_add_test(t, budget);
	tcase_add_test(t, key_limits);
	tcase_add_test(t, unsent);
	tcase_add_test(t, credits);
	tcase_add_test(t, post);
	return t;
}
