/* What the list tells of prices. */
#include <stddef.h>

#include "domain/catalog_read.h"
#include "json/jscan.h"

#define ROWS_MAX 32 /* of a mapping's images, and lists of prices */

/* Sorted as struct prices; what is per piece is told in whole dollars. */
static const struct {
	const char *key;
	size_t offset;
	int decimals;
} price_rows[] = {
	{ "input", offsetof(struct prices, input), 6 },
	{ "cached_input", offsetof(struct prices, cached_input), 6 },
	{ "cache_write", offsetof(struct prices, cache_write), 6 },
	{ "cache_write_1h", offsetof(struct prices, cache_write_1h), 6 },
	{ "output", offsetof(struct prices, output), 6 },
	{ "request", offsetof(struct prices, request), 12 },
	{ "web_search", offsetof(struct prices, web_search), 12 },
	{ "image_in", offsetof(struct prices, image_in), 6 },
	{ "image_out", offsetof(struct prices, image_out), 6 },
	{ "audio_in", offsetof(struct prices, audio_in), 6 },
	{ "audio_out", offsetof(struct prices, audio_out), 6 },
	{ "image_in_each", offsetof(struct prices, image_in_each), 12 },
	{ "image_out_each", offsetof(struct prices, image_out_each), 12 },
};

static int
get_tier(struct catalog_load *l, struct str raw, struct prices *t)
{
	struct str v;
	int64_t *pico;
	size_t i;

	if (catalog_read_count(l, jscan_at(raw, "upto"), "upto", &t->upto) ==
	    -1)
		return -1;
	for (i = 0; i < NROWS(price_rows); i++) {
		pico = (int64_t *)(void *)((char *)t + price_rows[i].offset);
		*pico = NO_PRICE;
		v = jscan_at(raw, price_rows[i].key);
		if (v.p == NULL || jscan_null(v))
			continue;
		v = jscan_text(v, l->line);
		if (v.p == NULL ||
		    catalog_decimal(v, price_rows[i].decimals, pico) == -1)
			return catalog_read_fail(
			    l, "\"%s\" is no price", price_rows[i].key);
	}
	return 0;
}

int
catalog_tiers(struct catalog_load *l, struct str raw,
    const struct prices **tiers, int *ntiers)
{
	int n = catalog_read_size(raw), i = 0;
	struct prices *t;
	struct jmember m;
	struct jiter it;

	if (n < 1 || n > CATALOG_TIERS_MAX)
		return catalog_read_fail(l, "1 to 8 \"tiers\" are needed");
	t = arena_zalloc(l->keep, sizeof(*t) * (size_t)n);
	*tiers = t;
	*ntiers = n;
	for (it = jscan_into(raw); jscan_next(&it, &m); i++) {
		if (get_tier(l, m.raw, &t[i]) == -1)
			return -1;
		if ((i == n - 1) != (t[i].upto == 0) ||
		    (i > 0 && i < n - 1 && t[i].upto <= t[i - 1].upto))
			return catalog_read_fail(
			    l, "\"upto\" must rise, the last has none");
	}
	t[n - 1].upto = INT64_MAX;
	return 0;
}

/* "16:30" as minutes; -1. */
static int
minutes(struct str s)
{
	int v[4];

	if (s.n != 5 || s.p[2] != ':')
		return -1;
	for (int i = 0; i < 4; i++) {
		v[i] = s.p[i < 2 ? i : i + 1] - '0';
		if (v[i] < 0 || v[i] > 9)
			return -1;
	}
	if (v[2] > 5 || v[0] * 10 + v[1] > 23)
		return -1;
	return (v[0] * 10 + v[1]) * 60 + v[2] * 10 + v[3];
}

/* {"region":"eu-west-3","hours":"16:30-00:30","tiers":[...]}, one or both. */
static int
get_list(struct catalog_load *l, struct str raw, struct price_list *p)
{
	struct str hours = jscan_word(raw, "hours");

	if (catalog_read_text(
		l, jscan_at(raw, "region"), "region", false, &p->region) == -1)
		return -1;
	if (p->region.n == 0 && hours.n == 0)
		return catalog_read_fail(
		    l, "\"prices\" need a \"region\" or \"hours\"");
	if (hours.n > 0) {
		if (hours.n != 11 || hours.p[5] != '-' ||
		    (p->from = minutes((struct str){ hours.p, 5 })) == -1 ||
		    (p->to = minutes((struct str){ hours.p + 6, 5 })) == -1 ||
		    p->from == p->to)
			return catalog_read_fail(
			    l, "\"hours\" must be as \"16:30-00:30\"");
	}
	return catalog_tiers(l, jscan_at(raw, "tiers"), &p->tiers, &p->ntiers);
}

/* Room for the rows of an array that may be absent; NULL: they are too many. */
static void *
rows_of(struct catalog_load *l, struct str raw, const char *what, size_t size)
{
	int n = catalog_read_size(raw);

	if (n <= ROWS_MAX)
		return arena_zalloc(l->keep, size * (size_t)n);
	catalog_read_fail(l, "more than %d \"%s\"", ROWS_MAX, what);
	return NULL;
}

int
catalog_lists(struct catalog_load *l, struct str raw, struct mapping *p)
{
	struct price_list *v = rows_of(l, raw, "prices", sizeof(*v));
	struct jmember m;
	struct jiter it;

	if (v == NULL)
		return -1;
	p->lists = v;
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		if (get_list(l, m.raw, &v[p->nlists++]) == -1)
			return -1;
	return 0;
}

/* {"size":"1024x1024","quality":"low","tokens":272}, or with "each". */
static int
get_picture(struct catalog_load *l, struct str raw, struct picture_price *p)
{
	struct str size = jscan_word(raw, "size");
	struct str quality = jscan_word(raw, "quality");
	struct str each = jscan_word(raw, "each");
	struct llm_picture at = { 0 };

	p->each = NO_PRICE;
	if (size.n > 0 && !llm_picture_size(&at, size))
		return catalog_read_fail(l, "\"size\" is none of an image");
	p->w = at.w;
	p->h = at.h;
	p->quality = llm_quality_find(quality);
	if (quality.n > 0 && p->quality == LLM_QUALITY_AUTO)
		return catalog_read_fail(l, "\"quality\" is no such word");
	if (each.n > 0 && catalog_decimal(each, 12, &p->each) == -1)
		return catalog_read_fail(l, "\"each\" is no price");
	return catalog_read_count(
	    l, jscan_at(raw, "tokens"), "tokens", &p->tokens);
}

int
catalog_pictures(struct catalog_load *l, struct str raw, struct mapping *p)
{
	struct picture_price *v = rows_of(l, raw, "pictures", sizeof(*v));
	struct jmember m;
	struct jiter it;

	if (v == NULL)
		return -1;
	p->pictures = v;
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		if (get_picture(l, m.raw, &v[p->npictures++]) == -1)
			return -1;
	return 0;
}

/* "0.25": a quarter less, in millionths. */
int
catalog_discount(struct catalog_load *l, struct str raw, int64_t *out)
{
	struct str v;

	if (raw.p == NULL || jscan_null(raw))
		return 0;
	v = jscan_text(raw, l->line);
	if (v.p == NULL || catalog_decimal(v, 6, out) == -1 || *out > 1000000)
		return catalog_read_fail(
		    l, "\"discount\" is no fraction from 0 to 1");
	return 0;
}
