#include <ctype.h>

#include "json/jscan.h"
#include "provider/option.h"

#define OPTION_MAX 63
#define NAMES_MAX 5

static const struct {
	const char *provider;
	const char *names[NAMES_MAX]; /* NULL behind the last */
} known[] = {
	{ "alibaba", { "workspace_id" } },
	{ "aws-bedrock", { "region" } },
	{ "aws-mantle", { "region" } },
	{ "azure",
	    { "resource", "deployment_type", "api_version",
		"use_responses_api" } },
	{ "azure-ai-foundry", { "resource", "api_version" } },
	{ "azure-anthropic", { "resource" } },
	{ "google-vertex", { "project", "region", "token_type" } },
	{ "vertex-anthropic", { "project", "region" } },
	{ "vertex-openai", { "project", "region" } },
};

/* Where only some words will do; for the others, what else than a letter, a
 * digit or a dash there may be: values go into hosts, paths and headers. */
static const struct {
	const char *name;
	const char *words[2];
	const char *also;
} forms[] = {
	{ "api_version", { NULL }, "_." },
	{ "deployment_type", { "ai-foundry", "openai" }, NULL },
	{ "project", { NULL }, ".:" }, /* "example.com:name" */
	{ "token_type", { "api-key", "oauth" }, NULL },
	{ "use_responses_api", { "true", "false" }, NULL },
	{ "workspace_id", { NULL }, "_" },
};

int
option_bad(struct err *e, const char *param, const char *why)
{
	e->param = str_from(param);
	return err_set(
	    e, ERR_BAD_PARAM, "Invalid request parameters: %s: %s", param, why);
}

struct str
option_text(struct str raw, struct arena *a)
{
	return str_is(raw, "true") || str_is(raw, "false") ? raw :
							     jscan_text(raw, a);
}

static const char *const *
names_of(const struct provider *row)
{
	static const char *const none[] = { NULL };

	for (size_t i = 0; row != NULL && i < NROWS(known); i++)
		if (strcmp(known[i].provider, row->id) == 0)
			return known[i].names;
	return none;
}

static bool
is_plain(struct str v, const char *also)
{
	for (size_t i = 0; i < v.n; i++)
		if (!isalnum((unsigned char)v.p[i]) && v.p[i] != '-' &&
		    (v.p[i] == '\0' || strchr(also, v.p[i]) == NULL))
			return false;
	return v.n > 0 && v.n <= OPTION_MAX;
}

static int
check_form(struct arena *a, const char *name, struct str v, struct err *e)
{
	const char *also = "";

	for (size_t i = 0; i < NROWS(forms); i++) {
		if (strcmp(forms[i].name, name) != 0)
			continue;
		if (forms[i].also != NULL) {
			also = forms[i].also;
			continue;
		}
		if (str_is(v, forms[i].words[0]) ||
		    str_is(v, forms[i].words[1]))
			return 0;
		return option_bad(e, "options",
		    arena_fmt(a, "%s must be %s or %s", name, forms[i].words[0],
			forms[i].words[1])
			.p);
	}
	if (is_plain(v, also))
		return 0;
	return option_bad(e, "options",
	    arena_fmt(a, "%s must be 1 to %d letters, digits and dashes", name,
		OPTION_MAX)
		.p);
}

int
option_check(
    const struct provider *row, struct str json, struct arena *a, struct err *e)
{
	const char *const *names = names_of(row), *const * n;
	struct jmember m;
	struct jiter it;

	if (json.n == 0)
		return 0;
	if (!jscan_is_object(json))
		return option_bad(e, "options", "must be an object");
	for (it = jscan_into(json); jscan_next(&it, &m);) {
		for (n = names; *n != NULL; n++)
			if (jscan_key_is(m.key, str_from(*n)))
				break;
		if (*n == NULL)
			return option_bad(e, "options",
			    arena_fmt(a, "%.*s is no option of this provider",
				(int)(m.key.n < 64 ? m.key.n : 64), m.key.p)
				.p);
		if (check_form(a, *n, option_text(m.raw, a), e) == -1)
			return -1;
	}
	return 0;
}
