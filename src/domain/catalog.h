#ifndef DOMAIN_CATALOG_H
#define DOMAIN_CATALOG_H

#include <stdint.h>

#include "base/conf.h"
#include "llm/llm.h"

/*
 * Models, their mappings (one provider's offer of one model) and prices.  The
 * file is lines of JSON (data/catalog.ndjson, made by tools/catalog); [model]
 * sections of the configuration add to it.  Loaded once, const afterwards.
 *
 * Prices are pico-dollars per unit; NO_PRICE where the mapping has none.
 */
#define NO_PRICE INT64_C(-1)

struct prices {
	int64_t upto; /* tier: prompt tokens; INT64_MAX for the last */
	int64_t input;
	int64_t cached_input;
	int64_t cache_write;
	int64_t cache_write_1h;
	int64_t output;
	int64_t request;
	int64_t web_search;
	int64_t image_in;
	int64_t image_out;
	int64_t audio_in;
	int64_t audio_out;
	int64_t image_in_each; /* per image, in place of its tokens; or 0 */
	int64_t image_out_each;
};

/*
 * Images of a size and quality: what one costs, or of how many tokens it is.
 * Rows go from the cheap to the dear; the first that fits counts, and the last
 * where nothing is known.
 */
struct picture_price {
	int w, h;                 /* 0: any */
	enum llm_quality quality; /* AUTO: any */
	int64_t tokens;           /* 0: not known */
	int64_t each;             /* 0 or less: by the tokens */
};

/* Prices of a region, or of some hours of the day. */
struct price_list {
	struct str region; /* absent: of all of them */
	int from, to;      /* minutes of the day, UTC; equal: all of it */
	const struct prices *tiers;
	int ntiers;
};

struct model;

struct mapping {
	const struct model *model;
	struct str provider;        /* id */
	struct str upstream;        /* the provider's name for the model */
	unsigned caps;              /* LLM_CAN_*, LLM_WANTS_* */
	unsigned efforts;           /* bit per enum llm_effort */
	int64_t context;            /* tokens, 0: unknown */
	int64_t max_output;         /* tokens, 0: unknown */
	int64_t discount;           /* millionths off the prices; 0: none */
	const struct prices *tiers; /* ascending; at least one */
	int ntiers;
	const struct price_list *lists; /* the first that fits goes before */
	int nlists;
	const struct picture_price *pictures;
	int npictures;
	struct str deprecated_at; /* "2026-01-31" or absent */
	struct str deactivated_at;
	struct str stability; /* "stable", "beta", "unstable", "experimental" */
};

struct model {
	struct str id;
	struct str name;
	struct str family;
	struct str owned_by;
	struct str description;
	struct str released; /* "2024-07-18" or absent */
	struct str *aliases;
	int naliases;
	struct mapping *mappings;
	int nmappings;
	bool free;
	bool free_high; /* the larger limits of free models, api.md 15.3 */
};

struct catalog;

/*
 * `file` is the list (NULL: none); models of `conf` are added, a mapping of
 * the same model and provider replaced.  Errors name file and line.
 */
int catalog_load(
    struct catalog **, const char *file, const struct conf *, struct err *);
void catalog_free(struct catalog *);

/*
 * The list that is in force: catalog_file, else catalog.ndjson of state_dir
 * (`llmgwctl models update` puts it there), else what was installed.
 */
const char *catalog_path(const struct conf *, struct arena *);
int catalog_count(const struct catalog *);
const struct model *catalog_at(const struct catalog *, int); /* by id */
/* Source, version and licence of the list: the raw JSON of its first line. */
struct str catalog_source(const struct catalog *);

/*
 * A root id or a unique alias, or NULL.  An id that ends in '*' is found by
 * what begins with the rest of it; the longest such id counts.
 */
const struct model *catalog_find(const struct catalog *, struct str);

/*
 * The mapping whose upstream name this is, or NULL; `provider` absent: of any
 * provider, the first in the order of ids.  Walks the list: for names that are
 * no root ids only.
 */
const struct mapping *catalog_upstream(
    const struct catalog *, struct str provider, struct str name);

/*
 * Does it come from the same provider, and reason or not as the other does?  A
 * provider may offer a model in these two variants.
 */
bool mapping_alike(const struct mapping *, const struct mapping *);

/* The mapping of a model that is alike, or NULL. */
const struct mapping *catalog_mapping(
    const struct model *, const struct mapping *like);

/* Is a mapping past its end on this day ("2026-11-22")? */
bool mapping_ended(const struct mapping *, const char *today);

/* The same of being advised against. */
bool mapping_deprecated(const struct mapping *, const char *today);

/* Letters, digits and "._:/@-", 1 to 256 of them (api.md 12.1). */
bool catalog_is_name(struct str);

/* The words of LLM_CAN_* and LLM_WANTS_* bits, for files and for people. */
const char *catalog_cap_word(unsigned bit);
unsigned catalog_cap_bit(struct str word); /* 0: no such word */

/*
 * "0.15" USD per million -> 150000 pico per unit; exact, no binary floating
 * point.  `decimals` is how many of the last places the unit has: 6 for USD
 * per million to pico-dollars, 12 for USD to pico-dollars, 9 for USD to
 * nano-dollars.  -1: no decimal number, negative, or too many places.
 */
int catalog_decimal(struct str, int decimals, int64_t *out);

#endif
