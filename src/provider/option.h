#ifndef PROVIDER_OPTION_H
#define PROVIDER_OPTION_H

#include "provider/place.h"

/*
 * Options of an organisation's own key: what the environment says of a gateway
 * key, {"region": "eu-west-1"} for LLM_AWS_BEDROCK_REGION.  Files and base URLs
 * are none: who writes options is not the operator.
 *
 * Are these known to the provider (NULL: one that has no row, and no options),
 * and of the right form?  -1: ERR_BAD_PARAM.
 */
int option_check(
    const struct provider *, struct str json, struct arena *, struct err *);
/* A value as text; true and false are words, too.  Absent: it is neither. */
struct str option_text(struct str raw, struct arena *);
/* ERR_BAD_PARAM about a member; returns -1. */
int option_bad(struct err *, const char *param, const char *why);

#endif
