#include "base/clock.h"
#include "http/url.h"
#include "pipeline/courier.h"
#include "pipeline/loop.h"

#define TRIES 3
#define PATIENCE_MS 5000
#define BACK_OFF_MS 2000 /* doubled each time */
#define LOOK_MS 1000
#define LOOK_IDLE_MS 30000 /* for what a process left that ended */
#define ANSWER_MAX ((size_t)64 * 1024)
#define JOBS_MAX 1000

/* Whose a job is: the ledger's, but while it FLIES the loop's. */
enum { JOB_WAITS, JOB_FLIES, JOB_SENT, JOB_FAILED };

struct job {
	struct loop_task task; /* first */
	struct job *next;
	struct courier *courier;
	struct arena *arena;
	struct str id, secret, body;
	int64_t from_ms; /* the period */
	struct http_request ask;
	struct call *call;
	atomic_int state;
	int tries;
	int64_t due_ms;
};

struct courier {
	struct arena *arena; /* of itself */
	struct world *world;
	struct job *jobs;
	int njobs;
	bool look; /* records were committed since the last look */
	int64_t looked_ms;
};

struct courier *
courier_new(struct world *w)
{
	struct arena *a = arena_new(sizeof(struct courier) + 64, SIZE_MAX);
	struct courier *c = ARENA_NEW(a, struct courier);

	c->arena = a;
	c->world = w;
	c->look = true; /* what an earlier process left */
	return c;
}

static void
job_free(struct job *j)
{
	if (j->call != NULL)
		call_cancel(j->call);
	explicit_bzero((void *)(uintptr_t)j->secret.p, j->secret.n);
	arena_free(j->arena);
}

void
courier_free(struct courier *c)
{
	struct job *j, *next;

	if (c == NULL)
		return;
	for (j = c->jobs; j != NULL; j = next) {
		next = j->next;
		job_free(j);
	}
	arena_free(c->arena);
}

/* --- on the loop --- */

static void
landed(struct job *j, bool ok)
{
	struct world *w = j->courier->world;

	j->call = NULL;
	atomic_store(&j->state, ok ? JOB_SENT : JOB_FAILED);
	atomic_fetch_sub(&w->inflight, 1);
	loop_nudge(w->loop);
}

static int
on_body(void *arg, struct str bytes)
{
	(void)arg;
	(void)bytes;
	return 0;
}

static void
on_end(void *arg, const struct err *e)
{
	struct job *j = arg;
	int status = call_head(j->call)->status;

	landed(j, e->code == ERR_NONE && status >= 200 && status < 300);
}

static void
fly(struct loop_task *t)
{
	static const struct call_ops ops = { .body = on_body, .end = on_end };
	const struct call_limits limits = { .connect_ms = PATIENCE_MS,
		.total_ms = PATIENCE_MS,
		.body_max = ANSWER_MAX };
	struct job *j = (struct job *)t;
	struct loop *l = j->courier->world->loop;
	struct err e = { 0 };

	j->call = call_start(
	    loop_pool(l), loop_multi(l), &j->ask, &limits, &ops, j, &e);
	if (j->call == NULL)
		landed(j, false);
}

/* --- in the ledger --- */

/* An operator's own hosts may be reached as he likes. */
bool
courier_guarded(const struct world *w, struct str url)
{
	struct err ignored = { 0 };
	struct url u;

	return url_parse(url, &u, &ignored) == -1 ||
	    !url_host_in(str_from(w->conf.insecure_hosts), u.host);
}

static void
add_job(struct courier *c, const struct alert *t)
{
	struct arena *a = arena_new(2048, SIZE_MAX);
	struct job *j = ARENA_NEW(a, struct job);
	struct buf b = BUF_LIMIT(1 << 16);

	j->task.run = fly;
	j->courier = c;
	j->arena = a;
	j->id = arena_dup(a, t->id);
	j->from_ms = t->from_ms;
	alert_body(t, clock_wall_ms(), &b);
	j->body = arena_dup(a, buf_str(&b));
	buf_free(&b);
	j->secret = alert_open(&c->world->master, t, a);
	if (j->secret.n == 0 || c->njobs >= JOBS_MAX) {
		log_say(&c->world->log, LOG_WARN_,
		    "alert %.*s is not sent: its secret cannot be read",
		    STR_ARG(t->id));
		job_free(j);
		return;
	}
	j->ask = (struct http_request){ .url = arena_dup(a, t->webhook),
		.body = j->body,
		.public_only = courier_guarded(c->world, t->webhook) };
	j->next = c->jobs;
	c->jobs = j;
	c->njobs++;
}

static void
look(struct courier *c, struct sql *s)
{
	struct arena *a = arena_new(2048, SIZE_MAX);
	struct alert *v;
	struct err e = { 0 };
	int n = alert_take(s, clock_wall_ms(), a, &v, &e);

	if (n == -1)
		c->look = true;
	for (int i = 0; i < n; i++)
		add_job(c, &v[i]);
	arena_free(a);
}

/* The signature's time is that of the try. */
static void
launch(struct job *j)
{
	struct buf b = BUF_LIMIT(1024);

	buf_add(&b, STR("X-LLMGW-Signature: "));
	alert_sign(j->secret, clock_wall_ms() / 1000, j->body, &b);
	j->ask.headers[0] = STR("Content-Type: application/json");
	j->ask.headers[1] = arena_dup(j->arena, buf_str(&b));
	j->ask.nheaders = 2;
	buf_free(&b);
	j->tries++;
	atomic_store(&j->state, JOB_FLIES);
	atomic_fetch_add(&j->courier->world->inflight, 1);
	loop_post(j->courier->world->loop, &j->task);
}

/* It is over when the database knows; until then it stays. */
static bool
settle(const struct job *j, struct sql *s)
{
	struct err ignored = { 0 };

	return s != NULL && alert_done(s, j->id, j->from_ms, &ignored) == 0;
}

/* Is it over?  Otherwise it may have to be sent, again. */
static bool
tend(struct job *j, struct sql *s, int64_t now)
{
	int state = atomic_load(&j->state);

	if (state == JOB_SENT)
		return settle(j, s);
	if (state == JOB_FAILED && j->tries == TRIES) {
		if (!settle(j, s))
			return false;
		log_say(&j->courier->world->log, LOG_WARN_,
		    "alert %.*s: its webhook did not take it", STR_ARG(j->id));
		return true;
	}
	if (state == JOB_FAILED) {
		j->due_ms = now + ((int64_t)BACK_OFF_MS << (j->tries - 1));
		atomic_store(&j->state, JOB_WAITS);
	} else if (state == JOB_WAITS && j->due_ms <= now)
		launch(j);
	return false;
}

void
courier_tick(struct courier *c, struct sql *s, bool committed)
{
	struct job **at = &c->jobs, *j;
	int64_t now = clock_ms();

	c->look =
	    c->look || committed || now - c->looked_ms >= LOOK_IDLE_MS;
	if (c->look && s != NULL && now - c->looked_ms >= LOOK_MS) {
		c->look = false;
		c->looked_ms = now;
		look(c, s);
	}
	while ((j = *at) != NULL) {
		if (!tend(j, s, now)) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		c->njobs--;
		job_free(j);
	}
}
