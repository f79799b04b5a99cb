/*
 * A value by rule for a JSON Schema: the first of what it allows.
 */
#include "pipeline/sim.h"

#define DEPTH_MAX 24

struct sample {
	struct str root;
	struct str text;
	struct jw *w;
	int depth;
};

static void put_value(struct sample *, const char *key, struct str schema);

static bool
says(struct str raw, const char *word)
{
	return raw.n >= 2 && raw.p[0] == '"' &&
	    str_is((struct str){ raw.p + 1, raw.n - 2 }, word);
}

static struct str
first_of(struct str array)
{
	struct jiter it = jscan_into(array);
	struct jmember m;

	return jscan_next(&it, &m) ? m.raw : STR_NONE;
}

/* "#/$defs/NAME" or "#/definitions/NAME" */
static struct str
follow(const struct sample *s, struct str ref)
{
	struct str rest = ref, at = s->root, name;
	char key[128];

	rest.p++;
	rest.n -= 2;
	str_split(&rest, '/'); /* "#" */
	while (rest.p != NULL) {
		name = str_split(&rest, '/');
		if (name.n >= sizeof(key))
			return STR_NONE;
		memcpy(key, name.p, name.n);
		key[name.n] = '\0';
		at = jscan_at(at, key);
	}
	return at;
}

/* The first alternative that is not null. */
static struct str
choose(struct str array)
{
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(array); jscan_next(&it, &m);)
		if (!says(jscan_at(m.raw, "type"), "null"))
			return m.raw;
	return STR_NONE;
}

static struct str
type_of(struct str schema)
{
	struct str type = jscan_at(schema, "type");
	struct jiter it;
	struct jmember m;

	if (type.n > 0 && type.p[0] == '[')
		for (it = jscan_into(type); jscan_next(&it, &m);)
			if (!says(m.raw, "null"))
				return m.raw;
	if (type.p == NULL && jscan_at(schema, "properties").p != NULL)
		return STR("\"object\"");
	return type;
}

static void
put_object(struct sample *s, const char *key, struct str schema)
{
	struct jiter it;
	struct jmember m;
	char name[128];

	jw_obj(s->w, key);
	for (it = jscan_into(jscan_at(schema, "properties"));
	     jscan_next(&it, &m);) {
		if (m.key.n >= sizeof(name))
			continue;
		memcpy(name, m.key.p, m.key.n);
		name[m.key.n] = '\0';
		put_value(s, name, m.raw);
	}
	jw_end(s->w);
}

static void
put_number(struct sample *s, const char *key, struct str schema)
{
	int64_t least;

	jw_int(s->w, key,
	    jscan_int(jscan_at(schema, "minimum"), &least) ? least : 1);
}

static void
put_typed(struct sample *s, const char *key, struct str schema)
{
	struct str type = type_of(schema);

	if (says(type, "object"))
		put_object(s, key, schema);
	else if (says(type, "array")) {
		jw_arr(s->w, key);
		put_value(s, NULL, jscan_at(schema, "items"));
		jw_end(s->w);
	} else if (says(type, "integer") || says(type, "number"))
		put_number(s, key, schema);
	else if (says(type, "boolean"))
		jw_bool(s->w, key, true);
	else if (says(type, "null"))
		jw_null(s->w, key);
	else
		jw_str(s->w, key, s->text);
}

static void
put_value(struct sample *s, const char *key, struct str schema)
{
	struct str ref = jscan_at(schema, "$ref");
	struct str one = jscan_at(schema, "const");
	struct str some = jscan_at(schema, "anyOf");

	if (one.p == NULL)
		one = first_of(jscan_at(schema, "enum"));
	if (some.p == NULL)
		some = jscan_at(schema, "oneOf");
	if (some.p == NULL)
		some = jscan_at(schema, "allOf");
	if (++s->depth > DEPTH_MAX)
		jw_null(s->w, key);
	else if (one.p != NULL)
		jw_raw(s->w, key, one);
	else if (ref.n > 3)
		put_value(s, key, follow(s, ref));
	else if (some.p != NULL)
		put_value(s, key, choose(some));
	else
		put_typed(s, key, schema);
	s->depth--;
}

void
sim_sample(struct str schema, struct str text, struct jw *w)
{
	struct sample s = { .root = schema, .text = text, .w = w };

	put_value(&s, NULL, schema);
}
