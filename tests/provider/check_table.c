#include <stdio.h>
#include <stdlib.h>

#include "room.h"
#include "setup.h"

/* Where every built-in provider is asked, and with which header. */
static const struct {
	const char *id;
	const char *key; /* its variable */
	const char *url; /* of chat completions */
	const char *header;
} rows[] = {
	{ "alibaba", "LLM_ALIBABA_API_KEY",
	    "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/"
	    "completions",
	    "Authorization: Bearer k" },
	{ "anthropic", "LLM_ANTHROPIC_API_KEY",
	    "https://api.anthropic.com/v1/messages", "x-api-key: k" },
	{ "aws-bedrock", "LLM_AWS_BEDROCK_API_KEY",
	    "https://bedrock-runtime.us-east-1.amazonaws.com/model/global.m/"
	    "converse",
	    "Authorization: Bearer k" },
	{ "aws-mantle", "LLM_AWS_MANTLE_API_KEY",
	    "https://bedrock-mantle.us-east-1.api.aws/openai/v1/chat/"
	    "completions",
	    "Authorization: Bearer k" },
	{ "azure", "LLM_AZURE_API_KEY",
	    "https://res-1.openai.azure.com/openai/v1/chat/completions",
	    "api-key: k" },
	{ "azure-ai-foundry", "LLM_AZURE_AI_FOUNDRY_API_KEY",
	    "https://res-2.services.ai.azure.com/models/chat/completions"
	    "?api-version=2024-05-01-preview",
	    "api-key: k" },
	{ "azure-anthropic", "LLM_AZURE_ANTHROPIC_API_KEY",
	    "https://res-3.services.ai.azure.com/anthropic/v1/messages",
	    "x-api-key: k" },
	{ "baidu", "LLM_BAIDU_API_KEY",
	    "https://api.baiduqianfan.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "bytedance", "LLM_BYTEDANCE_API_KEY",
	    "https://ark.ap-southeast.bytepluses.com/api/v3/chat/completions",
	    "Authorization: Bearer k" },
	{ "canopywave", "LLM_CANOPY_WAVE_API_KEY",
	    "https://inference.canopywave.io/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "cerebras", "LLM_CEREBRAS_API_KEY",
	    "https://api.cerebras.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "cohere", "LLM_COHERE_API_KEY", "https://api.cohere.com/v2/chat",
	    "Authorization: Bearer k" },
	{ "consensusprotocol", "LLM_CONSENSUSPROTOCOL_API_KEY",
	    "https://api.consensusprotocol.org/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "crusoe", "LLM_CRUSOE_API_KEY",
	    "https://api.inference.crusoecloud.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "deepinfra", "LLM_DEEPINFRA_API_KEY",
	    "https://api.deepinfra.com/v1/openai/chat/completions",
	    "Authorization: Bearer k" },
	{ "deepseek", "LLM_DEEPSEEK_API_KEY",
	    "https://api.deepseek.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "embercloud", "LLM_EMBERCLOUD_API_KEY",
	    "https://api.embercloud.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "fireworks", "LLM_FIREWORKS_API_KEY",
	    "https://api.fireworks.ai/inference/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "gonka24", "LLM_GONKA_24_API_KEY",
	    "https://api.gonka24.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "google-ai-studio", "LLM_GOOGLE_AI_STUDIO_API_KEY",
	    "https://generativelanguage.googleapis.com/v1beta/models/"
	    "m:generateContent",
	    "x-goog-api-key: k" },
	{ "google-vertex", "LLM_GOOGLE_VERTEX_API_KEY",
	    "https://aiplatform.googleapis.com/v1/publishers/google/models/"
	    "m:generateContent",
	    "x-goog-api-key: k" },
	{ "groq", "LLM_GROQ_API_KEY",
	    "https://api.groq.com/openai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "huggingface", "LLM_HUGGINGFACE_API_KEY",
	    "https://router.huggingface.co/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "inference.net", "LLM_INFERENCE_NET_API_KEY",
	    "https://api.inference.net/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "llama-cpp", "LLM_LLAMA_CPP_API_KEY", "", "" },
	{ "lm-studio", "LLM_LM_STUDIO_API_KEY", "", "" },
	{ "meta", "LLM_META_API_KEY", "https://api.meta.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "meta-contributor", "LLM_META_API_KEY",
	    "https://api.meta.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "minimax", "LLM_MINIMAX_API_KEY",
	    "https://api.minimax.io/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "mistral", "LLM_MISTRAL_API_KEY",
	    "https://api.mistral.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "moonshot", "LLM_MOONSHOT_API_KEY",
	    "https://api.moonshot.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "nanogpt", "LLM_NANO_GPT_API_KEY",
	    "https://nano-gpt.com/api/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "nebius", "LLM_NEBIUS_API_KEY",
	    "https://api.tokenfactory.nebius.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "novita", "LLM_NOVITA_AI_API_KEY",
	    "https://api.novita.ai/v3/openai/chat/completions",
	    "Authorization: Bearer k" },
	{ "ollama", "LLM_OLLAMA_API_KEY",
	    "http://127.0.0.1:11434/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "openai", "LLM_OPENAI_API_KEY",
	    "https://api.openai.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "openrouter", "LLM_OPENROUTER_API_KEY",
	    "https://openrouter.ai/api/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "perplexity", "LLM_PERPLEXITY_API_KEY",
	    "https://api.perplexity.ai/chat/completions",
	    "Authorization: Bearer k" },
	{ "ranoai", "LLM_RANOAI_API_KEY",
	    "https://api.ranoai.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "reve", "LLM_REVE_API_KEY", "https://api.reve.com/v1/image/create",
	    "Authorization: Bearer k" },
	{ "runpod", "LLM_RUNPOD_KEY",
	    "https://api.runpod.ai/v2/moonshot-kimi/openai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "runware", "LLM_RUNWARE_API_KEY",
	    "https://api.runware.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "sakana", "LLM_SAKANA_API_KEY",
	    "https://api.sakana.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "scx-ai", "LLM_SCX_AI_API_KEY",
	    "https://api.scx.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "scx-ai-gp", "LLM_SCX_AI_API_KEY",
	    "https://api.scx.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "sglang", "LLM_SGLANG_API_KEY", "", "" },
	{ "sim", "LLM_SIM_API_KEY",
	    "http://localhost:4001/sim/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "tencent", "LLM_TENCENT_API_KEY",
	    "https://tokenhub-intl.tencentcloudmaas.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "tgi", "LLM_TGI_API_KEY", "", "" },
	{ "together-ai", "LLM_TOGETHER_AI_API_KEY",
	    "https://api.together.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "vertex-anthropic", "LLM_VERTEX_ANTHROPIC_SERVICE_ACCOUNT_JSON",
	    "https://aiplatform.googleapis.com/v1/projects/p/locations/global/"
	    "publishers/anthropic/models/m:rawPredict",
	    "Authorization: Bearer ya29.k" },
	{ "vertex-openai", "LLM_VERTEX_OPENAI_SERVICE_ACCOUNT_JSON",
	    "https://aiplatform.googleapis.com/v1/projects/p/locations/global/"
	    "endpoints/openapi/chat/completions",
	    "Authorization: Bearer ya29.k" },
	{ "vllm", "LLM_VLLM_API_KEY", "", "" },
	{ "xai", "LLM_X_AI_API_KEY", "https://api.x.ai/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "xiaomi", "LLM_XIAOMI_API_KEY",
	    "https://api.xiaomimimo.com/v1/chat/completions",
	    "Authorization: Bearer k" },
	{ "zai", "LLM_Z_AI_API_KEY",
	    "https://api.z.ai/api/paas/v4/chat/completions",
	    "Authorization: Bearer k" },
};

START_TEST(every_row)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct target t = { .model = STR("m") };
	struct setup s;
	struct sent q;
	const char *key;

	ck_assert_str_eq(provider_rows[_i].id, rows[_i].id);
	setup_clear();
	key = strrchr(rows[_i].header, ' ');
	setenv(rows[_i].key, key == NULL ? "k" : key + 1, 1);
	setenv("LLM_VERTEX_ANTHROPIC_PROJECT", "p", 1);
	setenv("LLM_VERTEX_OPENAI_PROJECT", "p", 1);
	setenv("LLM_AZURE_RESOURCE", "res-1", 1);
	setenv("LLM_AZURE_AI_FOUNDRY_RESOURCE", "res-2", 1);
	setenv("LLM_AZURE_ANTHROPIC_RESOURCE", "res-3", 1);
	ck_assert_msg(
	    setup_load(&s, "[llmgw]\nsim = on\n") == 0, "%s", s.err.msg);
	t.upstream = providers_find(s.providers, str_from(rows[_i].id));
	ck_assert_ptr_nonnull(t.upstream);
	ck_assert(upstream_usable(t.upstream) == (*rows[_i].url != '\0'));
	if (*rows[_i].url != '\0') {
		q = setup_send(a, &t, "{\"model\":\"x\"}");
		ck_assert_msg(q.rc == 0, "%s", q.err.msg);
		ck_assert_str_eq(q.url, rows[_i].url);
		ck_assert_ptr_nonnull(strstr(q.headers, rows[_i].header));
	}
	setup_free(&s);
	arena_free(a);
}
END_TEST

START_TEST(sorted)
{
	const struct provider *p;

	for (p = provider_rows; p->id != NULL; p++) {
		ck_assert(p[1].id == NULL || strcmp(p->id, p[1].id) < 0);
		ck_assert(p->dialect != NULL || p->ways != NULL);
		ck_assert(*(p->ways == NULL ? p->path : p->ways[0].path) == '/');
	}
	ck_assert_int_eq(p - provider_rows, (int)NROWS(rows));
}
END_TEST

CASE(case_table)
{
	TCase *c = tcase_create("table");

	tcase_add_loop_test(c, every_row, 0, (int)NROWS(rows));
	tcase_add_test(c, sorted);
	return c;
}
