/* Words and expressions that the organisation names itself. */
#include "domain/guard_parts.h"

#define TERMS_MAX 10000
#define TOPICS_MAX 100

struct how {
	bool whole, exact_case, regex;
	enum guard_kind kind;
	const char *category;
};

static int
add_term(struct guard_build *b, struct str text, struct str member, void *arg,
    struct err *e)
{
	const struct how *how = arg;
	int rc = how->regex ?
	    guard_add_regex(b, text, how->exact_case, member, e) :
	    guard_add_word(
		b, text, how->whole, how->exact_case, how->kind, member, e);

	if (rc == 0)
		b->v[b->n - 1].category = how->category;
	return rc;
}

int
guard_build_leakage(struct guard_build *b, struct err *e)
{
	static const char *const marks[] = { "confidential", "internal only",
		"internal use only", "do not distribute",
		"not for distribution", "strictly private", "proprietary",
		"company confidential", "top secret", "trade secret",
		"attorney-client privileged", "restricted distribution",
		"for official use only", "nur f\xc3\xbcr den internen gebrauch",
		"streng vertraulich", NULL };
	struct how how = { .whole = true,
		.kind = GUARD_WORD,
		.category = "classification_mark" };
	int n;

	if (guard_members(b->rule, "terms", e) == -1 ||
	    (n = guard_each(b, "terms", TERMS_MAX, add_term, &how, e)) == -1)
		return -1;
	for (int i = 0; n == 0 && marks[i] != NULL; i++)
		add_term(b, str_from(marks[i]), STR("terms"), &how, e);
	return 0;
}

int
guard_build_terms(struct guard_build *b, struct err *e)
{
	struct str match = jscan_word(b->rule->config, "match_type");
	struct how how = { .kind = GUARD_WORD, .category = "blocked_term" };
	int n;

	if (guard_members(b->rule, "terms match_type case_sensitive", e) == -1)
		return -1;
	if (match.p != NULL && !str_is(match, "exact") &&
	    !str_is(match, "contains") && !str_is(match, "regex"))
		return guard_bad(
		    e, STR("match_type"), "must be exact, contains or regex");
	how.whole = match.p == NULL || str_is(match, "exact");
	how.regex = str_is(match, "regex");
	how.exact_case = guard_flag(b->rule, "case_sensitive", false);
	n = guard_each(b, "terms", TERMS_MAX, add_term, &how, e);
	return n == -1 ? -1 :
	    n == 0     ? guard_bad(e, STR("terms"), "is required") :
			 0;
}

int
guard_build_regex(struct guard_build *b, struct err *e)
{
	struct str text =
	    jscan_text(jscan_at(b->rule->config, "pattern"), b->arena);

	if (guard_members(b->rule, "pattern case_sensitive", e) == -1)
		return -1;
	if (text.p == NULL)
		return guard_bad(e, STR("pattern"), "is required");
	if (guard_add_regex(b, text,
		guard_flag(b->rule, "case_sensitive", false), STR("pattern"),
		e) == -1)
		return -1;
	b->v[b->n - 1].category = "custom_regex";
	return 0;
}

/* --- topics --- */

static int
add_keywords(struct guard_build *b, struct str topic, const struct how *how,
    struct str member, struct err *e)
{
	struct guard_rule r = *b->rule;
	struct guard_build x = *b;
	int n;

	r.config = topic;
	x.rule = &r;
	n = guard_each(
	    &x, "keywords", TERMS_MAX, add_term, (void *)(uintptr_t)how, e);
	b->v = x.v;
	b->n = x.n;
	b->cap = x.cap;
	if (n == -1)
		return -1;
	return n == 0 ? guard_bad(e, member, "must have keywords") : 0;
}

static int
add_topics(struct guard_build *b, const char *name, enum guard_kind kind,
    struct err *e)
{
	struct str raw = jscan_at(b->rule->config, name), member;
	struct how how = { .whole = true, .kind = kind };
	struct jmember m;
	int n = 0;

	for (struct jiter it = jscan_into(raw); jscan_next(&it, &m); n++) {
		member = arena_fmt(b->arena, "%s[%d]", name, n);
		if (n == TOPICS_MAX || m.raw.p[0] != '{')
			return guard_bad(e, member,
			    "must be one of %d objects at most", TOPICS_MAX);
		how.category = arena_cstr(
		    b->arena, jscan_text(jscan_at(m.raw, "name"), b->arena));
		if (how.category[0] == '\0')
			return guard_bad(e, member, "must have a name");
		if (add_keywords(b, m.raw, &how, member, e) == -1)
			return -1;
	}
	return n;
}

int
guard_build_topics(struct guard_build *b, struct err *e)
{
	int blocked, allowed;

	if (guard_members(b->rule, "blocked_topics allowed_topics", e) == -1)
		return -1;
	blocked = add_topics(b, "blocked_topics", GUARD_WORD, e);
	if (blocked == -1)
		return -1;
	allowed = add_topics(b, "allowed_topics", GUARD_TOPIC, e);
	if (allowed == -1)
		return -1;
	if (blocked + allowed == 0)
		return guard_bad(e, STR("blocked_topics"), "is required");
	if (allowed > 0 && b->number >= 32)
		return guard_bad(e, STR("allowed_topics"),
		    "only the first 32 rules may have it");
	if (allowed > 0)
		b->topics |= UINT32_C(1) << b->number;
	return 0;
}
