#include <stdlib.h>
#include <sodium.h>

#include "base/hash.h"

/* libsodium needs no sodium_init() for these: they have one implementation. */

void
hash_sha256(struct str s, unsigned char out[HASH_SIZE])
{
	crypto_hash_sha256(out, (const unsigned char *)s.p, s.n);
}

void
hash_hmac(struct str key, struct str text, unsigned char out[HASH_SIZE])
{
	crypto_auth_hmacsha256_state h;

	crypto_auth_hmacsha256_init(&h, (const unsigned char *)key.p, key.n);
	crypto_auth_hmacsha256_update(
	    &h, (const unsigned char *)text.p, text.n);
	crypto_auth_hmacsha256_final(&h, out);
	sodium_memzero(&h, sizeof(h));
}

struct hash_key {
	crypto_auth_hmacsha256_state begun;
};

struct hash_key *
hash_key_new(struct str key)
{
	struct hash_key *k;

	if (sodium_init() == -1 || (k = sodium_malloc(sizeof(*k))) == NULL)
		abort();
	crypto_auth_hmacsha256_init(
	    &k->begun, (const unsigned char *)key.p, key.n);
	return k;
}

void
hash_key_free(struct hash_key *k)
{
	sodium_free(k);
}

void
hash_key_hmac(
    const struct hash_key *k, struct str text, unsigned char out[HASH_SIZE])
{
	crypto_auth_hmacsha256_state h = k->begun;

	crypto_auth_hmacsha256_update(
	    &h, (const unsigned char *)text.p, text.n);
	crypto_auth_hmacsha256_final(&h, out);
	sodium_memzero(&h, sizeof(h));
}

void
hash_mark(const unsigned char key[HASH_MARK], struct str text,
    unsigned char out[HASH_MARK])
{
	crypto_shorthash_siphashx24(
	    out, (const unsigned char *)text.p, text.n, key);
}

bool
hash_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void
hash_hex(const void *p, size_t n, char *out)
{
	sodium_bin2hex(out, 2 * n + 1, p, n);
}

bool
hash_unhex(struct str s, void *out, size_t n)
{
	size_t got;

	return s.n == 2 * n && s.p != NULL &&
	    sodium_hex2bin(out, n, s.p, s.n, NULL, &got, NULL) == 0 && got == n;
}

/* Half bytes of the reflected polynomial 0x82f63b78. */
static uint32_t
crc_plain(uint32_t crc, const unsigned char *p, size_t n)
{
	static const uint32_t half[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede,
		0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4,
		0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };

	for (; n > 0; n--) {
		crc ^= *p++;
		crc = crc >> 4 ^ half[crc & 15];
		crc = crc >> 4 ^ half[crc & 15];
	}
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc_fast(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t c = crc, eight;

	for (; n >= sizeof(eight); n -= sizeof(eight)) {
		memcpy(&eight, p, sizeof(eight));
		c = __builtin_ia32_crc32di(c, eight);
		p += sizeof(eight);
	}
	crc = (uint32_t)c;
	for (; n > 0; n--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}

static bool
have_fast(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
#define crc_fast crc_plain
#define have_fast() false
#endif

uint32_t
hash_crc32c_plain(struct str s)
{
	return ~crc_plain(~UINT32_C(0), (const unsigned char *)s.p, s.n);
}

uint32_t
hash_crc32c(struct str s)
{
	if (!have_fast())
		return hash_crc32c_plain(s);
	return ~crc_fast(~UINT32_C(0), (const unsigned char *)s.p, s.n);
}

static bool
is_digit64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool
hash_is_base64(struct str s)
{
	if (s.n % 4 != 0)
		return false;
	if (s.n > 0 && s.p[s.n - 1] == '=')
		s.n--;
	if (s.n % 4 == 3 && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit64(s.p[i]))
			return false;
	return true;
}
