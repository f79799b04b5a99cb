#ifndef JSON_JSCAN_H
#define JSON_JSCAN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* One member of a JSON object, as spans of the original bytes. */
struct jmember {
	struct str key; /* between the quotes */
	struct str raw; /* the value, verbatim */
};

enum jpatch_op {
	JPATCH_SET, /* replace or append */
	JPATCH_DEL,
	JPATCH_REN, /* new name, same value; dropped if that name is taken */
	JPATCH_MAP  /* the value goes through a function */
};

/*
 * One change.  The path is member names with '/' between them; "*" stands for
 * every element of an array, a number for one of them (from 0):
 * "choices/0/finish_reason".  Nothing is made on the way: only the last name
 * may be missing, and only in an object.  Elements of arrays are not renamed.
 * A patch without a path does nothing.
 */
struct jpatch {
	enum jpatch_op op;
	struct str path;
	struct str arg; /* SET: raw JSON; REN: the new last name */
	/* MAP: write the new raw value; writing nothing keeps the old one. */
	void (*map)(struct str raw, struct buf *out);
};

/* Patches that delete these members into v; how many, at most max. */
int jpatch_delete(const struct str *names, int n, struct jpatch *v, int max);

/*
 * Split an object into members without building a tree; returns how many, or
 * -1 with ERR_BAD_JSON in the words of api.md 1.3.
 *
 * Strict where laxness would let two parsers disagree about who is being asked
 * for what.  Refused: whatever RFC 8259 does not allow, text that is not UTF-8,
 * a byte-order mark, bytes after the end, numbers that no finite double is
 * near, names given twice in one object (compared unescaped, at every depth),
 * U+0000 in names, escapes in names of the top level, more than 128 objects and
 * arrays inside each other, more than 500,000 values.  Escaped lone surrogates
 * pass: see jscan_repair().
 *
 * The arena gives the array of members, and more only for objects with very
 * many members and for escaped names.
 */
int jscan_object(struct str, struct arena *, struct jmember **, struct err *);

/* The same for events of a provider, where the caller has its own words. */
int jscan_event(struct str, struct arena *, struct jmember **);

/*
 * The same checks for one value of any kind, with or without blanks around it;
 * here names of the top level may be escaped.  0 or -1.
 */
int jscan_value(struct str, struct arena *, struct err *);

/*
 * Is this one whole object, by the same checks?  What passes can be pasted into
 * other JSON (jw_raw) without reaching outside its place.
 */
bool jscan_is_object(struct str);
/*
 * The object that a document is, or the only one in its array: Gemini's
 * compatible form wraps errors so.  Absent if it is neither, is no valid JSON,
 * or is longer than max bytes.
 */
struct str jscan_sole_object(struct str, size_t max);

/* The raw value of a member, or STR_NONE. */
struct str jscan_get(const struct jmember *, int n, const char *key);

/*
 * Reading without a tree, for values that have been checked.  An iterator over
 * the members of an object or the elements of an array (key absent):
 *
 *	for (it = jscan_into(raw); jscan_next(&it, &m);)
 *
 * A raw value that is neither gives nothing.  On bytes that were not checked
 * the members mean nothing, but are always spans of `raw`.
 */
struct jiter {
	const char *p;
	const char *end;
	char close; /* 0: nothing to give */
};
struct jiter jscan_into(struct str raw);
bool jscan_next(struct jiter *, struct jmember *);

/* One member of a raw object, or STR_NONE. */
struct str jscan_at(struct str raw, const char *key);

/* A raw string's bytes between the quotes; absent if it is no string. */
static inline struct str
jscan_inner(struct str raw)
{
	if (raw.n < 2 || raw.p[0] != '"')
		return STR_NONE;
	return (struct str){ raw.p + 1, raw.n - 2 };
}

/* The same of a member of a raw object. */
static inline struct str
jscan_word(struct str raw, const char *key)
{
	return jscan_inner(jscan_at(raw, key));
}

/* Is this the name?  The key may be escaped, the name is not. */
bool jscan_key_is(struct str key, struct str name);

/*
 * The bytes of a raw string without quotes and escapes: a view into it if it
 * has no escapes, else in the arena.  Lone surrogates become U+FFFD.
 * STR_NONE if it is no string.  The text may contain U+0000.
 */
struct str jscan_text(struct str raw, struct arena *);

/* Escaped surrogates without their other half (wire.md: fatal upstream). */
bool jscan_has_lone_surrogate(struct str raw);

/*
 * The same JSON with "\ufffd" in place of each lone surrogate: the bytes given
 * if there is none, else a copy in the arena.
 */
struct str jscan_repair(struct str raw, struct arena *);

/*
 * 5, 5.0 and 5e2 are whole numbers, 5.5 is not.
 * false: no whole number, or out of range.
 */
bool jscan_int(struct str raw, int64_t *);
bool jscan_num(struct str raw, double *);
static inline bool
jscan_null(struct str raw)
{
	return raw.n == 4 && raw.p[0] == 'n';
}

/*
 * Write the members with the patches (at most JPATCH_MAX) applied; the first
 * patch of a path counts, and a patch of a value outdoes those inside it.
 * Names and values that none leads into stay as sent, byte for byte; blanks
 * around members go at the top level and next to what is changed.
 */
#define JPATCH_MAX 32
void jscan_splice(const struct jmember *, int n, const struct jpatch *,
    int npatch, struct buf *);

#endif
