/*
 * The schema, as the steps that led to it.  A step is never changed once it
 * was released, and it only adds: programs of the last release run beside those
 * of this one during an upgrade (house.md 2.4).  sql_exec() says what becomes
 * of column types in PostgreSQL.
 */
#include "base/clock.h"
#include "store/sql_ops.h"

/* A step may have to rewrite a large table. */
#define MIGRATE_TIMEOUT_MS 600000

static const char schema_1[] =
    "CREATE TABLE organization ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " status TEXT NOT NULL DEFAULT 'active'"
    "  CHECK (status IN ('active', 'suspended', 'archived')),"
    " email TEXT,"
    " email_verified INTEGER NOT NULL DEFAULT 1,"
    " retention TEXT NOT NULL DEFAULT 'none'"
    "  CHECK (retention IN ('none', 'retain')),"
    " retention_days INTEGER NOT NULL DEFAULT 30,"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"
    /* An archived name may be used again. */
    "CREATE UNIQUE INDEX organization_name ON organization(name)"
    " WHERE status <> 'archived';"

    "CREATE TABLE project ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization(id),"
    " name TEXT NOT NULL,"
    " status TEXT NOT NULL DEFAULT 'active'"
    "  CHECK (status IN ('active', 'archived')),"
    " mode TEXT NOT NULL DEFAULT 'hybrid'"
    "  CHECK (mode IN ('api-keys', 'credits', 'hybrid')),"
    " caching_enabled INTEGER NOT NULL DEFAULT 0,"
    " cache_ttl INTEGER NOT NULL DEFAULT 60,"
    " error_format TEXT NOT NULL DEFAULT 'auto'"
    "  CHECK (error_format IN ('flat', 'openai', 'anthropic', 'auto')),"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"
    "CREATE UNIQUE INDEX project_name ON project(organization_id, name)"
    " WHERE status <> 'archived';"

    "CREATE TABLE api_key ("
    " id TEXT PRIMARY KEY,"
    " project_id TEXT NOT NULL REFERENCES project(id),"
    " label TEXT NOT NULL,"
    " digest BLOB NOT NULL UNIQUE,"
    " masked TEXT NOT NULL,"
    " status TEXT NOT NULL DEFAULT 'active'"
    "  CHECK (status IN ('active', 'inactive', 'deleted')),"
    " expires_ms BIGINT,"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL,"
    " last_used_ms BIGINT);"
    "CREATE INDEX api_key_project ON api_key(project_id);"

    "CREATE TABLE admin_token ("
    " id TEXT PRIMARY KEY,"
    " digest BLOB NOT NULL UNIQUE,"
    " masked TEXT NOT NULL,"
    " role TEXT NOT NULL CHECK (role IN ('admin', 'org_admin', 'viewer')),"
    " organization_id TEXT REFERENCES organization(id),"
    " label TEXT,"
    " expires_ms BIGINT,"
    " created_ms BIGINT NOT NULL,"
    " revoked_ms BIGINT);";

/*
 * One row per request (api.md 17.3).  No foreign keys: a record outlives what
 * it names, and each would cost a look-up per insert.  Two indexes and no
 * more: /v1/usage/{request_id}, and record_id, which begins with the time and so
 * serves repeated inserts and reports over a time.
 */
static const char schema_2[] =
    "CREATE TABLE log ("
    " record_id TEXT NOT NULL UNIQUE,"
    " attempt_of TEXT,"
    " request_id TEXT,"
    " organization_id TEXT, project_id TEXT, key_id TEXT,"
    " endpoint TEXT, source TEXT, user_agent TEXT, session_id TEXT,"
    " requested_model TEXT, requested_provider TEXT,"
    " used_model TEXT, used_provider TEXT, upstream_model TEXT,"
    " mode TEXT, credential TEXT,"
    " error_code TEXT, error_class TEXT,"
    " finish TEXT, raw_finish TEXT,"
    " routing TEXT, headers TEXT, dropped TEXT,"
    " started_ms BIGINT NOT NULL,"
    " duration_ms BIGINT, ttft_ms BIGINT,"
    " status INTEGER NOT NULL,"
    " streamed INTEGER NOT NULL,"
    " cached INTEGER NOT NULL,"
    " aborted INTEGER NOT NULL,"
    " estimated INTEGER NOT NULL,"
    " request_bytes BIGINT NOT NULL, answer_bytes BIGINT NOT NULL,"
    " input_tokens BIGINT NOT NULL,"
    " cache_read_tokens BIGINT NOT NULL,"
    " cache_write_5m_tokens BIGINT NOT NULL,"
    " cache_write_1h_tokens BIGINT NOT NULL,"
    " audio_in_tokens BIGINT NOT NULL,"
    " image_in_tokens BIGINT NOT NULL,"
    " output_tokens BIGINT NOT NULL,"
    " reasoning_tokens BIGINT NOT NULL,"
    " audio_out_tokens BIGINT NOT NULL,"
    " image_out_tokens BIGINT NOT NULL,"
    " images_in INTEGER NOT NULL,"
    " images_out INTEGER NOT NULL,"
    " searches INTEGER NOT NULL,"
    " cost_nano BIGINT NOT NULL,"
    " input_cost_nano BIGINT NOT NULL,"
    " cached_input_cost_nano BIGINT NOT NULL,"
    " cache_write_cost_nano BIGINT NOT NULL,"
    " output_cost_nano BIGINT NOT NULL,"
    " request_cost_nano BIGINT NOT NULL,"
    " web_search_cost_nano BIGINT NOT NULL,"
    " image_in_cost_nano BIGINT NOT NULL,"
    " image_out_cost_nano BIGINT NOT NULL,"
    " audio_in_cost_nano BIGINT NOT NULL,"
    " audio_out_cost_nano BIGINT NOT NULL,"
    " content_filter_cost_nano BIGINT NOT NULL,"
    " data_storage_cost_nano BIGINT NOT NULL,"
    " billed_nano BIGINT NOT NULL);"
    "CREATE INDEX log_request ON log(request_id);";

/*
 * Tenants with limits and money.  Amounts are nano-dollars, fractions
 * millionths, NULL is "no limit"; periods are a count of units (hour, day,
 * week, month) from the object's creation on.
 *
 * tally: what records cost together, changed by the transaction that inserts
 * them; from_ms is where a period begins, 0 stands for all time.  Its version
 * grows with every change: counters are copies of these rows (counters.h).
 *
 * hold, store_state: reservations while Redis is down.  change: one row; its
 * version grows with every change that programs have to see.
 */
#define TALLY_OF_LOG(scope, column)                                            \
	"INSERT INTO tally(scope, id, from_ms, cost_nano, billed_nano,"        \
	" requests, version) SELECT '" scope "', " column ", 0,"               \
	" sum(cost_nano), sum(billed_nano),"                                   \
	" count(*) FILTER (WHERE attempt_of IS NULL), 1 FROM log"              \
	" WHERE " column " IS NOT NULL GROUP BY " column ";"

static const char schema_3[] =
    "ALTER TABLE organization ADD COLUMN credits_nano BIGINT NOT NULL"
    " DEFAULT 0;"
    "ALTER TABLE organization ADD COLUMN budget_nano BIGINT;"
    "ALTER TABLE organization ADD COLUMN budget_count INTEGER;"
    "ALTER TABLE organization ADD COLUMN budget_unit TEXT;"
    "ALTER TABLE organization ADD COLUMN rpm BIGINT;"
    "ALTER TABLE organization ADD COLUMN tpm BIGINT;"
    "ALTER TABLE organization ADD COLUMN concurrent BIGINT;"
    "ALTER TABLE organization ADD COLUMN guardrails_enabled INTEGER"
    " NOT NULL DEFAULT 0;"

    "ALTER TABLE project ADD COLUMN budget_nano BIGINT;"
    "ALTER TABLE project ADD COLUMN budget_count INTEGER;"
    "ALTER TABLE project ADD COLUMN budget_unit TEXT;"
    "ALTER TABLE project ADD COLUMN rpm BIGINT;"
    "ALTER TABLE project ADD COLUMN tpm BIGINT;"
    "ALTER TABLE project ADD COLUMN concurrent BIGINT;"

    "ALTER TABLE api_key ADD COLUMN usage_limit_nano BIGINT;"
    "ALTER TABLE api_key ADD COLUMN period_nano BIGINT;"
    "ALTER TABLE api_key ADD COLUMN period_count INTEGER;"
    "ALTER TABLE api_key ADD COLUMN period_unit TEXT;"
    "ALTER TABLE api_key ADD COLUMN rpm BIGINT;"
    "ALTER TABLE api_key ADD COLUMN tpm BIGINT;"
    "ALTER TABLE api_key ADD COLUMN concurrent BIGINT;"
    /* Secrets that were rolled, while they still work. */
    "CREATE TABLE api_key_old ("
    " digest BLOB PRIMARY KEY,"
    " key_id TEXT NOT NULL REFERENCES api_key(id),"
    " until_ms BIGINT NOT NULL);"

    "CREATE TABLE iam_rule ("
    " id TEXT PRIMARY KEY,"
    " key_id TEXT NOT NULL REFERENCES api_key(id),"
    " type TEXT NOT NULL,"
    " value TEXT NOT NULL," /* JSON, api.md 13 */
    " status TEXT NOT NULL DEFAULT 'active'"
    "  CHECK (status IN ('active', 'inactive')),"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"
    "CREATE INDEX iam_rule_key ON iam_rule(key_id);"

    "CREATE TABLE provider_key ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization(id),"
    " provider TEXT NOT NULL," /* an id, or 'custom' */
    " name TEXT,"              /* of a custom provider */
    " sealed BLOB NOT NULL,"   /* base/secret.h */
    " masked TEXT NOT NULL,"
    " base_url TEXT,"
    " options TEXT," /* JSON object */
    " default_model TEXT,"
    " is_default INTEGER NOT NULL DEFAULT 0,"
    " models TEXT," /* JSON array, custom */
    " status TEXT NOT NULL DEFAULT 'active'"
    "  CHECK (status IN ('active', 'inactive', 'deleted')),"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"
    "CREATE INDEX provider_key_organization"
    " ON provider_key(organization_id);"
    "CREATE UNIQUE INDEX provider_key_name"
    " ON provider_key(organization_id, name)"
    " WHERE name IS NOT NULL AND status <> 'deleted';"

    "CREATE TABLE model_limit ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization(id),"
    " model TEXT NOT NULL,"
    " rpm BIGINT, tpm BIGINT, concurrent BIGINT,"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL,"
    " UNIQUE (organization_id, model));"

    "CREATE TABLE discount ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT REFERENCES organization(id),"
    " provider TEXT, model TEXT,"
    " fraction_millionths BIGINT NOT NULL,"
    " expires_ms BIGINT,"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"

    "CREATE TABLE alias ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT REFERENCES organization(id),"
    " name TEXT NOT NULL,"
    " targets TEXT NOT NULL," /* JSON array of {model, weight} */
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"
    "CREATE UNIQUE INDEX alias_name"
    " ON alias(coalesce(organization_id, ''), name);"

    "CREATE TABLE alert ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization(id),"
    " scope TEXT NOT NULL," /* key, project, organization */
    " scope_id TEXT NOT NULL,"
    " kind TEXT NOT NULL CHECK (kind IN ('budget', 'credits')),"
    " threshold_millionths BIGINT NOT NULL,"
    " webhook TEXT NOT NULL,"
    " sealed BLOB," /* what the webhook is signed with */
    " fired_from_ms BIGINT," /* the period it was sent for */
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"

    "CREATE TABLE credit_txn ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization(id),"
    " amount_nano BIGINT NOT NULL,"
    " reason TEXT NOT NULL,"
    " external_id TEXT,"
    " balance_nano BIGINT NOT NULL,"
    " created_ms BIGINT NOT NULL,"
    " UNIQUE (organization_id, external_id));"

    "CREATE TABLE tally ("
    " scope TEXT NOT NULL," /* key, project, organization */
    " id TEXT NOT NULL,"
    " from_ms BIGINT NOT NULL,"
    " cost_nano BIGINT NOT NULL,"
    " billed_nano BIGINT NOT NULL,"
    " requests BIGINT NOT NULL,"
    " version BIGINT NOT NULL,"
    " PRIMARY KEY (scope, id, from_ms));"

    "CREATE TABLE hold ("
    " id TEXT NOT NULL,"
    " counter TEXT NOT NULL,"
    " organization_id TEXT NOT NULL,"
    " amount BIGINT NOT NULL,"
    " expires_ms BIGINT NOT NULL,"
    " PRIMARY KEY (id, counter));"
    "CREATE INDEX hold_organization ON hold(organization_id, counter);"
    "CREATE TABLE store_state ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " backend TEXT NOT NULL,"
    " generation TEXT NOT NULL,"
    " ready_ms BIGINT NOT NULL);"

    "CREATE TABLE change ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " version BIGINT NOT NULL);"
    "INSERT INTO change(id, version) VALUES (1, 1);"

    "CREATE TABLE audit ("
    " seq BIGINT PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " time_ms BIGINT NOT NULL,"
    " organization_id TEXT,"
    " actor TEXT NOT NULL, role TEXT NOT NULL,"
    " action TEXT NOT NULL, object TEXT NOT NULL, object_id TEXT,"
    " changes TEXT NOT NULL,"
    " address TEXT, request_id TEXT,"
    " hash BLOB NOT NULL);" /* of the one before and this one */

    "CREATE TABLE admin_session ("
    " digest BLOB PRIMARY KEY,"
    " token_id TEXT NOT NULL REFERENCES admin_token(id),"
    " created_ms BIGINT NOT NULL,"
    " expires_ms BIGINT NOT NULL);"
    "ALTER TABLE admin_token ADD COLUMN updated_ms BIGINT;"

    "ALTER TABLE log ADD COLUMN user_id TEXT;"
    /* Why this provider: candidates, their scores, the reason. */
    "ALTER TABLE log ADD COLUMN decision TEXT;"
    "ALTER TABLE log ADD COLUMN used_region TEXT;"
    "ALTER TABLE log ADD COLUMN tier TEXT;"
    "ALTER TABLE log ADD COLUMN discount_nano BIGINT NOT NULL DEFAULT 0;"

    /* What was spent before there were tallies; credits start at nothing. */
    TALLY_OF_LOG("key", "key_id") TALLY_OF_LOG("project", "project_id")
    TALLY_OF_LOG("organization", "organization_id")
    "UPDATE organization SET credits_nano = coalesce((SELECT billed_nano"
    " FROM tally WHERE scope = 'organization' AND tally.id = organization.id"
    " AND from_ms = 0), 0);";

static const char schema_4[] =
    /* Somebody is sending it until then. */
    "ALTER TABLE alert ADD COLUMN claimed_until_ms BIGINT;"

    /* One sign-in each, by somebody who has no token. */
    "CREATE TABLE admin_link ("
    " digest BLOB PRIMARY KEY,"
    " token_id TEXT NOT NULL REFERENCES admin_token(id),"
    " expires_ms BIGINT NOT NULL);";

/* Sign-in of MCP clients (domain/oauth.h). */
static const char schema_5[] =
    "CREATE TABLE oauth_client ("
    " id TEXT PRIMARY KEY,"
    " key_id TEXT NOT NULL REFERENCES api_key(id),"
    " redirect_uris TEXT NOT NULL,"
    " created_ms BIGINT NOT NULL);"
    "CREATE INDEX oauth_client_key ON oauth_client(key_id);"

    /* Codes that were used, until they would not be good any more. */
    "CREATE TABLE oauth_code ("
    " mac BLOB PRIMARY KEY,"
    " until_ms BIGINT NOT NULL);";

/* Payloads (domain/payload.h), and jobs that one process does for all. */
static const char schema_6[] =
    "CREATE TABLE payload ("
    " record_id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization(id),"
    " created_ms BIGINT NOT NULL,"
    " sealed BLOB NOT NULL);"
    "CREATE INDEX payload_created ON payload(created_ms);"
    "ALTER TABLE log ADD COLUMN payload_deleted INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE job ("
    " id TEXT PRIMARY KEY,"
    " next_ms BIGINT NOT NULL);";

/* System rules of api.md 17.1; ids are the organisation's with another head. */
#define GUARD_SYSTEM(n, type, name, enabled, action)                           \
	"INSERT INTO guardrail(id, organization_id, name, type, enabled,"      \
	" action, is_system, created_ms, updated_ms)"                          \
	" SELECT 'gr_" n "' || substr(id, 6), id, '" name "', '" type "', "   \
	enabled ", '" action "', 1, created_ms, created_ms FROM organization;"

static const char schema_7[] =
    "CREATE TABLE guardrail ("
    " id TEXT PRIMARY KEY,"
    " organization_id TEXT NOT NULL REFERENCES organization(id),"
    " project_id TEXT REFERENCES project(id),"
    " name TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " enabled INTEGER NOT NULL DEFAULT 1,"
    " action TEXT NOT NULL,"
    " direction TEXT NOT NULL DEFAULT 'input',"
    " priority BIGINT NOT NULL DEFAULT 100,"
    " config TEXT,"
    " is_system INTEGER NOT NULL DEFAULT 0,"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL);"
    "CREATE INDEX guardrail_organization ON guardrail(organization_id);"

    GUARD_SYSTEM("1", "prompt_injection", "Prompt injection", "1", "block")
    GUARD_SYSTEM("2", "jailbreak", "Jailbreak", "1", "block")
    GUARD_SYSTEM("3", "pii_detection", "Personal data", "1", "redact")
    GUARD_SYSTEM("4", "secrets", "Secrets", "1", "block")
    GUARD_SYSTEM("5", "file_types", "File types", "1", "block")
    GUARD_SYSTEM("6", "document_leakage", "Document leakage", "0", "warn")

    /* Rules that matched: raw JSON array. */
    "ALTER TABLE log ADD COLUMN guardrails TEXT;"
    "CREATE INDEX log_guardrails ON log(record_id)"
    " WHERE guardrails IS NOT NULL;";

/* Whom the web server has authenticated (domain/identity.h). */
static const char schema_8[] =
    "CREATE TABLE identity ("
    " id TEXT PRIMARY KEY,"
    " kind TEXT NOT NULL CHECK (kind IN ('remote_user', 'client_dn')),"
    " value TEXT NOT NULL,"
    " key_id TEXT NOT NULL REFERENCES api_key(id),"
    " created_ms BIGINT NOT NULL,"
    " updated_ms BIGINT NOT NULL,"
    " UNIQUE (kind, value));"
    "CREATE INDEX identity_key ON identity(key_id);";

/* The number of a step is its place, from 1. */
/* Time to the first reasoning token (api.md 17.3). */
static const char schema_9[] =
    "ALTER TABLE log ADD COLUMN reasoning_ms BIGINT;";

static const char *const steps[] = { schema_1, schema_2, schema_3, schema_4,
	schema_5, schema_6, schema_7, schema_8, schema_9 };

const struct sql_table sql_tables[] = {
	{ "organization", "id", false },
	{ "project", "id", false },
	{ "api_key", "id", false },
	{ "api_key_old", "digest", false },
	{ "iam_rule", "id", false },
	{ "identity", "id", false },
	{ "provider_key", "id", false },
	{ "model_limit", "id", false },
	{ "discount", "id", false },
	{ "alias", "id", false },
	{ "alert", "id", false },
	{ "guardrail", "id", false },
	{ "credit_txn", "id", true },
	{ "tally", "scope, id, from_ms", false },
	{ "hold", "id, counter", false },
	{ "store_state", "id", false },
	{ "change", "id", false },
	{ "audit", "seq", true },
	{ "admin_token", "id", false },
	{ "admin_session", "digest", false },
	{ "admin_link", "digest", false },
	{ "oauth_client", "id", false },
	{ "oauth_code", "mac", false },
	{ "payload", "record_id", false },
	{ "job", "id", false },
	{ "log", "record_id", true },
	{ NULL, NULL, false },
};

int
sql_version_wanted(void)
{
	return (int)NROWS(steps);
}

int
sql_version(struct sql *s, int64_t *out, struct err *e)
{
	struct sql_stmt *st;
	int rc;

	*out = 0;
	if ((rc = s->ops->has_table(s, "schema_version", e)) != 1)
		return rc;
	st = sql_prepare(
	    s, "SELECT coalesce(max(version), 0) FROM schema_version", e);
	rc = st == NULL ? -1 : sql_step(st, e);
	if (rc == 1)
		*out = sql_int(st, 0);
	sql_done(st);
	return rc == -1 ? -1 : 0;
}

static int
record(struct sql *s, int64_t version, struct err *e)
{
	struct sql_stmt *st;

	st = sql_prepare(s,
	    "INSERT INTO schema_version(version, applied_ms) VALUES (?1, ?2)",
	    e);
	if (st == NULL)
		return -1;
	sql_bind_int(st, 1, version);
	sql_bind_int(st, 2, clock_wall_ms());
	return sql_run(st, e);
}

/*
 * The next step, if there is one.  The version is read behind the lock, since
 * another process may just have taken the same step.  1: call again.
 */
static int
apply_next(struct sql *s, struct err *e)
{
	int64_t version;
	int rc = -1;

	if (sql_begin_alone(s, e) == -1)
		return -1;
	if (sql_exec(s,
		"CREATE TABLE IF NOT EXISTS schema_version ("
		" version BIGINT PRIMARY KEY, applied_ms BIGINT NOT NULL)",
		e) == -1 ||
	    sql_version(s, &version, e) == -1)
		goto out;
	if (version < sql_version_wanted()) {
		if (sql_exec(s, steps[version], e) == -1 ||
		    record(s, version + 1, e) == -1)
			goto out;
	}
	if (sql_commit(s, e) == -1)
		goto out;
	rc = version + 1 < sql_version_wanted() ? 1 : 0;
out:
	sql_rollback(s);
	return rc;
}

int
sql_migrate(struct sql *s, struct err *e)
{
	int64_t timeout_ms = s->timeout_ms, version;
	int rc = sql_version(s, &version, e);

	if (rc == 0 && version > sql_version_wanted())
		return err_set(e, ERR_CONFIG,
		    "the database has schema version %lld, this program knows "
		    "%d: use a newer program",
		    (long long)version, sql_version_wanted());
	sql_set_timeout(s, MIGRATE_TIMEOUT_MS);
	while (rc != -1 && version < sql_version_wanted()) {
		if ((rc = apply_next(s, e)) == 0)
			break;
	}
	sql_set_timeout(s, timeout_ms);
	return rc == -1 ? -1 : 0;
}

int
sql_migrate_soon(struct sql *s, struct err *e)
{
	if (sql_migrate(s, e) == 0)
		return 0;
	if (!s->ops->remote || e->code != ERR_STORE)
		return -1;
	s->unchecked = true;
	*e = (struct err){ 0 };
	return 0;
}
