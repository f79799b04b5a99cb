#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "base/err.h"

/*
 * Can TLS use these files?  A transfer that finds out later fails like any
 * other.  ERR_CONFIG says what is wrong; "" and NULL are good.
 */
int tls_check_ca(const char *path, struct err *);
/* A certificate and its key, both PEM. */
int tls_check_certificate(const char *path, struct err *);

#endif
