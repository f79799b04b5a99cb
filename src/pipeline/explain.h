#ifndef PIPELINE_EXPLAIN_H
#define PIPELINE_EXPLAIN_H

#include "domain/principal.h"
#include "domain/score.h"
#include "pipeline/stage.h"
#include "pipeline/world.h"

/*
 * Who would serve a request, and why the others would not: the stages of a
 * request up to the first attempt.  Nothing is sent, held, counted or
 * remembered, and no provider is drawn at random.  Rates, and what requests in
 * progress hold, are not looked at.
 */
struct explain_ask {
	const struct principal *who;
	struct str model;
	struct str body; /* JSON of a chat or of embeddings, or absent */
	struct sql *sql; /* what was spent is read here; NULL: no money */
};

/* One mapping; by an own key, or by the gateway's. */
struct explain_row {
	struct str provider, model;
	int64_t input_price, output_price; /* pico-dollars a token */
	int64_t context;
	bool own;
	/* Why it is not asked: a word, and more, or absent; NULL: it may be. */
	const char *filter;
	struct str why;
	/* Of a candidate; scored: of several. */
	bool candidate, scored;
	struct score_candidate score;
	enum health_gate gate;
};

/* One that is asked, in this order. */
struct explain_target {
	struct str provider, model;
	bool own;
	int key; /* index */
};

#define EXPLAIN_ROWS (4 * ROUTE_MAX)
struct explained {
	struct str root;
	struct str pinned, region; /* or absent */
	/* Candidates first, the best before the others. */
	struct explain_row rows[EXPLAIN_ROWS];
	int nrows;
	const char *reason; /* NULL: there is no choice */
	struct explain_target targets[ATTEMPTS_MAX];
	int ntargets;
	int64_t max_output; /* that a budget allows; 0: not lowered */
	struct err err;     /* what the client would be told */
};

/*
 * Of the world conf, log, catalog, providers, owns, master and health are
 * used.  -1: ERR_STORE, or the body is no JSON object.
 */
int explain(struct world *, const struct explain_ask *, struct arena *,
    struct explained *, struct err *);

#endif
