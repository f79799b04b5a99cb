#include <stdlib.h>

#include "base/secret.h"
#include "http/url.h"
#include "provider/aws.h"
#include "provider/claude.h"
#include "provider/place.h"
#include "provider/quirk.h"
#include "provider/sigv4.h"

#define PLACE_DEFAULT "global"
#define REGION_DEFAULT "us-east-1"
#define SERVICE "bedrock"
#define HOST_WORD "bedrock-runtime"

struct aws {
	struct str prefix; /* of model names: "eu." */
	struct str region; /* that is signed for */
	struct str betas;  /* of Claude, that are allowed */
	bool signs;
	struct secret key_id;
	struct secret secret;
	struct secret token; /* or none */
};

/* Groups of regions, which models are served across. */
static const struct {
	const char *place;
	const char *region; /* that is asked */
	const char *prefix;
} groups[] = {
	{ "apac", "ap-northeast-1", "apac." },
	{ "au", "ap-southeast-2", "au." },
	{ "ca", "ca-central-1", "ca." },
	{ "eu", "eu-central-1", "eu." },
	{ "global", "us-east-1", "global." },
	{ "jp", "ap-northeast-1", "jp." },
	{ "us", "us-east-1", "us." },
	{ "us-gov", "us-gov-west-1", "us-gov." },
};

/* Of the first that a region begins with. */
static const struct {
	const char *region;
	const char *domain;
} partitions[] = {
	{ "cn-", "amazonaws.com.cn" },
	{ "eusc-", "amazonaws.eu" },
	{ "us-iso-", "c2s.ic.gov" },
	{ "us-isob-", "sc2s.sgov.gov" },
	{ "us-isof-", "csp.hci.ic.gov" },
	{ "eu-isoe-", "cloud.adc-e.uk" },
	{ "", "amazonaws.com" },
};

/* --- what the environment says --- */

static const char *
variable(const struct load *l, const char *name)
{
	const char *v =
	    getenv(arena_fmt(l->arena, "%.*s%s", STR_ARG(l->env), name).p);

	return given(v) ? v : NULL;
}

/* The variable, or the file that NAME_FILE names; 1: there is one. */
static int
load_secret(
    const struct load *l, const char *name, struct secret *s, struct err *e)
{
	const char *v = variable(l, name);
	const char *file = variable(l, arena_fmt(l->arena, "%s_FILE", name).p);
	size_t i;

	if (v != NULL)
		secret_set(s, str_trim(str_from(v)));
	else if (file != NULL && secret_read(s, file, e) == -1)
		return err_set(e, ERR_CONFIG, "%.*s%s_FILE: %.800s",
		    STR_ARG(l->env), name, e->msg);
	for (i = 0; i < s->n; i++)
		if (s->bytes[i] <= ' ' || s->bytes[i] > '~')
			return err_set(e, ERR_CONFIG,
			    "%.*s%s: has a byte that is not printable ASCII",
			    STR_ARG(l->env), name);
	return s->n > 0;
}

/* AWS's own names for the same; all of them or none (trap 73). */
static bool
load_vendor(struct aws *w)
{
	const char *id = getenv("AWS_ACCESS_KEY_ID");
	const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
	const char *token = getenv("AWS_SESSION_TOKEN");

	if (!given(id) || !given(secret))
		return false;
	secret_set(&w->key_id, str_from(id));
	secret_set(&w->secret, str_from(secret));
	if (given(token))
		secret_set(&w->token, str_from(token));
	return true;
}

static int
load_pair(const struct load *l, struct aws *w, struct err *e)
{
	int id = load_secret(l, "ACCESS_KEY_ID", &w->key_id, e);
	int secret =
	    id == -1 ? -1 : load_secret(l, "SECRET_ACCESS_KEY", &w->secret, e);

	if (secret == -1)
		return -1;
	if (id != secret)
		return err_set(e, ERR_CONFIG,
		    "%.*sACCESS_KEY_ID and _SECRET_ACCESS_KEY: both or none",
		    STR_ARG(l->env));
	if (id == 1 && load_secret(l, "SESSION_TOKEN", &w->token, e) == -1)
		return -1;
	w->signs = id == 1 || (l->row != NULL && load_vendor(w));
	if (w->signs) /* nothing else is sent */
		l->u->auth = AUTH_NONE;
	return 0;
}

/* --- regions --- */

static bool
is_region(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] != '-' && (s.p[i] < 'a' || s.p[i] > 'z') &&
		    (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return s.n > 0 && s.n <= 32;
}

/* "bedrock-runtime-fips.eu-west-1.amazonaws.com": the region of a host. */
static struct str
region_of_host(struct str base)
{
	const char *p = memmem(base.p, base.n, HOST_WORD, strlen(HOST_WORD));
	struct str rest;

	if (p == NULL)
		return STR_NONE;
	rest = (struct str){ p, (size_t)(base.p + base.n - p) };
	str_split(&rest, '.');
	rest = str_split(&rest, '.');
	return is_region(rest) ? rest : STR_NONE;
}

static struct str
domain_of(struct str region)
{
	size_t i = 0;

	while (!str_starts(region, partitions[i].region))
		i++;
	return str_from(partitions[i].domain);
}

static int
load_region(const struct load *l, struct aws *w, struct err *e)
{
	const char *v = variable(l, "REGION");
	struct str place, told;
	size_t i;

	/* A row of the operator: names of models are as he gives them. */
	place = str_from(v != NULL ? v :
		l->row != NULL     ? PLACE_DEFAULT :
				     REGION_DEFAULT);
	if (!is_region(place))
		return err_set(
		    e, ERR_CONFIG, "%.*sREGION: no region", STR_ARG(l->env));
	w->region = arena_dup(l->arena, place);
	w->prefix = STR("");
	for (i = 0; i < NROWS(groups); i++)
		if (str_is(place, groups[i].place)) {
			w->region = str_from(groups[i].region);
			w->prefix = str_from(groups[i].prefix);
		}
	if (l->row != NULL && str_is(l->u->base_url, l->row->base_url)) {
		l->u->base_url =
		    arena_fmt(l->arena, "https://" HOST_WORD ".%.*s.%.*s",
			STR_ARG(w->region), STR_ARG(domain_of(w->region)));
		return 0;
	}
	told = region_of_host(l->u->base_url);
	if (told.n > 0)
		w->region = told;
	return 0;
}

static int
load(const struct load *l, struct err *e)
{
	struct aws *w = ARENA_NEW(l->arena, struct aws);

	l->u->own = w;
	w->betas = str_from(l->conf->anthropic_betas_bedrock);
	if (l->u->nkeys == 0 && load_pair(l, w, e) == -1)
		return -1;
	return load_region(l, w, e);
}

static void
unload(struct upstream *u)
{
	struct aws *w = u->own;

	if (w == NULL)
		return;
	secret_free(&w->key_id);
	secret_free(&w->secret);
	secret_free(&w->token);
}

/* --- where --- */

static bool
has_prefix(struct str model)
{
	size_t i;

	for (i = 0; i < NROWS(groups); i++)
		if (str_starts(model, groups[i].prefix))
			return true;
	return false;
}

static struct str
skip_prefix(struct str model)
{
	if (has_prefix(model))
		str_split(&model, '.');
	return model;
}

/*
 * The segment before the last is the model's name, encoded: it gets the prefix
 * of the place, unless it is a profile or an ARN already.  Tokens are counted
 * by the model that is behind a profile.
 */
static int
place(const struct target *t, const struct llm_request *r, struct arena *a,
    struct str *url, struct err *e)
{
	const struct aws *w = t->upstream->own;
	const char *verb = memrchr(url->p, '/', url->n), *name;
	struct str model;
	bool bare;

	(void)r;
	(void)e;
	if (verb == NULL ||
	    (name = memrchr(url->p, '/', (size_t)(verb - url->p))) == NULL)
		return 0;
	name++;
	model = (struct str){ name, (size_t)(verb - name) };
	if (t->way->dialect->task == LLM_COUNT) {
		bare = true;
		model = skip_prefix(model);
	} else
		bare = has_prefix(model) || str_starts(model, "arn%3A");
	*url = arena_fmt(a, "%.*s%.*s%.*s%.*s", (int)(name - url->p), url->p,
	    bare ? 0 : (int)w->prefix.n, w->prefix.p, STR_ARG(model),
	    (int)(url->p + url->n - verb), verb);
	return 0;
}

/* --- Claude by InvokeModel --- */

/* Members of Anthropic's own API that are refused here. */
static const char *const strange[] = { "inference_geo", "service_tier",
	"speed" };

static void
change(const struct target *t, const struct llm_request *r, struct changes *c,
    struct arena *a)
{
	const struct aws *w = t->upstream->own;
	struct str betas;
	size_t i;

	if (t->way->dialect != &dialect_anthropic_messages)
		return;
	quirk_del(c, STR("model"));
	quirk_del(c, STR("stream"));
	quirk_set(c, STR("anthropic_version"), STR("\"bedrock-2023-05-31\""));
	betas = claude_betas(r->betas, w->betas, a);
	if (betas.p != NULL)
		quirk_set(c, STR("anthropic_beta"), betas);
	for (i = 0; i < NROWS(strange); i++) {
		if (jscan_get(c->members, c->nmembers, strange[i]).p == NULL)
			continue;
		quirk_del(c, str_from(strange[i]));
		quirk_drop(c, strange[i]);
	}
}

/* --- signatures --- */

/* Host and path of a URL that we made: curl leaves usual ports out. */
static void
split_url(struct str url, struct str *host, struct sigv4 *s)
{
	const char *port = str_starts(url, "https:") ? ":443" : ":80";
	const char *at = memmem(url.p, url.n, "://", 3), *end, *query;

	at = at == NULL ? url.p : at + 3;
	end = url.p + url.n;
	s->path.p = memchr(at, '/', (size_t)(end - at));
	if (s->path.p == NULL)
		s->path.p = end;
	query = memchr(s->path.p, '?', (size_t)(end - s->path.p));
	s->query = query == NULL ?
	    STR("") :
	    (struct str){ query + 1, (size_t)(end - query - 1) };
	s->path.n = (size_t)((query == NULL ? end : query) - s->path.p);
	*host = (struct str){ at, (size_t)(s->path.p - at) };
	if (host->n > strlen(port) &&
	    memcmp(host->p + host->n - strlen(port), port, strlen(port)) == 0)
		host->n -= strlen(port);
}

static int
add_signature(const struct aws *w, struct sigv4 *s, struct arena *a,
    struct http_request *q, struct err *e)
{
	struct buf b = BUF_LIMIT(16 * 1024);
	int rc;

	s->key_id = secret_str(&w->key_id);
	s->secret = secret_str(&w->secret);
	sigv4_authorize(s, a, &b);
	rc = provider_put_secret(q, a, "Authorization: ", buf_str(&b), e);
	buf_free(&b);
	return rc;
}

/* Of the headers only those are signed that no proxy touches (trap 72). */
static int
sign(const struct target *t, struct arena *a, struct http_request *q,
    struct err *e)
{
	const struct aws *w = t->upstream->own;
	struct sigv4 s = { .method = "POST",
		.body = q->body,
		.region = w->region,
		.service = STR(SERVICE) };
	struct str headers[4], host;
	char date[SIGV4_DATE_SIZE];
	int n = 0;

	if (!w->signs)
		return provider_put_key(t, a, q, e);
	sigv4_date(t->now, date);
	s.date = str_from(date);
	split_url(q->url, &host, &s);
	headers[n++] = arena_fmt(a, "Host: %.*s", STR_ARG(host));
	headers[n++] = STR("Content-Type: application/json");
	headers[n++] = arena_fmt(a, "X-Amz-Date: %s", date);
	if (provider_put_secret(q, a, "X-Amz-Date: ", s.date, e) == -1)
		return -1;
	if (w->token.n > 0) {
		if (provider_put_secret(q, a, "X-Amz-Security-Token: ",
			secret_str(&w->token), e) == -1)
			return -1;
		headers[n++] = q->headers[q->nheaders - 1];
	}
	s.headers = headers;
	s.nheaders = n;
	return add_signature(w, &s, a, q, e);
}

const struct provider_ops aws_bedrock_ops = {
	.load = load,
	.unload = unload,
	.place = place,
	.change = change,
	.sign = sign,
};

static int
load_mantle(const struct load *l, struct err *e)
{
	const char *v = variable(l, "REGION");

	if (v == NULL || !str_is(l->u->base_url, l->row->base_url))
		return 0;
	if (!is_region(str_from(v)))
		return err_set(
		    e, ERR_CONFIG, "%.*sREGION: no region", STR_ARG(l->env));
	l->u->base_url =
	    arena_fmt(l->arena, "https://bedrock-mantle.%s.api.aws", v);
	return 0;
}

const struct provider_ops aws_mantle_ops = { .load = load_mantle };
