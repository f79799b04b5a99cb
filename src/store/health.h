#ifndef STORE_HEALTH_H
#define STORE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * How providers and keys are doing, in one mapped file that all processes of
 * the host share: statistics of the last hour, circuit breakers, keys that are
 * left alone for a while.  Nothing locks: a process may die at any point, and
 * what is lost then is a count.  Times that decide are monotonic; a file of
 * another boot begins anew.
 *
 * A place stands for one provider's offer of one model in one region.
 */
struct health;

/* `dir` NULL: of this process alone, and empty. */
int health_open(struct health **, const char *dir, struct err *);
void health_close(struct health *); /* NULL: nothing */

/* Its place, which it keeps; -1: there is no room, then nothing is known. */
int health_find(struct health *, struct str provider, struct str model,
    struct str region);

struct health_event {
	bool failed;  /* counts against its uptime */
	bool counts;  /* for the breaker: as a failure, or a success */
	int64_t first_ms; /* to the first token, -1: there was none */
	int64_t busy_ms;  /* of the whole answer */
	int64_t tokens;   /* of output */
};
/* One attempt is over.  Any thread; place -1: nothing. */
void health_note(struct health *, int place, const struct health_event *);

/*
 * The last 60 minutes, api.md 12.4: a minute weighs 10 if it is at most one old,
 * 3 if at most five, else 1.  Computed at most once a second.
 */
struct health_view {
	bool seen;         /* there were requests */
	double uptime;     /* per cent; 100 if nothing is known */
	double latency;    /* ms to the first token; 1000 */
	double throughput; /* tokens of output a second; 50 */
};
void health_look(struct health *, int place, struct health_view *);

/*
 * Circuit breaker of a place, api.md 12.6.  HEALTH_PROBE: it was open long
 * enough, and this caller alone may try; what it notes decides.
 */
enum health_gate { HEALTH_CLOSED, HEALTH_OPEN, HEALTH_PROBE };
/* "closed", "open", "half_open" for people. */
extern const char *const health_gate_words[HEALTH_PROBE + 1];
enum health_gate health_gate(struct health *, int place);
/* The same without taking the probe: what would it be? */
enum health_gate health_peek(const struct health *, int place);

/*
 * Keys are known by a mark that does not tell the key.  HEALTH_KEY_EMPTY:
 * skipped ten minutes; HEALTH_KEY_BAD: barred until health_key_reset();
 * HEALTH_KEY_FAILED: three in a row are skipped for 30 s.
 */
enum health_key {
	HEALTH_KEY_OK,
	HEALTH_KEY_FAILED,
	HEALTH_KEY_EMPTY,
	HEALTH_KEY_BAD
};
/* "ok", "failed", "empty", "bad" for people and metrics. */
extern const char *const health_key_words[HEALTH_KEY_BAD + 1];
void health_key_note(struct health *, uint64_t mark, enum health_key);
bool health_key_usable(const struct health *, uint64_t mark);
void health_key_reset(struct health *, uint64_t mark);

/*
 * Who was chosen for something before: the mark of a provider under the mark of
 * what it was chosen for, if that was at most ttl_ms ago; else 0.  Marks are
 * health_mark() of names, alike in all processes of the host.  Old ones are
 * overwritten when there is no room.
 */
uint64_t health_mark(const struct health *, const struct str *, int n);
uint64_t health_recall(const struct health *, uint64_t what, int64_t ttl_ms);
void health_remember(struct health *, uint64_t what, uint64_t provider);

/* For people and metrics: what is known of a place, or of a key. */
struct health_state {
	struct str provider, model, region; /* borrowed until health_close() */
	enum health_gate gate;
	int64_t open_ms; /* until it may be tried again */
	int failures;    /* in a row */
};
/* Places count from 0; false: there is nothing at this one. */
int health_places(void);
bool health_state(const struct health *, int place, struct health_state *);
/* The breaker is closed and forgets. */
void health_reset(struct health *, int place);

struct health_key_state {
	enum health_key why; /* OK: usable */
	int64_t wait_ms;     /* -1: until it is reset */
	int failures;        /* in a row */
};
void health_key_state(
    const struct health *, uint64_t mark, struct health_key_state *);

#endif
