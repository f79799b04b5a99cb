#include "json/jscan.h"

/* What stands for half a character. */
#define REPLACEMENT 0xfffdu

/* The four hex digits at p as a number, or -1. */
static int
hex4(const char *p, const char *end)
{
	int i, v = 0;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		v <<= 4;
		if (p[i] >= '0' && p[i] <= '9')
			v |= p[i] - '0';
		else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')
			v |= (p[i] | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

/*
 * p is at "\u".  Store the character, or -1 for a lone surrogate, and return
 * what follows; NULL if it is no escape.
 */
static const char *
read_u(const char *p, const char *end, int *c)
{
	int hi = hex4(p + 2, end), lo;

	if (hi == -1)
		return NULL;
	p += 6;
	*c = hi;
	if (hi < 0xd800 || hi > 0xdfff)
		return p;
	*c = -1;
	if (hi > 0xdbff || end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return p;
	lo = hex4(p + 2, end);
	if (lo < 0xdc00 || lo > 0xdfff)
		return p;
	*c = 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
	return p + 6;
}

static size_t
put_utf8(unsigned c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/*
 * p is at a backslash.  Write what it stands for, never more bytes than were
 * read, and return what follows, or NULL.
 */
static const char *
read_escape(const char *p, const char *end, char *out, size_t *n)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int c;

	if (end - p < 2 || p[1] == '\0')
		return NULL;
	if (p[1] == 'u') {
		if ((p = read_u(p, end, &c)) != NULL)
			*n = put_utf8(c < 0 ? REPLACEMENT : (unsigned)c, out);
		return p;
	}
	if ((at = strchr(letters, p[1])) == NULL)
		return NULL;
	out[0] = bytes[at - letters];
	*n = 1;
	return p + 2;
}

/* Returns how many bytes, at most in.n; unchecked input may be cut short. */
static size_t
unescape(struct str in, char *out)
{
	const char *p = in.p, *end = p + in.n, *q;
	size_t n = 0, k;

	while (p < end) {
		q = memchr(p, '\\', (size_t)(end - p));
		k = (size_t)((q == NULL ? end : q) - p);
		memcpy(out + n, p, k);
		n += k;
		if (q == NULL || (p = read_escape(q, end, out + n, &k)) == NULL)
			break;
		n += k;
	}
	return n;
}

struct str
jscan_text(struct str raw, struct arena *a)
{
	struct str in;
	char *out;

	if (raw.n < 2 || raw.p[0] != '"' || raw.p[raw.n - 1] != '"')
		return STR_NONE;
	in = (struct str){ raw.p + 1, raw.n - 2 };
	if (in.n == 0 || memchr(in.p, '\\', in.n) == NULL)
		return in;
	out = arena_zalloc(a, in.n + 1);
	return (struct str){ out, unescape(in, out) };
}

bool
jscan_key_is(struct str key, struct str name)
{
	const char *p = key.p, *end, *q;
	size_t n = 0, k;
	char tmp[4];

	/* Escapes are longer than what they stand for. */
	if (key.n <= name.n)
		return str_eq(key, name) &&
		    (key.n == 0 || memchr(key.p, '\\', key.n) == NULL);
	if (memchr(key.p, '\\', key.n) == NULL)
		return false;
	for (end = p + key.n; p < end; n += k) {
		q = memchr(p, '\\', (size_t)(end - p));
		k = (size_t)((q == NULL ? end : q) - p);
		if (k == 0 && (q = read_escape(p, end, tmp, &k)) == NULL)
			return false;
		if (k > name.n - n ||
		    memcmp(*p == '\\' ? tmp : p, name.p + n, k) != 0)
			return false;
		p = *p == '\\' ? q : p + k;
	}
	return n == name.n;
}

/* The first lone surrogate from p on, or NULL. */
static const char *
find_lone(const char *p, const char *end)
{
	const char *at;
	int c = 0;

	while (p < end && (at = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		if (end - at < 2)
			return NULL;
		if (at[1] != 'u') {
			p = at + 2;
			continue;
		}
		if ((p = read_u(at, end, &c)) == NULL)
			return NULL;
		if (c == -1)
			return at;
	}
	return NULL;
}

bool
jscan_has_lone_surrogate(struct str raw)
{
	return raw.n > 0 && find_lone(raw.p, raw.p + raw.n) != NULL;
}

struct str
jscan_repair(struct str raw, struct arena *a)
{
	const char *at, *end;
	struct str copy;
	char *out;

	if (!jscan_has_lone_surrogate(raw))
		return raw;
	out = arena_zalloc(a, raw.n + 1);
	memcpy(out, raw.p, raw.n);
	copy = (struct str){ out, raw.n };
	end = out + raw.n;
	for (at = out; (at = find_lone(at, end)) != NULL; at += 6)
		memcpy(out + (at - copy.p) + 2, "fffd", 4);
	return copy;
}
