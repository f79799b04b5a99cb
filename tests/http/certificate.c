#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "http/certificate.h"

void
certificate_write(const char *path, enum certificate_key which)
{
	EVP_PKEY *own = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, own);
	ck_assert_int_gt(X509_sign(x, own, EVP_sha256()), 0);
	PEM_write_X509(f, x);
	if (which != KEY_NONE)
		PEM_write_PrivateKey(f, which == KEY_OWN ? own : other, NULL,
		    NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(own);
	EVP_PKEY_free(other);
}
