#ifndef DIALECT_CHECK_H
#define DIALECT_CHECK_H

#include "json/jcheck.h"
#include "llm/llm.h"

/* What peek() does in every dialect that clients speak. */

/*
 * What the checks see on their way.  jcheck.arg points to one, or to a struct
 * that begins with one.
 */
struct check_seen {
	size_t text_not; /* of jcheck.text_bytes: data that is no text */
	size_t audio_bytes;
	size_t file_bytes;
	int images;
	int tools;          /* that the client runs */
	bool searches;      /* a web_search tool is there */
	bool finds;         /* a tool_search tool */
	const char *native; /* the first member only one dialect can say */
};

/*
 * The body, split and checked by the rules; lone surrogates are repaired
 * (trap 103).  Then all that is read in the same way everywhere is filled in.
 */
int check_body(struct llm_request *, struct jcheck *, const struct jrule *);

/* A member of the body; absent if it is null. */
struct str check_get(const struct llm_request *, const char *key);

/*
 * A search beside other tools that is not forced is a wish, else a demand;
 * looking for tools is never more than a wish (api.md 18).  The flags: this
 * tool must be called.
 */
void check_searches(struct llm_request *, const struct check_seen *,
    bool search_forced, bool find_forced);

/* What only one dialect has; the first such member is named to the client. */
int check_native(struct jcheck *, const char *member);

/* For the rules: jrule.also. */
int check_model(struct jcheck *, struct str raw);
/* A name or an identifier: no NUL in it (api.md 1.3). */
int check_word(struct jcheck *, struct str raw);
int check_management(struct jcheck *, struct str raw);
/* Data counts by its own rates, not as text. */
int check_data(struct jcheck *, struct str raw);
int check_file(struct jcheck *, struct str raw);

#endif
