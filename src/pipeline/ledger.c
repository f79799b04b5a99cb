/*
 * The ledger thread carries records from the spool into SQL, adopts spools of
 * dead processes and keeps the gauges.  Its only meeting points with the rest
 * are the spool and the metrics.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "pipeline/courier.h"
#include "pipeline/hold.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/retain.h"
#include "pipeline/tracer.h"
#include "pipeline/world.h"
#include "store/health_share.h"

/* Records a transaction: a page that many of them change is written once. */
#define BATCH 1024
#define TICK_MS 200    /* a record is in SQL this soon (and 10.5 asks 5 s) */
#define ADOPT_TICKS 5  /* each second */
#define CLEAN_TICKS 50 /* each ten seconds: is it our turn? */
#define BACKOFF_MIN 5  /* ticks: 1 s to 60 s while the store refuses (F7) */
#define BACKOFF_MAX 300
#define CROWDED 90          /* per cent of the memory limit (api.md 15.4) */
#define FULL 95             /* then caches go, too (F51) ... */
#define FULL_AGAIN_MS 30000 /* ... but have to be of some use meanwhile */
#define ARENA_MAX ((size_t)512 * 1024 * 1024)

struct ledger {
	struct world *world;
	struct sql *sql;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool closing;
	int backoff;   /* ticks of the last wait, 0: the store takes records */
	int wait;      /* ticks left of it */
	int64_t shown; /* of the spool gauge */
	struct arena *arena;
	struct courier *courier;
	bool committed; /* since the courier looked */
	struct cgroup cgroup;
	int64_t dropped_ms; /* caches, last; 0: never */
};

static int
open_sql(struct ledger *l, struct err *e)
{
	if (l->sql != NULL)
		return 0;
	if (sql_open(&l->sql, l->world->conf.store_sql, SQL_LEDGER, e) == -1)
		return -1;
	sql_set_log(l->sql, &l->world->log);
	return sql_migrate_soon(l->sql, e);
}

/* The store refused: say so once, wait longer each time. */
static void
back_off(struct ledger *l, const struct err *e)
{
	struct str store = STR("database");

	metrics_add(l->world->metrics, METRIC_STORE_ERRORS, &store, 1);
	if (l->backoff == 0)
		log_say(&l->world->log, LOG_ERROR_,
		    "records wait in the spool: %s", e->msg);
	l->backoff = l->backoff == 0 ? BACKOFF_MIN : l->backoff * 2;
	if (l->backoff > BACKOFF_MAX)
		l->backoff = BACKOFF_MAX;
	l->wait = l->backoff;
	spool_sync(l->world->spool);
}

/* The batch is committed: its holds go.  false: the counters do not answer. */
static bool
drop_holds(struct ledger *l, const struct usage_batch *b)
{
	struct str kv = STR("kv");
	struct err e = { 0 };

	if (b->ndrops == 0 ||
	    counters_drop(l->world->counters, b->drops, b->ndrops, &e) == 0)
		return true;
	metrics_add(l->world->metrics, METRIC_STORE_ERRORS, &kv, 1);
	return false;
}

/*
 * Insert, then let the holds go, then forget: the order of house.md 2.4.  1:
 * the records are in SQL, but the counters could not be told.
 */
static int
insert(struct ledger *l, const struct spool_record *v, int n,
    const struct board *board, struct err *e)
{
	struct usage_batch b = { .arena = l->arena, .board = board };

	if (open_sql(l, e) == -1 || usage_insert(l->sql, v, n, &b, e) == -1)
		return -1;
	l->committed = true;
	return drop_holds(l, &b) ? 0 : 1;
}

/*
 * One batch; how many records are done with, or -1.  Those that the counters
 * were not told of stay in the spool and are inserted once more, which does no
 * harm; unless the counters are built anew, for then nothing of them is there.
 */
static int
ship(struct ledger *l, bool anew, struct err *e)
{
	struct spool_record v[BATCH];
	struct spool *s = l->world->spool;
	int n, rc = 0;

	n = spool_take(s, l->arena, v, BATCH, e);
	if (n > 0)
		rc = insert(l, v, n, NULL, e);
	arena_reset(l->arena);
	if (n == -1 || rc == -1)
		return -1;
	if (rc == 1 && !anew)
		return 0;
	if (n > 0)
		spool_shipped(s);
	return n;
}

static int
ship_all(struct ledger *l, bool anew, struct err *e)
{
	int n;

	while ((n = ship(l, anew, e)) == BATCH)
		;
	return n;
}

/* One segment; how many records, or -1. */
static int
adopt(struct ledger *l, struct err *e)
{
	struct spool_record *v;
	struct spool *s = l->world->spool;
	struct board *board;
	int n, rc;

	n = spool_adopt(s, l->arena, &v, e);
	if (n > 0) {
		board = holds_adopt(l->world->holds);
		rc = insert(l, v, n, board, e);
		board_leave(board);
		if (rc != 0) { /* it is there the next time */
			arena_reset(l->arena);
			return rc == -1 ? -1 : 0;
		}
		spool_adopted(s);
		log_say(&l->world->log, LOG_WARN_,
		    "adopted %d records of a process that died", n);
	}
	arena_reset(l->arena);
	return n;
}

/* All that dead processes left: their records, then their holds. */
static int
sweep(struct ledger *l, struct err *e)
{
	struct err ignored = { 0 };
	int n;

	while ((n = adopt(l, e)) > 0)
		;
	if (n == 0)
		holds_sweep(l->world->holds, &ignored);
	return n;
}

/*
 * Were the counters lost?  What is finished into SQL first, then what is not.
 * In each tick, whatever the records do: here it is noticed that Redis is gone.
 */
static int
tend(struct ledger *l, struct err *e)
{
	struct err ignored = { 0 };

	if (counters_tend(l->world->counters, &ignored) != 1)
		return 0;
	if (ship_all(l, true, e) == -1)
		return -1;
	holds_renew(l->world->holds, &ignored);
	return 0;
}

static void
show_depth(struct ledger *l)
{
	int64_t now = spool_depth(l->world->spool);

	metrics_gauge(l->world->metrics, GAUGE_SPOOL, NULL, now - l->shown);
	l->shown = now;
}

/* F49: a log that cannot be written says it here. */
static void
count_dropped(struct world *w)
{
	uint64_t n = __atomic_exchange_n(&w->log.dropped, 0, __ATOMIC_RELAXED);

	if (n > 0)
		metrics_add(w->metrics, METRIC_LOG_DROPPED, NULL, (int64_t)n);
}

/* What a look-up brings again, and what the heap keeps for later. */
static void
drop_caches(struct ledger *l, int percent)
{
	struct world *w = l->world;
	int64_t now = clock_ms();

	if (percent < FULL ||
	    (l->dropped_ms != 0 && now - l->dropped_ms < FULL_AGAIN_MS))
		return;
	l->dropped_ms = now;
	if (l->sql != NULL)
		keys_forget(w->keys, l->sql);
	malloc_trim(0);
	log_say(&w->log, LOG_WARN_,
	    "%d %% of the memory limit: caches are dropped", percent);
}

/* It is said once, when it begins and when it is over. */
static void
look_at_memory(struct ledger *l)
{
	struct world *w = l->world;
	int percent = cgroup_memory(&l->cgroup);
	bool crowded = percent >= CROWDED;

	if (atomic_exchange(&w->crowded, crowded) != crowded)
		log_say(&w->log, LOG_WARN_, "%d %% of the memory limit: %s",
		    percent,
		    crowded ? "no new requests" : "requests are taken again");
	drop_caches(l, percent);
}

/* What fails is said by the store itself, and the next second tries again. */
static void
share_health(struct ledger *l)
{
	struct err ignored = { 0 };

	if (l->world->health_share != NULL)
		health_share_tend(l->world->health_share, &ignored);
}

static void
work(struct ledger *l, int tick)
{
	struct err e = { 0 };
	int n;

	if (tick % ADOPT_TICKS == 0 && open_sql(l, &e) == 0)
		keys_poll(l->world->keys, l->sql);
	if (tick % ADOPT_TICKS == 0) {
		look_at_memory(l);
		count_dropped(l->world);
		share_health(l);
	}
	e = (struct err){ 0 };
	n = tend(l, &e);
	if (l->wait > 0) {
		l->wait--;
		return;
	}
	if (n >= 0)
		n = ship_all(l, false, &e);
	if (n >= 0 && tick % ADOPT_TICKS == 0)
		n = sweep(l, &e);
	if (n == -1) {
		back_off(l, &e);
	} else if (l->backoff > 0) {
		l->backoff = 0;
		log_say(&l->world->log, LOG_WARN_,
		    "the database takes records again");
	}
	if (n != -1 && l->sql != NULL)
		retain_ship(l->world, l->sql, &e);
	if (tick % CLEAN_TICKS == 0 && l->backoff == 0 && l->sql != NULL)
		retain_tend(l->world, l->sql);
	if (tick % ADOPT_TICKS == 0) {
		show_depth(l);
		metrics_sweep(l->world->metrics);
		keep_tend(l->world->keep);
	}
}

/* One tick's sleep; true if it is time to end. */
static bool
pause_tick(struct ledger *l)
{
	struct timespec t;
	bool closing;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += TICK_MS * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000L;
	t.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&l->lock);
	if (!l->closing)
		pthread_cond_timedwait(&l->wake, &l->lock, &t);
	closing = l->closing;
	pthread_mutex_unlock(&l->lock);
	return closing;
}

static void *
ledger_main(void *arg)
{
	struct ledger *l = arg;
	int tick;

	pthread_setname_np(pthread_self(), "ledger");
	for (tick = 1; !pause_tick(l); tick++) {
		work(l, tick);
		courier_tick(
		    l->courier, l->backoff > 0 ? NULL : l->sql, l->committed);
		l->committed = false;
		tracer_tick(l->world->tracer);
	}
	l->wait = 0;
	work(l, 1);
	sql_close(l->sql);
	return NULL;
}

int
ledger_open(struct ledger **out, struct world *w, struct err *e)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	l->world = w;
	l->arena = arena_new(64 * 1024, ARENA_MAX);
	l->courier = courier_new(w);
	w->tracer = tracer_new(w);
	cgroup_find(&l->cgroup, "/proc/self/cgroup", "/sys/fs/cgroup");
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wake, NULL);
	if (pthread_create(&l->thread, NULL, ledger_main, l) != 0)
		return err_set(e, ERR_CONFIG, "cannot start threads");
	*out = l;
	return 0;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->closing = true;
	pthread_mutex_unlock(&l->lock);
	pthread_cond_signal(&l->wake);
	pthread_join(l->thread, NULL);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->wake);
	courier_free(l->courier);
	tracer_free(l->world->tracer);
	l->world->tracer = NULL;
	arena_free(l->arena);
	free(l);
}
