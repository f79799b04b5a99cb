#ifndef DOMAIN_ALERT_H
#define DOMAIN_ALERT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/secret.h"
#include "store/sql.h"

/*
 * Alerts, api.md 20.2: one signed POST when a share of a budget or of the
 * credits is used up.  One without a secret is off: nothing leaves unsigned.
 */
struct alert {
	struct str id, org;
	struct str scope, scope_id; /* key, project, organization */
	struct str kind;            /* budget, credits */
	int64_t threshold;          /* millionths */
	struct str webhook;
	struct str sealed; /* what it is signed with, base/secret.h */
	int64_t limit_nano, used_nano;
	int64_t from_ms, end_ms; /* of the period; end 0: there is none */
};

/*
 * Those whose threshold is crossed now and that were not sent for this period
 * yet (of credits: since they were filled up last).  They are the caller's for
 * ALERT_CLAIM_MS, so that of several processes one gets them; if it ends before
 * alert_done(), another gets them after that.  Into the arena; how many, or -1.
 * Not inside a transaction.
 */
#define ALERT_CLAIM_MS 30000
int alert_take(struct sql *, int64_t wall_ms, struct arena *, struct alert **,
    struct err *);
/* It was sent for this period, or is given up. */
int alert_done(struct sql *, struct str id, int64_t from_ms, struct err *);

/*
 * The body of its POST.  Its event_id is the same whenever it is sent again for
 * the same period: what was sent by a process that ended then comes twice.
 */
void alert_body(const struct alert *, int64_t wall_ms, struct buf *);

/* "t=<unix>,v1=<hex>": HMAC-SHA-256 of "<unix>.<body>". */
void alert_sign(
    struct str secret, int64_t unix_s, struct str body, struct buf *out);

/*
 * The secret at rest, bound to the alert's id, and back: absent if it does not
 * open.  Wiped with the arena.
 */
#define ALERT_SECRET_PREFIX "whsec_"
struct str alert_seal(const struct secret *master, struct str secret,
    struct str id, struct arena *);
struct str alert_open(
    const struct secret *master, const struct alert *, struct arena *);

#endif
