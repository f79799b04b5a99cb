#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "http/tls.h"

static FILE *
open_file(const char *path, struct err *e)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		err_set(
		    e, ERR_CONFIG, "cannot read %s: %s", path, strerror(errno));
	return f;
}

/* A key that asks for a password is of no use to a program. */
static int
no_password(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

static X509 *
read_certificate(FILE *f)
{
	X509 *x = PEM_read_X509(f, NULL, no_password, NULL);

	ERR_clear_error();
	return x;
}

int
tls_check_ca(const char *path, struct err *e)
{
	X509 *x;
	FILE *f;

	if (path == NULL || *path == '\0')
		return 0;
	if ((f = open_file(path, e)) == NULL)
		return -1;
	x = read_certificate(f);
	fclose(f);
	X509_free(x);
	return x != NULL ?
	    0 :
	    err_set(e, ERR_CONFIG, "%s holds no certificate (PEM)", path);
}

int
tls_check_certificate(const char *path, struct err *e)
{
	const char *lacks = NULL;
	EVP_PKEY *key;
	X509 *x;
	FILE *f;

	if (path == NULL || *path == '\0')
		return 0;
	if ((f = open_file(path, e)) == NULL)
		return -1;
	x = read_certificate(f);
	rewind(f);
	key = PEM_read_PrivateKey(f, NULL, no_password, NULL);
	fclose(f);
	if (x == NULL)
		lacks = "no certificate (PEM)";
	else if (key == NULL)
		lacks = "no key without a password (PEM)";
	else if (X509_check_private_key(x, key) != 1)
		lacks = "a key of another certificate";
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return lacks == NULL ?
	    0 :
	    err_set(e, ERR_CONFIG, "%s holds %s", path, lacks);
}
