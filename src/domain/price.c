#include "domain/price.h"

/*
 * A part is held below a sixteenth of the largest amount, so that the sum of
 * all twelve is exact whatever the counts are.
 */
#define PART_MAX (INT64_MAX / 16)

/* Counts of mappings whose context is not known. */
#define TOKENS_MAX INT64_C(100000000)
#define PIECES_MAX 10000

/* Tokens of an image of a million pixels, and of any at worst. */
#define MEGAPIXEL ((int64_t)1024 * 1024)
#define MEGAPIXEL_TOKENS 1290
#define PICTURE_TOKENS 8192

static __int128
product(int64_t units, int64_t pico)
{
	return units <= 0 || pico <= 0 ? 0 : (__int128)units * pico;
}

/* More than PART_MAX, whatever the factor is; below, nothing overflows. */
#define PICO_MAX ((__int128)1000000000000000 * 10000000000000000)

static int64_t
rounded(__int128 pico, int64_t factor)
{
	const __int128 unit = (__int128)1000 * PRICE_FULL;
	__int128 nano;

	/* The usual case, in 64 bits: much faster. */
	if (factor == PRICE_FULL && pico <= PART_MAX)
		return ((int64_t)pico + 500) / 1000;
	if (factor <= 0)
		return 0;
	nano = pico > PICO_MAX ? PART_MAX : (pico * factor + unit / 2) / unit;
	return nano > PART_MAX ? PART_MAX : (int64_t)nano;
}

int64_t
price_part_at(int64_t units, int64_t pico, int64_t factor)
{
	return rounded(product(units, pico), factor);
}

int64_t
price_part(int64_t units, int64_t pico)
{
	return price_part_at(units, pico, PRICE_FULL);
}

int64_t
price_product(int64_t factor, int64_t by)
{
	return (factor * by + PRICE_FULL / 2) / PRICE_FULL;
}

/* At this minute of the day; an evening's list may go on in the morning. */
static bool
is_open(const struct price_list *p, int minute)
{
	if (p->from <= p->to)
		return p->from == p->to ||
		    (minute >= p->from && minute < p->to);
	return minute >= p->from || minute < p->to;
}

const struct mapping *
price_by(
    const struct mapping *m, const struct price_list *p, struct mapping *copy)
{
	*copy = *m;
	copy->tiers = p->tiers;
	copy->ntiers = p->ntiers;
	return copy;
}

const struct mapping *
price_at(const struct mapping *m, struct str region, int64_t wall_ms,
    struct mapping *copy)
{
	int minute = (int)(wall_ms / 60000 % (24 * 60));
	const struct price_list *p;

	for (p = m->lists; p < m->lists + m->nlists; p++)
		if ((p->region.n == 0 || str_eq(p->region, region)) &&
		    is_open(p, minute))
			return price_by(m, p, copy);
	return m;
}

const struct prices *
price_tier(const struct mapping *m, int64_t prompt)
{
	int i;

	for (i = 0; i < m->ntiers - 1; i++) {
		if (prompt <= m->tiers[i].upto)
			break;
	}
	return &m->tiers[i];
}

static int64_t
either(int64_t price, int64_t fallback)
{
	return price == NO_PRICE ? fallback : price;
}

/* Could the row be about it?  `open`: what is not known fits everything. */
static bool
fits(const struct picture_price *p, const struct llm_picture *v, bool open)
{
	return (p->w == 0 || (p->w == v->w && p->h == v->h) ||
		   (open && v->w == 0)) &&
	    (p->quality == LLM_QUALITY_AUTO || p->quality == v->quality ||
		(open && v->quality == LLM_QUALITY_AUTO));
}

static const struct picture_price *
row_of(const struct mapping *m, const struct llm_picture *v)
{
	int i;

	for (i = 0; i < m->npictures - 1; i++)
		if (fits(&m->pictures[i], v, false))
			break;
	return m->npictures == 0 ? NULL : &m->pictures[i];
}

/* Of an image; 0 or less: its tokens have one. */
static int64_t
price_each(const struct mapping *m, const struct prices *t,
    const struct llm_picture *v)
{
	const struct picture_price *p = row_of(m, v);

	return p != NULL && p->each > 0 ? p->each : t->image_out_each;
}

static int64_t
tokens_of(const struct mapping *m, const struct llm_picture *v)
{
	const struct picture_price *p = row_of(m, v);
	int64_t pixels = v->w > 0 ? (int64_t)v->w * v->h : MEGAPIXEL;

	if (p != NULL && p->tokens > 0)
		return p->tokens;
	return (pixels * MEGAPIXEL_TOKENS + MEGAPIXEL - 1) / MEGAPIXEL;
}

/* Where no row tells the tokens. */
static int64_t
tokens_worst(const struct mapping *m)
{
	return m->max_output > 0 && m->max_output < PICTURE_TOKENS ?
	    m->max_output :
	    PICTURE_TOKENS;
}

int64_t
price_picture(const struct mapping *m, const struct prices *t,
    const struct llm_picture *v)
{
	int64_t token = either(t->image_out, t->output), worst = 0, one;
	const struct picture_price *p;
	int i;

	token = token < 0 ? 0 : token;
	for (i = 0; i < m->npictures; i++) {
		p = &m->pictures[i];
		if (!fits(p, v, true) && i < m->npictures - 1)
			continue;
		one = p->each > 0 ? p->each : p->tokens * token;
		worst = one > worst ? one : worst;
		if (fits(p, v, false))
			break;
	}
	if (worst > 0)
		return worst;
	return t->image_out_each > 0 ? t->image_out_each :
				       token * tokens_worst(m);
}

void
price_fill(const struct mapping *m, struct llm_usage *u)
{
	const struct prices *t = price_tier(m, u->input);

	if (!u->estimated || u->images_out <= 0 || u->image_out > 0 ||
	    price_each(m, t, &u->picture) > 0)
		return;
	u->image_out = tokens_of(m, &u->picture) * u->images_out;
	u->output += u->image_out;
}

/* What is left of n; counts that take more than there is take all. */
static int64_t
less(int64_t n, int64_t part)
{
	if (part <= 0)
		return n;
	return part >= n ? 0 : n - part;
}

static void
cost_input(const struct prices *t, const struct llm_usage *u, int64_t factor,
    struct llm_cost *c)
{
	int64_t plain = u->input < 0 ? 0 : u->input;
	int64_t write = either(t->cache_write, t->input);

	plain = less(plain, u->cache_read);
	plain = less(plain, u->cache_write_5m);
	plain = less(plain, u->cache_write_1h);
	if (t->audio_in != NO_PRICE) {
		plain = less(plain, u->audio_in);
		c->audio_in = price_part_at(u->audio_in, t->audio_in, factor);
	}
	if (t->image_in_each > 0) {
		plain = less(plain, u->image_in);
		c->image_in =
		    price_part_at(u->images_in, t->image_in_each, factor);
	} else if (t->image_in != NO_PRICE) {
		plain = less(plain, u->image_in);
		c->image_in = price_part_at(u->image_in, t->image_in, factor);
	}
	c->input = price_part_at(plain, t->input, factor);
	c->cached_input = price_part_at(
	    u->cache_read, either(t->cached_input, t->input), factor);
	/* One part of the cost, so rounded once. */
	c->cache_write = rounded(product(u->cache_write_5m, write) +
		product(u->cache_write_1h, either(t->cache_write_1h, write)),
	    factor);
}

/* `each`: of an image, or 0. */
static void
cost_output(const struct prices *t, const struct llm_usage *u, int64_t each,
    int64_t factor, struct llm_cost *c)
{
	int64_t plain = u->output < 0 ? 0 : u->output;

	if (t->audio_out != NO_PRICE) {
		plain = less(plain, u->audio_out);
		c->audio_out =
		    price_part_at(u->audio_out, t->audio_out, factor);
	}
	if (each > 0) {
		plain = less(plain, u->image_out);
		c->image_out = price_part_at(u->images_out, each, factor);
	} else if (t->image_out != NO_PRICE) {
		plain = less(plain, u->image_out);
		c->image_out =
		    price_part_at(u->image_out, t->image_out, factor);
	}
	c->output = price_part_at(plain, t->output, factor);
}

static void
cost_at(const struct prices *t, const struct llm_usage *u, int64_t each,
    int64_t factor, struct llm_cost *c)
{
	*c = (struct llm_cost){ 0 };
	cost_input(t, u, factor, c);
	cost_output(t, u, each, factor, c);
	c->request = price_part_at(1, t->request, factor);
	c->web_search = price_part_at(u->searches, t->web_search, factor);
	c->total = c->input + c->cached_input + c->cache_write + c->output +
	    c->request + c->web_search + c->image_in + c->image_out +
	    c->audio_in + c->audio_out + c->content_filter + c->data_storage;
}

void
price_cost(const struct mapping *m, const struct llm_usage *u, int64_t factor,
    int64_t full, bool credits, struct llm_cost *c)
{
	const struct prices *t = price_tier(m, u->input);
	int64_t each = u->images_out > 0 ? price_each(m, t, &u->picture) : 0;
	struct llm_cost whole;

	cost_at(t, u, each, factor, c);
	c->billed = credits ? c->total : 0;
	if (factor == full)
		return;
	cost_at(t, u, each, full, &whole);
	c->discount = whole.total - c->total;
}

/* Into 0..*left, which loses it. */
static void
take(int64_t *n, int64_t *left)
{
	if (*n < 0)
		*n = 0;
	if (*n > *left)
		*n = *left;
	*left -= *n;
}

static void
clamp_pieces(int *n)
{
	if (*n < 0)
		*n = 0;
	if (*n > PIECES_MAX)
		*n = PIECES_MAX;
}

void
price_clamp(const struct mapping *m, struct llm_usage *u)
{
	int64_t max = m->context > 0 ? m->context : TOKENS_MAX, left;

	clamp_pieces(&u->images_out);
	if (u->images_out > 1) /* several calls, perhaps */
		max *= u->images_out;
	left = max;
	take(&u->input, &left);
	left = u->input;
	take(&u->cache_read, &left);
	take(&u->cache_write_5m, &left);
	take(&u->cache_write_1h, &left);
	left = u->input; /* audio and images may be cached too */
	take(&u->audio_in, &left);
	take(&u->image_in, &left);
	left = max;
	take(&u->output, &left);
	left = u->output;
	take(&u->reasoning, &left);
	left = u->output;
	take(&u->audio_out, &left);
	take(&u->image_out, &left);
	clamp_pieces(&u->images_in);
	clamp_pieces(&u->searches);
}
