#ifndef BASE_B64_H
#define BASE_B64_H

#include "base/buf.h"

/* Standard base64, RFC 4648 section 4, with padding. */
void b64_encode(struct str bytes, struct buf *out);

/* -1: it is none (hash_is_base64()); what was appended means nothing then. */
int b64_decode(struct str base64, struct buf *out);

#endif
