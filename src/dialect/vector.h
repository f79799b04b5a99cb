#ifndef DIALECT_VECTOR_H
#define DIALECT_VECTOR_H

#include "base/buf.h"
#include "base/str.h"

/*
 * Embeddings on the wire: an array of numbers, or base64 of 32-bit floats,
 * lowest byte first.  Both sides are raw JSON that has been checked: the array
 * with its brackets, the base64 without quotes.
 */

/* -1: not an array of numbers. */
int vector_pack(struct str array, struct buf *base64);

/* Each number as short as it can be; -1: no base64, or no whole floats. */
int vector_unpack(struct str base64, struct buf *array);

#endif
