#ifndef PIPELINE_GATE_H
#define PIPELINE_GATE_H

#include "domain/budget.h"
#include "domain/limit.h"
#include "pipeline/stage.h"

/*
 * Steps 7, 8 and 12 of api.md 1.7: limits, and money that is held before a
 * provider is called.  stage_limit() resolves the model string too, so that
 * all limits are one call of the counters.
 */
enum verdict stage_limit(struct req *);
enum verdict stage_hold(struct req *);

/* By a key of the organisation's own: credits do not pay. */
static inline bool
target_is_own(const struct target *t)
{
	return t->upstream->own_key.n > 0;
}

/* Rounds of a reservation: counters to load, outputs to lower. */
#define GATE_TRIES 16

/* What is asked of limits and budgets; and what follows for the targets. */
void gate_limit_ask(const struct req *, bool resolved, struct limit_ask *);
void gate_budget_ask(const struct req *, struct budget_ask *);
void gate_drop_targets(struct req *, const struct budget_ask *);

/*
 * All operations of the plan, or none: NEXT, FAIL, or AWAY to a front thread.
 * Those of money that are missing are copied out of SQL.
 */
enum verdict gate_take(
    struct req *, struct limit_plan *, const struct limit_ask *);

/* A target is about to be asked: what it may cost, for the board. */
void gate_asked(struct req *, const struct target *);
/* More text has come, and the cost is known. */
void gate_heard(struct req *);
void gate_known(struct req *);

/*
 * The request is over and its record is filled: what was held shrinks to what
 * it cost, all else is given back.  Does not block.
 */
void gate_settle(struct req *);

#endif
