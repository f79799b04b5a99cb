#ifndef DOMAIN_PRINCIPAL_LOAD_H
#define DOMAIN_PRINCIPAL_LOAD_H

#include "domain/principal.h"
#include "store/sql.h"

/*
 * Principals and organisations out of the database.  `version` is that of table
 * "change", read before: what changes meanwhile has a newer one, and then the
 * object is read again.  1: *out, with one reference; 0: there is none, or it
 * is deleted; -1: err.
 */

/* Without the organisation: out->org is the caller's to set; `org` its id. */
int principal_load(struct sql *, struct str key, int64_t version,
    struct principal **out, char org[ID_SIZE], struct err *);
int org_load(struct sql *, struct str id, int64_t version, struct org **out,
    struct err *);

/* Both together, for who keeps nothing. */
int principal_read(
    struct sql *, struct str key, const struct principal **out, struct err *);

/* One without a name that has what is for all: aliases and discounts. */
int org_of_nobody(struct sql *, struct org **out, struct err *);

const struct org *org_hold(const struct org *);
void org_drop(const struct org *); /* NULL: nothing */

#endif
