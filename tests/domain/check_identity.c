#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "domain/change.h"
#include "domain/identity.h"
#include "domain/tenant.h"
#include "room.h"
#include "stores.h"

struct world {
	char dir[SCRATCH_PATH];
	char url[STORE_URL];
	char secrets[8], none[1], prefix[16];
	struct conf conf;
	struct arena *a;
	struct sql *sql;
	struct keys *keys;
	struct tenant project;
};

static void
begin(struct world *w)
{
	struct err e = { 0 };

	memset(w, 0, sizeof(*w));
	scratch_begin(w->dir);
	store_url(w->dir, w->url);
	snprintf(w->secrets, sizeof(w->secrets), "one");
	snprintf(w->prefix, sizeof(w->prefix), "llmgtwy_");
	w->conf.key_hash_secrets = w->secrets;
	w->conf.key_hash_secrets_file = w->none;
	w->conf.key_prefix = w->prefix;
	w->conf.key_cache_ttl = 60000;
	w->a = arena_new(4096, SIZE_MAX);
	if (sql_open(&w->sql, w->url, SQL_WRITE, &e) == -1 ||
	    sql_migrate(w->sql, &e) == -1 ||
	    keys_open(&w->keys, w->sql, &w->conf, &e) == -1 ||
	    tenant_bootstrap(w->sql, w->a, &w->project, &e) == -1)
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
add_key(struct world *w, int64_t expires_ms, char key[KEY_SIZE])
{
	struct tenant_new_key n = { w->project.id, STR("k"), expires_ms };
	struct err e = { 0 };
	struct tenant t;

	if (tenant_add_key(w->sql, w->keys, &n, w->a, &t, key, &e) == -1)
		ck_abort_msg("%s", e.msg);
	return t;
}

/* What was changed is seen by the next look-up. */
static void
run(struct world *w, const char *head, struct str id)
{
	char text[1024];
	struct err e = { 0 };

	snprintf(text, sizeof(text), "%s'%.*s'", head, STR_ARG(id));
	if (sql_exec(w->sql, text, &e) == -1 || change_bump(w->sql, &e) == -1)
		ck_abort_msg("%s", e.msg);
	keys_poll(w->keys, w->sql);
}

static void
map(struct world *w, const char *what, struct str key)
{
	char head[512];

	snprintf(head, sizeof(head),
	    "INSERT INTO identity(created_ms, updated_ms, id, kind, value,"
	    " key_id) SELECT 1, 1, %s, id FROM api_key WHERE id = ",
	    what);
	run(w, head, key);
}

/* ERR_NONE if it is this key. */
static enum err_code
find(struct world *w, enum identity_kind kind, struct str value, struct str key,
    struct err *e)
{
	struct identity who = { kind, value };
	const struct principal *p;
	int rc;

	*e = (struct err){ 0 };
	rc = keys_identify(w->keys, &who, 1000, true, &p, e);
	ck_assert_int_eq(rc, e->code == ERR_NONE ? 0 : -1);
	if (rc == 0)
		ck_assert(str_eq(str_from(p->key), key));
	else
		ck_assert_ptr_null(p);
	principal_drop(p);
	return e->code;
}

START_TEST(found)
{
	char key[KEY_SIZE];
	struct world w;
	struct tenant one, two;
	struct err e;

	begin(&w);
	one = add_key(&w, 0, key);
	two = add_key(&w, 0, key);
	map(&w, "'idn_1', 'remote_user', 'ann'", one.id);
	map(&w, "'idn_2', 'client_dn', 'ann'", two.id);
	map(&w, "'idn_3', 'client_dn', 'CN=Jo''s,O=\xc3\x96'", two.id);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), one.id, &e), ERR_NONE);
	ck_assert_int_eq(
	    find(&w, IDENTITY_DN, STR("ann"), two.id, &e), ERR_NONE);
	ck_assert_int_eq(
	    find(&w, IDENTITY_DN, STR("CN=Jo's,O=\xc3\x96"), two.id, &e),
	    ERR_NONE);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("Ann"), one.id, &e), ERR_AUTH);
	ck_assert_str_eq(
	    e.msg, "Unauthorized: No API key is set for remote_user \"Ann\"");
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann "), one.id, &e), ERR_AUTH);
	/* The id of a key, and its secret, are nobody's names. */
	ck_assert_int_eq(find(&w, IDENTITY_USER, two.id, one.id, &e), ERR_AUTH);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, str_from(key), one.id, &e), ERR_AUTH);
	end(&w);
}
END_TEST

/* The memory is asked first, and never answers for the other kind. */
START_TEST(remembered)
{
	struct identity ann = { IDENTITY_USER, STR("ann") };
	char key[KEY_SIZE], text[IDENTITY_TEXT];
	const struct principal *p, *q;
	struct err e = { 0 };
	struct world w;
	struct tenant t;

	begin(&w);
	t = add_key(&w, 0, key);
	map(&w, "'idn_1', 'remote_user', 'ann'", t.id);
	ck_assert_int_eq(keys_identify(w.keys, &ann, 0, false, &p, &e), 1);
	ck_assert_int_eq(keys_identify(w.keys, &ann, 0, true, &p, &e), 0);
	ck_assert_int_eq(keys_identify(w.keys, &ann, 0, false, &q, &e), 0);
	ck_assert_ptr_eq(p, q);
	principal_drop(p);
	principal_drop(q);
	ann.kind = IDENTITY_DN;
	ck_assert_int_eq(keys_identify(w.keys, &ann, 0, false, &p, &e), 1);
	ck_assert_int_eq(keys_find(w.keys, STR("ann"), 0, &p, &e), -1);
	/* Not even what stands for him in the memory is a key. */
	ann.kind = IDENTITY_USER;
	ck_assert_int_eq(
	    keys_find(w.keys, identity_text(&ann, text), 0, &p, &e), -1);
	ck_assert_int_eq(e.code, ERR_AUTH);
	end(&w);
}
END_TEST

START_TEST(as_the_key)
{
	char key[KEY_SIZE];
	struct world w;
	struct tenant t;
	struct err e;

	begin(&w);
	t = add_key(&w, 1001, key);
	map(&w, "'idn_1', 'remote_user', 'ann'", t.id);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_NONE);
	run(&w, "UPDATE api_key SET expires_ms = 1000 WHERE id = ", t.id);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_KEY_EXPIRED);
	tenant_set_status(w.sql, TENANT_KEY, t.id, STR("inactive"), &e);
	keys_poll(w.keys, w.sql);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_KEY_INACTIVE);
	tenant_set_status(w.sql, TENANT_KEY, t.id, STR("deleted"), &e);
	keys_poll(w.keys, w.sql);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_AUTH);
	t = add_key(&w, 0, key);
	run(&w, "UPDATE identity SET key_id = ", t.id);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_NONE);
	run(&w, "DELETE FROM identity WHERE key_id = ", t.id);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_AUTH);
	sql_exec(w.sql, "DROP TABLE identity", &e);
	run(&w, "UPDATE api_key SET label = ", STR("x"));
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("bob"), t.id, &e), ERR_STORE);
	end(&w);
}
END_TEST

/* Who was nobody a moment ago may have got a key; there is no poll. */
START_TEST(made_later)
{
	char key[KEY_SIZE];
	struct err e = { 0 };
	struct world w;
	struct tenant t;

	begin(&w);
	w.conf.key_cache_ttl = 1;
	keys_close(w.keys);
	ck_assert_int_eq(keys_open(&w.keys, w.sql, &w.conf, &e), 0);
	t = add_key(&w, 0, key);
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_AUTH);
	ck_assert_int_eq(sql_exec(w.sql,
			     "INSERT INTO identity(id, kind, value, key_id,"
			     " created_ms, updated_ms) SELECT 'idn_1',"
			     " 'remote_user', 'ann', id, 1, 1 FROM api_key",
			     &e),
	    0);
	change_bump(w.sql, &e);
	for (int64_t at = clock_ms(); clock_ms() - at < 2;)
		;
	ck_assert_int_eq(
	    find(&w, IDENTITY_USER, STR("ann"), t.id, &e), ERR_NONE);
	end(&w);
}
END_TEST

START_TEST(refused)
{
	static char text[IDENTITY_MAX + 1];
	const struct str bad[] = { STR("a\nb"), STR("\x7f"), STR("\xff"),
		STR("\xc0\x80"), { "a\0b", 3 }, { text, sizeof(text) } };
	struct world w;
	struct err e;

	begin(&w);
	memset(text, 'a', sizeof(text));
	sql_exec(w.sql, "DROP TABLE identity", &e);
	for (size_t i = 0; i < NROWS(bad); i++) {
		ck_assert_int_eq(
		    find(&w, IDENTITY_DN, bad[i], STR_NONE, &e), ERR_AUTH);
		ck_assert_str_eq(e.msg,
		    "Unauthorized: the web server's client_dn must be 1 to 512 "
		    "bytes of UTF-8 without control characters");
	}
	end(&w);
}
END_TEST

CASE(case_identity)
{
	TCase *t = tcase_create("identity");

	tcase_add_test(t, found);
	tcase_add_test(t, remembered);
	tcase_add_test(t, as_the_key);
	tcase_add_test(t, made_later);
	tcase_add_test(t, refused);
	return t;
}
