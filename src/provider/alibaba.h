#ifndef PROVIDER_ALIBABA_H
#define PROVIDER_ALIBABA_H

#include "provider/provider.h"

/* Alibaba's keys may be of a workspace, which a header names. */
extern const struct provider_ops alibaba_ops;

#endif
