/*
 * peek(): the body is checked against the tables, then what routing needs is
 * taken out.  And what the answer needs of the request.
 */
#include "dialect/responses.h"

#define MARK "__"

#define ECHO_MAX ((size_t)1024 * 1024)

static struct str
get(const struct llm_request *r, const char *key)
{
	struct str raw = jscan_get(r->members, r->nmembers, key);

	return raw.p != NULL && jscan_null(raw) ? STR_NONE : raw;
}

/*
 * A search beside other tools that is not forced is a wish, else a demand;
 * looking for tools is never more than a wish (api.md 18).
 */
static void
take_searches(struct llm_request *r, const struct responses_seen *seen)
{
	bool alone = seen->tools == 0 || seen->forced;

	if (seen->searches && alone) {
		r->needs |= LLM_CAN_SEARCH;
		r->says |= LLM_SAY_SEARCH;
	} else if (seen->searches)
		r->wishes |= LLM_CAN_SEARCH;
	if (seen->finds && alone) {
		r->says |= LLM_SAY_NATIVE;
		r->native = "tools";
	}
}

static void
fill(struct llm_request *r, const struct jcheck *c)
{
	const struct responses_seen *seen = c->arg;
	const struct openai_seen *common = &seen->common;

	r->model = jscan_text(get(r, "model"), c->arena);
	r->stream = str_is(get(r, "stream"), "true");
	r->needs = c->marks & LLM_NEEDS_MASK;
	r->says = c->marks & LLM_SAYS_MASK;
	r->wishes = 0;
	r->native = seen->native != NULL ? seen->native : "input";
	r->max_output = 0;
	jscan_int(get(r, "max_output_tokens"), &r->max_output);
	r->n = 1;
	r->text_bytes = c->text_bytes > common->text_not ?
	    c->text_bytes - common->text_not :
	    0;
	r->file_bytes = common->file_bytes;
	r->images = common->images;
	take_searches(r, seen);
}

int
responses_peek(struct llm_request *r, struct arena *a, struct err *e)
{
	struct jcheck c = { .arena = a, .err = e };

	r->nmembers = jscan_object(r->body, a, &r->members, e);
	if (r->nmembers == -1)
		return -1;
	if (jscan_has_lone_surrogate(r->body)) { /* trap 103 */
		r->body = jscan_repair(r->body, a);
		r->nmembers = jscan_object(r->body, a, &r->members, e);
	}
	c.arg = ARENA_NEW(a, struct responses_seen);
	if (jcheck_members(&c, r->members, r->nmembers, responses_rules) == -1)
		return -1;
	fill(r, &c);
	return 0;
}

/* --- what the answer repeats --- */

/* Members of the request in the answer; what stands there if not given. */
static const struct {
	const char *name;
	const char *absent; /* NULL: the member is left out */
} echoes[] = {
	{ "instructions", "null" },
	{ "max_output_tokens", "null" },
	{ "max_tool_calls", NULL },
	{ "metadata", "{}" },
	{ "parallel_tool_calls", "true" },
	{ "prompt_cache_key", NULL },
	{ "prompt_cache_retention", NULL },
	{ "reasoning", "{\"effort\":null,\"summary\":null}" },
	{ "safety_identifier", NULL },
	{ "service_tier", "\"auto\"" },
	{ "temperature", "1" },
	{ "text", "{\"format\":{\"type\":\"text\"}}" },
	{ "tool_choice", "\"auto\"" },
	{ "tools", "[]" },
	{ "top_logprobs", NULL },
	{ "top_p", "1" },
	{ "truncation", "\"disabled\"" },
	{ "user", NULL },
};

/* Raw values on one line: an event has no others. */
static void
put_line(struct buf *b, struct str raw)
{
	size_t i, at = b->n;

	buf_add(b, raw);
	for (i = at; i < b->n; i++)
		if (b->p[i] == '\n' || b->p[i] == '\r')
			b->p[i] = ' ';
}

static void
put_echo(const struct llm_request *r, struct buf *b)
{
	struct str raw;
	size_t i;

	for (i = 0; i < NROWS(echoes); i++) {
		raw = get(r, echoes[i].name);
		if (raw.n > ECHO_MAX)
			raw = STR_NONE;
		if (raw.p == NULL)
			raw = str_from(echoes[i].absent);
		if (raw.p == NULL)
			continue;
		buf_add(b, STR(",\""));
		buf_add(b, str_from(echoes[i].name));
		buf_add(b, STR("\":"));
		put_line(b, raw);
	}
}

/* The names of all tools of a type; how many. */
static int
take_names(
    struct str tools, const char *type, struct str **out, struct arena *life)
{
	struct jiter it;
	struct jmember m;
	int n = 0;

	for (it = jscan_into(tools); jscan_next(&it, &m);)
		n += str_is(responses_word(m.raw, "type"), type);
	*out = n == 0 ? NULL : arena_zalloc(life, (size_t)n * sizeof(**out));
	n = 0;
	for (it = jscan_into(tools); jscan_next(&it, &m);)
		if (str_is(responses_word(m.raw, "type"), type))
			(*out)[n++] = arena_dup(
			    life, jscan_text(jscan_at(m.raw, "name"), life));
	return n;
}

const void *
responses_note(const struct llm_request *r, struct arena *life)
{
	struct responses_asked *asked = ARENA_NEW(life, struct responses_asked);
	struct buf b = BUF_LIMIT(NROWS(echoes) * (ECHO_MAX + 64));
	struct str tools = get(r, "tools");

	put_echo(r, &b);
	asked->echo = arena_dup(life, buf_str(&b));
	buf_free(&b);
	asked->ncustom = take_names(tools, "custom", &asked->custom, life);
	asked->nspaces = take_names(tools, "namespace", &asked->spaces, life);
	return asked;
}

struct str
responses_join_name(struct str space, struct str name, struct arena *a)
{
	const struct str all[] = { space, STR(MARK), name };

	return space.n == 0 ? name : arena_cat(a, all, (int)NROWS(all));
}

struct str
responses_space_of(const struct frame *f, struct str name)
{
	const struct responses_asked *asked = f->asked;
	size_t mark = sizeof(MARK) - 1;
	struct str s;
	int i;

	for (i = 0; asked != NULL && i < asked->nspaces; i++) {
		s = asked->spaces[i];
		if (name.n > s.n + mark && memcmp(name.p, s.p, s.n) == 0 &&
		    memcmp(name.p + s.n, MARK, mark) == 0)
			return s;
	}
	return STR_NONE;
}

bool
responses_is_custom(const struct frame *f, struct str name)
{
	const struct responses_asked *asked = f->asked;
	int i;

	for (i = 0; asked != NULL && i < asked->ncustom; i++)
		if (str_eq(asked->custom[i], name))
			return true;
	return false;
}
