#include "domain/principal_load.h"
#include "domain/provider_key.h"
#include "pipeline/own.h"
#include "pipeline/world.h"

#define SETS 128    /* organisations, direct-mapped */
#define KEYS_MAX 64 /* of one organisation; more are not used */

struct own_item {
	struct upstream u;
	bool custom, is_default;
	struct str default_model;
	struct own_model *models;
	int nmodels;
};

struct own_set {
	atomic_int refs;
	struct arena *arena;
	const struct org *org; /* a reference: strings are borrowed */
	struct own_item v[KEYS_MAX];
	int n;
};

struct owns {
	struct arena *arena;
	pthread_mutex_t lock;
	const struct own_set *sets[SETS];
};

static atomic_int *
refs_of(const struct own_set *s)
{
	return &((struct own_set *)(uintptr_t)s)->refs;
}

void
own_drop(const struct own_set *s)
{
	struct own_set *own = (struct own_set *)(uintptr_t)s;

	if (s == NULL || atomic_fetch_sub(refs_of(s), 1) > 1)
		return;
	while (own->n > 0)
		upstream_own_free(&own->v[--own->n].u);
	org_drop(own->org);
	arena_free(own->arena);
}

void
owns_open(struct owns **out)
{
	struct arena *a = arena_new(sizeof(**out) + 64, SIZE_MAX);

	*out = ARENA_NEW(a, struct owns);
	(*out)->arena = a;
	pthread_mutex_init(&(*out)->lock, NULL);
}

void
owns_close(struct owns *o)
{
	int i;

	if (o == NULL)
		return;
	for (i = 0; i < SETS; i++)
		own_drop(o->sets[i]);
	pthread_mutex_destroy(&o->lock);
	arena_free(o->arena);
}

/* False: it is not fit for use, err says why. */
static bool
add(struct own_set *s, struct world *w, const struct own_key *k, struct err *e)
{
	struct own_item *x = &s->v[s->n];
	struct own_spec spec = { .id = k->id,
		.provider = k->provider,
		.name = k->name,
		.base_url = k->base_url,
		.options = k->options,
		.mark = provider_key_mark(k->id, k->sealed) };
	struct secret secret = { 0 };
	int rc;

	if (!provider_key_open(&w->master, k, str_from(s->org->id), &secret))
		return err_set(e, ERR_CONFIG,
			   "does not open with the master key") == 0;
	spec.secret = secret_str(&secret);
	rc = upstream_own(
	    &x->u, &spec, &w->conf, providers_scale(w->providers), s->arena, e);
	secret_free(&secret);
	if (rc == -1)
		return false;
	x->custom = str_is(k->provider, "custom");
	x->is_default = k->is_default;
	x->default_model = k->default_model;
	x->nmodels = provider_key_models(k->models, s->arena, &x->models, e);
	s->n++;
	return true;
}

static struct own_set *
make(struct world *w, const struct org *o)
{
	struct arena *a = arena_new(16384, SIZE_MAX);
	struct own_set *s = ARENA_NEW(a, struct own_set);
	struct err e;
	int i;

	s->arena = a;
	s->org = org_hold(o);
	atomic_init(&s->refs, 1);
	for (i = 0; i < o->nkeys && s->n < KEYS_MAX; i++) {
		e = (struct err){ 0 };
		if (!add(s, w, &o->keys[i], &e))
			log_say(&w->log, LOG_WARN_, "key %.*s: %s",
			    STR_ARG(o->keys[i].id), e.msg);
	}
	return s;
}

static size_t
place(const char *id)
{
	size_t h = 0;

	while (*id != '\0')
		h = h * 31 + (unsigned char)*id++;
	return h % SETS;
}

bool
own_get(struct world *w, const struct org *o, bool may_make,
    const struct own_set **out)
{
	const struct own_set **at, *s;
	bool there;

	*out = NULL;
	if (o->nkeys == 0 || w->owns == NULL)
		return true;
	at = &w->owns->sets[place(o->id)];
	/* Somebody else may be opening keys right now. */
	if (may_make)
		pthread_mutex_lock(&w->owns->lock);
	else if (pthread_mutex_trylock(&w->owns->lock) != 0)
		return false;
	s = *at;
	there = s != NULL && s->org->version == o->version &&
	    strcmp(s->org->id, o->id) == 0;
	if (!there && may_make) {
		own_drop(s);
		*at = s = make(w, o);
		there = true;
	}
	if (there) {
		atomic_fetch_add(refs_of(s), 1);
		*out = s;
	}
	pthread_mutex_unlock(&w->owns->lock);
	return there;
}

const struct upstream *
own_next(const struct own_set *s, struct str provider, int *at)
{
	while (s != NULL && ++*at < s->n)
		if (str_eq(s->v[*at].u.id, provider))
			return &s->v[*at].u;
	return NULL;
}

/* The default, or the only one: NULL is absent. */
static const struct own_item *
default_item(const struct own_set *s)
{
	const struct own_item *only = NULL;
	int i, n = 0;

	for (i = 0; i < s->n; i++) {
		if (!s->v[i].custom)
			continue;
		if (s->v[i].is_default)
			return &s->v[i];
		only = &s->v[i];
		n++;
	}
	return n == 1 ? only : NULL;
}

static const struct own_item *
named_item(const struct own_set *s, struct str name)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].custom && str_eq(s->v[i].u.id, name))
			return &s->v[i];
	return NULL;
}

bool
own_custom(const struct own_set *s, struct str name, struct route_custom *c)
{
	const struct own_model *m = &own_model_usual;
	const struct own_item *x;
	int i;

	if (s == NULL)
		return false;
	x = name.p == NULL ? default_item(s) : named_item(s, name);
	if (x == NULL)
		return false;
	if (name.p == NULL)
		c->model = x->default_model;
	if (c->model.n == 0)
		return false;
	for (i = 0; i < x->nmodels; i++)
		if (str_eq(x->models[i].model, c->model))
			m = &x->models[i];
	c->provider = x->u.id;
	c->context = m->context;
	c->max_output = m->max_output;
	c->prices = &m->prices;
	return true;
}
