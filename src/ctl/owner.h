#ifndef CTL_OWNER_H
#define CTL_OWNER_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Root leaves no files of its own in other people's directories: before a store
 * is opened it becomes, for good, the user whom the state directory belongs to.
 * Does nothing for others, and if the directory is root's or is not there.
 */
int owner_become(const char *dir, struct err *);

/* The user of a name, for `init --user`. */
int owner_find(const char *name, uid_t *, gid_t *, struct err *);

#endif
