#ifndef DOMAIN_PRINCIPAL_H
#define DOMAIN_PRINCIPAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rand.h"

struct guard_rule;

/*
 * Who asks, with all that is set for him: what one look at the database finds
 * out about an API key, its project and its organisation.  Immutable once it
 * is made; a request holds a reference from step 4 to its end, so it sees one
 * state of the settings throughout.
 */

/* -1: no limit. */
struct limits {
	int64_t rpm;        /* requests in a minute */
	int64_t tpm;        /* tokens in a minute */
	int64_t concurrent; /* requests in progress */
};

enum period_unit {
	PERIOD_NONE, /* there is no limit */
	PERIOD_HOUR,
	PERIOD_DAY,
	PERIOD_WEEK,
	PERIOD_MONTH /* of the calendar, UTC */
};

struct period {
	int64_t limit_nano;
	int count; /* of units */
	enum period_unit unit;
};

/*
 * The window that holds `at_ms`: windows follow each other from created_ms on.
 * A month that lacks the day of creation begins at its last day.
 */
int64_t period_start(
    const struct period *, int64_t created_ms, int64_t at_ms, int64_t *end_ms);
/* Of "hour", "day", "week", "month"; anything else: PERIOD_NONE. */
enum period_unit period_unit(struct str word);

struct model_limit {
	struct str model; /* root id */
	struct limits limits;
};

struct discount {
	struct str provider, model; /* absent: any */
	bool global;                /* of all organisations */
	int64_t millionths;         /* 250,000: a quarter less */
	int64_t expires_ms;         /* 0: never */
};

struct alias_target {
	struct str model;
	int64_t weight;
};

struct alias {
	struct str name;
	const struct alias_target *targets;
	int ntargets;
};

/* An organisation's own key of a provider; the secret stays sealed here. */
struct own_key {
	struct str id;       /* pkey_... */
	struct str provider; /* an id, or "custom" */
	struct str name;     /* custom */
	struct str sealed;
	struct str base_url;
	struct str options;       /* raw JSON object */
	struct str default_model; /* custom */
	struct str models;        /* raw JSON array, custom */
	bool is_default;
};

/* Shared by the principals of an organisation. */
struct org {
	atomic_int refs;
	struct arena *arena; /* all of it */
	int64_t version;     /* of table "change" when it was read */
	char id[ID_SIZE];
	int64_t created_ms;
	bool archived, suspended;
	bool email_verified;
	bool retain;
	bool guardrails;
	int64_t credits_nano; /* all that was ever added, less what was taken */
	int64_t spent_nano;   /* of them, when it was read */
	struct limits limits;
	struct period budget;
	const struct model_limit *model_limits;
	int nmodel_limits;
	const struct discount *discounts; /* its own, then global ones */
	int ndiscounts;
	const struct alias *aliases; /* its own, then global ones */
	int naliases;
	const struct own_key *keys;
	int nkeys;
	const struct guard_rule *guards; /* enabled ones, if guardrails */
	int nguards;
	uint64_t guard_generation; /* of them; 0: none.  For cache keys */
};

enum iam_type { IAM_MODELS, IAM_PROVIDERS, IAM_PRICING, IAM_IPS };

struct iam_rule {
	struct str id;
	enum iam_type type;
	bool deny;
	const struct str *words; /* MODELS, PROVIDERS, IPS: what is listed */
	int nwords;
	bool only_free, only_paid;     /* PRICING */
	int64_t max_input, max_output; /* pico-dollars a token, -1: none */
};

struct principal {
	atomic_int refs;
	struct arena *arena;
	int64_t version; /* of table "change" when it was read */
	const struct org *org;
	char key[ID_SIZE]; /* key_... */
	char project[ID_SIZE];
	char error_format[12]; /* of the project; "auto" if not set */
	char mode[12];         /* api-keys, credits, hybrid */
	int64_t expires_ms;    /* wall clock, 0: never */
	int64_t key_created_ms, project_created_ms;
	int64_t project_updated_ms;
	bool inactive;
	bool project_archived;
	bool caching;
	int64_t cache_ttl_ms;
	int64_t usage_limit_nano; /* -1: none */
	struct period key_period;
	struct period project_budget;
	struct limits key_limits, project_limits;
	const struct iam_rule *rules; /* active ones */
	int nrules;
};

/* One more reference; and one less, which may be the last. */
const struct principal *principal_hold(const struct principal *);
void principal_drop(const struct principal *); /* NULL: nothing */

#endif
