#ifndef DOMAIN_GUARD_PARTS_H
#define DOMAIN_GUARD_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include <hs.h> /* of libvectorscan or Hyperscan */

#include "domain/guard.h"
#include "json/jscan.h"

/*
 * Inside guard*.c.  A type of guardrail is a row of guard_types[] and a file
 * with its build(): it checks the rule's config and adds patterns.
 */
struct guard_build;

/* The matcher's functions (guard_hs.c). */
struct guard_hs {
	__typeof__(hs_compile_multi) *compile_multi;
	__typeof__(hs_free_compile_error) *free_compile_error;
	__typeof__(hs_expression_info) *expression_info;
	__typeof__(hs_alloc_scratch) *alloc_scratch;
	__typeof__(hs_clone_scratch) *clone_scratch;
	__typeof__(hs_free_scratch) *free_scratch;
	__typeof__(hs_free_database) *free_database;
	__typeof__(hs_scan) *scan;
	__typeof__(hs_open_stream) *open_stream;
	__typeof__(hs_scan_stream) *scan_stream;
	__typeof__(hs_close_stream) *close_stream;
};
/* In the arena.  -1: the library is not there. */
int guard_hs_load(struct arena *, const struct guard_hs **, struct err *);

struct guard_type {
	const char *name;
	const char *action; /* default */
	const char *title;  /* name of the system rule, or NULL: none */
	bool enabled;       /* of the system rule */
	bool redacts;       /* else redact acts as warn */
	const char *mask;   /* of a match without its own */
	/* NULL config: defaults. */
	int (*build)(struct guard_build *, struct err *);
};

extern const struct guard_type guard_types[]; /* ends with a NULL name */
const struct guard_type *guard_type_find(struct str name);

/* Where a match is, in normalised text. */
struct guard_span {
	size_t from, to;
	size_t seen; /* hits up to here are of what was looked at */
	const char *category;
	const char *mask;
};

/*
 * What a hit of the matcher at `at` (its end) means: the whole token around it,
 * checked.  false: nothing; span->seen may be set even then.
 */
typedef bool guard_verify(struct str text, size_t at, struct guard_span *);

enum guard_kind {
	GUARD_PHRASE, /* that it is there is all that counts */
	GUARD_WORD,   /* the text itself: its length is known */
	GUARD_REGEX,  /* the matcher tells where it begins */
	GUARD_ANCHOR, /* verify() */
	GUARD_TOPIC,  /* of an allowed topic */
	GUARD_LOOK    /* of streams: what is around it is to be looked at again */
};

struct guard_pattern {
	int rule;
	enum guard_kind kind;
	bool whole; /* no letter or digit on either side */
	size_t n;   /* bytes, WORD */
	const char *category;
	guard_verify *verify;
	const char *text;  /* expression */
	unsigned flags;    /* HS_FLAG_* */
	struct str member; /* of config: "terms[3]" */
};

struct guard_build {
	struct arena *arena;
	const struct guard_hs *hs;
	const struct guard_rule *rule;
	int number; /* of the rule */
	struct guard_pattern *v;
	int n, cap;
	/* What is no pattern. */
	struct guard_judge *judges;
	int njudges;
	struct guard_files *files;
	uint32_t topics; /* rules with allowed topics: bits */
};

struct guard_files {
	struct guard_files *next;
	int rule;
	struct str types[32]; /* none: any type */
	int n;
	int64_t max_bytes;
};

/* Text is copied.  `member` is for messages. */
void guard_add(struct guard_build *, enum guard_kind, struct str text,
    unsigned flags, const char *category, guard_verify *, struct str member);
/* A text that is no expression: normalised, quoted. */
int guard_add_word(struct guard_build *, struct str word, bool whole,
    bool exact_case, enum guard_kind, struct str member, struct err *);
/* An expression of a user, checked. */
int guard_add_regex(struct guard_build *, struct str text, bool exact_case,
    struct str member, struct err *);
/* "Invalid request parameters: config.<member>: ..."; returns -1. */
int guard_bad(struct err *, struct str member, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Call fn for each string of a member that is an array of strings. */
int guard_each(struct guard_build *, const char *member, int max,
    int (*fn)(struct guard_build *, struct str, struct str member, void *,
	struct err *),
    void *arg, struct err *);
/* Members that config may have, "a b c"; others are refused. */
int guard_members(const struct guard_rule *, const char *names, struct err *);
bool guard_flag(const struct guard_rule *, const char *name, bool def);

int guard_build_injection(struct guard_build *, struct err *);
int guard_build_jailbreak(struct guard_build *, struct err *);
int guard_build_pii(struct guard_build *, struct err *);
int guard_build_secrets(struct guard_build *, struct err *);
int guard_build_files(struct guard_build *, struct err *);
int guard_build_leakage(struct guard_build *, struct err *);
int guard_build_terms(struct guard_build *, struct err *);
int guard_build_regex(struct guard_build *, struct err *);
int guard_build_webhook(struct guard_build *, struct err *);
int guard_build_topics(struct guard_build *, struct err *);

/* --- normalised text (guard_norm.c) --- */

/*
 * Without zero-width characters, white space runs as one blank.  Positions in
 * it lead back to the original by breaks: from `at` on it is `add` more.
 */
struct guard_break {
	size_t at, add;
};
struct guard_norm {
	struct str text;
	const struct guard_break *v;
	size_t n;
};
void guard_normalise(struct str, struct arena *, struct guard_norm *);
size_t guard_original(const struct guard_norm *, size_t at);

/* The same in pieces: state is zero at first. */
struct guard_fold {
	unsigned char kept[4]; /* of a character that is not whole */
	size_t nkept;
	bool blank; /* the last one was white space */
};
void guard_fold(struct guard_fold *, struct str piece, struct buf *out);

/* --- checks of numbers and words (guard_valid.c) --- */
bool guard_luhn(const char *digits, size_t n);
bool guard_iban(struct str compact); /* letters and digits only */
double guard_entropy(struct str);    /* bits a byte */
/* One of the words, without regard to case, as a whole in text. */
bool guard_word_in(struct str text, const char *const *words);
static inline bool
guard_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool
guard_alpha(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}
/* Bytes of other scripts count as letters. */
static inline bool
guard_alnum(char c)
{
	return guard_digit(c) || guard_alpha(c) || (unsigned char)c >= 0x80;
}

/* --- the set (guard_set.c) --- */

struct guard_db {
	hs_database_t *block, *stream; /* NULL: no pattern */
	struct guard_pattern *v;
	int n;
	bool any; /* a rule of this direction, of whatever kind */
};

struct guard_set {
	atomic_int refs;
	struct arena *arena;
	const struct guard_hs *hs; /* NULL: nothing is compiled */
	struct guard_rule *rules; /* sorted */
	const struct guard_type **types;
	int n;
	struct guard_db db[2]; /* input, output */
	struct guard_judge *judges;
	int njudges;
	struct guard_files *files;
	uint32_t topics;
	/* Scratch that nobody uses at present; made as many are needed. */
	pthread_mutex_t lock;
	hs_scratch_t *first;
	hs_scratch_t *spare[64];
	int nspare;
};

hs_scratch_t *guard_scratch(const struct guard_set *);
void guard_scratch_back(const struct guard_set *, hs_scratch_t *);

static inline const struct guard_db *
guard_db(const struct guard_set *s, unsigned direction)
{
	return &s->db[direction == GUARD_OUTPUT];
}

/* --- one text (guard_scan.c) --- */

/*
 * Look at norm, of which the first `skip` bytes have gone out already and are
 * there to be seen only.  Unless `last`, what touches the end is left for later
 * and *held says where the first such match begins.  Spans to redact, sorted
 * and apart, into *out.
 */
struct guard_look {
	struct guard_verdict *verdict;
	struct str norm;
	size_t skip;
	bool last;
	bool asked;
	int64_t *allowed; /* priority of an allow that matched, INT64_MAX */
	bool again;       /* of a stream: what only warns was counted */
	/* Results. */
	size_t held;
	struct guard_span *v;
	int n;
};
void guard_look(struct guard_look *, struct arena *);

#endif
