#include <stdlib.h>

#include "room.h"
#include "setup.h"

#define PLAIN (LLM_CAN_CHAT | LLM_CAN_PLAIN | LLM_CAN_STREAM)
#define O4 (PLAIN | LLM_WANTS_MAX_COMPLETION | LLM_WANTS_NO_SAMPLING)

/* What a client sends, and what the provider gets ("model" is first). */
static const struct {
	const char *name;
	const char *provider;
	unsigned caps;
	const char *in;  /* behind {"model":"x", */
	const char *out; /* behind {"model":"m", */
	const char *dropped;
} cases[] = {
	{ "unknown members stay", "together-ai", PLAIN,
	    "\"foo\": [1 , 2],\"max_tokens\":5",
	    "\"foo\":[1 , 2],"
	    "\"max_tokens\":5",
	    "" },
	{ "reasoning model", "openai", O4,
	    "\"max_tokens\":50,\"temperature\":0.2,\"top_p\":1.0,"
	    "\"presence_penalty\":0.1,\"logit_bias\":{\"1\":1},"
	    "\"reasoning_effort\":\"low\"",
	    "\"max_completion_tokens\":50,\"reasoning_effort\":\"low\"",
	    "temperature,presence_penalty,logit_bias" },
	{ "told not to reason", "openai", O4,
	    "\"temperature\":0.2,\"reasoning_effort\":\"none\"",
	    "\"temperature\":0.2,\"reasoning_effort\":\"none\"", "" },
	{ "both limits", "azure", O4,
	    "\"max_tokens\":5,\"max_completion_tokens\":5",
	    "\"max_completion_tokens\":5", "" },
	{ "wants elsewhere: names stay", "together-ai", O4, "\"max_tokens\":5",
	    "\"max_tokens\":5", "" },
	{ "trap 101: effort beside tools", "openai", PLAIN | LLM_WANTS_NO_TOOL_EFFORT,
	    "\"tools\":[{}],\"reasoning_effort\":\"high\"", "\"tools\":[{}]",
	    "reasoning_effort" },
	{ "effort without tools", "openai", PLAIN | LLM_WANTS_NO_TOOL_EFFORT,
	    "\"tools\":[],\"reasoning_effort\":\"high\"",
	    "\"tools\":[],\"reasoning_effort\":\"high\"", "" },
	{ "no system role", "openai", PLAIN | LLM_WANTS_DEVELOPER,
	    "\"messages\":[{\"role\":\"system\"},{\"role\":\"user\"}]",
	    "\"messages\":[{\"role\":\"developer\"},{\"role\":\"user\"}]", "" },
	{ "developer stays", "openai", PLAIN,
	    "\"messages\":[{\"role\":\"developer\"}]",
	    "\"messages\":[{\"role\":\"developer\"}]", "" },
	{ "developer is not known", "groq", PLAIN,
	    "\"messages\":[{\"role\":\"developer\"},{\"role\":\"user\"}]",
	    "\"messages\":[{\"role\":\"system\"},{\"role\":\"user\"}]", "" },
	{ "reasoning does not go back", "openai", PLAIN,
	    "\"messages\":[{\"role\":\"assistant\",\"content\":null,"
	    "\"reasoning_content\":\"a\",\"reasoning\":\"b\","
	    "\"reasoning_details\":[],\"thinking_blocks\":[]}]",
	    "\"messages\":[{\"role\":\"assistant\",\"content\":null}]", "" },
	{ "trap 76: seals do not go to others", "deepseek", PLAIN,
	    "\"messages\":[{\"role\":\"assistant\",\"content\":\"x\","
	    "\"reasoning\":\"b\",\"reasoning_details\":[{}],"
	    "\"tool_calls\":[{\"id\":\"a\",\"extra_content\":{}}]}]",
	    "\"messages\":[{\"role\":\"assistant\",\"content\":\"x\","
	    "\"reasoning\":\"b\",\"tool_calls\":[{\"id\":\"a\"}]}]",
	    "" },
	{ "seals go back", "openrouter", PLAIN,
	    "\"messages\":[{\"reasoning_details\":[{}]}]",
	    "\"messages\":[{\"reasoning_details\":[{}]}]", "" },
	{ "reasoning goes back", "deepseek", PLAIN,
	    "\"messages\":[{\"role\":\"assistant\","
	    "\"reasoning_content\":\"a\"}]",
	    "\"messages\":[{\"role\":\"assistant\","
	    "\"reasoning_content\":\"a\"}]",
	    "" },
	{ "web search of OpenAI", "openai", PLAIN,
	    "\"web_search\":true,\"x\":1",
	    "\"x\":1,\"web_search_options\":{}", "" },
	{ "web search among tools", "openai", PLAIN,
	    "\"tools\":[{\"type\":\"web_search\"},{\"type\":\"function\"}]",
	    "\"tools\":[{\"type\":\"function\"}],\"web_search_options\":{}",
	    "" },
	{ "web search as the only tool", "openai", PLAIN,
	    "\"tools\":[{\"type\":\"web_search\"}]",
	    "\"web_search_options\":{}", "" },
	{ "what is said of the search", "openai", PLAIN,
	    "\"tools\":[{\"type\":\"web_search\","
	    "\"search_context_size\":\"low\",\"user_location\":"
	    "{\"type\":\"approximate\",\"city\":\"Ulm\",\"x\":1},"
	    "\"max_uses\":2,\"allowed_domains\":[\"a.b\"],"
	    "\"blocked_domains\":null}]",
	    "\"web_search_options\":{\"search_context_size\":\"low\","
	    "\"user_location\":{\"type\":\"approximate\","
	    "\"approximate\":{\"city\":\"Ulm\"}}}",
	    "allowed_domains,max_uses" },
	{ "a place in OpenAI's words", "openai", PLAIN,
	    "\"tools\":[{\"type\":\"web_search\",\"user_location\":"
	    "{\"type\":\"approximate\",\"approximate\":{\"a\":1}}}]",
	    "\"web_search_options\":{\"user_location\":"
	    "{\"type\":\"approximate\",\"approximate\":{\"a\":1}}}",
	    "" },
	{ "a picture's settings", "groq", PLAIN,
	    "\"x\":1,\"image_config\":{\"n\":2}", "\"x\":1",
	    "image_config" },
	{ "web search of others", "groq", PLAIN,
	    "\"tools\":[{\"type\":\"web_search\"}]",
	    "\"tools\":[{\"type\":\"web_search\"}]", "" },
	{ "penalties", "groq", LLM_WANTS_NO_PENALTIES,
	    "\"presence_penalty\":0.5,\"temperature\":0.5",
	    "\"temperature\":0.5", "presence_penalty" },
	{ "cache marks", "openai", PLAIN,
	    "\"messages\":[{\"content\":[{\"text\":\"x\","
	    "\"cache_control\":{}}]}],"
	    "\"tools\":[{\"cache_control\":{},\"type\":\"function\"}]",
	    "\"messages\":[{\"content\":[{\"text\":\"x\"}]}],"
	    "\"tools\":[{\"type\":\"function\"}]",
	    "cache_control" },
	{ "cache marks stay", "openrouter", PLAIN,
	    "\"messages\":[{\"cache_control\":{}}]",
	    "\"messages\":[{\"cache_control\":{}}]", "" },
	{ "Mistral's names", "mistral", PLAIN,
	    "\"max_completion_tokens\":7,\"seed\":1,"
	    "\"tool_choice\":\"required\",\"user\":\"u\",\"store\":true,"
	    "\"safe_prompt\":true",
	    "\"max_tokens\":7,\"random_seed\":1,\"tool_choice\":\"any\","
	    "\"safe_prompt\":true",
	    "store,user" },
	{ "Mistral's named choice", "mistral", PLAIN,
	    "\"tool_choice\":{\"type\":\"function\"}",
	    "\"tool_choice\":{\"type\":\"function\"}", "" },
	{ "trap 99: nine stay nine", "mistral", PLAIN,
	    "\"messages\":[{\"tool_calls\":[{\"id\":\"abcDEF123\"}]},"
	    "{\"tool_call_id\":\"abcDEF123\"}]",
	    "\"messages\":[{\"tool_calls\":[{\"id\":\"abcDEF123\"}]},"
	    "{\"tool_call_id\":\"abcDEF123\"}]",
	    "" },
	{ "old name of the limit", "deepseek", PLAIN,
	    "\"max_completion_tokens\":7", "\"max_tokens\":7", "" },
};

START_TEST(quirk)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct target t = { .model = STR("m"), .caps = cases[_i].caps };
	struct setup s;
	struct sent q;

	setup_clear();
	ck_assert(setup_load(&s,
		      "[provider openai]\nauth = none\n"
		      "[provider azure]\nauth = none\n"
		      "base_url = https://h\n"
		      "[provider groq]\nauth = none\n"
		      "[provider deepseek]\nauth = none\n"
		      "[provider openrouter]\nauth = none\n"
		      "[provider together-ai]\nauth = none\n"
		      "[provider mistral]\nauth = none\n") == 0);
	t.upstream = providers_find(s.providers, str_from(cases[_i].provider));
	q = setup_send(
	    a, &t, arena_fmt(a, "{\"model\":\"x\",%s}", cases[_i].in).p);
	ck_assert_msg(q.rc == 0, "%s: %s", cases[_i].name, q.err.msg);
	ck_assert_msg(
	    strcmp(q.body,
		arena_fmt(a, "{\"model\":\"m\",%s}", cases[_i].out).p) == 0,
	    "%s: %s", cases[_i].name, q.body);
	ck_assert_msg(strcmp(q.dropped, cases[_i].dropped) == 0,
	    "%s: dropped %s", cases[_i].name, q.dropped);
	setup_free(&s);
	arena_free(a);
}
END_TEST

/* The nine letters behind a mark. */
static struct str
id_after(const char *body, const char *mark)
{
	const char *p = strstr(body, mark);

	ck_assert_ptr_nonnull(p);
	p += strlen(mark);
	ck_assert_ptr_eq(strchr(p, '"'), p + 9);
	return (struct str){ p, 9 };
}

/* Trap 99: the same for call and result, and no two alike. */
START_TEST(nine_ids)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct target t = { .model = STR("m"), .caps = PLAIN };
	struct setup s;
	struct sent q;
	struct str x, y;

	setup_clear();
	ck_assert(setup_load(&s, "[provider mistral]\nauth = none\n") == 0);
	t.upstream = providers_find(s.providers, STR("mistral"));
	q = setup_send(a, &t,
	    "{\"model\":\"x\",\"messages\":[{\"tool_calls\":["
	    "{\"id\":\"toolu_01A09q90qw90lq917835lq9\",\"a\":1},"
	    "{\"id\":\"toolu_01A09q90qw90lq917835lq8\",\"a\":2}]},"
	    "{\"tool_call_id\":\"toolu_01A09q90qw90lq917835lq9\"}]}");
	ck_assert_int_eq(q.rc, 0);
	x = id_after(q.body, "[{\"id\":\"");
	ck_assert(str_eq(x, id_after(q.body, "\"tool_call_id\":\"")));
	y = id_after(q.body, "\"a\":1},{\"id\":\"");
	ck_assert(!str_eq(x, y));
	setup_free(&s);
	arena_free(a);
}
END_TEST

/* Every quirk and every want at once still leaves valid JSON. */
START_TEST(all_at_once)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct target t = { .model = STR("m"),
		.caps = O4 | LLM_WANTS_NO_TOOL_EFFORT | LLM_WANTS_DEVELOPER,
		.max_output = 9 };
	struct setup s;
	struct sent q;

	setup_clear();
	ck_assert(setup_load(&s,
		      "[provider z]\nbase_url = https://h\nquirks = "
		      "any_choice,max_completion,max_tokens,nine_ids,"
		      "no_cache_marks,no_stream_options,random_seed,"
		      "strict\n") == 0);
	t.upstream = providers_find(s.providers, STR("z"));
	q = setup_send(a, &t,
	    "{\"model\":\"x\",\"messages\":[{\"role\":\"system\","
	    "\"reasoning\":1,\"thinking_blocks\":1,\"cache_control\":1,"
	    "\"tool_call_id\":\"x\",\"content\":[{\"cache_control\":1,"
	    "\"prompt_cache_breakpoint\":1}]}],\"tools\":[{\"cache_control\":"
	    "1}],\"cache_control\":1,\"include\":1,\"metadata\":1,"
	    "\"moderation\":1,\"prompt_cache_key\":1,\"top_k\":1,"
	    "\"prompt_cache_options\":1,\"prompt_cache_retention\":1,"
	    "\"safety_identifier\":1,\"service_tier\":1,\"store\":1,"
	    "\"truncation\":1,\"user\":1,\"verbosity\":1,\"temperature\":2,"
	    "\"top_p\":2,\"presence_penalty\":1,\"frequency_penalty\":1,"
	    "\"logprobs\":true,\"top_logprobs\":1,\"logit_bias\":{\"1\":1},"
	    "\"reasoning_effort\":\"low\",\"seed\":1,"
	    "\"tool_choice\":\"required\",\"stream_options\":{}}");
	ck_assert_msg(q.rc == 0, "%s", q.err.msg);
	ck_assert(jscan_is_object(str_from(q.body)));
	ck_assert_ptr_null(strstr(q.body, "cache"));
	ck_assert_ptr_null(strstr(q.body, "reasoning"));
	ck_assert_ptr_null(strstr(q.body, "verbosity"));
	ck_assert_ptr_null(strstr(q.body, "temperature"));
	ck_assert_ptr_null(strstr(q.body, "stream_options"));
	ck_assert_ptr_nonnull(strstr(q.body, "\"random_seed\":1"));
	ck_assert_ptr_nonnull(strstr(q.body, "\"tool_choice\":\"any\""));
	ck_assert_ptr_nonnull(strstr(q.body, "\"role\":\"developer\""));
	setup_free(&s);
	arena_free(a);
}
END_TEST

CASE(case_quirk)
{
	TCase *c = tcase_create("quirk");

	tcase_add_loop_test(c, quirk, 0, (int)NROWS(cases));
	tcase_add_test(c, nine_ids);
	tcase_add_test(c, all_at_once);
	return c;
}
