#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/otlp.h"
#include "pipeline/loop.h"
#include "pipeline/tracer.h"
#include "pipeline/world.h"

#define WAITING_MAX ((size_t)4 * 1024 * 1024)
#define BATCH_SPANS 512
#define BATCH_MS 1000
#define TRIES 5
#define BACK_OFF_MS 1000 /* doubled each time */
#define PATIENCE_MS 5000
#define ANSWER_MAX ((size_t)64 * 1024)
#define TELL_MS 60000

/* Whose the batch is: the ledger's, but while it FLIES the loop's. */
enum { BATCH_NONE, BATCH_WAITS, BATCH_FLIES, BATCH_SENT, BATCH_FAILED };

struct tracer {
	struct loop_task task; /* first */
	struct world *world;
	struct arena *arena; /* of itself */
	struct str head;     /* of a body: up to the first span */
	struct http_request ask;
	pthread_mutex_t lock;
	struct buf waiting; /* spans, with commas */
	int nwaiting;
	int64_t since_ms; /* the first of them came */
	/* The batch. */
	struct buf body;
	int nspans;
	atomic_int state;
	int status; /* of its answer; 0: none */
	int64_t retry_after_ms;
	int tries;
	int64_t due_ms;
	struct call *call;
	int64_t told_ms;
};

static void
put_text(struct jw *w, const char *key, const char *value)
{
	jw_obj(w, NULL);
	jw_strc(w, "key", key);
	jw_obj(w, "value");
	jw_strc(w, "stringValue", value);
	jw_end(w);
	jw_end(w);
}

/* {"resourceSpans":[{"resource":...,"scopeSpans":[{"scope":...,"spans":[ */
static struct str
make_head(const struct world *w, struct arena *a)
{
	struct buf b = BUF_LIMIT(4096);
	struct jw j = JW_TO(&b);
	char host[256] = "", id[300];
	struct str head;

	gethostname(host, sizeof(host) - 1);
	snprintf(id, sizeof(id), "%s/%s/%d", host, w->program->name,
	    (int)getpid());
	jw_obj(&j, NULL);
	jw_arr(&j, "attributes");
	put_text(&j, "service.name", w->conf.otlp_service);
	put_text(&j, "service.version", PACKAGE_VERSION);
	put_text(&j, "service.instance.id", id);
	put_text(&j, "host.name", host);
	jw_end(&j);
	jw_end(&j);
	head = arena_fmt(a,
	    "{\"resourceSpans\":[{\"resource\":%.*s,\"scopeSpans\":[{\"scope\":"
	    "{\"name\":\"llmgw\",\"version\":\"" PACKAGE_VERSION
	    "\"},\"spans\":[",
	    STR_ARG(buf_str(&b)));
	buf_free(&b);
	return head;
}

/* --- spans --- */

static void
count(const struct tracer *t, const char *result, int n)
{
	struct str label = str_from(result);

	if (n > 0)
		metrics_add(t->world->metrics, METRIC_SPANS, &label, n);
}

/* While they wait they are work in progress: drain goes on. */
static void
hold(struct tracer *t)
{
	atomic_fetch_add(&t->world->inflight, 1);
}

static void
let_go(struct tracer *t)
{
	atomic_fetch_sub(&t->world->inflight, 1);
	loop_nudge(t->world->loop);
}

void
tracer_add(struct tracer *t, struct str spans, int n)
{
	bool room, first;

	pthread_mutex_lock(&t->lock);
	room = t->waiting.n + spans.n + 1 <= WAITING_MAX;
	first = room && t->nwaiting == 0;
	if (first)
		t->since_ms = clock_ms();
	else if (room)
		buf_addc(&t->waiting, ',');
	if (room) {
		buf_add(&t->waiting, spans);
		t->nwaiting += n;
	}
	if (first)
		hold(t);
	pthread_mutex_unlock(&t->lock);
	if (!room)
		count(t, "dropped", n);
}

/* --- on the loop --- */

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
	struct tracer *t = arg;
	const struct call_head *h = call_head(t->call);

	t->status = e->code == ERR_NONE ? h->status : 0;
	t->retry_after_ms = h->retry_after_ms;
	t->call = NULL;
	atomic_store(&t->state,
	    t->status >= 200 && t->status < 300 ? BATCH_SENT : BATCH_FAILED);
}

static void
fly(struct loop_task *task)
{
	static const struct call_ops ops = { .body = on_body, .end = on_end };
	const struct call_limits limits = { .connect_ms = PATIENCE_MS,
		.total_ms = PATIENCE_MS,
		.body_max = ANSWER_MAX };
	struct tracer *t = (struct tracer *)task;
	struct loop *l = t->world->loop;
	struct err e = { 0 };

	t->call = call_start(
	    loop_pool(l), loop_multi(l), &t->ask, &limits, &ops, t, &e);
	if (t->call != NULL)
		return;
	t->status = 0;
	t->retry_after_ms = -1;
	atomic_store(&t->state, BATCH_FAILED);
}

/* --- in the ledger --- */

static void
launch(struct tracer *t)
{
	t->tries++;
	t->ask.body = buf_str(&t->body);
	atomic_store(&t->state, BATCH_FLIES);
	loop_post(t->world->loop, &t->task);
}

/* The batch is over, well or not. */
static void
settle(struct tracer *t, bool sent)
{
	int64_t now = clock_ms();

	count(t, sent ? "sent" : "dropped", t->nspans);
	if (!sent && now - t->told_ms >= TELL_MS) {
		t->told_ms = now;
		log_say(&t->world->log, LOG_WARN_,
		    "the collector of otlp_endpoint did not take %d spans: %s "
		    "%d",
		    t->nspans, t->status == 0 ? "no answer, after tries" :
						"status",
		    t->status == 0 ? t->tries : t->status);
	}
	buf_clear(&t->body);
	t->nspans = 0;
	atomic_store(&t->state, BATCH_NONE);
	let_go(t);
}

/* The statuses that OTLP/HTTP calls retryable, or no answer at all. */
static bool
may_try_again(const struct tracer *t)
{
	static const int again[] = { 0, 429, 502, 503, 504 };

	if (t->tries >= TRIES || atomic_load(&t->world->draining))
		return false;
	for (size_t i = 0; i < NROWS(again); i++)
		if (t->status == again[i])
			return true;
	return false;
}

static void
wait_for_try(struct tracer *t)
{
	int64_t ms = (int64_t)BACK_OFF_MS << (t->tries - 1);

	if (t->retry_after_ms > ms)
		ms = t->retry_after_ms;
	t->due_ms = clock_ms() + ms;
	atomic_store(&t->state, BATCH_WAITS);
}

/* What waits becomes a batch, if there is enough of it or it waited enough. */
static void
gather(struct tracer *t)
{
	bool due;

	pthread_mutex_lock(&t->lock);
	due = t->nwaiting > 0 &&
	    (t->nwaiting >= BATCH_SPANS ||
		clock_ms() - t->since_ms >= BATCH_MS ||
		atomic_load(&t->world->draining));
	if (due) {
		buf_add(&t->body, t->head);
		buf_add(&t->body, buf_str(&t->waiting));
		buf_add(&t->body, STR("]}]}]}"));
		t->nspans = t->nwaiting;
		t->nwaiting = 0;
		buf_free(&t->waiting);
	}
	pthread_mutex_unlock(&t->lock);
	if (!due)
		return;
	t->tries = 0;
	launch(t);
}

void
tracer_tick(struct tracer *t)
{
	if (t == NULL)
		return;
	switch (atomic_load(&t->state)) {
	case BATCH_SENT:
		settle(t, true);
		break;
	case BATCH_FAILED:
		if (may_try_again(t))
			wait_for_try(t);
		else
			settle(t, false);
		break;
	case BATCH_WAITS:
		if (t->due_ms <= clock_ms() ||
		    atomic_load(&t->world->draining))
			launch(t);
		break;
	case BATCH_NONE:
		gather(t);
		break;
	default: /* the loop has it */
		break;
	}
}

/* --- making it --- */

struct tracer *
tracer_new(struct world *w)
{
	struct err ignored = { 0 };
	struct tracer *t;
	struct arena *a;

	if (w->conf.otlp_endpoint[0] == '\0')
		return NULL;
	a = arena_new(sizeof(struct tracer) + 1024, SIZE_MAX);
	t = ARENA_NEW(a, struct tracer);
	t->task.run = fly;
	t->arena = a;
	t->world = w;
	t->head = make_head(w, a);
	t->waiting = BUF_LIMIT(WAITING_MAX);
	t->body = BUF_LIMIT(WAITING_MAX + 8192);
	t->told_ms = -TELL_MS;
	otlp_request(&w->conf, a, &t->ask, &ignored); /* world_open() did */
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
tracer_free(struct tracer *t)
{
	if (t == NULL)
		return;
	if (t->call != NULL)
		call_cancel(t->call);
	buf_free(&t->waiting);
	buf_free(&t->body);
	pthread_mutex_destroy(&t->lock);
	arena_free(t->arena);
}
