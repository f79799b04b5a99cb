#ifndef JSON_JX_H
#define JSON_JX_H

#include <json-c/json.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * Reading JSON trees.  The only file that calls json_object_get/put is jx.c:
 * jx_parse() ties a tree to an arena, and every node or str reached from it is
 * borrowed until that arena is reset.
 *
 * jx_parse() takes any JSON value with blanks around it and is as strict as
 * jscan_value(), which runs first: json-c by itself accepts single quotes, NaN,
 * duplicate names and UTF-8 that is none.  NULL with ERR_BAD_JSON, also for the
 * value null, which json-c has no node for.
 */
struct json_object *jx_parse(struct arena *, struct str, struct err *);

/* All accept NULL and nodes of the wrong type, which read as absent. */
struct json_object *jx_get(struct json_object *, const char *key);
struct json_object *jx_arr(struct json_object *, const char *key);
struct str jx_str(struct json_object *, const char *key);
struct str jx_text(struct json_object *); /* the node itself; may hold NUL */
/* 5 and 5.0; false for what does not fit. */
bool jx_int(struct json_object *, const char *key, int64_t *);
bool jx_num(struct json_object *, const char *key, double *);
bool jx_true(struct json_object *, const char *key);

#define JX_EACH(arr, i, item)                                                  \
	for (size_t i = 0;                                                     \
	     (arr) != NULL && i < json_object_array_length(arr) &&             \
	     ((item) = json_object_array_get_idx((arr), i), true);             \
	     i++)

#endif
