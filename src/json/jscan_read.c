#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/jlex.h"
#include "json/jscan.h"

/*
 * The bytes have been checked, so this looks only at what it needs to find the
 * ends of things.  It still never leaves them, checked or not.
 */

/* The digits of the longest number whose half way to the next double counts. */
#define DIGITS_MAX 800
/* Larger exponents only say "infinite" or "nothing". */
#define EXP_MAX 1000000000

/* p is at the opening quote; return what follows the closing one, or NULL. */
static const char *
skip_string(const char *p, const char *end)
{
	const char *from = p + 1, *q, *s;

	for (p = from; p < end; p = q + 1) {
		if ((q = memchr(p, '"', (size_t)(end - p))) == NULL)
			return NULL;
		for (s = q; s > from && s[-1] == '\\'; s--)
			;
		if ((q - s) % 2 == 0)
			return q + 1;
	}
	return NULL;
}

/* p is at '{' or '['; return what follows the matching closer, or NULL. */
static const char *
skip_nested(const char *p, const char *end)
{
	int depth = 0;

	while (p != NULL && p < end) {
		switch (*p) {
		case '"':
			p = skip_string(p, end);
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return p + 1;
			break;
		default:
			break;
		}
		p++;
	}
	return NULL;
}

static const char *
skip_value(const char *p, const char *end)
{
	const char *from = p;

	if (p == end)
		return NULL;
	if (*p == '"')
		return skip_string(p, end);
	if (*p == '{' || *p == '[')
		return skip_nested(p, end);
	while (p<end && * p> ' ' && *p != ',' && *p != ']' && *p != '}')
		p++;
	return p == from ? NULL : p;
}

struct jiter
jscan_into(struct str raw)
{
	struct jiter it = { raw.p, raw.p, 0 };

	if (raw.n == 0)
		return it;
	it.end = raw.p + raw.n;
	it.p = jlex_ws(raw.p, it.end);
	if (it.p < it.end && (*it.p == '{' || *it.p == '['))
		it.close = *it.p++ == '{' ? '}' : ']';
	return it;
}

/* The same as jscan_next(); leaves `close` as it is. */
static bool
next(struct jiter *it, struct jmember *m)
{
	const char *p = jlex_ws(it->p, it->end), *end = it->end, *q;

	if (p < end && *p == ',')
		p = jlex_ws(p + 1, end);
	if (p == end || *p == it->close)
		return false;
	m->key = STR_NONE;
	if (it->close == '}') {
		if (*p != '"' || (q = skip_string(p, end)) == NULL)
			return false;
		m->key = (struct str){ p + 1, (size_t)(q - p) - 2 };
		p = jlex_ws(q, end);
		if (p == end || *p != ':')
			return false;
		p = jlex_ws(p + 1, end);
	}
	if ((q = skip_value(p, end)) == NULL)
		return false;
	m->raw = (struct str){ p, (size_t)(q - p) };
	it->p = q;
	return true;
}

bool
jscan_next(struct jiter *it, struct jmember *m)
{
	if (it->close == 0)
		return false;
	if (next(it, m))
		return true;
	it->close = 0;
	return false;
}

struct str
jscan_at(struct str raw, const char *key)
{
	struct jiter it = jscan_into(raw);
	struct str name = str_from(key);
	struct jmember m;

	if (it.close == '}')
		while (jscan_next(&it, &m))
			if (jscan_key_is(m.key, name))
				return m.raw;
	return STR_NONE;
}

/* A number of any length. */
struct digits {
	bool neg;
	bool more;   /* than kept, and not zeros */
	size_t n;    /* without zeros at either end */
	int64_t exp; /* the value is 0.DIGITS times 10 to this */
	char d[DIGITS_MAX];
};

static int64_t
exponent(const char *p, const char *end)
{
	bool neg = p < end && *p == '-';
	int64_t v = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		if (v < EXP_MAX)
			v = v * 10 + (*p - '0');
	return neg ? -v : v;
}

static bool
read_digits(struct str raw, size_t max, struct digits *to)
{
	const char *p = raw.p, *end = p == NULL ? p : p + raw.n;
	bool point = false;

	to->n = 0;
	to->exp = 0;
	to->more = false;
	if (p == NULL)
		return false;
	to->neg = p < end && *p == '-';
	p += to->neg;
	if (p == end || *p < '0' || *p > '9')
		return false;
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			return false;
		if (to->n == 0 && *p == '0') {
			to->exp -= point;
			continue;
		}
		to->exp += !point;
		if (to->n < max)
			to->d[to->n++] = *p;
		else if (*p != '0')
			to->more = true;
	}
	if (p < end)
		to->exp += exponent(p + 1, end);
	while (to->n > 0 && to->d[to->n - 1] == '0')
		to->n--;
	return true;
}

/* A number of digits alone that cannot be too large; most are such. */
static bool
plain_int(struct str raw, int64_t *out)
{
	int64_t v = 0;

	if (raw.n == 0 || raw.n > 18)
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return false;
		v = v * 10 + (raw.p[i] - '0');
	}
	*out = v;
	return true;
}

bool
jscan_int(struct str raw, int64_t *out)
{
	const uint64_t top = UINT64_C(1) << 63;
	struct digits v;
	uint64_t u = 0;
	int64_t i;

	if (plain_int(raw, out))
		return true;
	if (!read_digits(raw, 20, &v) || v.more)
		return false;
	*out = 0;
	if (v.n == 0)
		return true;
	if (v.exp > 19 || v.exp < (int64_t)v.n)
		return false;
	for (i = 0; i < v.exp; i++)
		u = u * 10 + (i < (int64_t)v.n ? (uint64_t)(v.d[i] - '0') : 0);
	if (u > top || (u == top && !v.neg))
		return false;
	*out = v.neg ? (int64_t)(0 - u) : (int64_t)u;
	return true;
}

/* strtod() wants an end, and the programs never leave the "C" locale. */
static double
long_number(const struct digits *v)
{
	char tmp[DIGITS_MAX + 40];

	snprintf(tmp, sizeof(tmp), "%s0.%.*s%se%lld", v->neg ? "-" : "",
	    (int)v->n, v->d, v->more ? "1" : "", (long long)v->exp);
	return strtod(tmp, NULL);
}

bool
jscan_num(struct str raw, double *out)
{
	char tmp[40], *end;
	struct digits v;

	size_t i;
	int64_t whole = 0;

	if (raw.n == 0 || (*raw.p != '-' && (*raw.p < '0' || *raw.p > '9')))
		return false;
	/* Counts: digits and nothing else, fewer than a double has. */
	for (i = 0; i < raw.n && i < 15 && raw.p[i] >= '0' && raw.p[i] <= '9';
	     i++)
		whole = whole * 10 + (raw.p[i] - '0');
	if (i == raw.n) {
		*out = (double)whole;
		return true;
	}
	if (raw.n < sizeof(tmp)) {
		memcpy(tmp, raw.p, raw.n);
		tmp[raw.n] = '\0';
		*out = strtod(tmp, &end);
		return end == tmp + raw.n && isfinite(*out);
	}
	if (!read_digits(raw, DIGITS_MAX, &v))
		return false;
	*out = long_number(&v);
	return isfinite(*out);
}
