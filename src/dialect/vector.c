#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "dialect/vector.h"
#include "json/jscan.h"

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Bytes that wait until there are three of them. */
struct pack {
	struct buf *out;
	uint32_t acc;
	int n;
};

static void
pack_byte(struct pack *p, unsigned char byte)
{
	int i;

	p->acc = p->acc << 8 | byte;
	if (++p->n < 3)
		return;
	for (i = 18; i >= 0; i -= 6)
		buf_addc(p->out, letters[p->acc >> i & 63]);
	p->acc = 0;
	p->n = 0;
}

static void
pack_end(struct pack *p)
{
	int i, n = p->n;

	if (n == 0)
		return;
	p->acc <<= 8 * (3 - n);
	for (i = 0; i < 4; i++)
		buf_addc(p->out,
		    i <= n ? letters[p->acc >> (18 - 6 * i) & 63] : '=');
}

int
vector_pack(struct str array, struct buf *base64)
{
	struct pack p = { .out = base64 };
	struct jiter it;
	struct jmember m;
	uint32_t bits;
	float f;
	double v;

	if (array.n == 0 || array.p[0] != '[')
		return -1;
	for (it = jscan_into(array); jscan_next(&it, &m);) {
		if (!jscan_num(m.raw, &v))
			return -1;
		f = (float)v;
		memcpy(&bits, &f, sizeof(bits));
		pack_byte(&p, (unsigned char)bits);
		pack_byte(&p, (unsigned char)(bits >> 8));
		pack_byte(&p, (unsigned char)(bits >> 16));
		pack_byte(&p, (unsigned char)(bits >> 24));
	}
	pack_end(&p);
	return 0;
}

/* The fewest digits that read as the same float; nine are always enough. */
static int
put_float(uint32_t bits, struct buf *out)
{
	char tmp[32];
	float f;
	int digits, n = 0;

	if ((bits & 0x7f800000u) == 0x7f800000u)
		return -1; /* JSON has no word for it */
	memcpy(&f, &bits, sizeof(f));
	for (digits = 7; digits <= 9; digits++) {
		float back;

		n = snprintf(tmp, sizeof(tmp), "%.*g", digits, (double)f);
		back = strtof(tmp, NULL);
		if (memcmp(&back, &f, sizeof(f)) == 0)
			break;
	}
	buf_add(out, (struct str){ tmp, (size_t)n });
	return 0;
}

static uint32_t
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : 63;
}

int
vector_unpack(struct str s, struct buf *array)
{
	uint32_t acc = 0, bits = 0;
	int nacc = 0, nbytes = 0;
	size_t i, start;

	if (!hash_is_base64(s))
		return -1;
	buf_addc(array, '[');
	start = array->n;
	for (i = 0; i < s.n && s.p[i] != '='; i++) {
		acc = acc << 6 | value(s.p[i]);
		nacc += 6;
		if (nacc < 8)
			continue;
		nacc -= 8;
		bits = bits >> 8 | (acc >> nacc & 0xff) << 24;
		if (++nbytes < 4)
			continue;
		nbytes = 0;
		if (array->n > start)
			buf_addc(array, ',');
		if (put_float(bits, array) == -1)
			return -1;
	}
	buf_addc(array, ']');
	return nbytes == 0 ? 0 : -1;
}
