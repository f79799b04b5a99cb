#ifndef BASE_UNPACK_H
#define BASE_UNPACK_H

#include "base/arena.h"
#include "base/err.h"

/*
 * Bodies with a Content-Encoding.  The unpacked bytes lie in the arena, NUL
 * behind them; more than `max` is ERR_TOO_LARGE, what is broken or cut is
 * ERR_BAD_JSON (the body cannot be JSON then).
 */
int unpack_gzip(
    struct arena *, struct str, size_t max, struct str *out, struct err *);
int unpack_zstd(
    struct arena *, struct str, size_t max, struct str *out, struct err *);

#endif
