/* Guardrails in the life of a request. */
#include "base/clock.h"
#include "domain/principal_load.h"
#include "pipeline/guard.h"
#include "pipeline/loop.h"
#include "pipeline/world.h"

#define SETS 128 /* organisations and projects, direct-mapped */
#define FOUND_MAX ((size_t)64 * 1024)

struct guards {
	struct arena *arena;
	pthread_mutex_t lock;
	struct guards_place {
		uint64_t generation;
		char org[ID_SIZE], project[ID_SIZE];
		const struct guard_set *set;
	} * v; /* SETS of them, once one is needed */
};

void
guards_open(struct guards **out)
{
	struct arena *a = arena_new(sizeof(**out) + 64, SIZE_MAX);

	*out = ARENA_NEW(a, struct guards);
	(*out)->arena = a;
	pthread_mutex_init(&(*out)->lock, NULL);
}

void
guards_close(struct guards *g)
{
	if (g == NULL)
		return;
	for (int i = 0; g->v != NULL && i < SETS; i++)
		guard_set_drop(g->v[i].set);
	pthread_mutex_destroy(&g->lock);
	arena_free(g->arena);
}

static bool
is_for(const struct guards_place *p, const struct principal *who)
{
	return p->set != NULL && p->generation == who->org->guard_generation &&
	    strcmp(p->project, who->project) == 0 &&
	    strcmp(p->org, who->org->id) == 0;
}

static int
make(struct world *w, struct guards_place *p, const struct principal *who,
    struct err *e)
{
	const struct org *o = who->org;
	struct guard_set *s;

	if (guard_set_make(
		o->guards, o->nguards, str_from(who->project), &s, e) == -1) {
		log_say(
		    &w->log, LOG_ERROR_, "guardrails of %s: %s", o->id, e->msg);
		return -1;
	}
	guard_set_drop(p->set);
	p->set = s;
	p->generation = o->guard_generation;
	memcpy(p->org, o->id, sizeof(p->org));
	memcpy(p->project, who->project, sizeof(p->project));
	return 0;
}

/* 0: *out is a reference; 1: it is not made yet, and not here; -1: err. */
static int
get(struct world *w, const struct principal *who, bool may_make,
    const struct guard_set **out, struct err *e)
{
	struct guards *g = w->guards;
	struct guards_place *p;
	size_t h = (size_t)who->org->guard_generation;
	int rc = 0;

	for (const char *s = who->project; *s != '\0'; s++)
		h = h * 31 + (unsigned char)*s;
	/* Somebody else may be compiling right now. */
	if (may_make)
		pthread_mutex_lock(&g->lock);
	else if (pthread_mutex_trylock(&g->lock) != 0)
		return 1;
	if (g->v == NULL)
		g->v = arena_zalloc(g->arena, SETS * sizeof(*g->v));
	p = &g->v[h % SETS];
	if (!is_for(p, who))
		rc = may_make ? make(w, p, who, e) : 1;
	if (rc == 0)
		*out = guard_set_hold(p->set);
	pthread_mutex_unlock(&g->lock);
	return rc;
}

/* --- the input --- */

/* r->err for a verdict that blocks. */
int
guard_blocked(struct req *r, const struct guard_verdict *v)
{
	struct buf b = BUF_LIMIT(FOUND_MAX);
	struct jw w = JW_TO(&b);

	r->err = (struct err){ .code = ERR_NONE };
	jw_obj(&w, NULL);
	guard_put_violations(&w, "violations", v);
	jw_end(&w);
	r->err.members = arena_dup(r->life, buf_str(&b));
	buf_free(&b);
	return err_set(
	    &r->err, ERR_BLOCKED, "Request blocked by content policy");
}

int
guard_read_again(struct req *r, struct str body)
{
	struct llm_request q = { .from = r->chat.from,
		.path = r->chat.path,
		.version = r->chat.version,
		.betas = r->chat.betas,
		.type = r->chat.type,
		.envelope = r->chat.envelope,
		.files = r->chat.files, /* of a form, whose fields are JSON */
		.body = body };
	struct str model = r->chat.model; /* auto may have a name by now */

	if (q.from->peek(&q, r->setup, &r->err) == -1)
		return -1;
	r->chat = q;
	r->chat.model = model;
	return 0;
}

static bool
has_judges(const struct guard_set *s)
{
	int at = -1;

	return guard_judge(s, GUARD_INPUT, &at) != NULL;
}

/* What cannot be taken out blocks: files of images, which are all there is. */
static void
refuse_files(struct req_guard *g)
{
	for (int i = 0; i < guard_count(g->set); i++)
		if (g->in.found[i].action == GUARD_REDACT &&
		    g->in.found[i].count > 0 &&
		    str_is(guard_rule_at(g->set, i)->type, "file_types"))
			guard_note_as(&g->in, i, GUARD_BLOCK,
			    g->in.found[i].category, 0);
}

/* Files of a form, which are not in the body. */
static bool
look_at_files(struct req *r, struct req_guard *g)
{
	bool gone = false;

	for (const struct llm_file *f = r->chat.files;
	     f != NULL && guard_has_files(g->set); f = f->next)
		gone |= guard_file(&g->in, f->data, f->data.n);
	return gone;
}

static int
look_at_input(struct req *r, struct req_guard *g)
{
	struct str body = r->chat.body;
	struct buf texts = BUF_LIMIT((size_t)r->world->conf.max_body_bytes);

	guard_begin(&g->in, g->set, GUARD_INPUT, r->life);
	if (guard_walk(&g->in, r->chat.from, false, &body, r->setup,
		has_judges(g->set) ? &texts : NULL) ||
	    look_at_files(r, g))
		refuse_files(g);
	g->text = arena_dup(r->setup, buf_str(&texts));
	buf_free(&texts);
	if (g->in.blocked)
		return guard_blocked(r, &g->in);
	return body.p == r->chat.body.p ? 0 : guard_read_again(r, body);
}

enum verdict
stage_guard(struct req *r)
{
	const struct guard_set *set;
	struct req_guard *g;
	int rc;

	if (r->who->org->nguards == 0)
		return NEXT;
	rc =
	    get(r->world, r->who, !loop_is_here(r->world->loop), &set, &r->err);
	if (rc == 1)
		return loop_defer(r);
	if (rc == -1) {
		const struct str labels[] = { STR("set"), STR("closed") };

		metrics_add(
		    r->world->metrics, METRIC_GUARD_FAILURES, labels, 1);
		r->err = (struct err){ .code = ERR_NONE };
		err_set(&r->err, ERR_INTERNAL,
		    "The guardrails of this organization cannot be applied");
		return FAIL;
	}
	r->guard = g = ARENA_NEW(r->life, struct req_guard);
	g->set = set;
	g->judge = -1;
	if (guard_has(set, GUARD_OUTPUT))
		guard_begin(&g->out, set, GUARD_OUTPUT, r->life);
	if (!guard_has(set, GUARD_INPUT))
		return NEXT;
	return look_at_input(r, g) == -1 ? FAIL : NEXT;
}

/* --- what is told of it --- */

void
guard_header(const struct req *r, struct buf *b)
{
	const struct req_guard *g = r->guard;
	int64_t redacted = g->in.redacted + g->out.redacted;
	int64_t warned = g->in.warned + g->out.warned;

	if (redacted > 0)
		buf_fmt(b, "redact=%lld", (long long)redacted);
	if (warned > 0)
		buf_fmt(b, "%swarn=%lld", redacted > 0 ? ", " : "",
		    (long long)warned);
}

static void
count(struct req *r, const struct guard_verdict *v)
{
	struct str labels[2];

	for (int i = 0; v->set != NULL && i < guard_count(v->set); i++) {
		if (v->found[i].count == 0)
			continue;
		labels[0] = guard_rule_at(v->set, i)->type;
		labels[1] = str_from(guard_action_words[v->found[i].action]);
		metrics_add(r->world->metrics, METRIC_GUARD_MATCHES, labels,
		    v->found[i].count);
	}
}

void
guard_record(struct req *r)
{
	struct req_guard *g = r->guard;
	struct buf b = BUF_LIMIT(FOUND_MAX);
	struct jw w = JW_TO(&b);

	if (g == NULL)
		return;
	jw_arr(&w, NULL);
	if (g->in.set != NULL)
		guard_put_found(&w, &g->in);
	if (g->out.set != NULL)
		guard_put_found(&w, &g->out);
	jw_end(&w);
	if (b.n > 2 && !b.full)
		r->record.guardrails = arena_dup(r->life, buf_str(&b));
	buf_free(&b);
	count(r, &g->in);
	count(r, &g->out);
}

void
guard_free(struct req *r)
{
	struct req_guard *g = r->guard;

	if (g == NULL)
		return;
	guard_windows_free(g);
	guard_set_drop(g->set);
	r->guard = NULL;
}
