#ifndef PROVIDER_QUIRK_H
#define PROVIDER_QUIRK_H

#include "provider/provider.h"

/*
 * Words of [provider] quirks=, with commas, into bits: the names of the
 * QUIRK_* constants in lower case; "none" is no bit.
 */
int quirk_parse(struct str words, unsigned *bits, struct err *);

/* More than one splice takes: plain.c applies them in several. */
#define CHANGES_MAX 64

/* A body on its way to a provider, and what is to be done to it. */
struct changes {
	const struct jmember *members;
	int nmembers;
	struct jpatch v[CHANGES_MAX];
	int n;
	struct buf *dropped; /* names, comma between them */
	unsigned says;       /* of the messages; quirk_apply()'s */
};

/* A change of this path that was asked for before stays. */
void quirk_set(struct changes *, struct str path, struct str raw);
void quirk_del(struct changes *, struct str path);
void quirk_ren(struct changes *, struct str path, struct str to);
void quirk_drop(struct changes *, const char *name); /* into the list */

/* What the provider's quirks and the model's wants make of the members. */
void quirk_apply(const struct target *, struct changes *, struct arena *);
/* The same for responses, and for embeddings. */
void quirk_responses(const struct target *, struct changes *);
void quirk_embed(const struct target *, struct changes *);

#endif
