#ifndef DOMAIN_PRICE_H
#define DOMAIN_PRICE_H

#include "domain/catalog.h"

/*
 * Usage into money, api.md 14.2: integers only, each part rounded once, half
 * up, to a nano-dollar.  `credits` says whether credits pay.
 */
void price_cost(const struct mapping *, const struct llm_usage *, bool credits,
    struct llm_cost *);

/* The tier for a prompt of so many tokens: the first whose bound holds it. */
const struct prices *price_tier(const struct mapping *, int64_t prompt);

/* Counts of a provider, clamped to 0..context (reliability.md F35). */
void price_clamp(const struct mapping *, struct llm_usage *);

/* floor((units * pico + 500) / 1000), in 128 bits: nano-dollars. */
int64_t price_part(int64_t units, int64_t pico);

#endif
