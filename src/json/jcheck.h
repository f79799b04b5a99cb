#ifndef JSON_JCHECK_H
#define JSON_JCHECK_H

#include <stdint.h>

#include "json/jscan.h"

/*
 * Checks a JSON value against a table: types, ranges, words, required members,
 * and tells the first fault in document order with its path
 * ("messages[2].content").  Works on the raw bytes, builds nothing.  The value
 * must have passed jscan_object() before: grammar is not checked again.
 *
 * An optional member that is null counts as absent; members that no rule names
 * are let through.  What is missing is told where its object ends.
 */
enum {
	JT_STR = 1u << 0,
	JT_NUM = 1u << 1,
	JT_INT = 1u << 2, /* 5, 5.0; not 5.5; at most 2^53 */
	JT_BOOL = 1u << 3,
	JT_OBJ = 1u << 4,
	JT_ARR = 1u << 5,
	JT_NULL = 1u << 6, /* null of its own meaning, even if required */
	JT_ANY = 0
};

struct jrule;

/* What an object must look like, chosen by its member `type`. */
struct jvariant {
	const char *word; /* value of "type"; NULL ends the table */
	const struct jrule *members;
	unsigned mark; /* set in jcheck.marks if such an object was seen */
};

struct jcheck;

/* A table has at most 64 required members. */
struct jrule {
	const char *name; /* NULL ends the table; "*": of an array's elements,
			     in a table of members: of all not named above */
	unsigned types;
	bool required;
	double min, max;   /* of a number, of a string's bytes, of an array's
			    elements (and then not of a string's bytes);
			    both 0: no range; max below min: no maximum */
	const char *words; /* "auto|none|required" for strings */
	const struct jrule *members; /* of an object */
	const struct jrule *items;   /* one rule for each element of an array */
	const struct jvariant *variants; /* of an object, by its "type" */
	const struct jvariant *unknown;  /* set: other types are let through,
					    with this for theirs */
	const struct jvariant *untyped; /* set: for objects without a type */
	unsigned mark; /* set in jcheck.marks when the member is there */
	/* A check of its own, after all others: 0, or -1 with jcheck_fail(). */
	int (*also)(struct jcheck *, struct str raw);
};

#define JCHECK_PATH_MAX 512

struct jcheck {
	unsigned marks;
	size_t text_bytes; /* of all strings that a rule is about, raw */
	void *arg;         /* for the `also` functions */
	struct arena *arena;
	struct err *err;
	char path[JCHECK_PATH_MAX]; /* longer ones are cut */
	size_t npath;
};

/*
 * 0, or -1 with ERR_BAD_PARAM, message "Invalid request parameters: <path>:
 * <reason>" and err->param (in the arena).
 */
int jcheck_members(
    struct jcheck *, const struct jmember *, int n, const struct jrule *);

/* Report a fault at the current path; returns -1. */
int jcheck_fail(struct jcheck *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for a member below it: "name" or "[3]". */
int jcheck_fail_at(struct jcheck *, const char *below, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
