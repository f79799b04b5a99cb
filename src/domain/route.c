#include "domain/route.h"

/* Client text is quoted at most so long (api.md 2.1). */
#define QUOTE_MAX 200

/*
 * All that can be asked for: of a name that the catalogue lacks nothing is
 * known, the provider will say what it cannot do.
 */
#define FREE_TEXT_CAPS                                                         \
	(LLM_CAN_TOOLS | LLM_CAN_PARALLEL | LLM_CAN_IMAGES | LLM_CAN_AUDIO |   \
	    LLM_CAN_FILES | LLM_CAN_VIDEO | LLM_CAN_JSON | LLM_CAN_SCHEMA |    \
	    LLM_CAN_REASON | LLM_CAN_BUDGET | LLM_CAN_SEARCH |                 \
	    LLM_CAN_STREAM | LLM_CAN_PLAIN | LLM_CAN_EMBED | LLM_CAN_DRAW |    \
	    LLM_CAN_SPEAK | LLM_CAN_CHAT | LLM_CAN_RESIZE)

static const struct prices free_text_prices = {
	.upto = INT64_MAX,
	.cached_input = NO_PRICE,
	.cache_write = NO_PRICE,
	.cache_write_1h = NO_PRICE,
	.image_in = NO_PRICE,
	.image_out = NO_PRICE,
	.audio_in = NO_PRICE,
	.audio_out = NO_PRICE,
};

/* The model string as messages show it. */
static struct str
quoted(struct str s)
{
	return str_cut(s, QUOTE_MAX);
}

static int
unsupported(const struct route *r, struct err *e)
{
	return err_set(e, ERR_NO_MODEL, "Requested model %.*s not supported",
	    STR_ARG(quoted(r->asked)));
}

/* An id that ends in '*' stands for the name that was asked for. */
static const struct mapping *
named(struct route *r, const struct mapping *p, struct str name)
{
	if (p->model->id.p[p->model->id.n - 1] != '*')
		return p;
	r->free_text = *p;
	if (str_eq(p->upstream, p->model->id))
		r->free_text.upstream = name;
	r->root = name;
	return &r->free_text;
}

/* The variants that the provider has, or the one of its own name. */
static void
take_pinned(struct route *r, const struct model *m, struct str provider,
    struct str name)
{
	bool is_root = str_eq(m->id, name);
	const struct mapping *p;

	for (int i = 0; i < m->nmappings && r->nfound < ROUTE_MAX; i++) {
		p = &m->mappings[i];
		if (!str_eq(p->provider, provider) ||
		    mapping_ended(p, r->world->today))
			continue;
		if (!is_root && str_eq(p->upstream, name))
			r->nfound = 0;
		r->found[r->nfound++] = p = named(r, p, name);
		if (p == &r->free_text ||
		    (!is_root && str_eq(p->upstream, name)))
			break;
	}
}

/* All mappings that have not ended, or those at the provider. */
static int
take_model(struct route *r, const struct model *m, struct str provider,
    struct str name, struct err *e)
{
	const struct mapping *p;
	int i;

	r->model = m;
	r->root = m->id;
	if (provider.p != NULL)
		take_pinned(r, m, provider, name);
	if (r->nfound > 0) {
		r->provider = provider;
		return 0;
	}
	for (i = 0; i < m->nmappings && r->nfound < ROUTE_MAX; i++) {
		p = &m->mappings[i];
		if (mapping_ended(p, r->world->today))
			continue;
		r->found[r->nfound++] = named(r, p, name);
		if (r->found[r->nfound - 1] == &r->free_text)
			break; /* there is room for one such */
	}
	if (r->nfound == 0)
		return err_set(e, ERR_MODEL_GONE,
		    "Model %.*s has been deactivated and is no longer "
		    "available",
		    STR_ARG(quoted(r->asked)));
	return 0;
}

static int
take_free_text(struct route *r, struct str provider, struct str name)
{
	r->free_text = (struct mapping){
		.provider = provider,
		.upstream = name,
		.caps = FREE_TEXT_CAPS,
		.tiers = &free_text_prices,
		.ntiers = 1,
	};
	r->root = name;
	r->provider = provider;
	r->found[r->nfound++] = &r->free_text;
	return 0;
}

/* The model that a provider offers under this name, or NULL. */
static const struct model *
offered(const struct route *r, struct str provider, struct str name)
{
	const struct catalog *c = r->world->catalog;
	const struct model *m = catalog_find(c, name);
	const struct mapping *p;

	for (int i = 0; m != NULL && i < m->nmappings; i++)
		if (str_eq(m->mappings[i].provider, provider))
			return m;
	p = catalog_upstream(c, provider, name);
	return p == NULL ? NULL : p->model;
}

/* "NAME:REGION" of a known name, which becomes *text. */
static bool
is_regional(const struct route *r, struct str provider, struct str *text,
    struct str *region)
{
	const char *colon = memrchr(text->p, ':', text->n);
	struct str name;

	if (colon == NULL)
		return false;
	name = (struct str){ text->p, (size_t)(colon - text->p) };
	*region = (struct str){ colon + 1, text->n - name.n - 1 };
	*text = name;
	return offered(r, provider, name) != NULL;
}

/* The model in that region, if the provider has it. */
static int
take_regional(struct route *r, struct str provider, struct str name,
    struct str region, struct err *e)
{
	const struct route_world *w = r->world;

	if (w->regional == NULL || !w->regional(w->arg, provider, region))
		return err_set(e, ERR_NO_MODEL,
		    "Region '%.*s' is not available for model %.*s",
		    STR_ARG(quoted(region)), STR_ARG(quoted(r->asked)));
	r->region = region;
	return take_model(r, offered(r, provider, name), provider, name, e);
}

static int
pinned(struct route *r, struct str provider, struct str name, struct err *e)
{
	const struct model *m = offered(r, provider, name);
	struct str plain = name, region;

	if (m != NULL)
		return take_model(r, m, provider, name, e);
	if (is_regional(r, provider, &plain, &region))
		return take_regional(r, provider, plain, region, e);
	if (name.n > 0 && r->world->any_model(r->world->arg, provider))
		return take_free_text(r, provider, name);
	if (catalog_find(r->world->catalog, name) != NULL ||
	    catalog_upstream(r->world->catalog, STR_NONE, name) != NULL ||
	    catalog_upstream(r->world->catalog, STR_NONE, r->asked) != NULL)
		return err_set(e, ERR_NO_MODEL,
		    "Provider %.*s does not support model %.*s",
		    STR_ARG(provider), STR_ARG(quoted(r->asked)));
	return unsupported(r, e);
}

/* [a-z]+(-[a-z]+)*: what an organisation may call a provider of its own. */
static bool
is_own_name(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '-' && i > 0 && s.p[i - 1] != '-')
			continue;
		if (s.p[i] < 'a' || s.p[i] > 'z')
			return false;
	}
	return s.n > 0 && s.p[s.n - 1] != '-';
}

static int
no_provider(struct str name, struct err *e)
{
	return err_set(e, ERR_NO_MODEL, "Provider '%.*s' not found.",
	    STR_ARG(quoted(name)));
}

/* name absent: "custom". */
static int
take_custom(struct route *r, struct str name, struct str model, struct err *e)
{
	const struct route_world *w = r->world;
	struct route_custom c = { .model = model };
	int rc;

	rc = w->custom == NULL ? 0 : w->custom(w->arg, name, &c, e);
	if (rc == -1)
		return -1;
	if (rc == 0)
		return no_provider(name.p == NULL ? r->asked : name, e);
	take_free_text(r, c.provider, c.model);
	r->free_text.context = c.context;
	r->free_text.max_output = c.max_output;
	r->free_text.tiers = c.prices;
	return 0;
}

int
route_resolve(struct route *r, const struct route_world *w, struct str asked,
    struct err *e)
{
	struct str rest = asked, first = str_split(&rest, '/');
	const struct mapping *p;
	const struct model *m;

	*r = (struct route){ .world = w, .asked = asked, .root = asked };
	if (!catalog_is_name(asked))
		return unsupported(r, e);
	if (str_is(asked, "auto")) {
		r->automatic = true;
		return 0;
	}
	if (str_is(asked, "custom"))
		return take_custom(r, STR_NONE, STR_NONE, e);
	if ((m = catalog_find(w->catalog, asked)) != NULL)
		return take_model(r, m, STR_NONE, asked, e);
	if (rest.p != NULL && w->known(w->arg, first))
		return pinned(r, first, rest, e);
	if (rest.p != NULL && is_own_name(first))
		return take_custom(r, first, rest, e);
	p = catalog_upstream(w->catalog, STR_NONE, asked);
	if (p == NULL)
		return unsupported(r, e);
	return err_set(e, ERR_NO_MODEL,
	    "Model %.*s must be requested with a provider prefix. Use the "
	    "format: %.*s/%.*s",
	    STR_ARG(quoted(asked)), STR_ARG(p->provider),
	    STR_ARG(p->model->id));
}

static bool
is_shaky(const struct mapping *p)
{
	return str_is(p->stability, "unstable") ||
	    str_is(p->stability, "experimental");
}

/* Without a key of any provider there is nothing to wait for. */
static int
nothing_left(const struct route *r, struct err *e)
{
	if (r->automatic)
		return err_set(e, ERR_NO_PROVIDER,
		    "No model is available for auto routing.");
	if (r->provider.p != NULL)
		return err_set(e, ERR_NO_PROVIDER_KEY,
		    "No API key set for provider: %.*s. Please add a provider "
		    "key in your settings or add credits and switch to "
		    "credits or hybrid mode.",
		    STR_ARG(r->provider));
	if (r->world->own_only)
		return err_set(e, ERR_NO_PROVIDER_KEY,
		    "No provider key set for any of the providers that "
		    "support model %.*s. Please add the provider key in the "
		    "settings or switch the project mode to credits or "
		    "hybrid.",
		    STR_ARG(quoted(r->asked)));
	return err_set(e, ERR_NO_PROVIDER,
	    "No available provider could be found for model %.*s",
	    STR_ARG(quoted(r->asked)));
}

int
route_usable(struct route *r, const struct route_world *w, struct err *e)
{
	int i, n = 0, firm = 0;

	for (i = 0; i < r->nfound; i++) {
		if (!w->usable(w->arg, r->found[i]->provider))
			continue;
		firm += !is_shaky(r->found[i]);
		r->found[n++] = r->found[i];
	}
	r->nfound = n;
	if (n == 0)
		return nothing_left(r, e);
	if (firm == 0 || r->provider.p != NULL)
		return 0;
	for (i = n = 0; i < r->nfound; i++) {
		if (!is_shaky(r->found[i]))
			r->found[n++] = r->found[i];
	}
	r->nfound = n;
	return 0;
}
