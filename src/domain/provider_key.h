#ifndef DOMAIN_PROVIDER_KEY_H
#define DOMAIN_PROVIDER_KEY_H

#include "base/secret.h"
#include "domain/catalog.h"
#include "domain/principal.h"

/*
 * Own keys of organisations at rest: rows of table provider_key.  A key is
 * sealed together with its row's id, organisation and provider, and so opens
 * in that row only; whoever changes one of these seals anew.
 */
struct str provider_key_seal(const struct secret *master, struct str secret,
    struct str id, struct str org, struct str provider, struct arena *);
bool provider_key_open(const struct secret *master, const struct own_key *,
    struct str org, struct secret *out);

/*
 * "sk-…abcd"; of an account or an access key what names it, which is no secret;
 * in the arena.
 */
struct str provider_key_mask(struct str secret, struct arena *);

/*
 * By which the health of the key is known (store/health.h).  Sealed anew it has
 * another: what was held against it is forgotten.
 */
uint64_t provider_key_mark(struct str id, struct str sealed);

/*
 * models[] of a custom provider: [{"model", "context", "max_output",
 * "input_price", "output_price"}], prices in USD per million tokens.  How
 * many, or -1 with ERR_BAD_PARAM.  Members that are absent: 8192, 4096, 0.
 */
struct own_model {
	struct str model;
	int64_t context, max_output;
	struct prices prices;
};
#define OWN_MODELS_MAX 500
extern const struct own_model own_model_usual;
int provider_key_models(
    struct str raw, struct arena *, struct own_model **, struct err *);

#endif
