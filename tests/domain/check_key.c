#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "domain/tenant.h"
#include "room.h"
#include "stores.h"

struct world {
	char dir[SCRATCH_PATH];
	char url[STORE_URL];
	char secrets[32], none[1], prefix[16]; /* of the configuration */
	struct conf conf;
	struct arena *a;
	struct sql *sql;
	struct keys *keys;
	struct tenant project;
};

static struct sql *
open_sql(struct world *w)
{
	struct err e = { 0 };
	struct sql *s;

	if (sql_open(&s, w->url, SQL_WRITE, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return s;
}

static void
set_secrets(struct world *w, const char *text)
{
	struct err e = { 0 };

	keys_close(w->keys);
	snprintf(w->secrets, sizeof(w->secrets), "%s", text);
	if (keys_open(&w->keys, w->sql, &w->conf, &e) == -1)
		ck_abort_msg("%s", e.msg);
}

static void
begin(struct world *w)
{
	struct err e = { 0 };

	memset(w, 0, sizeof(*w));
	scratch_begin(w->dir);
	store_url(w->dir, w->url);
	snprintf(w->prefix, sizeof(w->prefix), "llmgtwy_");
	w->conf.key_hash_secrets = w->secrets;
	w->conf.key_hash_secrets_file = w->none;
	w->conf.key_prefix = w->prefix;
	w->conf.key_cache_ttl = 50;
	w->a = arena_new(4096, SIZE_MAX);
	w->sql = open_sql(w);
	ck_assert_int_eq(sql_migrate(w->sql, &e), 0);
	set_secrets(w, "one");
	if (tenant_bootstrap(w->sql, w->a, &w->project, &e) == -1)
		ck_abort_msg("%s", e.msg);
}

static void
end(struct world *w)
{
	keys_close(w->keys);
	sql_close(w->sql);
	arena_free(w->a);
	scratch_end(w->dir);
}

static struct tenant
add(struct world *w, int64_t expires_ms, char key[KEY_SIZE])
{
	struct tenant_new_key n = { w->project.id, STR("k"), expires_ms };
	struct err e = { 0 };
	struct tenant t;

	if (tenant_add_key(w->sql, w->keys, &n, w->a, &t, key, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return t;
}

static void
expect(struct world *w, const char *key, int64_t now_ms, enum err_code code,
    const char *msg)
{
	const struct principal *p;
	struct err e = { 0 };
	int rc = keys_find(w->keys, str_from(key), now_ms, &p, &e);

	principal_drop(p);

	ck_assert_int_eq(rc, code == ERR_NONE ? 0 : -1);
	ck_assert_msg(e.code == code, "%s: %s", key, e.msg);
	ck_assert_str_eq(e.msg, msg);
}

static void
ok(struct world *w, const char *key)
{
	expect(w, key, 0, ERR_NONE, "");
}

static const char unknown[] = "Unauthorized: Invalid API key";

START_TEST(found)
{
	char key[KEY_SIZE];
	const struct principal *p;
	struct err e = { 0 };
	struct tenant t;
	struct world w;

	begin(&w);
	t = add(&w, 0, key);
	ck_assert_uint_eq(strlen(key), 48);
	ck_assert_int_eq(strncmp(key, "llmgtwy_", 8), 0);
	ck_assert_int_eq(keys_find(w.keys, str_from(key), 0, &p, &e), 0);
	ck_assert(str_is(t.id, p->key));
	ck_assert(str_is(w.project.id, p->project));
	ck_assert(str_is(w.project.parent, p->org->id));
	ck_assert_str_eq(p->mode, "hybrid");
	ck_assert_str_eq(p->error_format, "auto");
	ck_assert_int_eq(key_tenant(p, &e), 0);
	principal_drop(p);
	ck_assert_int_eq(strncmp(t.masked.p, "llmgtwy_\xe2\x80\xa6", 11), 0);
	ck_assert_str_eq(t.masked.p + 11, key + 44);
	end(&w);
}
END_TEST

START_TEST(malformed)
{
	static const char *const bad[] = {
		"x",
		"llmgtwy_",
		"llmgtwy_0123456789012345678901234567890123456789x",
		"llmgtwy_012345678901234567890123456789012345678",
		"llmgtwx_0123456789012345678901234567890123456789",
		"llmgtwy_0123456789012345678901234567890123456-89",
		"llmgtwy_' OR 1=1 --",
		"%",
		"llmgtwy_%23456789012345678901234567890123456789%",
	};
	struct world w;

	begin(&w);
	/* Without a database a look-up would be a 503. */
	sql_exec(w.sql, "DROP TABLE api_key", &(struct err){ 0 });
	for (size_t i = 0; i < NROWS(bad); i++)
		expect(&w, bad[i], 0, ERR_AUTH, unknown);
	expect(&w, "", 0, ERR_AUTH,
	    "Unauthorized: No API key provided. Expected 'Authorization: "
	    "Bearer your-api-token' header or 'x-api-key: your-api-token' "
	    "header");
	end(&w);
}
END_TEST

START_TEST(statuses)
{
	char key[KEY_SIZE];
	struct err e = { 0 };
	struct tenant t;
	struct world w;

	begin(&w);
	t = add(&w, 5000, key);
	expect(&w, key, 4999, ERR_NONE, "");
	expect(&w, key, 5000, ERR_KEY_EXPIRED,
	    "Unauthorized: API key has expired");
	tenant_set_status(w.sql, TENANT_KEY, t.id, STR("inactive"), &e);
	usleep(60000);
	expect(&w, key, 0, ERR_KEY_INACTIVE,
	    "Unauthorized: API key is not active");
	tenant_set_status(w.sql, TENANT_KEY, t.id, STR("deleted"), &e);
	usleep(60000);
	expect(&w, key, 0, ERR_AUTH, unknown);
	/* Known to be deleted: this outlasts the database. */
	sql_exec(w.sql, "ALTER TABLE api_key RENAME TO gone", &e);
	expect(&w, key, 0, ERR_AUTH, unknown);
	end(&w);
}
END_TEST

START_TEST(tenants)
{
	static const struct {
		struct principal p;
		struct org org;
		enum err_code code;
	} rows[] = {
		{ { .project_archived = true }, { .suspended = true },
		    ERR_PROJECT_ARCHIVED },
		{ { .inactive = false }, { .archived = true },
		    ERR_ORG_ARCHIVED },
		{ { .inactive = false }, { .suspended = true },
		    ERR_SUSPENDED },
	};
	char key[KEY_SIZE];
	const struct principal *p;
	struct err e = { 0 };
	struct world w;

	for (size_t i = 0; i < NROWS(rows); i++) {
		struct principal one = rows[i].p;

		one.org = &rows[i].org;
		ck_assert_int_eq(key_tenant(&one, &e), -1);
		ck_assert_int_eq(e.code, rows[i].code);
	}
	begin(&w);
	add(&w, 0, key);
	tenant_remove(w.sql, TENANT_PROJECT, w.project.id, &e);
	ck_assert_int_eq(keys_find(w.keys, str_from(key), 0, &p, &e), 0);
	ck_assert(p->project_archived && !p->org->archived);
	principal_drop(p);
	end(&w);
}
END_TEST

static void
set_down(struct world *w, bool down)
{
	struct err e = { 0 };

	sql_exec(w->sql,
	    down ? "ALTER TABLE api_key RENAME TO gone" :
		   "ALTER TABLE gone RENAME TO api_key",
	    &e);
	sql_exec(w->sql,
	    down ? "ALTER TABLE change RENAME TO gone_too" :
		   "ALTER TABLE gone_too RENAME TO change",
	    &e);
	usleep(60000); /* what is remembered is looked at again */
}

START_TEST(database_down)
{
	char key[KEY_SIZE], other[KEY_SIZE];
	const struct principal *p;
	struct err e = { 0 };
	struct world w;

	begin(&w);
	add(&w, 0, key);
	add(&w, 0, other);
	ok(&w, key);
	set_down(&w, true);
	ok(&w, key);
	ck_assert_int_eq(keys_find(w.keys, str_from(other), 0, &p, &e), -1);
	ck_assert_int_eq(e.code, ERR_STORE);
	ck_assert_int_eq(e.retry_after, 5);
	set_down(&w, false);
	usleep(1100000); /* it is asked once a second */
	ok(&w, other);
	end(&w);
}
END_TEST

/* Only what can be read again is forgotten. */
START_TEST(forgotten)
{
	char key[KEY_SIZE];
	const struct principal *p;
	struct err e = { 0 };
	struct world w;

	begin(&w);
	add(&w, 0, key);
	ok(&w, key);
	set_down(&w, true);
	ck_assert(!keys_forget(w.keys, w.sql));
	ok(&w, key);
	set_down(&w, false);
	ck_assert(keys_forget(w.keys, w.sql));
	set_down(&w, true);
	ck_assert_int_eq(keys_find(w.keys, str_from(key), 0, &p, &e), -1);
	ck_assert_int_eq(e.code, ERR_STORE);
	end(&w);
}
END_TEST

START_TEST(secrets)
{
	char key[KEY_SIZE];
	struct err e = { 0 };
	struct world w;
	struct keys *k;

	begin(&w);
	add(&w, 0, key);
	set_secrets(&w, "two");
	expect(&w, key, 0, ERR_AUTH, unknown);
	set_secrets(&w, " two , one ");
	ok(&w, key);
	set_secrets(&w, "two");
	ok(&w, key);
	set_secrets(&w, "one");
	expect(&w, key, 0, ERR_AUTH, unknown);
	w.secrets[0] = '\0';
	ck_assert_int_eq(keys_open(&k, w.sql, &w.conf, &e), -1);
	ck_assert_int_eq(e.code, ERR_CONFIG);
	end(&w);
}
END_TEST

/* An unknown key is asked for once in five seconds, another thread's too. */
START_TEST(unknown_once)
{
	static const char key[] =
	    "llmgtwy_0123456789012345678901234567890123456789";
	struct err e = { 0 };
	struct world w;

	begin(&w);
	expect(&w, key, 0, ERR_AUTH, unknown);
	sql_exec(w.sql, "ALTER TABLE api_key RENAME TO gone", &e);
	usleep(60000);
	expect(&w, key, 0, ERR_AUTH, unknown);
	end(&w);
}
END_TEST

struct asker {
	struct world *w;
	char (*keys)[KEY_SIZE];
	int failed;
};

static void *
ask_many(void *arg)
{
	struct asker *k = arg;
	const struct principal *p;
	struct err e;

	for (int i = 0; i < 2000; i++) {
		e = (struct err){ 0 };
		if (keys_find(
			k->w->keys, str_from(k->keys[i % 8]), 0, &p, &e) == -1)
			k->failed++;
		principal_drop(p);
	}
	return NULL;
}

START_TEST(threads)
{
	char keys[8][KEY_SIZE];
	struct asker k[4];
	struct sql *second;
	pthread_t t[4];
	struct world w;

	begin(&w);
	for (int i = 0; i < 8; i++)
		add(&w, 0, keys[i]);
	second = open_sql(&w);
	w.conf.key_cache_ttl = 1;
	set_secrets(&w, "one");
	keys_add_sql(w.keys, second);
	for (int i = 0; i < 4; i++) {
		k[i] = (struct asker){ &w, keys, 0 };
		pthread_create(&t[i], NULL, ask_many, &k[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		ck_assert_int_eq(k[i].failed, 0);
	}
	sql_close(second);
	end(&w);
}
END_TEST

/* The old secret works for its time, and not a moment longer. */
START_TEST(rolled)
{
	char old[KEY_SIZE], key[KEY_SIZE], third[KEY_SIZE];
	int64_t now_ms = clock_wall_ms();
	struct err e = { 0 };
	struct tenant t;
	struct world w;

	begin(&w);
	t = add(&w, 0, old);
	ok(&w, old);
	ck_assert_int_eq(
	    tenant_roll_key(w.sql, w.keys, t.id, 60, w.a, &t, key, &e), 0);
	ck_assert_str_ne(old, key);
	ck_assert_str_eq(t.masked.p + 11, key + 44);
	usleep(60000);
	expect(&w, key, now_ms, ERR_NONE, "");
	expect(&w, old, now_ms + 59000, ERR_NONE, "");
	expect(&w, old, now_ms + 90000, ERR_AUTH, unknown);
	ck_assert_int_eq(
	    tenant_roll_key(w.sql, w.keys, t.id, 0, w.a, &t, third, &e), 0);
	usleep(60000);
	expect(&w, old, now_ms, ERR_AUTH, unknown);
	expect(&w, key, now_ms, ERR_AUTH, unknown);
	expect(&w, third, now_ms, ERR_NONE, "");
	ck_assert_int_eq(tenant_roll_key(w.sql, w.keys, t.id, 604801, w.a, &t,
			     third, &e),
	    -1);
	ck_assert(str_is(e.param, "grace_seconds"));
	end(&w);
}
END_TEST

static const struct principal *
get(struct world *w, const char *key)
{
	const struct principal *p;
	struct err e = { 0 };

	if (keys_find(w->keys, str_from(key), 0, &p, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return p;
}

/*
 * Principals are shared and stay as long as nothing changes; who holds one
 * keeps it as it was.  What changes without a bump is not seen.
 */
START_TEST(version)
{
	char key[KEY_SIZE], other[KEY_SIZE];
	const struct principal *p, *q, *o;
	struct err e = { 0 };
	struct world w;

	begin(&w);
	add(&w, 0, key);
	add(&w, 0, other);
	p = get(&w, key);
	o = get(&w, other);
	ck_assert_ptr_eq(p->org, o->org);
	principal_drop(o);
	sql_exec(w.sql, "UPDATE api_key SET rpm = 7", &e);
	usleep(60000);
	q = get(&w, key);
	ck_assert_ptr_eq(p, q);
	principal_drop(q);
	tenant_set_mode(w.sql, w.project.id, STR("credits"), &e);
	keys_poll(w.keys, w.sql);
	ck_assert_int_eq(keys_recall(w.keys, str_from(key), 0, &q, &e), 1);
	q = get(&w, key);
	ck_assert_ptr_ne(p, q);
	ck_assert_str_eq(p->mode, "hybrid");
	ck_assert_str_eq(q->mode, "credits");
	ck_assert_int_eq(p->key_limits.rpm, -1);
	ck_assert_int_eq(q->key_limits.rpm, 7);
	principal_drop(q);
	usleep(60000);
	ck_assert_int_eq(keys_recall(w.keys, str_from(key), 0, &q, &e), 1);
	keys_poll(w.keys, w.sql); /* the key need not be asked for again */
	ck_assert_int_eq(keys_recall(w.keys, str_from(key), 0, &q, &e), 0);
	principal_drop(q);
	principal_drop(p);
	end(&w);
}
END_TEST

/* The raw key is in no file of the store. */
START_TEST(nowhere)
{
	char key[KEY_SIZE], cmd[256];
	struct world w;

	begin(&w);
	add(&w, 0, key);
	ok(&w, key);
	snprintf(cmd, sizeof(cmd), "grep -r -q -a -e %s %s", key + 8, w.dir);
	ck_assert_int_eq(WEXITSTATUS(system(cmd)), 1);
	end(&w);
}
END_TEST

CASE(case_key)
{
	TCase *t = tcase_create("key");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, found);
	tcase_add_test(t, malformed);
	tcase_add_test(t, statuses);
	tcase_add_test(t, tenants);
	tcase_add_test(t, database_down);
	tcase_add_test(t, forgotten);
	tcase_add_test(t, secrets);
	tcase_add_test(t, unknown_once);
	tcase_add_test(t, threads);
	tcase_add_test(t, rolled);
	tcase_add_test(t, version);
	tcase_add_test(t, nowhere);
	return t;
}
