#include "base/hash.h"
#include "http/traceparent.h"

#define LENGTH 55 /* 00-<32>-<16>-<2> */

static bool
is_zero(const unsigned char *p, size_t n)
{
	unsigned char all = 0;

	while (n-- > 0)
		all |= *p++;
	return all == 0;
}

/* Hexadecimal in small letters only. */
static bool
take(struct str s, size_t at, size_t n, unsigned char *out)
{
	struct str text = { s.p + at, 2 * n };

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'F')
			return false;
	return hash_unhex(text, out, n);
}

bool
traceparent_read(struct str s, struct traceparent *out)
{
	unsigned char version, flags;

	s = str_trim(s);
	if (s.n < LENGTH || s.p[2] != '-' || s.p[35] != '-' ||
	    s.p[52] != '-' || !take(s, 0, 1, &version) ||
	    !take(s, 3, 16, out->trace) || !take(s, 36, 8, out->parent) ||
	    !take(s, 53, 1, &flags))
		return false;
	if (version == 0xff || (version == 0 && s.n != LENGTH) ||
	    (s.n > LENGTH && s.p[LENGTH] != '-'))
		return false;
	out->sampled = (flags & 1) != 0;
	return !is_zero(out->trace, 16) && !is_zero(out->parent, 8);
}
