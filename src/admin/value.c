/* From JSON to the columns of a row, and back. */
#include <stdarg.h>
#include <stdio.h>

#include "admin/resource.h"
#include "base/clock.h"
#include "base/when.h"
#include "domain/tenant.h"
#include "json/jscan.h"

#define URL_MAX 2048
#define JSON_MAX ((size_t)64 * 1024)
#define SECRET_MAX 16384
#define NANO 9
#define MILLIONTHS 6

int
work_bad(struct work *k, const char *path, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	k->e->param = arena_dup(k->arena, str_from(path));
	return err_set(k->e, ERR_BAD_PARAM,
	    "Invalid request parameters: %s: %s", path, why);
}

int
work_not_found(struct work *k, const char *noun, struct str id)
{
	return err_set(k->e, ERR_NOT_FOUND, "No %s %.*s", noun,
	    (int)(id.n < 100 ? id.n : 100), id.p);
}

bool
field_is_number(enum field_type t)
{
	return t == FIELD_BOOL || t == FIELD_INT || t == FIELD_MONEY ||
	    t == FIELD_FRACTION || t == FIELD_TIME;
}

static int
place_of(const struct work *k, const char *name)
{
	const struct field *f = k->r->fields;
	int i = 0;

	while (f[i].name != NULL && strcmp(f[i].name, name) != 0)
		i++;
	return f[i].name == NULL ? -1 : i;
}

struct value *
work_value(struct work *k, const char *name)
{
	return &k->v[place_of(k, name)];
}

bool
work_sent(struct work *k, const char *name)
{
	return k->sent[place_of(k, name)];
}

static bool
in_words(const char *words, struct str s)
{
	struct str rest = str_from(words);

	while (rest.n > 0)
		if (str_eq(str_split(&rest, '|'), s))
			return true;
	return false;
}

/* A URL that can be asked; where it leads is checked by who asks it. */
static bool
is_url(struct str s)
{
	struct str rest = s;

	if (s.n > URL_MAX ||
	    (!str_starts(s, "https://") && !str_starts(s, "http://")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' ||
		    (unsigned char)s.p[i] > '~' ||
		    strchr("\"<>\\^`{|}", s.p[i]))
			return false;
	str_split(&rest, ':');
	rest = (struct str){ rest.p + 2, rest.n - 2 };
	rest = str_split(&rest, '/');
	return rest.n > 0 && memchr(rest.p, '@', rest.n) == NULL;
}

/* The text of a string, or 400. */
static int
read_string(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	v->s = jscan_text(raw, k->arena);
	return v->s.p == NULL ? work_bad(k, f->name, "must be a string") : 0;
}

static int
read_text(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	int max = f->max == 0 ? TENANT_NAME_MAX : (int)f->max;

	if (read_string(k, f, raw, v) == -1)
		return -1;
	if (tenant_text_ok(v->s, (size_t)max) && (int64_t)v->s.n >= f->min)
		return 0;
	return work_bad(k, f->name,
	    "must be %d to %d bytes of UTF-8 without control characters",
	    f->min < 1 ? 1 : (int)f->min, max);
}

static int
read_word(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	if (read_string(k, f, raw, v) == -1)
		return -1;
	return in_words(f->words, v->s) ?
	    0 :
	    work_bad(k, f->name, "must be one of %s", f->words);
}

static int
read_name(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	if (read_string(k, f, raw, v) == -1)
		return -1;
	return catalog_is_name(v->s) ?
	    0 :
	    work_bad(k, f->name, "must be 1 to 256 letters, digits and ._:/@-");
}

static int
read_url(struct work *k, const struct field *f, struct str raw, struct value *v)
{
	if (read_string(k, f, raw, v) == -1)
		return -1;
	return is_url(v->s) ?
	    0 :
	    work_bad(k, f->name, "must be a URL of http or https");
}

static int
read_secret(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	if (read_string(k, f, raw, v) == -1)
		return -1;
	/* A credential in JSON has lines. */
	for (size_t i = 0; i < v->s.n; i++)
		if ((v->s.p[i] < ' ' || v->s.p[i] > '~') &&
		    !(v->s.p[i] == '\n' && v->s.p[0] == '{'))
			return work_bad(k, f->name, "must be printable ASCII");
	return v->s.n > 0 && v->s.n <= SECRET_MAX ?
	    0 :
	    work_bad(k, f->name, "must be 1 to %d bytes", SECRET_MAX);
}

static int
read_bool(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	v->n = raw.p[0] == 't';
	return raw.p[0] == 't' || raw.p[0] == 'f' ?
	    0 :
	    work_bad(k, f->name, "must be true or false");
}

static bool
is_number(struct str raw)
{
	return raw.n > 0 &&
	    (raw.p[0] == '-' || (raw.p[0] >= '0' && raw.p[0] <= '9'));
}

/* An amount: exact, never through a binary number. */
static int
read_decimal(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	int decimals = f->type == FIELD_MONEY ? NANO : MILLIONTHS, rc;
	int64_t min = f->min, max = f->max;

	if (!is_number(raw))
		return work_bad(k, f->name, "must be a number");
	if (f->type == FIELD_FRACTION)
		max = 1000000;
	rc = decimal_read(raw, decimals, &v->n);
	if (rc == 0 && v->n >= min && v->n <= max)
		return 0;
	if (rc == -2)
		return work_bad(k, f->name,
		    "must have at most %d decimals and be in range", decimals);
	return work_bad(k, f->name, "is out of range");
}

static int
read_int(struct work *k, const struct field *f, struct str raw, struct value *v)
{
	if (!is_number(raw) || !jscan_int(raw, &v->n))
		return work_bad(k, f->name, "must be an integer");
	if (v->n >= f->min && v->n <= f->max)
		return 0;
	return work_bad(k, f->name, "must be from %lld to %lld",
	    (long long)f->min, (long long)f->max);
}

static int
read_time(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	struct str s = jscan_text(raw, k->arena);
	bool day;

	if (s.p == NULL)
		return work_bad(k, f->name, "must be a string");
	if (!when_time(s, &v->n, &day) || day || v->n < 1)
		return work_bad(
		    k, f->name, "must be a time as 2027-01-31T12:00:00Z");
	return 0;
}

static int
read_json(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	bool object = f->type == FIELD_OBJECT;

	if (raw.p[0] != (object ? '{' : '['))
		return work_bad(
		    k, f->name, "must be an %s", object ? "object" : "array");
	if (raw.n > JSON_MAX)
		return work_bad(k, f->name, "is too long");
	v->s = raw;
	return 0;
}

static void
write_text(struct jw *w, const char *key, const struct value *v)
{
	jw_str(w, key, v->s);
}

static void
write_bool(struct jw *w, const char *key, const struct value *v)
{
	jw_bool(w, key, v->n != 0);
}

static void
write_int(struct jw *w, const char *key, const struct value *v)
{
	jw_int(w, key, v->n);
}

static void
write_money(struct jw *w, const char *key, const struct value *v)
{
	jw_nano(w, key, v->n);
}

static void
write_fraction(struct jw *w, const char *key, const struct value *v)
{
	jw_nano(w, key, v->n * 1000);
}

static void
write_time(struct jw *w, const char *key, const struct value *v)
{
	char text[CLOCK_TEXT];

	clock_text(v->n, text);
	jw_strc(w, key, text);
}

static void
write_json(struct jw *w, const char *key, const struct value *v)
{
	jw_raw(w, key, v->s);
}

static const struct {
	int (*read)(struct work *, const struct field *, struct str raw,
	    struct value *);
	void (*write)(struct jw *, const char *key, const struct value *);
} types[] = {
	[FIELD_TEXT] = { read_text, write_text },
	[FIELD_WORD] = { read_word, write_text },
	[FIELD_REF] = { read_text, write_text },
	[FIELD_NAME] = { read_name, write_text },
	[FIELD_URL] = { read_url, write_text },
	[FIELD_BOOL] = { read_bool, write_bool },
	[FIELD_INT] = { read_int, write_int },
	[FIELD_MONEY] = { read_decimal, write_money },
	[FIELD_FRACTION] = { read_decimal, write_fraction },
	[FIELD_TIME] = { read_time, write_time },
	[FIELD_OBJECT] = { read_json, write_json },
	[FIELD_ARRAY] = { read_json, write_json },
	[FIELD_SECRET] = { read_secret, write_text },
	[FIELD_LONG] = { read_string, write_text },
};

int
value_read(
    struct work *k, const struct field *f, struct str raw, struct value *v)
{
	*v = (struct value){ 0 };
	if (types[f->type].read(k, f, raw, v) == -1)
		return -1;
	return f->also == NULL ? 0 : f->also(k, f, raw);
}

void
value_write(
    struct jw *w, const char *key, const struct field *f, const struct value *v)
{
	if (v->null)
		jw_null(w, key);
	else
		types[f->type].write(w, key, v);
}

bool
value_same(const struct field *f, const struct value *a, const struct value *b)
{
	if (a->null || b->null)
		return a->null == b->null;
	return field_is_number(f->type) ? a->n == b->n : str_eq(a->s, b->s);
}

/* --- a body --- */

/* The default, or NULL. */
static int
set_default(struct work *k, int i)
{
	const struct field *f = &k->r->fields[i];

	k->v[i] = (struct value){ .null = true };
	return f->def == NULL ? 0 :
				value_read(k, f, str_from(f->def), &k->v[i]);
}

static int
take(struct work *k, int i, struct str raw, bool create)
{
	const struct field *f = &k->r->fields[i];

	if ((f->flags & (create ? F_CREATE : F_PATCH)) == 0)
		return work_bad(k, f->name,
		    (f->flags & F_CREATE) != 0 ? "cannot be changed" :
						 "cannot be set");
	if ((f->flags & F_ADMIN) != 0 && k->ask->who.role != ROLE_ADMIN)
		return err_set(k->e, ERR_FORBIDDEN,
		    "Only the role admin may set %s", f->name);
	k->sent[i] = true;
	if (!jscan_null(raw))
		return value_read(k, f, raw, &k->v[i]);
	if ((f->flags & F_REQUIRED) != 0)
		return work_bad(
		    k, f->name, create ? "is required" : "must not be null");
	k->sent[i] = !create;
	return set_default(k, i);
}

/* "limits" of "limits.rpm". */
static bool
in_group(const struct field *f, struct str key)
{
	return strncmp(f->name, key.p, key.n) == 0 && f->name[key.n] == '.';
}

static int
take_group(struct work *k, struct str key, struct str raw, bool create)
{
	const struct field *f = k->r->fields;
	struct jmember m;
	struct str name, path;
	int i;

	for (i = 0; f[i].name != NULL && jscan_null(raw); i++)
		if (in_group(&f[i], key) && take(k, i, raw, create) == -1)
			return -1;
	if (jscan_null(raw))
		return 0;
	if (raw.p[0] != '{')
		return work_bad(
		    k, arena_cstr(k->arena, key), "must be an object or null");
	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m);) {
		name = jscan_text(
		    (struct str){ m.key.p - 1, m.key.n + 2 }, k->arena);
		path = arena_fmt(k->arena, "%.*s.%.*s", STR_ARG(key),
		    (int)(name.n < 100 ? name.n : 100), name.p);
		if ((i = place_of(k, path.p)) == -1)
			return work_bad(k, path.p, "is not known");
		if (take(k, i, m.raw, create) == -1)
			return -1;
	}
	return 0;
}

static int
take_member(struct work *k, const struct jmember *m, bool create)
{
	char *name = arena_cstr(k->arena, m->key);
	const struct field *f = k->r->fields;
	int i = strchr(name, '.') == NULL ? place_of(k, name) : -1;

	if (i != -1)
		return take(k, i, m->raw, create);
	for (i = 0; m->key.n > 0 && f[i].name != NULL; i++)
		if (in_group(&f[i], m->key))
			return take_group(k, m->key, m->raw, create);
	return work_bad(k, m->key.n > 100 ? "body" : name, "is not known");
}

/*
 * Who is of one organisation means that one, and there is no other for him, not
 * even "all".
 */
int
work_parse(struct work *k, bool create)
{
	const struct field *f = k->r->fields;
	struct jmember *m;
	int i, n, own;

	for (i = 0; create && f[i].name != NULL; i++)
		if (set_default(k, i) == -1)
			return -1;
	own = create && k->ask->who.org.p != NULL ?
	    place_of(k, "organization_id") :
	    -1;
	n = jscan_object(k->ask->body, k->arena, &m, k->e);
	for (i = 0; i < n; i++)
		if (take_member(k, &m[i], create) == -1)
			return -1;
	if (own != -1 && !k->sent[own] && (f[own].flags & F_CREATE) != 0) {
		k->v[own] = (struct value){ .s = k->ask->who.org };
		k->sent[own] = true;
	}
	for (i = 0; n != -1 && create && f[i].name != NULL; i++)
		if ((f[i].flags & F_REQUIRED) != 0 && !k->sent[i])
			return work_bad(k, f[i].name, "is required");
	return n == -1 ? -1 : 0;
}
