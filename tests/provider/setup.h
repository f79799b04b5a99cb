#ifndef TESTS_PROVIDER_SETUP_H
#define TESTS_PROVIDER_SETUP_H

#include "provider/provider.h"

/* No variable of ours or of a vendor's, whatever the shell has. */
void setup_clear(void);

/* Providers of a configuration file's text; its own settings are defaults. */
struct setup {
	struct conf conf;
	struct providers *providers;
	struct err err;
	char path[64];
};
int setup_load(struct setup *, const char *text);
void setup_free(struct setup *);

/*
 * What is sent to the provider for a client's body; the URL is written too,
 * and the headers, one a line.  All live in the arena.
 */
struct sent {
	int rc;
	const char *url;
	const char *headers;
	const char *body;
	const char *dropped;
	struct err err;
};
struct sent setup_send(struct arena *, const struct target *, const char *body);

#endif
