#ifndef PROVIDER_PLACE_H
#define PROVIDER_PLACE_H

#include "provider/provider.h"

/* One provider on its way in. */
struct load {
	const struct conf *conf;
	const struct provider *row;          /* or NULL */
	const struct conf_provider *section; /* or NULL; not both */
	struct str env;                      /* "LLM_X_AI_" */
	const char *where; /* "llmgw.conf:12", of the section */
	struct arena *arena;
	struct upstream *u;
	const struct llm_scale *scale;
	/*
	 * An organisation's own key: its options instead of the environment,
	 * "region" for what LLM_<P>_REGION says.  Absent: none.
	 */
	struct str options;
	bool own;
};

static inline bool
given(const char *text)
{
	return text != NULL && *text != '\0';
}

/* A variable that is set to something, or NULL; the first, of this provider. */
const char *place_variable(const struct load *, const char *name);
const char *place_env(const struct load *, const char *whole_name);

/* Hosts that need no https: for own keys those that the operator listed. */
struct str place_insecure(const struct load *);

/*
 * Call fn for each variable LLM_<P>_API_KEY__<REGION>, with the region as
 * clients write it ("us-east5"); -1 as soon as fn says so.
 */
typedef int place_region_fn(
    void *arg, struct str region, const char *key, struct err *);
int place_each_region(
    const struct load *, place_region_fn *, void *arg, struct err *);

/*
 * Where a provider is: base_url and path of the upstream, checked.  A provider
 * that nobody gave a base URL keeps none, which is an error only in a section
 * of the operator's own.
 */
int place_base(const struct load *, struct err *);
int place_path(const struct load *, struct err *);
/*
 * A way for responses beside that of chats: for those who have it, and for
 * models that are served by nothing else.
 */
void place_responses(const struct load *);
/* A way for embeddings beside that of chats, where OpenAI's API has it. */
void place_embed(const struct load *);
/*
 * Ways for images: endpoints of their own for models that only draw, where the
 * provider has them, and chats for those that draw in chats.
 */
void place_images(const struct load *);

#endif
