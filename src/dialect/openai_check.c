/*
 * peek(): the body is checked against the tables, then the rules that join
 * several members, then what routing needs is taken out.
 */
#include "dialect/openai.h"

static struct str
get(const struct llm_request *r, const char *key)
{
	struct str raw = jscan_get(r->members, r->nmembers, key);

	return raw.p != NULL && jscan_null(raw) ? STR_NONE : raw;
}

/* Rules that join members, after each by itself is right. */
static int
check_pairs(struct jcheck *c, const struct llm_request *r)
{
	struct str a = get(r, "max_tokens");
	struct str b = get(r, "max_completion_tokens");
	struct str inner = jscan_at(get(r, "reasoning"), "effort");
	int64_t x = 0, y = 0;

	jscan_int(a, &x);
	jscan_int(b, &y);
	if (a.p != NULL && b.p != NULL && x != y)
		return jcheck_fail_at(c, "max_completion_tokens",
		    "must equal max_tokens if both are given");
	if (get(r, "top_logprobs").p != NULL &&
	    !str_eq(get(r, "logprobs"), STR("true")))
		return jcheck_fail_at(
		    c, "top_logprobs", "needs logprobs to be true");
	a = get(r, "reasoning_effort");
	b = get(r, "effort");
	if (inner.p != NULL && !jscan_null(inner) &&
	    (a.p != NULL || b.p != NULL))
		return jcheck_fail_at(c, "reasoning.effort",
		    "an effort is given in another member too");
	if (a.p != NULL && b.p != NULL && !str_eq(a, b))
		return jcheck_fail_at(
		    c, "effort", "must equal reasoning_effort");
	return 0;
}

static void
fill(struct llm_request *r, const struct jcheck *c)
{
	const struct openai_seen *seen = c->arg;
	struct str s = get(r, "max_completion_tokens");
	struct jiter it;
	struct jmember m;

	r->model = jscan_text(get(r, "model"), c->arena);
	r->stream = str_eq(get(r, "stream"), STR("true"));
	r->include_usage = r->stream &&
	    str_eq(jscan_at(get(r, "stream_options"), "include_usage"),
		STR("true"));
	r->needs = c->marks & LLM_NEEDS_MASK;
	r->says = c->marks & LLM_SAYS_MASK;
	r->max_output = 0;
	if (s.p == NULL)
		s = get(r, "max_tokens");
	jscan_int(s, &r->max_output);
	r->n = 1;
	jscan_int(get(r, "n"), &r->n);
	if (r->n > 1)
		r->says |= LLM_SAY_MANY;
	if (get(r, "stop").p != NULL)
		r->says |= LLM_SAY_STOP;
	if (str_eq(get(r, "logprobs"), STR("true")))
		r->says |= LLM_SAY_LOGPROBS;
	r->text_bytes =
	    c->text_bytes > seen->text_not ? c->text_bytes - seen->text_not : 0;
	r->audio_bytes = seen->audio_bytes;
	r->file_bytes = seen->file_bytes;
	r->images = seen->images;
	it = jscan_into(get(r, "plugins"));
	r->heal = (c->marks & (LLM_CAN_JSON | LLM_CAN_SCHEMA)) != 0 &&
	    jscan_next(&it, &m);
}

int
openai_peek(struct llm_request *r, struct arena *a, struct err *e)
{
	struct jcheck c = { .arena = a, .err = e };

	r->nmembers = jscan_object(r->body, a, &r->members, e);
	if (r->nmembers == -1)
		return -1;
	if (jscan_has_lone_surrogate(r->body)) { /* trap 103 */
		r->body = jscan_repair(r->body, a);
		r->nmembers = jscan_object(r->body, a, &r->members, e);
	}
	c.arg = ARENA_NEW(a, struct openai_seen);
	if (jcheck_members(&c, r->members, r->nmembers, openai_chat_rules) ==
		-1 ||
	    check_pairs(&c, r) == -1)
		return -1;
	fill(r, &c);
	return 0;
}
