/*
 * A stream between equal dialects, patched chunk by chunk (api.md 4.3 to 4.6).
 *
 * A chunk goes out as: the members that are the same in all chunks, the choice,
 * then every other member of the provider as it was.  If a chunk has several
 * choices each goes out as a chunk of its own.  A finish is never sent at once:
 * content may follow it (trap 27), a tool call may change it (traps 26, 28),
 * and usage may ride on it.
 */
#include "dialect/openai.h"

static void
take_usage(struct openai_relay *r, const struct frame *f, struct str raw)
{
	if (raw.n == 0 || raw.p[0] != '{')
		return;
	if (openai_read_usage(raw, f, &r->facts.usage))
		r->facts.has_usage = true;
	r->usage.limit = OPENAI_HELD_MAX;
	buf_clear(&r->usage);
	buf_add(&r->usage, raw);
}

/* The first id and the first time that say something count (trap 31). */
static void
take_head(struct openai_relay *r, const struct jmember *m)
{
	struct str s = jscan_inner(m->raw);
	int64_t v;

	if (m->key.n == 2 && s.n > 0 && s.n < sizeof(r->id) &&
	    r->id[0] == '\0') {
		memcpy(r->id, s.p, s.n);
		r->id[s.n] = '\0';
	} else if (m->key.n == 7 && r->created == 0 && jscan_int(m->raw, &v) &&
	    v > 0)
		r->created = v;
}

/* One choice: to the client at once, or held if all it says is the finish. */
static int
relay_choice(struct openai_chunk *c, struct str raw, int pos,
    struct arena *scratch, struct err *e)
{
	struct openai_relay *r = c->r;
	struct openai_view v;
	struct buf *to = c->out;
	bool ends, whole, seen;

	openai_view_read(raw, "delta", &v, &r->facts);
	if (v.error.p != NULL)
		return openai_error_inside(scratch, v.error, e);
	if (!v.has_index)
		v.index = pos < LLM_CHOICES_MAX ? pos : 0;
	take_usage(r, c->f, v.usage);
	seen = (r->choice[v.index].bits & OPENAI_SEEN) != 0 && r->extras.n == 0;
	ends = openai_says(v.finish);
	if (ends &&
	    openai_take_finish(
		&r->facts, &r->choice[v.index], v.finish, v.substance, e) == -1)
		return -1;
	whole = ends && !v.substance;
	if (whole)
		to = openai_chunk_hold(c, v.index);
	else {
		openai_chunk_carry(c, c->data, v.index);
		buf_add(to, STR("data: "));
		openai_chunk_begin(c, to);
	}
	if (seen && openai_is_plain(r, &v) &&
	    jscan_inner(v.content).p != NULL) {
		c->content = v.content;
		c->content_at = to->n + (size_t)(v.content.p - raw.p);
	}
	if (openai_put_choice(to, r, c->f, &v, whole, e) == -1)
		return -1;
	openai_chunk_end(c, to);
	if (!whole)
		buf_add(to, STR("\n\n"));
	if (ends && !whole)
		openai_chunk_hold_bare(c, v.index);
	if (ends)
		r->facts.why = openai_choice_why(&r->choice[v.index]);
	return 0;
}

/* Read what concerns the whole stream; -1: the provider told an error. */
static int
take_chunk(struct openai_chunk *c, struct arena *scratch, struct err *e)
{
	const struct jmember *m;

	for (m = c->v; m < c->v + c->n; m++)
		switch (openai_top_of(m->key)) {
		case OPENAI_TOP_OURS:
			if (c->r->head.n == 0)
				take_head(c->r, m);
			break;
		case OPENAI_TOP_USAGE:
			take_usage(c->r, c->f, m->raw);
			break;
		case OPENAI_TOP_GROQ:
			take_usage(c->r, c->f, jscan_at(m->raw, "usage"));
			break;
		case OPENAI_TOP_CHOICES:
			c->choices = m->raw;
			break;
		case OPENAI_TOP_ERROR:
			if (!jscan_null(m->raw))
				return openai_error_inside(scratch, m->raw, e);
			break;
		case OPENAI_TOP_OTHER:
			if (c->r->facts.usage.tier == LLM_TIER_UNTOLD &&
			    str_is(m->key, "service_tier"))
				c->r->facts.usage.tier =
				    llm_tier_of(jscan_inner(m->raw));
			break;
		}
	return 0;
}

/* Blanks between tokens may be line ends, but an event is one line. */
struct str
openai_one_line(struct str s, struct arena *scratch)
{
	char *p;
	size_t i;

	if (memchr(s.p, '\n', s.n) == NULL && memchr(s.p, '\r', s.n) == NULL)
		return s;
	p = arena_zalloc(scratch, s.n);
	for (i = 0; i < s.n; i++)
		p[i] = s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i];
	return (struct str){ p, s.n };
}

/* What is no chunk: an error in another shape, or nothing that we know. */
static int
relay_other(struct openai_relay *r, struct arena *scratch,
    const struct sse_event *ev, struct str data, struct err *e)
{
	struct err inner = { .code = ERR_UPSTREAM };
	bool error = str_eq(ev->name, STR("error"));

	if (error || (data.n > 0 && data.p[0] == '[')) {
		if (openai_read_error(scratch, data, &inner)) {
			*e = inner;
			return -1;
		}
		if (error)
			return err_set(
			    e, ERR_UPSTREAM, "Provider sent an error");
	}
	r->facts.skipped++;
	return 0;
}

int
openai_relay_event(void *state, struct arena *scratch, const struct frame *f,
    const struct sse_event *ev, struct buf *out, struct err *e)
{
	struct openai_relay *r = state;
	struct str data = str_trim(ev->data);
	struct openai_chunk c = { .r = r, .f = f, .out = out, .from = out->n };
	struct jmember *v, m;
	struct jiter it;
	int n, pos = 0;

	if (!r->terminal && openai_again(r, data, out))
		goto out;
	data = c.data = openai_one_line(data, scratch);
	if (r->terminal || str_eq(data, STR("[DONE]"))) {
		r->terminal = true;
		return 1;
	}
	if ((n = c.n = jscan_event(data, scratch, &v)) == -1)
		return relay_other(r, scratch, ev, data, e);
	c.v = v;
	if (take_chunk(&c, scratch, e) == -1)
		return -1;
	if (c.choices.p == NULL &&
	    (str_eq(ev->name, STR("error")) ||
		str_eq(jscan_inner(jscan_get(v, c.n, "object")), STR("error"))))
		return openai_error_inside(scratch, data, e);
	for (it = jscan_into(c.choices); jscan_next(&it, &m); pos++) {
		if (m.raw.p[0] != '{')
			continue;
		if (relay_choice(&c, m.raw, pos, scratch, e) == -1)
			return -1;
		c.n = 0; /* the other members have gone out */
	}
	if (pos == 0)
		openai_chunk_keep(&c);
	if (pos == 1 && c.content.p != NULL)
		openai_again_keep(&c, v, n);
out:
	return answer_fits(out, e);
}

/* Members for usage and metadata, with the comma before them. */
static void
put_tail(const struct openai_chunk *c, const struct tail *t, struct buf *out)
{
	struct jw w = JW_TO(out);

	buf_add(out, STR(",\"usage\":"));
	openai_put_usage(&w, NULL, t, buf_str(&c->r->usage));
	if (t->metadata.n > 0) {
		buf_add(out, STR(",\"metadata\":"));
		buf_add(out, t->metadata);
	}
}

/* A choice that has not ended although the stream has: "null at the end". */
static void
end_choices(const struct openai_chunk *c)
{
	struct openai_choice *ch = c->r->choice;
	int i;

	for (i = 0; i < LLM_CHOICES_MAX; i++)
		if ((ch[i].bits & (OPENAI_SEEN | OPENAI_ENDED)) ==
		    OPENAI_SEEN) {
			ch[i].bits |= OPENAI_ENDED;
			ch[i].why = LLM_STOP_END;
			openai_chunk_hold_bare(c, i);
			c->r->facts.why = openai_choice_why(&ch[i]);
		}
}

static bool
any_ended(const struct openai_relay *r)
{
	int i;

	for (i = 0; i < LLM_CHOICES_MAX; i++)
		if ((r->choice[i].bits & OPENAI_ENDED) != 0)
			return true;
	return false;
}

int
openai_relay_end(void *state, struct arena *scratch, const struct frame *f,
    const struct tail *t, struct buf *out, struct err *e)
{
	struct openai_relay *r = state;
	struct openai_chunk c = {
		.r = r, .f = f, .data = STR("{}"), .out = out
	};
	bool extra = f->include_usage || f->usage == FRAME_USAGE_EXTRA;
	struct buf tail = BUF_LIMIT(OPENAI_HELD_MAX);

	(void)scratch;
	if ((!r->terminal && !any_ended(r)) || r->head.n == 0)
		return answer_cut(e);
	if (llm_no_content(&r->facts, e) == -1)
		return -1;
	end_choices(&c);
	if (extra || f->usage == FRAME_USAGE_FINISH)
		put_tail(&c, t, &tail);
	openai_chunk_release(&c,
	    extra	     ? STR_NONE :
		tail.n > 0 ? buf_str(&tail) :
			     STR(""));
	if (extra) {
		buf_add(out, STR("data: "));
		openai_chunk_begin(&c, out);
		openai_chunk_end(&c, out);
		out->n--; /* the closing bracket */
		buf_add(out, buf_str(&tail));
		buf_add(out, STR("}\n\n"));
	}
	buf_add(out, STR("data: [DONE]\n\n"));
	buf_free(&tail);
	return answer_fits(out, e);
}

const struct llm_facts *
openai_relay_facts(const void *state)
{
	return &((const struct openai_relay *)state)->facts;
}

void
openai_relay_free(void *state)
{
	struct openai_relay *r = state;

	openai_calls_free(&r->calls);
	buf_free(&r->head);
	buf_free(&r->held);
	buf_free(&r->extras);
	buf_free(&r->usage);
	buf_free(&r->like.bytes);
}
