/*
 * The built-in providers.  Base URLs end where the path begins with the
 * version, so that either spelling of a base URL in the environment fits
 * (url_join()).
 *
 * Quirks are set only where a provider is known to need them: an equal dialect
 * is relayed as it is, and a change that nobody asked for breaks what worked.
 * Old reasoning is the exception.  Clients send it back as they got it, and
 * those without QUIRK_REASONING_BACK refuse such messages.
 */
#include "provider/alibaba.h"
#include "provider/anthropic.h"
#include "provider/aws.h"
#include "provider/google.h"
#include "provider/image.h"
#include "provider/reve.h"

#define V1 "/v1/chat/completions"
#define IMAGES "/v1/images/generations"
#define EDITS "/v1/images/edits"

#define CHAT .dialect = &dialect_openai_chat
#define HOSTED CHAT, .auth = AUTH_BEARER
/* A key is possible but not needed, and nobody else knows the models. */
#define OWN                                                                    \
	CHAT, .auth = AUTH_NONE, .any_model = true,                            \
	      .quirks = QUIRK_MAX_TOKENS | QUIRK_REASONING_BACK

#define MISTRAL                                                                \
	(QUIRK_NO_STREAM_OPTIONS | QUIRK_MAX_TOKENS | QUIRK_RANDOM_SEED |      \
	    QUIRK_ANY_CHOICE | QUIRK_NINE_IDS | QUIRK_STRICT |                 \
	    QUIRK_NO_CACHE_MARKS)

#define AT(place, verb) place "/models/{model}:" verb

static const struct way ai_studio[] = {
	{ .dialect = &dialect_gemini,
	    .path = AT("/v1beta", "generateContent"),
	    .stream_path = AT("/v1beta", "streamGenerateContent?alt=sse") },
	{ .dialect = &dialect_gemini_count,
	    .path = AT("/v1beta", "countTokens") },
	{ .dialect = &dialect_gemini_embed,
	    .path = AT("/v1beta", "batchEmbedContents") },
	{ .dialect = &dialect_gemini_image,
	    .path = AT("/v1beta", "generateContent"),
	    .one = true },
	{ .dialect = NULL }
};

/* Without a project the scope goes from the path (provider/google.c). */
#define VERTEX "/v1/projects/{project}/locations/{region}"
#define VERTEX_GEMINI VERTEX "/publishers/google"

static const struct way vertex[] = {
	{ .dialect = &dialect_gemini,
	    .path = AT(VERTEX_GEMINI, "generateContent"),
	    .stream_path = AT(VERTEX_GEMINI, "streamGenerateContent?alt=sse") },
	{ .dialect = &dialect_gemini_count,
	    .path = AT(VERTEX_GEMINI, "countTokens") },
	{ .dialect = &dialect_gemini_embed,
	    .path = AT(VERTEX_GEMINI, "predict") },
	{ .dialect = &dialect_gemini_image,
	    .path = AT(VERTEX_GEMINI, "generateContent"),
	    .one = true },
	{ .dialect = NULL }
};

#define VERTEX_CLAUDE VERTEX "/publishers/anthropic"

static const struct way vertex_claude[] = {
	{ .dialect = &dialect_anthropic_messages,
	    .path = AT(VERTEX_CLAUDE, "rawPredict"),
	    .stream_path = AT(VERTEX_CLAUDE, "streamRawPredict") },
	{ .dialect = &dialect_anthropic_count,
	    .path = VERTEX_CLAUDE "/models/count-tokens:rawPredict" },
	{ .dialect = NULL }
};

/*
 * Converse for all but clients of Anthropic's dialect, who get Claude's events
 * as they are.  Nobody fetches URLs there, and nothing searches.
 */
#define BEDROCK(verb) "/model/{model}/" verb

static const struct way bedrock[] = {
	{ .dialect = &dialect_bedrock_converse,
	    .path = BEDROCK("converse"),
	    .stream_path = BEDROCK("converse-stream"),
	    .framing = FRAMING_AWS },
	{ .dialect = &dialect_anthropic_messages,
	    .path = BEDROCK("invoke"),
	    .stream_path = BEDROCK("invoke-with-response-stream"),
	    .framing = FRAMING_AWS_CHUNK,
	    .with = LLM_WANTS_MESSAGES,
	    .deaf = LLM_SAY_URL | LLM_SAY_SEARCH },
	{ .dialect = &dialect_bedrock_count,
	    .path = BEDROCK("count-tokens"),
	    .with = LLM_WANTS_MESSAGES },
	{ .dialect = NULL }
};

static const struct way messages[] = {
	{ .dialect = &dialect_anthropic_messages, .path = "/v1/messages" },
	{ .dialect = &dialect_anthropic_count,
	    .path = "/v1/messages/count_tokens" },
	{ .dialect = NULL }
};

static const struct way azure_messages[] = {
	{ .dialect = &dialect_anthropic_messages,
	    .path = "/anthropic/v1/messages" },
	{ .dialect = NULL }
};

/* Cohere's form for OpenAI's clients lacks much of what its own can be told. */
static const struct way cohere[] = {
	{ .dialect = &dialect_cohere_chat, .path = "/v2/chat" },
	{ .dialect = NULL }
};

static const struct way reve[] = {
	{ .dialect = &dialect_reve_image,
	    .path = "/v1/image/create",
	    .one = true },
	{ .dialect = &dialect_reve_edit,
	    .path = "/v1/image/edit",
	    .one = true },
	{ .dialect = NULL }
};

/* clang-format off */
const struct provider provider_rows[] = {
{ "alibaba", "Alibaba Cloud", HOSTED, .path = V1,
    .base_url = "https://dashscope-intl.aliyuncs.com/compatible-mode",
    .ops = &alibaba_ops, .quirks = QUIRK_REASONING_BACK, .sdk_env = "DASHSCOPE_API_KEY" },
{ "anthropic", "Anthropic", .ways = messages, .ops = &anthropic_ops,
    .auth = AUTH_X_API_KEY, .base_url = "https://api.anthropic.com",
    .sdk_env = "ANTHROPIC_API_KEY" },
{ "aws-bedrock", "AWS Bedrock", .auth = AUTH_BEARER,
    .ways = bedrock, .ops = &aws_bedrock_ops,
    .base_url = "https://bedrock-runtime.us-east-1.amazonaws.com",
    .sdk_env = "AWS_BEARER_TOKEN_BEDROCK" },
{ "aws-mantle", "AWS Mantle", HOSTED, .ops = &aws_mantle_ops,
    .path = "/openai/v1/chat/completions",
    .base_url = "https://bedrock-mantle.us-east-1.api.aws",
    .quirks = QUIRK_NO_CACHE_MARKS },
{ "azure", "Azure", CHAT, .auth = AUTH_API_KEY,
    .path = "/openai/v1/chat/completions",
    .base_url = "https://{resource}.openai.azure.com",
    .quirks = QUIRK_MAX_COMPLETION | QUIRK_NO_CACHE_MARKS,
    .sdk_env = "AZURE_OPENAI_API_KEY",
    .responses = "/openai/v1/responses?api-version=preview",
    .images = "/openai/v1/images/generations?api-version=preview",
    .edits = "/openai/v1/images/edits?api-version=preview",
    .image = &image_gpt,
    .needs_env = "LLM_AZURE_RESOURCE",
    .version_env = "LLM_AZURE_API_VERSION" },
{ "azure-ai-foundry", "Azure AI Foundry", CHAT, .auth = AUTH_API_KEY,
    .path = "/models/chat/completions?api-version=2024-05-01-preview",
    .base_url = "https://{resource}.services.ai.azure.com",
    .quirks = QUIRK_MAX_COMPLETION | QUIRK_NO_CACHE_MARKS,
    .needs_env = "LLM_AZURE_AI_FOUNDRY_RESOURCE",
    .version_env = "LLM_AZURE_AI_FOUNDRY_API_VERSION" },
{ "azure-anthropic", "Azure Anthropic", .ways = azure_messages,
    .ops = &anthropic_like_ops, .auth = AUTH_X_API_KEY,
    .base_url = "https://{resource}.services.ai.azure.com",
    .needs_env = "LLM_AZURE_ANTHROPIC_RESOURCE" },
{ "baidu", "Baidu", HOSTED, .path = V1,
    .base_url = "https://api.baiduqianfan.ai",
    .quirks = QUIRK_REASONING_BACK },
{ "bytedance", "ByteDance", HOSTED, .path = "/chat/completions",
    .base_url = "https://ark.ap-southeast.bytepluses.com/api/v3",
    .images = "/images/generations", .image = &image_bytedance,
    .one_image = true,
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "ARK_API_KEY" },
{ "canopywave", "CanopyWave", HOSTED, .path = V1,
    .base_url = "https://inference.canopywave.io",
    .quirks = QUIRK_REASONING_BACK, .env = "CANOPY_WAVE" },
{ "cerebras", "Cerebras", HOSTED, .path = V1,
    .base_url = "https://api.cerebras.ai",
    .quirks = QUIRK_NO_CACHE_MARKS, .sdk_env = "CEREBRAS_API_KEY" },
{ "cohere", "Cohere", .ways = cohere, .auth = AUTH_BEARER,
    .base_url = "https://api.cohere.com", .sdk_env = "CO_API_KEY" },
{ "consensusprotocol", "Consensus Protocol", HOSTED, .path = V1,
    .base_url = "https://api.consensusprotocol.org",
    .quirks = QUIRK_REASONING_BACK },
{ "crusoe", "Crusoe", HOSTED, .path = V1,
    .base_url = "https://api.inference.crusoecloud.com",
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "CRUSOE_API_KEY" },
{ "deepinfra", "DeepInfra", HOSTED, .path = "/chat/completions",
    .base_url = "https://api.deepinfra.com/v1/openai",
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "DEEPINFRA_API_KEY" },
{ "deepseek", "DeepSeek", HOSTED, .path = V1,
    .base_url = "https://api.deepseek.com",
    .quirks = QUIRK_MAX_TOKENS | QUIRK_REASONING_BACK,
    .sdk_env = "DEEPSEEK_API_KEY" },
{ "embercloud", "EmberCloud", HOSTED, .path = V1,
    .base_url = "https://api.embercloud.ai",
    .quirks = QUIRK_REASONING_BACK },
{ "fireworks", "Fireworks AI", HOSTED, .path = V1,
    .base_url = "https://api.fireworks.ai/inference", .fast = 1250000,
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "FIREWORKS_API_KEY" },
{ "gonka24", "Gonka24", HOSTED, .path = V1,
    .base_url = "https://api.gonka24.com",
    .quirks = QUIRK_REASONING_BACK, .env = "GONKA_24" },
{ "google-ai-studio", "Google AI Studio", .auth = AUTH_X_GOOG,
    .ways = ai_studio,
    .base_url = "https://generativelanguage.googleapis.com",
    .flex = 500000, .fast = 1800000,
    .sdk_env = "GEMINI_API_KEY" },
{ "google-vertex", "Google Vertex AI", .auth = AUTH_X_GOOG,
    .ways = vertex, .ops = &google_vertex_ops,
    .base_url = "https://aiplatform.googleapis.com",
    .quirks = QUIRK_NO_CALL_IDS | QUIRK_NO_TIERS },
{ "groq", "Groq", HOSTED, .path = V1,
    .base_url = "https://api.groq.com/openai",
    .quirks = QUIRK_NO_CACHE_MARKS, .sdk_env = "GROQ_API_KEY" },
{ "huggingface", "Hugging Face", HOSTED, .path = V1,
    .base_url = "https://router.huggingface.co",
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "HF_TOKEN" },
{ "inference.net", "Inference.net", HOSTED, .path = V1,
    .base_url = "https://api.inference.net",
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "INFERENCE_API_KEY" },
{ "llama-cpp", "llama.cpp", OWN, .path = V1 },
{ "lm-studio", "LM Studio", OWN, .path = V1 },
{ "meta", "Meta", HOSTED, .path = V1,
    .base_url = "https://api.meta.ai" },
{ "meta-contributor", "Meta Contributor", HOSTED, .path = V1,
    .base_url = "https://api.meta.ai", .env = "META" },
{ "minimax", "MiniMax", HOSTED, .path = V1,
    .base_url = "https://api.minimax.io",
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "MINIMAX_API_KEY" },
{ "mistral", "Mistral AI", HOSTED, .path = V1,
    .base_url = "https://api.mistral.ai",
    .quirks = MISTRAL, .sdk_env = "MISTRAL_API_KEY" },
{ "moonshot", "Moonshot AI", HOSTED, .path = V1,
    .base_url = "https://api.moonshot.ai",
    .quirks = QUIRK_MAX_TOKENS | QUIRK_REASONING_BACK,
    .sdk_env = "MOONSHOT_API_KEY" },
{ "nanogpt", "NanoGPT", HOSTED, .path = V1,
    .base_url = "https://nano-gpt.com/api",
    .quirks = QUIRK_REASONING_BACK, .env = "NANO_GPT" },
{ "nebius", "Nebius AI", HOSTED, .path = V1,
    .base_url = "https://api.tokenfactory.nebius.com",
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "NEBIUS_API_KEY" },
{ "novita", "NovitaAI", HOSTED, .path = "/chat/completions",
    .base_url = "https://api.novita.ai/v3/openai",
    .quirks = QUIRK_REASONING_BACK, .env = "NOVITA_AI",
    .sdk_env = "NOVITA_API_KEY" },
{ "ollama", "Ollama", OWN, .path = V1,
    .base_url = "http://127.0.0.1:11434", .sdk_env = "OLLAMA_API_KEY" },
{ "openai", "OpenAI", HOSTED, .path = V1,
    .base_url = "https://api.openai.com", .flex = 500000, .fast = 2500000,
    .quirks = QUIRK_MAX_COMPLETION | QUIRK_NO_CACHE_MARKS,
    .responses = "/v1/responses", .images = IMAGES, .edits = EDITS,
    .image = &image_gpt, .sdk_env = "OPENAI_API_KEY" },
{ "openrouter", "OpenRouter", HOSTED, .path = V1,
    .base_url = "https://openrouter.ai/api",
    .quirks = QUIRK_REASONING_BACK | QUIRK_SEALS_BACK, .sdk_env = "OPENROUTER_API_KEY" },
/* Sends usage in every chunk, asked or not. */
{ "perplexity", "Perplexity", HOSTED, .path = "/chat/completions",
    .base_url = "https://api.perplexity.ai",
    .quirks = QUIRK_NO_STREAM_OPTIONS | QUIRK_MAX_TOKENS |
	QUIRK_REASONING_APART | QUIRK_NO_CACHE_MARKS,
    .sdk_env = "PERPLEXITY_API_KEY" },
{ "ranoai", "RanoAI", HOSTED, .path = V1,
    .base_url = "https://api.ranoai.com",
    .quirks = QUIRK_REASONING_BACK },
{ "reve", "Reve", .auth = AUTH_BEARER, .ways = reve, .ops = &reve_ops,
    .base_url = "https://api.reve.com" },
{ "runpod", "Runpod", HOSTED,
    .path = "/v2/moonshot-kimi/openai/v1/chat/completions",
    .base_url = "https://api.runpod.ai",
    .quirks = QUIRK_REASONING_BACK, .key_env = "LLM_RUNPOD_KEY",
    .sdk_env = "RUNPOD_API_KEY" },
{ "runware", "Runware", HOSTED, .path = V1,
    .base_url = "https://api.runware.ai",
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "RUNWARE_API_KEY" },
{ "sakana", "Sakana AI", HOSTED, .path = V1,
    .base_url = "https://api.sakana.ai" },
{ "scx-ai", "SCX.ai (Turbo)", HOSTED, .path = V1,
    .base_url = "https://api.scx.ai",
    .quirks = QUIRK_REASONING_BACK },
{ "scx-ai-gp", "SCX.ai", HOSTED, .path = V1,
    .base_url = "https://api.scx.ai",
    .quirks = QUIRK_REASONING_BACK, .env = "SCX_AI" },
{ "sglang", "SGLang", OWN, .path = V1 },
/* Base URL: the setting sim_url. */
{ "sim", "Simulation", CHAT, .auth = AUTH_NONE, .any_model = true,
    .path = V1, .images = IMAGES, .edits = EDITS,
    .quirks = QUIRK_REASONING_BACK },
{ "tencent", "Tencent Cloud", HOSTED, .path = V1,
    .base_url = "https://tokenhub-intl.tencentcloudmaas.com",
    .quirks = QUIRK_REASONING_BACK },
{ "tgi", "Text Generation Inference", OWN, .path = V1 },
{ "together-ai", "Together AI", HOSTED, .path = V1,
    .base_url = "https://api.together.ai",
    .images = IMAGES, .image = &image_together,
    .quirks = QUIRK_REASONING_BACK, .sdk_env = "TOGETHER_API_KEY" },
{ "vertex-anthropic", "Vertex AI (Anthropic)", .auth = AUTH_BEARER,
    .ways = vertex_claude, .ops = &google_claude_ops,
    .base_url = "https://aiplatform.googleapis.com",
    .key_env = "LLM_VERTEX_ANTHROPIC_SERVICE_ACCOUNT_JSON" },
{ "vertex-openai", "Vertex AI (OpenAI-compatible)", HOSTED,
    .path = VERTEX "/endpoints/openapi/chat/completions",
    .base_url = "https://aiplatform.googleapis.com",
    .ops = &google_vertex_ops,
    .key_env = "LLM_VERTEX_OPENAI_SERVICE_ACCOUNT_JSON" },
{ "vllm", "vLLM", OWN, .path = V1 },
{ "xai", "xAI", HOSTED, .path = V1,
    .base_url = "https://api.x.ai",
    .images = IMAGES, .image = &image_xai,
    .quirks = QUIRK_REASONING_APART | QUIRK_NO_CACHE_MARKS,
    .env = "X_AI", .sdk_env = "XAI_API_KEY" },
{ "xiaomi", "Xiaomi", HOSTED, .path = V1,
    .base_url = "https://api.xiaomimimo.com",
    .quirks = QUIRK_REASONING_BACK },
{ "zai", "Z AI", HOSTED, .path = "/api/paas/v4/chat/completions",
    .base_url = "https://api.z.ai",
    .images = "/api/paas/v4/images/generations", .image = &image_zai,
    .one_image = true,
    .quirks = QUIRK_MAX_TOKENS | QUIRK_REASONING_BACK,
    .env = "Z_AI", .sdk_env = "ZAI_API_KEY" },
{ .id = NULL }
};
/* clang-format on */
