#include <json-c/json.h>

#include "dialect/gemini.h"

#define SCHEMA_MAX ((size_t)16 * 1024 * 1024)

/* What a keyword's value is. */
enum kind { DATA, SCHEMA, SCHEMAS, GONE, CONST };

/* The rest is data: it is copied as it is. */
static const struct {
	const char *name;
	enum kind kind;
} keywords[] = {
	{ "$schema", GONE },
	{ "const", CONST },
	{ "items", SCHEMA },
	{ "prefixItems", SCHEMA },
	{ "additionalProperties", SCHEMA },
	{ "additionalItems", SCHEMA },
	{ "unevaluatedProperties", SCHEMA },
	{ "unevaluatedItems", SCHEMA },
	{ "propertyNames", SCHEMA },
	{ "contains", SCHEMA },
	{ "not", SCHEMA },
	{ "if", SCHEMA },
	{ "then", SCHEMA },
	{ "else", SCHEMA },
	{ "anyOf", SCHEMA },
	{ "oneOf", SCHEMA },
	{ "allOf", SCHEMA },
	{ "properties", SCHEMAS },
	{ "patternProperties", SCHEMAS },
	{ "dependentSchemas", SCHEMAS },
	{ "$defs", SCHEMAS },
	{ "definitions", SCHEMAS },
};

static enum kind
kind_of(struct str key)
{
	size_t i;

	for (i = 0; i < NROWS(keywords); i++)
		if (jscan_key_is(key, str_from(keywords[i].name)))
			return keywords[i].kind;
	return DATA;
}

static void
comma(struct buf *out)
{
	if (out->n > 0 && out->p[out->n - 1] != '{' &&
	    out->p[out->n - 1] != '[')
		buf_addc(out, ',');
}

static void
put_key(struct buf *out, struct str key)
{
	comma(out);
	buf_addc(out, '"');
	buf_add(out, key);
	buf_add(out, STR("\":"));
}

static void fix(struct str raw, enum kind, struct buf *out);

static void
fix_member(const struct jmember *m, bool has_enum, struct buf *out)
{
	enum kind kind = kind_of(m->key);

	if (kind == GONE || (kind == CONST && has_enum))
		return;
	if (kind == CONST) {
		put_key(out, STR("enum"));
		buf_addc(out, '[');
		buf_add(out, m->raw);
		buf_addc(out, ']');
		return;
	}
	put_key(out, m->key);
	fix(m->raw, kind, out);
}

/* The depth is what jscan allows. */
static void
fix(struct str raw, enum kind kind, struct buf *out)
{
	bool has_enum = jscan_at(raw, "enum").p != NULL;
	struct jiter it;
	struct jmember m;

	if (kind == DATA || raw.n == 0 ||
	    (raw.p[0] != '{' && raw.p[0] != '[')) {
		buf_add(out, raw);
		return;
	}
	buf_addc(out, raw.p[0]);
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (raw.p[0] == '[') {
			comma(out);
			fix(m.raw, SCHEMA, out);
		} else if (kind == SCHEMAS) {
			put_key(out, m.key);
			fix(m.raw, SCHEMA, out);
		} else
			fix_member(&m, has_enum, out);
	}
	buf_addc(out, raw.p[0] == '{' ? '}' : ']');
}

void
gemini_put_schema(struct jw *w, const char *key, struct json_object *schema)
{
	struct buf from = BUF_LIMIT(SCHEMA_MAX), to = BUF_LIMIT(SCHEMA_MAX);
	struct jw raw = JW_TO(&from);

	jw_node(&raw, NULL, schema);
	fix(buf_str(&from), SCHEMA, &to);
	if (to.full)
		w->out->full = true;
	jw_raw(w, key, buf_str(&to));
	buf_free(&from);
	buf_free(&to);
}
