#include <stdio.h>
#include <time.h>

#include "domain/iam.h"
#include "pipeline/models.h"

static bool
has_own(const struct org *o, struct str provider)
{
	int i;

	for (i = 0; i < o->nkeys; i++)
		if (str_eq(o->keys[i].provider, provider))
			return true;
	return false;
}

static bool
offered(const struct view *v, const struct mapping *m)
{
	const struct upstream *u;

	if (mapping_ended(m, v->today) && !v->deactivated)
		return false;
	if (v->no_deprecated && mapping_deprecated(m, v->today))
		return false;
	if (v->barred || (v->who != NULL && !iam_allows(v->who, m)))
		return false;
	if (v->all)
		return true;
	if (v->who != NULL && strcmp(v->who->mode, "credits") != 0 &&
	    has_own(v->who->org, m->provider))
		return true;
	if (v->who != NULL && strcmp(v->who->mode, "api-keys") == 0)
		return false;
	u = providers_find(v->world->providers, m->provider);
	return u != NULL && upstream_usable(u);
}

bool
models_offered(const struct view *v, const struct model *model)
{
	/* Anthropic's clients see what answers with text. */
	unsigned kinds = v->anthropic ?
	    LLM_CAN_CHAT :
	    LLM_CAN_CHAT | LLM_CAN_DRAW | LLM_CAN_EMBED;
	const struct mapping *m;
	int i;

	for (i = 0; i < model->nmappings; i++) {
		m = &model->mappings[i];
		if (offered(v, m) && (m->caps & kinds) != 0)
			return true;
	}
	return false;
}

bool
models_listed(const struct view *v, const struct model *model)
{
	return model->id.p[model->id.n - 1] != '*' && models_offered(v, model);
}

/* Pico-dollars as dollars: "0.00000015". */
static void
put_price(struct jw *w, const char *key, int64_t pico)
{
	char tmp[40];
	int n;

	if (pico <= 0) {
		jw_strc(w, key, "0");
		return;
	}
	n = snprintf(tmp, sizeof(tmp), "%lld.%012lld",
	    (long long)(pico / 1000000000000),
	    (long long)(pico % 1000000000000));
	while (n > 0 && tmp[n - 1] == '0')
		tmp[--n] = '\0';
	if (n > 0 && tmp[n - 1] == '.')
		tmp[--n] = '\0';
	jw_strc(w, key, tmp);
}

static void
put_pricing(struct jw *w, const struct prices *p, bool top)
{
	jw_obj(w, "pricing");
	put_price(w, "prompt", p->input);
	put_price(w, "completion", p->output);
	put_price(w, "image", p->image_in);
	put_price(w, "request", p->request);
	put_price(w, "input_cache_read", p->cached_input);
	put_price(w, "input_cache_write", p->cache_write);
	if (top) {
		put_price(w, "web_search", p->web_search);
		put_price(w, "internal_reasoning", p->output);
	} else
		put_price(w, "input_cache_write_1h", p->cache_write_1h);
	jw_end(w);
}

static bool
can(const struct mapping *m, unsigned bit)
{
	return (m->caps & bit) != 0;
}

static void
put_efforts(struct jw *w, const struct mapping *m)
{
	int i;

	jw_arr(w, "reasoning_efforts");
	for (i = 0; i < LLM_EFFORT__COUNT; i++)
		if ((m->efforts & 1u << i) != 0)
			jw_strc(w, NULL, llm_effort_words[i]);
	jw_end(w);
}

static void
put_mapping(struct jw *w, const struct mapping *m)
{
	jw_obj(w, NULL);
	jw_str(w, "providerId", m->provider);
	jw_str(w, "modelName", m->upstream);
	put_pricing(w, &m->tiers[0], false);
	jw_int(w, "context_length", m->context);
	jw_int(w, "max_output", m->max_output);
	if (can(m, LLM_CAN_STREAM) && !can(m, LLM_CAN_PLAIN))
		jw_strc(w, "streaming", "only");
	else
		jw_bool(w, "streaming", can(m, LLM_CAN_STREAM));
	jw_bool(w, "vision", can(m, LLM_CAN_IMAGES));
	jw_bool(w, "cancellation", true);
	jw_bool(w, "tools", can(m, LLM_CAN_TOOLS));
	jw_bool(w, "parallelToolCalls", can(m, LLM_CAN_PARALLEL));
	jw_bool(w, "reasoning", can(m, LLM_CAN_REASON));
	put_efforts(w, m);
	jw_arr(w, "regions");
	jw_end(w);
	jw_str(w, "stability",
	    m->stability.p == NULL ? STR("stable") : m->stability);
	jw_end(w);
}

/* What all offered mappings add up to. */
struct sum {
	unsigned caps;
	int64_t context, max_output;
	const struct prices *cheapest;
	struct str deprecated, deactivated; /* latest; absent if one has none */
	bool any;
};

static struct str
latest(struct str a, struct str b, bool first)
{
	if (first)
		return b;
	if (a.p == NULL || b.p == NULL)
		return STR_NONE;
	return str_cmp(a, b) > 0 ? a : b;
}

static struct sum
sum_of(const struct view *v, const struct model *model)
{
	struct sum s = { 0 };
	const struct mapping *m;
	int i;

	for (i = 0; i < model->nmappings; i++) {
		m = &model->mappings[i];
		if (!offered(v, m))
			continue;
		s.caps |= m->caps;
		if (m->context > s.context)
			s.context = m->context;
		if (m->max_output > s.max_output)
			s.max_output = m->max_output;
		if (s.cheapest == NULL ||
		    m->tiers[0].input + m->tiers[0].output <
			s.cheapest->input + s.cheapest->output)
			s.cheapest = &m->tiers[0];
		s.deprecated = latest(s.deprecated, m->deprecated_at, !s.any);
		s.deactivated =
		    latest(s.deactivated, m->deactivated_at, !s.any);
		s.any = true;
	}
	return s;
}

/* The words whose bits the capabilities have; bit 0: always. */
static void
put_words(struct jw *w, const char *key, unsigned caps, const unsigned *bits,
    const char *const *words)
{
	int i;

	jw_arr(w, key);
	for (i = 0; words[i] != NULL; i++)
		if (bits[i] == 0 || (caps & bits[i]) != 0)
			jw_strc(w, NULL, words[i]);
	jw_end(w);
}

static void
put_architecture(struct jw *w, unsigned caps)
{
	static const unsigned in_bits[] = { 0, LLM_CAN_IMAGES, LLM_CAN_AUDIO,
		LLM_CAN_FILES, LLM_CAN_VIDEO };
	static const char *const in_words[] = { "text", "image", "audio",
		"file", "video", NULL };
	static const unsigned out_bits[] = { LLM_CAN_CHAT, LLM_CAN_DRAW,
		LLM_CAN_SPEAK, LLM_CAN_EMBED };
	static const char *const out_words[] = { "text", "image", "audio",
		"embeddings", NULL };

	jw_obj(w, "architecture");
	put_words(w, "input_modalities", caps, in_bits, in_words);
	put_words(w, "output_modalities", caps, out_bits, out_words);
	jw_strc(w, "tokenizer", "GPT");
	jw_end(w);
}

static void
put_parameters(struct jw *w, unsigned caps)
{
	static const unsigned bits[] = { 0, 0, 0, 0, LLM_CAN_TOOLS,
		LLM_CAN_TOOLS, LLM_CAN_JSON | LLM_CAN_SCHEMA, LLM_CAN_REASON,
		LLM_CAN_BUDGET };
	static const char *const words[] = { "max_tokens", "stop", "stream",
		"seed", "tools", "tool_choice", "response_format",
		"reasoning_effort", "reasoning", NULL };
	static const char *const sampling[] = { "temperature", "top_p",
		"frequency_penalty", "presence_penalty", NULL };
	static const char *const drawing[] = { "n", "size", "aspect_ratio",
		"quality", "response_format", NULL };
	bool chats = (caps & LLM_CAN_CHAT) != 0;
	int i;

	jw_arr(w, "supported_parameters");
	for (i = 0; !chats && (caps & LLM_CAN_DRAW) != 0 && drawing[i] != NULL;
	     i++)
		jw_strc(w, NULL, drawing[i]);
	for (i = 0; chats && words[i] != NULL; i++)
		if (bits[i] == 0 || (caps & bits[i]) != 0)
			jw_strc(w, NULL, words[i]);
	for (i = 0; chats && sampling[i] != NULL; i++)
		if ((caps & LLM_WANTS_NO_SAMPLING) == 0)
			jw_strc(w, NULL, sampling[i]);
	jw_end(w);
}

/* Unix seconds of "2024-07-18"; 0 if there is no date. */
static int64_t
unix_day(struct str day)
{
	struct tm tm = { 0 };
	char tmp[16];

	if (day.n != 10)
		return 0;
	memcpy(tmp, day.p, 10);
	tmp[10] = '\0';
	return strptime(tmp, "%Y-%m-%d", &tm) == NULL ? 0 :
							(int64_t)timegm(&tm);
}

static void
put_head(struct jw *w, const struct model *m)
{
	int i;

	jw_str(w, "id", m->id);
	jw_strc(w, "object", "model");
	jw_int(w, "created", unix_day(m->released));
	jw_str(w, "owned_by", m->owned_by.p == NULL ? STR("") : m->owned_by);
	jw_str(w, "name", m->name.p == NULL ? m->id : m->name);
	jw_str(w, "family", m->family.p == NULL ? STR("") : m->family);
	jw_arr(w, "aliases");
	for (i = 0; i < m->naliases; i++)
		jw_str(w, NULL, m->aliases[i]);
	jw_end(w);
}

static void
put_description(struct jw *w, const struct model *m)
{
	struct buf b = BUF_LIMIT(1024);

	if (m->description.p == NULL) {
		buf_add(&b, m->id);
		buf_add(&b, STR(" provided by "));
		buf_add(&b, m->mappings[0].provider);
	}
	jw_str(w, "description",
	    m->description.p == NULL ? buf_str(&b) : m->description);
	buf_free(&b);
}

void
models_put(struct jw *w, const struct view *v, const struct model *m)
{
	struct sum s = sum_of(v, m);
	int i;

	jw_obj(w, NULL);
	put_head(w, m);
	put_description(w, m);
	put_architecture(w, s.caps);
	jw_obj(w, "top_provider");
	jw_bool(w, "is_moderated", true);
	jw_end(w);
	jw_arr(w, "providers");
	for (i = 0; i < m->nmappings; i++)
		if (offered(v, &m->mappings[i]))
			put_mapping(w, &m->mappings[i]);
	jw_end(w);
	put_pricing(w, s.cheapest, true);
	jw_int(w, "context_length", s.context);
	jw_int(w, "max_output_tokens", s.max_output);
	put_parameters(w, s.caps);
	jw_bool(w, "json_output", (s.caps & LLM_CAN_JSON) != 0);
	jw_bool(w, "structured_outputs", (s.caps & LLM_CAN_SCHEMA) != 0);
	jw_bool(w, "free", m->free);
	if (s.deprecated.p != NULL)
		jw_str(w, "deprecated_at", s.deprecated);
	if (s.deactivated.p != NULL)
		jw_str(w, "deactivated_at", s.deactivated);
	jw_end(w);
}

void
models_put_anthropic(struct jw *w, const struct model *m)
{
	struct buf b = BUF_LIMIT(64);

	buf_add(&b, m->released.n == 10 ? m->released : STR("1970-01-01"));
	buf_add(&b, STR("T00:00:00Z"));
	jw_obj(w, NULL);
	jw_strc(w, "type", "model");
	jw_str(w, "id", m->id);
	jw_str(w, "display_name", m->name.p == NULL ? m->id : m->name);
	jw_str(w, "created_at", buf_str(&b));
	jw_end(w);
	buf_free(&b);
}

void
models_put_auto(struct jw *w, const struct view *v)
{
	const struct catalog *c = v->world->catalog;
	struct model all = { .id = STR("auto"),
		.name = STR("Automatic choice"),
		.family = STR("llmgateway"),
		.owned_by = STR("llmgateway"),
		.description = STR("the cheapest model that can do it") };
	struct sum s, sum = { 0 };
	struct view chats = *v;
	int i;

	chats.anthropic = true; /* auto answers with text */
	for (i = 0; i < catalog_count(c); i++) {
		if (!models_listed(&chats, catalog_at(c, i)))
			continue;
		s = sum_of(v, catalog_at(c, i));
		sum.caps |= s.caps;
		if (s.context > sum.context)
			sum.context = s.context;
		if (s.max_output > sum.max_output)
			sum.max_output = s.max_output;
	}
	jw_obj(w, NULL);
	put_head(w, &all);
	jw_str(w, "description", all.description);
	put_architecture(w, sum.caps & ~(unsigned)LLM_WANTS_NO_SAMPLING);
	jw_arr(w, "providers");
	jw_end(w);
	jw_int(w, "context_length", sum.context);
	jw_int(w, "max_output_tokens", sum.max_output);
	put_parameters(w, sum.caps & ~(unsigned)LLM_WANTS_NO_SAMPLING);
	jw_bool(w, "json_output", (sum.caps & LLM_CAN_JSON) != 0);
	jw_bool(w, "structured_outputs", (sum.caps & LLM_CAN_SCHEMA) != 0);
	jw_bool(w, "free", false);
	jw_end(w);
}
