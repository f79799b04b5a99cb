#include "admin/openapi_schema.h"

#define DEPTH_MAX 6 /* some rules hold themselves */

void
openapi_body(struct jw *w)
{
	jw_obj(w, "requestBody");
	jw_bool(w, "required", true);
	jw_obj(w, "content");
	jw_obj(w, "application/json");
}

void
openapi_body_end(struct jw *w)
{
	for (int i = 0; i < 3; i++)
		jw_end(w);
}

static void
put_words(struct jw *w, const char *words)
{
	struct str rest = str_from(words);

	if (words == NULL)
		return;
	jw_arr(w, "enum");
	while (rest.n > 0)
		jw_str(w, NULL, str_split(&rest, '|'));
	jw_end(w);
}

static void
put_type(struct jw *w, const char *type)
{
	jw_strc(w, "type", type);
}

/* --- the rules of dialects --- */

static const struct {
	unsigned bit;
	const char *word;
} types[] = {
	{ JT_STR, "string" },
	{ JT_NUM, "number" },
	{ JT_INT, "integer" },
	{ JT_BOOL, "boolean" },
	{ JT_OBJ, "object" },
	{ JT_ARR, "array" },
};

static void put_members(struct jw *, const struct jrule *, int depth);

static void
put_range(struct jw *w, const struct jrule *r, unsigned bit)
{
	bool number = bit == JT_NUM || bit == JT_INT;
	const char *min = number ? "minimum" :
	    bit == JT_ARR        ? "minItems" :
				   "minLength";
	const char *max = number ? "maximum" :
	    bit == JT_ARR        ? "maxItems" :
				   "maxLength";

	if ((r->min == 0 && r->max == 0) || bit == JT_BOOL || bit == JT_OBJ)
		return;
	/* Bytes are no characters: only what holds for both is said. */
	if (bit == JT_STR) {
		if ((r->types & JT_ARR) == 0 && r->min >= 1)
			jw_int(w, min, 1);
		return;
	}
	jw_num(w, min, r->min);
	if (r->max >= r->min)
		jw_num(w, max, r->max);
}

static void put_rule(struct jw *, const struct jrule *, int depth);

static void
put_one_type(struct jw *w, const struct jrule *r, size_t i, int depth)
{
	put_type(w, types[i].word);
	put_range(w, r, types[i].bit);
	if (types[i].bit == JT_STR)
		put_words(w, r->words);
	if (types[i].bit == JT_OBJ && r->members != NULL && depth < DEPTH_MAX)
		put_members(w, r->members, depth + 1);
	if (types[i].bit == JT_ARR) {
		jw_obj(w, "items");
		if (r->items != NULL && depth < DEPTH_MAX)
			put_rule(w, r->items, depth + 1);
		jw_end(w);
	}
}

static void
put_rule(struct jw *w, const struct jrule *r, int depth)
{
	int n = 0;

	for (size_t i = 0; i < NROWS(types); i++)
		n += (r->types & types[i].bit) != 0;
	if (n > 1)
		jw_arr(w, "anyOf");
	for (size_t i = 0; i < NROWS(types); i++) {
		if ((r->types & types[i].bit) == 0)
			continue;
		if (n > 1)
			jw_obj(w, NULL);
		put_one_type(w, r, i, depth);
		if (n > 1)
			jw_end(w);
	}
	if (n > 1)
		jw_end(w);
	if (!r->required && n > 0)
		jw_bool(w, "nullable", true);
}

static void
put_members(struct jw *w, const struct jrule *r, int depth)
{
	bool any = false;

	jw_obj(w, "properties");
	for (int i = 0; r[i].name != NULL; i++) {
		any |= r[i].required;
		if (strcmp(r[i].name, "*") == 0)
			continue;
		jw_obj(w, r[i].name);
		put_rule(w, &r[i], depth);
		jw_end(w);
	}
	jw_end(w);
	if (!any)
		return;
	jw_arr(w, "required");
	for (int i = 0; r[i].name != NULL; i++)
		if (r[i].required)
			jw_strc(w, NULL, r[i].name);
	jw_end(w);
}

void
openapi_rules(struct jw *w, const char *key, const struct jrule *r)
{
	jw_obj(w, key);
	put_type(w, "object");
	put_members(w, r, 0);
	jw_end(w);
}

void
openapi_embeddings(struct jw *w, const char *key)
{
	jw_obj(w, key);
	put_type(w, "object");
	jw_obj(w, "properties");
	jw_obj(w, "model");
	put_type(w, "string");
	jw_end(w);
	jw_obj(w, "input");
	jw_end(w);
	jw_end(w);
	jw_arr(w, "required");
	jw_strc(w, NULL, "model");
	jw_strc(w, NULL, "input");
	jw_end(w);
	jw_end(w);
}

/* --- the fields of resources --- */

static const struct {
	const char *type, *format;
} fields[] = {
	[FIELD_TEXT] = { "string", NULL },
	[FIELD_WORD] = { "string", NULL },
	[FIELD_REF] = { "string", NULL },
	[FIELD_NAME] = { "string", NULL },
	[FIELD_URL] = { "string", "uri" },
	[FIELD_BOOL] = { "boolean", NULL },
	[FIELD_INT] = { "integer", "int64" },
	[FIELD_MONEY] = { "number", NULL },
	[FIELD_FRACTION] = { "number", NULL },
	[FIELD_TIME] = { "string", "date-time" },
	[FIELD_OBJECT] = { "object", NULL },
	[FIELD_ARRAY] = { "array", NULL },
	[FIELD_SECRET] = { "string", "password" },
	[FIELD_LONG] = { "string", NULL },
};

static void
put_field(struct jw *w, const char *name, const struct field *f)
{
	jw_obj(w, name);
	put_type(w, fields[f->type].type);
	if (fields[f->type].format != NULL)
		jw_strc(w, "format", fields[f->type].format);
	if (f->text != NULL)
		jw_strc(w, "description", f->text);
	if (f->type == FIELD_WORD)
		put_words(w, f->words);
	if (f->type == FIELD_ARRAY) {
		jw_obj(w, "items");
		jw_end(w);
	}
	if (f->type == FIELD_INT) {
		jw_int(w, "minimum", f->min);
		jw_int(w, "maximum", f->max);
	}
	if (f->type == FIELD_FRACTION) {
		jw_int(w, "minimum", 0);
		jw_int(w, "maximum", 1);
	}
	if (f->def != NULL)
		jw_raw(w, "default", str_from(f->def));
	if ((f->flags & F_REQUIRED) == 0)
		jw_bool(w, "nullable", true);
	jw_end(w);
}

/* The members of a group together; returns the place of the last. */
static int
put_group(struct jw *w, const struct field *f, int i, unsigned flags)
{
	size_t n = strcspn(f[i].name, ".");
	char group[32];

	memcpy(group, f[i].name, n);
	group[n] = '\0';
	jw_obj(w, group);
	put_type(w, "object");
	jw_bool(w, "nullable", true);
	jw_obj(w, "properties");
	for (;; i++) {
		if ((f[i].flags & flags) != 0)
			put_field(w, f[i].name + n + 1, &f[i]);
		if (f[i + 1].name == NULL ||
		    strncmp(f[i + 1].name, f[i].name, n + 1) != 0)
			break;
	}
	jw_end(w);
	jw_end(w);
	return i;
}

void
openapi_fields(
    struct jw *w, const char *key, const struct resource *r, unsigned flags)
{
	const struct field *f = r->fields;
	bool any = false;

	jw_obj(w, key);
	put_type(w, "object");
	jw_bool(w, "additionalProperties", false);
	jw_obj(w, "properties");
	for (int i = 0; f[i].name != NULL; i++) {
		if ((f[i].flags & flags) == 0)
			continue;
		any |= (f[i].flags & F_REQUIRED) != 0;
		if (strchr(f[i].name, '.') != NULL)
			i = put_group(w, f, i, flags);
		else
			put_field(w, f[i].name, &f[i]);
	}
	jw_end(w);
	if (any && flags == F_CREATE) {
		jw_arr(w, "required");
		for (int i = 0; f[i].name != NULL; i++)
			if ((f[i].flags & F_REQUIRED) != 0)
				jw_strc(w, NULL, f[i].name);
		jw_end(w);
	}
	jw_end(w);
}

void
openapi_form(struct jw *w, const struct jrule *rules, const char *const *files)
{
	jw_end(w); /* of application/json */
	jw_obj(w, "multipart/form-data");
	jw_obj(w, "schema");
	jw_arr(w, "allOf");
	openapi_rules(w, NULL, rules);
	jw_obj(w, NULL);
	put_type(w, "object");
	jw_obj(w, "properties");
	for (; *files != NULL; files++) {
		jw_obj(w, *files);
		put_type(w, "string");
		jw_strc(w, "format", "binary");
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}
