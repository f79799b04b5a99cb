#ifndef PROVIDER_KEYS_H
#define PROVIDER_KEYS_H

#include "provider/provider.h"

/* Where the keys of one provider may come from, in the order of asking. */
struct key_sources {
	const char *env; /* "LLM_X_AI_API_KEY"; _FILE, credential by it too */
	const struct conf_provider *section; /* or NULL */
	const char *where;   /* of the section: "llmgw.conf:12" */
	const char *sdk_env; /* or NULL */
};

/*
 * Fill keys and nkeys from the first source that has any; none is no error.  A
 * key is at most 4096 bytes of printable ASCII without blanks, so that it can
 * stand in a header.  Errors name the source.
 */
int keys_load(struct upstream *, const struct key_sources *, struct err *);
void keys_free(struct upstream *);

#endif
