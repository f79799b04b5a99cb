#ifndef DOMAIN_USAGE_H
#define DOMAIN_USAGE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/rand.h"
#include "llm/llm.h"
#include "store/board.h"
#include "store/counters.h"
#include "store/spool.h"
#include "store/sql.h"

/*
 * What happened to one request: a row of the table "log".  Written as JSON
 * into the spool, shipped from there into SQL by the ledger.  Strings are
 * borrowed; absent ones are NULL in SQL.
 */
struct usage_record {
	struct str id; /* rand_id("log_", started_ms): the only key */
	struct str attempt_of; /* a failed attempt: the request's record */
	struct str request_id; /* the client may repeat it */
	struct str org, project, key;
	struct str endpoint; /* "chat-completions" */
	struct str source, user_agent, session;
	struct str user; /* the end user, as the client calls him */
	struct str requested_model, requested_provider;
	struct str used_model, used_provider, upstream_model;
	struct str used_region;
	struct str tier; /* service tier: asked for, at the end as told */
	struct str mode, credential; /* api-keys..., own or gateway */
	struct str error_code, error_class;
	struct str finish, raw_finish; /* unified and raw */
	struct str decision; /* raw JSON: candidates, scores and reason */
	struct str routing; /* raw JSON array: the attempts, api.md 4.5 */
	struct str headers; /* raw JSON object: X-LLMGateway-* */
	struct str dropped;
	struct str guardrails; /* raw JSON array: rules that matched */
	int64_t started_ms;           /* wall clock */
	int64_t duration_ms, ttft_ms; /* -1: none */
	int64_t reasoning_ms; /* until the first token of a thought, the same */
	int status;                   /* HTTP, 499 if the client left */
	bool streamed, cached, aborted;
	int64_t request_bytes, answer_bytes;
	struct llm_usage usage;
	struct llm_cost cost;
	/* Not in SQL: the money that counters hold under this id, 0: none. */
	int64_t hold_nano;
};

/*
 * The two records of a request, as JSON objects of one line.  The id comes
 * first: by it the spool finds the START of an END.
 */
void usage_start(const struct usage_record *, struct buf *out);
void usage_end(const struct usage_record *, struct buf *out);

/*
 * Insert spooled records; those that are there already are left alone, so a
 * batch may be repeated.  Tallies grow by what was inserted, keys get the time
 * of their last use.  One transaction.  What cannot be a record (no id, no
 * JSON) is left out, since it would never go away.
 *
 * STARTs without an END, of a process that died, become aborted records
 * (reliability.md F11), charged as far as `board` tells, at most their hold.
 *
 * The drops are for counters_drop() after the commit; they live in the arena.
 */
struct usage_batch {
	struct arena *arena;       /* in */
	const struct board *board; /* in: of the dead process, or NULL */
	const struct counter_drop *drops;
	int ndrops;
};
int usage_insert(struct sql *, const struct spool_record *, int n,
    struct usage_batch *, struct err *);

/*
 * The newest record of a request of this project (api.md 10.5), strings in the
 * arena.  1, 0 or -1.
 */
int usage_find(struct sql *, struct str project, struct str request_id,
    struct arena *, struct usage_record *, struct err *);

/* The unified finish reason of api.md 17.3. */
const char *usage_finish_word(enum llm_stop, enum err_code, bool cancelled);

#endif
