#include "base/hash.h"
#include "domain/provider_key.h"
#include "json/jscan.h"

#define NAMES 4

const struct own_model own_model_usual = {
	.context = 8192,
	.max_output = 4096,
	.prices = { .upto = INT64_MAX,
	    .cached_input = NO_PRICE,
	    .cache_write = NO_PRICE,
	    .cache_write_1h = NO_PRICE,
	    .image_in = NO_PRICE,
	    .image_out = NO_PRICE,
	    .audio_in = NO_PRICE,
	    .audio_out = NO_PRICE },
};

struct str
provider_key_seal(const struct secret *master, struct str secret, struct str id,
    struct str org, struct str provider, struct arena *a)
{
	const struct str names[NAMES] = { STR("provider_key"), id, org,
		provider };

	return seal(master, secret, names, NAMES, a);
}

bool
provider_key_open(const struct secret *master, const struct own_key *k,
    struct str org, struct secret *out)
{
	const struct str names[NAMES] = { STR("provider_key"), k->id, org,
		k->provider };

	return seal_open(master, k->sealed, names, NAMES, out);
}

struct str
provider_key_mask(struct str s, struct arena *a)
{
	struct str rest = s;

	if (s.n > 0 && *s.p == '{') {
		s = jscan_text(jscan_at(s, "client_email"), a);
		return s.n > 0 && s.n <= 200 ? arena_dup(a, s) :
					       STR("{\xe2\x80\xa6}");
	}
	if (memchr(s.p, ':', s.n) != NULL)
		s = str_split(&rest, ':'); /* AWS: its id */
	/* Of a short one nothing is shown. */
	if (s.n < 16)
		return STR("\xe2\x80\xa6");
	return arena_fmt(a, "%.3s\xe2\x80\xa6%s", s.p,
	    arena_cstr(a, (struct str){ s.p + s.n - 4, 4 }));
}

uint64_t
provider_key_mark(struct str id, struct str sealed)
{
	unsigned char digest[HASH_SIZE];
	uint64_t mark;

	hash_hmac(id, sealed, digest);
	memcpy(&mark, digest, sizeof(mark));
	return mark;
}

static int
bad(struct err *e, const char *why)
{
	e->param = STR("models");
	return err_set(
	    e, ERR_BAD_PARAM, "Invalid request parameters: models: %s", why);
}

static bool
take_count(struct str raw, const char *name, int64_t *out)
{
	raw = jscan_at(raw, name);
	return raw.p == NULL || jscan_null(raw) ||
	    (jscan_int(raw, out) && *out > 0);
}

static bool
take_price(struct str raw, const char *name, int64_t *out)
{
	raw = jscan_at(raw, name);
	return raw.p == NULL || jscan_null(raw) ||
	    catalog_decimal(raw, 6, out) == 0;
}

int
provider_key_models(
    struct str raw, struct arena *a, struct own_model **out, struct err *e)
{
	struct own_model *v;
	struct jmember m;
	struct jiter it;
	int n = 0, i = 0;

	*out = NULL;
	if (raw.n == 0)
		return 0;
	if (jscan_value(raw, a, e) == -1 || *raw.p != '[')
		return bad(e, "must be an array");
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		n++;
	if (n > OWN_MODELS_MAX)
		return bad(e, "too many");
	*out = v = arena_zalloc(a, (size_t)(n + 1) * sizeof(*v));
	for (it = jscan_into(raw); jscan_next(&it, &m); i++) {
		v[i] = own_model_usual;
		v[i].model =
		    arena_dup(a, jscan_text(jscan_at(m.raw, "model"), a));
		if (!catalog_is_name(v[i].model))
			return bad(e, "each must have a model");
		if (!take_count(m.raw, "context", &v[i].context) ||
		    !take_count(m.raw, "max_output", &v[i].max_output))
			return bad(e, "context and max_output must be counts");
		if (!take_price(m.raw, "input_price", &v[i].prices.input) ||
		    !take_price(m.raw, "output_price", &v[i].prices.output))
			return bad(e, "prices must be USD per million tokens");
	}
	return n;
}
