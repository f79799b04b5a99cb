#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/url.h"
#include "provider/google.h"
#include "provider/google_token.h"
#include "provider/place.h"

#define PLACE_DEFAULT "global"
#define SCOPE "projects/{project}/locations/{region}/"

/* What the environment says of one provider. */
struct google {
	struct str project; /* "": the credential's, or none */
	struct str place;
	bool fixed_host;  /* a base URL was given */
	struct str betas; /* of Claude, that are allowed */
	struct google_cred *creds[UPSTREAM_KEYS_MAX]; /* NULL: an API key */
};

static const char *
variable(const struct load *l, const char *name)
{
	const char *v =
	    getenv(arena_fmt(l->arena, "%.*s%s", STR_ARG(l->env), name).p);

	return given(v) ? v : NULL;
}

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
	const char *project = variable(l, "PROJECT");
	const char *place = variable(l, "REGION");

	if (project == NULL && strcmp(l->u->id.p, "google-vertex") == 0)
		project = getenv("LLM_GOOGLE_CLOUD_PROJECT");
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
	const char *type = variable(l, "TOKEN_TYPE");

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
	for (i = 0; has_accounts(l) && i < l->u->nkeys; i++)
		if (google_cred_new(
			&g->creds[i], secret_str(&l->u->keys[i]), e) == -1)
			return err_set(e, ERR_CONFIG, "provider %.*s: %.900s",
			    STR_ARG(l->u->id), e->msg);
	/* An account without a project can ask for nothing. */
	if (g->creds[0] != NULL && project_of(g, g->creds[0]).n == 0)
		l->u->base_url = STR_NONE;
	return 0;
}

static void
unload(struct upstream *u)
{
	struct google *g = u->own;
	int i;

	for (i = 0; g != NULL && i < UPSTREAM_KEYS_MAX; i++)
		google_cred_free(g->creds[i]);
}

static struct google_cred *
cred_of(const struct target *t)
{
	const struct google *g = t->upstream->own;

	assert(t->key >= 0 && t->key < UPSTREAM_KEYS_MAX);
	return g->creds[t->key];
}

/* --- where --- */

static void
put_host(const struct google *g, struct buf *out)
{
	struct str place = g->place;

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
	const char *at = memmem(rest.p, rest.n, SCOPE, sizeof(SCOPE) - 1);

	(void)r;
	(void)e;
	if (!g->fixed_host) {
		put_host(g, &out);
		rest.p += t->upstream->base_url.n;
		rest.n -= t->upstream->base_url.n;
	}
	if (at != NULL) {
		buf_add(&out, (struct str){ rest.p, (size_t)(at - rest.p) });
		if (project.n > 0) {
			buf_add(&out, STR("projects/"));
			url_segment(&out, project);
			buf_add(&out, STR("/locations/"));
			url_segment(&out, g->place);
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
		q->ca_file = t->upstream->ca_file;
		q->proxy = t->upstream->proxy;
	}
	return rc;
}

static int
took(const struct target *t, int status, struct str body, struct err *e)
{
	return google_cred_took(
	    cred_of(t), clock_wall_ms() / 1000, status, body, e);
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
	.place = place,
	.change = change_claude,
	.sign = sign,
	.need = need,
	.took = took,
	.forget = forget,
};
