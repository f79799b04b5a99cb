#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/file.h"
#include "domain/settings.h"
#include "domain/tally.h"
#include "http/settings.h"
#include "pipeline/endpoint.h"
#include "pipeline/hold.h"
#include "pipeline/guard.h"
#include "pipeline/keep.h"
#include "pipeline/own.h"
#include "pipeline/retain.h"
#include "pipeline/tracer.h"
#include "pipeline/world.h"
#include "store/slow.h"
#include "store/health_share.h"

/* Without an end a hold is let go so long after the request must be over. */
#define GRACE_MS 60000
#define IDLE_MAX 1024 /* connections to providers that wait for a request */
#define FDS_KEPT 64   /* for providers and files, or a tenth of all */

/* Whether the program calls providers; the others need less. */
static bool
calls_models(const struct program *p)
{
	return p->endpoints[0].dialect != NULL;
}

/* A main may have given it more than the table has. */
static bool
is_program(const struct program *p, const struct program *q)
{
	return p->endpoints == q->endpoints;
}

static int
load(struct world *w, const struct program *p, const char *path, struct err *e)
{
	w->program = p;
	if (conf_load(&w->conf, path, e) == -1)
		return -1;
	if (is_program(p, &program_sim))
		return 0;
	if (settings_check(&w->conf, e) == -1 ||
	    http_check_settings(&w->conf, e) == -1)
		return -1;
	catalog_decimal(
	    str_from(w->conf.storage_usd_per_mtok), 6, &w->storage_pico);
	/* Health asks nothing of the models, which are a megabyte. */
	if (!is_program(p, &program_health) && !p->authorizes &&
	    catalog_load(&w->catalog, catalog_path(&w->conf, w->conf.arena),
		&w->conf, e) == -1)
		return -1;
	return providers_load(&w->providers, &w->conf, e);
}

int
world_test(const struct program *p, const char *path, struct err *e)
{
	struct world *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		abort();
	rc = load(w, p, path, e);
	catalog_free(w->catalog);
	providers_free(w->providers);
	conf_free(&w->conf);
	free(w);
	return rc;
}

/* The health check's own handle is too impatient for anything else. */
static int
open_account(struct world *w, struct err *e)
{
	const char *url = w->conf.store_sql;

	if (sql_open(&w->key_sql, url, SQL_WRITE, e) == -1 ||
	    sql_open(&w->read_sql, url, SQL_READ, e) == -1)
		return -1;
	sql_set_log(w->key_sql, &w->log);
	sql_set_log(w->read_sql, &w->log);
	return keys_open(&w->keys, w->key_sql, &w->conf, e);
}

static int
open_counters(struct world *w, struct err *e)
{
	const struct counters_setup setup = {
		.url = w->conf.store_kv,
		.hold_ms = w->conf.timeout_gateway + GRACE_MS,
		.log = &w->log,
		.local_dir = w->conf.runtime_dir,
		.sql_url = w->conf.store_sql,
		.tally = tally_of_counter,
		.metrics = w->metrics,
	};

	return counters_open(&w->counters, &setup, e);
}

/* What barred a key may be mended: each start asks anew (api.md 12.6). */
static void
free_keys(const struct world *w)
{
	const struct upstream *u;
	struct health_key_state state;

	for (int i = 0; i < providers_count(w->providers); i++) {
		u = providers_at(w->providers, i);
		for (int k = 0; k < u->nkeys; k++) {
			health_key_state(w->health, u->marks[k], &state);
			if (state.why == HEALTH_KEY_BAD)
				health_key_reset(w->health, u->marks[k]);
		}
	}
}

static int
open_stores(struct world *w, struct err *e)
{
	const struct conf *c = &w->conf;
	char dir[512];

	if (file_mkdir(c->state_dir, 0750, e) == -1 ||
	    file_mkdir(c->runtime_dir, 0750, e) == -1)
		return -1;
	if (metrics_open(&w->metrics, c->runtime_dir, w->program->name, e) ==
	    -1)
		return -1;
	if (is_program(w->program, &program_sim))
		return 0;
	if (c->hedge_percent > 0)
		w->slow = slow_new();
	if (health_open(&w->health, c->runtime_dir, e) == -1 ||
	    sql_open(&w->sql, c->store_sql, SQL_WRITE, e) == -1)
		return -1;
	sql_set_log(w->sql, &w->log);
	if (sql_migrate_soon(w->sql, e) == -1)
		return -1;
	if ((is_program(w->program, &program_health) ||
		w->program->authorizes || calls_models(w->program)) &&
	    open_counters(w, e) == -1)
		return -1;
	if (is_program(w->program, &program_health)) {
		sql_set_timeout(w->sql, c->health_timeout);
		return open_account(w, e);
	}
	if (keys_open(&w->keys, w->sql, c, e) == -1)
		return -1;
	if (w->program->authorizes) {
		if (sql_open(&w->read_sql, c->store_sql, SQL_READ, e) == -1)
			return -1;
		sql_set_log(w->read_sql, &w->log);
	}
	if (!calls_models(w->program))
		return 0;
	guards_open(&w->guards);
	free_keys(w);
	owns_open(&w->owns);
	if (seal_key_make(&w->master, c->master_key_file, e) == -1)
		return -1;
	keep_open(&w->keep, w);
	w->retain = retain_new();
	if (health_share_open(
		&w->health_share, w->health, c->store_kv, &w->log, e) == -1)
		return -1;
	snprintf(dir, sizeof(dir), "%s/spool", c->state_dir);
	return file_mkdir(dir, 0750, e) == -1 ||
		spool_open(&w->spool, dir, e) == -1 ||
		holds_open(&w->holds, w, e) == -1 ?
	    -1 :
	    0;
}

/*
 * The lowest free number is a new descriptor's, so that its number tells how
 * many are open.  What has been admitted needs another one for its provider,
 * and many may be admitted before the first of them opens it: so the requests
 * are limited, too, to what there is for pairs beside idle connections.
 */
static void
find_fd_limits(struct world *w)
{
	struct rlimit l;
	rlim_t room;

	w->fd_high = w->fd_pairs = INT_MAX;
	w->fd_idle = IDLE_MAX;
	if (getrlimit(RLIMIT_NOFILE, &l) == -1 || l.rlim_cur > INT_MAX)
		return;
	room = l.rlim_cur / 10 > FDS_KEPT ? l.rlim_cur / 10 : FDS_KEPT;
	if (l.rlim_cur <= 2 * room)
		room = l.rlim_cur / 2;
	w->fd_high = (int)(l.rlim_cur - room);
	if (w->fd_idle > w->fd_high / 8)
		w->fd_idle = w->fd_high / 8;
	w->fd_pairs = (w->fd_high - w->fd_idle) / 2;
}

int
world_open(
    struct world *w, const struct program *p, const char *path, struct err *e)
{
	find_fd_limits(w);
	pthread_mutex_init(&w->sql_lock, NULL);
	pthread_mutex_init(&w->read_lock, NULL);
	if (load(w, p, path, e) == -1)
		return -1;
	if (log_open(
		&w->log, p->name, w->conf.log_level, w->conf.log_file, e) == -1)
		return -1;
	if (open_stores(w, e) == -1)
		return -1;
	return p->open == NULL ? 0 : p->open(w, e);
}

void
world_close(struct world *w)
{
	if (w->program != NULL && w->program->close != NULL)
		w->program->close(w);
	keep_close(w->keep);
	retain_free(w->retain);
	holds_close(w->holds);
	counters_close(w->counters);
	spool_close(w->spool);
	keys_close(w->keys);
	owns_close(w->owns);
	guards_close(w->guards);
	secret_free(&w->master);
	sql_close(w->sql);
	sql_close(w->key_sql);
	sql_close(w->read_sql);
	slow_free(w->slow);
	health_share_close(w->health_share);
	health_close(w->health);
	metrics_close(w->metrics);
	catalog_free(w->catalog);
	providers_free(w->providers);
	log_close(&w->log);
	pthread_mutex_destroy(&w->sql_lock);
	pthread_mutex_destroy(&w->read_lock);
	conf_free(&w->conf);
}

void
world_today(char out[WORLD_DAY])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, WORLD_DAY, "%Y-%m-%d", &tm);
}
