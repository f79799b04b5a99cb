#ifndef BASE_USERS_H
#define BASE_USERS_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define USERS_MAX 32 /* of a list */

/*
 * The users that a list with commas names, each by its name in the user
 * database or by its number, into v[max].  Their count; 0 of an empty list.
 * ERR_CONFIG (-1): an item is empty, is no user, or is one too many.  Reads
 * the user database: never on the loop thread.
 */
int users_parse(struct str list, uid_t *v, int max, struct err *);

#endif
