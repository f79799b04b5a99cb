#include <stdint.h>

#include "base/b64.h"
#include "base/hash.h"

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
b64_encode(struct str s, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	char four[4] = "";
	uint32_t v;
	size_t i, n;

	for (i = 0; i < s.n; i += 3) {
		n = s.n - i;
		v = (uint32_t)p[i] << 16;
		v |= n > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		v |= n > 2 ? p[i + 2] : 0;
		four[0] = letters[v >> 18];
		four[1] = letters[v >> 12 & 63];
		four[2] = n > 1 ? letters[v >> 6 & 63] : '=';
		four[3] = n > 2 ? letters[v & 63] : '=';
		buf_add(out, (struct str){ four, 4 });
	}
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
b64_decode(struct str s, struct buf *out)
{
	uint32_t v;
	char three[3];
	size_t i, n;
	int k;

	if (!hash_is_base64(s))
		return -1;
	for (i = 0; i < s.n; i += 4) {
		v = 0;
		n = 3;
		for (k = 0; k < 4; k++) {
			n -= s.p[i + (size_t)k] == '=';
			v = v << 6 |
			    (s.p[i + (size_t)k] == '=' ?
				    0 :
				    value(s.p[i + (size_t)k]));
		}
		three[0] = (char)(v >> 16);
		three[1] = (char)(v >> 8);
		three[2] = (char)v;
		buf_add(out, (struct str){ three, n });
	}
	return 0;
}
