#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "http/url.h"
#include "provider/sigv4.h"

#define CANONICAL_MAX ((size_t)256 * 1024)
#define DATE_DIGITS 8

void
sigv4_date(int64_t now, char out[SIGV4_DATE_SIZE])
{
	time_t t = (time_t)now;
	struct tm tm;

	gmtime_r(&t, &tm);
	if (strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		out[0] = '\0';
}

static void
add_hash(struct str s, struct buf *out)
{
	unsigned char h[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];

	hash_sha256(s, h);
	hash_hex(h, sizeof(h), hex);
	buf_add(out, str_from(hex));
}

/* --- path --- */

/* Take the last segment away again. */
static void
drop_segment(struct buf *b, size_t from)
{
	while (b->n > from && b->p[--b->n] != '/')
		;
}

/* Each segment is encoded once more than on the wire. */
static void
add_path(const struct sigv4 *s, struct buf *out)
{
	struct str rest = s->path, one;
	size_t from = out->n;
	bool last_is_empty = false;

	if (rest.n > 0 && *rest.p == '/') {
		rest.p++;
		rest.n--;
	}
	while (rest.p != NULL && s->path.n > 0) {
		one = str_split(&rest, '/');
		last_is_empty = one.n == 0;
		if (!s->keep_path &&
		    (one.n == 0 || str_is(one, ".") || str_is(one, ".."))) {
			if (str_is(one, ".."))
				drop_segment(out, from);
			continue;
		}
		buf_addc(out, '/');
		url_segment(out, one);
	}
	if (out->n == from || (last_is_empty && !s->keep_path))
		buf_addc(out, '/');
}

/* --- query --- */

/* By name, then by value. */
static int
by_text(const void *x, const void *y)
{
	struct str a = *(const struct str *)x, b = *(const struct str *)y;
	int c = str_cmp(str_split(&a, '='), str_split(&b, '='));

	return c != 0 ? c : str_cmp(a, b);
}

static int
count(struct str list, char sep)
{
	int n = 0;

	while (list.p != NULL) {
		str_split(&list, sep);
		n++;
	}
	return n;
}

static bool
is_encoded(struct str s)
{
	unsigned char c;

	return s.n >= 3 && *s.p == '%' &&
	    hash_unhex((struct str){ s.p + 1, 2 }, &c, 1);
}

/* What is encoded already stays so. */
static void
add_encoded(struct str s, struct buf *out)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (is_encoded((struct str){ s.p + i, s.n - i }))
			buf_addc(out, '%');
		else
			url_segment(out, (struct str){ s.p + i, 1 });
}

static void
add_query(const struct sigv4 *s, struct arena *a, struct buf *out)
{
	struct str *v =
	    arena_zalloc(a, (size_t)count(s->query, '&') * sizeof(*v) + 1);
	struct str rest = s->query, value, name;
	struct buf one = BUF_LIMIT(CANONICAL_MAX);
	size_t i, n = 0;

	while (rest.p != NULL) {
		value = str_split(&rest, '&');
		if (value.n == 0)
			continue;
		name = str_split(&value, '=');
		buf_clear(&one);
		add_encoded(name, &one);
		buf_addc(&one, '=');
		add_encoded(value, &one);
		v[n++] = arena_dup(a, buf_str(&one));
	}
	buf_free(&one);
	qsort(v, n, sizeof(*v), by_text);
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, '&');
		buf_add(out, v[i]);
	}
}

/* --- headers --- */

struct header {
	struct str name; /* in lower case */
	struct str value;
	int at; /* place in the caller's list: equal names keep their order */
};

static int
by_name(const void *x, const void *y)
{
	const struct header *a = x, *b = y;
	int c = str_cmp(a->name, b->name);

	return c != 0 ? c : a->at - b->at;
}

static struct header *
sort_headers(const struct sigv4 *s, struct arena *a)
{
	struct header *v =
	    arena_zalloc(a, (size_t)s->nheaders * sizeof(*v) + 1);
	struct str value;
	char *p;
	size_t k;
	int i;

	for (i = 0; i < s->nheaders; i++) {
		value = s->headers[i];
		v[i].name = str_trim(str_split(&value, ':'));
		v[i].value = str_trim(value);
		v[i].at = i;
		p = arena_cstr(a, v[i].name);
		for (k = 0; k < v[i].name.n; k++)
			if (p[k] >= 'A' && p[k] <= 'Z')
				p[k] = (char)(p[k] | 0x20);
		v[i].name.p = p;
	}
	qsort(v, (size_t)s->nheaders, sizeof(*v), by_name);
	return v;
}

/* Runs of blanks count as one. */
static void
add_folded(struct str s, struct buf *out)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] != ' ' || i == 0 || s.p[i - 1] != ' ')
			buf_addc(out, s.p[i]);
}

static void
add_names(const struct header *v, int n, struct buf *out)
{
	int i;

	for (i = 0; i < n; i++) {
		if (i > 0 && str_eq(v[i].name, v[i - 1].name))
			continue;
		if (i > 0)
			buf_addc(out, ';');
		buf_add(out, v[i].name);
	}
}

static void
add_headers(const struct header *v, int n, struct buf *out)
{
	int i;

	for (i = 0; i < n; i++) {
		if (i > 0 && str_eq(v[i].name, v[i - 1].name))
			buf_addc(out, ',');
		else {
			if (i > 0)
				buf_addc(out, '\n');
			buf_add(out, v[i].name);
			buf_addc(out, ':');
		}
		add_folded(v[i].value, out);
	}
	buf_add(out, STR("\n\n"));
	add_names(v, n, out);
}

/* --- signing --- */

void
sigv4_canonical(const struct sigv4 *s, struct arena *a, struct buf *out)
{
	buf_add(out, str_from(s->method));
	buf_addc(out, '\n');
	add_path(s, out);
	buf_addc(out, '\n');
	add_query(s, a, out);
	buf_addc(out, '\n');
	add_headers(sort_headers(s, a), s->nheaders, out);
	buf_addc(out, '\n');
	add_hash(s->body, out);
}

static void
add_scope(const struct sigv4 *s, struct buf *out)
{
	buf_add(out, (struct str){ s->date.p, DATE_DIGITS });
	buf_addc(out, '/');
	buf_add(out, s->region);
	buf_addc(out, '/');
	buf_add(out, s->service);
	buf_add(out, STR("/aws4_request"));
}

void
sigv4_to_sign(const struct sigv4 *s, struct str canonical, struct buf *out)
{
	buf_add(out, STR("AWS4-HMAC-SHA256\n"));
	buf_add(out, s->date);
	buf_addc(out, '\n');
	add_scope(s, out);
	buf_addc(out, '\n');
	add_hash(canonical, out);
}

static void
add_signature(const struct sigv4 *s, struct str text, struct buf *out)
{
	const struct str steps[] = { { s->date.p, DATE_DIGITS }, s->region,
		s->service, STR("aws4_request"), text };
	struct buf first = BUF_LIMIT(CANONICAL_MAX);
	unsigned char h[HASH_SIZE], next[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	struct str key;
	size_t i;

	buf_add(&first, STR("AWS4"));
	buf_add(&first, s->secret);
	key = buf_str(&first);
	for (i = 0; i < NROWS(steps); i++) {
		hash_hmac(key, steps[i], next);
		memcpy(h, next, sizeof(h));
		key = (struct str){ (const char *)h, sizeof(h) };
	}
	hash_hex(h, sizeof(h), hex);
	buf_add(out, str_from(hex));
	explicit_bzero(h, sizeof(h));
	explicit_bzero(first.p, first.n);
	buf_free(&first);
}

void
sigv4_authorize(const struct sigv4 *s, struct arena *a, struct buf *out)
{
	struct buf canonical = BUF_LIMIT(CANONICAL_MAX);
	struct buf text = BUF_LIMIT(CANONICAL_MAX);

	sigv4_canonical(s, a, &canonical);
	sigv4_to_sign(s, buf_str(&canonical), &text);
	buf_add(out, STR("AWS4-HMAC-SHA256 Credential="));
	buf_add(out, s->key_id);
	buf_addc(out, '/');
	add_scope(s, out);
	buf_add(out, STR(", SignedHeaders="));
	add_names(sort_headers(s, a), s->nheaders, out);
	buf_add(out, STR(", Signature="));
	add_signature(s, buf_str(&text), out);
	buf_free(&canonical);
	buf_free(&text);
}
