#include "base/conf.h"

#define KB INT64_C(1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define SEC INT64_C(1000)
#define MIN (60 * SEC)
#define HOUR (60 * MIN)

#define GW(f, type, ...)                                                       \
	{                                                                      \
		CONF_GATEWAY, #f, type, offsetof(struct conf, f), __VA_ARGS__  \
	}
#define PR(f, type, ...)                                                       \
	{                                                                      \
		CONF_PROVIDER, #f, type, offsetof(struct conf_provider, f),    \
		    __VA_ARGS__                                                \
	}
#define MO(f, type, ...)                                                       \
	{                                                                      \
		CONF_MODEL, #f, type, offsetof(struct conf_model, f),          \
		    __VA_ARGS__                                                \
	}

/* Text and switches have no range. */
#define ANY NULL, 0, 0

/* clang-format off */
const struct conf_row conf_rows[] = {
GW(anthropic_betas_bedrock, CONF_STR,
    "computer-use-2024-10-22,computer-use-2025-01-24,context-1m-2025-08-07,"
    "context-management-2025-06-27,effort-2025-11-24,"
    "fine-grained-tool-streaming-2025-05-14,interleaved-thinking-2025-05-14,"
    "token-efficient-tools-2025-02-19,tool-examples-2025-10-29,"
    "tool-search-tool-2025-10-19", ANY,
    "The same as anthropic_betas_vertex for Claude on Bedrock."),
GW(anthropic_betas_vertex, CONF_STR,
    "computer-use-2025-01-24,context-1m-2025-08-07,"
    "fine-grained-tool-streaming-2025-05-14,"
    "interleaved-thinking-2025-05-14,token-efficient-tools-2025-02-19", ANY,
    "Values of the header anthropic-beta that Claude on Vertex gets, with "
    "commas; it refuses requests with others."),
GW(auto_image_model, CONF_STR, "gemini-3-pro-image", ANY,
    "Model that serves requests for images without one, or with auto."),
GW(auto_models, CONF_STR, "gpt-oss-120b,gpt-5-nano,gpt-4.1-nano", ANY,
    "Models, with commas, that \"auto\" chooses from, before all others.  "
    "The cheapest that can do what a request asks for is taken."),
GW(bill_cancelled, CONF_BOOL, "on", ANY,
    "Whether a request that its client cancelled is charged for what had "
    "come until then."),
GW(budget_efforts, CONF_STR, "low:2048,medium:8192", ANY,
    "Efforts, with commas, that stand for thinking budgets below so many "
    "tokens, where a provider knows no budgets; what is above all of them "
    "is high."),
GW(ca_file, CONF_STR, "", ANY,
    "Certificate authorities that providers are checked against, PEM.  "
    "Empty: those of the system."),
GW(cache_max_bytes, CONF_SIZE, "256m", NULL, MB, 1024 * GB,
    "How big the file of kept answers may become, on hosts that keep them in "
    "a file.  The oldest go first."),
GW(cache_max_entry, CONF_SIZE, "8m", NULL, KB, 32 * MB,
    "The longest answer that is kept for projects with caching_enabled.  In a "
    "file, an answer has an eighth of cache_max_bytes at most."),
GW(cache_single_flight, CONF_TIME, "0", NULL, 0, MIN,
    "How long a request whose answer would be kept waits for one that asks "
    "for the same in the same process, to get its answer.  0: it does not."),
GW(catalog_file, CONF_STR, "", ANY,
    "List of models and prices.  Empty: catalog.ndjson in state_dir if it is "
    "there, else the installed one."),
GW(client_certificate, CONF_STR, "", ANY,
    "Certificate with its key, PEM in one file, that is shown to providers "
    "which ask for one.  It must be unreadable for others."),
GW(client_ip_header, CONF_STR, "", ANY,
    "Request header whose list of addresses tells the client's, such as "
    "X-Forwarded-For.  It counts only if REMOTE_ADDR is one of "
    "trusted_proxies."),
GW(cors_origins, CONF_STR, "", ANY,
    "Origins, with commas, whose pages in browsers may call the gateway, or "
    "* for all.  Empty: none."),
GW(count_tokens_rpm, CONF_INT, "600", NULL, 1, 1000000000,
    "How many times a minute one API key may have tokens counted."),
GW(default_concurrent, CONF_INT, "0", NULL, 0, 1000000000,
    "Requests in progress of an API key that has no such limit of its own.  "
    "0: any number."),
GW(default_rpm, CONF_INT, "0", NULL, 0, 1000000000,
    "Requests a minute of an API key that has no such limit of its own.  "
    "0: any number."),
GW(default_tpm, CONF_INT, "0", NULL, 0, INT64_C(1000000000000),
    "Tokens a minute of an API key that has no such limit of its own.  0: "
    "any number."),
GW(drain_timeout, CONF_TIME, "300s", NULL, 0, 24 * HOUR,
    "How long running requests may go on after SIGTERM before they are "
    "ended with an error."),
GW(effort_budgets, CONF_STR,
    "minimal:1024,low:1024,medium:4096,high:16384,xhigh:32768,max:32768", ANY,
    "Tokens of thinking, with commas, that stand for an effort, where a "
    "provider wants a budget."),
GW(error_format, CONF_WORD, "auto", "flat|openai|anthropic|auto", 0, 0,
    "Shape of error answers.  auto chooses by the client."),
GW(exploration_rate, CONF_MILLI, "0.01", NULL, 0, 1000,
    "Share of requests whose first provider is drawn at random, so that "
    "there are figures of all."),
GW(fcgi_peers, CONF_NETS, "", ANY,
    "Addresses and networks, with commas, of the web servers that may connect "
    "when the listening socket is TCP.  Others are closed unread.  A TCP "
    "socket is refused while this is empty."),
GW(fcgi_users, CONF_USERS, "", ANY,
    "Users, by name or number, with commas, whose processes may connect when "
    "the listening socket is one of the file system.  Empty: all that its "
    "mode lets in."),
GW(fetch_images, CONF_BOOL, "off", ANY,
    "Whether images and documents that clients give by URL are fetched for "
    "providers that want their bytes, and images that providers answer by URL "
    "for clients that want theirs: by https, from public addresses, at "
    "most 20 MiB each."),
GW(front_threads, CONF_INT, "8", NULL, 1, 256,
    "Threads of one process that read and admit requests.  Streams need no "
    "threads."),
GW(health_timeout, CONF_TIME, "500ms", NULL, 10, MIN,
    "How long one check of the health endpoint may take."),
GW(hedge_percent, CONF_INT, "0", NULL, 0, 100,
    "Share of requests that may be sent to a second provider when the first "
    "takes longer than 95 % of its answers did; the first to answer wins, "
    "the other is cancelled.  0: none are."),
GW(insecure_hosts, CONF_STR, "localhost,127.0.0.0/8,::1", ANY,
    "Hosts and networks, with commas, that providers may be reached at by "
    "plain http."),
GW(key_cache_ttl, CONF_TIME, "2s", NULL, 0, HOUR,
    "How long a process remembers an API key, and so how long a change of a "
    "key may take."),
GW(key_hash_secrets, CONF_SECRET, "", ANY,
    "Secrets, newest first, with commas, that API keys are hashed with.  "
    "Needed, here or in key_hash_secrets_file."),
GW(key_hash_secrets_file, CONF_STR, "", ANY,
    "File whose first line has the same form as key_hash_secrets.  It must "
    "be unreadable for others.  Empty: key_hash_secrets in state_dir."),
GW(key_prefix, CONF_STR, "llmgtwy_", ANY,
    "What new API keys begin with."),
GW(log_file, CONF_STR, "", ANY,
    "Where log lines are appended.  Empty: standard error."),
GW(log_level, CONF_WORD, "info", "error|warn|info|debug", 0, 0,
    "What is logged: error is what somebody must look at, warn also what "
    "healed, info also one line of each request."),
GW(master_key_file, CONF_STR, "", ANY,
    "File of 32 bytes that stored provider keys are sealed with.  It must be "
    "unreadable for others.  Empty: master.key in state_dir."),
GW(max_body_bytes, CONF_SIZE, "32m", NULL, KB, GB,
    "Largest JSON body accepted."),
GW(max_fallback_providers, CONF_INT, "2", NULL, 0, 10,
    "How many further providers are tried when one fails."),
GW(max_inflight, CONF_INT, "10000", NULL, 1, 1000000,
    "How many requests may run on this host at once; more are refused with "
    "status 503."),
GW(max_upload_bytes, CONF_SIZE, "64m", NULL, KB, GB,
    "Largest upload of images accepted."),
GW(metrics_token, CONF_SECRET, "", ANY,
    "Bearer token that /metrics asks for.  Empty: none is needed."),
GW(models_require_key, CONF_BOOL, "off", ANY,
    "Whether the list of models is shown only to holders of an API key."),
GW(mount_prefix, CONF_STR, "", ANY,
    "Path that the web server serves the gateway below, as /llm."),
GW(otlp_endpoint, CONF_STR, "", ANY,
    "Base URL of a collector, as http://127.0.0.1:4318, that gets a trace of "
    "each request by OTLP over HTTP (JSON); /v1/traces is added.  http only "
    "to insecure_hosts.  Empty: no traces."),
GW(otlp_headers, CONF_SECRET, "", ANY,
    "Headers for the collector, name=value with commas between."),
{ CONF_GATEWAY, "otlp_sample", CONF_MILLI,
    offsetof(struct conf, otlp_sample_milli), "1", NULL, 0, 1000,
    "Share of requests that are traced.  Those with a traceparent are when it "
    "says so." },
GW(otlp_service, CONF_STR, "llmgw", ANY,
    "service.name of the traces."),
GW(ping_interval, CONF_TIME, "15s", NULL, 100, HOUR,
    "Silence after which a comment is sent on a stream, so that nothing "
    "between gateway and client gives up."),
GW(preferred_ttl, CONF_TIME, "1h", NULL, 0, 24 * HOUR,
    "How long the provider last chosen for a model of an organisation is "
    "kept, unless another is clearly better."),
GW(public_url, CONF_STR, "http://localhost:4001", ANY,
    "How clients reach the gateway, for the URLs in answers."),
GW(reasoning_field, CONF_WORD, "both", "both|reasoning|reasoning_content",
    0, 0, "Members that hold a model's reasoning in chat answers."),
GW(replay_gaps, CONF_WORD, "off", "off|original", 0, 0,
    "How a streamed answer out of the cache is sent: at once, or with the "
    "gaps between its events, each one second at most."),
GW(reserve_min_output, CONF_INT, "1024", NULL, 1, 1000000000,
    "Tokens of output that a budget must still cover where the client set no "
    "limit; with less left the request is refused."),
GW(retry_budget, CONF_INT, "20", NULL, 0, 100,
    "Retries in progress, in percent of the requests in progress; three are "
    "always allowed.  Above it a failure is answered at once."),
GW(retry_wait_max, CONF_TIME, "5s", NULL, 0, MIN,
    "Longest wait before the last provider left is asked once more.  0: it "
    "is not."),
GW(runtime_dir, CONF_STR, "/run/llmgw", ANY,
    "Directory of sockets and shared memory, empty after a boot."),
GW(sdk_user_agents, CONF_STR,
    "OpenAI/,AsyncOpenAI/,Anthropic/,AsyncAnthropic/,ai-sdk/,ai/,claude-cli/,"
    "codex,langchain,opencode/,QwenCode/", ANY,
    "Beginnings of User-Agent, with commas, case ignored, of clients that "
    "get the errors of their SDK while error_format is auto."),
GW(session_ttl, CONF_TIME, "1h", NULL, 0, 24 * HOUR,
    "How long a session stays with its provider after its last request."),
GW(sim, CONF_BOOL, "off", ANY,
    "Whether the built-in provider sim, which answers by rule, is offered."),
GW(sim_url, CONF_STR, "http://localhost:4001/sim", ANY,
    "Base URL of that provider."),
GW(state_dir, CONF_STR, "/var/lib/llmgw", ANY,
    "Directory of what must survive a boot: database, records, secrets."),
GW(storage_usd_per_mtok, CONF_STR, "0", ANY,
    "USD per million tokens for requests whose payload is retained."),
GW(store_cache, CONF_STR, "", ANY,
    "Where answers are kept for projects with caching_enabled: as store_kv, "
    "but this Redis may throw away what it wants (maxmemory-policy "
    "allkeys-lru).  Empty: where store_kv is."),
GW(store_kv, CONF_STR, "", ANY,
    "Where limits and reservations are counted: embedded:DIR, files of this "
    "host; or for several hosts redis://USER:PASSWORD@HOST:PORT/DB or "
    "unix:PATH, a Redis that keeps what it has (maxmemory-policy "
    "noeviction).  TLS to it needs a tunnel.  Empty: kv in state_dir."),
GW(store_sql, CONF_STR, "", ANY,
    "The main database: sqlite:PATH, or postgresql://USER@HOST:PORT/NAME with "
    "whatever else libpq reads in a URL (sslmode, host of a socket).  Its "
    "encoding must be UTF8; passwords may stand in ~/.pgpass.  A pooler in "
    "between must pool sessions, not transactions.  Empty: llmgw.db in "
    "state_dir."),
GW(stream_usage, CONF_WORD, "finish", "finish|extra|off", 0, 0,
    "Where a chat stream shows usage when the client did not ask for it: in "
    "the finishing chunk, in an extra chunk behind it, nowhere."),
GW(timeout_client_write, CONF_TIME, "60s", NULL, 100, HOUR,
    "How long a client may take no byte of its stream."),
GW(timeout_connect, CONF_TIME, "10s", NULL, 10, 10 * MIN,
    "Name look-up, connect and TLS with a provider."),
GW(timeout_first_byte, CONF_TIME, "600s", NULL, 10, 24 * HOUR,
    "How long a provider may stay silent before another is tried."),
GW(timeout_gateway, CONF_TIME, "1500s", NULL, 10, 24 * HOUR,
    "How long one request may take with all its attempts, and how long old "
    "processes live on after a reload."),
GW(timeout_idle, CONF_TIME, "300s", NULL, 10, 24 * HOUR,
    "Longest pause in a provider's stream."),
GW(timeout_total_plain, CONF_TIME, "600s", NULL, 10, 24 * HOUR,
    "One call of a provider that does not stream."),
GW(timeout_total_stream, CONF_TIME, "1200s", NULL, 10, 24 * HOUR,
    "One call of a provider that streams."),
GW(trusted_identity_socket, CONF_STR, "", ANY,
    "Path of the unix socket, or of the directory of sockets, on which the web "
    "server may tell who asks: REMOTE_USER, or SSL_CLIENT_S_DN with "
    "SSL_CLIENT_VERIFY=SUCCESS, stands for an API key (llmgwctl identity).  "
    "Whoever can connect there can pose as anybody.  Empty: such parameters "
    "mean nothing."),
GW(trusted_proxies, CONF_NETS, "", ANY,
    "Addresses and networks, with commas, of proxies in front of the web "
    "server.  The last address of client_ip_header that is none of these is "
    "the client's."),
GW(upstream_proxy, CONF_STR, "", ANY,
    "Proxy for all providers, as http://HOST:PORT.  Variables as https_proxy "
    "have no effect."),
GW(weight_image_price, CONF_MILLI, "1", NULL, 0, 1000000,
    "Weight of the price among providers of models that draw."),
GW(weight_latency, CONF_MILLI, "0.025", NULL, 0, 1000000,
    "Weight of the time to the first token, for streams."),
GW(weight_price, CONF_MILLI, "0.6", NULL, 0, 1000000,
    "Weight of the price in the choice among providers of a model."),
GW(weight_throughput, CONF_MILLI, "0.05", NULL, 0, 1000000,
    "Weight of the tokens a second."),
GW(weight_uptime, CONF_MILLI, "0.5", NULL, 0, 1000000,
    "Weight of the uptime in the last hour."),

PR(any_model, CONF_BOOL, "off", ANY,
    "Whether models that the catalogue lacks may be asked for, at no price."),
PR(auth, CONF_WORD, "", "bearer|x-api-key|api-key|x-goog-api-key|none", 0, 0,
    "How the key is sent.  A new provider gets bearer."),
PR(base_url, CONF_STR, "", ANY,
    "https URL, or http for hosts in insecure_hosts."),
PR(ca_file, CONF_STR, "", ANY,
    "As in [llmgw], for this provider."),
PR(client_certificate, CONF_STR, "", ANY,
    "As in [llmgw], for this provider."),
PR(dialect, CONF_STR, "", ANY,
    "Wire format it speaks, as openai-chat, openai-responses or anthropic-messages."),
PR(key, CONF_SECRET, "", ANY,
    "The provider's API key, or several with commas."),
PR(key_file, CONF_STR, "", ANY,
    "File whose first line has the same form as key.  It must be unreadable "
    "for others."),
PR(path, CONF_STR, "", ANY,
    "Path of chat completions behind the base URL.  Empty: the dialect's."),
{ CONF_PROVIDER, "priority", CONF_MILLI,
    offsetof(struct conf_provider, priority_milli), "1", NULL, 0, 1000000,
    "Weight in the choice among providers of one model.  0: only when "
    "asked for by name." },
PR(quirks, CONF_STR, "", ANY,
    "Names, with commas, of what it does differently from its dialect."),
PR(streaming, CONF_BOOL, "on", ANY,
    "Whether it can stream."),
PR(timeout_first_byte, CONF_TIME, "0", NULL, 0, 24 * HOUR,
    "As in [llmgw], for this provider.  0: the value there."),
PR(timeout_idle, CONF_TIME, "0", NULL, 0, 24 * HOUR,
    "As in [llmgw], for this provider.  0: the value there."),
PR(upstream_proxy, CONF_STR, "", ANY,
    "As in [llmgw], for this provider."),

MO(aliases, CONF_STR, "", ANY,
    "Further names of the model, with commas."),
MO(cache_write_price, CONF_STR, "", ANY,
    "USD per million prompt tokens written to the provider's cache."),
MO(cached_input_price, CONF_STR, "", ANY,
    "USD per million prompt tokens read from the provider's cache."),
MO(capabilities, CONF_STR, "", ANY,
    "What the model can do, with commas."),
MO(context, CONF_INT, "0", NULL, 0, 1000000000,
    "Tokens that prompt and answer may have together.  0: unknown."),
MO(free, CONF_BOOL, "off", ANY,
    "Whether the limits of free models apply."),
MO(image_output_price, CONF_STR, "", ANY,
    "USD per million tokens of images that are made."),
MO(image_price, CONF_STR, "", ANY,
    "USD per image that is made, of any size."),
MO(input_price, CONF_STR, "", ANY,
    "USD per million prompt tokens, as 0.15."),
MO(max_output, CONF_INT, "0", NULL, 0, 1000000000,
    "Tokens that an answer may have.  0: unknown."),
MO(output_price, CONF_STR, "", ANY,
    "USD per million tokens of the answer."),
MO(provider, CONF_STR, "", ANY,
    "Who offers it: PROVIDER, or PROVIDER/NAME where it has another name "
    "there; several with commas."),
MO(request_price, CONF_STR, "", ANY,
    "USD per request."),
{ CONF_GATEWAY, NULL, CONF_STR, 0, NULL, NULL, 0, 0, NULL },
};
/* clang-format on */

const struct conf_row *
conf_row(enum conf_scope scope, struct str name)
{
	const struct conf_row *r;

	for (r = conf_rows; r->name != NULL; r++)
		if (r->scope == scope && str_is(name, r->name))
			return r;
	return NULL;
}
