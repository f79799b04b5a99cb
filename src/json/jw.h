#ifndef JSON_JW_H
#define JSON_JW_H

#include <stdint.h>

#include "base/buf.h"

struct json_object;

/*
 * Writes JSON straight into a buffer, keeping the commas and the brackets.
 * `key` is NULL inside arrays and at the root; it is written as it is, so it
 * holds no quote, no backslash and no control character.  Nothing here can fail; misuse
 * asserts, overflow shows in buf.full.
 */
struct jw {
	struct buf *out;
	unsigned depth;
	uint64_t is_obj; /* bit per level */
	uint64_t has_item;
};

#define JW_TO(b) ((struct jw){ .out = (b) })

void jw_obj(struct jw *, const char *key);
void jw_arr(struct jw *, const char *key);
void jw_end(struct jw *); /* closes the innermost */

/*
 * Text of any bytes; an absent one is "".  What is not UTF-8 becomes U+FFFD, so
 * that the output is JSON whatever comes in.
 */
void jw_str(struct jw *, const char *key, struct str);
void jw_strc(struct jw *, const char *key, const char *);
void jw_int(struct jw *, const char *key, int64_t);
/* What is not finite becomes null. */
void jw_num(struct jw *, const char *key, double);
void jw_bool(struct jw *, const char *key, bool);
void jw_null(struct jw *, const char *key);
/* A wall-clock time as RFC 3339 has it (base/clock.h); 0 becomes null. */
void jw_time(struct jw *, const char *key, int64_t wall_ms);
/* Nano-dollars as dollars: at most nine decimals, no exponent (api.md). */
void jw_nano(struct jw *, const char *key, int64_t);
/* JSON that somebody else wrote and checked; an absent one is null. */
void jw_raw(struct jw *, const char *key, struct str json);
void jw_node(struct jw *, const char *key, struct json_object *);

#endif
