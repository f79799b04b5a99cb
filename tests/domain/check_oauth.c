#include <stdio.h>

#include "domain/oauth.h"
#include "domain/tenant.h"
#include "room.h"
#include "stores.h"

#define NOW INT64_C(1795300000000)
#define BACK "https://client.example/back"

struct world {
	char dir[SCRATCH_PATH];
	char url[STORE_URL];
	char secrets[32], none[1], prefix[16];
	struct conf conf;
	struct arena *a;
	struct sql *sql;
	struct keys *keys;
};

static void
set_secrets(struct world *w, const char *text)
{
	struct err e = { 0 };

	keys_close(w->keys);
	snprintf(w->secrets, sizeof(w->secrets), "%s", text);
	ck_assert_int_eq(keys_open(&w->keys, w->sql, &w->conf, &e), 0);
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
	w->a = arena_new(4096, SIZE_MAX);
	ck_assert_msg(
	    sql_open(&w->sql, w->url, SQL_WRITE, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(sql_migrate(w->sql, &e), 0);
	set_secrets(w, "one");
}

static void
end(struct world *w)
{
	keys_close(w->keys);
	sql_close(w->sql);
	arena_free(w->a);
	scratch_end(w->dir);
}

/* RFC 7636, appendix B. */
START_TEST(challenge)
{
	char out[OAUTH_CHALLENGE + 1];

	oauth_challenge(
	    STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), out);
	ck_assert_str_eq(out, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
	ck_assert(oauth_verifier_good(
	    STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
	ck_assert(!oauth_verifier_good(
	    STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX")));
	ck_assert(!oauth_verifier_good(
	    STR("dBjftJeZ4CVP+mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
}
END_TEST

static const struct {
	const char *uri;
	bool good;
} redirects[] = {
	{ "https://x", true },
	{ "https://x.example/a?b=c&d", true },
	{ "http://localhost", true },
	{ "http://localhost:1/x", true },
	{ "http://127.0.0.1?x", true },
	{ "http://[::1]:65535/", true },
	{ "https://", false },
	{ "https:///x", false },
	{ "http://x", false },
	{ "http://localhostx/", false },
	{ "http://127.0.0.1.example/", false },
	{ "http://127.0.0.1@x/", false },
	{ "https://x/#y", false },
	{ "https://x/ y", false },
	{ "https://x/\"", false },
	{ "https://x/\n", false },
	{ "https://x/\xc3\xa4", false },
	{ "custom:/x", false },
	{ "", false },
};

START_TEST(redirect)
{
	ck_assert_msg(oauth_redirect_good(str_from(redirects[_i].uri)) ==
		redirects[_i].good,
	    "%s", redirects[_i].uri);
}
END_TEST

START_TEST(listed)
{
	struct str list = STR("[\"" BACK "\",\"http://127.0.0.1:1/cb\","
			      "\"http://localhost/cb?x\"]");

	ck_assert(oauth_redirect_listed(list, STR(BACK)));
	ck_assert(!oauth_redirect_listed(list, STR(BACK "/")));
	ck_assert(!oauth_redirect_listed(list, STR(BACK ":1")));
	ck_assert(oauth_redirect_listed(list, STR("http://127.0.0.1:77/cb")));
	ck_assert(oauth_redirect_listed(list, STR("http://127.0.0.1/cb")));
	ck_assert(!oauth_redirect_listed(list, STR("http://127.0.0.1:1/cb2")));
	ck_assert(!oauth_redirect_listed(list, STR("http://[::1]:1/cb")));
	ck_assert(oauth_redirect_listed(list, STR("http://localhost:9/cb?x")));
	ck_assert(!oauth_redirect_listed(list, STR("http://localhost:9/cb")));
	ck_assert(!oauth_redirect_listed(STR("[]"), STR(BACK)));
}
END_TEST

START_TEST(codes)
{
	const struct oauth_grant g = { STR("llmgc_a"), STR(BACK), STR("c") };
	/* The same bytes, divided in another way. */
	const struct oauth_grant moved = { STR("llmgc_"), STR("a" BACK),
		STR("c") };
	char code[OAUTH_CODE_SIZE], other[OAUTH_CODE_SIZE];
	struct world w;

	begin(&w);
	oauth_code_make(w.keys, &g, NOW, code);
	oauth_code_make(w.keys, &g, NOW, other);
	ck_assert_str_ne(code, other);
	ck_assert(oauth_code_good(w.keys, str_from(code), &g, NOW));
	ck_assert(oauth_code_good(
	    w.keys, str_from(code), &g, NOW + OAUTH_CODE_MS));
	ck_assert(!oauth_code_good(
	    w.keys, str_from(code), &g, NOW + OAUTH_CODE_MS + 1));
	ck_assert(!oauth_code_good(w.keys, str_from(code), &moved, NOW));
	for (size_t i = 0; i < strlen(code); i++) {
		memcpy(other, code, sizeof(code));
		other[i] = other[i] == 'A' ? 'B' : 'A';
		ck_assert(!oauth_code_good(w.keys, str_from(other), &g, NOW));
	}
	/* A secret that was replaced counts while it is there. */
	set_secrets(&w, "two,one");
	ck_assert(oauth_code_good(w.keys, str_from(code), &g, NOW));
	set_secrets(&w, "two");
	ck_assert(!oauth_code_good(w.keys, str_from(code), &g, NOW));
	end(&w);
}
END_TEST

START_TEST(once)
{
	const struct oauth_grant g = { STR("llmgc_a"), STR(BACK), STR("c") };
	char code[OAUTH_CODE_SIZE], later[OAUTH_CODE_SIZE];
	struct err e = { 0 };
	struct world w;

	begin(&w);
	oauth_code_make(w.keys, &g, NOW, code);
	oauth_code_make(w.keys, &g, NOW + OAUTH_CODE_MS, later);
	ck_assert_int_eq(oauth_code_take(w.sql, str_from(code), NOW, &e), 1);
	ck_assert_int_eq(oauth_code_take(w.sql, str_from(code), NOW, &e), 0);
	ck_assert_int_eq(oauth_code_take(w.sql, STR("x"), NOW, &e), 0);
	/* The first is forgotten when it is too old to be good. */
	ck_assert_int_eq(oauth_code_take(w.sql, str_from(later),
			     NOW + OAUTH_CODE_MS + 1, &e),
	    1);
	ck_assert_int_eq(oauth_code_take(w.sql, str_from(code), NOW, &e), 1);
	end(&w);
}
END_TEST

START_TEST(clients)
{
	struct oauth_client c = { .redirects = STR("[\"" BACK "\"]") }, found;
	struct err e = { 0 };
	struct tenant t;
	struct world w;
	struct sql_stmt *st;

	begin(&w);
	ck_assert_int_eq(tenant_bootstrap(w.sql, w.a, &t, &e), 0);
	st = sql_prepare(w.sql,
	    "INSERT INTO api_key(id, project_id, label, digest, masked,"
	    " created_ms, updated_ms) VALUES ('key_1', ?1, 'l', ?2, 'm', 1, 1)",
	    &e);
	sql_bind_str(st, 1, t.id);
	sql_bind_blob(st, 2, STR("digest"));
	ck_assert_msg(sql_run(st, &e) == 0, "%s", e.msg);
	str_copy(c.key, sizeof(c.key), STR("key_1"));
	for (int i = 0; i < OAUTH_CLIENTS_MAX; i++)
		ck_assert_msg(
		    oauth_client_add(w.sql, &c, NOW, &e) == 0, "%s", e.msg);
	ck_assert(str_starts(str_from(c.id), "llmgc_"));
	ck_assert_uint_eq(strlen(c.id), 26);
	ck_assert_int_eq(
	    oauth_client_find(w.sql, str_from(c.id), w.a, &found, &e), 1);
	ck_assert_str_eq(found.key, "key_1");
	ck_assert(str_eq(found.redirects, c.redirects));
	ck_assert_int_eq(oauth_client_find(w.sql,
			     STR("llmgc_aaaaaaaaaaaaaaaaaaaa"), w.a, &found, &e),
	    0);
	ck_assert_int_eq(oauth_client_add(w.sql, &c, NOW, &e), -1);
	ck_assert_int_eq(e.code, ERR_BAD_PARAM);
	end(&w);
}
END_TEST

CASE(case_oauth)
{
	TCase *t = tcase_create("oauth");

	tcase_add_test(t, challenge);
	tcase_add_loop_test(t, redirect, 0, NROWS(redirects));
	tcase_add_test(t, listed);
	tcase_add_test(t, codes);
	tcase_add_test(t, once);
	tcase_add_test(t, clients);
	return t;
}
