#ifndef PROVIDER_ANTHROPIC_H
#define PROVIDER_ANTHROPIC_H

#include "provider/provider.h"

/*
 * Servers of Anthropic's messages that are told the version of the API in a
 * header.  Only Anthropic itself gets the client's version and betas.
 */
extern const struct provider_ops anthropic_ops;
extern const struct provider_ops anthropic_like_ops;

#endif
