/*
 * peek(): the body is checked against the tables, then what routing needs is
 * taken out.
 */
#include "dialect/anthropic.h"

static struct str
get(const struct llm_request *r, const char *key)
{
	struct str raw = jscan_get(r->members, r->nmembers, key);

	return raw.p != NULL && jscan_null(raw) ? STR_NONE : raw;
}

/* Is one of the provider's tools the one that must be called? */
static bool
is_forced(const struct llm_request *r, const char *prefix)
{
	struct str choice = get(r, "tool_choice");

	return str_is(anthropic_word(choice, "type"), "tool") &&
	    str_starts(anthropic_word(choice, "name"), prefix);
}

/*
 * A search beside other tools that is not forced is a wish, else a demand
 * (api.md 18); looking for tools is never more than a wish.
 */
static void
take_searches(struct llm_request *r, const struct anthropic_seen *seen)
{
	if (seen->searches &&
	    (seen->tools == 0 || is_forced(r, "web_search"))) {
		r->needs |= LLM_CAN_SEARCH;
		r->says |= LLM_SAY_SEARCH;
	} else if (seen->searches)
		r->wishes |= LLM_CAN_SEARCH;
	if (seen->finds && (seen->tools == 0 || is_forced(r, "tool_search"))) {
		r->says |= LLM_SAY_NATIVE;
		r->native = "tools";
	}
}

static void
fill(struct llm_request *r, const struct jcheck *c)
{
	const struct anthropic_seen *seen = c->arg;
	struct jiter it;
	struct jmember m;

	r->model = jscan_text(get(r, "model"), c->arena);
	r->stream = str_is(get(r, "stream"), "true");
	r->needs = c->marks & LLM_NEEDS_MASK;
	r->says = c->marks & LLM_SAYS_MASK;
	it = jscan_into(get(r, "stop_sequences"));
	if (jscan_next(&it, &m))
		r->says |= LLM_SAY_STOP;
	r->wishes = 0;
	r->native = seen->native;
	r->max_output = 0;
	jscan_int(get(r, "max_tokens"), &r->max_output);
	r->n = 1;
	r->text_bytes =
	    c->text_bytes > seen->text_not ? c->text_bytes - seen->text_not : 0;
	r->file_bytes = seen->file_bytes;
	r->images = seen->images;
	take_searches(r, seen);
}

static int
peek(struct llm_request *r, const struct jrule *rules, struct arena *a,
    struct err *e)
{
	struct jcheck c = { .arena = a, .err = e };

	r->nmembers = jscan_object(r->body, a, &r->members, e);
	if (r->nmembers == -1)
		return -1;
	if (jscan_has_lone_surrogate(r->body)) { /* trap 103 */
		r->body = jscan_repair(r->body, a);
		r->nmembers = jscan_object(r->body, a, &r->members, e);
	}
	c.arg = ARENA_NEW(a, struct anthropic_seen);
	if (jcheck_members(&c, r->members, r->nmembers, rules) == -1)
		return -1;
	fill(r, &c);
	return 0;
}

int
anthropic_peek(struct llm_request *r, struct arena *a, struct err *e)
{
	return peek(r, anthropic_rules, a, e);
}

int
anthropic_count_peek(struct llm_request *r, struct arena *a, struct err *e)
{
	if (peek(r, anthropic_count_rules, a, e) == -1)
		return -1;
	r->stream = false;
	r->max_output = 0;
	return 0;
}
