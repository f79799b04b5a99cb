#include "domain/budget.h"
#include "domain/price.h"
#include "json/jw.h"

/* api.md 12.2 */
#define GUESS_BYTES 4
#define GUESS_IMAGE 560
/* api.md 14.3 */
#define WORST_BYTES 2
#define WORST_IMAGE 2000
#define AUDIO_BYTES 500
#define FILE_BYTES 5
/* Where neither maximum nor context of a model is known. */
#define OUTPUT_UNKNOWN INT64_C(131072)

static int64_t
div_up(size_t n, int64_t by)
{
	return ((int64_t)n + by - 1) / by;
}

int64_t
budget_guess(const struct llm_request *q)
{
	return div_up(q->text_bytes, GUESS_BYTES) +
	    (int64_t)q->images * GUESS_IMAGE +
	    div_up(q->audio_bytes, AUDIO_BYTES) +
	    div_up(q->file_bytes, FILE_BYTES);
}

int64_t
budget_input(const struct llm_request *q, const struct mapping *m)
{
	int64_t n = div_up(q->text_bytes, WORST_BYTES) +
	    (int64_t)q->images * WORST_IMAGE +
	    div_up(q->audio_bytes, AUDIO_BYTES) +
	    div_up(q->file_bytes, FILE_BYTES);

	return m->context > 0 && n > m->context ? m->context : n;
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The dearest of the prices that tokens of the input may have. */
static int64_t
input_price(const struct prices *t, const struct llm_request *q)
{
	int64_t p = larger(larger(t->input, t->cached_input),
	    larger(t->cache_write, t->cache_write_1h));

	if (q->images > 0)
		p = larger(p, t->image_in);
	return q->audio_bytes > 0 ? larger(p, t->audio_in) : p;
}

static int64_t
output_price(const struct prices *t, const struct llm_request *q)
{
	int64_t p = t->output;

	if ((q->says & LLM_SAY_SPEAK) != 0)
		p = larger(p, t->audio_out);
	return (q->says & LLM_SAY_DRAW) != 0 ? larger(p, t->image_out) : p;
}

/* Tokens of all choices. */
static int64_t
output_tokens(const struct budget_ask *ask, const struct mapping *m)
{
	const struct llm_request *q = ask->request;
	int64_t own = m->max_output > 0 ? m->max_output :
	    m->context > 0 ? larger(m->context - budget_input(q, m), 1) :
			     OUTPUT_UNKNOWN;

	if ((q->needs & LLM_CAN_EMBED) != 0 ||
	    (q->pictures > 0 && (m->caps & LLM_CAN_CHAT) == 0))
		return 0;
	if (q->max_output > 0)
		own = q->max_output;
	else if (ask->max_output > 0 && ask->max_output < own)
		own = ask->max_output;
	return own * larger(q->n, 1);
}

/* Images that come with it, and those that are made. */
static int64_t
worst_images(const struct llm_request *q, const struct budget_candidate *c,
    const struct prices *t)
{
	if (q->pictures == 0)
		return 0;
	return price_part_at(q->images, t->image_in_each, c->factor) +
	    price_part_at(q->pictures,
		price_picture(c->mapping, t, &q->picture), c->factor);
}

static int64_t
worst_in_tier(const struct budget_ask *ask, const struct budget_candidate *c,
    const struct prices *t)
{
	const struct llm_request *q = ask->request;
	/* Of images each may be a call. */
	int64_t calls = larger(q->pictures, 1);

	return price_part_at(calls * budget_input(q, c->mapping),
		   input_price(t, q), c->factor) +
	    worst_images(q, c, t) +
	    price_part_at(
		output_tokens(ask, c->mapping), output_price(t, q), c->factor) +
	    price_part_at(calls, t->request, c->factor) +
	    price_part_at(ask->searches, t->web_search, c->factor);
}

/* In the dearest of the tiers up to the one that the input may reach. */
static int64_t
worst_of(const struct budget_ask *ask, const struct budget_candidate *c,
    const struct mapping *m)
{
	const struct prices *t = m->tiers,
			    *last =
				price_tier(m, budget_input(ask->request, m));
	int64_t max = 0;

	for (; t <= last; t++)
		max = larger(max, worst_in_tier(ask, c, t));
	return max;
}

/* Whatever the region, and the hour at which it is asked. */
static int64_t
worst(const struct budget_ask *ask, const struct budget_candidate *c)
{
	const struct mapping *m = c->mapping;
	int64_t max = worst_of(ask, c, m);
	struct mapping copy;

	for (int i = 0; i < m->nlists; i++)
		max = larger(
		    max, worst_of(ask, c, price_by(m, &m->lists[i], &copy)));
	return max;
}

static void
find_worst(const struct budget_ask *ask, int64_t *all, int64_t *gateway)
{
	int64_t one;

	*all = *gateway = 0;
	for (int i = 0; i < ask->n; i++) {
		one = worst(ask, &ask->candidates[i]);
		*all = larger(*all, one);
		if (!ask->candidates[i].own)
			*gateway = larger(*gateway, one);
	}
}

void
budget_make(struct budget_plan *p, const struct budget_ask *ask)
{
	int64_t by;

	p->n = 0;
	find_worst(ask, &p->worst_nano, &p->gateway_nano);
	for (int k = 0; k < PURSE__MAX; k++) {
		by = k == PURSE_CREDITS ? p->gateway_nano : p->worst_nano;
		if (by == 0 ||
		    !purse_get(ask->who, (enum purse_kind)k, ask->wall_ms,
			&p->purses[p->n]))
			continue;
		p->ops[p->n] = (struct counter_op){ .kind = COUNTER_HELD,
			.key = str_from(p->purses[p->n].key),
			.by = by,
			.limit = p->purses[p->n].limit_nano };
		p->n++;
	}
}

/* --- what to do if it does not fit --- */

static int64_t
room(const struct counter_op *op)
{
	return op->limit - op->used - op->held;
}

static bool
fits(const struct budget_plan *p, const struct budget_ask *ask)
{
	int64_t all, gateway;

	find_worst(ask, &all, &gateway);
	for (int i = 0; i < p->n; i++)
		if (room(&p->ops[i]) <
		    (p->purses[i].kind == PURSE_CREDITS ? gateway : all))
			return false;
	return true;
}

/* The largest output that fits, into the ask. */
static bool
reduce(const struct budget_plan *p, struct budget_ask *ask)
{
	int64_t low = ask->min_output, high = 0, own, kept = ask->max_output;

	if (ask->request->max_output > 0 || ask->request->pictures > 0 ||
	    (ask->request->needs & LLM_CAN_EMBED) != 0)
		return false;
	for (int i = 0; i < ask->n; i++) {
		own = output_tokens(ask, ask->candidates[i].mapping) /
		    larger(ask->request->n, 1);
		high = larger(high, own);
	}
	ask->max_output = low;
	if (low >= high || !fits(p, ask)) {
		ask->max_output = kept;
		return false;
	}
	while (low < high) { /* low fits; high does not, or is not known to */
		ask->max_output = low + (high - low + 1) / 2;
		if (fits(p, ask))
			low = ask->max_output;
		else
			high = ask->max_output - 1;
	}
	ask->max_output = low;
	return true;
}

static bool
drop_gateway(struct budget_ask *ask)
{
	int i, n = 0;

	for (i = 0; i < ask->n; i++)
		if (ask->candidates[i].own)
			ask->candidates[n++] = ask->candidates[i];
	if (n == 0 || n == ask->n)
		return false;
	ask->n = n;
	return true;
}

static const char *const purse_words[] = {
	[PURSE_KEY] = "key",
	[PURSE_PERIOD] = "key period",
	[PURSE_PROJECT] = "project",
	[PURSE_ORG] = "organization",
};

static int
say(const struct budget_plan *p, int at, const struct budget_ask *ask,
    struct arena *a, struct err *e)
{
	const struct counter_op *op = &p->ops[at];
	struct buf b = BUF_LIMIT(512);
	struct jw w = JW_TO(&b);

	jw_obj(&w, NULL);
	jw_nano(&w, "required", op->by);
	jw_nano(&w, "available", larger(room(op), 0));
	jw_nano(&w, "held", op->held);
	jw_end(&w);
	e->members = arena_dup(a, buf_str(&b));
	buf_free(&b);
	if (op->limit - op->used >= op->by)
		e->retry_after = 1;
	if (p->purses[at].kind != PURSE_CREDITS)
		return err_set(e, ERR_BUDGET,
		    "Budget of %s does not cover this request",
		    purse_words[p->purses[at].kind]);
	if (strcmp(ask->who->mode, "hybrid") == 0)
		return err_set(e, ERR_CREDITS,
		    "No API key set for provider and organization has "
		    "insufficient credits");
	return err_set(e, ERR_CREDITS,
	    "Organization %s has insufficient credits", ask->who->org->id);
}

int
budget_refused(const struct budget_plan *p, int at, struct budget_ask *ask,
    struct arena *a, struct err *e)
{
	if (p->purses[at].kind == PURSE_CREDITS && drop_gateway(ask))
		return 0;
	if (reduce(p, ask))
		return 0;
	return say(p, at, ask, a, e);
}
