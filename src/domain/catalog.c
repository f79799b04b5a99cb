#include <stdlib.h>

#include "domain/catalog_read.h"

#define KEEP_MAX ((size_t)64 << 20)

static const struct {
	const char *word;
	unsigned bit;
} caps[] = {
	{ "tools", LLM_CAN_TOOLS },
	{ "parallel", LLM_CAN_PARALLEL },
	{ "images", LLM_CAN_IMAGES },
	{ "audio", LLM_CAN_AUDIO },
	{ "files", LLM_CAN_FILES },
	{ "video", LLM_CAN_VIDEO },
	{ "json", LLM_CAN_JSON },
	{ "schema", LLM_CAN_SCHEMA },
	{ "reason", LLM_CAN_REASON },
	{ "budget", LLM_CAN_BUDGET },
	{ "search", LLM_CAN_SEARCH },
	{ "stream", LLM_CAN_STREAM },
	{ "plain", LLM_CAN_PLAIN },
	{ "embed", LLM_CAN_EMBED },
	{ "draw", LLM_CAN_DRAW },
	{ "speak", LLM_CAN_SPEAK },
	{ "chat", LLM_CAN_CHAT },
	{ "wants_max_completion", LLM_WANTS_MAX_COMPLETION },
	{ "wants_no_sampling", LLM_WANTS_NO_SAMPLING },
	{ "wants_no_tool_effort", LLM_WANTS_NO_TOOL_EFFORT },
	{ "wants_developer", LLM_WANTS_DEVELOPER },
	{ "wants_responses", LLM_WANTS_RESPONSES },
	{ "wants_messages", LLM_WANTS_MESSAGES },
	{ "wants_seals", LLM_WANTS_SEALS },
	{ "wants_adaptive", LLM_WANTS_ADAPTIVE },
	{ "wants_level", LLM_WANTS_LEVEL },
	{ "wants_free_choice", LLM_WANTS_FREE_CHOICE },
	{ "wants_one_sampling", LLM_WANTS_ONE_SAMPLING },
	{ "wants_no_penalties", LLM_WANTS_NO_PENALTIES },
	{ "wants_no_prefill", LLM_WANTS_NO_PREFILL },
	{ "wants_thought", LLM_WANTS_THOUGHT },
	{ "resize", LLM_CAN_RESIZE },
};

const char *
catalog_cap_word(unsigned bit)
{
	size_t i;

	for (i = 0; i < NROWS(caps); i++) {
		if (caps[i].bit == bit)
			return caps[i].word;
	}
	return NULL;
}

unsigned
catalog_cap_bit(struct str word)
{
	size_t i;

	for (i = 0; i < NROWS(caps); i++) {
		if (str_is(word, caps[i].word))
			return caps[i].bit;
	}
	return 0;
}

int
catalog_decimal(struct str s, int decimals, int64_t *out)
{
	bool point = false, digits = false;
	int64_t v = 0;
	size_t i;

	for (i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '.' && !point && digits) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			return -1;
		digits = true;
		if (point && --decimals < 0) {
			if (c != '0')
				return -1;
			continue;
		}
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, c - '0', &v))
			return -1;
	}
	if (!digits || s.p[s.n - 1] == '.')
		return -1;
	for (; decimals > 0; decimals--) {
		if (__builtin_mul_overflow(v, 10, &v))
			return -1;
	}
	*out = v;
	return 0;
}

bool
catalog_is_name(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    (c < '0' || c > '9') &&
		    (c == '\0' || strchr("._:/@-", c) == NULL))
			return false;
	}
	return s.n >= 1 && s.n <= 256;
}

static int
by_id(const void *a, const void *b)
{
	const struct model *x = *(struct model *const *)a;
	const struct model *y = *(struct model *const *)b;

	return str_cmp(x->id, y->id);
}

static int
by_alias(const void *a, const void *b)
{
	const struct catalog_alias *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static int
by_length(const void *a, const void *b)
{
	const struct model *x = *(const struct model *const *)a;
	const struct model *y = *(const struct model *const *)b;

	return x->id.n == y->id.n ? str_cmp(x->id, y->id) :
				    (x->id.n < y->id.n) - (x->id.n > y->id.n);
}

static const struct model *
find_id(const struct catalog *c, struct str id)
{
	struct model key = { .id = id }, *k = &key, **found;

	found = bsearch(
	    &k, c->models, (size_t)c->nmodels, sizeof(*c->models), by_id);
	return found == NULL ? NULL : *found;
}

/* An alias that two models claim, or that is an id, names nothing. */
static void
index_aliases(struct catalog *c)
{
	struct catalog_alias *v;
	int i, j, n = 0;

	for (i = 0; i < c->nmodels; i++)
		n += c->models[i]->naliases;
	v = arena_zalloc(c->arena, sizeof(*v) * (size_t)(n + 1));
	for (n = i = 0; i < c->nmodels; i++) {
		for (j = 0; j < c->models[i]->naliases; j++) {
			v[n].name = c->models[i]->aliases[j];
			v[n++].model = c->models[i];
		}
	}
	qsort(v, (size_t)n, sizeof(*v), by_alias);
	for (i = 1; i < n; i++) {
		if (str_eq(v[i].name, v[i - 1].name))
			v[i].model = v[i - 1].model = NULL;
	}
	c->aliases = v;
	c->naliases = n;
}

static void
index_models(struct catalog *c, const struct catalog_load *l)
{
	int i, n = 0;

	c->nmodels = l->n;
	c->models =
	    arena_zalloc(c->arena, sizeof(*c->models) * (size_t)(l->n + 1));
	if (l->n > 0)
		memcpy(c->models, l->v, sizeof(*c->models) * (size_t)l->n);
	qsort(c->models, (size_t)l->n, sizeof(*c->models), by_id);
	index_aliases(c);
	for (i = 0; i < l->n; i++)
		n += l->v[i]->id.p[l->v[i]->id.n - 1] == '*';
	c->stars = arena_zalloc(c->arena, sizeof(*c->stars) * (size_t)(n + 1));
	for (i = 0; i < l->n; i++) {
		if (l->v[i]->id.p[l->v[i]->id.n - 1] == '*')
			c->stars[c->nstars++] = l->v[i];
	}
	qsort(c->stars, (size_t)n, sizeof(*c->stars), by_length);
}

int
catalog_load(struct catalog **out, const char *file, const struct conf *conf,
    struct err *e)
{
	struct arena *keep = arena_new(4096, KEEP_MAX);
	struct catalog *c = ARENA_NEW(keep, struct catalog);
	struct catalog_load l = { .keep = keep, .file = file, .e = e };
	int rc = -1;

	c->arena = keep;
	l.work = arena_new(4096, KEEP_MAX);
	l.line = arena_new(8192, KEEP_MAX);
	if (file != NULL && catalog_read_file(&l, &c->source) == -1)
		goto out;
	if (conf != NULL && catalog_conf_add(&l, conf) == -1)
		goto out;
	index_models(c, &l);
	*out = c;
	rc = 0;
out:
	arena_free(l.line);
	arena_free(l.work);
	if (rc == -1)
		arena_free(keep);
	return rc;
}

void
catalog_free(struct catalog *c)
{
	if (c != NULL)
		arena_free(c->arena);
}

int
catalog_count(const struct catalog *c)
{
	return c->nmodels;
}

const struct model *
catalog_at(const struct catalog *c, int i)
{
	return c->models[i];
}

struct str
catalog_source(const struct catalog *c)
{
	return c->source;
}

const struct model *
catalog_find(const struct catalog *c, struct str id)
{
	struct catalog_alias key = { .name = id }, *alias;
	const struct model *m = find_id(c, id);
	struct str star;
	int i;

	if (m != NULL)
		return m;
	alias = bsearch(
	    &key, c->aliases, (size_t)c->naliases, sizeof(key), by_alias);
	if (alias != NULL && alias->model != NULL)
		return alias->model;
	for (i = 0; i < c->nstars; i++) {
		star = c->stars[i]->id;
		if (id.n >= star.n && memcmp(id.p, star.p, star.n - 1) == 0)
			return c->stars[i];
	}
	return NULL;
}

bool
mapping_alike(const struct mapping *a, const struct mapping *b)
{
	return ((a->caps ^ b->caps) & LLM_CAN_REASON) == 0 &&
	    str_eq(a->provider, b->provider);
}

const struct mapping *
catalog_mapping(const struct model *m, const struct mapping *like)
{
	for (int i = 0; i < m->nmappings; i++)
		if (mapping_alike(&m->mappings[i], like))
			return &m->mappings[i];
	return NULL;
}

const struct mapping *
catalog_upstream(const struct catalog *c, struct str provider, struct str name)
{
	const struct mapping *p;
	int i, j;

	for (i = 0; i < c->nmodels; i++) {
		for (j = 0; j < c->models[i]->nmappings; j++) {
			p = &c->models[i]->mappings[j];
			if (str_eq(p->upstream, name) &&
			    (provider.p == NULL ||
				str_eq(p->provider, provider)))
				return p;
		}
	}
	return NULL;
}

bool
mapping_deprecated(const struct mapping *m, const char *today)
{
	return m->deprecated_at.p != NULL &&
	    str_cmp(m->deprecated_at, str_from(today)) <= 0;
}

bool
mapping_ended(const struct mapping *m, const char *today)
{
	return m->deactivated_at.p != NULL &&
	    str_cmp(m->deactivated_at, str_from(today)) <= 0;
}
