/*
 * Which dialect a provider is asked in, and where.
 */
#include <stdlib.h>

#include "room.h"
#include "setup.h"

#define CHAT "openai-chat"
#define RESPONSES "openai-responses"
#define V1 "/v1/chat/completions"

/* clang-format off */
static const struct {
	const char *name;
	const char *var;  /* NAME=value of the environment, or NULL */
	const char *conf; /* a section, or NULL */
	const char *id;
	const char *from;
	unsigned caps;
	const char *dialect; /* NULL: it cannot be asked */
	const char *path;
} rows[] = {
{ "a chat", NULL, NULL, "openai", CHAT, 0, CHAT, V1 },
{ "responses are relayed", NULL, NULL, "openai", RESPONSES, 0, RESPONSES, "/v1/responses" },
{ "a model that is served as responses only", NULL, NULL, "openai", CHAT, LLM_WANTS_RESPONSES, RESPONSES, "/v1/responses" },
{ "who is only compatible", NULL, NULL, "groq", RESPONSES, 0, CHAT, V1 },
{ "and such a model there", NULL, NULL, "groq", CHAT, LLM_WANTS_RESPONSES, CHAT, V1 },
{ "Azure", NULL, NULL, "azure", RESPONSES, 0, RESPONSES, "/openai/v1/responses?api-version=preview" },
{ "Azure, a version", "LLM_AZURE_API_VERSION=v1", NULL, "azure", RESPONSES, 0, RESPONSES, "/openai/v1/responses?api-version=v1" },
{ "Azure, a dated version", "LLM_AZURE_API_VERSION=2024-10-21", NULL, "azure", RESPONSES, 0, RESPONSES, "/openai/v1/responses?api-version=preview" },
{ "Azure without", "LLM_AZURE_USE_RESPONSES_API=false", NULL, "azure", RESPONSES, 0, CHAT, "/openai/v1/chat/completions" },
{ "an operator's", NULL, "[provider own]\ndialect = openai-responses\nbase_url = http://127.0.0.1\n", "own", CHAT, 0, RESPONSES, "/v1/responses" },
{ "an operator's of chat", NULL, "[provider own]\ndialect = openai-chat\nbase_url = http://127.0.0.1\n", "own", RESPONSES, 0, CHAT, V1 },
{ "an operator's path", NULL, "[provider openai]\npath = /x\n", "openai", RESPONSES, 0, CHAT, "/x" },
};
/* clang-format on */

START_TEST(ways)
{
	struct setup s;
	const struct upstream *u;
	const struct way *w;
	unsigned deaf;

	setup_clear();
	if (rows[_i].var != NULL) {
		char *var = strdup(rows[_i].var), *eq = strchr(var, '=');

		*eq = '\0';
		setenv(var, eq + 1, 1);
		free(var);
	}
	ck_assert_msg(
	    setup_load(&s, rows[_i].conf == NULL ? "" : rows[_i].conf) == 0,
	    "%s", s.err.msg);
	u = providers_find(s.providers, str_from(rows[_i].id));
	ck_assert_ptr_nonnull(u);
	w = provider_way(
	    u, dialect_find(str_from(rows[_i].from)), rows[_i].caps, 0, &deaf);
	ck_assert_ptr_nonnull(w);
	ck_assert_str_eq(w->dialect->name, rows[_i].dialect);
	ck_assert_str_eq(w->path, rows[_i].path);
	setup_free(&s);
}
END_TEST

CASE(case_ways)
{
	TCase *t = tcase_create("ways");

	tcase_add_loop_test(t, ways, 0, NROWS(rows));
	return t;
}
