#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/*
 * A view of bytes somebody else owns.  Never freed, never NUL-terminated by
 * contract; it lives exactly as long as what it points into (usually the
 * request arena).  { NULL, 0 } means "absent", which differs from "".
 */
struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
#define STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

/* The rows of an array. */
#define NROWS(t) (sizeof(t) / sizeof((t)[0]))

static inline struct str
str_from(const char *c)
{
	return c == NULL ? STR_NONE : (struct str){ c, strlen(c) };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n &&
	    (a.n == 0 || (*a.p == *b.p && memcmp(a.p, b.p, a.n) == 0));
}

static inline bool
str_is(struct str a, const char *c)
{
	/* Names are looked up in tables: most differ in their first byte. */
	if (c == NULL || a.n == 0 || *a.p != *c)
		return a.n == 0 && (c == NULL || *c == '\0');
	return str_eq(a, str_from(c));
}

/* The same without regard to ASCII case. */
static inline bool
str_is_nocase(struct str a, const char *c)
{
	return a.n == strlen(c) && strncasecmp(a.p, c, a.n) == 0;
}

static inline bool
str_starts(struct str a, const char *c)
{
	size_t n = strlen(c);

	return a.n >= n && memcmp(a.p, c, n) == 0;
}

/* Less than 0, 0 or more, as memcmp; a prefix comes before what it begins. */
static inline int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

/* What is left without the blanks and tabs around it. */
/* At most max bytes of it, not cut inside a character of UTF-8. */
static inline struct str
str_cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	s.n = max;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static inline struct str
str_trim(struct str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Into an array of `size` bytes, with a NUL behind it; what is longer is cut. */
static inline void
str_copy(char *to, size_t size, struct str s)
{
	size_t n = s.n < size ? s.n : size - 1;

	if (n > 0)
		memcpy(to, s.p, n);
	to[n] = '\0';
}

/*
 * Take what comes before the first `sep` off the front of *rest; without one
 * take all and leave *rest absent.
 */
static inline struct str
str_split(struct str *rest, char sep)
{
	const char *q = rest->n == 0 ? NULL : memchr(rest->p, sep, rest->n);
	struct str first = *rest;

	if (q == NULL) {
		*rest = STR_NONE;
		return first;
	}
	first.n = (size_t)(q - first.p);
	*rest = (struct str){ q + 1, rest->n - first.n - 1 };
	return first;
}

#endif
