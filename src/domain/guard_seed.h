#ifndef DOMAIN_GUARD_SEED_H
#define DOMAIN_GUARD_SEED_H

#include "domain/guard.h"
#include "store/sql.h"

/*
 * The system rules of a new organisation, in the transaction that makes it.
 * Their ids are the organisation's behind "gr_1" and so on, as the migration
 * made them for older ones.
 */
int guard_seed(struct sql *, struct str org, int64_t now_ms, struct err *);
/* The rules that are enabled, strings in the arena; how many, or -1. */
int guard_load(struct sql *, struct str org, struct arena *,
    struct guard_rule **, struct err *);
enum guard_action guard_action(struct str word); /* unknown: GUARD_ALLOW */

#endif
