#include <math.h>

#include "domain/score.h"

#define UPTIME_FINE 95.0
#define PENALTY_SCALE 5.0
#define WISH 0.9
#define WISH_UPTIME 0.1

double
score_penalty(double uptime)
{
	double v;

	if (uptime >= UPTIME_FINE)
		return 0;
	v = (UPTIME_FINE - uptime) / UPTIME_FINE * PENALTY_SCALE;
	return v * v;
}

struct score_weights
score_weights(const struct score_weights *set, enum score_wish wish)
{
	struct score_weights w = { .uptime = WISH_UPTIME };

	switch (wish) {
	case SCORE_AUTO:
		return *set;
	case SCORE_PRICE:
		w.price = WISH;
		break;
	case SCORE_THROUGHPUT:
		w.throughput = WISH;
		break;
	case SCORE_LATENCY:
		w.latency = WISH;
		break;
	}
	return w;
}

/* The best there is of each; prices: the smallest, and the smallest not 0. */
struct best {
	double price, paid, uptime, throughput, latency;
};

static struct best
find_best(const struct score_candidate *v, int n)
{
	struct best b = { (double)v[0].price, 0, v[0].uptime, v[0].throughput,
		v[0].latency };
	double price;

	for (int i = 0; i < n; i++) {
		price = (double)v[i].price;
		if (price < b.price)
			b.price = price;
		if (price > 0 && (b.paid <= 0 || price < b.paid))
			b.paid = price;
		if (v[i].uptime > b.uptime)
			b.uptime = v[i].uptime;
		if (v[i].throughput > b.throughput)
			b.throughput = v[i].throughput;
		if (v[i].latency < b.latency)
			b.latency = v[i].latency;
	}
	return b;
}

static double
price_score(const struct score_candidate *c, const struct best *b)
{
	if (b->price > 0)
		return (double)c->price / b->price - 1;
	return c->price == 0 ? 0 : (double)c->price / b->paid;
}

static struct score_parts
find_parts(const struct score_candidate *c, const struct best *b,
    const struct score_weights *w, bool streaming)
{
	struct score_parts p = { .priority = 1 - c->priority,
		.extra = c->extra };
	double latency = streaming ? w->latency : 0;
	double all = w->price + w->uptime + w->throughput + latency;

	if (all <= 0)
		return p;
	p.price = w->price * price_score(c, b) / all;
	p.uptime =
	    w->uptime * (c->uptime > 0 ? b->uptime / c->uptime - 1 : 1) / all;
	p.throughput = w->throughput *
	    (c->throughput > 0 ? b->throughput / c->throughput - 1 : 1) / all;
	if (b->latency > 0)
		p.latency = latency * (c->latency / b->latency - 1) / all;
	return p;
}

static double
sum(const struct score_parts *p)
{
	return p->price + p->uptime + p->throughput + p->latency +
	    p->priority + p->penalty + p->extra;
}

static void
sort(const struct score_candidate *v, int n, int order[SCORE_MAX])
{
	int j;

	for (int i = 0; i < n; i++) {
		for (j = i; j > 0 && v[order[j - 1]].score > v[i].score; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
}

bool
score_rank(struct score_candidate *v, int n, const struct score_weights *w,
    bool streaming, int order[SCORE_MAX])
{
	struct score_weights price = { .price = 1 };
	bool blind = true;
	struct best b;

	n = n > SCORE_MAX ? SCORE_MAX : n;
	if (n == 0)
		return true;
	for (int i = 0; i < n; i++)
		blind = blind && !v[i].seen;
	b = find_best(v, n);
	for (int i = 0; i < n; i++) {
		v[i].parts =
		    find_parts(&v[i], &b, blind ? &price : w, streaming);
		if (!blind)
			v[i].parts.penalty = score_penalty(v[i].uptime);
		v[i].score = sum(&v[i].parts);
	}
	if (n == 1)
		v[0].score = 0;
	sort(v, n, order);
	return blind;
}

int64_t
score_nano(double v)
{
	return llround(v * 1000) * 1000000;
}
