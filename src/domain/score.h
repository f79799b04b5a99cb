#ifndef DOMAIN_SCORE_H
#define DOMAIN_SCORE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which of the candidates is the best, api.md 12.4.  Pure: prices and
 * statistics go in, scores and an order come out.
 */
#define SCORE_MAX 32

enum score_wish { SCORE_AUTO, SCORE_PRICE, SCORE_THROUGHPUT, SCORE_LATENCY };

struct score_weights {
	double price, uptime, throughput, latency;
};

/*
 * What a score is made of: each term with its weight, divided by the sum of the
 * weights; they add up to the score.
 */
struct score_parts {
	double price, uptime, throughput, latency;
	double priority; /* 1 - priority */
	double penalty;
	double extra;
};

struct score_candidate {
	int64_t price;      /* what this request pays for a unit, >= 0 */
	bool seen;          /* there is data */
	double uptime;      /* per cent, 0 to 100 */
	double throughput;  /* tokens a second */
	double latency;     /* ms to the first token */
	double priority;    /* 1 */
	double extra;       /* added at last: 1000 without an own key */
	double score;       /* out */
	struct score_parts parts; /* out, of several */
};

/* The weights of a request: the settings', or 0.9 and 0.1 for a wish. */
struct score_weights score_weights(
    const struct score_weights *set, enum score_wish);

/*
 * Fill the scores and give the order, the lowest first, ties as they came.  One
 * candidate alone needs no score: it gets 0.  `streaming` lets latency count.
 * true: nobody has data, so price and priority decided.
 */
bool score_rank(struct score_candidate *, int n, const struct score_weights *,
    bool streaming, int order[SCORE_MAX]);

/* What a bad uptime costs: 0 from 95 per cent on, 5.61 at 50. */
double score_penalty(double uptime);

/* To three decimals, for jw_nano(): as scores are shown. */
int64_t score_nano(double);

#endif
