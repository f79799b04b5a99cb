#include "base/arena.h"
#include "base/hash.h"
#include "base/rand.h"
#include "room.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* FIPS 180-2 and RFC 4231, cases 1, 2 and 6. */
START_TEST(known)
{
	unsigned char d[HASH_SIZE], key[131];
	char hex[2 * HASH_SIZE + 1];

	hash_sha256(STR("abc"), d);
	hash_hex(d, sizeof(d), hex);
	ck_assert_str_eq(hex, ABC);

	memset(key, 0x0b, 20);
	hash_hmac((struct str){ (char *)key, 20 }, STR("Hi There"), d);
	hash_hex(d, sizeof(d), hex);
	ck_assert_str_eq(hex,
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	hash_hmac(STR("Jefe"), STR("what do ya want for nothing?"), d);
	hash_hex(d, sizeof(d), hex);
	ck_assert_str_eq(hex,
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hash_hmac((struct str){ (char *)key, sizeof(key) },
	    STR("Test Using Larger Than Block-Size Key - Hash Key First"), d);
	hash_hex(d, sizeof(d), hex);
	ck_assert_str_eq(hex,
	    "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
}
END_TEST

START_TEST(hex)
{
	unsigned char out[3] = { 0 };

	ck_assert(hash_unhex(STR("00fFa1"), out, 3));
	ck_assert(memcmp(out, "\x00\xff\xa1", 3) == 0);
	ck_assert(!hash_unhex(STR("00ffa"), out, 3));
	ck_assert(!hash_unhex(STR("00ffa1b2"), out, 3));
	ck_assert(!hash_unhex(STR("00ff g"), out, 3));
	ck_assert(!hash_unhex(STR_NONE, out, 3));
	ck_assert(hash_equal("abc", "abd", 2));
	ck_assert(!hash_equal("abc", "abd", 3));
}
END_TEST

/* The definition, a bit at a time. */
static uint32_t
crc_slow(struct str s)
{
	uint32_t crc = ~UINT32_C(0);

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int b = 0; b < 8; b++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

START_TEST(crc)
{
	unsigned char bytes[200];
	struct str s = { (char *)bytes, 0 };

	ck_assert_uint_eq(hash_crc32c(STR("123456789")), 0xe3069283);
	ck_assert_uint_eq(hash_crc32c(STR_NONE), 0);
	rand_bytes(bytes, sizeof(bytes));
	for (s.n = 0; s.n < sizeof(bytes); s.n++) {
		ck_assert_uint_eq(hash_crc32c(s), crc_slow(s));
		ck_assert_uint_eq(hash_crc32c_plain(s), crc_slow(s));
	}
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} base64[] = {
	{ "", true },
	{ "QQ==", true },
	{ "QUI=", true },
	{ "QUJD", true },
	{ "ab+/", true },
	{ "QUJDQQ==", true },
	{ "QQ", false },
	{ "QQ=", false },
	{ "Q===", false },
	{ "====", false },
	{ "=QQQ", false },
	{ "QQ=Q", false },
	{ "QQ==QUJD", false },
	{ "ab-_", false },
	{ "QU\nD", false },
};

START_TEST(is_base64)
{
	ck_assert_msg(
	    hash_is_base64(str_from(base64[_i].text)) == base64[_i].ok,
	    "\"%s\"", base64[_i].text);
}
END_TEST

CASE(case_hash)
{
	TCase *t = tcase_create("hash");

	tcase_add_test(t, known);
	tcase_add_test(t, hex);
	tcase_add_test(t, crc);
	tcase_add_loop_test(t, is_base64, 0, NROWS(base64));
	return t;
}
