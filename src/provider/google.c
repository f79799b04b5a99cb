#include <assert.h>
#include <ctype.h>

#include "http/url.h"
#include "provider/google.h"
#include "provider/google_token.h"
#include "provider/place.h"

#define PLACE_DEFAULT "global"
#define SCOPE "projects/{project}/locations/{region}/"

#define REGIONS_MAX 16

/* A key that is for one region only. */
struct local {
	struct str region;
	struct secret key;
	struct google_cred *cred; /* NULL: an API key */
};

/* What the environment says of one provider. */
struct google {
	const char *metadata_host; /* NULL: Google's */
	struct str project; /* "": the credential's, or none */
	struct str place;
	bool fixed_host;  /* a base URL was given */
	struct str betas; /* of Claude, that are allowed */
	struct google_cred *creds[UPSTREAM_KEYS_MAX]; /* NULL: an API key */
	struct local locals[REGIONS_MAX];
	int nlocals;
	bool accounts; /* keys are credentials */
};

/* A project or a place: it stands in a host name, or in a path. */
static bool
is_name(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    strchr("-.:", s.p[i]) == NULL)
			return false;
	return s.n > 0 && s.n <= 63;
}

static int
load_names(const struct load *l, struct google *g, struct err *e)
{
	const char *project = place_variable(l, "PROJECT");
	const char *place = place_variable(l, "REGION");

	if (project == NULL && strcmp(l->u->id.p, "google-vertex") == 0)
		project = place_env(l, "LLM_GOOGLE_CLOUD_PROJECT");
	g->project = arena_dup(l->arena, str_from(project));
	g->place = arena_dup(
	    l->arena, str_from(place == NULL ? PLACE_DEFAULT : place));
	if (g->project.n > 0 && !is_name(g->project))
		return err_set(e, ERR_CONFIG, "%.*sPROJECT: no project id",
		    STR_ARG(l->env));
	if (!is_name(g->place) || memchr(g->place.p, '.', g->place.n) != NULL)
		return err_set(
		    e, ERR_CONFIG, "%.*sREGION: no region", STR_ARG(l->env));
	return 0;
}

/* API keys, unless it is said that these are accounts. */
static bool
has_accounts(const struct load *l)
{
	const char *type = place_variable(l, "TOKEN_TYPE");

	if (l->row == NULL || l->row->auth != AUTH_X_GOOG)
		return true;
	return type != NULL && strcmp(type, "oauth") == 0;
}

static struct str
project_of(const struct google *g, const struct google_cred *c)
{
	return g->project.n > 0 || c == NULL ? g->project :
					       google_cred_project(c);
}

static int
new_cred(const struct google *g, struct google_cred **out, struct str key,
    struct err *e)
{
	return google_cred_new(out, key, g->metadata_host, e);
}

static int
take_local(void *arg, struct str region, const char *key, struct err *e)
{
	struct google *g = arg;
	struct local *v = &g->locals[g->nlocals];

	if (g->nlocals == REGIONS_MAX)
		return err_set(e, ERR_CONFIG, "keys of too many regions");
	g->nlocals++;
	v->region = region;
	secret_set(&v->key, str_trim(str_from(key)));
	return g->accounts ? new_cred(g, &v->cred, secret_str(&v->key), e) : 0;
}

/* One key, which is the account itself: neither file nor machine of ours. */
static int
load_own(const struct load *l, struct google *g, struct err *e)
{
	if (!g->accounts)
		return 0;
	e->param = STR("key");
	if (google_cred_json(&g->creds[0], secret_str(&l->u->keys[0]),
		place_insecure(l), e) == -1)
		return -1;
	e->param = STR("options");
	if (project_of(g, g->creds[0]).n == 0)
		return err_set(e, ERR_CONFIG, "project is needed");
	e->param = STR_NONE;
	l->u->credential = true;
	return 0;
}

static int
load(const struct load *l, struct err *e)
{
	struct google *g = ARENA_NEW(l->arena, struct google);
	int i;

	l->u->own = g;
	g->betas = str_from(l->conf->anthropic_betas_vertex);
	g->fixed_host =
	    l->row == NULL || !str_is(l->u->base_url, l->row->base_url);
	if (load_names(l, g, e) == -1)
		return -1;
	g->metadata_host = place_env(l, "GCE_METADATA_HOST");
	g->accounts = has_accounts(l);
	if (l->own)
		return load_own(l, g, e);
	for (i = 0; g->accounts && i < l->u->nkeys; i++)
		if (new_cred(g, &g->creds[i], secret_str(&l->u->keys[i]), e) == -1)
			goto bad;
	if (place_each_region(l, take_local, g, e) == -1)
		goto bad;
	/* An account without a project can ask for nothing. */
	if (g->creds[0] != NULL && project_of(g, g->creds[0]).n == 0)
		l->u->base_url = STR_NONE;
	return 0;
bad:
	return err_set(
	    e, ERR_CONFIG, "provider %.*s: %.900s", STR_ARG(l->u->id), e->msg);
}

static void
unload(struct upstream *u)
{
	struct google *g = u->own;
	int i;

	for (i = 0; g != NULL && i < UPSTREAM_KEYS_MAX; i++)
		google_cred_free(g->creds[i]);
	for (i = 0; g != NULL && i < g->nlocals; i++) {
		google_cred_free(g->locals[i].cred);
		secret_free(&g->locals[i].key);
	}
}

/* The key of the region goes before the others. */
static const struct local *
local_of(const struct target *t)
{
	const struct google *g = t->upstream->own;
	int i;

	for (i = 0; t->key == 0 && i < g->nlocals; i++)
		if (str_eq(g->locals[i].region,
			t->region.n > 0 ? t->region : g->place))
			return &g->locals[i];
	return NULL;
}

static struct google_cred *
cred_of(const struct target *t)
{
	const struct google *g = t->upstream->own;
	const struct local *v = local_of(t);

	assert(t->key >= 0 && t->key < UPSTREAM_KEYS_MAX);
	return v != NULL ? v->cred : g->creds[t->key];
}

/* --- where --- */

/* "global", "us", "europe-west4"; what there is changes too often to list. */
static bool
regional(const struct upstream *u, struct str s)
{
	size_t i = 0;

	(void)u;
	if (str_is(s, "global") || str_is(s, "us") || str_is(s, "eu"))
		return true;
	while (i < s.n && (islower((unsigned char)s.p[i]) || s.p[i] == '-'))
		i++;
	return i > 3 && i < s.n && s.n <= 40 && memchr(s.p, '-', i) != NULL &&
	    s.n - i <= 2 && isdigit((unsigned char)s.p[i]) &&
	    isdigit((unsigned char)s.p[s.n - 1]);
}

static void
put_host(struct str place, struct buf *out)
{
	if (str_is(place, "global"))
		buf_add(out, STR("https://aiplatform.googleapis.com"));
	else if (str_is(place, "us") || str_is(place, "eu"))
		buf_fmt(out, "https://aiplatform.%.*s.rep.googleapis.com",
		    STR_ARG(place));
	else
		buf_fmt(out, "https://%.*s-aiplatform.googleapis.com",
		    STR_ARG(place));
}

/* Without a project all of the scope goes from the path. */
static int
place(const struct target *t, const struct llm_request *r, struct arena *a,
    struct str *url, struct err *e)
{
	const struct google *g = t->upstream->own;
	struct str rest = *url, project = project_of(g, cred_of(t));
	struct buf out = BUF_LIMIT(16384);
	struct str where = t->region.n > 0 ? t->region : g->place;
	const char *at = memmem(rest.p, rest.n, SCOPE, sizeof(SCOPE) - 1);

	(void)r;
	(void)e;
	if (!g->fixed_host) {
		put_host(where, &out);
		rest.p += t->upstream->base_url.n;
		rest.n -= t->upstream->base_url.n;
	}
	if (at != NULL) {
		buf_add(&out, (struct str){ rest.p, (size_t)(at - rest.p) });
		if (project.n > 0) {
			buf_add(&out, STR("projects/"));
			url_segment(&out, project);
			buf_add(&out, STR("/locations/"));
			url_segment(&out, where);
			buf_addc(&out, '/');
		}
		rest.n -= (size_t)(at - rest.p) + sizeof(SCOPE) - 1;
		rest.p = at + sizeof(SCOPE) - 1;
	}
	buf_add(&out, rest);
	*url = arena_dup(a, buf_str(&out));
	buf_free(&out);
	return 0;
}

/* --- credentials --- */

static int
sign(const struct target *t, struct arena *a, struct http_request *q,
    struct err *e)
{
	struct google_cred *c = cred_of(t);
	struct str token;

	if (c == NULL && local_of(t) != NULL)
		return provider_put_secret(
		    q, a, "x-goog-api-key: ", secret_str(&local_of(t)->key), e);
	if (c == NULL)
		return provider_put_key(t, a, q, e);
	token = google_cred_token(c, a);
	if (token.n == 0)
		return err_set(e, ERR_INTERNAL, "Internal Server Error");
	return provider_put_secret(q, a, "Authorization: Bearer ", token, e);
}

static int
need(const struct target *t, struct arena *a, struct http_request *q,
    struct err *e)
{
	struct google_cred *c = cred_of(t);
	int rc;

	if (c == NULL)
		return 0;
	rc = google_cred_need(c, t->now, a, q, e);
	if (rc == 1) {
		q->way = t->upstream->way;
	}
	return rc;
}

static int
took(const struct target *t, int status, struct str body, struct err *e)
{
	return google_cred_took(cred_of(t), t->now, status, body, e);
}

static void
forget(const struct target *t)
{
	if (cred_of(t) != NULL)
		google_cred_forget(cred_of(t));
}

const struct provider_ops google_vertex_ops = {
	.load = load,
	.unload = unload,
	.regional = regional,
	.place = place,
	.sign = sign,
	.need = need,
	.took = took,
	.forget = forget,
};

static void
change_claude(const struct target *t, const struct llm_request *r,
    struct changes *c, struct arena *a)
{
	const struct google *g = t->upstream->own;

	google_claude_change(t, r, c, a, g->betas);
}

const struct provider_ops google_claude_ops = {
	.load = load,
	.unload = unload,
	.regional = regional,
	.place = place,
	.change = change_claude,
	.sign = sign,
	.need = need,
	.took = took,
	.forget = forget,
};
