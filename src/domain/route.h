#ifndef DOMAIN_ROUTE_H
#define DOMAIN_ROUTE_H

#include "domain/catalog.h"

/*
 * Model strings (api.md 12.1) and the mappings that may serve a request.
 * domain does not know providers: the caller says which are usable.
 */
#define ROUTE_MAX 32

struct route_world;

struct route {
	const struct route_world *world;
	struct str asked;          /* the model string; borrowed */
	bool automatic;            /* "auto": route_narrow() picks */
	const struct model *model; /* NULL: free text at a provider */
	struct str root;           /* model's id, or the free text */
	struct str provider;       /* pinned, or absent */
	struct str region;         /* pinned, or absent; borrowed */
	/* Made up for free text, and for ids that end in '*'. */
	struct mapping free_text;
	const struct mapping *found[ROUTE_MAX]; /* best first */
	int nfound;
};

/* What an organisation says of a model of its custom provider. */
struct route_custom {
	struct str provider;
	struct str model;
	int64_t context, max_output;
	const struct prices *prices;
};

struct route_world {
	const struct catalog *catalog;
	const char *today; /* "2026-11-22" */
	void *arg;
	/* Is there a provider of this id at all?  Has it a key? */
	bool (*known)(void *arg, struct str id);
	bool (*usable)(void *arg, struct str id);
	/* Does it take names that the catalogue lacks? */
	bool (*any_model)(void *arg, struct str id);
	/* Can it be asked in this region?  NULL: none can. */
	bool (*regional)(void *arg, struct str id, struct str region);
	/* What is left of a mapping's prices, in millionths.  NULL: all. */
	int64_t (*factor)(void *arg, const struct mapping *);
	/* May the key use it?  For "auto".  NULL: all. */
	bool (*allowed)(void *arg, const struct mapping *);
	/*
	 * A custom provider of this name, with out->model given; name absent:
	 * the default one, model filled in.  1, 0: there is none; -1: err.
	 * NULL: there is none.
	 */
	int (*custom)(void *arg, struct str name, struct route_custom *out,
	    struct err *);
	bool own_only; /* mode api-keys */
	const char *auto_models; /* with commas; NULL: none */
};

/*
 * Step 8 of api.md 1.7: what does the string name?  All mappings that have not
 * ended into found.  The world must live as long as the route, which may not
 * be moved: found may point into it.
 */
int route_resolve(
    struct route *, const struct route_world *, struct str model, struct err *);

/*
 * Step 11: drop the mappings that lack what the request needs; if none is
 * left, the message of api.md 18 for what the last ones lacked.  Of a
 * provider's reasoning and plain variant of a model the one that was meant
 * stays.  Then order by price.  Of "auto": route_auto().
 */
int route_narrow(struct route *, struct llm_request *, struct err *);

/* May this mapping of the route's model serve the request at all? */
bool route_serves(
    const struct route *, const struct mapping *, const struct llm_request *);

/*
 * Step 14: only those whose provider can be asked; unstable and experimental
 * ones only if nothing else is left, or if pinned.
 */
int route_usable(struct route *, const struct route_world *, struct err *);

/*
 * For "auto" (api.md 12.2): the qualifying mappings of the model that has the
 * cheapest of them, the cheapest first; it becomes the route's.  If it reasons
 * and the client gave no effort, the request gets a low one: q->brief.
 */
int route_auto(struct route *, struct llm_request *, struct err *);

/* Is this member of the request true: "free_models_only"? */
bool route_says(const struct llm_request *, const char *member);
/* Does the catalogue call it free, and has it no price of its own?  NULL: no. */
bool route_is_free(const struct model *);

/*
 * Cheapest first: (input + output) / 2 of the first tier, less discounts;
 * ties stay.  Without a world there are no discounts.
 */
void route_sort(
    const struct route_world *, const struct mapping **, int n);
/* What it sorts by, times two million; in 128 bits. */
__int128 route_price(const struct route_world *, const struct mapping *);

#endif
