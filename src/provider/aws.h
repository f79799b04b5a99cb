#ifndef PROVIDER_AWS_H
#define PROVIDER_AWS_H

#include "provider/provider.h"

/*
 * Bedrock: a region in the host, a prefix of it before the names of models, and
 * requests that are signed unless there is an API key.  Credentials are an
 * access key and its secret, with the token of a session if they are
 * temporary; they come from the environment, never from a mixture of places
 * (trap 73).
 */
extern const struct provider_ops aws_bedrock_ops;
/* Bedrock's other door, which speaks its models' own dialects: a region. */
extern const struct provider_ops aws_mantle_ops;

#endif
