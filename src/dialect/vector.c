#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"
#include "dialect/vector.h"
#include "json/jscan.h"

static void
put_bits(uint32_t bits, struct buf *out)
{
	char four[4] = { (char)bits, (char)(bits >> 8), (char)(bits >> 16),
		(char)(bits >> 24) };

	buf_add(out, (struct str){ four, sizeof(four) });
}

int
vector_pack(struct str array, struct buf *base64)
{
	struct buf bytes = BUF_LIMIT(base64->limit);
	struct jiter it;
	struct jmember m;
	uint32_t bits;
	float f;
	double v;
	int rc = -1;

	if (array.n == 0 || array.p[0] != '[')
		return -1;
	for (it = jscan_into(array); jscan_next(&it, &m);) {
		if (!jscan_num(m.raw, &v))
			goto out;
		f = (float)v;
		memcpy(&bits, &f, sizeof(bits));
		put_bits(bits, &bytes);
	}
	b64_encode(buf_str(&bytes), base64);
	rc = 0;
out:
	buf_free(&bytes);
	return rc;
}

/* The fewest digits that read as the same float; nine are always enough. */
static int
put_float(uint32_t bits, struct buf *out)
{
	char tmp[32];
	float f, back;
	int digits, n = 0;

	if ((bits & 0x7f800000u) == 0x7f800000u)
		return -1; /* JSON has no word for it */
	memcpy(&f, &bits, sizeof(f));
	for (digits = 7; digits <= 9; digits++) {
		n = snprintf(tmp, sizeof(tmp), "%.*g", digits, (double)f);
		back = strtof(tmp, NULL);
		if (memcmp(&back, &f, sizeof(f)) == 0)
			break;
	}
	buf_add(out, (struct str){ tmp, (size_t)n });
	return 0;
}

static int
put_floats(struct str bytes, struct buf *array)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t i;

	if (bytes.n % 4 != 0)
		return -1;
	buf_addc(array, '[');
	for (i = 0; i < bytes.n; i += 4) {
		if (i > 0)
			buf_addc(array, ',');
		if (put_float((uint32_t)p[i] | (uint32_t)p[i + 1] << 8 |
			    (uint32_t)p[i + 2] << 16 | (uint32_t)p[i + 3] << 24,
			array) == -1)
			return -1;
	}
	buf_addc(array, ']');
	return 0;
}

int
vector_unpack(struct str base64, struct buf *array)
{
	struct buf bytes = BUF_LIMIT(array->limit);
	int rc = b64_decode(base64, &bytes);

	if (rc == 0)
		rc = put_floats(buf_str(&bytes), array);
	buf_free(&bytes);
	return rc;
}
