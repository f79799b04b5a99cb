/* The types of guardrails, one row each; rules checked, matches counted. */
#include <stdio.h>

#include "domain/guard_parts.h"
#include "json/jw.h"

const char *const guard_action_words[] = { "allow", "warn", "redact", "block",
	NULL };

/* clang-format off */
const struct guard_type guard_types[] = {
{ "prompt_injection", "block", "Prompt injection", true, false, NULL,
    guard_build_injection },
{ "jailbreak", "block", "Jailbreak", true, false, NULL,
    guard_build_jailbreak },
{ "pii_detection", "redact", "Personal data", true, true, "[REDACTED]",
    guard_build_pii },
{ "secrets", "block", "Secrets", true, true, "[SECRET_REDACTED]",
    guard_build_secrets },
{ "file_types", "block", "File types", true, true, "[FILE_REMOVED]",
    guard_build_files },
{ "document_leakage", "warn", "Document leakage", false, true, "[REDACTED]",
    guard_build_leakage },
{ "blocked_terms", "block", NULL, true, true, "[REDACTED]",
    guard_build_terms },
{ "custom_regex", "block", NULL, true, true, "[REDACTED]",
    guard_build_regex },
{ "webhook", "block", NULL, true, true, "[REDACTED]", guard_build_webhook },
{ "topic_restriction", "block", NULL, true, false, NULL,
    guard_build_topics },
{ NULL, NULL, NULL, false, false, NULL, NULL },
};

/* In the order of the types that have a title. */
const struct guard_system guard_system[] = {
{ "prompt_injection", "Prompt injection", "block", true },
{ "jailbreak", "Jailbreak", "block", true },
{ "pii_detection", "Personal data", "redact", true },
{ "secrets", "Secrets", "block", true },
{ "file_types", "File types", "block", true },
{ "document_leakage", "Document leakage", "warn", false },
{ NULL, NULL, NULL, false },
};
/* clang-format on */

const struct guard_type *
guard_type_find(struct str name)
{
	const struct guard_type *t;

	for (t = guard_types; t->name != NULL; t++)
		if (str_is(name, t->name))
			return t;
	return NULL;
}

unsigned
guard_direction(struct str word)
{
	return str_is(word, "input") ? GUARD_INPUT :
	    str_is(word, "output")   ? GUARD_OUTPUT :
	    str_is(word, "both")     ? GUARD_INPUT | GUARD_OUTPUT :
				       0;
}

static uint64_t
mix(uint64_t h, struct str s)
{
	h = (h ^ s.n) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t
guard_generation(const struct guard_rule *v, int n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	char tmp[64];

	for (int i = 0; i < n; i++) {
		h = mix(h, v[i].id);
		h = mix(h, v[i].name);
		h = mix(h, v[i].type);
		h = mix(h, v[i].project);
		h = mix(h, v[i].config);
		snprintf(tmp, sizeof(tmp), "%d %u %lld", (int)v[i].action,
		    v[i].direction, (long long)v[i].priority);
		h = mix(h, str_from(tmp));
	}
	return n == 0 ? 0 : h | 1;
}

int
guard_check(const struct guard_rule *rule, struct err *e)
{
	struct guard_set *s;
	int rc;

	if (guard_type_find(rule->type) == NULL)
		return guard_bad(e, STR_NONE, "no such type");
	rc = guard_set_make(rule, 1, rule->project, &s, e);
	if (rc == 0)
		guard_set_drop(s);
	return rc;
}

bool
guard_has(const struct guard_set *s, unsigned direction)
{
	return s != NULL && guard_db(s, direction)->any;
}

bool
guard_has_files(const struct guard_set *s)
{
	return s->files != NULL;
}

int
guard_count(const struct guard_set *s)
{
	return s->n;
}

const struct guard_rule *
guard_rule_at(const struct guard_set *s, int i)
{
	return &s->rules[i];
}

const struct guard_judge *
guard_judge(const struct guard_set *s, unsigned direction, int *at)
{
	while (++*at < s->njudges)
		if ((s->rules[s->judges[*at].rule].direction & direction) != 0)
			return &s->judges[*at];
	return NULL;
}

void
guard_begin(struct guard_verdict *v, const struct guard_set *s,
    unsigned direction, struct arena *a)
{
	*v = (struct guard_verdict){ .set = s,
		.direction = direction,
		.found =
		    arena_zalloc(a, (size_t)(s->n + 1) * sizeof(*v->found)) };
}

enum guard_action
guard_note(struct guard_verdict *v, int rule, const char *category, int64_t n)
{
	enum guard_action action = v->set->rules[rule].action;

	if (action == GUARD_REDACT && !v->set->types[rule]->redacts)
		action = GUARD_WARN;
	return guard_note_as(v, rule, action, category, n);
}

enum guard_action
guard_note_as(struct guard_verdict *v, int rule, enum guard_action action,
    const char *category, int64_t n)
{
	v->found[rule].count += n;
	v->found[rule].category = category;
	v->found[rule].action = action;
	if (action == GUARD_BLOCK)
		v->blocked = true;
	else if (action == GUARD_REDACT)
		v->redacted += n;
	else if (action == GUARD_WARN)
		v->warned += n;
	return action;
}

static void
put_rule(struct jw *w, const struct guard_verdict *v, int i)
{
	const struct guard_rule *r = &v->set->rules[i];

	jw_str(w, "rule_id", r->id);
	jw_str(w, "rule_name", r->name);
	jw_str(w, "type", r->type);
	jw_strc(w, "category", v->found[i].category);
	jw_strc(w, "action", guard_action_words[v->found[i].action]);
}

void
guard_put_violations(
    struct jw *w, const char *key, const struct guard_verdict *v)
{
	jw_arr(w, key);
	for (int i = 0; i < v->set->n; i++) {
		if (v->found[i].count == 0 || v->found[i].action != GUARD_BLOCK)
			continue;
		jw_obj(w, NULL);
		put_rule(w, v, i);
		jw_end(w);
	}
	jw_end(w);
}

void
guard_put_found(struct jw *w, const struct guard_verdict *v)
{
	for (int i = 0; i < v->set->n; i++) {
		if (v->found[i].count == 0)
			continue;
		jw_obj(w, NULL);
		put_rule(w, v, i);
		jw_strc(w, "direction",
		    v->direction == GUARD_INPUT ? "input" : "output");
		jw_int(w, "count", v->found[i].count);
		jw_end(w);
	}
}
