#include "dialect/check.h"

struct str
check_get(const struct llm_request *r, const char *key)
{
	struct str raw = jscan_get(r->members, r->nmembers, key);

	return raw.p != NULL && jscan_null(raw) ? STR_NONE : raw;
}

int
check_body(struct llm_request *r, struct jcheck *c, const struct jrule *rules)
{
	const struct check_seen *seen = c->arg;

	r->nmembers = jscan_object(r->body, c->arena, &r->members, c->err);
	if (r->nmembers == -1)
		return -1;
	if (jscan_has_lone_surrogate(r->body)) {
		r->body = jscan_repair(r->body, c->arena);
		r->nmembers =
		    jscan_object(r->body, c->arena, &r->members, c->err);
	}
	if (jcheck_members(c, r->members, r->nmembers, rules) == -1)
		return -1;
	r->model = jscan_text(check_get(r, "model"), c->arena);
	r->stream = str_is(check_get(r, "stream"), "true");
	r->needs = c->marks & LLM_NEEDS_MASK;
	r->says = c->marks & LLM_SAYS_MASK;
	r->wishes = 0;
	r->native = seen->native;
	r->max_output = 0;
	r->n = 1;
	r->text_bytes =
	    c->text_bytes > seen->text_not ? c->text_bytes - seen->text_not : 0;
	r->audio_bytes = seen->audio_bytes;
	r->file_bytes = seen->file_bytes;
	r->images = seen->images;
	return 0;
}

void
check_searches(struct llm_request *r, const struct check_seen *seen,
    bool search_forced, bool find_forced)
{
	if (seen->searches && (seen->tools == 0 || search_forced)) {
		r->needs |= LLM_CAN_SEARCH;
		r->says |= LLM_SAY_SEARCH;
	} else if (seen->searches)
		r->wishes |= LLM_CAN_SEARCH;
	if (seen->finds && (seen->tools == 0 || find_forced)) {
		r->says |= LLM_SAY_NATIVE;
		r->native = "tools";
	}
}

int
check_native(struct jcheck *c, const char *member)
{
	struct check_seen *seen = c->arg;

	c->marks |= LLM_SAY_NATIVE;
	if (seen->native == NULL)
		seen->native = member;
	return 0;
}

int
check_model(struct jcheck *c, struct str raw)
{
	struct str s = jscan_text(raw, c->arena);

	if (s.n == 0 || memchr(s.p, '\0', s.n) != NULL)
		return jcheck_fail(c, "is no model name");
	return 0;
}

int
check_word(struct jcheck *c, struct str raw)
{
	struct str s = STR_NONE;

	if (memmem(raw.p, raw.n, "\\u0000", 6) != NULL)
		s = jscan_text(raw, c->arena);
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
		return jcheck_fail(c, "must not have a NUL in it");
	return 0;
}

int
check_management(struct jcheck *c, struct str raw)
{
	(void)raw;
	return check_native(c, "context_management");
}

int
check_data(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;

	seen->text_not += raw.n - 2;
	return 0;
}

int
check_file(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;

	seen->file_bytes += raw.n - 2;
	return check_data(c, raw);
}
