#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Thin over libsodium; nothing here can fail.  Not libcrypto: OpenSSL 3 looks
 * an algorithm up under a lock on each one-shot call, so that an HMAC of one
 * key takes 1.5 us there and 1.0 us here.
 */

#define HASH_SIZE 32

void hash_sha256(struct str, unsigned char out[HASH_SIZE]);
void hash_hmac(struct str key, struct str text, unsigned char out[HASH_SIZE]);

/*
 * The key of many HMACs, prepared once: half the work of hash_hmac().  It is as
 * secret as the key and lives in locked memory.
 */
struct hash_key;
struct hash_key *hash_key_new(struct str key);
void hash_key_free(struct hash_key *);
void hash_key_hmac(
    const struct hash_key *, struct str text, unsigned char out[HASH_SIZE]);

/*
 * 128 bits of SipHash: a mark by which a process knows a secret text again that
 * it has seen, an eighth of the work of an HMAC.  The key is random and never
 * leaves the process.
 */
#define HASH_MARK 16
void hash_mark(const unsigned char key[HASH_MARK], struct str text,
    unsigned char out[HASH_MARK]);

/* Same bytes?  Takes the same time whatever the answer. */
bool hash_equal(const void *, const void *, size_t n);

/* Lower-case hexadecimal, 2n + 1 bytes with the NUL. */
void hash_hex(const void *, size_t n, char *out);
/* The n bytes behind 2n hexadecimal digits; false if it is no such text. */
bool hash_unhex(struct str, void *out, size_t n);

/* CRC-32C (Castagnoli), as in the spool's records. */
uint32_t hash_crc32c(struct str);
/* The same without help of the processor. */
uint32_t hash_crc32c_plain(struct str);

/* Is this standard base64, padding included?  "" is. */
bool hash_is_base64(struct str);

#endif
