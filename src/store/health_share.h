#ifndef STORE_HEALTH_SHARE_H
#define STORE_HEALTH_SHARE_H

#include "store/health.h"

/*
 * The statistics of several hosts are one (api.md 12.4), by Redis: each host
 * writes what it counted itself, minute by minute and as sums, so that writing
 * it again does no harm, and reads what the others wrote.  Of a host one process
 * does so, once a second, in one round trip.  While Redis is away the host's own
 * figures go on, and those of others grow old.
 *
 * Breakers, keys and choices stay on their host: each finds out by itself within
 * a few calls, and a host whose own network is broken must not speak for others.
 * A session that comes to another host is given a provider by the same figures,
 * mostly the same one; to ask Redis would cost its request a round trip.
 */
struct health_share;
struct log;

/*
 * `url` is store_kv, as of counters_open(); with embedded stores there is
 * nothing to share: *out is NULL.  The health outlives it.
 */
int health_share_open(struct health_share **, struct health *, const char *url,
    struct log *, struct err *);
void health_share_close(struct health_share *); /* NULL: nothing */

/*
 * Ledger, once a second.  1: done; 0: another process of the host does it; -1:
 * ERR_STORE.  Blocks for 50 ms, or ten times that for a whole hour at first.
 */
int health_share_tend(struct health_share *, struct err *);

#endif
