#include <stdlib.h>
#include <string.h>

#include "json/jlex.h"
#include "json/jscan.h"

#define DEPTH_MAX 128
#define VALUES_MAX 500000

/* Names of all open objects that need no memory of the arena. */
#define KEYS_FEW 64
/* Up to here comparing each with each is cheaper than sorting. */
#define SORT_FROM 24

/*
 * One pass over the text.  The names of every open object stand on one stack,
 * innermost last, so that an object that ends finds its own at the top.
 */
struct scan {
	const char *end;
	struct arena *a;
	bool own_arena;
	int depth;
	int values;
	struct str *keys;
	size_t nkeys, maxkeys;
	struct str few[KEYS_FEW];
};

/* The members of the top level, if they are wanted. */
struct list {
	struct jmember *v;
	size_t n, max;
};

static const char *scan_value(struct scan *, const char *);

static const char *
scan_word(const char *p, const char *end, const char *word, size_t n)
{
	if ((size_t)(end - p) < n || memcmp(p, word, n) != 0)
		return NULL;
	return p + n;
}

static struct arena *
scan_arena(struct scan *s)
{
	if (s->a == NULL) {
		s->a = arena_new(4096, SIZE_MAX);
		s->own_arena = true;
	}
	return s->a;
}

static void
push_key(struct scan *s, struct str key)
{
	struct str *more;

	if (s->nkeys == s->maxkeys) {
		s->maxkeys *= 2;
		more = arena_zalloc(scan_arena(s), s->maxkeys * sizeof(*more));
		memcpy(more, s->keys, s->nkeys * sizeof(*more));
		s->keys = more;
	}
	s->keys[s->nkeys++] = key;
}

/*
 * Read `"key" :`; return where the value begins, or NULL.  The key goes on the
 * stack unescaped: that is how names are compared.
 */
static const char *
scan_key(struct scan *s, const char *p, struct str *key, bool plain)
{
	bool escaped = false;
	const char *q;
	struct str name;

	if (p == s->end || *p != '"' ||
	    (q = jlex_string(p + 1, s->end, &escaped)) == NULL)
		return NULL;
	*key = name = (struct str){ p + 1, (size_t)(q - p) - 2 };
	if (escaped) {
		if (plain)
			return NULL;
		name.p--;
		name.n += 2;
		name = jscan_text(name, scan_arena(s));
		if (memchr(name.p, '\0', name.n) != NULL)
			return NULL;
	}
	push_key(s, name);
	p = jlex_ws(q, s->end);
	return p == s->end || *p != ':' ? NULL : jlex_ws(p + 1, s->end);
}

/* Short names first: any order will do, and lengths are at hand. */
static int
by_name(const void *x, const void *y)
{
	const struct str *a = x, *b = y;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return memcmp(a->p, b->p, a->n);
}

/* Puts them in order if there are many. */
static bool
all_differ(struct str *v, size_t n)
{
	size_t i, j;

	if (n >= SORT_FROM) {
		qsort(v, n, sizeof(*v), by_name);
		for (i = 1; i < n; i++)
			if (str_eq(v[i - 1], v[i]))
				return false;
		return true;
	}
	for (i = 1; i < n; i++)
		for (j = 0; j < i; j++)
			if (str_eq(v[i], v[j]))
				return false;
	return true;
}

static void
list_add(struct list *l, struct arena *a, const struct jmember *m)
{
	struct jmember *more;

	if (l->n == l->max) {
		l->max = l->max == 0 ? 16 : l->max * 2;
		more = arena_zalloc(a, l->max * sizeof(*more));
		if (l->n > 0)
			memcpy(more, l->v, l->n * sizeof(*more));
		l->v = more;
	}
	l->v[l->n++] = *m;
}

/* After a member: at the next one (1), past the end (0), or malformed (-1). */
static int
scan_comma(struct scan *s, const char **at, char close)
{
	const char *p = jlex_ws(*at, s->end);

	if (p == s->end || (*p != ',' && *p != close))
		return -1;
	*at = *p == ',' ? jlex_ws(p + 1, s->end) : p + 1;
	return *p == ',';
}

/* p is at '{'; return what follows '}', or NULL.  `top` takes the members. */
static const char *
scan_object(struct scan *s, const char *p, struct list *top)
{
	size_t base = s->nkeys;
	struct jmember m;
	int more = 1;

	if (++s->depth > DEPTH_MAX)
		return NULL;
	p = jlex_ws(p + 1, s->end);
	if (p < s->end && *p == '}') {
		more = 0;
		p++;
	}
	while (more == 1) {
		if ((p = scan_key(s, p, &m.key, top != NULL)) == NULL)
			return NULL;
		m.raw.p = p;
		if ((p = scan_value(s, p)) == NULL)
			return NULL;
		m.raw.n = (size_t)(p - m.raw.p);
		if (top != NULL)
			list_add(top, scan_arena(s), &m);
		more = scan_comma(s, &p, '}');
	}
	if (more == -1 || !all_differ(s->keys + base, s->nkeys - base))
		return NULL;
	s->nkeys = base;
	s->depth--;
	return p;
}

static const char *
scan_array(struct scan *s, const char *p)
{
	int more = 1;

	if (++s->depth > DEPTH_MAX)
		return NULL;
	p = jlex_ws(p + 1, s->end);
	if (p < s->end && *p == ']') {
		more = 0;
		p++;
	}
	while (more == 1) {
		if ((p = scan_value(s, p)) == NULL)
			return NULL;
		more = scan_comma(s, &p, ']');
	}
	s->depth--;
	return more == 0 ? p : NULL;
}

static const char *
scan_value(struct scan *s, const char *p)
{
	bool escaped;

	if (p == s->end || ++s->values > VALUES_MAX)
		return NULL;
	switch (*p) {
	case '"':
		return jlex_string(p + 1, s->end, &escaped);
	case '{':
		return scan_object(s, p, NULL);
	case '[':
		return scan_array(s, p);
	case 't':
		return scan_word(p, s->end, "true", 4);
	case 'f':
		return scan_word(p, s->end, "false", 5);
	case 'n':
		return scan_word(p, s->end, "null", 4);
	default:
		return jlex_number(p, s->end);
	}
}

/* The whole text is one value; with `top` it is an object. */
static bool
scan_all(struct str in, struct arena *a, struct list *top)
{
	const char *p;
	struct scan s;
	bool ok;

	if (in.n == 0)
		return false;
	s.end = in.p + in.n;
	s.a = a;
	s.own_arena = false;
	s.depth = 0;
	s.values = top != NULL ? 0 : -1; /* the outermost is not counted */
	s.keys = s.few;
	s.nkeys = 0;
	s.maxkeys = KEYS_FEW;
	p = jlex_ws(in.p, s.end);
	if (top != NULL)
		p = p < s.end && *p == '{' ? scan_object(&s, p, top) : NULL;
	else
		p = scan_value(&s, p);
	ok = p != NULL && jlex_ws(p, s.end) == s.end;
	if (s.own_arena)
		arena_free(s.a);
	return ok;
}

int
jscan_event(struct str in, struct arena *a, struct jmember **out)
{
	struct list top = { .max = 0 };

	if (!scan_all(in, a, &top))
		return -1;
	*out = top.v != NULL ? top.v : ARENA_NEW(a, struct jmember);
	return (int)top.n;
}

int
jscan_object(
    struct str in, struct arena *a, struct jmember **out, struct err *e)
{
	int n = jscan_event(in, a, out);

	return n == -1 ?
	    err_set(e, ERR_BAD_JSON, "Invalid JSON in request body") :
	    n;
}

int
jscan_value(struct str in, struct arena *a, struct err *e)
{
	return scan_all(in, a, NULL) ?
	    0 :
	    err_set(e, ERR_BAD_JSON, "Invalid JSON in request body");
}

bool
jscan_is_object(struct str in)
{
	const char *p = in.n == 0 ? NULL : jlex_ws(in.p, in.p + in.n);

	return p != NULL && p < in.p + in.n && *p == '{' &&
	    scan_all(in, NULL, NULL);
}

static struct str
without_blanks(struct str s)
{
	const char *p, *end;

	if (s.n == 0)
		return s;
	end = s.p + s.n;
	p = jlex_ws(s.p, end);
	while (end > p && memchr(" \t\r\n", end[-1], 4) != NULL)
		end--;
	return (struct str){ p, (size_t)(end - p) };
}

struct str
jscan_sole_object(struct str in, size_t max)
{
	struct str s = without_blanks(in);

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = without_blanks((struct str){ s.p + 1, s.n - 2 });
	return s.n <= max && jscan_is_object(s) ? s : STR_NONE;
}

struct str
jscan_get(const struct jmember *v, int n, const char *key)
{
	int i;

	for (i = 0; i < n; i++)
		if (str_is(v[i].key, key))
			return v[i].raw;
	return STR_NONE;
}
