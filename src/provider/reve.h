#ifndef PROVIDER_REVE_H
#define PROVIDER_REVE_H

#include "provider/provider.h"

/* Reve edits one image at one path and mixes several at another. */
extern const struct provider_ops reve_ops;

#endif
