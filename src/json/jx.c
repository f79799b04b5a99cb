#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "json/jscan.h"
#include "json/jx.h"

/* json-c wants one more for the value inside and one to spare. */
#define DEPTH_MAX (128 + 2)

/* Up to here a double knows every whole number. */
#define WHOLE_MAX 0x1p53

static void
put_tree(void *arg)
{
	json_object_put(arg);
}

struct json_object *
jx_parse(struct arena *a, struct str s, struct err *e)
{
	struct json_tokener *tok;
	struct json_object *o;
	enum json_tokener_error why;

	if (jscan_value(s, a, e) == -1)
		return NULL;
	if (s.n > INT_MAX)
		return err_set(e, ERR_TOO_LARGE, "JSON too large"), NULL;
	if ((tok = json_tokener_new_ex(DEPTH_MAX)) == NULL)
		abort();
	/* Not STRICT: json-c 0.18 then refuses integers beyond 64 bits. */
	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, s.p, (int)s.n);
	if ((why = json_tokener_get_error(tok)) == json_tokener_continue) {
		/* A bare number only ends at a terminator. */
		o = json_tokener_parse_ex(tok, "", 1);
		why = json_tokener_get_error(tok);
	}
	json_tokener_free(tok);
	if (why != json_tokener_success || o == NULL)
		return err_set(e, ERR_BAD_JSON, "Invalid JSON in request body"),
		       NULL;
	arena_defer(a, put_tree, o);
	return o;
}

struct json_object *
jx_get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &v);
	return v;
}

struct json_object *
jx_arr(struct json_object *o, const char *key)
{
	struct json_object *v = jx_get(o, key);

	return json_object_is_type(v, json_type_array) ? v : NULL;
}

struct str
jx_text(struct json_object *o)
{
	if (!json_object_is_type(o, json_type_string))
		return STR_NONE;
	return (struct str){ json_object_get_string(o),
		(size_t)json_object_get_string_len(o) };
}

struct str
jx_str(struct json_object *o, const char *key)
{
	return jx_text(jx_get(o, key));
}

/* json-c clamps integers to 64 bits: at either end the value is not known. */
static bool
whole(struct json_object *v, int64_t *out)
{
	*out = json_object_get_int64(v);
	return *out != INT64_MIN && *out != INT64_MAX;
}

bool
jx_int(struct json_object *o, const char *key, int64_t *out)
{
	struct json_object *v = jx_get(o, key);
	double d;

	if (json_object_is_type(v, json_type_int))
		return whole(v, out);
	if (!json_object_is_type(v, json_type_double))
		return false;
	d = json_object_get_double(v);
	if (d != trunc(d) || fabs(d) > WHOLE_MAX)
		return false;
	*out = (int64_t)d;
	return true;
}

bool
jx_num(struct json_object *o, const char *key, double *out)
{
	struct json_object *v = jx_get(o, key);

	if (!json_object_is_type(v, json_type_int) &&
	    !json_object_is_type(v, json_type_double))
		return false;
	*out = json_object_get_double(v);
	return true;
}

bool
jx_true(struct json_object *o, const char *key)
{
	return json_object_get_boolean(jx_get(o, key));
}
