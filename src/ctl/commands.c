#include "ctl/cmd.h"
#include "domain/tenant.h"

#define END                                                                    \
	{                                                                      \
		NULL, NULL, NULL                                               \
	}

/* clang-format off */
static const struct ctl_option all_option[] = {
	{ "all", NULL, "archived and deleted ones too" },
	END
};
static const struct ctl_option init_options[] = {
	{ "user", "NAME", "as root: who owns the directories that are made" },
	END
};
static const struct ctl_option project_create_options[] = {
	{ "org", "ID", "organisation, instead of the default one" },
	{ "mode", "MODE", "api-keys, credits or hybrid" },
	END
};
static const struct ctl_option project_list_options[] = {
	{ "all", NULL, "archived ones too" },
	{ "org", "ID", "those of one organisation" },
	END
};
static const struct ctl_option key_create_options[] = {
	{ "project", "ID", "instead of the default one" },
	{ "label", "TEXT", "for people" },
	{ "expires", "WHEN", "30d, 2027-01-31, or 2027-01-31T12:00:00Z" },
	END
};
static const struct ctl_option key_list_options[] = {
	{ "all", NULL, "deleted ones too" },
	{ "project", "ID", "those of one project" },
	END
};
static const struct ctl_option cache_clear_options[] = {
	{ "project", "ID", "those of one project" },
	END
};
static const struct ctl_option usage_options[] = {
	{ "by", "GROUP", "model (default), provider, key, project or day" },
	{ "from", "WHEN", "first day, or time" },
	{ "to", "WHEN", "last day, or time" },
	{ "days", "N", "the last N days, today included (30)" },
	{ "org", "ID", "of one organisation" },
	{ "project", "ID", "of one project" },
	{ "key", "ID", "of one key" },
	{ "model", "ID", "of one model" },
	END
};
static const struct ctl_option log_list_options[] = {
	{ "limit", "N", "how many (20)" },
	{ "project", "ID", "of one project" },
	{ "request-id", "ID", "of one request, failed attempts too" },
	END
};
static const struct ctl_option models_list_options[] = {
	{ "all", NULL, "those of providers without a key too" },
	END
};
static const struct ctl_option models_update_options[] = {
	{ "dry-run", NULL, "only say what would change" },
	END
};
static const struct ctl_option provider_list_options[] = {
	{ "usable", NULL, "only those that can be asked" },
	END
};
static const struct ctl_option guard_test_options[] = {
	{ "direction", "input|output", "as a request or an answer" },
	{ "project", "ID", "with the rules of this project" },
	END
};
static const struct ctl_option restore_options[] = {
	{ "replace", NULL, "rows and secrets that are there" },
	END
};
static const struct ctl_option doctor_options[] = {
	{ "outside", NULL, "only look at the URL" },
	{ "full", NULL, "send a body above max_body_bytes too" },
	{ "key", "KEY", "an API key, to test a stream" },
	{ "key-file", "FILE", "the same, its first line" },
	END
};

static const struct ctl_option explain_options[] = {
	{ "key", "ID", "on behalf of this API key" },
	{ "body", "FILE", "a request's body; -: standard input" },
	END
};

#define TENANT(word, kind, create_args, nargs, create, list, what)             \
	{ word " create", create_args, nargs, nargs, CTL_WRITE, kind,          \
	    cmd_tenant_create, create, "Make " what },                         \
	{ word " list", "", 0, 0, CTL_READ, kind,                              \
	    cmd_tenant_list, list, "List them, newest first" },                \
	{ word " show", "ID", 1, 1, CTL_READ, kind,                            \
	    cmd_tenant_show, NULL, "Show " what },                             \
	{ word " rename", "ID NAME", 2, 2, CTL_WRITE, kind,                    \
	    cmd_tenant_rename, NULL, "Give " what " another name" },           \
	{ word " disable", "ID", 1, 1, CTL_WRITE, kind,                        \
	    cmd_tenant_disable, NULL, "Refuse its requests from now on" },     \
	{ word " enable", "ID", 1, 1, CTL_WRITE, kind,                         \
	    cmd_tenant_enable, NULL, "Undo disable" },                         \
	{ word " delete", "ID", 1, 1, CTL_WRITE, kind,                         \
	    cmd_tenant_delete, NULL, "Take " what " out of use" }

const struct ctl_command ctl_commands[] = {
	{ "init", "", 0, 0, CTL_CONF, 0, cmd_init, init_options,
	    "Make directories, secret, database and the first admin token" },
	TENANT("org", TENANT_ORG, "NAME", 1, NULL, all_option,
	    "an organisation"),
	TENANT("project", TENANT_PROJECT, "NAME", 1, project_create_options,
	    project_list_options, "a project"),
	{ "project mode", "ID MODE", 2, 2, CTL_WRITE, TENANT_PROJECT,
	    cmd_tenant_mode, NULL,
	    "Set who pays: api-keys, credits or hybrid" },
	TENANT("key", TENANT_KEY, "", 0, key_create_options, key_list_options,
	    "an API key"),
	{ "guard test", "ORG [TEXT]", 1, 2, CTL_READ, 0, cmd_guard_test,
	    guard_test_options, "Show what a text (or stdin) would trigger" },
	{ "audit verify", "", 0, 0, CTL_READ, 0, cmd_audit_verify, NULL,
	    "Compute the chain of the audit log anew" },
	{ "session link", "TOKEN-ID", 1, 1, CTL_WRITE, 0, cmd_session_link,
	    NULL, "Make a code to sign in with once, as this token" },
	{ "explain", "MODEL", 1, 1, CTL_READ, 0, cmd_explain, explain_options,
	    "Who would serve a request, and why; nothing is sent" },
	{ "cache clear", "", 0, 0, CTL_WRITE, 0, cmd_cache_clear,
	    cache_clear_options, "Forget kept answers of projects" },
	{ "usage", "", 0, 0, CTL_READ, 0, cmd_usage, usage_options,
	    "Sum up requests, tokens and cost" },
	{ "log list", "", 0, 0, CTL_READ, 0, cmd_log_list, log_list_options,
	    "List records of requests, newest first" },
	{ "log show", "ID", 1, 1, CTL_READ, 0, cmd_log_show, NULL,
	    "Show all of a record or request, as JSON, and what it said" },
	{ "log purge", "", 0, 0, CTL_WRITE, 0, cmd_log_purge, NULL,
	    "Delete payloads that are past their days now" },
	{ "models list", "", 0, 0, CTL_CONF, 0, cmd_models_list,
	    models_list_options, "List models, prices in USD per million" },
	{ "models show", "ID", 1, 1, CTL_CONF, 0, cmd_models_show, NULL,
	    "Show a model and who offers it" },
	{ "models update", "FILE", 1, 1, CTL_CONF, 0, cmd_update,
	    models_update_options, "Take a newer list of models" },
	{ "provider list", "", 0, 0, CTL_CONF, 0, cmd_provider_list,
	    provider_list_options, "List providers, their keys and circuits" },
	{ "provider reset", "[PROVIDER]", 0, 1, CTL_WRITE, 0, cmd_provider_reset,
	    NULL, "Forget failures of a provider, or of all" },
	{ "config test", "", 0, 0, CTL_CONF, 0, cmd_config_test, NULL,
	    "Test the configuration as the programs read it" },
	{ "config dump", "", 0, 0, CTL_CONF, 0, cmd_config_dump, NULL,
	    "Print the settings in force, without secrets" },
	{ "config manual", "", 0, 0, CTL_NOTHING, 0, cmd_config_manual, NULL,
	    "Print all settings, as a part of a manual page" },
	{ "db migrate", "", 0, 0, CTL_WRITE, 0, cmd_db_migrate, NULL,
	    "Bring the database to the schema of this version" },
	{ "db status", "", 0, 0, CTL_CONF, 0, cmd_db_status, NULL,
	    "Show the database, its schema and its tables" },
	{ "db copy", "FROM TO", 2, 2, CTL_CONF, 0, cmd_db_copy, NULL,
	    "Copy all rows from one database (its URL) to another" },
	{ "backup", "FILE", 1, 1, CTL_CONF, 0, cmd_backup, NULL,
	    "Write database and secrets into one file" },
	{ "restore", "FILE", 1, 1, CTL_CONF, 0, cmd_restore, restore_options,
	    "Put back what backup wrote" },
	{ "doctor", "[URL]", 0, 1, CTL_CONF, 0, cmd_doctor, doctor_options,
	    "Look for what is wrong, here and at the URL of the mount" },
	{ NULL, NULL, 0, 0, CTL_NOTHING, 0, NULL, NULL, NULL },
};
/* clang-format on */
