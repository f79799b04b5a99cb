#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "json/jtext.h"
#include "json/jw.h"

/* The escape of a byte below 0x80 that cannot stand in a string. */
static void
put_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char raw[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	char u[] = "\\u0000";
	const char *at;

	if (c != '\0' && (at = strchr(raw, c)) != NULL) {
		u[1] = letters[at - raw];
		buf_add(b, (struct str){ u, 2 });
		return;
	}
	u[4] = hex[c >> 4];
	u[5] = hex[c & 15];
	buf_add(b, (struct str){ u, 6 });
}

static void
put_escaped(struct buf *b, struct str s)
{
	const char *p = s.p, *from = p, *end = s.n == 0 ? p : p + s.n;
	size_t n;

	buf_addc(b, '"');
	while ((p = jtext_plain(p, end)) < end) {
		if ((unsigned char)*p >= 0x80 && (n = utf8_length(p, end)) > 0) {
			p += n;
			continue;
		}
		buf_add(b, (struct str){ from, (size_t)(p - from) });
		if ((unsigned char)*p < 0x80)
			put_escape(b, (unsigned char)*p);
		else
			buf_add(b, STR("\xef\xbf\xbd"));
		from = ++p;
	}
	buf_add(b, (struct str){ from, (size_t)(end - from) });
	buf_addc(b, '"');
}

/*
 * Comma and key before any value, and room for n bytes of the value, whose place
 * is returned; NULL: the buffer is full.
 */
static char *
lead(struct jw *w, const char *key, size_t n)
{
	uint64_t bit = UINT64_C(1) << w->depth;
	bool comma = (w->has_item & bit) != 0;
	size_t len = key == NULL ? 0 : strlen(key);
	char *p;

	assert(((w->is_obj & bit) != 0) == (key != NULL));
	w->has_item |= bit;
	if ((p = buf_ready(w->out, len + n + 4)) == NULL)
		return NULL;
	if (comma)
		*p++ = ',';
	if (key != NULL) {
		*p++ = '"';
		memcpy(p, key, len);
		p += len;
		*p++ = '"';
		*p++ = ':';
	}
	buf_took(w->out, p);
	return p;
}

static void
open_level(struct jw *w, const char *key, bool obj)
{
	uint64_t bit;

	lead(w, key, 1);
	buf_addc(w->out, obj ? '{' : '[');
	assert(w->depth < 63);
	bit = UINT64_C(1) << ++w->depth;
	w->is_obj = obj ? w->is_obj | bit : w->is_obj & ~bit;
	w->has_item &= ~bit;
}

void
jw_obj(struct jw *w, const char *key)
{
	open_level(w, key, true);
}

void
jw_arr(struct jw *w, const char *key)
{
	open_level(w, key, false);
}

void
jw_end(struct jw *w)
{
	assert(w->depth > 0);
	buf_addc(w->out, w->is_obj & UINT64_C(1) << w->depth ? '}' : ']');
	w->depth--;
}

void
jw_raw(struct jw *w, const char *key, struct str json)
{
	char *p;

	if (json.n == 0)
		json = STR("null");
	if ((p = lead(w, key, json.n)) == NULL)
		return;
	memcpy(p, json.p, json.n);
	buf_took(w->out, p + json.n);
}

void
jw_str(struct jw *w, const char *key, struct str s)
{
	const char *end = s.n == 0 ? s.p : s.p + s.n;
	char *p = lead(w, key, s.n + 2);

	if (p == NULL || jtext_plain(s.p, end) != end) {
		put_escaped(w->out, s);
		return;
	}
	*p++ = '"';
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '"';
	buf_took(w->out, p + s.n + 1);
}

void
jw_strc(struct jw *w, const char *key, const char *s)
{
	jw_str(w, key, str_from(s));
}

/* Write the digits so that they end at `end`; return the first. */
static char *
digits(uint64_t v, char *end)
{
	do
		*--end = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	return end;
}

static uint64_t
magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

void
jw_int(struct jw *w, const char *key, int64_t v)
{
	char tmp[24], *end = tmp + sizeof(tmp), *p;

	p = digits(magnitude(v), end);
	if (v < 0)
		*--p = '-';
	jw_raw(w, key, (struct str){ p, (size_t)(end - p) });
}

void
jw_time(struct jw *w, const char *key, int64_t wall_ms)
{
	char text[CLOCK_TEXT];

	if (wall_ms == 0) {
		jw_null(w, key);
		return;
	}
	clock_text(wall_ms, text);
	jw_strc(w, key, text);
}

void
jw_nano(struct jw *w, const char *key, int64_t nano)
{
	const uint64_t unit = 1000000000;
	char tmp[32], *end = tmp + sizeof(tmp), *p, *dot;
	uint64_t v = magnitude(nano), part = v % unit;

	if (part > 0) {
		dot = end - 10;
		p = digits(part, end);
		while (p > dot + 1)
			*--p = '0';
		*dot = '.';
		while (end[-1] == '0')
			end--;
	} else
		dot = end;
	p = digits(v / unit, dot);
	if (nano < 0)
		*--p = '-';
	jw_raw(w, key, (struct str){ p, (size_t)(end - p) });
}

/* The shortest spelling that reads back as the same double. */
void
jw_num(struct jw *w, const char *key, double v)
{
	char tmp[32];
	int n;

	if (!isfinite(v)) {
		jw_null(w, key);
		return;
	}
	if (v == trunc(v) && fabs(v) < 1e15) {
		jw_int(w, key, (int64_t)v);
		return;
	}
	for (n = 6; n <= 17; n++) {
		snprintf(tmp, sizeof(tmp), "%.*g", n, v);
		if (strtod(tmp, NULL) == v)
			break;
	}
	jw_raw(w, key, str_from(tmp));
}

void
jw_bool(struct jw *w, const char *key, bool v)
{
	jw_raw(w, key, v ? STR("true") : STR("false"));
}

void
jw_null(struct jw *w, const char *key)
{
	jw_raw(w, key, STR("null"));
}

void
jw_node(struct jw *w, const char *key, struct json_object *node)
{
	const char *s;
	size_t n;

	s = json_object_to_json_string_length(
	    node, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
	jw_raw(w, key, (struct str){ s, n });
}
