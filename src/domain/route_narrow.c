#include "domain/route.h"

/* Bytes of text for which one token is surely needed (api.md 18). */
#define BYTES_PER_TOKEN 8

/* In the order in which they are told. */
static const struct {
	unsigned need;
	const char *lack; /* follows the model string */
} rows[] = {
	{ LLM_CAN_JSON, "does not support JSON output mode" },
	{ LLM_CAN_SCHEMA, "does not support JSON schema output mode" },
	{ LLM_CAN_TOOLS,
	    "does not support tool calls. Remove the tools/tool_choice "
	    "parameter or use a tool-capable model." },
	{ LLM_CAN_REASON,
	    "does not support reasoning. Remove the reasoning_effort "
	    "parameter or use a reasoning-capable model." },
	{ LLM_CAN_BUDGET,
	    "does not support reasoning.max_tokens. Remove the "
	    "reasoning.max_tokens parameter or use a model that supports "
	    "explicit reasoning token budgets." },
	{ LLM_CAN_SEARCH,
	    "does not support native web search. Remove the web_search tool "
	    "or use a model that supports it." },
	{ LLM_CAN_IMAGES, "does not support image input" },
	{ LLM_CAN_AUDIO, "does not support audio input" },
	{ LLM_CAN_FILES, "does not support document input" },
	{ LLM_CAN_VIDEO, "does not support video input" },
	{ LLM_CAN_DRAW, "does not support image output" },
	{ LLM_CAN_SPEAK, "does not support audio output" },
	{ LLM_CAN_CHAT, "does not support text output" },
};

/*
 * parallel_tool_calls is a hint, and an answer in one piece can be replayed as
 * a stream and the other way: none of the three stops a mapping.
 */
#define NO_HINDRANCE (LLM_CAN_PARALLEL | LLM_CAN_STREAM | LLM_CAN_PLAIN)

__int128
route_price(const struct route_world *w, const struct mapping *p)
{
	const struct prices *t = &p->tiers[0];
	int64_t in = t->input > 0 ? t->input : 0;
	__int128 sum = (__int128)in + (t->output > 0 ? t->output : 0);

	return sum *
	    (w == NULL || w->factor == NULL ? 1000000 : w->factor(w->arg, p));
}

void
route_sort(const struct route_world *w, const struct mapping **v, int n)
{
	const struct mapping *p;
	int i, j;

	for (i = 1; i < n; i++) {
		p = v[i];
		for (j = i; j > 0 && route_price(w, v[j - 1]) > route_price(w, p); j--)
			v[j] = v[j - 1];
		v[j] = p;
	}
}

/* Of embeddings the sum of all inputs says nothing about any of them. */
static int64_t
estimate(const struct llm_request *q)
{
	if ((q->needs & LLM_CAN_EMBED) != 0)
		return 0;
	return (int64_t)(q->text_bytes / BYTES_PER_TOKEN);
}

static bool
fits_output(const struct mapping *p, const struct llm_request *q)
{
	return p->max_output == 0 || q->max_output <= p->max_output;
}

static bool
fits_input(const struct mapping *p, const struct llm_request *q)
{
	return p->context == 0 || estimate(q) <= p->context;
}

/* What asks for no other kind of answer asks for text. */
static unsigned
needs(const struct llm_request *q)
{
	return (q->needs & (LLM_CAN_EMBED | LLM_CAN_DRAW)) != 0 ?
	    q->needs :
	    q->needs | LLM_CAN_CHAT;
}

static bool
serves(const struct mapping *p, const struct llm_request *q)
{
	return (needs(q) & ~(p->caps | NO_HINDRANCE)) == 0 &&
	    fits_output(p, q) && fits_input(p, q);
}

bool
route_serves(
    const struct route *r, const struct mapping *p, const struct llm_request *q)
{
	const struct route_world *w = r->world;

	return !mapping_ended(p, w->today) && serves(p, q) &&
	    (w->allowed == NULL || w->allowed(w->arg, p)) &&
	    w->usable(w->arg, p->provider);
}

/* Drop what lacks the bit; false: nothing would be left, nothing is dropped. */
static bool
keep_with(struct route *r, unsigned need)
{
	int i, n = 0;

	for (i = 0; i < r->nfound; i++)
		n += (r->found[i]->caps & need) == need;
	if (n == 0)
		return false;
	for (i = n = 0; i < r->nfound; i++) {
		if ((r->found[i]->caps & need) == need)
			r->found[n++] = r->found[i];
	}
	r->nfound = n;
	return true;
}

static bool
keep_fitting(struct route *r, const struct llm_request *q,
    bool (*fits)(const struct mapping *, const struct llm_request *))
{
	int i, n = 0;

	for (i = 0; i < r->nfound; i++)
		n += fits(r->found[i], q);
	if (n == 0)
		return false;
	for (i = n = 0; i < r->nfound; i++) {
		if (fits(r->found[i], q))
			r->found[n++] = r->found[i];
	}
	r->nfound = n;
	return true;
}

/* The part of a model string that messages show. */
static struct str
shown(const struct route *r)
{
	struct str s = r->asked; /* ASCII: it was resolved */

	s.n = s.n > 200 ? 200 : s.n;
	return s;
}

/* Some embeddings have one size only. */
static int
narrow_resize(struct route *r, const struct llm_request *q, struct err *e)
{
	if (q->dimensions == 0 || keep_with(r, LLM_CAN_RESIZE))
		return 0;
	e->param = STR("dimensions");
	return err_set(e, ERR_NO_CAPABILITY,
	    "Model %.*s does not support dimensions", STR_ARG(shown(r)));
}

/* Embeddings and chat are different endpoints. */
static int
narrow_kind(struct route *r, const struct llm_request *q, struct err *e)
{
	if ((q->needs & LLM_CAN_EMBED) != 0) {
		if (keep_with(r, LLM_CAN_EMBED))
			return narrow_resize(r, q, e);
		return err_set(e, ERR_NO_CAPABILITY,
		    "Model %.*s is not an embeddings model", STR_ARG(shown(r)));
	}
	/* A stream of images is not made out of one piece. */
	if (q->pictures > 0 && q->stream && keep_with(r, LLM_CAN_DRAW) &&
	    !keep_with(r, LLM_CAN_STREAM)) {
		e->param = STR("stream");
		return err_set(e, ERR_NO_SUCH_PARAM,
		    "stream is not supported by any available provider for "
		    "model %.*s",
		    STR_ARG(shown(r)));
	}
	if ((needs(q) & LLM_CAN_CHAT) != 0 && !keep_with(r, LLM_CAN_CHAT) &&
	    keep_with(r, LLM_CAN_EMBED))
		return err_set(e, ERR_NO_CAPABILITY,
		    "Model %.*s is an embeddings model and cannot be used "
		    "with /v1/chat/completions. Use the /v1/embeddings "
		    "endpoint instead.",
		    STR_ARG(shown(r)));
	return 0;
}

static int
narrow_caps(struct route *r, const struct llm_request *q, struct err *e)
{
	size_t i;

	for (i = 0; i < NROWS(rows); i++) {
		if ((needs(q) & rows[i].need) != 0 &&
		    !keep_with(r, rows[i].need))
			return err_set(e, ERR_NO_CAPABILITY, "Model %.*s %s",
			    STR_ARG(shown(r)), rows[i].lack);
	}
	return 0;
}

static bool
has_plain(const struct route *r, struct str provider)
{
	for (int i = 0; i < r->nfound; i++)
		if ((r->found[i]->caps & LLM_CAN_REASON) == 0 &&
		    str_eq(r->found[i]->provider, provider))
			return true;
	return false;
}

/*
 * Of a provider that offers a model twice, reasoning and plain, the plain one
 * serves what says nothing of reasoning (api.md 12.3).  With an effort
 * narrow_caps() has left the reasoning one.
 */
static void
narrow_variants(struct route *r, const struct llm_request *q)
{
	unsigned all = ~0u, any = 0;
	int i, n = 0;

	for (i = 0; i < r->nfound; i++) {
		all &= r->found[i]->caps;
		any |= r->found[i]->caps;
	}
	if (((any & ~all) & LLM_CAN_REASON) == 0 ||
	    (needs(q) & LLM_CAN_REASON) != 0)
		return;
	for (i = 0; i < r->nfound; i++)
		if ((r->found[i]->caps & LLM_CAN_REASON) == 0 ||
		    !has_plain(r, r->found[i]->provider))
			r->found[n++] = r->found[i];
	r->nfound = n;
}

static int
narrow_size(struct route *r, const struct llm_request *q, struct err *e)
{
	int64_t output = 0, context = 0;
	int i;

	for (i = 0; i < r->nfound; i++) {
		if (r->found[i]->max_output > output)
			output = r->found[i]->max_output;
	}
	if (!keep_fitting(r, q, fits_output)) {
		e->param = STR("max_tokens");
		return err_set(e, ERR_BAD_PARAM,
		    "The requested max_tokens (%lld) exceeds the maximum "
		    "output tokens allowed for model %.*s (%lld)",
		    (long long)q->max_output, STR_ARG(shown(r)),
		    (long long)output);
	}
	for (i = 0; i < r->nfound; i++) {
		if (r->found[i]->context > context)
			context = r->found[i]->context;
	}
	if (!keep_fitting(r, q, fits_input))
		return err_set(e, ERR_CONTEXT,
		    "The input (about %lld tokens) exceeds the context of "
		    "model %.*s (%lld)",
		    (long long)estimate(q), STR_ARG(shown(r)),
		    (long long)context);
	return 0;
}

/* What the client asks for of models it names itself (api.md 12.2). */
static int
narrow_wanted(struct route *r, const struct llm_request *q, struct err *e)
{
	int i, n = 0;

	if (route_says(q, "free_models_only") && !route_is_free(r->model))
		return err_set(e, ERR_NO_CAPABILITY,
		    "Model %.*s is not free. Remove free_models_only "
		    "parameter or use a free model.",
		    STR_ARG(shown(r)));
	/* Of a name that the catalogue lacks nobody knows whether it does. */
	if (!route_says(q, "no_reasoning") || r->model == NULL)
		return 0;
	for (i = 0; i < r->nfound; i++)
		if ((r->found[i]->caps & LLM_CAN_REASON) == 0)
			r->found[n++] = r->found[i];
	if (n == 0)
		return err_set(e, ERR_NO_CAPABILITY,
		    "Model %.*s is a reasoning model. Remove no_reasoning "
		    "parameter or use another model.",
		    STR_ARG(shown(r)));
	r->nfound = n;
	return 0;
}

int
route_narrow(struct route *r, struct llm_request *q, struct err *e)
{
	if (r->automatic)
		return route_auto(r, q, e);
	if (narrow_kind(r, q, e) == -1 || narrow_wanted(r, q, e) == -1 ||
	    narrow_caps(r, q, e) == -1 || narrow_size(r, q, e) == -1)
		return -1;
	if (q->wishes != 0)
		keep_with(r, q->wishes);
	narrow_variants(r, q);
	route_sort(r->world, r->found, r->nfound);
	return 0;
}
