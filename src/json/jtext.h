#ifndef JSON_JTEXT_H
#define JSON_JTEXT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/*
 * The two inner loops of everything that reads or writes JSON strings.  Most
 * bytes of a chat are plain ASCII text, so eight of them are tested at once.
 */

/*
 * The high bit of the lowest byte that is a quote, a backslash, a control
 * character or not ASCII is set; bits above that one mean nothing, because
 * the subtractions carry upwards.
 */
static inline uint64_t
jtext_odd(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t quote = (x ^ ones * '"') - ones;
	uint64_t slash = (x ^ ones * '\\') - ones;

	return (quote | slash | (x - ones * 0x20) | x) & ones << 7;
}

/* The first byte that cannot stand in a JSON string as it is, or end. */
static inline const char *
jtext_plain(const char *p, const char *end)
{
	uint64_t x;

	for (; end - p >= 8; p += 8) {
		memcpy(&x, p, 8);
		x = jtext_odd(le64toh(x));
		if (x != 0)
			return p + (__builtin_ctzll(x) >> 3);
	}
	while (p < end && (unsigned char)*p - 0x20u < 0x60 && *p != '"' &&
	    *p != '\\')
		p++;
	return p;
}

/*
 * The length of the UTF-8 sequence at p, which begins with a byte from 0x80
 * up; 0 if it is cut off, too long for its value, a surrogate or past U+10FFFF
 * (RFC 3629, section 4).
 */
static inline size_t
jtext_utf8(const char *at, const char *end)
{
	const unsigned char *p = (const unsigned char *)at;
	size_t left = (size_t)(end - at), n;
	unsigned char lo = 0x80, hi = 0xbf;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (left < n || p[1] < lo || p[1] > hi)
		return 0;
	if (n > 2 && (p[2] & 0xc0) != 0x80)
		return 0;
	return n > 3 && (p[3] & 0xc0) != 0x80 ? 0 : n;
}

#endif
