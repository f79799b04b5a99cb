#include <assert.h>
#include <stdio.h>

#include "json/jscan.h"
#include "json/jw.h"
#include "domain/price.h"
#include "domain/tally.h"
#include "domain/usage_field.h"

/* Of the spool alone: usage_record.hold_nano. */
#define HOLD "hold_nano"

static void
put_field(struct jw *w, const struct usage_field *f, const void *p)
{
	const struct str *s = p;
	const int64_t *i = p;

	switch (f->type) {
	case USAGE_STR:
		if (s->p != NULL)
			jw_str(w, f->name, *s);
		break;
	case USAGE_RAW:
		if (s->p != NULL)
			jw_raw(w, f->name, *s);
		break;
	case USAGE_INT:
		if (*i != 0)
			jw_int(w, f->name, *i);
		break;
	case USAGE_OPT:
		if (*i >= 0)
			jw_int(w, f->name, *i);
		break;
	case USAGE_SMALL:
		if (*(const int *)p != 0)
			jw_int(w, f->name, *(const int *)p);
		break;
	case USAGE_BOOL:
		if (*(const bool *)p)
			jw_int(w, f->name, 1);
		break;
	}
}

static void
put_record(const struct usage_record *r, bool end, struct buf *out)
{
	struct jw w = JW_TO(out);

	assert(r->id.n > 0);
	jw_obj(&w, NULL);
	for (size_t i = 0; i < NROWS(usage_fields); i++)
		if (end || usage_fields[i].at_start)
			put_field(&w, &usage_fields[i],
			    (const char *)r + usage_fields[i].offset);
	if (r->hold_nano > 0)
		jw_int(&w, HOLD, r->hold_nano);
	jw_end(&w);
}

void
usage_start(const struct usage_record *r, struct buf *out)
{
	put_record(r, false, out);
}

void
usage_end(const struct usage_record *r, struct buf *out)
{
	put_record(r, true, out);
}

static void
clear(struct usage_record *r)
{
	memset(r, 0, sizeof(*r));
	r->duration_ms = r->ttft_ms = r->reasoning_ms = -1;
}

static void
get_field(struct usage_record *r, const struct usage_field *f, struct str raw,
    struct arena *a)
{
	void *p = usage_at(r, f);
	int64_t i = 0;

	if (f->type == USAGE_STR) {
		*(struct str *)p = jscan_text(raw, a);
		return;
	}
	if (f->type == USAGE_RAW) {
		*(struct str *)p = raw;
		return;
	}
	if (!jscan_int(raw, &i))
		return;
	if (f->type == USAGE_BOOL)
		*(bool *)p = i != 0;
	else if (f->type == USAGE_SMALL)
		*(int *)p = (int)i;
	else
		*(int64_t *)p = i;
}

/*
 * Members come in the order of the table, so each is found at once; those of a
 * newer program are passed over.
 */
static void
get_record(struct usage_record *r, struct str json, struct arena *a)
{
	struct jiter it = jscan_into(json);
	size_t at = 0, i;
	struct jmember m;

	clear(r);
	while (jscan_next(&it, &m)) {
		for (i = 0; i < NROWS(usage_fields); i++, at++) {
			if (at >= NROWS(usage_fields))
				at = 0;
			if (str_is(m.key, usage_fields[at].name))
				break;
		}
		if (i < NROWS(usage_fields))
			get_field(r, &usage_fields[at], m.raw, a);
		else if (str_is(m.key, HOLD))
			jscan_int(m.raw, &r->hold_nano);
	}
}

static int64_t
at_most(int64_t v, int64_t max)
{
	return v < max ? v : max;
}

/*
 * What a provider that was asked may have to be paid: the prompt, and the text
 * that had come, or what it cost if that was known already.
 */
static void
charge_aborted(struct usage_record *r, const struct board_slot *s)
{
	uint32_t state = atomic_load(&s->state);
	struct llm_cost *c = &r->cost;

	if (state < BOARD_ASKED)
		return;
	r->usage.input = s->input;
	r->usage.output = llm_count(atomic_load(&s->text));
	c->input = s->prompt_nano;
	c->output = price_part_at(
	    r->usage.output, s->output_pico, s->factor);
	if (state == BOARD_KNOWN) {
		r->usage.input = s->known_input;
		r->usage.output = s->known_output;
		c->input = at_most(c->input, s->known_nano);
		c->output = s->known_nano - c->input;
	}
	c->input = at_most(c->input, r->hold_nano);
	c->output = at_most(c->output, r->hold_nano - c->input);
	c->total = c->input + c->output;
	c->billed = s->own ? 0 : c->total;
}

/* A call whose process died: that it was made, and how far it came. */
static void
make_aborted(struct usage_record *r, const struct board *b)
{
	const struct board_slot *s = b == NULL ? NULL : board_find(b, r->id);

	r->status = 500;
	r->error_code = str_from(err_rows[ERR_INTERNAL].code);
	r->error_class = STR("gateway_error");
	r->finish = STR("gateway_error");
	r->aborted = true;
	r->usage.estimated = true;
	if (s != NULL)
		charge_aborted(r, s);
}

static void
bind_field(
    struct sql_stmt *st, int n, const struct usage_field *f, const void *p)
{
	switch (f->type) {
	case USAGE_STR:
	case USAGE_RAW:
		sql_bind_str(st, n, *(const struct str *)p);
		break;
	case USAGE_OPT:
		if (*(const int64_t *)p < 0)
			sql_bind_null(st, n);
		else
			sql_bind_int(st, n, *(const int64_t *)p);
		break;
	case USAGE_INT:
		sql_bind_int(st, n, *(const int64_t *)p);
		break;
	case USAGE_SMALL:
		sql_bind_int(st, n, *(const int *)p);
		break;
	case USAGE_BOOL:
		sql_bind_int(st, n, *(const bool *)p);
		break;
	}
}

static int
insert(struct sql *s, struct usage_record *r, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, usage_insert_text, e);
	int rc;

	if (st == NULL)
		return -1;
	for (int i = 0; i < USAGE_FIELDS; i++)
		bind_field(
		    st, i + 1, &usage_fields[i], usage_at(r, &usage_fields[i]));
	rc = sql_queue(st, e);
	sql_done(st);
	return rc;
}

static struct tally_item
item_of(const struct usage_record *r, struct arena *a)
{
	return (struct tally_item){
		.org = arena_dup(a, r->org),
		.project = arena_dup(a, r->project),
		.key = arena_dup(a, r->key),
		.hold = r->hold_nano > 0 ? arena_dup(a, r->id) : STR_NONE,
		.started_ms = r->started_ms,
		.cost_nano = r->cost.total,
		.billed_nano = r->cost.billed,
		.requests = r->attempt_of.n == 0,
	};
}

/* Those that were there already count for nothing. */
static int
flush(struct sql *s, struct tally_item *items, const int *place, int n,
    struct err *e)
{
	int64_t changed[SQL_QUEUE_MAX];

	if (sql_flush(s, changed, e) == -1)
		return -1;
	for (int i = 0; i < n; i++) {
		if (place[i] == -1)
			continue;
		items[place[i]].added = changed[i] > 0;
		if (changed[i] == 0)
			items[place[i]].requests = 0;
	}
	return 0;
}

/* `a` is for one record at a time. */
static int
insert_all(struct sql *s, const struct spool_record *v, int n, struct arena *a,
    struct usage_batch *b, struct err *e)
{
	struct tally_item *items =
	    arena_alloc(b->arena, (size_t)n * sizeof(*items));
	struct counter_drop *drops;
	struct usage_record r;
	int place[SQL_QUEUE_MAX], queued = 0, nitems = 0;

	for (int i = 0; i < n; i++) {
		if (v[i].kind == SPOOL_START && !v[i].orphan)
			continue;
		arena_reset(a);
		get_record(&r, v[i].json, a);
		if (r.id.n == 0)
			continue;
		if (v[i].orphan)
			make_aborted(&r, b->board);
		if (queued == SQL_QUEUE_MAX) {
			if (flush(s, items, place, queued, e) == -1)
				return -1;
			queued = 0;
		}
		if (insert(s, &r, e) == -1)
			return -1;
		place[queued++] = r.org.n > 0 ? nitems : -1;
		if (r.org.n > 0)
			items[nitems++] = item_of(&r, b->arena);
	}
	if (flush(s, items, place, queued, e) == -1)
		return -1;
	b->ndrops = tally_add(s, items, nitems, b->arena, &drops, e);
	b->drops = drops;
	return b->ndrops == -1 ? -1 : 0;
}

int
usage_insert(struct sql *s, const struct spool_record *v, int n,
    struct usage_batch *b, struct err *e)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	int rc = sql_begin(s, e);

	if (rc == 0)
		rc = insert_all(s, v, n, a, b, e);
	if (rc == 0)
		rc = sql_commit(s, e);
	sql_rollback(s);
	arena_free(a);
	return rc;
}

static void
read_field(struct sql_stmt *st, int col, const struct usage_field *f,
    struct usage_record *r, struct arena *a)
{
	void *p = usage_at(r, f);

	switch (f->type) {
	case USAGE_STR:
	case USAGE_RAW:
		*(struct str *)p = arena_dup(a, sql_str(st, col));
		break;
	case USAGE_OPT:
		*(int64_t *)p = sql_is_null(st, col) ? -1 : sql_int(st, col);
		break;
	case USAGE_INT:
		*(int64_t *)p = sql_int(st, col);
		break;
	case USAGE_SMALL:
		*(int *)p = (int)sql_int(st, col);
		break;
	case USAGE_BOOL:
		*(bool *)p = sql_int(st, col) != 0;
		break;
	}
}

void
usage_row(struct sql_stmt *st, struct arena *a, struct usage_record *r)
{
	clear(r);
	for (int i = 0; i < USAGE_FIELDS; i++)
		read_field(st, i, &usage_fields[i], r, a);
}

int
usage_find(struct sql *s, struct str project, struct str request_id,
    struct arena *a, struct usage_record *r, struct err *e)
{
	struct sql_stmt *st = sql_prepare(s, usage_select_text, e);
	int rc;

	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, request_id);
	sql_bind_str(st, 2, project);
	clear(r);
	if ((rc = sql_step(st, e)) == 1)
		usage_row(st, a, r);
	sql_done(st);
	return rc;
}

static const char *
word_of_error(enum err_code code)
{
	int http = err_rows[code].http;

	if (code == ERR_BLOCKED || code == ERR_REFUSED)
		return "content_filter";
	if (code == ERR_CLIENT_GONE)
		return "canceled";
	/* The provider's own failures, whatever status the client gets. */
	if (code == ERR_UPSTREAM_RATE || code == ERR_UPSTREAM ||
	    code == ERR_FETCH || code == ERR_ALL_FAILED ||
	    code == ERR_FIRST_BYTE || code == ERR_TIMEOUT ||
	    code == ERR_NO_CONTENT)
		return "upstream_error";
	return http < 500 ? "client_error" : "gateway_error";
}

const char *
usage_finish_word(enum llm_stop why, enum err_code code, bool cancelled)
{
	if (cancelled)
		return "canceled";
	if (code != ERR_NONE)
		return word_of_error(code);
	switch (why) {
	case LLM_STOP_END:
	case LLM_STOP_SEQUENCE:
		return "completed";
	case LLM_STOP_LENGTH:
		return "length_limit";
	case LLM_STOP_CALLS:
		return "tool_calls";
	case LLM_STOP_FILTER:
		return "content_filter";
	case LLM_STOP_NONE:
	case LLM_STOP_OTHER:
		break;
	}
	return "unknown";
}
