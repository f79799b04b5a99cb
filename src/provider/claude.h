#ifndef PROVIDER_CLAUDE_H
#define PROVIDER_CLAUDE_H

#include "base/arena.h"

/*
 * Claude at other people's: the betas of the header anthropic-beta that are
 * allowed there, as a JSON array for the body; absent if none is (trap 94).
 */
struct str claude_betas(struct str betas, struct str allowed, struct arena *);

#endif
