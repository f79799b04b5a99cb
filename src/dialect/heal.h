#ifndef DIALECT_HEAL_H
#define DIALECT_HEAL_H

#include "base/arena.h"

/*
 * Make JSON of what a model wrote although JSON was asked for (api.md 4.3,
 * plugin response-healing).  In this order, until it is JSON: taken out of a
 * code block; the first balanced value taken out of the text around it; syntax
 * repaired (trailing commas, bare names, single quotes, Python's words) and a
 * cut end closed.
 *
 * true: *out is JSON, a view into `in` or in the arena.  false: nothing there
 * looks like an object or an array; *out is `in`.
 */
bool heal_json(struct str in, struct arena *, struct str *out);

#endif
