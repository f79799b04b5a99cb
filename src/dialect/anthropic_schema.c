/*
 * Schemas of answers, as Anthropic takes them: objects say that they are
 * closed, and limits of numbers and lengths, which are refused, go into the
 * description (wire.md 9.2).  Names of properties are no keywords (trap 83).
 */
#include "dialect/anthropic.h"

#define DEPTH_MAX 40 /* deeper ones pass as they are */
#define DESCRIPTION_MAX ((size_t)64 * 1024)

static const char *const limits[] = { "minimum", "maximum", "exclusiveMinimum",
	"exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems",
	"maxItems", "minProperties", "maxProperties", "uniqueItems", NULL };
static const char *const maps[] = { "properties", "$defs", "definitions",
	NULL };
static const char *const lists[] = { "anyOf", "allOf", "oneOf", NULL };

static bool
is_one_of(const char *key, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(key, *words) == 0)
			return true;
	return false;
}

/* Can all names be written as they are, and is it not too deep? */
static bool
is_tame(struct json_object *o, int depth)
{
	struct json_object *item;

	if (depth > DEPTH_MAX)
		return false;
	JX_EACH (json_object_is_type(o, json_type_array) ? o : NULL, i, item)
		if (!is_tame(item, depth + 1))
			return false;
	if (!json_object_is_type(o, json_type_object))
		return true;
	json_object_object_foreach(o, key, value)
	{
		if (!anthropic_plain_key(key) || !is_tame(value, depth + 1))
			return false;
	}
	return true;
}

static void put(struct jw *, const char *key, struct json_object *);

static void
put_all(struct jw *w, const char *key, struct json_object *o)
{
	struct json_object *item;

	if (json_object_is_type(o, json_type_array)) {
		jw_arr(w, key);
		JX_EACH (o, i, item)
			put(w, NULL, item);
		jw_end(w);
		return;
	}
	jw_obj(w, key);
	json_object_object_foreach(o, name, value)
	{
		put(w, name, value);
	}
	jw_end(w);
}

/* What it said, and behind it the limits. */
static void
put_description(struct jw *w, struct json_object *o)
{
	struct str said = jx_str(o, "description"), v;
	struct buf b = BUF_LIMIT(DESCRIPTION_MAX);
	struct json_object *limit;
	int i, n = 0;

	buf_add(&b, said);
	for (i = 0; limits[i] != NULL; i++) {
		if ((limit = jx_get(o, limits[i])) == NULL)
			continue;
		buf_add(&b,
		    n++ > 0     ? STR(", ") :
			b.n > 0 ? STR(" (") :
				  STR("("));
		buf_add(&b, str_from(limits[i]));
		buf_add(&b, STR(": "));
		v = str_from(json_object_to_json_string_ext(
		    limit, JSON_C_TO_STRING_PLAIN));
		buf_add(&b, v);
	}
	if (n > 0)
		buf_addc(&b, ')');
	if (b.n > 0)
		jw_str(w, "description", buf_str(&b));
	buf_free(&b);
}

static void
put(struct jw *w, const char *key, struct json_object *o)
{
	bool closed;

	if (!json_object_is_type(o, json_type_object)) {
		jw_node(w, key, o);
		return;
	}
	closed = str_is(jx_str(o, "type"), "object") ||
	    jx_get(o, "properties") != NULL;
	jw_obj(w, key);
	json_object_object_foreach(o, name, value)
	{
		if (is_one_of(name, limits) ||
		    strcmp(name, "description") == 0 ||
		    (closed && strcmp(name, "additionalProperties") == 0))
			continue;
		if (is_one_of(name, maps) &&
		    json_object_is_type(value, json_type_object))
			put_all(w, name, value);
		else if (is_one_of(name, lists) &&
		    json_object_is_type(value, json_type_array))
			put_all(w, name, value);
		else if (strcmp(name, "items") == 0)
			put(w, name, value);
		else
			jw_node(w, name, value);
	}
	put_description(w, o);
	if (closed)
		jw_bool(w, "additionalProperties", false);
	jw_end(w);
}

void
anthropic_put_schema(struct jw *w, const char *key, struct json_object *o)
{
	if (is_tame(o, 0))
		put(w, key, o);
	else
		jw_node(w, key, o);
}
