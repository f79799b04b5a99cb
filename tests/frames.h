#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include "base/buf.h"

/* Append one message of an event stream. */
void frames_add(struct buf *, struct str event, struct str payload);
/* Each line, "event {...}", as such a message. */
void frames_of(struct str lines, struct buf *);

#endif
