#ifndef DOMAIN_GUARD_H
#define DOMAIN_GUARD_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Guardrails, api.md 17.1.  Rules of an organisation that hold for a project
 * become a set: databases of libvectorscan, made once, immutable, counted and
 * shared by requests.  All matching is linear in the text.
 *
 *	guard_set_make()	rules -> set; slow, never on the loop
 *	guard_scan()		one text against it
 *	guard_stream_*()	a text that comes in pieces
 */

/* In the order of strength. */
enum guard_action { GUARD_ALLOW, GUARD_WARN, GUARD_REDACT, GUARD_BLOCK };
extern const char *const guard_action_words[]; /* "allow"; NULL-terminated */

enum { GUARD_INPUT = 1, GUARD_OUTPUT = 2 };
/* "input", "output" or "both"; 0: none of them. */
unsigned guard_direction(struct str word);

/* A rule as the database has it. */
struct guard_rule {
	struct str id, name, type;
	struct str project; /* absent: of the whole organisation */
	enum guard_action action;
	unsigned direction;
	int64_t priority;
	struct str config; /* raw JSON object, or absent */
};

/*
 * Do the rule's words, patterns and addresses make sense?  ERR_BAD_PARAM says
 * what is wrong with which member of config, and where: a pattern that does not
 * compile, matches nothing at all, or repeats without reasonable end.
 */
int guard_check(const struct guard_rule *, struct err *);

/* A number that changes when the rules do; 0: there are none. */
uint64_t guard_generation(const struct guard_rule *, int n);

/* What every organisation has from the start: NULL-name terminated. */
struct guard_system {
	const char *type, *name, *action;
	bool enabled;
};
extern const struct guard_system guard_system[];

/* --- sets --- */

struct guard_set;

/*
 * Of the rules that hold for this project; strings are copied.  One reference.
 * -1: a rule does not compile, although it was checked when it was saved.
 */
int guard_set_make(const struct guard_rule *, int n, struct str project,
    struct guard_set **, struct err *);
const struct guard_set *guard_set_hold(const struct guard_set *);
void guard_set_drop(const struct guard_set *); /* NULL: nothing */

/* Is there a rule for texts, files or judges in this direction? */
bool guard_has(const struct guard_set *, unsigned direction);
bool guard_has_files(const struct guard_set *);

/* Rules by their number, in the order they are looked at. */
int guard_count(const struct guard_set *);
const struct guard_rule *guard_rule_at(const struct guard_set *, int);

/* A judge elsewhere: the webhook rules. */
struct guard_judge {
	int rule;
	struct str url;
	int64_t timeout_ms;
	bool open; /* when it fails, the text passes */
};
/* The next one of the direction after *at (-1 first), or NULL. */
const struct guard_judge *guard_judge(
    const struct guard_set *, unsigned direction, int *at);

/* --- what was found --- */

struct guard_found {
	int64_t count;
	const char *category;     /* of the last match */
	enum guard_action action; /* as it was applied */
};

/* Over all texts of a request or an answer. */
struct guard_verdict {
	const struct guard_set *set;
	unsigned direction;
	struct guard_found *found; /* per rule */
	bool blocked;
	int64_t redacted, warned;
	bool topic_asked; /* there was a last user message */
	uint32_t topics;  /* rules with an allowed topic that was met: bits */
};

void guard_begin(struct guard_verdict *, const struct guard_set *,
    unsigned direction, struct arena *);
/* Count a match of a rule; says what is to be done. */
enum guard_action guard_note(
    struct guard_verdict *, int rule, const char *category, int64_t n);

/* The same as something else than the rule says: a judge's word. */
enum guard_action guard_note_as(struct guard_verdict *, int rule,
    enum guard_action, const char *category, int64_t n);

/*
 * One text; `asked`: it is of the last user message, which allowed topics are
 * about.  Returns the text, redacted where a rule says so: the same pointer if
 * it is unchanged, else in the arena.
 */
struct str guard_scan(
    struct guard_verdict *, struct str text, bool asked, struct arena *);
/* After the last text: topics that were asked for and not met. */
void guard_finish(struct guard_verdict *);

/* File or image of a request: its bytes' beginning, and how many there are. */
bool guard_file(struct guard_verdict *, struct str head, size_t size);
/* The type by the first bytes: "image/png"; never NULL. */
const char *guard_file_type(struct str head);

/* The rules that block as the array "violations"; matches as the record's. */
struct jw;
void guard_put_violations(
    struct jw *, const char *key, const struct guard_verdict *);
void guard_put_found(struct jw *, const struct guard_verdict *);

/* --- streams --- */

/*
 * A text of an answer that comes in pieces.  What may be part of a match is
 * held back, at most GUARD_WINDOW characters.
 */
#define GUARD_WINDOW 256
struct guard_stream;

struct guard_stream *guard_stream_new(struct guard_verdict *);
void guard_stream_free(struct guard_stream *);
/*
 * The next piece; what may go on is appended to out.  `last`: all of it.
 * The scratch arena is not reset here.
 */
void guard_stream_put(struct guard_stream *, struct str piece, bool last,
    struct arena *scratch, struct buf *out);

#endif
