#include "http/url.h"
#include "provider/aws_load.h"

#define PLACE_DEFAULT "global"
#define REGION_DEFAULT "us-east-1"
#define HOST_WORD "bedrock-runtime"

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

/* The variable, or the file that NAME_FILE names; 1: there is one. */
static int
load_secret(
    const struct load *l, const char *name, struct secret *s, struct err *e)
{
	const char *v = place_variable(l, name);
	const char *file =
	    place_variable(l, arena_fmt(l->arena, "%s_FILE", name).p);
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
load_vendor(const struct load *l, struct aws *w)
{
	const char *id = place_env(l, "AWS_ACCESS_KEY_ID");
	const char *secret = place_env(l, "AWS_SECRET_ACCESS_KEY");
	const char *token = place_env(l, "AWS_SESSION_TOKEN");

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
	w->signs = id == 1 || (l->row != NULL && load_vendor(l, w));
	if (w->signs) /* nothing else is sent */
		l->u->auth = AUTH_NONE;
	return 0;
}

/*
 * ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]; a bearer key has no colon.
 * It stays a key of the upstream, by which its health is known.
 */
static int
load_own(const struct load *l, struct aws *w, struct err *e)
{
	struct str rest = secret_str(&l->u->keys[0]), id, secret;

	if (memchr(rest.p, ':', rest.n) == NULL)
		return 0;
	id = str_split(&rest, ':');
	secret = str_split(&rest, ':');
	if (id.n == 0 || secret.n == 0 ||
	    (rest.p != NULL &&
		(rest.n == 0 || memchr(rest.p, ':', rest.n) != NULL))) {
		e->param = STR("key");
		return err_set(e, ERR_CONFIG,
		    "must be ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN] "
		    "or a bearer key");
	}
	secret_set(&w->key_id, id);
	secret_set(&w->secret, secret);
	if (rest.n > 0)
		secret_set(&w->token, rest);
	w->signs = true;
	l->u->auth = AUTH_NONE;
	return 0;
}

/* --- regions --- */

bool
aws_is_region(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] != '-' && (s.p[i] < 'a' || s.p[i] > 'z') &&
		    (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return s.n > 0 && s.n <= 32;
}

/* "bedrock-runtime-fips.eu-west-1.amazonaws.com": the region of a host. */
struct str
aws_host_region(struct str base)
{
	const char *p = memmem(base.p, base.n, HOST_WORD, strlen(HOST_WORD));
	struct str rest;

	if (p == NULL)
		return STR_NONE;
	rest = (struct str){ p, (size_t)(base.p + base.n - p) };
	str_split(&rest, '.');
	rest = str_split(&rest, '.');
	return aws_is_region(rest) ? rest : STR_NONE;
}

static struct str
domain_of(struct str region)
{
	size_t i = 0;

	while (!str_starts(region, partitions[i].region))
		i++;
	return str_from(partitions[i].domain);
}

/* A group of regions, or a region itself. */
struct aws_spot
aws_spot(struct str place)
{
	size_t i;

	for (i = 0; i < NROWS(groups); i++)
		if (str_is(place, groups[i].place))
			return (struct aws_spot){ str_from(groups[i].region),
				str_from(groups[i].prefix) };
	return (struct aws_spot){ place, STR("") };
}

struct str
aws_host(struct arena *a, struct str region)
{
	return arena_fmt(a, "https://" HOST_WORD ".%.*s.%.*s", STR_ARG(region),
	    STR_ARG(domain_of(region)));
}

static int
load_region(const struct load *l, struct aws *w, struct err *e)
{
	const char *v = place_variable(l, "REGION");
	struct str told;

	/* A row of the operator: names of models are as he gives them. */
	w->place = str_from(v != NULL ? v :
		l->row != NULL        ? PLACE_DEFAULT :
					REGION_DEFAULT);
	if (!aws_is_region(w->place))
		return err_set(
		    e, ERR_CONFIG, "%.*sREGION: no region", STR_ARG(l->env));
	w->place = arena_dup(l->arena, w->place);
	w->spot = aws_spot(w->place);
	w->fixed_host =
	    l->row == NULL || !str_is(l->u->base_url, l->row->base_url);
	if (!w->fixed_host) {
		l->u->base_url = aws_host(l->arena, w->spot.region);
		return 0;
	}
	told = aws_host_region(l->u->base_url);
	if (told.n > 0)
		w->spot.region = told;
	return 0;
}

static int
take_local(void *arg, struct str region, const char *key, struct err *e)
{
	struct aws *w = arg;
	struct aws_key *v = &w->locals[w->nlocals];

	if (w->nlocals == AWS_LOCALS_MAX)
		return err_set(e, ERR_CONFIG, "keys of too many regions");
	w->nlocals++;
	v->place = region;
	secret_set(&v->key, str_trim(str_from(key)));
	return 0;
}

int
aws_load(const struct load *l, struct err *e)
{
	struct aws *w = ARENA_NEW(l->arena, struct aws);

	l->u->own = w;
	w->betas = str_from(l->conf->anthropic_betas_bedrock);
	if ((l->own                  ? load_own(l, w, e) :
		    l->u->nkeys == 0 ? load_pair(l, w, e) :
				       0) == -1)
		return -1;
	return load_region(l, w, e) == -1 ?
	    -1 :
	    place_each_region(l, take_local, w, e);
}

void
aws_unload(struct upstream *u)
{
	struct aws *w = u->own;

	if (w == NULL)
		return;
	while (w->nlocals > 0)
		secret_free(&w->locals[--w->nlocals].key);
	secret_free(&w->key_id);
	secret_free(&w->secret);
	secret_free(&w->token);
}

bool
aws_has_prefix(struct str model)
{
	size_t i;

	for (i = 0; i < NROWS(groups); i++)
		if (str_starts(model, groups[i].prefix))
			return true;
	return false;
}

int
aws_load_mantle(const struct load *l, struct err *e)
{
	const char *v = place_variable(l, "REGION");

	if (v == NULL || !str_is(l->u->base_url, l->row->base_url))
		return 0;
	if (!aws_is_region(str_from(v)))
		return err_set(
		    e, ERR_CONFIG, "%.*sREGION: no region", STR_ARG(l->env));
	l->u->base_url =
	    arena_fmt(l->arena, "https://bedrock-mantle.%s.api.aws", v);
	return 0;
}
