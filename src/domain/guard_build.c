/* What the types' build() share: patterns out of a rule's config. */
#include <stdarg.h>
#include <stdio.h>

#include "domain/guard_parts.h"

#define REGEX_MAX 1000   /* characters, api.md 17.1 */
#define WORD_MAX 500     /* bytes */
#define STATES_MAX 20000 /* of an expression whose repeats are written out */

int
guard_bad(struct err *e, struct str member, const char *fmt, ...)
{
	char what[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	e->param = STR("config");
	return err_set(e, ERR_BAD_PARAM,
	    "Invalid request parameters: config%s%.*s: %s",
	    member.n > 0 ? "." : "", STR_ARG(member), what);
}

void
guard_add(struct guard_build *b, enum guard_kind kind, struct str text,
    unsigned flags, const char *category, guard_verify *verify,
    struct str member)
{
	struct guard_pattern *old = b->v;

	if (b->n == b->cap) {
		b->cap = b->cap == 0 ? 64 : b->cap * 2;
		b->v = arena_alloc(b->arena, (size_t)b->cap * sizeof(*b->v));
		if (b->n > 0)
			memcpy(b->v, old, (size_t)b->n * sizeof(*old));
	}
	b->v[b->n++] = (struct guard_pattern){ .rule = b->number,
		.kind = kind,
		.category = category,
		.verify = verify,
		.text = arena_cstr(b->arena, text),
		.flags = flags,
		.member = arena_dup(b->arena, member) };
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

int
guard_add_word(struct guard_build *b, struct str word, bool whole,
    bool exact_case, enum guard_kind kind, struct str member, struct err *e)
{
	struct buf out = BUF_LIMIT(WORD_MAX * 4);
	struct guard_norm norm;
	bool ascii;

	guard_normalise(word, b->arena, &norm);
	word = str_trim(norm.text);
	if (word.n == 0 || word.n > WORD_MAX ||
	    memchr(word.p, '\0', word.n) != NULL)
		return guard_bad(
		    e, member, "must have 1 to %d bytes", WORD_MAX);
	ascii = is_ascii(word);
	for (size_t i = 0; i < word.n; i++) {
		if (!guard_alnum(word.p[i]) && word.p[i] != ' ')
			buf_addc(&out, '\\');
		buf_addc(&out, word.p[i]);
	}
	/* Cases of other scripts may differ in length. */
	if (kind == GUARD_WORD && !ascii && !exact_case)
		kind = GUARD_REGEX;
	guard_add(b, kind, buf_str(&out),
	    (exact_case ? 0 : HS_FLAG_CASELESS) | (ascii ? 0 : HS_FLAG_UTF8),
	    "term", NULL, member);
	b->v[b->n - 1].whole = whole;
	b->v[b->n - 1].n = word.n;
	buf_free(&out);
	return 0;
}

/* A number in braces, or -1. */
static long
number(struct str s, size_t *i)
{
	long v = -1;

	for (; *i < s.n && guard_digit(s.p[*i]); (*i)++)
		v = (v < 0 ? 0 : v) * 10 + s.p[*i] - '0';
	return v > 100000 ? 100000 : v;
}

/* The highest count of "{n,m}" at i; 1: that is no repeat. */
static long
repeat(struct str s, size_t i)
{
	long lo, hi;

	if (i >= s.n || s.p[i++] != '{' || (lo = number(s, &i)) < 0 || i == s.n)
		return 1;
	if (s.p[i] == '}')
		return lo < 1 ? 1 : lo;
	if (s.p[i++] != ',')
		return 1;
	hi = number(s, &i);
	return hi > lo ? hi : lo < 1 ? 1 : lo;
}

/*
 * How many states the expression has when its repeats are written out; *at is
 * the place where they are too many.  Groups are read from behind, so that a
 * repeat is known before what it repeats.
 */
static long
states(struct str s, size_t *at)
{
	long factor[64] = { 1 }, sum = 0, f = 1;
	int depth = 0;

	for (size_t i = s.n; i-- > 0;) {
		bool quoted = i > 0 && s.p[i - 1] == '\\';

		if (s.p[i] == ')' && !quoted && depth < 63) {
			f = repeat(s, i + 1);
			factor[depth + 1] = factor[depth] * f;
			if (factor[depth + 1] > STATES_MAX)
				factor[depth + 1] = STATES_MAX + 1;
			depth++;
		} else if (s.p[i] == '(' && !quoted && depth > 0)
			depth--;
		sum += factor[depth] * repeat(s, i + 1);
		if (sum > STATES_MAX) {
			*at = i;
			return sum;
		}
	}
	return sum;
}

/* Where what the matcher does not know begins, if its message does not say. */
static size_t
unknown_at(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		if (s.p[i] == '\\') {
			if (s.p[i + 1] >= '1' && s.p[i + 1] <= '9')
				return i;
			i++;
		} else if (s.p[i] == '(' && s.p[i + 1] == '?' && i + 2 < s.n &&
		    strchr("=!<>(PR&", s.p[i + 2]) != NULL)
			return i;
	}
	return 0;
}

static int
compiles(struct guard_build *b, struct str text, unsigned flags,
    struct str member, struct err *e)
{
	hs_compile_error_t *why = NULL;
	hs_expr_info_t *info = NULL;
	unsigned min;

	if (b->hs->expression_info(
		arena_cstr(b->arena, text), flags, &info, &why) != HS_SUCCESS) {
		if (strstr(why->message, "index") != NULL)
			guard_bad(e, member, "%s", why->message);
		else
			guard_bad(e, member, "%s, at index %zu", why->message,
			    unknown_at(text));
		b->hs->free_compile_error(why);
		return -1;
	}
	min = info->min_width;
	free(info);
	if (min == 0)
		return guard_bad(
		    e, member, "matches the empty text, at index 0");
	return 0;
}

int
guard_add_regex(struct guard_build *b, struct str text, bool exact_case,
    struct str member, struct err *e)
{
	unsigned flags = (exact_case ? 0 : HS_FLAG_CASELESS) |
	    (is_ascii(text) ? 0 : HS_FLAG_UTF8);
	size_t n = 0, at;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	if (n == 0 || n > REGEX_MAX || memchr(text.p, '\0', text.n) != NULL)
		return guard_bad(
		    e, member, "must have 1 to %d characters", REGEX_MAX);
	if (states(text, &at) > STATES_MAX)
		return guard_bad(
		    e, member, "repeats too much, at index %zu", at);
	if (compiles(b, text, flags, member, e) == -1)
		return -1;
	guard_add(b, GUARD_REGEX, text, flags, "regex", NULL, member);
	return 0;
}

int
guard_each(struct guard_build *b, const char *member, int max,
    int (*fn)(
	struct guard_build *, struct str, struct str, void *, struct err *),
    void *arg, struct err *e)
{
	struct str raw = jscan_at(b->rule->config, member), text;
	struct jmember m;
	int n = 0;

	if (raw.p == NULL || jscan_null(raw))
		return 0;
	if (raw.p[0] != '[')
		return guard_bad(
		    e, str_from(member), "must be an array of strings");
	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m); n++) {
		struct str name = arena_fmt(b->arena, "%s[%d]", member, n);

		text = jscan_text(m.raw, b->arena);
		if (text.p == NULL)
			return guard_bad(e, name, "must be a string");
		if (n == max)
			return guard_bad(e, str_from(member),
			    "must have at most %d elements", max);
		if (fn(b, text, name, arg, e) == -1)
			return -1;
	}
	return n;
}

int
guard_members(const struct guard_rule *r, const char *names, struct err *e)
{
	struct jmember m;
	struct str list, one;

	if (r->config.n > 0 && r->config.p[0] != '{')
		return guard_bad(e, STR_NONE, "must be an object");
	for (struct jiter it = jscan_into(r->config); jscan_next(&it, &m);) {
		list = str_from(names);
		do
			one = str_split(&list, ' ');
		while (list.p != NULL && !str_eq(one, m.key));
		if (!str_eq(one, m.key))
			return guard_bad(
			    e, m.key, "is not known to %.*s", STR_ARG(r->type));
	}
	return 0;
}

bool
guard_flag(const struct guard_rule *r, const char *name, bool def)
{
	struct str raw = jscan_at(r->config, name);

	return raw.p == NULL ? def : str_is(raw, "true");
}
