#include <stdio.h>

#include "base/net.h"
#include "domain/iam.h"
#include "domain/route.h"
#include "json/jscan.h"

#define WORDS_MAX 1000

static const struct str everything[] = { STR("*") };
const struct iam_rule iam_nothing = { .id = STR("unreadable"),
	.type = IAM_MODELS,
	.deny = true,
	.words = everything,
	.nwords = 1,
	.max_input = -1,
	.max_output = -1 };

static const struct {
	const char *word; /* behind "allow_" and "deny_" */
	const char *list; /* member; NULL: pricing */
} types[] = {
	[IAM_MODELS] = { "models", "models" },
	[IAM_PROVIDERS] = { "providers", "providers" },
	[IAM_PRICING] = { "pricing", NULL },
	[IAM_IPS] = { "ips", "cidrs" },
};

static int
bad(struct err *e, const char *param, const char *why)
{
	e->param = str_from(param);
	return err_set(
	    e, ERR_BAD_PARAM, "Invalid request parameters: %s: %s", param, why);
}

static int
parse_type(struct str s, struct iam_rule *r, struct err *e)
{
	struct str rest = s;
	struct str first = str_split(&rest, '_');
	size_t i;

	r->deny = str_is(first, "deny");
	if (r->deny || str_is(first, "allow"))
		for (i = 0; i < NROWS(types); i++)
			if (str_is(rest, types[i].word)) {
				r->type = (enum iam_type)i;
				return 0;
			}
	return bad(e, "type",
	    "must be allow_ or deny_ with models, providers, pricing or ips");
}

static int
parse_words(struct str raw, struct arena *a, struct iam_rule *r, struct err *e)
{
	const char *name = types[r->type].list;
	struct str list = jscan_at(raw, name), *v;
	struct jmember m;
	struct jiter it;
	int n = 0;

	if (list.n == 0 || *list.p != '[')
		return bad(e, name, "must be an array of strings");
	for (it = jscan_into(list); jscan_next(&it, &m);)
		n++;
	if (n == 0 || n > WORDS_MAX)
		return bad(e, name, "must have 1 to 1000 elements");
	r->words = v = arena_zalloc(a, (size_t)n * sizeof(*v));
	for (it = jscan_into(list); jscan_next(&it, &m); v++) {
		*v = arena_dup(a, jscan_text(m.raw, a));
		if (v->n == 0 || v->n > 256)
			return bad(e, name, "must be an array of strings");
		if (r->type == IAM_IPS && !net_is_network(*v))
			return bad(e, name, "must be addresses or networks");
	}
	r->nwords = n;
	return 0;
}

/* USD per million tokens as pico-dollars a token. */
static int
parse_price(struct str raw, const char *name, int64_t *out, struct err *e)
{
	raw = jscan_at(raw, name);
	*out = -1;
	if (raw.p == NULL || jscan_null(raw))
		return 0;
	if (catalog_decimal(raw, 6, out) == -1)
		return bad(e, name, "must be USD per million tokens");
	return 0;
}

static int
parse_pricing(
    struct str raw, struct arena *a, struct iam_rule *r, struct err *e)
{
	struct str type = jscan_at(raw, "pricing_type");
	struct str word = jscan_text(type, a);

	r->only_free = str_is(word, "free");
	r->only_paid = str_is(word, "paid");
	if (type.p != NULL && !jscan_null(type) && !r->only_free &&
	    !r->only_paid)
		return bad(e, "pricing_type", "must be free or paid");
	if (parse_price(raw, "max_input_price", &r->max_input, e) == -1 ||
	    parse_price(raw, "max_output_price", &r->max_output, e) == -1)
		return -1;
	if (!r->only_free && !r->only_paid && r->max_input < 0 &&
	    r->max_output < 0)
		return bad(e, "value",
		    "needs pricing_type, max_input_price or max_output_price");
	return 0;
}

/* What no rule of this type has is no harmless slip: it would not limit. */
static int
check_names(struct str raw, const struct iam_rule *r, struct err *e)
{
	static const char *const prices[] = { "pricing_type", "max_input_price",
		"max_output_price" };
	struct jmember m;
	struct jiter it;
	bool known;
	size_t i;

	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		known = types[r->type].list != NULL &&
		    str_is(m.key, types[r->type].list);
		for (i = 0; i < NROWS(prices); i++)
			known = known ||
			    (r->type == IAM_PRICING &&
				str_is(m.key, prices[i]));
		if (!known)
			return bad(e, "value", "has a member of no such rule");
	}
	return 0;
}

int
iam_parse(struct str type, struct str value, struct arena *a,
    struct iam_rule *r, struct err *e)
{
	*r = (struct iam_rule){ .max_input = -1, .max_output = -1 };
	if (parse_type(type, r, e) == -1)
		return -1;
	if (!jscan_is_object(value))
		return bad(e, "value", "must be an object");
	value = arena_dup(a, value);
	if (check_names(value, r, e) == -1)
		return -1;
	return r->type == IAM_PRICING ? parse_pricing(value, a, r, e) :
					parse_words(value, a, r, e);
}

int
iam_check(struct str type, struct str value, struct err *e)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	struct iam_rule r;
	int rc = iam_parse(type, value, a, &r, e);

	arena_free(a);
	return rc;
}

/* --- one mapping --- */

/* What is asked for: a mapping by the name of its model. */
struct asked {
	const struct mapping *m;
	struct str root;
};

struct refusal {
	const struct iam_rule *rule;
	const char *reason; /* %.*s: what it is about */
	struct str about;
	bool of_provider;
};

/* "x", or "x*" for what begins with x; of a text in two halves. */
static bool
matches(struct str word, struct str provider, struct str model)
{
	size_t n = provider.n == 0 ? 0 : provider.n + 1;
	bool star = word.n > 0 && word.p[word.n - 1] == '*';
	char text[600];

	if (n + model.n > sizeof(text))
		return false;
	if (n > 0) {
		memcpy(text, provider.p, provider.n);
		text[provider.n] = '/';
	}
	memcpy(text + n, model.p, model.n);
	n += model.n;
	if (star)
		return n >= word.n - 1 && memcmp(text, word.p, word.n - 1) == 0;
	return n == word.n && memcmp(text, word.p, n) == 0;
}

static bool
is_free(const struct mapping *m)
{
	const struct prices *t = &m->tiers[0];

	if (m->model != NULL)
		return route_is_free(m->model);
	return t->input <= 0 && t->output <= 0 && t->request <= 0;
}

static bool
too_dear(int64_t price, int64_t max)
{
	return max >= 0 && price > max;
}

static void
dearest_of(const struct prices *t, int n, int64_t *input, int64_t *output)
{
	for (int i = 0; i < n; i++) {
		if (t[i].input > *input)
			*input = t[i].input;
		if (t[i].output > *output)
			*output = t[i].output;
	}
}

/* The dearest tier: nobody knows yet how long the prompt is. */
static void
dearest(const struct mapping *m, int64_t *input, int64_t *output)
{
	*input = *output = 0;
	dearest_of(m->tiers, m->ntiers, input, output);
	for (int i = 0; i < m->nlists; i++)
		dearest_of(
		    m->lists[i].tiers, m->lists[i].ntiers, input, output);
}

/* Why a pricing rule does not let it pass, or NULL. */
static const char *
dear(const struct iam_rule *r, const struct mapping *m)
{
	bool gratis = is_free(m);
	int64_t input, output;

	dearest(m, &input, &output);
	if (!r->deny && r->only_free && !gratis)
		return "Only free models are allowed";
	if (!r->deny && r->only_paid && gratis)
		return "Only paid models are allowed";
	if (r->deny && ((r->only_free && !gratis) || (r->only_paid && gratis)))
		return NULL;
	if (too_dear(input, r->max_input))
		return "Model input price exceeds maximum allowed";
	if (too_dear(output, r->max_output))
		return "Model output price exceeds maximum allowed";
	if (!r->deny || r->max_input >= 0 || r->max_output >= 0)
		return NULL;
	return gratis ? "Free models are not allowed" :
			"Paid models are not allowed";
}

/* Is it named by the rule?  For models and providers. */
static bool
listed(const struct iam_rule *r, const struct asked *q)
{
	int i;

	for (i = 0; i < r->nwords; i++) {
		if (r->type == IAM_PROVIDERS &&
		    matches(r->words[i], STR_NONE, q->m->provider))
			return true;
		if (r->type == IAM_MODELS &&
		    (matches(r->words[i], STR_NONE, q->root) ||
			matches(r->words[i], q->m->provider, q->root) ||
			matches(r->words[i], q->m->provider, q->m->upstream)))
			return true;
	}
	return false;
}

static const char *
reason_of(const struct iam_rule *r, const struct asked *q)
{
	if (r->type == IAM_PRICING)
		return dear(r, q->m);
	if (listed(r, q) == !r->deny)
		return NULL;
	if (r->type == IAM_MODELS)
		return r->deny ? "Model %.*s is in the denied models list" :
				 "Model %.*s is not in the allowed models list";
	return r->deny ? "Provider %.*s is in the denied providers list" :
			 "Provider %.*s is not in the allowed providers list";
}

/* The rules of a type: a deny that matches, else allows of which none does. */
static bool
passes_type(const struct principal *p, enum iam_type type,
    const struct asked *q, struct refusal *f)
{
	const struct iam_rule *r;
	const char *why;
	bool allows = false, passed = false;
	int i;

	for (i = 0; i < p->nrules; i++) {
		r = &p->rules[i];
		if (r->type != type)
			continue;
		why = reason_of(r, q);
		if (!r->deny && why == NULL)
			passed = true;
		if (why != NULL && (r->deny || !allows)) {
			f->rule = r;
			f->reason = why;
			f->of_provider = type == IAM_PROVIDERS;
			f->about = f->of_provider ? q->m->provider : q->root;
			if (r->deny)
				return false;
		}
		allows = allows || !r->deny;
	}
	return !allows || passed;
}

static bool
passes(const struct principal *p, const struct asked *q, struct refusal *f)
{
	return passes_type(p, IAM_MODELS, q, f) &&
	    passes_type(p, IAM_PROVIDERS, q, f) &&
	    passes_type(p, IAM_PRICING, q, f);
}

bool
iam_allows(const struct principal *p, const struct mapping *m)
{
	struct asked q = { m, m->model == NULL ? m->upstream : m->model->id };
	struct refusal ignored;

	return p->nrules == 0 || passes(p, &q, &ignored);
}

/* --- a request --- */

static int
deny(const struct refusal *f, struct err *e)
{
	struct str about = f->about;
	char reason[400];

	about.n = about.n > 200 ? 200 : about.n;
	if (strstr(f->reason, "%.*s") == NULL)
		snprintf(reason, sizeof(reason), "%s", f->reason);
	else if (f->of_provider)
		snprintf(reason, sizeof(reason), "Provider %.*s%s",
		    STR_ARG(about), strstr(f->reason, " is "));
	else
		snprintf(reason, sizeof(reason), "Model %.*s%s", STR_ARG(about),
		    strstr(f->reason, " is "));
	return err_set(e, ERR_FORBIDDEN, "Access denied: %s (Rule ID: %.*s)",
	    reason, STR_ARG(f->rule->id));
}

static bool
address_in(const struct iam_rule *r, struct str address)
{
	int i;

	for (i = 0; i < r->nwords; i++)
		if (net_host_in(r->words[i], address))
			return true;
	return false;
}

int
iam_address(const struct principal *p, struct str address, struct err *e)
{
	struct refusal f = { .reason = "IP address is not allowed" };
	bool allowed = false;
	int i;

	for (i = 0; i < p->nrules; i++) {
		if (p->rules[i].type != IAM_IPS)
			continue;
		if (address_in(&p->rules[i], address)) {
			if (p->rules[i].deny) {
				f.rule = &p->rules[i];
				return deny(&f, e);
			}
			allowed = true;
		} else if (!p->rules[i].deny && f.rule == NULL)
			f.rule = &p->rules[i];
	}
	return f.rule == NULL || allowed ? 0 : deny(&f, e);
}

int
iam_route(const struct principal *p, struct route *r, struct str address,
    struct err *e)
{
	struct refusal first = { 0 }, f;
	struct asked q = { .root = r->root };
	int i, n = 0;
	bool same = true;

	if (p->nrules == 0)
		return 0;
	if (iam_address(p, address, e) == -1)
		return -1;
	if (r->automatic || r->nfound == 0)
		return 0;
	for (i = 0; i < r->nfound; i++) {
		q.m = r->found[i];
		if (passes(p, &q, &f)) {
			r->found[n++] = r->found[i];
			continue;
		}
		if (first.rule == NULL)
			first = f;
		same = same && strcmp(first.reason, f.reason) == 0;
	}
	if (n > 0 || r->nfound == 0) {
		r->nfound = n;
		return 0;
	}
	/* Of several providers none is the one that was refused. */
	if (same && (!first.of_provider || r->nfound == 1))
		return deny(&first, e);
	return err_set(e, ERR_FORBIDDEN,
	    "Access denied: No providers are allowed for model %.*s after "
	    "applying IAM rules.",
	    (int)(r->root.n > 200 ? 200 : r->root.n), r->root.p);
}

struct str
iam_client(struct str remote, struct str header, struct str proxies)
{
	struct str last, rest = header;
	const char *comma;

	while (net_host_in(proxies, remote) && rest.n > 0) {
		comma = memrchr(rest.p, ',', rest.n);
		last = rest;
		if (comma != NULL) {
			last.p = comma + 1;
			last.n = rest.n - (size_t)(last.p - rest.p);
			rest.n = (size_t)(comma - rest.p);
		} else
			rest.n = 0;
		last = str_trim(last);
		if (last.n == 0)
			break;
		remote = last;
	}
	return remote;
}
