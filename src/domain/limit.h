#ifndef DOMAIN_LIMIT_H
#define DOMAIN_LIMIT_H

#include "base/buf.h"
#include "base/conf.h"
#include "domain/purse.h"

/*
 * Steps 7 and 8 of api.md 1.7 as one call of counters_apply(): limits of the
 * key that are reached, credits that are used up, and rates.  The order of the
 * operations is the order of the checks.
 */
enum limit_kind {
	LIMIT_PURSE, /* a key's limit is reached, or there is no credit */
	LIMIT_RPM,
	LIMIT_TPM,
	LIMIT_CONCURRENT,
	LIMIT_FREE /* api.md 15.3 */
};

enum limit_scope {
	LIMIT_OF_KEY,
	LIMIT_OF_PROJECT,
	LIMIT_OF_ORG,
	LIMIT_OF_MODEL,
	LIMIT_SCOPES
};

struct limit_ask {
	const struct principal *who;
	struct limits key_defaults; /* where the key has none of its own */
	struct str model;           /* root id; absent: it names none */
	bool needs_credit; /* mode credits, and the model costs something */
	bool free_rules;   /* a free model, by a key of the gateway */
	bool free_high;    /* its free_limit */
	int64_t tokens;    /* for tpm: llm_guess() and the output */
	/*
	 * No model is asked: of the rates only that of requests counts, and a
	 * budget that is used up refuses here, since nothing will be held.
	 */
	bool bare;
	int64_t count_rpm; /* counting tokens: only this rate; else -1 */
	int64_t wall_ms;
};

struct limit_row {
	enum limit_kind kind;
	enum limit_scope scope;
	struct purse purse; /* LIMIT_PURSE */
};

#define LIMIT_KEY_SIZE COUNTER_KEY_MAX

struct limit_plan {
	struct counter_op ops[COUNTER_OPS_MAX];
	struct limit_row rows[COUNTER_OPS_MAX];
	char keys[COUNTER_OPS_MAX][LIMIT_KEY_SIZE];
	int n;
};

/* default_rpm and so on; what is not set is no limit. */
struct limits limit_defaults(const struct conf *);

/* Fills n, and as many of the others.  0: nothing limits him. */
void limit_make(struct limit_plan *, const struct limit_ask *);

/* For metrics: "key", "rpm". */
const char *limit_scope_word(const struct limit_row *);
const char *limit_kind_word(const struct limit_row *);

/* The error if ops[at] refused: 401, 402 or 429, with its Retry-After. */
int limit_refused(
    const struct limit_plan *, int at, const struct limit_ask *, struct err *);

/*
 * Header lines of api.md 15.2 and 15.3, for the scope with the smallest
 * remaining share; nothing if no rate is limited.  `at` refused, or -1: all
 * was taken.
 */
void limit_headers(
    const struct limit_plan *, int at, int64_t wall_ms, struct buf *out);

#endif
