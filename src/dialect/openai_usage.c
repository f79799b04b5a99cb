/*
 * Usage of OpenAI-like providers: the counts are the same, their places are
 * not (wire.md 1.7).
 */
#include "dialect/openai.h"

/* What one usage object told; -1: nothing. */
struct told {
	int64_t prompt;
	int64_t completion;
	int64_t total;
	int64_t cached;
	int64_t write;
	int64_t write_5m;
	int64_t write_1h;
	int64_t audio_in;
	int64_t image_in;
	int64_t reasoning;
	int64_t audio_out;
	int64_t image_out;
	int64_t searches;
};

struct row {
	const char *key;
	size_t offset;
};

#define AT(member) offsetof(struct told, member)

static const struct row top_rows[] = {
	{ "prompt_tokens", AT(prompt) }, { "input_tokens", AT(prompt) },
	{ "completion_tokens", AT(completion) },
	{ "output_tokens", AT(completion) }, { "total_tokens", AT(total) },
	{ "prompt_cache_hit_tokens", AT(cached) }, /* DeepSeek */
	{ "cached_tokens", AT(cached) },           /* Moonshot */
	{ "num_cached_tokens", AT(cached) },       /* Mistral */
	{ "reasoning_tokens", AT(reasoning) },     /* Perplexity */
	{ "num_search_queries", AT(searches) },    /* Perplexity */
};

static const struct row in_rows[] = {
	{ "cached_tokens", AT(cached) },
	{ "cache_write_tokens", AT(write) },
	{ "audio_tokens", AT(audio_in) },
	{ "image_tokens", AT(image_in) },
};

static const struct row life_rows[] = {
	{ "ephemeral_5m_input_tokens", AT(write_5m) },
	{ "ephemeral_1h_input_tokens", AT(write_1h) },
};

static const struct row out_rows[] = {
	{ "reasoning_tokens", AT(reasoning) },
	{ "audio_tokens", AT(audio_out) },
	{ "image_tokens", AT(image_out) },
};

static void
read_rows(
    const struct jmember *m, const struct row *t, size_t n, struct told *to)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_is(m->key, t[i].key))
			answer_count(m->raw,
			    (int64_t *)(void *)((char *)to + t[i].offset));
}

static void
read_details(struct str raw, const struct row *t, size_t n, struct told *to)
{
	struct jiter it, in;
	struct jmember m, l;

	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		read_rows(&m, t, n, to);
		if (!str_eq(m.key, STR("cache_creation")))
			continue;
		for (in = jscan_into(m.raw); jscan_next(&in, &l);)
			read_rows(&l, life_rows, NROWS(life_rows), to);
	}
}

/*
 * Does completion_tokens lack the reasoning?  The total tells, where it is
 * given (xAI); if not, what is known of the provider.  More reasoning than
 * completion can only be apart (trap 112).
 */
static bool
is_apart(const struct told *t, const struct frame *f)
{
	if (t->reasoning <= 0 || t->completion < 0)
		return false;
	if (t->reasoning > t->completion)
		return true;
	if (t->total > 0 && t->prompt >= 0) {
		if (t->total == t->prompt + t->completion)
			return false;
		if (t->total == t->prompt + t->completion + t->reasoning)
			return true;
	}
	return f->reasoning_apart;
}

static void
set(int64_t *to, int64_t v)
{
	if (v >= 0)
		*to = v;
}

static void
apply(const struct told *t, const struct frame *f, struct llm_usage *u)
{
	int64_t written = t->write;

	set(&u->input, t->prompt);
	set(&u->cache_read, t->cached);
	set(&u->audio_in, t->audio_in);
	set(&u->image_in, t->image_in);
	set(&u->reasoning, t->reasoning);
	set(&u->audio_out, t->audio_out);
	set(&u->image_out, t->image_out);
	if (t->searches > 0)
		u->searches = (int)t->searches;
	set(&u->cache_write_1h, t->write_1h);
	if (written >= 0 && t->write_1h > 0)
		written = written > t->write_1h ? written - t->write_1h : 0;
	set(&u->cache_write_5m, written >= 0 ? written : t->write_5m);
	if (t->completion >= 0)
		u->output = t->completion + (is_apart(t, f) ? t->reasoning : 0);
	if (u->cache_read > u->input)
		u->cache_read = u->input;
}

bool
openai_read_usage(struct str raw, const struct frame *f, struct llm_usage *u)
{
	struct str in = STR_NONE, out = STR_NONE;
	struct told t;
	struct jiter it;
	struct jmember m;

	if (raw.n == 0 || raw.p[0] != '{')
		return false;
	memset(&t, 0xff, sizeof(t)); /* all -1 */
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (str_eq(m.key, STR("prompt_tokens_details")) ||
		    str_eq(m.key, STR("input_tokens_details")))
			in = m.raw;
		else if (str_eq(m.key, STR("completion_tokens_details")) ||
		    str_eq(m.key, STR("output_tokens_details")))
			out = m.raw;
		else
			read_rows(&m, top_rows, NROWS(top_rows), &t);
	}
	/* The details count more than what stands beside them. */
	read_details(in, in_rows, NROWS(in_rows), &t);
	read_details(out, out_rows, NROWS(out_rows), &t);
	apply(&t, f, u);
	return t.prompt > 0 || t.completion > 0;
}

static void
put_in(struct jw *w, const struct llm_usage *u, struct str raw)
{
	static const char *const ours[] = { "cached_tokens",
		"cache_write_tokens", "audio_tokens", "image_tokens",
		"cache_creation", NULL };
	struct str life = raw.n > 2 ? jscan_at(raw, "cache_creation") : STR_NONE;

	jw_obj(w, "prompt_tokens_details");
	jw_int(w, "cached_tokens", u->cache_read);
	jw_int(w, "cache_write_tokens", u->cache_write_5m + u->cache_write_1h);
	jw_int(w, "audio_tokens", u->audio_in);
	jw_int(w, "image_tokens", u->image_in);
	if (u->cache_write_1h > 0 || (life.n > 0 && life.p[0] == '{')) {
		jw_obj(w, "cache_creation");
		jw_int(w, "ephemeral_5m_input_tokens", u->cache_write_5m);
		jw_int(w, "ephemeral_1h_input_tokens", u->cache_write_1h);
		jw_end(w);
	}
	answer_put_unknown(w->out, raw, ours);
	jw_end(w);
}

static void
put_out(struct jw *w, const struct llm_usage *u, struct str raw)
{
	static const char *const ours[] = { "reasoning_tokens", "audio_tokens",
		"image_tokens", NULL };

	jw_obj(w, "completion_tokens_details");
	jw_int(w, "reasoning_tokens", u->reasoning);
	jw_int(w, "audio_tokens", u->audio_out);
	jw_int(w, "image_tokens", u->image_out);
	answer_put_unknown(w->out, raw, ours);
	jw_end(w);
}

void
openai_put_usage(
    struct jw *w, const char *key, const struct tail *t, struct str raw)
{
	static const char *const ours[] = { "prompt_tokens",
		"completion_tokens", "total_tokens", "prompt_tokens_details",
		"completion_tokens_details", "cost", "cost_details",
		"estimated", NULL };
	const struct llm_usage *u = t->usage;
	struct str in = STR_NONE, out = STR_NONE;
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (str_eq(m.key, STR("prompt_tokens_details")))
			in = m.raw;
		else if (str_eq(m.key, STR("completion_tokens_details")))
			out = m.raw;
	}
	jw_obj(w, key);
	jw_int(w, "prompt_tokens", u->input);
	jw_int(w, "completion_tokens", u->output);
	jw_int(w, "total_tokens", u->input + u->output);
	put_in(w, u, in);
	put_out(w, u, out);
	answer_put_cost(t, w);
	answer_put_unknown(w->out, raw, ours);
	jw_end(w);
}
