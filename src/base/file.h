#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* The whole of a file of at most `max` bytes, in the arena, NUL behind it. */
int file_read(struct arena *, const char *path, size_t max, struct str *out,
    struct err *);

/* All of it to a descriptor that may block; -1 with errno. */
int file_put(int fd, struct str);

/* Write beside it, sync, rename: a reader sees the old file or the new one. */
int file_write(const char *path, struct str, mode_t, struct err *);

/* The directory and its missing parents; 0 if it is there already. */
int file_mkdir(const char *path, mode_t, struct err *);

#endif
