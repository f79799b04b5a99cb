#ifndef ADMIN_OPENAPI_SCHEMA_H
#define ADMIN_OPENAPI_SCHEMA_H

#include "admin/resource.h"
#include "json/jcheck.h"

/* Schemas out of the tables by which bodies are checked. */
void openapi_rules(struct jw *, const char *key, const struct jrule *);
/* Those members of a resource that have one of these flags. */
void openapi_fields(
    struct jw *, const char *key, const struct resource *, unsigned flags);
/* Embeddings are checked by hand. */
void openapi_embeddings(struct jw *, const char *key);

/* "requestBody" up to where its schema stands, and behind it. */
void openapi_body(struct jw *);
void openapi_body_end(struct jw *);
/* In between: the same body as a form, with these files, one or several. */
void openapi_form(struct jw *, const struct jrule *, const char *const *files);

#endif
