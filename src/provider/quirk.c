/*
 * What providers that claim to speak OpenAI's dialect do differently.
 *
 * Paths into messages and tools are patched only if the text of them holds the
 * name in question: most requests have none of these, and a patch means that
 * every message is written anew.  A name with escapes in it is missed; then
 * the provider refuses it, as without us.
 */
#include <assert.h>

#include "base/hash.h"
#include "provider/quirk.h"

#define NINE 9
#define OPTIONS_MAX ((size_t)64 * 1024)

static const struct {
	const char *word;
	unsigned bit;
} words[] = {
	{ "any_choice", QUIRK_ANY_CHOICE },
	{ "max_completion", QUIRK_MAX_COMPLETION },
	{ "max_tokens", QUIRK_MAX_TOKENS },
	{ "nine_ids", QUIRK_NINE_IDS },
	{ "no_cache_marks", QUIRK_NO_CACHE_MARKS },
	{ "no_call_ids", QUIRK_NO_CALL_IDS },
	{ "no_stream_options", QUIRK_NO_STREAM_OPTIONS },
	{ "no_tiers", QUIRK_NO_TIERS },
	{ "none", 0 },
	{ "random_seed", QUIRK_RANDOM_SEED },
	{ "reasoning_apart", QUIRK_REASONING_APART },
	{ "reasoning_back", QUIRK_REASONING_BACK },
	{ "seals_back", QUIRK_SEALS_BACK },
	{ "strict", QUIRK_STRICT },
};

int
quirk_parse(struct str list, unsigned *bits, struct err *e)
{
	struct str word;
	size_t i;

	*bits = 0;
	while (list.p != NULL) {
		word = str_trim(str_split(&list, ','));
		for (i = 0; i < NROWS(words); i++)
			if (str_is(word, words[i].word))
				break;
		if (i == NROWS(words))
			return err_set(e, ERR_CONFIG, "no quirk \"%.*s\"",
			    (int)(word.n < 64 ? word.n : 64), word.p);
		*bits |= words[i].bit;
	}
	return 0;
}

static void
add(struct changes *c, struct jpatch p)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (str_eq(c->v[i].path, p.path))
			return;
	assert(c->n < CHANGES_MAX);
	c->v[c->n++] = p;
}

void
quirk_set(struct changes *c, struct str path, struct str raw)
{
	add(c, (struct jpatch){ JPATCH_SET, path, raw, NULL });
}

void
quirk_del(struct changes *c, struct str path)
{
	add(c, (struct jpatch){ JPATCH_DEL, path, STR_NONE, NULL });
}

void
quirk_ren(struct changes *c, struct str path, struct str to)
{
	add(c, (struct jpatch){ JPATCH_REN, path, to, NULL });
}

static void
map(struct changes *c, struct str path, void (*fn)(struct str, struct buf *))
{
	add(c, (struct jpatch){ JPATCH_MAP, path, STR_NONE, fn });
}

void
quirk_drop(struct changes *c, const char *name)
{
	if (c->dropped->n > 0)
		buf_addc(c->dropped, ',');
	buf_add(c->dropped, str_from(name));
}

static struct str
member(const struct changes *c, const char *name)
{
	return jscan_get(c->members, c->nmembers, name);
}

/* What the text of a member may hold at a quote, and be changed for. */
enum {
	SAYS_CACHE = 1 << 0,
	SAYS_BREAKPOINT = 1 << 1,
	SAYS_DEVELOPER = 1 << 2,
	SAYS_DETAILS = 1 << 3,
	SAYS_EXTRA = 1 << 4,
	SAYS_REASONING = 1 << 5, /* the details, too */
	SAYS_THINKING = 1 << 6,
	SAYS_CALL = 1 << 7,
};

static const struct {
	const char *start;
	unsigned bit;
} sayings[] = {
	{ "cache_control\"", SAYS_CACHE },
	{ "developer\"", SAYS_DEVELOPER },
	{ "extra_content\"", SAYS_EXTRA },
	{ "prompt_cache_breakpoint\"", SAYS_BREAKPOINT },
	{ "reasoning", SAYS_REASONING },
	{ "reasoning_details\"", SAYS_DETAILS },
	{ "thinking_blocks\"", SAYS_THINKING },
	{ "tool_call", SAYS_CALL },
};

/* One look at it, however much is asked for. */
static unsigned
says(struct str raw)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	unsigned bits = 0;

	while (p != NULL && (p = memchr(p, '"', (size_t)(end - p))) != NULL) {
		struct str rest = { ++p, (size_t)(end - p) };

		for (size_t i = 0; rest.n > 0 && i < NROWS(sayings); i++)
			if (*p == sayings[i].start[0] &&
			    str_starts(rest, sayings[i].start))
				bits |= sayings[i].bit;
	}
	return bits;
}

/* Delete a top-level member that the client gave, and say so. */
static void
leave_out(struct changes *c, const char *name)
{
	if (member(c, name).p == NULL)
		return;
	quirk_del(c, str_from(name));
	quirk_drop(c, name);
}

/*
 * Any text to nine letters and digits, the same for the call and its result.
 * 53 bits are enough not to meet by chance within one conversation.
 */
static void
nine_id(struct str raw, struct buf *out)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	unsigned char h[HASH_SIZE];
	uint64_t v = 0;
	size_t i;

	if (raw.n < 2 || raw.p[0] != '"')
		return;
	for (i = 1; i < raw.n - 1; i++)
		if (raw.p[i] == '\0' || strchr(letters, raw.p[i]) == NULL)
			break;
	if (i == raw.n - 1 && raw.n == NINE + 2)
		return;
	hash_sha256(raw, h);
	for (i = 0; i < sizeof(v); i++)
		v = v << 8 | h[i];
	buf_addc(out, '"');
	for (i = 0; i < NINE; i++, v /= 62)
		buf_addc(out, letters[v % 62]);
	buf_addc(out, '"');
}

static void
to_system(struct str raw, struct buf *out)
{
	if (str_is(raw, "\"developer\""))
		buf_add(out, STR("\"system\""));
}

static void
to_developer(struct str raw, struct buf *out)
{
	if (str_is(raw, "\"system\""))
		buf_add(out, STR("\"developer\""));
}

/* Only OpenAI and Azure know the developer; the first of theirs only him. */
static void
fix_roles(const struct target *t, struct changes *c)
{
	bool openai = (t->upstream->quirks & QUIRK_MAX_COMPLETION) != 0;

	if (openai && (t->caps & LLM_WANTS_DEVELOPER) != 0)
		map(c, STR("messages/*/role"), to_developer);
	else if (!openai && (c->says & SAYS_DEVELOPER) != 0)
		map(c, STR("messages/*/role"), to_system);
}

static void
fix_reasoning(struct changes *c)
{
	if ((c->says & SAYS_REASONING) != 0) {
		quirk_del(c, STR("messages/*/reasoning_content"));
		quirk_del(c, STR("messages/*/reasoning"));
	}
}

/* What somebody signed goes back to him, or to who passes it on to him. */
static void
fix_seals(struct changes *c)
{
	if ((c->says & SAYS_DETAILS) != 0)
		quirk_del(c, STR("messages/*/reasoning_details"));
	if ((c->says & SAYS_THINKING) != 0)
		quirk_del(c, STR("messages/*/thinking_blocks"));
	if ((c->says & SAYS_EXTRA) != 0)
		quirk_del(c, STR("messages/*/tool_calls/*/extra_content"));
}

static void
fix_cache_marks(struct changes *c)
{
	bool in_messages = (c->says & SAYS_CACHE) != 0;
	bool in_tools = (says(member(c, "tools")) & SAYS_CACHE) != 0;

	if (in_messages) {
		quirk_del(c, STR("messages/*/cache_control"));
		quirk_del(c, STR("messages/*/content/*/cache_control"));
	}
	if (in_tools) {
		quirk_del(c, STR("tools/*/cache_control"));
		quirk_del(c, STR("tools/*/function/cache_control"));
	}
	if (member(c, "cache_control").p != NULL)
		quirk_del(c, STR("cache_control"));
	else if (!in_messages && !in_tools)
		return;
	quirk_drop(c, "cache_control");
}

/* Hints of OpenAI (api.md section 18) that others answer with 422. */
static void
leave_out_hints(struct changes *c)
{
	static const char *const hints[] = { "include", "metadata",
		"moderation", "prompt_cache_key", "prompt_cache_options",
		"prompt_cache_retention", "safety_identifier", "service_tier",
		"store", "top_k", "truncation", "user", "verbosity" };
	size_t i;

	for (i = 0; i < NROWS(hints); i++)
		leave_out(c, hints[i]);
	if ((c->says & SAYS_BREAKPOINT) != 0)
		quirk_del(
		    c, STR("messages/*/content/*/prompt_cache_breakpoint"));
}

/*
 * Reasoning models refuse these, even some at their defaults, unless they are
 * told not to reason.  What is at its default goes without a word.
 */
static void
leave_out_sampling(struct changes *c)
{
	static const struct {
		const char *name;
		const char *def;
	} rows[] = {
		{ "temperature", "1" },
		{ "top_p", "1" },
		{ "presence_penalty", "0" },
		{ "frequency_penalty", "0" },
		{ "logprobs", "false" },
		{ "top_logprobs", "0" },
		{ "logit_bias", "{}" },
	};
	struct str raw;
	double v, def;
	size_t i;

	for (i = 0; i < NROWS(rows); i++) {
		raw = member(c, rows[i].name);
		if (raw.p == NULL)
			continue;
		quirk_del(c, str_from(rows[i].name));
		if (!str_is(raw, rows[i].def) && !jscan_null(raw) &&
		    !(jscan_num(raw, &v) &&
			jscan_num(str_from(rows[i].def), &def) && v <= def &&
			v >= def))
			quirk_drop(c, rows[i].name);
	}
}

static bool
has_tools(const struct changes *c)
{
	struct jiter it = jscan_into(member(c, "tools"));
	struct jmember m;

	return jscan_next(&it, &m);
}

/* The effort may also come out of other members: its path is closed. */
static bool
leave_out_effort(struct changes *c)
{
	static const char *const names[] = { "reasoning_effort", "reasoning",
		"effort" };
	size_t i;

	if (!has_tools(c))
		return false;
	quirk_del(c, STR("reasoning_effort"));
	for (i = 0; i < NROWS(names); i++)
		if (member(c, names[i]).p != NULL) {
			quirk_drop(c, names[i]);
			break;
		}
	return true;
}

static void
follow_wants(const struct target *t, struct changes *c)
{
	bool silent =
	    (t->caps & LLM_WANTS_NO_TOOL_EFFORT) != 0 && leave_out_effort(c);

	if ((t->caps & LLM_WANTS_NO_SAMPLING) != 0 &&
	    (silent || !str_is(member(c, "reasoning_effort"), "\"none\"")))
		leave_out_sampling(c);
	if ((t->caps & LLM_WANTS_NO_PENALTIES) != 0) {
		leave_out(c, "presence_penalty");
		leave_out(c, "frequency_penalty");
	}
	if ((t->caps & LLM_WANTS_MAX_COMPLETION) != 0 &&
	    (t->upstream->quirks & QUIRK_MAX_COMPLETION) != 0)
		quirk_ren(c, STR("max_tokens"), STR("max_completion_tokens"));
}

static bool
is_search(struct str tool)
{
	return str_is(jscan_at(tool, "type"), "\"web_search\"");
}

static void
without_search(struct str tools, struct buf *out)
{
	struct jiter it;
	struct jmember m;

	buf_addc(out, '[');
	for (it = jscan_into(tools); jscan_next(&it, &m);) {
		if (is_search(m.raw))
			continue;
		if (out->p[out->n - 1] != '[')
			buf_addc(out, ',');
		buf_add(out, m.raw);
	}
	buf_addc(out, ']');
}

/* Where the user is, one below as OpenAI has it, whoever wrote it how. */
static void
put_place(struct str place, struct jw *w)
{
	static const char *const names[] = { "city", "country", "region",
		"timezone" };
	struct str s;
	size_t i;

	if (jscan_at(place, "approximate").p != NULL) {
		jw_raw(w, "user_location", place);
		return;
	}
	jw_obj(w, "user_location");
	jw_strc(w, "type", "approximate");
	jw_obj(w, "approximate");
	for (i = 0; i < NROWS(names); i++)
		if ((s = jscan_at(place, names[i])).p != NULL)
			jw_raw(w, names[i], s);
	jw_end(w);
	jw_end(w);
}

/* What the tool says, as the member says it; the rest is told as dropped. */
static struct str
search_options(struct changes *c, struct str tool, struct arena *a)
{
	static const char *const lost[] = { "allowed_domains",
		"blocked_domains", "max_uses" };
	struct buf b = BUF_LIMIT(OPTIONS_MAX);
	struct jw w = JW_TO(&b);
	struct str s;
	size_t i;

	jw_obj(&w, NULL);
	s = jscan_at(tool, "search_context_size");
	if (s.p != NULL && !jscan_null(s))
		jw_raw(&w, "search_context_size", s);
	s = jscan_at(tool, "user_location");
	if (s.p != NULL && !jscan_null(s))
		put_place(s, &w);
	jw_end(&w);
	for (i = 0; i < NROWS(lost); i++) {
		s = jscan_at(tool, lost[i]);
		if (s.p != NULL && !jscan_null(s))
			quirk_drop(c, lost[i]);
	}
	s = b.full ? STR("{}") : arena_dup(a, buf_str(&b));
	buf_free(&b);
	return s;
}

/* OpenAI has no tool for it in chats, but a member. */
static void
move_search(struct changes *c, struct arena *a)
{
	struct jiter it = jscan_into(member(c, "tools"));
	struct jmember m;
	struct str tool = STR_NONE;
	bool search = str_is(member(c, "web_search"), "true");
	bool others = false;

	while (jscan_next(&it, &m)) {
		if (is_search(m.raw))
			tool = m.raw;
		else
			others = true;
	}
	if (!search && tool.p == NULL)
		return;
	if (others)
		map(c, STR("tools"), without_search);
	else
		quirk_del(c, STR("tools"));
	if (member(c, "web_search_options").p == NULL)
		quirk_set(
		    c, STR("web_search_options"), search_options(c, tool, a));
}

static void
rename_members(unsigned quirks, struct changes *c)
{
	if ((quirks & QUIRK_MAX_TOKENS) != 0)
		quirk_ren(c, STR("max_completion_tokens"), STR("max_tokens"));
	if ((quirks & QUIRK_RANDOM_SEED) != 0)
		quirk_ren(c, STR("seed"), STR("random_seed"));
	if ((quirks & QUIRK_ANY_CHOICE) != 0 &&
	    str_is(member(c, "tool_choice"), "\"required\""))
		quirk_set(c, STR("tool_choice"), STR("\"any\""));
}

void
quirk_apply(const struct target *t, struct changes *c, struct arena *a)
{
	unsigned quirks = t->upstream->quirks;

	c->says = says(member(c, "messages"));
	follow_wants(t, c);
	rename_members(quirks, c);
	fix_roles(t, c);
	if ((quirks & QUIRK_MAX_COMPLETION) != 0)
		move_search(c, a);
	if (member(c, "image_config").p != NULL &&
	    !jscan_null(member(c, "image_config")))
		quirk_drop(c, "image_config"); /* openai_body_patches() */
	if ((quirks & QUIRK_NO_STREAM_OPTIONS) != 0)
		quirk_del(c, STR("stream_options"));
	if ((quirks & QUIRK_REASONING_BACK) == 0)
		fix_reasoning(c);
	if ((quirks & QUIRK_SEALS_BACK) == 0)
		fix_seals(c);
	if ((quirks & QUIRK_NO_CACHE_MARKS) != 0)
		fix_cache_marks(c);
	if ((quirks & QUIRK_STRICT) != 0)
		leave_out_hints(c);
	if ((quirks & QUIRK_NINE_IDS) != 0 &&
	    (c->says & SAYS_CALL) != 0) {
		map(c, STR("messages/*/tool_calls/*/id"), nine_id);
		map(c, STR("messages/*/tool_call_id"), nine_id);
	}
}

void
quirk_responses(const struct target *t, struct changes *c)
{
	struct str effort = jscan_at(member(c, "reasoning"), "effort");

	if ((t->caps & LLM_WANTS_NO_SAMPLING) != 0 &&
	    !str_is(effort, "\"none\""))
		leave_out_sampling(c);
}

/*
 * Many servers know one spelling of a vector only; ours turns it into the one
 * that the client wants.
 */
void
quirk_embed(const struct target *t, struct changes *c)
{
	bool openai = (t->upstream->quirks & QUIRK_MAX_COMPLETION) != 0;

	if (!openai && member(c, "encoding_format").p != NULL)
		quirk_del(c, STR("encoding_format"));
	if (openai || (t->upstream->quirks & QUIRK_STRICT) != 0)
		leave_out(c, "input_type");
	if ((t->upstream->quirks & QUIRK_STRICT) != 0)
		leave_out(c, "user");
}
