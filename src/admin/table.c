/* The resources of api.md 20.2.  A column that begins with "(" is read only. */
#include "admin/resource.h"
#include "domain/identity.h"

#define USD INT64_C(1000000000)
#define MONEY_MAX (INT64_C(1000000000) * USD)
#define RATE_MAX INT64_C(1000000000000)
#define COUNT_MAX 10000

#define SPENT(scope)                                                           \
	"(coalesce((SELECT y.cost_nano FROM tally y WHERE y.scope = '" scope   \
	"' AND y.id = t.id AND y.from_ms = 0), 0))"

/* Limits of requests, of organisations, projects, keys and models. */
#define RATES(head)                                                            \
	{ head "rpm", "rpm", FIELD_INT, F_CP | F_NULL, 0, RATE_MAX, NULL,      \
	    NULL, "requests a minute", NULL },                                 \
	{ head "tpm", "tpm", FIELD_INT, F_CP | F_NULL, 0, RATE_MAX, NULL,      \
	    NULL, "tokens a minute", NULL },                                   \
	{ head "concurrent", "concurrent", FIELD_INT, F_CP | F_NULL, 0,        \
	    RATE_MAX, NULL, NULL, "requests in progress", NULL }

/* Money in windows that follow each other. */
#define PERIOD(member, column)                                                 \
	{ member ".limit", column "_nano", FIELD_MONEY, F_CP | F_NULL, 0,      \
	    MONEY_MAX, NULL, NULL, "USD in each window", NULL },               \
	{ member ".count", column "_count", FIELD_INT, F_CP | F_NULL, 1,       \
	    COUNT_MAX, NULL, NULL, "units of a window", NULL },                \
	{ member ".unit", column "_unit", FIELD_WORD, F_CP | F_NULL, 0, 0,     \
	    "hour|day|week|month", NULL, "of the windows", NULL }

#define ORGANIZATION(flags)                                                    \
	{ "organization_id", "organization_id", FIELD_REF,                     \
	    F_CR | F_FILTER | (flags), 0, 0, "organizations", NULL,            \
	    "whose it is", NULL }

#define END                                                                    \
	{                                                                      \
		NULL, NULL, FIELD_TEXT, 0, 0, 0, NULL, NULL, NULL, NULL        \
	}

/* clang-format off */
static const struct field organization_fields[] = {
	{ "name", "name", FIELD_TEXT, F_CP | F_REQUIRED, 1, 200, NULL, NULL,
	    "unique among those that are not archived", NULL },
	{ "status", "status", FIELD_WORD, F_CP | F_ADMIN, 0, 0,
	    "active|suspended|archived", "\"active\"",
	    "suspended: 403 for its keys; archived: 410", NULL },
	{ "email", "email", FIELD_TEXT, F_CP | F_NULL, 3, 200, NULL, NULL,
	    "of whom to ask", NULL },
	{ "email_verified", "email_verified", FIELD_BOOL, F_CP | F_ADMIN, 0, 0,
	    NULL, "true", "free models need it", NULL },
	{ "retention", "retention", FIELD_WORD, F_CP, 0, 0, "none|retain",
	    "\"none\"", "are payloads kept", NULL },
	{ "retention_days", "retention_days", FIELD_INT, F_CP, 1, 3650, NULL,
	    "30", "how long they are kept", NULL },
	PERIOD("budget", "budget"),
	RATES("limits."),
	{ "guardrails_enabled", "guardrails_enabled", FIELD_BOOL, F_CP, 0, 0,
	    NULL, "false", "are its rules applied", NULL },
	{ "credits", "(t.credits_nano - coalesce((SELECT y.billed_nano"
	    " FROM tally y WHERE y.scope = 'organization' AND y.id = t.id"
	    " AND y.from_ms = 0), 0))", FIELD_MONEY, F_READ, 0, 0, NULL, NULL,
	    "USD that are left", NULL },
	{ "held", "(coalesce((SELECT sum(h.amount) FROM hold h WHERE"
	    " h.organization_id = t.id AND h.counter = 'o:c'), 0))",
	    FIELD_MONEY, F_READ, 0, 0, NULL, NULL,
	    "USD that requests in progress may cost", NULL },
	{ "usage", SPENT("organization"), FIELD_MONEY, F_READ, 0, 0, NULL,
	    NULL, "USD of all time", NULL },
	END
};

static const struct field credit_fields[] = {
	{ "organization_id", "(t.organization_id)", FIELD_REF, F_READ, 0, 0,
	    "organizations", NULL, "whose credits", NULL },
	{ "amount", "amount_nano", FIELD_MONEY, F_CR | F_REQUIRED, -MONEY_MAX,
	    MONEY_MAX, NULL, NULL, "USD, not 0; below 0 to take some", NULL },
	{ "reason", "reason", FIELD_TEXT, F_CR | F_REQUIRED, 1, 200, NULL,
	    NULL, "for people", NULL },
	{ "external_id", "external_id", FIELD_TEXT, F_CR | F_NULL, 1, 200,
	    NULL, NULL, "repeating it adds nothing", NULL },
	{ "balance", "balance_nano", FIELD_MONEY, F_READ | F_MADE, 0, 0, NULL,
	    NULL, "USD after it", NULL },
	END
};

static const struct field guard_fields[] = {
	{ "organization_id", "(t.organization_id)", FIELD_REF, F_READ, 0, 0,
	    "organizations", NULL, "whose rule", NULL },
	{ "project_id", "project_id", FIELD_REF, F_CP | F_NULL | F_FILTER, 0,
	    0, "projects", NULL, "null: all projects", NULL },
	{ "name", "name", FIELD_TEXT, F_CP | F_REQUIRED, 1, 200, NULL, NULL,
	    "for people; in violations", NULL },
	{ "type", "type", FIELD_WORD, F_CR | F_REQUIRED | F_FILTER, 0, 0,
	    "prompt_injection|jailbreak|pii_detection|secrets|file_types|"
	    "document_leakage|blocked_terms|custom_regex|webhook|"
	    "topic_restriction", NULL, "what it looks for", NULL },
	{ "enabled", "enabled", FIELD_BOOL, F_CP, 0, 0, NULL, "true",
	    "is it applied", NULL },
	{ "action", "action", FIELD_WORD, F_CP, 0, 0,
	    "block|redact|warn|allow", "\"block\"",
	    "on a match; allow: rules of lower priority are not looked at",
	    NULL },
	{ "direction", "direction", FIELD_WORD, F_CP, 0, 0,
	    "input|output|both", "\"input\"", "requests or answers", NULL },
	{ "priority", "priority", FIELD_INT, F_CP, 0, 1000000, NULL, "100",
	    "low first", NULL },
	{ "config", "config", FIELD_OBJECT, F_CP | F_NULL, 0, 0, NULL, NULL,
	    "by type: patterns[]; categories[]; allowed_types[] and max_bytes;"
	    " terms[], match_type and case_sensitive; pattern; url, timeout_ms"
	    " and on_failure; blocked_topics[] and allowed_topics[]", NULL },
	{ "system", "(t.is_system)", FIELD_BOOL, F_READ, 0, 0, NULL, NULL,
	    "every organisation has it; it cannot be deleted", NULL },
	END
};

static const struct field guard_test_fields[] = {
	{ "text", NULL, FIELD_LONG, F_CREATE | F_REQUIRED | F_VIRTUAL, 0, 0,
	    NULL, NULL, "what to look at", NULL },
	{ "direction", NULL, FIELD_WORD, F_CREATE | F_VIRTUAL, 0, 0,
	    "input|output", "\"input\"", "as a request or an answer", NULL },
	{ "project_id", NULL, FIELD_REF, F_CREATE | F_NULL | F_VIRTUAL, 0, 0,
	    "projects", NULL, "with the rules of this project", NULL },
	END
};

static const struct field project_fields[] = {
	ORGANIZATION(F_REQUIRED),
	{ "name", "name", FIELD_TEXT, F_CP | F_REQUIRED, 1, 200, NULL, NULL,
	    "unique in its organisation", NULL },
	{ "status", "status", FIELD_WORD, F_CP, 0, 0, "active|archived",
	    "\"active\"", "archived: 410 for its keys", NULL },
	{ "mode", "mode", FIELD_WORD, F_CP, 0, 0, "api-keys|credits|hybrid",
	    "\"hybrid\"", "whose provider keys, and who pays", NULL },
	{ "caching_enabled", "caching_enabled", FIELD_BOOL, F_CP, 0, 0, NULL,
	    "false", "answers are kept", NULL },
	{ "cache_ttl", "cache_ttl", FIELD_INT, F_CP, 10, 31536000, NULL, "60",
	    "seconds", NULL },
	{ "error_format", "error_format", FIELD_WORD, F_CP, 0, 0,
	    "flat|openai|anthropic|auto", "\"auto\"", "of its answers", NULL },
	PERIOD("budget", "budget"),
	RATES("limits."),
	{ "usage", SPENT("project"), FIELD_MONEY, F_READ, 0, 0, NULL, NULL,
	    "USD of all time", NULL },
	END
};

static const struct field key_fields[] = {
	{ "project_id", "project_id", FIELD_REF, F_CR | F_REQUIRED | F_FILTER,
	    0, 0, "projects", NULL, "what it is a key of", NULL },
	{ "label", "label", FIELD_TEXT, F_CP, 1, 200, NULL, "\"unnamed\"",
	    "for people", NULL },
	{ "status", "status", FIELD_WORD, F_CP, 0, 0, "active|inactive",
	    "\"active\"", "inactive: 401", NULL },
	{ "expires_at", "expires_ms", FIELD_TIME, F_CP | F_NULL, 0, 0, NULL,
	    NULL, "401 from then on", NULL },
	{ "usage_limit", "usage_limit_nano", FIELD_MONEY, F_CP | F_NULL, 0,
	    MONEY_MAX, NULL, NULL, "USD of all time", NULL },
	PERIOD("period_limit", "period"),
	RATES("limits."),
	{ "usage", SPENT("key"), FIELD_MONEY, F_READ, 0, 0, NULL, NULL,
	    "USD of all time", NULL },
	{ "period_usage", "(0)", FIELD_MONEY, F_READ | F_VIRTUAL, 0, 0, NULL,
	    NULL, "USD of this window", NULL },
	{ "masked", "masked", FIELD_TEXT, F_READ | F_MADE, 0, 0, NULL, NULL,
	    "how it is told from others", NULL },
	{ "last_used_at", "last_used_ms", FIELD_TIME, F_READ, 0, 0, NULL, NULL,
	    "last request", NULL },
	{ "digest", "digest", FIELD_TEXT, F_MADE | F_BLOB, 0, 0, NULL, NULL,
	    NULL, NULL },
	END
};

static const struct field roll_fields[] = {
	{ "grace_seconds", NULL, FIELD_INT, F_CREATE | F_VIRTUAL, 0, 604800,
	    NULL, "0", "how long the old secret works", NULL },
	END
};

static const struct field iam_fields[] = {
	{ "key_id", "(t.key_id)", FIELD_REF, F_READ, 0, 0, "keys", NULL,
	    "what it is a rule of", NULL },
	{ "type", "type", FIELD_WORD, F_CP | F_REQUIRED, 0, 0,
	    "allow_models|deny_models|allow_providers|deny_providers|"
	    "allow_pricing|deny_pricing|allow_ips|deny_ips", NULL,
	    "what it is about", NULL },
	{ "value", "value", FIELD_OBJECT, F_CP | F_REQUIRED, 0, 0, NULL, NULL,
	    "models[], providers[], cidrs[], or pricing_type, max_input_price"
	    " and max_output_price", NULL },
	{ "status", "status", FIELD_WORD, F_CP, 0, 0, "active|inactive",
	    "\"active\"", "inactive: without effect", NULL },
	END
};

static const struct field identity_fields[] = {
	{ "kind", "kind", FIELD_WORD, F_CR | F_REQUIRED | F_FILTER, 0, 0,
	    "remote_user|client_dn", NULL,
	    "REMOTE_USER, or SSL_CLIENT_S_DN of a verified certificate", NULL },
	{ "value", "value", FIELD_TEXT, F_CR | F_REQUIRED | F_FILTER, 1,
	    IDENTITY_MAX, NULL, NULL, "as the web server has it, byte by byte",
	    NULL },
	{ "key_id", "key_id", FIELD_REF, F_CP | F_REQUIRED | F_FILTER, 0, 0,
	    "keys", NULL, "the key that stands for it", NULL },
	END
};

static const struct field provider_key_fields[] = {
	ORGANIZATION(F_REQUIRED),
	{ "provider", "provider", FIELD_NAME, F_CR | F_REQUIRED | F_FILTER, 0,
	    0, NULL, NULL, "id of a provider, or custom", NULL },
	{ "name", "name", FIELD_TEXT, F_CR | F_NULL, 1, 64, NULL, NULL,
	    "of a custom provider", NULL },
	{ "key", NULL, FIELD_SECRET, F_CREATE | F_PATCH | F_VIRTUAL |
	    F_REQUIRED, 0, 0, NULL, NULL, "never shown; JSON of a service account"
	    " for Vertex, ACCESS_KEY_ID:SECRET[:SESSION_TOKEN] for Bedrock", NULL },
	{ "base_url", "base_url", FIELD_URL, F_CP | F_NULL, 0, 0, NULL, NULL,
	    "another needs key again", NULL },
	{ "options", "options", FIELD_OBJECT, F_CP | F_NULL, 0, 0, NULL, NULL,
	    "resource, deployment_type, api_version, use_responses_api, project,"
	    " region, token_type, workspace_id", NULL },
	{ "default_model", "default_model", FIELD_NAME, F_CP | F_NULL, 0, 0,
	    NULL, NULL, "of a custom provider", NULL },
	{ "default", "is_default", FIELD_BOOL, F_CP, 0, 0, NULL, "false",
	    "what the model custom means", NULL },
	{ "models", "models", FIELD_ARRAY, F_CP | F_NULL, 0, 0, NULL, NULL,
	    "of a custom provider, with prices and limits", NULL },
	{ "status", "status", FIELD_WORD, F_CP, 0, 0, "active|inactive",
	    "\"active\"", "inactive: not used", NULL },
	{ "masked", "masked", FIELD_TEXT, F_READ | F_MADE | F_REMADE, 0, 0,
	    NULL, NULL, "how it is told from others", NULL },
	{ "health", NULL, FIELD_OBJECT, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "state ok, failed, empty or bad; wait_ms; failures", NULL },
	{ "sealed", "sealed", FIELD_TEXT, F_MADE | F_REMADE | F_BLOB, 0, 0,
	    NULL, NULL, NULL, NULL },
	END
};

static const struct field limit_fields[] = {
	ORGANIZATION(F_REQUIRED),
	{ "model", "model", FIELD_NAME, F_CR | F_REQUIRED | F_FILTER, 0, 0,
	    NULL, NULL, "root id", NULL },
	RATES(""),
	END
};

static const struct field discount_fields[] = {
	ORGANIZATION(F_NULL),
	{ "provider", "provider", FIELD_NAME, F_CR | F_NULL | F_FILTER, 0, 0,
	    NULL, NULL, "null: any", NULL },
	{ "model", "model", FIELD_NAME, F_CR | F_NULL | F_FILTER, 0, 0, NULL,
	    NULL, "null: any", NULL },
	{ "fraction", "fraction_millionths", FIELD_FRACTION,
	    F_CP | F_REQUIRED, 0, 0, NULL, NULL, "0.25: a quarter less", NULL },
	{ "expires_at", "expires_ms", FIELD_TIME, F_CP | F_NULL, 0, 0, NULL,
	    NULL, "without effect from then on", NULL },
	END
};

static const struct field alias_fields[] = {
	ORGANIZATION(F_NULL),
	{ "name", "name", FIELD_NAME, F_CP | F_REQUIRED, 0, 0, NULL, NULL,
	    "a model string", NULL },
	{ "targets", "targets", FIELD_ARRAY, F_CP | F_REQUIRED, 0, 0, NULL,
	    NULL, "objects with model and weight", also_targets },
	END
};

static const struct field alert_fields[] = {
	ORGANIZATION(F_REQUIRED),
	{ "scope", "scope", FIELD_WORD, F_CR | F_REQUIRED, 0, 0,
	    "key|project|organization", NULL, "whose budget", NULL },
	{ "scope_id", "scope_id", FIELD_TEXT, F_CR | F_REQUIRED | F_FILTER, 1,
	    31, NULL, NULL, "its id", NULL },
	{ "kind", "kind", FIELD_WORD, F_CR | F_REQUIRED, 0, 0,
	    "budget|credits", NULL, "what runs out", NULL },
	{ "threshold", "threshold_millionths", FIELD_FRACTION,
	    F_CP | F_REQUIRED, 0, 0, NULL, NULL, "share that is used", NULL },
	{ "webhook", "webhook", FIELD_URL, F_CP | F_REQUIRED, 0, 0, NULL, NULL,
	    "gets a signed POST", NULL },
	{ "sealed", "sealed", FIELD_TEXT, F_MADE | F_BLOB, 0, 0, NULL, NULL,
	    NULL, NULL },
	END
};

static const struct field token_fields[] = {
	{ "role", "role", FIELD_WORD, F_CR | F_REQUIRED, 0, 0,
	    "admin|org_admin|viewer", NULL, "what it may do", NULL },
	ORGANIZATION(F_NULL),
	{ "label", "label", FIELD_TEXT, F_CR, 1, 200, NULL, "\"unnamed\"",
	    "for people", NULL },
	{ "expires_at", "expires_ms", FIELD_TIME, F_CR | F_NULL, 0, 0, NULL,
	    NULL, "401 from then on", NULL },
	{ "status", "(CASE WHEN t.revoked_ms IS NULL THEN 'active'"
	    " ELSE 'revoked' END)", FIELD_WORD, F_READ, 0, 0,
	    "active|revoked", NULL, "DELETE revokes", NULL },
	{ "masked", "masked", FIELD_TEXT, F_READ | F_MADE, 0, 0, NULL, NULL,
	    "how it is told from others", NULL },
	{ "digest", "digest", FIELD_TEXT, F_MADE | F_BLOB, 0, 0, NULL, NULL,
	    NULL, NULL },
	END
};

static const struct field session_fields[] = {
	{ "expires_at", NULL, FIELD_TIME, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "end of the session", NULL },
	{ "csrf", NULL, FIELD_TEXT, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "X-CSRF-Token of changes", NULL },
	END
};

static const struct field provider_fields[] = {
	{ "name", NULL, FIELD_TEXT, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "for people", NULL },
	{ "usable", NULL, FIELD_BOOL, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "it has what it needs", NULL },
	{ "keys", NULL, FIELD_ARRAY, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "gateway keys: ok, failed, empty or bad, and for how long", NULL },
	{ "breakers", NULL, FIELD_ARRAY, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "models: closed, open or half_open", NULL },
	END
};

static const struct field reset_fields[] = {
	{ "reset", NULL, FIELD_BOOL, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "true", NULL },
	END
};

static const struct field explain_fields[] = {
	{ "model", NULL, FIELD_NAME, F_CREATE | F_REQUIRED | F_VIRTUAL, 0, 0,
	    NULL, NULL, "model string", NULL },
	{ "key_id", NULL, FIELD_REF, F_CREATE | F_NULL | F_VIRTUAL, 0, 0,
	    "keys", NULL, "on whose behalf", NULL },
	{ "body", NULL, FIELD_OBJECT, F_CREATE | F_NULL | F_VIRTUAL, 0, 0,
	    NULL, NULL, "of a chat completion or of embeddings", NULL },
	{ "root", NULL, FIELD_NAME, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "the model that is meant", NULL },
	{ "pinned", NULL, FIELD_NAME, F_READ | F_NULL | F_VIRTUAL, 0, 0, NULL,
	    NULL, "the provider that the model string names", NULL },
	{ "region", NULL, FIELD_NAME, F_READ | F_NULL | F_VIRTUAL, 0, 0, NULL,
	    NULL, "the region that it names", NULL },
	{ "candidates", NULL, FIELD_ARRAY, F_READ | F_VIRTUAL, 0, 0, NULL,
	    NULL, "the best first: filtered_by (null: may be asked), why, score"
	    " and its parts, uptime, throughput, latency_ms, breaker", NULL },
	{ "order", NULL, FIELD_ARRAY, F_READ | F_VIRTUAL, 0, 0, NULL, NULL,
	    "who is asked, one after the other", NULL },
	{ "choice", NULL, FIELD_OBJECT, F_READ | F_NULL | F_VIRTUAL, 0, 0,
	    NULL, NULL, "the first of them", NULL },
	{ "reason", NULL, FIELD_TEXT, F_READ | F_NULL | F_VIRTUAL, 0, 0, NULL,
	    NULL, "weighted-score, session-sticky, ...", NULL },
	{ "max_output", NULL, FIELD_INT, F_READ | F_NULL | F_VIRTUAL, 0, 0,
	    NULL, NULL, "to which a budget lowers it", NULL },
	{ "error", NULL, FIELD_OBJECT, F_READ | F_NULL | F_VIRTUAL, 0, 0, NULL,
	    NULL, "status, code and message that the client would get", NULL },
	END
};

static const struct field audit_fields[] = {
	{ "time", "time_ms", FIELD_TIME, F_READ, 0, 0, NULL, NULL, "when",
	    NULL },
	{ "organization_id", "organization_id", FIELD_REF, F_READ | F_FILTER,
	    0, 0, "organizations", NULL, "whose object", NULL },
	{ "actor", "actor", FIELD_TEXT, F_READ | F_FILTER, 0, 0, NULL, NULL,
	    "token, or user of llmgwctl", NULL },
	{ "role", "role", FIELD_TEXT, F_READ, 0, 0, NULL, NULL, "its role",
	    NULL },
	{ "action", "action", FIELD_TEXT, F_READ | F_FILTER, 0, 0, NULL, NULL,
	    "what was done", NULL },
	{ "object", "object", FIELD_TEXT, F_READ, 0, 0, NULL, NULL,
	    "to what", NULL },
	{ "object_id", "object_id", FIELD_TEXT, F_READ | F_FILTER, 0, 0, NULL,
	    NULL, "its id", NULL },
	{ "changes", "changes", FIELD_OBJECT, F_READ, 0, 0, NULL, NULL,
	    "member: [old, new]", NULL },
	{ "address", "address", FIELD_TEXT, F_READ, 0, 0, NULL, NULL,
	    "of the client", NULL },
	{ "request_id", "request_id", FIELD_TEXT, F_READ, 0, 0, NULL, NULL,
	    "of the request", NULL },
	END
};

static const struct field no_fields[] = { END };

#define OF_PROJECT                                                             \
	"(SELECT p.organization_id FROM project p WHERE p.id = t.project_id)"
#define OF_KEY                                                                 \
	"(SELECT p.organization_id FROM api_key x JOIN project p"              \
	" ON p.id = x.project_id WHERE x.id = t.key_id)"

const struct resource resources[] = {
	{ .path = "organizations", .word = "organization",
	    .object = "organization", .noun = "organization", .prefix = "org_",
	    .methods = METHODS_ALL, .admin = METHOD_POST | METHOD_DELETE,
	    .text = "organisations", .columns = "id status created_at name",
	    .fields = organization_fields, .table = "organization",
	    .org = "t.id", .gone = "t.status = 'archived'",
	    .remove = "status = 'archived'", .check = check_organization,
	    .after = after_organization },
	{ .path = "organizations/*/credits", .word = "credit",
	    .object = "credit_transaction", .noun = "transaction",
	    .prefix = "txn_", .methods = METHOD_LIST | METHOD_POST,
	    .admin = METHOD_POST, .text = "what was added to credits",
	    .columns = "id amount balance created_at reason",
	    .fields = credit_fields, .table = "credit_txn",
	    .org = "t.organization_id", .parent = "organization_id",
	    .parent_path = "organizations", .updated = "",
	    .found = found_credit },
	{ .path = "organizations/*/guardrails/test", .word = "guard-test",
	    .object = "guardrail_test", .noun = "test",
	    .methods = METHOD_POST,
	    .text = "what a text would trigger; nothing is recorded",
	    .fields = guard_test_fields, .parent_path = "organizations",
	    .run = run_guard_test },
	{ .path = "organizations/*/guardrails", .word = "guard",
	    .object = "guardrail", .noun = "guardrail", .prefix = "gr_",
	    .methods = METHODS_ALL, .text = "rules for texts and files",
	    .columns = "id type enabled action direction priority name",
	    .fields = guard_fields, .table = "guardrail",
	    .org = "t.organization_id", .parent = "organization_id",
	    .parent_path = "organizations", .check = check_guard,
	    .leave = leave_guard },
	{ .path = "projects", .word = "project", .object = "project",
	    .noun = "project", .prefix = "proj_", .methods = METHODS_ALL,
	    .text = "projects",
	    .columns = "id organization_id status mode created_at name",
	    .fields = project_fields, .table = "project",
	    .org = "t.organization_id", .gone = "t.status = 'archived'",
	    .remove = "status = 'archived'", .check = check_project,
	    .after = after_project },
	{ .path = "keys", .word = "key", .object = "key", .noun = "key",
	    .prefix = "key_", .methods = METHODS_ALL, .text = "API keys",
	    .columns = "id project_id status masked expires_at last_used_at"
		" label",
	    .fields = key_fields, .table = "api_key", .org = OF_PROJECT,
	    .gone = "t.status = 'deleted'", .remove = "status = 'deleted'",
	    .check = check_key, .make = make_key, .after = after_key,
	    .show = show_key },
	{ .path = "keys/*/roll", .word = "roll", .object = "key",
	    .noun = "key", .methods = METHOD_POST,
	    .text = "a new secret, all settings kept", .fields = roll_fields,
	    .parent_path = "keys", .run = run_roll },
	{ .path = "keys/*/iam-rules", .word = "iam-rule", .object = "iam_rule",
	    .noun = "rule", .prefix = "iam_", .methods = METHODS_ALL,
	    .text = "what a key may use", .columns = "id type status value",
	    .fields = iam_fields, .table = "iam_rule", .org = OF_KEY,
	    .parent = "key_id", .parent_path = "keys", .check = check_iam },
	{ .path = "identities", .word = "identity", .object = "identity",
	    .noun = "identity", .prefix = "idn_", .methods = METHODS_ALL,
	    .admin = METHOD_POST | METHOD_PATCH,
	    .text = "whom the web server names, and their API keys",
	    .columns = "id kind key_id value", .fields = identity_fields,
	    .table = "identity", .org = OF_KEY,
	    .gone = "EXISTS (SELECT 1 FROM api_key x WHERE x.id = t.key_id"
		" AND x.status = 'deleted')",
	    .make = make_identity },
	{ .path = "provider-keys", .word = "provider-key",
	    .object = "provider_key", .noun = "provider key",
	    .prefix = "pkey_", .methods = METHODS_ALL,
	    .text = "an organisation's own keys of providers",
	    .columns = "id organization_id provider name status masked",
	    .fields = provider_key_fields, .table = "provider_key",
	    .org = "t.organization_id", .gone = "t.status = 'deleted'",
	    .remove = "status = 'deleted'", .check = check_provider_key,
	    .make = make_provider_key, .show = show_provider_key,
	    .needs = NEEDS_PROVIDERS | NEEDS_HEALTH | NEEDS_MASTER },
	{ .path = "limits", .word = "limit", .object = "limit",
	    .noun = "limit", .prefix = "lim_", .methods = METHODS_ALL,
	    .text = "limits of requests for a model",
	    .columns = "id organization_id model rpm tpm concurrent",
	    .fields = limit_fields, .table = "model_limit",
	    .org = "t.organization_id" },
	{ .path = "discounts", .word = "discount", .object = "discount",
	    .noun = "discount", .prefix = "disc_", .methods = METHODS_ALL,
	    .admin = METHOD_POST | METHOD_PATCH | METHOD_DELETE,
	    .text = "less than the list price",
	    .columns = "id organization_id provider model fraction expires_at",
	    .fields = discount_fields, .table = "discount",
	    .org = "t.organization_id", .check = check_discount,
	    .needs = NEEDS_PROVIDERS },
	{ .path = "aliases", .word = "alias", .object = "alias",
	    .noun = "alias", .prefix = "als_", .methods = METHODS_ALL,
	    .text = "model names of one's own",
	    .columns = "id organization_id name targets",
	    .fields = alias_fields, .table = "alias",
	    .org = "t.organization_id", .check = check_alias },
	{ .path = "alerts", .word = "alert", .object = "alert",
	    .noun = "alert", .prefix = "alrt_", .methods = METHODS_ALL,
	    .text = "a POST when money runs out",
	    .columns = "id organization_id scope scope_id kind threshold",
	    .fields = alert_fields, .table = "alert",
	    .org = "t.organization_id", .check = check_alert,
	    .make = make_alert, .needs = NEEDS_MASTER },
	{ .path = "tokens", .word = "token", .object = "token",
	    .noun = "token", .prefix = "tok_",
	    .methods = METHOD_LIST | METHOD_GET | METHOD_POST | METHOD_DELETE,
	    .text = "tokens of this API",
	    .columns = "id role organization_id status masked expires_at label",
	    .fields = token_fields, .table = "admin_token",
	    .org = "t.organization_id", .gone = "t.revoked_ms IS NOT NULL",
	    .remove = "revoked_ms = ?2",
	    .updated = "coalesce(t.updated_ms, t.created_ms)",
	    .check = check_token, .make = make_token },
	{ .path = "sessions", .word = "session", .object = "session",
	    .noun = "session", .methods = METHOD_POST | METHOD_DELETE,
	    .text = "sign-in of a dashboard", .fields = session_fields,
	    .run = run_sessions, .free = true },
	{ .path = "providers", .word = "provider", .object = "provider",
	    .noun = "provider", .methods = METHOD_LIST,
	    .text = "providers, their keys and breakers",
	    .fields = provider_fields, .run = run_providers,
	    .needs = NEEDS_PROVIDERS | NEEDS_HEALTH },
	{ .path = "providers/*/reset", .word = "provider-reset",
	    .object = "provider", .noun = "provider", .methods = METHOD_POST,
	    .text = "forget failures of keys and breakers; id all: everywhere",
	    .fields = reset_fields, .parent_path = "providers",
	    .run = run_provider_reset,
	    .needs = NEEDS_PROVIDERS | NEEDS_HEALTH },
	{ .path = "explain", .word = "explain", .object = "explanation",
	    .noun = "explanation", .methods = METHOD_POST,
	    .text = "who would serve a request; nothing is sent",
	    .fields = explain_fields, .run = run_explain,
	    .needs = NEEDS_PROVIDERS | NEEDS_HEALTH | NEEDS_MASTER },
	{ .path = "logs", .word = "log", .object = "log", .noun = "record",
	    .prefix = "log_", .methods = METHOD_LIST | METHOD_GET,
	    .text = "records of requests", .fields = no_fields,
	    .run = run_logs, .needs = NEEDS_MASTER },
	{ .path = "usage", .word = "usage", .object = "usage",
	    .noun = "usage", .methods = METHOD_LIST,
	    .text = "totals of records", .fields = no_fields,
	    .run = run_usage },
	{ .path = "activity", .word = "activity", .object = "activity",
	    .noun = "activity", .methods = METHOD_LIST,
	    .text = "totals by time and group", .fields = no_fields,
	    .run = run_activity },
	{ .path = "guardrail-events", .word = "guard-event",
	    .object = "guardrail_event", .noun = "event",
	    .methods = METHOD_LIST, .text = "matches of guardrails",
	    .fields = no_fields, .run = run_guard_events },
	{ .path = "audit", .word = "audit", .object = "audit_entry",
	    .noun = "entry", .prefix = "aud_", .methods = METHOD_LIST,
	    .text = "who changed what",
	    .columns = "id time actor action object object_id changes",
	    .fields = audit_fields, .table = "audit",
	    .org = "t.organization_id", .created = "t.time_ms", .updated = "",
	    .order = "t.seq" },
	{ .path = NULL },
};
/* clang-format on */

int
resources_count(void)
{
	return (int)NROWS(resources) - 1;
}

const struct resource *
resource_by_path(const char *path)
{
	const struct resource *r = resources;

	while (strcmp(r->path, path) != 0)
		r++;
	return r;
}

int
resource_nfields(const struct resource *r)
{
	int n = 0;

	while (r->fields[n].name != NULL)
		n++;
	return n;
}
