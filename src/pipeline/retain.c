#include "base/clock.h"
#include "domain/payload.h"
#include "pipeline/guard.h"
#include "pipeline/retain.h"
#include "pipeline/world.h"

#define COPY_MAX ((size_t)32 * 1024 * 1024) /* of a body, and of an answer */
#define EVERY_MS 3600000
#define BATCHES 20 /* of deletions at once */

/* One request, in an arena of its own. */
struct retained {
	struct retained *next;
	struct arena *arena;
	struct str record, org, files;
	int64_t created_ms;
	bool stream;
	struct buf request, answer;
	bool debug; /* what providers were asked and said, too */
	struct buf asked, told;
	struct {
		struct str provider;
		size_t asked, told; /* where those of this call begin */
	} calls[ATTEMPTS_MAX];
	int ncalls;
};

struct retain {
	struct arena *arena; /* its own */
	pthread_mutex_t lock;
	struct retained *first, **last;
	size_t waiting; /* bytes */
};

struct retain *
retain_new(void)
{
	struct arena *a = arena_new(256, SIZE_MAX);
	struct retain *t = ARENA_NEW(a, struct retain);

	t->arena = a;
	pthread_mutex_init(&t->lock, NULL);
	t->last = &t->first;
	return t;
}

static size_t
size_of(const struct retained *p)
{
	return p->request.n + p->answer.n + p->asked.n + p->told.n;
}

static void
drop(struct retained *p)
{
	buf_free(&p->request);
	buf_free(&p->answer);
	buf_free(&p->asked);
	buf_free(&p->told);
	arena_free(p->arena);
}

void
retain_free(struct retain *t)
{
	struct retained *p;

	if (t == NULL)
		return;
	while ((p = t->first) != NULL) {
		t->first = p->next;
		drop(p);
	}
	pthread_mutex_destroy(&t->lock);
	arena_free(t->arena);
}

/* --- the copy --- */

/* Files of a form, by digest. */
static struct str
files_of(const struct req *r, struct arena *a)
{
	struct buf b = BUF_LIMIT(65536);
	struct jw w = JW_TO(&b);
	unsigned char digest[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	struct str out;

	jw_arr(&w, NULL);
	for (const struct llm_file *f = r->chat.files; f != NULL; f = f->next) {
		hash_sha256(f->data, digest);
		hash_hex(digest, sizeof(digest), hex);
		jw_obj(&w, NULL);
		jw_str(&w, "field", f->field);
		jw_str(&w, "type", f->type);
		jw_int(&w, "bytes", (int64_t)f->data.n);
		jw_strc(&w, "sha256", hex);
		jw_end(&w);
	}
	jw_end(&w);
	out = b.full ? STR_NONE : arena_dup(a, buf_str(&b));
	buf_free(&b);
	return out;
}

enum verdict
stage_retain(struct req *r)
{
	struct retained *p;
	struct arena *a;

	if (!r->who->org->retain || r->endpoint->dialect->task == LLM_COUNT)
		return NEXT;
	a = arena_new(1024, SIZE_MAX);
	p = r->retained = ARENA_NEW(a, struct retained);
	*p = (struct retained){ .arena = a,
		.stream = r->chat.stream,
		.created_ms = r->record.started_ms,
		.org = arena_dup(a, str_from(r->who->org->id)),
		.files = r->chat.files == NULL ? STR_NONE : files_of(r, a),
		.request = BUF_LIMIT(COPY_MAX),
		.answer = BUF_LIMIT(COPY_MAX),
		.asked = BUF_LIMIT(COPY_MAX),
		.told = BUF_LIMIT(COPY_MAX),
		.debug =
		    str_is_nocase(req_param(r, "HTTP_X_DEBUG"), "true") };
	buf_add(&p->request, r->chat.body);
	return NEXT;
}

/* Of a form's pieces nothing: its files are known by their digests. */
void
retain_asked(struct req *r)
{
	struct retained *p = r->retained;

	if (!p->debug || p->ncalls == ATTEMPTS_MAX)
		return;
	p->calls[p->ncalls].provider = arena_dup(
	    p->arena, r->attempts[r->tries - 1].target->upstream->id);
	p->calls[p->ncalls].asked = p->asked.n;
	p->calls[p->ncalls++].told = p->told.n;
	if (r->ask.parts == NULL)
		buf_add(&p->asked, r->ask.body);
}

void
retain_told(struct req *r, struct str bytes)
{
	if (r->retained->debug && !guard_answers(r))
		buf_add(&r->retained->told, bytes);
}

void
retain_add(struct req *r, struct str bytes)
{
	buf_add(&r->retained->answer, bytes);
}

static void
count(struct world *w, const char *result)
{
	struct str label = str_from(result);

	metrics_add(w->metrics, METRIC_PAYLOADS, &label, 1);
}

void
retain_end(struct req *r)
{
	struct retained *p = r->retained;
	struct retain *t = r->world->retain;
	size_t n = size_of(p);
	bool fits;

	r->retained = NULL;
	p->record = arena_dup(p->arena, str_from(r->record_id));
	pthread_mutex_lock(&t->lock);
	fits = t->waiting + n <= RETAIN_WAITING;
	if (fits) {
		*t->last = p;
		t->last = &p->next;
		t->waiting += n;
	}
	pthread_mutex_unlock(&t->lock);
	if (fits)
		return;
	count(r->world, "dropped");
	drop(p);
}

/* --- what is stored --- */

static void
put_text(struct jw *w, const char *key, struct str text, bool whole)
{
	struct buf b = BUF_LIMIT(PAYLOAD_MAX);

	payload_digest(text, &b);
	if (whole && jscan_is_object(buf_str(&b)))
		jw_raw(w, key, buf_str(&b));
	else
		jw_str(w, key, buf_str(&b));
	buf_free(&b);
}

/* Text that is a member of an event, wherever dialects have it. */
static void
add_event(struct str data, struct buf *text, struct buf *thought)
{
	struct str delta = jscan_at(data, "delta");
	struct jiter it = jscan_into(jscan_at(data, "choices"));
	struct str type = jscan_word(data, "type");
	struct jmember m;

	if (jscan_next(&it, &m))
		delta = jscan_at(m.raw, "delta");
	if (delta.n > 0 && delta.p[0] == '"') {
		buf_add(memmem(type.p, type.n, "reasoning", 9) != NULL ?
			thought :
			text,
		    jscan_inner(delta));
		return;
	}
	buf_add(text, jscan_word(delta, "content"));
	buf_add(text, jscan_word(delta, "text"));
	buf_add(text, jscan_word(delta, "partial_json"));
	buf_add(thought, jscan_word(delta, "reasoning"));
	buf_add(thought, jscan_word(delta, "thinking"));
}

/* A stream, and what its deltas add up to: escaped as they were. */
static void
put_stream(struct jw *w, struct str events)
{
	struct buf text = BUF_LIMIT(COPY_MAX), thought = BUF_LIMIT(COPY_MAX);
	struct str rest = events, line;

	while (rest.p != NULL) {
		line = str_split(&rest, '\n');
		if (str_starts(line, "data: {"))
			add_event((struct str){ line.p + 6, line.n - 6 }, &text,
			    &thought);
	}
	jw_raw(w, "text", STR("\""));
	buf_add(w->out, buf_str(&text));
	buf_addc(w->out, '"');
	jw_raw(w, "reasoning", STR("\""));
	buf_add(w->out, buf_str(&thought));
	buf_addc(w->out, '"');
	put_text(w, "answer", events, false);
	buf_free(&text);
	buf_free(&thought);
}

static struct str
slice(const struct buf *b, size_t from, size_t to)
{
	return (struct str){ b->p == NULL ? "" : b->p + from, to - from };
}

static void
put_calls(struct jw *w, const struct retained *p)
{
	bool last;

	jw_arr(w, "upstream");
	for (int i = 0; i < p->ncalls; i++) {
		last = i + 1 == p->ncalls;
		jw_obj(w, NULL);
		jw_str(w, "provider", p->calls[i].provider);
		put_text(w, "request",
		    slice(&p->asked, p->calls[i].asked,
			last ? p->asked.n : p->calls[i + 1].asked),
		    !p->asked.full);
		put_text(w, "response",
		    slice(&p->told, p->calls[i].told,
			last ? p->told.n : p->calls[i + 1].told),
		    false);
		jw_end(w);
	}
	jw_end(w);
}

static void
put_all(struct jw *w, const struct retained *p)
{
	bool cut = p->request.full || p->answer.full || p->asked.full ||
	    p->told.full;

	jw_obj(w, NULL);
	put_text(w, "request", buf_str(&p->request), !p->request.full);
	if (p->files.p != NULL)
		jw_raw(w, "files", p->files);
	if (p->stream)
		put_stream(w, buf_str(&p->answer));
	else
		put_text(w, "answer", buf_str(&p->answer), !p->answer.full);
	if (p->debug)
		put_calls(w, p);
	jw_bool(w, "truncated", cut);
	jw_end(w);
}

static int
store(struct world *w, struct sql *s, const struct retained *p, struct err *e)
{
	struct buf b = BUF_LIMIT(PAYLOAD_MAX);
	struct jw out = JW_TO(&b);
	struct payload row = { p->record, p->org, p->created_ms, STR_NONE };
	struct arena *a = arena_new(65536, SIZE_MAX);
	int rc;

	put_all(&out, p);
	row.json = buf_str(&b);
	rc = payload_put(s, &w->master, &row, a, e);
	arena_free(a);
	buf_free(&b);
	return rc;
}

int
retain_ship(struct world *w, struct sql *s, struct err *e)
{
	struct retain *t = w->retain;
	struct retained *p;

	for (;;) {
		pthread_mutex_lock(&t->lock);
		p = t->first;
		pthread_mutex_unlock(&t->lock);
		if (p == NULL)
			return 0;
		if (store(w, s, p, e) == -1)
			return -1;
		pthread_mutex_lock(&t->lock);
		t->first = p->next;
		if (t->first == NULL)
			t->last = &t->first;
		t->waiting -= size_of(p);
		pthread_mutex_unlock(&t->lock);
		count(w, "stored");
		drop(p);
	}
}

void
retain_tend(struct world *w, struct sql *s)
{
	int64_t now = clock_wall_ms();
	struct err e = { 0 };
	int n = 0, all = 0;

	if (payload_turn(s, now, EVERY_MS, &e) != 1)
		return;
	for (int i = 0; i < BATCHES; i++) {
		if ((n = payload_clean(s, now, &e)) <= 0)
			break;
		all += n;
	}
	if (all > 0 && payload_scrub(s, &e) == 0)
		log_say(&w->log, LOG_INFO_, "%d payloads were deleted", all);
	if (n == -1)
		log_say(&w->log, LOG_ERROR_,
		    "payloads are past their days and still there: %s", e.msg);
}
