#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/file.h"
#include "base/scratch.h"
#include "room.h"

/* conf_load() of a text; *e.msg then begins with the file's last name. */
static int
load(struct conf *c, struct str text, struct err *e)
{
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];
	char *p;
	int rc;

	scratch_begin(dir);
	snprintf(path, sizeof(path), "%s/llmgw.conf", dir);
	*e = (struct err){ 0 };
	ck_assert_int_eq(file_write(path, text, 0600, e), 0);
	rc = conf_load(c, path, e);
	if (rc == -1 && (p = strstr(e->msg, "llmgw.conf")) != NULL)
		memmove(e->msg, p, strlen(p) + 1);
	scratch_end(dir);
	return rc;
}

static const char good[] = "\xef\xbb\xbf# a comment\n"
			   "  [llmgw]  ; and another\r\n"
			   "log_level = debug\r\n"
			   "    max_body_bytes=1g ; largest\n"
			   "timeout_connect: 2min\n"
			   "public_url = https://x.example/a=b#c;d\n"
			   "key_hash_secrets =  one,two\n"
			   "upstream_proxy = http://u:p@proxy:3128\n"
			   "metrics_token =\n"
			   "\n"
			   "[provider my-own.ai]\n"
			   "dialect = openai-chat\n"
			   "key = sk-1,sk-2\n"
			   "priority = 0.25\n"
			   "any_model = on\n"
			   "timeout_idle = 0\n"
			   "[model org/Llama_3.1:70b@x]\n"
			   "provider = my-own.ai/llama,other\n"
			   "context = 131072\n"
			   "[provider b]";

START_TEST(file)
{
	struct conf c;
	struct err e;

	ck_assert_msg(load(&c, str_from(good), &e) == 0, "%s", e.msg);
	ck_assert_str_eq(c.log_level, "debug");
	ck_assert_int_eq(c.max_body_bytes, 1 << 30);
	ck_assert_int_eq(c.timeout_connect, 120000);
	ck_assert_str_eq(c.public_url, "https://x.example/a=b#c;d");
	ck_assert_str_eq(c.key_hash_secrets, "one,two");
	ck_assert_str_eq(c.metrics_token, "");
	ck_assert_str_eq(c.providers->name, "my-own.ai");
	ck_assert_int_eq(c.providers->line, 11);
	ck_assert_int_eq(c.providers->priority_milli, 250);
	ck_assert(c.providers->any_model);
	ck_assert(c.providers->streaming);
	ck_assert_str_eq(c.providers->auth, "");
	ck_assert_str_eq(c.providers->next->name, "b");
	ck_assert_int_eq(c.providers->next->priority_milli, 1000);
	ck_assert_ptr_null(c.providers->next->next);
	ck_assert_str_eq(c.models->name, "org/Llama_3.1:70b@x");
	ck_assert_int_eq(c.models->context, 131072);
	ck_assert_str_eq(c.models->provider, "my-own.ai/llama,other");
	ck_assert_str_eq(c.models->input_price, "");
	conf_free(&c);
}
END_TEST

START_TEST(defaults)
{
	struct conf c;
	struct err e = { 0 };

	ck_assert_msg(conf_load(&c, NULL, &e) == 0, "%s", e.msg);
	ck_assert_ptr_null(c.path);
	ck_assert_int_eq(c.timeout_connect, 10 * 1000);
	ck_assert_int_eq(c.timeout_first_byte, 600 * 1000);
	ck_assert_int_eq(c.timeout_idle, 300 * 1000);
	ck_assert_int_eq(c.timeout_total_plain, 600 * 1000);
	ck_assert_int_eq(c.timeout_total_stream, 1200 * 1000);
	ck_assert_int_eq(c.timeout_gateway, 1500 * 1000);
	ck_assert_int_eq(c.timeout_client_write, 60 * 1000);
	ck_assert_int_eq(c.ping_interval, 15 * 1000);
	ck_assert_int_eq(c.health_timeout, 500);
	ck_assert_int_eq(c.drain_timeout, 300 * 1000);
	ck_assert_int_eq(c.key_cache_ttl, 2000);
	ck_assert_int_eq(c.max_body_bytes, 32 << 20);
	ck_assert_int_eq(c.max_upload_bytes, 64 << 20);
	ck_assert_int_eq(c.max_inflight, 10000);
	ck_assert_int_eq(c.max_fallback_providers, 2);
	ck_assert_int_eq(c.front_threads, 8);
	ck_assert_str_eq(c.key_prefix, "llmgtwy_");
	ck_assert_str_eq(c.stream_usage, "finish");
	ck_assert_str_eq(c.reasoning_field, "both");
	ck_assert_str_eq(c.error_format, "auto");
	ck_assert_str_eq(c.store_sql, "sqlite:/var/lib/llmgw/llmgw.db");
	ck_assert_str_eq(c.insecure_hosts, "localhost,127.0.0.0/8,::1");
	ck_assert(!c.models_require_key && !c.sim);
	ck_assert_ptr_null(c.providers);
	ck_assert_ptr_null(c.models);
	conf_free(&c);
	conf_free(&c);
}
END_TEST

static const struct {
	const char *text;
	const char *msg;
} bad[] = {
	{ "[llmgw]\n\nmax_boddy = 1\n",
	    "llmgw.conf:3: no setting \"max_boddy\" in [llmgw]" },
	{ "[provider x]\nlog_level = info\n",
	    "llmgw.conf:2: no setting \"log_level\" in [provider x]" },
	{ "log_level = info\n",
	    "llmgw.conf:1: setting \"log_level\" before the first section" },
	{ "[llmgw]\nlog_level = loud\n",
	    "llmgw.conf:2: log_level: \"loud\" is not one of "
	    "error|warn|info|debug" },
	{ "[llmgw]\nlog_level =\n",
	    "llmgw.conf:2: log_level: \"\" is not one of "
	    "error|warn|info|debug" },
	{ "[llmgw]\nfcgi_peers = 10.0.0.1, web1\n",
	    "llmgw.conf:2: fcgi_peers: \"web1\" is neither an address nor a "
	    "network" },
	{ "[llmgw]\ntrusted_proxies = 10.0.0.0/33\n",
	    "llmgw.conf:2: trusted_proxies: \"10.0.0.0/33\" is neither an "
	    "address nor a network" },
	{ "[llmgw]\nfcgi_peers = 10.0.0.1,,::1\n",
	    "llmgw.conf:2: fcgi_peers: \"\" is neither an address nor a "
	    "network" },
	{ "[llmgw]\nfcgi_users = ,\n",
	    "llmgw.conf:2: fcgi_users: there is no user \"\"" },
	{ "[llmgw]\nfcgi_users = root, no-such-user\n",
	    "llmgw.conf:2: fcgi_users: there is no user \"no-such-user\"" },
	{ "[llmgw]\nfcgi_users = -1\n",
	    "llmgw.conf:2: fcgi_users: there is no user \"-1\"" },
	{ "[llmgw]\nfcgi_users = 4294967296\n",
	    "llmgw.conf:2: fcgi_users: there is no user \"4294967296\"" },
	{ "[llmgw]\nfcgi_users = 4294967295\n",
	    "llmgw.conf:2: fcgi_users: there is no user \"4294967295\"" },
	{ "[llmgw]\nfcgi_users = 33,,34\n",
	    "llmgw.conf:2: fcgi_users: there is no user \"\"" },
	{ "[llmgw]\nsim = yes\n",
	    "llmgw.conf:2: sim: \"yes\" is not on or off" },
	{ "[llmgw]\nping_interval = 5m\n",
	    "llmgw.conf:2: ping_interval: \"5m\" is not a time as 500ms, "
	    "10s, 5min or 1h" },
	{ "[llmgw]\nping_interval = 5\n",
	    "llmgw.conf:2: ping_interval: \"5\" is not a time as 500ms, "
	    "10s, 5min or 1h" },
	{ "[llmgw]\nping_interval = 99ms\n",
	    "llmgw.conf:2: ping_interval: \"99ms\" is not within 100ms to 1h" },
	{ "[llmgw]\nping_interval = 2h\n",
	    "llmgw.conf:2: ping_interval: \"2h\" is not within 100ms to 1h" },
	{ "[llmgw]\nmax_inflight = -1\n",
	    "llmgw.conf:2: max_inflight: \"-1\" is not a whole number" },
	{ "[llmgw]\nmax_inflight = 10k\n",
	    "llmgw.conf:2: max_inflight: \"10k\" is not a whole number" },
	{ "[llmgw]\nmax_inflight = 99999999999999999999\n",
	    "llmgw.conf:2: max_inflight: \"99999999999999999999\" is not a "
	    "whole number" },
	{ "[llmgw]\nmax_body_bytes = 999999999999999g\n",
	    "llmgw.conf:2: max_body_bytes: \"999999999999999g\" is not a size "
	    "as 512, 64k, 32m or 1g" },
	{ "[provider x]\npriority = 1.2345\n",
	    "llmgw.conf:2: priority: \"1.2345\" is not a number with at most "
	    "three decimals" },
	{ "[provider x]\npriority = 1.\n",
	    "llmgw.conf:2: priority: \"1.\" is not a number with at most "
	    "three decimals" },
	{ "[provider x]\npriority = 1001\n",
	    "llmgw.conf:2: priority: \"1001\" is not within 0 to 1000" },
	{ "[llmgw]\nsim = on\nsim = off\n",
	    "llmgw.conf:3: setting \"sim\" is there twice in [llmgw]" },
	{ "[llmgw]\n[model m]\n[llmgw]\n",
	    "llmgw.conf:3: [llmgw] is there twice" },
	{ "[model m]\n[model n]\n\n[model m]\n",
	    "llmgw.conf:4: [model m] is already in line 1" },
	{ "[provider p]\n[provider  p ]\n",
	    "llmgw.conf:2: [provider p] is already in line 1" },
	{ "[gateway]\n", "llmgw.conf:1: no section [gateway]" },
	{ "[]\n", "llmgw.conf:1: no section []" },
	{ "[llmgw x]\n", "llmgw.conf:1: [llmgw] has no name" },
	{ "[provider]\n", "llmgw.conf:1: [provider NAME] needs a name" },
	{ "[provider Big]\n",
	    "llmgw.conf:1: \"Big\" has characters that no provider has" },
	{ "[model a b]\n",
	    "llmgw.conf:1: \"a b\" has characters that no model has" },
	{ "[llmgw\nsim = on\n", "llmgw.conf:1: no ] behind the section" },
	{ "[llmgw]\nsim = on\nnothing\nsim = x\n",
	    "llmgw.conf:3: neither a setting nor a section" },
	{ "[llmgw]\n    sim = on\n    going on\n",
	    "llmgw.conf:3: neither a setting nor a section" },
	{ "[llmgw]\nlog_file = a\tb\n",
	    "llmgw.conf:2: log_file: the value has a control character, or a "
	    "semicolon at its start or behind a blank" },
	{ "[llmgw]\nlog_file =;\n",
	    "llmgw.conf:2: log_file: the value has a control character, or a "
	    "semicolon at its start or behind a blank" },
};

START_TEST(mistake)
{
	struct conf c;
	struct err e;

	ck_assert_msg(
	    load(&c, str_from(bad[_i].text), &e) == -1, "%s", bad[_i].text);
	ck_assert_str_eq(e.msg, bad[_i].msg);
	ck_assert_int_eq(e.code, ERR_CONFIG);
}
END_TEST

START_TEST(long_lines)
{
	struct conf c;
	struct err e;
	struct buf b = BUF_LIMIT(40000);

	buf_add(&b, STR("[llmgw]\n"));
	buf_fmt(&b, "key_hash_secrets = %010000d\n", 7);
	ck_assert_msg(load(&c, buf_str(&b), &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(strlen(c.key_hash_secrets), 10000);
	conf_free(&c);
	buf_fmt(&b, "log_file = %020000d\n", 7);
	ck_assert_int_eq(load(&c, buf_str(&b), &e), -1);
	ck_assert_str_eq(e.msg, "llmgw.conf:3: line too long, or with a NUL");
	ck_assert_int_eq(load(&c, STR("[llmgw]\nsim\0 = on\n"), &e), -1);
	ck_assert_str_eq(e.msg, "llmgw.conf:2: line too long, or with a NUL");
	buf_clear(&b);
	buf_fmt(&b, "[model %0127d]\n", 7);
	ck_assert_msg(load(&c, buf_str(&b), &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(strlen(c.models->name), 127);
	conf_free(&c);
	buf_free(&b);
}
END_TEST

START_TEST(no_file)
{
	struct conf c;
	struct err e = { 0 };

	ck_assert_int_eq(conf_load(&c, "/none/llmgw.conf", &e), -1);
	ck_assert_str_eq(e.msg, "/none/llmgw.conf: No such file or directory");
	ck_assert_int_eq(conf_load(&c, "/", &e), -1);
	ck_assert_str_eq(e.msg, "/: cannot be read");
}
END_TEST

static const struct {
	const char *name, *value;
	const char *msg; /* or "" and it is taken */
} variables[] = {
	{ "LLMGW_LOG_LEVEL", "warn", "" },
	{ "LLMGW_MAX_BODY_BYTES", " 2m ", "" },
	{ "LLMGW_CONF", "/x", "" },
	{ "LLMGW_SNIPPET", "x", "" },
	{ "LLM_OPENAI_API_KEY", "x", "" },
	{ "LLMGW_MAX_BODDY", "1",
	    "environment: no setting for LLMGW_MAX_BODDY" },
	{ "LLMGW_log_level", "info",
	    "environment: no setting for LLMGW_log_level" },
	{ "LLMGW_", "1", "environment: no setting for LLMGW_" },
	{ "LLMGW_DIALECT", "x", "environment: no setting for LLMGW_DIALECT" },
	{ "LLMGW_SIM", "1", "environment: LLMGW_SIM: \"1\" is not on or off" },
};

START_TEST(environment)
{
	struct conf c;
	struct err e;

	setenv(variables[_i].name, variables[_i].value, 1);
	if (load(&c, STR("[llmgw]\nlog_level = debug\n"), &e) == -1)
		ck_assert_str_eq(e.msg, variables[_i].msg);
	else {
		ck_assert_str_eq("", variables[_i].msg);
		ck_assert_str_eq(c.log_level, _i == 0 ? "warn" : "debug");
		ck_assert_int_eq(
		    c.max_body_bytes, _i == 1 ? 2 << 20 : 32 << 20);
		conf_free(&c);
	}
	unsetenv(variables[_i].name);
}
END_TEST

START_TEST(path)
{
	setenv("LLMGW_CONF", "/x", 1);
	ck_assert_str_eq(conf_path("/y"), "/y");
	ck_assert_str_eq(conf_path(NULL), "/x");
	unsetenv("LLMGW_CONF");
}
END_TEST

/* The text of conf_dump(); free it. */
static char *
dump(const struct conf *c)
{
	char *p = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&p, &n);

	conf_dump(c, f);
	fclose(f);
	return p;
}

START_TEST(round_trip)
{
	struct conf c;
	struct err e;
	char *first, *second;

	ck_assert_msg(load(&c, str_from(good), &e) == 0, "%s", e.msg);
	first = dump(&c);
	conf_free(&c);
	ck_assert_ptr_null(strstr(first, "one,two"));
	ck_assert_ptr_null(strstr(first, "sk-1"));
	ck_assert_ptr_null(strstr(first, "u:p"));
	ck_assert_ptr_nonnull(strstr(first, "\n# key_hash_secrets (set)\n"));
	ck_assert_ptr_nonnull(strstr(first, "\n# upstream_proxy (set)\n"));
	ck_assert_ptr_nonnull(strstr(first, "\nmax_body_bytes = 1g\n"));
	ck_assert_ptr_nonnull(strstr(first, "\ntimeout_gateway = 25min\n"));
	ck_assert_ptr_nonnull(strstr(first, "\nhealth_timeout = 500ms\n"));
	ck_assert_ptr_nonnull(strstr(first, "\npriority = 0.250\n"));
	ck_assert_ptr_nonnull(strstr(first, "\n[provider b]\n"));

	ck_assert_msg(load(&c, str_from(first), &e) == 0, "%s", e.msg);
	ck_assert_str_eq(c.key_hash_secrets, "");
	ck_assert_str_eq(
	    c.key_hash_secrets_file, "/var/lib/llmgw/key_hash_secrets");
	ck_assert_str_eq(c.public_url, "https://x.example/a=b#c;d");
	/* Only the secrets are gone; put them back and it is the same. */
	c.key_hash_secrets = arena_cstr(c.arena, STR("x"));
	c.key_hash_secrets_file = arena_cstr(c.arena, STR(""));
	c.upstream_proxy = arena_cstr(c.arena, STR("http://a:b@c"));
	c.providers->key = arena_cstr(c.arena, STR("x"));
	second = dump(&c);
	ck_assert_str_eq(second, first);
	conf_free(&c);
	free(first);
	free(second);
}
END_TEST

CASE(case_conf)
{
	TCase *t = tcase_create("conf");

	tcase_add_test(t, file);
	tcase_add_test(t, defaults);
	tcase_add_loop_test(t, mistake, 0, NROWS(bad));
	tcase_add_test(t, long_lines);
	tcase_add_test(t, no_file);
	tcase_add_loop_test(t, environment, 0, NROWS(variables));
	tcase_add_test(t, path);
	tcase_add_test(t, round_trip);
	return t;
}
