#ifndef TESTS_HTTP_CERTIFICATE_H
#define TESTS_HTTP_CERTIFICATE_H

enum certificate_key { KEY_NONE, KEY_OWN, KEY_FOREIGN };

/* A file with a certificate of its own making, and perhaps a key; PEM. */
void certificate_write(const char *path, enum certificate_key);

#endif
