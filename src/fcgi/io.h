#ifndef FCGI_IO_H
#define FCGI_IO_H

#include "pipeline/client.h"

/*
 * FastCGI connections.  The only file that knows libfcgi: it reads what the
 * web server sends; records out are our own, since libfcgi's writer blocks.
 *
 * An accepted fd is left blocking, as libfcgi wants it; whatever runs on the
 * loop thread uses MSG_DONTWAIT.
 */
void io_init(void); /* once, before threads */

/* A client on an accepted fd, which it owns from now on. */
struct client *io_open(int fd);

/* The same for plain CGI: environment, standard input and output. */
struct client *cgi_open(void);

#endif
