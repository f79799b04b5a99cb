#ifndef PIPELINE_CHOOSE_H
#define PIPELINE_CHOOSE_H

#include "domain/score.h"
#include "pipeline/stage.h"
#include "store/health.h"

/*
 * Who is asked, and in which order (api.md 12.3 to 12.5).  stage_route() and
 * explain() take the same steps: candidates, order, targets.
 */
#define CHOOSE_KEYS 3 /* of one provider: the first and two more */

/*
 * A mapping, and who is asked: the organisation's own keys of the provider,
 * each an upstream of its own, or ours; in mode hybrid it may stand there
 * twice.  Own keys have no place: whether they are any good says nothing of the
 * provider to others.
 */
struct candidate {
	const struct mapping *m;
	const struct upstream *u[CHOOSE_KEYS];
	const struct way *way[CHOOSE_KEYS];
	bool good[CHOOSE_KEYS]; /* it has a key that is not resting */
	int nu;
	bool own;
	bool second; /* ours, and there are own ones */
	bool spare;  /* own, unwell: if credits do not cover others */
	int place;
	enum health_gate gate;
};

enum choose_drop {
	DROP_DIALECT,  /* cannot be told what the request says */
	DROP_PRIORITY, /* 0: for who asks by name */
	DROP_CIRCUIT,  /* open */
	DROP_KEYS,     /* all rest */
	DROP_UPTIME    /* pinned, and left for a better one */
};

struct dropped {
	struct candidate c;
	enum choose_drop why;
	unsigned deaf; /* DIALECT: a LLM_SAY_*, or 0: the whole endpoint */
};

#define DROPPED_MAX (2 * ROUTE_MAX)
struct drops {
	struct dropped v[DROPPED_MAX];
	int n;
};

struct choosing {
	struct req *r;
	struct candidate v[ROUTE_MAX];
	int n;
	struct score_candidate score[SCORE_MAX]; /* of several */
	int order[SCORE_MAX]; /* the best first; indices of v */
	const char *reason;
	bool dry;            /* nothing is drawn, and nothing remembered */
	struct drops *drops; /* where to say who was left out, or NULL */
};
_Static_assert(SCORE_MAX >= ROUTE_MAX, "all candidates have a score");

static inline bool
choose_is_pinned(const struct req *r)
{
	return r->route.provider.p != NULL;
}

/* Into v, with no other member read but r, dry and drops; -1: r->err. */
int choose_candidates(struct choosing *);
/* Leaves out who is not well, and puts the others in order. */
void choose_order(struct choosing *);
/* The targets of the request; there are none yet. */
void choose_targets(struct choosing *);
/* The decision as JSON, for the record. */
void choose_note(struct choosing *);

/* Among the files of this (candidate.c). */
bool candidate_add(
    struct choosing *, const struct mapping *, unsigned says, unsigned *deaf);
bool candidate_is_well(const struct candidate *);
void candidate_drop_unwell(struct choosing *);
void candidate_dropped(struct choosing *, const struct candidate *,
    enum choose_drop, unsigned deaf);

#endif
