#ifndef DOMAIN_CATALOG_READ_H
#define DOMAIN_CATALOG_READ_H

#include "domain/catalog.h"

/* What catalog.c, catalog_read.c and catalog_conf.c share. */

struct catalog_alias {
	struct str name;
	const struct model *model; /* NULL: several models claim it */
};

struct catalog {
	struct arena *arena; /* all of the below */
	struct str source;
	struct model **models; /* by id */
	int nmodels;
	struct catalog_alias *aliases; /* by name */
	int naliases;
	const struct model **stars; /* ids that end in '*', longest first */
	int nstars;
};

/*
 * While loading.  Strings are copied once each and shared, so that of the file
 * (300 KB) less than half stays: every program of the suite has a copy.
 */
struct catalog_load {
	struct arena *keep; /* the catalogue's */
	struct arena *work; /* ends with the load */
	struct arena *line; /* ends with the line */
	const char *file;
	int lineno;
	struct model **v; /* as they come, in work */
	int n;
	int room;
	struct str *strings; /* hash table, in work */
	struct err *e;
};

/* A copy that lives as long as the catalogue; equal strings share one. */
struct str catalog_read_keep(struct catalog_load *, struct str);
void catalog_read_add(struct catalog_load *, struct model *);
/* "file:line: " before the message. */
int catalog_read_fail(struct catalog_load *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Members of a mapping.  Absent and null give STR_NONE, 0. */
int catalog_read_text(struct catalog_load *, struct str raw, const char *what,
    bool needed, struct str *);
int catalog_read_count(
    struct catalog_load *, struct str raw, const char *what, int64_t *);
int catalog_read_size(struct str raw); /* of an array */

/* Its prices: catalog_price.c. */
int catalog_tiers(
    struct catalog_load *, struct str raw, const struct prices **, int *n);
int catalog_lists(struct catalog_load *, struct str raw, struct mapping *);
int catalog_pictures(struct catalog_load *, struct str raw, struct mapping *);
int catalog_discount(struct catalog_load *, struct str raw, int64_t *);

/* The file; source gets its first line. */
int catalog_read_file(struct catalog_load *, struct str *source);
/* The [model] sections on top of what is there. */
int catalog_conf_add(struct catalog_load *, const struct conf *);

#define CATALOG_MAPPINGS_MAX 32 /* of a model; route.h: ROUTE_MAX */
#define CATALOG_TIERS_MAX 8
#define CATALOG_ALIASES_MAX 64
#define CATALOG_MODELS_MAX 20000

#endif
