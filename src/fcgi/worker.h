#ifndef FCGI_WORKER_H
#define FCGI_WORKER_H

#include "pipeline/endpoint.h"

/*
 * Serve the endpoints of a program until told to stop; returns an exit status
 * (sysexits.h).  FastCGI if descriptor 0 listens, plain CGI if REQUEST_METHOD
 * is set, else the usage text.
 *
 *	-c FILE	    configuration (else LLMGW_CONF, else the installed place)
 *	--test	    is the configuration good?  0, or 78 with the reason
 *	--version
 */
int worker_main(int argc, char *argv[], const struct program *);

#endif
