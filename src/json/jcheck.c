#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "json/jcheck.h"

/* Every reader of JSON knows the whole numbers up to here (RFC 8259). */
#define WHOLE_MAX (INT64_C(1) << 53)
/* Of a name of the client's own so much is told (api.md 2.1). */
#define QUOTED_MAX 200

/* Strings up to here are words and names, not text. */

static int check_value(
    struct jcheck *, const struct jrule *, struct str raw, unsigned is);

static void
path_put(struct jcheck *c, struct str s)
{
	size_t left = sizeof(c->path) - 1 - c->npath;
	size_t n = s.n < left ? s.n : left;

	memcpy(c->path + c->npath, s.p, n);
	c->npath += n;
	c->path[c->npath] = '\0';
}

/* Go down; returns what path_cut() needs to come back. */
static size_t
path_add(struct jcheck *c, struct str name)
{
	size_t was = c->npath;

	if (was > 0)
		path_put(c, STR("."));
	path_put(c, name);
	return was;
}

static size_t
path_add_index(struct jcheck *c, size_t i)
{
	char tmp[24], *end = tmp + sizeof(tmp), *p = end;
	size_t was = c->npath;

	*--p = ']';
	do
		*--p = (char)('0' + i % 10);
	while ((i /= 10) > 0);
	*--p = '[';
	path_put(c, (struct str){ p, (size_t)(end - p) });
	return was;
}

static void
path_cut(struct jcheck *c, size_t was)
{
	c->npath = was;
	c->path[was] = '\0';
}

static int fail(struct jcheck *, const char *fmt, va_list)
    __attribute__((format(printf, 2, 0)));

static int
fail(struct jcheck *c, const char *fmt, va_list ap)
{
	char why[400];

	vsnprintf(why, sizeof(why), fmt, ap);
	c->err->param = arena_dup(c->arena, (struct str){ c->path, c->npath });
	return err_set(c->err, ERR_BAD_PARAM,
	    "Invalid request parameters: %s: %s", c->path, why);
}

int
jcheck_fail(struct jcheck *c, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = fail(c, fmt, ap);
	va_end(ap);
	return rc;
}

int
jcheck_fail_at(struct jcheck *c, const char *below, const char *fmt, ...)
{
	va_list ap;
	size_t was;
	int rc;

	was = c->npath;
	if (*below == '[')
		path_put(c, str_from(below));
	else
		path_add(c, str_from(below));
	va_start(ap, fmt);
	rc = fail(c, fmt, ap);
	va_end(ap);
	path_cut(c, was);
	return rc;
}

/* Which of the types a value is; a whole number is two of them. */
static unsigned
types_of(struct str raw)
{
	int64_t v;

	switch (raw.n == 0 ? '\0' : *raw.p) {
	case '"':
		return JT_STR;
	case '{':
		return JT_OBJ;
	case '[':
		return JT_ARR;
	case 't':
	case 'f':
		return JT_BOOL;
	case 'n':
		return JT_NULL;
	default:
		return jscan_int(raw, &v) && v >= -WHOLE_MAX && v <= WHOLE_MAX ?
		    JT_NUM | JT_INT :
		    JT_NUM;
	}
}

/* "must be a string or an array" */
static int
fail_types(struct jcheck *c, unsigned types)
{
	static const char *const names[] = { "a string", "a number",
		"a whole number", "true or false", "an object", "an array",
		"null" };
	char text[160];
	size_t i, n = 0;

	if (types & JT_NUM)
		types &= ~(unsigned)JT_INT;
	text[0] = '\0';
	for (i = 0; i < NROWS(names); i++)
		if (types & 1u << i)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", n > 0 ? " or " : "", names[i]);
	return jcheck_fail(c, "must be %s", text);
}

static bool
has_range(const struct jrule *r)
{
	return r->min < 0 || r->min > 0 || r->max < 0 || r->max > 0;
}

static bool
has_max(const struct jrule *r)
{
	return r->max >= r->min && isfinite(r->max);
}

static int
check_number(struct jcheck *c, const struct jrule *r, struct str raw)
{
	double v;

	if (!has_range(r) || !jscan_num(raw, &v) ||
	    (v >= r->min && (!has_max(r) || v <= r->max)))
		return 0;
	if (!has_max(r))
		return jcheck_fail(c, "must be at least %.15g", r->min);
	if (isinf(r->min))
		return jcheck_fail(c, "must be at most %.15g", r->max);
	return jcheck_fail(
	    c, "must be between %.15g and %.15g", r->min, r->max);
}

/* Of strings the unit is bytes, of arrays entries. */
static int
check_count(struct jcheck *c, const struct jrule *r, size_t n, const char *unit)
{
	double v = (double)n;

	if (!has_range(r))
		return 0;
	if (v < r->min && n == 0)
		return jcheck_fail(c, "must not be empty");
	if (v < r->min)
		return jcheck_fail(
		    c, "must have at least %.15g %s", r->min, unit);
	if (has_max(r) && v > r->max)
		return jcheck_fail(
		    c, "must have at most %.15g %s", r->max, unit);
	return 0;
}

static bool
in_words(struct str words, struct str text)
{
	while (words.p != NULL)
		if (str_eq(str_split(&words, '|'), text))
			return true;
	return false;
}

/* "auto|none" reads as "auto, none" to people. */
static int
fail_words(struct jcheck *c, struct str words)
{
	bool one = memchr(words.p, '|', words.n) == NULL;
	char text[300];
	size_t n = 0;
	struct str w;

	text[0] = '\0';
	while (words.p != NULL && n < sizeof(text)) {
		w = str_split(&words, '|');
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s",
		    n > 0 ? ", " : "", STR_ARG(w));
	}
	return jcheck_fail(c, "must be %s%s", one ? "" : "one of ", text);
}

static int
check_string(struct jcheck *c, const struct jrule *r, struct str raw)
{
	bool range = has_range(r) && (r->types & JT_ARR) == 0;
	struct str text;

	c->text_bytes += raw.n - 2;
	if (!range && r->words == NULL)
		return 0;
	text = jscan_text(raw, c->arena);
	if (r->words != NULL && !in_words(str_from(r->words), text))
		return fail_words(c, str_from(r->words));
	return range ? check_count(c, r, text.n, "bytes") : 0;
}

static int
check_array(struct jcheck *c, const struct jrule *r, struct str raw)
{
	struct jiter it = jscan_into(raw);
	struct jmember m;
	size_t n = 0, was;

	if (r->items == NULL && !has_range(r))
		return 0;
	while (jscan_next(&it, &m)) {
		n++;
		if (has_range(r) && has_max(r) && (double)n > r->max)
			break;
		if (r->items == NULL)
			continue;
		was = path_add_index(c, n - 1);
		if (check_value(c, r->items, m.raw, types_of(m.raw)) == -1)
			return -1;
		path_cut(c, was);
	}
	return check_count(c, r, n, "entries");
}

/* A table of rules that one object must keep, and what it has of it. */
struct table {
	const struct jrule *rules;
	uint64_t seen; /* bit per required rule */
};

static bool
is_wild(const struct jrule *r)
{
	return r->name[0] == '*' && r->name[1] == '\0';
}

static const struct jrule *
find_rule(struct table *t, struct str key)
{
	const struct jrule *r = t->rules;
	unsigned bit = 0;

	for (; r != NULL && r->name != NULL; r++) {
		if (jscan_key_is(key, str_from(r->name))) {
			if (r->required)
				t->seen |= UINT64_C(1) << bit;
			return r;
		}
		if (is_wild(r))
			return r;
		bit += r->required;
	}
	return NULL;
}

static int
check_member(struct jcheck *c, struct table *t, const struct jmember *m)
{
	const struct jrule *r = find_rule(t, m->key);
	unsigned is;
	size_t was;

	if (r == NULL)
		return 0;
	is = types_of(m->raw);
	if (is == JT_NULL && !r->required && (r->types & JT_NULL) == 0)
		return 0;
	was = path_add(
	    c, is_wild(r) ? str_cut(m->key, QUOTED_MAX) : str_from(r->name));
	if (check_value(c, r, m->raw, is) == -1)
		return -1;
	path_cut(c, was);
	return 0;
}

static int
check_missing(struct jcheck *c, const struct table *t)
{
	const struct jrule *r = t->rules;
	unsigned bit = 0;

	for (; r != NULL && r->name != NULL; r++) {
		if (!r->required)
			continue;
		assert(bit < 64);
		if ((t->seen & UINT64_C(1) << bit++) == 0)
			return jcheck_fail_at(c, r->name, "is required");
	}
	return 0;
}

/* "type" of the rows, as words. */
static int
fail_variant(struct jcheck *c, const struct jvariant *v)
{
	char text[300];
	size_t n = 0;

	text[0] = '\0';
	for (; v->word != NULL && n < sizeof(text); v++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
		    n > 0 ? "|" : "", v->word);
	path_add(c, STR("type"));
	return fail_words(c, str_from(text));
}

/* *out is the object's row; NULL without fault if the rule has none. */
static int
find_variant(struct jcheck *c, const struct jrule *r, struct str raw,
    const struct jvariant **out)
{
	struct str type = jscan_at(raw, "type"), text;
	const struct jvariant *v = r->variants;

	*out = NULL;
	if (v == NULL)
		return 0;
	if (type.p == NULL && r->untyped != NULL) {
		*out = r->untyped;
		c->marks |= (*out)->mark;
		return 0;
	}
	if (type.p == NULL)
		return jcheck_fail_at(c, "type", "is required");
	if ((text = jscan_text(type, c->arena)).p == NULL)
		return jcheck_fail_at(c, "type", "must be a string");
	while (v->word != NULL && !str_is(text, v->word))
		v++;
	*out = v->word != NULL ? v : r->unknown;
	if (*out == NULL)
		return fail_variant(c, r->variants);
	c->marks |= (*out)->mark;
	return 0;
}

static int
check_object(struct jcheck *c, const struct jrule *r, struct str raw)
{
	struct table t[2] = { { .rules = r->members } };
	const struct jvariant *v;
	struct jiter it;
	struct jmember m;

	if (r->members == NULL && r->variants == NULL)
		return 0;
	if (find_variant(c, r, raw, &v) == -1)
		return -1;
	if (v != NULL)
		t[1].rules = v->members;
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		if (check_member(c, &t[0], &m) == -1 ||
		    check_member(c, &t[1], &m) == -1)
			return -1;
	if (check_missing(c, &t[0]) == -1)
		return -1;
	return check_missing(c, &t[1]);
}

static int
check_value(
    struct jcheck *c, const struct jrule *r, struct str raw, unsigned is)
{
	int rc = 0;

	if (r->types != JT_ANY && (r->types & is) == 0)
		return fail_types(c, r->types);
	c->marks |= r->mark;
	if (is & JT_NUM)
		rc = check_number(c, r, raw);
	else if (is & JT_STR)
		rc = check_string(c, r, raw);
	else if (is & JT_ARR)
		rc = check_array(c, r, raw);
	else if (is & JT_OBJ)
		rc = check_object(c, r, raw);
	return rc == 0 && r->also != NULL ? r->also(c, raw) : rc;
}

int
jcheck_members(
    struct jcheck *c, const struct jmember *v, int n, const struct jrule *rules)
{
	struct table t = { .rules = rules };
	int i;

	c->npath = 0;
	c->path[0] = '\0';
	for (i = 0; i < n; i++)
		if (check_member(c, &t, &v[i]) == -1)
			return -1;
	return check_missing(c, &t);
}
