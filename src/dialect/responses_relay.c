/*
 * Answers between equal dialects (api.md 6): events pass as they are.  Changed
 * are those that tell our name of the model, and the last one, which is held
 * until usage, cost and metadata are known.
 */
#include "dialect/responses.h"

#define HELD_MAX ((size_t)64 * 1024 * 1024) /* it repeats the whole answer */

/* One event on its way. */
struct passing {
	struct responses_relay *r;
	const struct frame *f;
	struct arena *scratch;
	struct jmember *v;
	int n;
	struct str type;
	struct str data;
	struct buf *out;
};

/* created, in_progress, queued: the response as it is so far. */
static void
relay_state(struct passing *p, struct str response)
{
	struct jpatch patches[] = {
		{ JPATCH_SET, STR("response/model"),
		    answer_quoted(p->scratch, p->f->model), NULL },
		{ JPATCH_SET, STR("response/store"), STR("false"), NULL },
	};
	struct buf b = BUF_LIMIT(HELD_MAX);

	if (p->r->facts.id[0] == '\0')
		str_copy(p->r->facts.id, sizeof(p->r->facts.id),
		    jscan_word(response, "id"));
	p->r->started = true;
	jscan_splice(p->v, p->n, patches, NROWS(patches), &b);
	sse_put(p->out, p->type, buf_str(&b));
	buf_free(&b);
}

static int
relay_last(struct passing *p, struct str response)
{
	struct responses_relay *r = p->r;

	if (r->facts.id[0] == '\0')
		str_copy(r->facts.id, sizeof(r->facts.id),
		    jscan_word(response, "id"));
	str_copy(r->last, sizeof(r->last), p->type);
	r->held.limit = HELD_MAX;
	buf_add(&r->held, p->data);
	r->facts.has_usage = openai_read_usage(
	    jscan_at(response, "usage"), p->f, &r->facts.usage);
	responses_see_end(response, &r->facts);
	r->terminal = true;
	return 1;
}

/* Pieces of texts; their whole is told again, and not counted again. */
static void
see_delta(struct passing *p)
{
	static const char *const ends[] = { "_text.delta", "refusal.delta",
		"arguments.delta", "input.delta" };
	struct str delta = jscan_inner(jscan_get(p->v, p->n, "delta"));
	size_t i, k;

	for (i = 0; i < NROWS(ends); i++) {
		k = strlen(ends[i]);
		if (p->type.n > k &&
		    memcmp(p->type.p + p->type.n - k, ends[i], k) == 0)
			p->r->facts.text_bytes += (int64_t)delta.n;
	}
	if (str_starts(p->type, "response.reasoning"))
		p->r->facts.reasons = true;
	if (str_is(p->type, "response.refusal.delta"))
		p->r->facts.refused = true;
}

static int
relay_one(struct passing *p)
{
	struct llm_facts *f = &p->r->facts;
	struct str response = jscan_get(p->v, p->n, "response");
	int64_t told = f->text_bytes;

	if (str_is(p->type, "response.completed") ||
	    str_is(p->type, "response.incomplete"))
		return relay_last(p, response);
	if (response.n > 0 && response.p[0] == '{') {
		relay_state(p, response);
		return 0;
	}
	if (str_is(p->type, "response.output_item.done")) {
		responses_see_item(jscan_get(p->v, p->n, "item"), f);
		if (told > 0)
			f->text_bytes = told;
	} else
		see_delta(p);
	sse_put(p->out, p->type, p->data);
	return 0;
}

int
responses_relay_event(void *state, struct arena *scratch, const struct frame *f,
    const struct sse_event *ev, struct buf *out, struct err *e)
{
	struct passing p = { .r = state,
		.f = f,
		.scratch = scratch,
		.data = openai_one_line(str_trim(ev->data), scratch),
		.out = out };
	int64_t seq;
	int rc;

	if (p.r->terminal)
		return 1;
	if ((p.n = jscan_event(p.data, scratch, &p.v)) == -1) {
		p.r->facts.skipped++; /* "[DONE]" of those who say that, too */
		return 0;
	}
	if (responses_error_in(scratch, p.data, e))
		return -1;
	p.type = jscan_inner(jscan_get(p.v, p.n, "type"));
	if (!answer_is_name(p.type)) {
		p.r->facts.skipped++;
		return 0;
	}
	rc = relay_one(&p);
	if (jscan_int(jscan_get(p.v, p.n, "sequence_number"), &seq) &&
	    seq < INT64_MAX)
		p.r->seq = seq + 1;
	if (out->full || p.r->held.full)
		return err_set(e, ERR_UPSTREAM, "Answer is too large");
	return rc;
}

/* What is ours in a response object, which stands at `at` in the document. */
static int
put_ours(struct arena *a, const struct frame *f, const struct tail *t,
    const char *at, struct str response, struct jpatch *v)
{
	struct buf usage = BUF_LIMIT(HELD_MAX);
	struct jw w = JW_TO(&usage);
	int n = 0;

	responses_put_usage(&w, NULL, t, jscan_at(response, "usage"));
	v[n++] = (struct jpatch){ JPATCH_SET, arena_fmt(a, "%smodel", at),
		answer_quoted(a, f->model), NULL };
	v[n++] = (struct jpatch){ JPATCH_SET, arena_fmt(a, "%sstore", at),
		STR("false"), NULL };
	v[n++] = (struct jpatch){ JPATCH_SET, arena_fmt(a, "%susage", at),
		arena_dup(a, buf_str(&usage)), NULL };
	if (t->metadata.n > 0)
		v[n++] = (struct jpatch){ JPATCH_SET,
			arena_fmt(a, "%sgateway_metadata", at), t->metadata,
			NULL };
	buf_free(&usage);
	return n;
}

int
responses_relay_end(void *state, struct arena *scratch, const struct frame *f,
    const struct tail *t, struct buf *out, struct err *e)
{
	struct responses_relay *r = state;
	struct buf b = BUF_LIMIT(HELD_MAX);
	struct jpatch patches[4];
	struct jmember *v;
	int n, k;

	if (!r->terminal)
		return answer_cut(e);
	if (llm_no_content(&r->facts, e) == -1)
		return -1;
	if ((n = jscan_event(buf_str(&r->held), scratch, &v)) == -1)
		return answer_cut(e);
	k = put_ours(
	    scratch, f, t, "response/", jscan_get(v, n, "response"), patches);
	jscan_splice(v, n, patches, k, &b);
	sse_put(out, str_from(r->last), buf_str(&b));
	buf_free(&b);
	return answer_fits(out, e);
}

const struct llm_facts *
responses_relay_facts(const void *state)
{
	return &((const struct responses_relay *)state)->facts;
}

void
responses_relay_free(void *state)
{
	struct responses_relay *r = state;

	buf_free(&r->held);
}

/* --- whole answers --- */

int
responses_patch_read(struct arena *a, const struct frame *f, struct str body,
    struct llm_facts *facts, struct err *e)
{
	struct str output, id;
	struct jmember *v, m;
	struct jiter it;
	int n;

	if ((n = answer_scan(a, &body, &v, e)) == -1)
		return -1;
	if (responses_error_in(a, body, e))
		return -1;
	output = jscan_get(v, n, "output");
	if (output.n == 0 || output.p[0] != '[')
		return err_set(
		    e, ERR_UPSTREAM, "Answer of the provider has no output");
	for (it = jscan_into(output); jscan_next(&it, &m);)
		responses_see_item(m.raw, facts);
	facts->has_usage =
	    openai_read_usage(jscan_get(v, n, "usage"), f, &facts->usage);
	responses_see_end(body, facts);
	id = jscan_inner(jscan_get(v, n, "id"));
	str_copy(facts->id, sizeof(facts->id), id.n == 0 ? f->id : id);
	return llm_no_content(facts, e);
}

int
responses_patch_write(struct arena *a, const struct frame *f,
    const struct tail *t, struct str body, struct buf *out, struct err *e)
{
	struct jpatch p[5];
	struct jmember *v;
	int n, k;

	if ((n = answer_scan(a, &body, &v, e)) == -1)
		return -1;
	k = put_ours(a, f, t, "", body, p);
	if (jscan_inner(jscan_get(v, n, "id")).n == 0)
		p[k++] = (struct jpatch){ JPATCH_SET, STR("id"),
			answer_quoted(a, f->id), NULL };
	jscan_splice(v, n, p, k, out);
	return answer_fits(out, e);
}
