#include "domain/catalog_read.h"

/* What an operator's model can do if the section does not say. */
#define CAPS_DEFAULT                                                           \
	(LLM_CAN_CHAT | LLM_CAN_STREAM | LLM_CAN_PLAIN | LLM_CAN_TOOLS |       \
	    LLM_CAN_PARALLEL | LLM_CAN_IMAGES | LLM_CAN_JSON | LLM_CAN_SCHEMA)

/* Of a model that reasons; the section cannot say which. */
#define EFFORTS_DEFAULT                                                        \
	(1u << LLM_EFFORT_LOW | 1u << LLM_EFFORT_MEDIUM | 1u << LLM_EFFORT_HIGH)

static bool
given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static int
price(struct catalog_load *l, const char *text, int decimals, const char *what,
    int64_t *pico)
{
	*pico = NO_PRICE;
	if (given(text) &&
	    catalog_decimal(str_trim(str_from(text)), decimals, pico) == -1)
		return catalog_read_fail(
		    l, "%s: \"%s\" is no price", what, text);
	return 0;
}

static int
prices(struct catalog_load *l, const struct conf_model *s,
    const struct prices **out)
{
	struct prices *t = ARENA_NEW(l->keep, struct prices);

	*t = (struct prices){
		.upto = INT64_MAX,
		.cache_write_1h = NO_PRICE,
		.web_search = NO_PRICE,
		.image_in = NO_PRICE,
		.image_out = NO_PRICE,
		.audio_in = NO_PRICE,
		.audio_out = NO_PRICE,
	};
	*out = t;
	if (price(l, s->input_price, 6, "input_price", &t->input) == -1 ||
	    price(l, s->output_price, 6, "output_price", &t->output) == -1 ||
	    price(l, s->cached_input_price, 6, "cached_input_price",
		&t->cached_input) == -1 ||
	    price(l, s->cache_write_price, 6, "cache_write_price",
		&t->cache_write) == -1 ||
	    price(l, s->request_price, 12, "request_price", &t->request) ==
		-1 ||
	    price(l, s->image_output_price, 6, "image_output_price",
		&t->image_out) == -1 ||
	    price(l, s->image_price, 12, "image_price", &t->image_out_each) ==
		-1)
		return -1;
	return 0;
}

static int
capabilities(struct catalog_load *l, const char *text, unsigned *caps)
{
	struct str rest = str_from(text), word;
	unsigned bit;

	*caps = CAPS_DEFAULT;
	if (!given(text))
		return 0;
	for (*caps = 0; rest.p != NULL; *caps |= bit) {
		word = str_trim(str_split(&rest, ','));
		if ((bit = catalog_cap_bit(word)) == 0)
			return catalog_read_fail(
			    l, "no capability \"%.*s\"", STR_ARG(word));
	}
	return 0;
}

/* "P" or "P/UPSTREAM". */
static int
place(struct catalog_load *l, struct str text, struct mapping *p)
{
	struct str rest = text, id = str_split(&rest, '/');

	if (id.n == 0 || !catalog_is_name(id) ||
	    (rest.p != NULL && rest.n == 0))
		return catalog_read_fail(
		    l, "\"%.*s\" is no provider", STR_ARG(text));
	p->provider = catalog_read_keep(l, id);
	p->upstream =
	    rest.p == NULL ? p->model->id : catalog_read_keep(l, rest);
	return 0;
}

/* One more mapping; that of the same provider gives way. */
static int
put_mapping(
    struct catalog_load *l, struct model *m, const struct mapping *fresh)
{
	struct mapping *v;
	int i;

	for (i = 0; i < m->nmappings; i++) {
		if (str_eq(m->mappings[i].provider, fresh->provider)) {
			m->mappings[i] = *fresh;
			return 0;
		}
	}
	if (m->nmappings == CATALOG_MAPPINGS_MAX)
		return catalog_read_fail(l, "more than 32 providers");
	v = arena_zalloc(l->keep, sizeof(*v) * (size_t)(m->nmappings + 1));
	if (m->nmappings > 0)
		memcpy(v, m->mappings, sizeof(*v) * (size_t)m->nmappings);
	v[m->nmappings++] = *fresh;
	m->mappings = v;
	return 0;
}

static int
put_aliases(struct catalog_load *l, struct model *m, const char *text)
{
	struct str rest = str_from(text), *v, name;

	if (!given(text))
		return 0;
	v = arena_zalloc(l->keep, sizeof(*v) * CATALOG_ALIASES_MAX);
	if (m->naliases > 0)
		memcpy(v, m->aliases, sizeof(*v) * (size_t)m->naliases);
	m->aliases = v;
	while (rest.p != NULL) {
		name = str_trim(str_split(&rest, ','));
		if (!catalog_is_name(name) ||
		    m->naliases == CATALOG_ALIASES_MAX)
			return catalog_read_fail(l,
			    "\"%.*s\" is no alias, or one too many",
			    STR_ARG(name));
		v[m->naliases++] = catalog_read_keep(l, name);
	}
	return 0;
}

static int
model_of(struct catalog_load *l, const struct conf_model *s, struct model **out)
{
	struct str id = str_from(s->name), plain = id;
	struct model *m;
	int i;

	for (i = 0; i < l->n; i++) {
		if (str_eq(l->v[i]->id, id)) {
			*out = l->v[i];
			return 0;
		}
	}
	if (plain.n > 1 && plain.p[plain.n - 1] == '*')
		plain.n--;
	if (!catalog_is_name(plain))
		return catalog_read_fail(
		    l, "\"%s\" is no name for a model", s->name);
	m = ARENA_NEW(l->keep, struct model);
	m->id = m->name = catalog_read_keep(l, id);
	catalog_read_add(l, m);
	*out = m;
	return 0;
}

static int
add_section(struct catalog_load *l, const struct conf_model *s)
{
	struct str rest = str_from(s->provider);
	struct mapping p = { 0 };
	struct model *m;

	if (!given(s->provider))
		return catalog_read_fail(
		    l, "model %s names no provider", s->name);
	if (s->context < 0 || s->max_output < 0)
		return catalog_read_fail(l, "limits are 0 or more");
	if (model_of(l, s, &m) == -1 || prices(l, s, &p.tiers) == -1 ||
	    capabilities(l, s->capabilities, &p.caps) == -1)
		return -1;
	p.model = m;
	p.ntiers = 1;
	p.context = s->context;
	p.max_output = s->max_output;
	p.efforts = (p.caps & LLM_CAN_REASON) != 0 ? EFFORTS_DEFAULT : 0;
	while (rest.p != NULL) {
		if (place(l, str_trim(str_split(&rest, ',')), &p) == -1 ||
		    put_mapping(l, m, &p) == -1)
			return -1;
	}
	if (m->owned_by.p == NULL)
		m->owned_by = m->family = m->mappings[0].provider;
	m->free = m->free || s->free;
	return put_aliases(l, m, s->aliases);
}

int
catalog_conf_add(struct catalog_load *l, const struct conf *conf)
{
	const struct conf_model *s;

	l->file = conf->path == NULL ? "llmgw.conf" : conf->path;
	for (s = conf->models; s != NULL; s = s->next) {
		l->lineno = s->line;
		if (add_section(l, s) == -1)
			return -1;
	}
	return 0;
}
