/*
 * Built-in rows, sections of the configuration and the environment become
 * upstreams.  Everything is read once, before any thread runs.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "http/tls.h"
#include "http/url.h"
#include "json/jscan.h"
#include "provider/anthropic.h"
#include "provider/aws.h"
#include "provider/keys.h"
#include "provider/option.h"
#include "provider/place.h"
#include "provider/quirk.h"

#define AS_USUAL INT64_C(1000000) /* the price */
#define OWN_KEY_MAX 4096
#define OWN_OBJECT_MAX ((size_t)16 * 1024)

struct providers {
	struct arena *arena;
	struct upstream *v;
	int n;
	const struct llm_scale *scale;
};

/* "LLM_TOGETHER_AI_" */
static struct str
env_prefix(struct arena *a, const struct provider *row, struct str id)
{
	char *p;
	size_t i;

	if (row != NULL && row->env != NULL)
		return arena_fmt(a, "LLM_%s_", row->env);
	p = arena_zalloc(a, id.n + 1);
	for (i = 0; i < id.n; i++)
		p[i] = isalnum((unsigned char)id.p[i]) ?
		    (char)toupper((unsigned char)id.p[i]) :
		    '_';
	return arena_fmt(a, "LLM_%s_", p);
}

/* The section's word, or by what there is: keys want to be sent. */
static enum auth
choose_auth(const struct load *l)
{
	static const char *const words[AUTH__MAX] = {
		[AUTH_NONE] = "none",
		[AUTH_BEARER] = "bearer",
		[AUTH_X_API_KEY] = "x-api-key",
		[AUTH_API_KEY] = "api-key",
		[AUTH_X_GOOG] = "x-goog-api-key",
	};
	enum auth auth = l->row == NULL ? AUTH_NONE : l->row->auth;
	int i;

	if (l->section != NULL)
		for (i = 0; i < AUTH__MAX; i++)
			if (str_is(str_from(words[i]), l->section->auth))
				return (enum auth)i;
	if (auth != AUTH_NONE || l->u->nkeys == 0)
		return auth;
	return l->u->ways[0].dialect == &dialect_anthropic_messages ?
	    AUTH_X_API_KEY :
	    AUTH_BEARER;
}

static int
load_keys(const struct load *l, struct err *e)
{
	struct key_sources from = { .section = l->section, .where = l->where };

	from.env = arena_fmt(l->arena, "%.*sAPI_KEY", STR_ARG(l->env)).p;
	if (l->row != NULL) {
		from.sdk_env = l->row->sdk_env;
		if (l->row->key_env != NULL)
			from.env = l->row->key_env;
	}
	if (keys_load(l->u, &from, e) == -1)
		return -1;
	l->u->auth = choose_auth(l);
	return 0;
}

static void
load_ways(struct upstream *u, const struct provider *row)
{
	u->nways = 1;
	u->ways[0] = (struct way){ .dialect = row->dialect, .path = row->path };
	if (row->ways == NULL)
		return;
	for (u->nways = 0; row->ways[u->nways].dialect != NULL; u->nways++) {
		assert(u->nways < WAYS_MAX);
		u->ways[u->nways] = row->ways[u->nways];
	}
}

/* A dialect that is spoken at paths of its own: those of the built-in row. */
static void
usual_ways(struct upstream *u)
{
	const struct provider *row;

	for (row = provider_rows; row->id != NULL; row++)
		if (row->ways != NULL &&
		    row->ways[0].dialect == u->ways[0].dialect) {
			load_ways(u, row);
			break;
		}
	if (u->ways[0].dialect == &dialect_anthropic_messages &&
	    u->ops->headers == NULL)
		u->ops = &anthropic_like_ops;
	if (u->ways[0].dialect == &dialect_bedrock_converse)
		u->ops = &aws_bedrock_ops;
}

/* Dialect and quirks: words of the section that may be wrong. */
static int
load_words(const struct load *l, struct err *e)
{
	const struct conf_provider *s = l->section;

	if (given(s->dialect)) {
		l->u->ways[0] =
		    (struct way){ dialect_find(str_from(s->dialect)),
			    .path = NULL };
		l->u->nways = 1;
		if (l->u->ways[0].dialect == NULL)
			return err_set(e, ERR_CONFIG,
			    "%s: no dialect \"%.100s\"", l->where, s->dialect);
		usual_ways(l->u);
	}
	if (!given(s->quirks))
		return 0;
	if (quirk_parse(str_from(s->quirks), &l->u->quirks, e) == -1)
		return err_set(e, ERR_CONFIG, "%s: %.900s", l->where, e->msg);
	return 0;
}

static int
check_way(const struct http_way *way, const char *where, struct err *e)
{
	struct err why = { 0 };

	if (tls_check_ca(way->ca_file, &why) == 0 &&
	    tls_check_certificate(way->certificate, &why) == 0)
		return 0;
	return err_set(e, ERR_CONFIG, "%s: %s", where, why.msg);
}

static int
load_section(const struct load *l, struct err *e)
{
	const struct conf_provider *s = l->section;
	struct upstream *u = l->u;

	if (s == NULL)
		return 0;
	u->any_model = u->any_model || s->any_model;
	u->no_stream = u->no_stream || !s->streaming;
	u->priority_milli = s->priority_milli;
	if (s->flex_price > 0)
		u->flex = s->flex_price * 1000;
	if (s->priority_price > 0)
		u->fast = s->priority_price * 1000;
	if (s->timeout_first_byte > 0)
		u->timeout_first_byte = s->timeout_first_byte;
	if (s->timeout_idle > 0)
		u->timeout_idle = s->timeout_idle;
	u->way = (struct http_way){ given(s->ca_file) ? s->ca_file : NULL,
		given(s->client_certificate) ? s->client_certificate : NULL,
		given(s->upstream_proxy) ? s->upstream_proxy : NULL };
	/* An organisation's own key uses what was good at the start. */
	if (!l->own && check_way(&u->way, l->where, e) == -1)
		return -1;
	return load_words(l, e);
}

static int
load_one(struct load *l, struct str id, struct err *e)
{
	static const struct provider_ops none = { .load = NULL };
	struct upstream *u = l->u;

	u->id = u->name = id;
	u->ops = &none;
	u->ways[0].dialect = &dialect_openai_chat;
	u->nways = 1;
	u->quirks = QUIRK_REASONING_BACK | QUIRK_SEALS_BACK; /* operator's */
	u->priority_milli = 1000;
	u->flex = u->fast = AS_USUAL;
	u->timeout_first_byte = l->conf->timeout_first_byte;
	u->timeout_idle = l->conf->timeout_idle;
	u->scale = l->scale;
	if (l->row != NULL) {
		u->name = str_from(l->row->name);
		if (l->row->ops != NULL)
			u->ops = l->row->ops;
		load_ways(u, l->row);
		u->quirks = l->row->quirks;
		u->flex = l->row->flex > 0 ? l->row->flex : AS_USUAL;
		u->fast = l->row->fast > 0 ? l->row->fast : AS_USUAL;
		u->any_model = l->row->any_model;
		u->no_stream = l->row->no_stream;
	}
	if (l->section != NULL)
		l->where = arena_fmt(l->arena, "%s:%d",
		    l->conf->path == NULL ? "configuration" : l->conf->path,
		    l->section->line)
			       .p;
	l->env = l->own ? STR("") : env_prefix(l->arena, l->row, id);
	if (load_section(l, e) == -1 || place_base(l, e) == -1 ||
	    place_path(l, e) == -1)
		return -1;
	place_responses(l);
	place_embed(l);
	place_images(l);
	if (l->own)
		u->auth = choose_auth(l);
	else if (load_keys(l, e) == -1)
		return -1;
	return u->ops->load == NULL ? 0 : u->ops->load(l, e);
}

static const struct conf_provider *
find_section(const struct conf *c, const char *id)
{
	const struct conf_provider *s;

	for (s = c->providers; s != NULL; s = s->next)
		if (strcmp(s->name, id) == 0)
			return s;
	return NULL;
}

/* Is there such a row, as far as this configuration is concerned? */
static const struct provider *
find_row(const struct conf *c, const char *id)
{
	const struct provider *row;

	for (row = provider_rows; row->id != NULL; row++)
		if (strcmp(row->id, id) == 0)
			return strcmp(id, "sim") == 0 && !c->sim ? NULL : row;
	return NULL;
}

static int
by_id(const void *x, const void *y)
{
	return str_cmp(
	    ((const struct upstream *)x)->id, ((const struct upstream *)y)->id);
}

static int
load_all(struct providers *p, const struct conf *c, struct err *e)
{
	struct llm_scale *scale = ARENA_NEW(p->arena, struct llm_scale);
	const struct conf_provider *s;
	const struct provider *row;
	struct load l;

	p->scale = scale;
	if (llm_scale_parse(scale, str_from(c->effort_budgets),
		str_from(c->budget_efforts), e) == -1)
		return -1;
	for (row = provider_rows; row->id != NULL; row++) {
		if (find_row(c, row->id) == NULL)
			continue;
		l = (struct load){
			.conf = c, .arena = p->arena, .scale = scale
		};
		l.u = &p->v[p->n++];
		l.row = row;
		l.section = find_section(c, row->id);
		if (load_one(&l, str_from(row->id), e) == -1)
			return -1;
	}
	for (s = c->providers; s != NULL; s = s->next) {
		if (find_row(c, s->name) != NULL)
			continue;
		l = (struct load){
			.conf = c, .arena = p->arena, .scale = scale
		};
		l.u = &p->v[p->n++];
		l.section = s;
		if (load_one(&l, str_from(s->name), e) == -1)
			return -1;
	}
	qsort(p->v, (size_t)p->n, sizeof(*p->v), by_id);
	return 0;
}

int
providers_load(struct providers **out, const struct conf *c, struct err *e)
{
	struct arena *a = arena_new((size_t)64 * 1024, (size_t)16 << 20);
	struct providers *p = ARENA_NEW(a, struct providers);
	const struct http_way general = { c->ca_file, c->client_certificate,
		NULL };
	const struct conf_provider *s;
	const struct provider *row;
	size_t n = 0;

	for (row = provider_rows; row->id != NULL; row++)
		n++;
	for (s = c->providers; s != NULL; s = s->next)
		n++;
	p->arena = a;
	p->v = arena_zalloc(a, n * sizeof(*p->v));
	if (check_way(&general, c->path == NULL ? "configuration" : c->path,
		e) == -1 ||
	    load_all(p, c, e) == -1) {
		providers_free(p);
		return -1;
	}
	*out = p;
	return 0;
}

void
providers_free(struct providers *p)
{
	int i;

	if (p == NULL)
		return;
	for (i = 0; i < p->n; i++) {
		if (p->v[i].ops != NULL && p->v[i].ops->unload != NULL)
			p->v[i].ops->unload(&p->v[i]);
		keys_free(&p->v[i]);
	}
	arena_free(p->arena);
}

const struct upstream *
providers_find(const struct providers *p, struct str id)
{
	struct upstream want = { .id = id };

	return bsearch(&want, p->v, (size_t)p->n, sizeof(*p->v), by_id);
}

int
providers_count(const struct providers *p)
{
	return p->n;
}

const struct upstream *
providers_at(const struct providers *p, int i)
{
	assert(i >= 0 && i < p->n);
	return &p->v[i];
}

bool
upstream_usable(const struct upstream *u)
{
	return u->base_url.n > 0 && (u->auth == AUTH_NONE || u->nkeys > 0);
}

const struct llm_scale *
providers_scale(const struct providers *p)
{
	return p->scale;
}

bool
upstream_own_name(struct str s)
{
	const struct provider *row;
	size_t i;

	for (row = provider_rows; row->id != NULL; row++)
		if (str_is(s, row->id))
			return false;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '-' && i > 0 && s.p[i - 1] != '-')
			continue;
		if (s.p[i] < 'a' || s.p[i] > 'z')
			return false;
	}
	return s.n > 0 && s.n <= 64 && s.p[s.n - 1] != '-' &&
	    !str_is(s, "auto") && !str_is(s, "custom");
}

/* T7; who opens the socket looks at the address again. */
static int
own_base(struct load *l, struct str text, struct err *e)
{
	struct url url;

	if (url_parse(text, &url, e) == -1)
		return option_bad(e, "base_url", "must be an https URL");
	l->u->base_url = arena_dup(l->arena, text);
	if (url_host_in(place_insecure(l), url.host))
		return 0;
	if (!url.tls || url_host_private(url.host))
		return option_bad(
		    e, "base_url", "must be an https URL of a public address");
	l->u->public_only = true;
	return 0;
}

/* Of whom: a built-in row, the operator's own, or one at a base URL. */
static int
own_row(struct load *l, const struct own_spec *s, struct err *e)
{
	if (str_is(s->provider, "custom"))
		return upstream_own_name(s->name) ?
		    0 :
		    option_bad(
			e, "name", "must be small letters with - between");
	for (l->row = provider_rows; l->row->id != NULL; l->row++)
		if (str_is(s->provider, l->row->id))
			break;
	if (l->row->id == NULL) {
		l->row = NULL;
		l->section =
		    find_section(l->conf, arena_cstr(l->arena, s->provider));
		return l->section != NULL ?
		    0 :
		    option_bad(e, "provider", "is not known");
	}
	return str_is(s->provider, "sim") ?
	    option_bad(e, "provider", "takes no keys") :
	    0;
}

/* What the parts of load_one() say to an operator, to who stored the key. */
static int
own_reason(struct load *l, struct err *e)
{
	const char *param =
	    e->param.n > 0 ? arena_cstr(l->arena, e->param) : "options";

	if (e->code == ERR_BAD_PARAM)
		return -1;
	return option_bad(e, param, arena_cstr(l->arena, str_from(e->msg)));
}

/*
 * Who needs no key cannot be asked by one either: what it serves is the
 * operator's, and an own key is no way to have it for nothing.
 */
static bool
takes_keys(const struct load *l)
{
	const struct conf_provider *s = l->section;

	if (l->row != NULL)
		return l->row->auth != AUTH_NONE;
	if (s == NULL)
		return false;
	return given(s->auth) ? strcmp(s->auth, "none") != 0 :
				given(s->key) || given(s->key_file);
}

static int
own_load(struct load *l, const struct own_spec *s, struct err *e)
{
	bool custom = str_is(s->provider, "custom");

	if (own_row(l, s, e) == -1)
		return -1;
	if (s->base_url.n == 0 && !takes_keys(l))
		return option_bad(e, "base_url", "is needed for this provider");
	if (s->base_url.n > 0 && own_base(l, s->base_url, e) == -1)
		return -1;
	if (option_check(l->row, s->options, l->arena, e) == -1)
		return -1;
	if (s->options.n > 0)
		l->options = arena_dup(l->arena, s->options);
	l->u->marks[0] = s->mark;
	secret_set(&l->u->keys[l->u->nkeys++], s->secret);
	if (load_one(l, arena_dup(l->arena, custom ? s->name : s->provider),
		e) == -1)
		return own_reason(l, e);
	if (l->u->base_url.n == 0)
		return option_bad(
		    e, "options", "resource or base_url is needed");
	return 0;
}

/* It can stand in a header; an object is a credential that is not sent. */
static bool
is_own_key(struct str s)
{
	size_t i;

	if (s.n > 0 && *s.p == '{')
		return s.n <= OWN_OBJECT_MAX;
	for (i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= OWN_KEY_MAX;
}

int
upstream_own(struct upstream *u, const struct own_spec *s,
    const struct conf *conf, const struct llm_scale *scale, struct arena *a,
    struct err *e)
{
	struct load l = {
		.conf = conf, .arena = a, .u = u, .scale = scale, .own = true
	};

	*u = (struct upstream){ 0 };
	if (!is_own_key(s->secret))
		return option_bad(
		    e, "key", "must be printable ASCII without blanks");
	if (own_load(&l, s, e) == -1) {
		upstream_own_free(u);
		return -1;
	}
	if (*s->secret.p == '{' && !u->credential) {
		upstream_own_free(u);
		return option_bad(e, "key",
		    "must not be JSON for this "
		    "provider and its options");
	}
	u->own_key = arena_dup(a, s->id);
	u->priority_milli = 1000;
	return 0;
}

int64_t
upstream_tier(const struct upstream *u, enum llm_tier tier)
{
	if (tier == LLM_TIER_FLEX)
		return u->flex;
	return tier == LLM_TIER_PRIORITY ? u->fast : AS_USUAL;
}

void
upstream_own_free(struct upstream *u)
{
	if (u->ops != NULL && u->ops->unload != NULL)
		u->ops->unload(u);
	keys_free(u);
}
