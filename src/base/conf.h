#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * Everything an operator can set.  Read once at start, then const: a reload is
 * a new set of processes.  One table of rows (conf_table.c) is read by the file
 * parser, the environment, `llmgwctl config dump` and the manual page.
 *
 * Strings are never NULL: "" is "not set".  So are those of sections, where 0
 * is the number that is not set.
 */

/* [provider NAME]: a provider of the operator, or changes to a built-in one. */
struct conf_provider {
	struct conf_provider *next;
	char *name;
	int line;
	char *dialect;  /* "openai-chat" */
	char *base_url; /* https, or http for insecure_hosts */
	char *path;     /* of chat completions, after the base URL */
	char *auth;     /* bearer, x-api-key, api-key, none */
	char *key;      /* one, or a list with commas */
	char *key_file;
	char *quirks;   /* names with commas: provider/quirk.c */
	bool any_model; /* names that the catalogue lacks pass, at no price */
	bool streaming; /* on, off */
	int64_t timeout_first_byte; /* ms, 0: the general one */
	int64_t timeout_idle;
	int64_t priority_milli; /* 1000 is the default of 1 */
	char *ca_file;
	char *client_certificate;
	char *upstream_proxy;
};

/* [model NAME]: a model of the operator, or one more mapping of a known one. */
struct conf_model {
	struct conf_model *next;
	char *name;
	int line;
	char
	    *provider; /* "PROVIDER" or "PROVIDER/UPSTREAM-NAME", with commas */
	char *aliases;
	int64_t context;
	int64_t max_output;
	char *capabilities; /* names with commas: domain/catalog.h */
	char *input_price;  /* USD per million tokens, decimal text */
	char *output_price;
	char *cached_input_price;
	char *cache_write_price;
	char *request_price; /* USD per request */
	char *image_price;   /* USD per image made */
	char *image_output_price; /* USD per million tokens of images */
	bool free;
};

struct conf {
	/* clang-format off */
	char *error_format;         /* flat, openai, anthropic, auto */
	char *sdk_user_agents;
	int64_t max_body_bytes;
	int64_t max_upload_bytes;
	char *key_hash_secrets;     /* newest first, with commas */
	char *key_hash_secrets_file;
	char *key_prefix;
	int64_t key_cache_ttl;      /* ms, as all times */
	int64_t timeout_connect;
	int64_t timeout_first_byte;
	int64_t timeout_idle;
	int64_t timeout_total_plain;
	int64_t timeout_total_stream;
	int64_t timeout_gateway;
	int64_t timeout_client_write;
	int64_t ping_interval;
	char *stream_usage;         /* finish, extra, off */
	char *reasoning_field;      /* both, reasoning, reasoning_content */
	int64_t default_rpm;        /* of keys without their own, 0: none */
	int64_t default_tpm;
	int64_t default_concurrent;
	int64_t count_tokens_rpm;
	int64_t reserve_min_output; /* tokens */
	bool bill_cancelled;
	char *storage_usd_per_mtok; /* decimal text */
	char *cors_origins;
	char *metrics_token;
	bool models_require_key;
	int64_t health_timeout;
	int64_t drain_timeout;
	char *public_url;
	int64_t max_fallback_providers;
	char *auto_models;          /* with commas */
	char *auto_image_model;
	int64_t exploration_rate;   /* thousandths, as the weights */
	int64_t preferred_ttl;
	int64_t session_ttl;
	int64_t hedge_percent;
	int64_t retry_budget;       /* per cent */
	int64_t retry_wait_max;
	int64_t weight_price;
	int64_t weight_image_price;
	int64_t weight_uptime;
	int64_t weight_throughput;
	int64_t weight_latency;
	int64_t cache_max_bytes;
	int64_t cache_max_entry;
	int64_t cache_single_flight; /* 0: none waits */
	char *replay_gaps;          /* off, original */
	int64_t max_inflight;
	char *anthropic_betas_bedrock; /* with commas */
	char *anthropic_betas_vertex;
	char *effort_budgets;       /* "low:1024,medium:4096" */
	char *budget_efforts;
	bool fetch_images;
	char *insecure_hosts;
	char *client_ip_header; /* "": none */
	char *trusted_proxies;  /* with commas */
	char *trusted_identity_socket; /* path of it or its directory; "": none */
	char *master_key_file;  /* "": master.key in state_dir */
	char *store_sql;            /* sqlite:PATH, postgresql://... */
	char *store_cache;          /* "": store_kv */
	char *store_kv;             /* embedded:DIR */
	char *state_dir;
	char *runtime_dir;
	char *catalog_file;         /* "" is the installed one */
	int64_t front_threads;
	char *log_level;
	char *log_file;
	char *mount_prefix;
	char *upstream_proxy;
	char *ca_file;
	char *client_certificate;
	char *fcgi_peers;
	char *fcgi_users;
	char *otlp_endpoint; /* "": no traces */
	char *otlp_headers;
	int64_t otlp_sample_milli;
	char *otlp_service;
	bool sim;                   /* the built-in provider, off by default */
	char *sim_url;
	/* clang-format on */
	struct conf_provider *providers; /* as in the file */
	struct conf_model *models;
	char *path;          /* of the file that was read, or NULL */
	struct arena *arena; /* all of the above lives here */
};

enum conf_type {
	CONF_STR,
	CONF_SECRET, /* text that is never printed */
	CONF_WORD,   /* one of the words in `units` */
	CONF_NETS,   /* addresses and networks with commas */
	CONF_USERS,  /* names and numbers with commas */
	CONF_BOOL,   /* on, off */
	CONF_INT,
	CONF_SIZE, /* 1, 2k, 3m, 4g (binary) */
	CONF_TIME, /* 5ms, 5s, 5min, 5h */
	CONF_MILLI /* decimal number, kept in thousandths */
};

enum conf_scope { CONF_GATEWAY, CONF_PROVIDER, CONF_MODEL };

struct conf_row {
	enum conf_scope scope;
	const char *name;
	enum conf_type type;
	size_t offset; /* in the struct of its scope */
	const char *def;
	const char *words; /* CONF_WORD: "a|b|c" */
	int64_t min, max;  /* numbers, in the unit that is stored */
	const char *text;  /* for the manual, whole sentences */
};

/* Sorted by scope and name; ends with a NULL name. */
extern const struct conf_row conf_rows[];

/* The row of a setting, or NULL. */
const struct conf_row *conf_row(enum conf_scope, struct str name);

/*
 * Put the value of a text into the field of a row; `base` is the struct of its
 * scope.  Errors say what is wrong with the value, not where it stands.
 */
int conf_set(const struct conf_row *, void *base, struct str value,
    struct arena *, struct err *);

/*
 * Defaults, then the file (NULL: none), then LLMGW_<NAME> of the environment
 * for [llmgw].  Errors name file and line: "llmgw.conf:12: no setting
 * "max_boddy" in [llmgw]".  A setting or a section given twice is an error.
 * secrets in the environment (LLM_*) are no settings and are left alone.
 * What follows from state_dir is filled in at the end: store_sql, and
 * key_hash_secrets_file if there are no key_hash_secrets.
 */
int conf_load(struct conf *, const char *path, struct err *);
void conf_free(struct conf *);

/*
 * What is in force, as a file that conf_load() reads; secrets, and URLs with a
 * password in them, are shown as "(set)" comment lines.
 */
void conf_dump(const struct conf *, FILE *);

/* The part "SETTINGS" of the manual page, in mdoc(7). */
void conf_manual(FILE *);

/*
 * Where the file is: `arg` if not NULL, LLMGW_CONF, or the installed place.
 * NULL if neither is given and there is nothing at the installed place: then
 * defaults and environment are all there is.
 */
const char *conf_path(const char *arg);

#endif
