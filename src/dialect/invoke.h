#ifndef DIALECT_INVOKE_H
#define DIALECT_INVOKE_H

#include "http/sse.h"

#include "base/arena.h"

/*
 * What InvokeModel of Bedrock wraps around the events of a model's own dialect:
 * {"bytes": base64}.  1: *out is what was in it, in the arena, without a name;
 * 0: an event that is none of these, to be ignored; -1: broken.
 */
int invoke_unwrap(const struct sse_event *, struct arena *,
    struct sse_event *out, struct err *);

#endif
