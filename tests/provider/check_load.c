#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scratch.h"
#include "http/certificate.h"
#include "room.h"
#include "setup.h"

#define NENV 4

/* A file, an environment, and what becomes of one provider. */
static const struct {
	const char *name;
	const char *conf;
	const char *env[NENV][2];
	const char *id;
	const char *url;  /* "-": not usable; "": an error */
	const char *keys; /* or a part of the error */
} cases[] = {
	{ "list of keys, blanks go", "",
	    { { "LLM_OPENAI_API_KEY", " a , b,,c " } }, "openai",
	    "https://api.openai.com/v1/chat/completions", "a b c" },
	{ "no key", "", { { NULL, NULL } }, "openai", "-", "" },
	{ "empty variable is none", "", { { "LLM_OPENAI_API_KEY", "" } },
	    "openai", "-", "" },
	{ "the vendor's name", "", { { "OPENAI_API_KEY", "v" } }, "openai",
	    "https://api.openai.com/v1/chat/completions", "v" },
	{ "ours before the vendor's", "",
	    { { "OPENAI_API_KEY", "v" }, { "LLM_OPENAI_API_KEY", "o" } },
	    "openai", "https://api.openai.com/v1/chat/completions", "o" },
	{ "file before the vendor's", "[provider openai]\nkey = f\n",
	    { { "OPENAI_API_KEY", "v" } }, "openai",
	    "https://api.openai.com/v1/chat/completions", "f" },
	{ "variable before the file", "[provider openai]\nkey = f\n",
	    { { "LLM_OPENAI_API_KEY", "o" } }, "openai",
	    "https://api.openai.com/v1/chat/completions", "o" },
	{ "base URL with version", "",
	    { { "LLM_OPENAI_API_KEY", "k" },
		{ "LLM_OPENAI_BASE_URL", "http://127.0.0.1:9101/v1" } },
	    "openai", "http://127.0.0.1:9101/v1/chat/completions", "k" },
	{ "base URL without version", "",
	    { { "LLM_OPENAI_API_KEY", "k" },
		{ "LLM_OPENAI_BASE_URL", "http://127.0.0.1:9101" } },
	    "openai", "http://127.0.0.1:9101/v1/chat/completions", "k" },
	{ "base URL of an exception", "",
	    { { "LLM_X_AI_API_KEY", "k" },
		{ "LLM_X_AI_BASE_URL", "https://eu.x.ai/" } },
	    "xai", "https://eu.x.ai/v1/chat/completions", "k" },
	{ "http elsewhere", "",
	    { { "LLM_OPENAI_BASE_URL", "http://10.0.0.1" } }, "openai", "",
	    "LLM_OPENAI_BASE_URL: http is only for hosts in" },
	{ "insecure host", "[llmgw]\ninsecure_hosts = 10.0.0.0/8, gpu\n",
	    { { "LLM_OPENAI_API_KEY", "k" },
		{ "LLM_OPENAI_BASE_URL", "http://10.0.0.1" } },
	    "openai", "http://10.0.0.1/v1/chat/completions", "k" },
	{ "no URL", "", { { "LLM_GROQ_BASE_URL", "api.groq.com" } }, "groq", "",
	    "LLM_GROQ_BASE_URL: no http or https URL" },
	{ "user in the URL", "",
	    { { "LLM_GROQ_BASE_URL", "https://u:p@api.groq.com" } }, "groq", "",
	    "LLM_GROQ_BASE_URL: user name in the URL" },
	{ "key with a line end", "",
	    { { "LLM_GROQ_API_KEY", "a\r\nX-Evil: 1" } }, "groq", "",
	    "LLM_GROQ_API_KEY: a key" },
	{ "key with a blank", "", { { "LLM_GROQ_API_KEY", "a b" } }, "groq", "",
	    "LLM_GROQ_API_KEY: a key" },
	{ "too many keys", "",
	    { { "LLM_GROQ_API_KEY", "1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h" } },
	    "groq", "", "LLM_GROQ_API_KEY: more than 16 keys" },
	{ "key file that is not there", "",
	    { { "LLM_GROQ_API_KEY_FILE", "/nonexistent/key" } }, "groq", "",
	    "LLM_GROQ_API_KEY_FILE: /nonexistent/key" },

	{ "azure resource", "",
	    { { "LLM_AZURE_API_KEY", "k" }, { "LLM_AZURE_RESOURCE", "r" } },
	    "azure", "https://r.openai.azure.com/openai/v1/chat/completions",
	    "k" },
	{ "azure base URL in full", "",
	    { { "AZURE_OPENAI_API_KEY", "k" },
		{ "LLM_AZURE_BASE_URL",
		    "https://r.openai.azure.com/openai/v1/" } },
	    "azure", "https://r.openai.azure.com/openai/v1/chat/completions",
	    "k" },
	{ "azure without either", "", { { "LLM_AZURE_API_KEY", "k" } }, "azure",
	    "-", "k" },
	{ "azure resource with a host in it", "",
	    { { "LLM_AZURE_RESOURCE", "evil.com/" } }, "azure", "",
	    "LLM_AZURE_RESOURCE: must be" },
	{ "azure deployment", "",
	    { { "LLM_AZURE_API_KEY", "k" }, { "LLM_AZURE_RESOURCE", "r" },
		{ "LLM_AZURE_DEPLOYMENT_TYPE", "openai" } },
	    "azure",
	    "https://r.openai.azure.com/openai/deployments/a%2Fb/chat/"
	    "completions?api-version=2024-10-21",
	    "k" },
	{ "azure v1 with a version that is none of a date", "",
	    { { "LLM_AZURE_API_KEY", "k" }, { "LLM_AZURE_RESOURCE", "r" },
		{ "LLM_AZURE_API_VERSION", "preview" } },
	    "azure",
	    "https://r.openai.azure.com/openai/v1/chat/completions"
	    "?api-version=preview",
	    "k" },
	{ "foundry version", "",
	    { { "LLM_AZURE_AI_FOUNDRY_API_KEY", "k" },
		{ "LLM_AZURE_AI_FOUNDRY_RESOURCE", "r" },
		{ "LLM_AZURE_AI_FOUNDRY_API_VERSION", "2025-01-01" } },
	    "azure-ai-foundry",
	    "https://r.services.ai.azure.com/models/chat/completions"
	    "?api-version=2025-01-01",
	    "k" },
	{ "bad version", "",
	    { { "LLM_AZURE_AI_FOUNDRY_API_VERSION", "1 HTTP/1.1" } },
	    "azure-ai-foundry", "", "bad path" },

	{ "no key needed", "",
	    { { "LLM_VLLM_BASE_URL", "http://localhost:8000" } }, "vllm",
	    "http://localhost:8000/v1/chat/completions", "" },
	{ "not configured", "", { { NULL, NULL } }, "vllm", "-", "" },
	{ "simulation is off", "", { { NULL, NULL } }, "sim", NULL, "" },
	{ "simulation elsewhere",
	    "[llmgw]\nsim = on\nsim_url = http://10.1.1.1/s\n",
	    { { NULL, NULL } }, "sim", "http://10.1.1.1/s/v1/chat/completions",
	    "" },

	{ "own provider", "[provider gpu]\nbase_url = http://10.9.8.7/v1\n",
	    { { NULL, NULL } }, "gpu", "http://10.9.8.7/v1/chat/completions",
	    "" },
	{ "own provider with path and key",
	    "[provider my-gpu]\nbase_url = https://gpu.example.org\n"
	    "path = /x/chat\nkey = k1, k2\n",
	    { { NULL, NULL } }, "my-gpu", "https://gpu.example.org/x/chat",
	    "k1 k2" },
	{ "own provider, key of the environment",
	    "[provider my-gpu]\nbase_url = https://gpu.example.org\n",
	    { { "LLM_MY_GPU_API_KEY", "e" } }, "my-gpu",
	    "https://gpu.example.org/v1/chat/completions", "e" },
	{ "own provider on the open net",
	    "[provider gpu]\nbase_url = http://gpu.example.org/v1\n",
	    { { NULL, NULL } }, "gpu", "", ":1: base_url: http is only for" },
	{ "own provider without URL", "\n[provider gpu]\nkey = x\n",
	    { { NULL, NULL } }, "gpu", "",
	    ":2: [provider gpu] needs a base_url" },
	{ "built-in row changed",
	    "[provider groq]\nbase_url = http://127.0.0.1:1/openai/v1\n"
	    "auth = none\n",
	    { { NULL, NULL } }, "groq",
	    "http://127.0.0.1:1/openai/v1/chat/completions", "" },
	{ "two at one host",
	    "[provider a]\nbase_url = https://h.example.org\nkey = 1\n"
	    "[provider b]\nbase_url = https://h.example.org\nkey = 2\n",
	    { { NULL, NULL } }, "b",
	    "https://h.example.org/v1/chat/completions", "2" },
	{ "unknown dialect",
	    "[provider a]\nbase_url = https://h\ndialect = klingon\n",
	    { { NULL, NULL } }, "a", "", ":1: no dialect \"klingon\"" },
	{ "unknown quirk",
	    "[provider a]\nbase_url = https://h\nquirks = strict, odd\n",
	    { { NULL, NULL } }, "a", "", ":1: no quirk \"odd\"" },
	{ "bad path", "[provider a]\nbase_url = https://h\npath = v1/chat\n",
	    { { NULL, NULL } }, "a", "", ":1: bad path" },
};

static void
expect_upstream(const struct setup *s, struct arena *a, int i)
{
	struct target t = { .model = STR("a/b") };
	struct buf keys = BUF_LIMIT(1000);
	struct sent q;
	int k;

	t.upstream = providers_find(s->providers, str_from(cases[i].id));
	if (cases[i].url == NULL) {
		ck_assert_ptr_null(t.upstream);
		return;
	}
	ck_assert_ptr_nonnull(t.upstream);
	for (k = 0; k < t.upstream->nkeys; k++) {
		if (k > 0)
			buf_addc(&keys, ' ');
		buf_add(&keys, secret_str(&t.upstream->keys[k]));
	}
	buf_addc(&keys, '\0');
	ck_assert_msg(strcmp(keys.p, cases[i].keys) == 0, "%s: keys \"%s\"",
	    cases[i].name, keys.p);
	buf_free(&keys);
	ck_assert_msg(upstream_usable(t.upstream) == (*cases[i].url != '-'),
	    "%s: usable", cases[i].name);
	if (*cases[i].url == '-')
		return;
	q = setup_send(a, &t, "{\"model\":\"x\"}");
	ck_assert_msg(q.rc == 0, "%s: %s", cases[i].name, q.err.msg);
	ck_assert_msg(
	    strcmp(q.url, cases[i].url) == 0, "%s: %s", cases[i].name, q.url);
}

START_TEST(load)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct setup s;
	int i, rc;

	setup_clear();
	for (i = 0; i < NENV && cases[_i].env[i][0] != NULL; i++)
		setenv(cases[_i].env[i][0], cases[_i].env[i][1], 1);
	rc = setup_load(&s, cases[_i].conf);
	if (cases[_i].url != NULL && *cases[_i].url == '\0') {
		ck_assert_msg(rc == -1, "%s: loaded", cases[_i].name);
		ck_assert_msg(strstr(s.err.msg, cases[_i].keys) != NULL,
		    "%s: %s", cases[_i].name, s.err.msg);
		ck_assert_int_eq(s.err.code, ERR_CONFIG);
	} else {
		ck_assert_msg(rc == 0, "%s: %s", cases[_i].name, s.err.msg);
		expect_upstream(&s, a, _i);
	}
	setup_free(&s);
	arena_free(a);
	setup_clear();
}
END_TEST

static void
write_key(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static void
expect_key(const char *conf, const char *key)
{
	const struct upstream *u;
	struct setup s;

	if (setup_load(&s, conf) == -1)
		ck_assert_msg(key == NULL, "%s", s.err.msg);
	else {
		u = providers_find(s.providers, STR("groq"));
		ck_assert_int_eq(u->nkeys, 1);
		ck_assert(str_is(secret_str(&u->keys[0]), key));
	}
	setup_free(&s);
}

START_TEST(key_files)
{
	char dir[] = "/tmp/llmgw-keys-XXXXXX", path[64], conf[160];

	setup_clear();
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/LLM_GROQ_API_KEY", dir);
	snprintf(conf, sizeof(conf), "[provider groq]\nkey_file = %s\n", path);
	write_key(path, "from-file \nrest\n", 0600);
	expect_key(conf, "from-file");
	setenv("LLM_GROQ_API_KEY_FILE", path, 1);
	expect_key("", "from-file");
	unsetenv("LLM_GROQ_API_KEY_FILE");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	expect_key("", "from-file");
	setenv("GROQ_API_KEY", "vendor", 1);
	expect_key("", "vendor");
	unsetenv("CREDENTIALS_DIRECTORY");
	chmod(path, 0644);
	expect_key(conf, NULL);
	unlink(path);
	rmdir(dir);
	setup_clear();
}
END_TEST

START_TEST(settings)
{
	const struct upstream *u;
	char dir[SCRATCH_PATH], pem[SCRATCH_PATH + 16], text[1000];
	struct setup s;
	int i;

	setup_clear();
	scratch_begin(dir);
	snprintf(pem, sizeof(pem), "%s/file.pem", dir);
	snprintf(text, sizeof(text),
	    "[provider aaa]\nbase_url = https://h\nany_model = on\n"
	    "client_certificate = %s\n",
	    pem);
	ck_assert_int_eq(setup_load(&s, text), -1);
	ck_assert_msg(strstr(s.err.msg, ":1: cannot read") != NULL, "%s",
	    s.err.msg);
	setup_free(&s);
	certificate_write(pem, KEY_OWN);
	snprintf(text, sizeof(text),
		"[llmgw]\ntimeout_idle = 7s\n"
		"[provider aaa]\nbase_url = https://h\nany_model = on\n"
		"streaming = off\ntimeout_first_byte = 9s\n"
		"quirks = strict,nine_ids\nauth = x-api-key\nkey = k\n"
		"ca_file = %s\nclient_certificate = %s\n"
		"[provider openai]\nquirks = none\n",
	    pem, pem);
	ck_assert_msg(setup_load(&s, text) == 0, "%s", s.err.msg);
	u = providers_find(s.providers, STR("aaa"));
	ck_assert(u->any_model && u->no_stream);
	ck_assert_int_eq(u->timeout_first_byte, 9000);
	ck_assert_int_eq(u->timeout_idle, 7000);
	ck_assert_uint_eq(u->quirks, QUIRK_STRICT | QUIRK_NINE_IDS);
	ck_assert_int_eq(u->auth, AUTH_X_API_KEY);
	ck_assert_str_eq(u->way.ca_file, pem);
	ck_assert_str_eq(u->way.certificate, pem);
	ck_assert_ptr_null(u->way.proxy);
	ck_assert_uint_eq(
	    providers_find(s.providers, STR("openai"))->quirks, 0);
	for (i = 1; i < providers_count(s.providers); i++)
		ck_assert_int_lt(str_cmp(providers_at(s.providers, i - 1)->id,
				     providers_at(s.providers, i)->id),
		    0);
	setup_free(&s);
	scratch_end(dir);
}
END_TEST

CASE(case_load)
{
	TCase *c = tcase_create("load");

	tcase_add_loop_test(c, load, 0, (int)NROWS(cases));
	tcase_add_test(c, key_files);
	tcase_add_test(c, settings);
	return c;
}
