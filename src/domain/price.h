#ifndef DOMAIN_PRICE_H
#define DOMAIN_PRICE_H

#include "domain/catalog.h"

/*
 * Usage into money, api.md 14.2: integers only, each part rounded once, half
 * up, to a nano-dollar.  `factor` is the product of all multipliers in
 * millionths (domain/discount.h), `full` that of them which are no discount;
 * `credits` says whether credits pay.
 */
#define PRICE_FULL INT64_C(1000000)
void price_cost(const struct mapping *, const struct llm_usage *,
    int64_t factor, int64_t full, bool credits, struct llm_cost *);
/* The product of two multipliers, rounded half up to a millionth. */
int64_t price_product(int64_t factor, int64_t by);

/*
 * The mapping with the prices of this region (absent: none was asked for) at
 * this time: itself, or *copy.
 */
const struct mapping *price_at(const struct mapping *, struct str region,
    int64_t wall_ms, struct mapping *copy);

/* The same with the prices of one of its lists: *copy. */
const struct mapping *price_by(const struct mapping *,
    const struct price_list *, struct mapping *copy);

/* The tier for a prompt of so many tokens: the first whose bound holds it. */
const struct prices *price_tier(const struct mapping *, int64_t prompt);

/*
 * What an image of this mapping may cost at worst, in pico-dollars; what is not
 * known of it may be anything.
 */
int64_t price_picture(
    const struct mapping *, const struct prices *, const struct llm_picture *);

/*
 * Tokens of images that nobody told, by their size (api.md 14.2), for mappings
 * that have a price for tokens.
 */
void price_fill(const struct mapping *, struct llm_usage *);

/* Counts of a provider, clamped to 0..context (reliability.md F35). */
void price_clamp(const struct mapping *, struct llm_usage *);

/*
 * floor((units * pico * factor + 500 * 10^6) / (1000 * 10^6)), in 128 bits:
 * nano-dollars.
 */
int64_t price_part_at(int64_t units, int64_t pico, int64_t factor);
/* The same with PRICE_FULL. */
int64_t price_part(int64_t units, int64_t pico);

#endif
