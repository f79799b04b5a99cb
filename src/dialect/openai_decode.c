/*
 * Answers and streams of this dialect as events.  Blocks are invented: text
 * and reasoning become blocks as they come; tool calls come out whole at the
 * end, since only then their arguments are known to be complete (trap 25) and
 * servers mix the pieces of several.
 */
#include "dialect/openai.h"

static int
take_calls(struct openai_out *o, int choice, struct str array)
{
	struct openai_piece p;
	struct openai_call *call;
	struct jiter it;
	struct jmember m;
	int n;

	for (it = jscan_into(array); jscan_next(&it, &m);) {
		openai_piece_read(m.raw, &p);
		n = openai_call_count(&o->d->calls);
		call = openai_call_for(&o->d->calls, choice, &p);
		if (call == NULL)
			return err_set(
			    o->e, ERR_UPSTREAM, "Too many tool calls");
		openai_call_args(p.args, &call->args);
		o->d->facts.calls += openai_call_count(&o->d->calls) - n;
		o->d->choice[choice].bits |= OPENAI_CALLED;
	}
	return 0;
}

static int
take_choice(struct openai_out *o, struct str raw, const char *key, int pos)
{
	struct openai_dec *d = o->d;
	struct openai_view v;

	openai_view_read(raw, key, &v, &d->facts);
	if (v.error.p != NULL)
		return openai_error_inside(o->a, v.error, o->e);
	if (!v.has_index)
		v.index = pos < LLM_CHOICES_MAX ? pos : 0;
	d->choice[v.index].bits |= OPENAI_SEEN;
	if (openai_take_body(o, &v) == -1 ||
	    take_calls(o, v.index, v.calls) == -1)
		return -1;
	if (!openai_says(v.finish))
		return 0;
	return openai_take_finish(
	    &d->facts, &d->choice[v.index], v.finish, v.substance, o->e);
}

static void
take_usage(struct openai_out *o, const struct frame *f, struct str raw)
{
	if (openai_read_usage(raw, f, &o->d->facts.usage))
		o->d->facts.has_usage = true;
}

static int
start(struct openai_out *o, const struct frame *f, struct str id)
{
	struct llm_event ev = { .kind = LLM_EV_START };

	if (o->d->started)
		return 0;
	o->d->started = true;
	id = id.n > 0 ? id : f->id;
	str_copy(o->d->id, sizeof(o->d->id), id);
	ev.start.id = id;
	ev.start.model = f->model;
	return llm_put(o->to, &ev, o->e);
}

static int
take_chunk(struct openai_out *o, const struct frame *f, const struct jmember *v,
    int n, const char *key)
{
	struct str error = jscan_get(v, n, "error");
	struct str choices = jscan_get(v, n, "choices");
	struct jiter it;
	struct jmember m;
	int pos = 0;

	if (error.p != NULL && !jscan_null(error))
		return openai_error_inside(o->a, error, o->e);
	take_usage(o, f, jscan_at(jscan_get(v, n, "x_groq"), "usage"));
	take_usage(o, f, jscan_get(v, n, "usage"));
	if (o->d->facts.usage.tier == LLM_TIER_UNTOLD)
		o->d->facts.usage.tier = llm_tier_of(
		    jscan_inner(jscan_get(v, n, "service_tier")));
	for (it = jscan_into(choices); jscan_next(&it, &m); pos++) {
		if (start(o, f, jscan_text(jscan_get(v, n, "id"), o->a)) == -1)
			return -1;
		take_usage(o, f, jscan_at(m.raw, "usage"));
		if (take_choice(o, m.raw, key, pos) == -1)
			return -1;
	}
	return pos;
}

int
openai_decode_event(void *dec, struct arena *scratch, const struct frame *f,
    const struct sse_event *ev, struct llm_sink *to, struct err *e)
{
	struct openai_out o = { dec, to, scratch, e };
	struct str data = str_trim(ev->data);
	struct err inner = { .code = ERR_UPSTREAM };
	struct jmember *v;
	int n;

	if (o.d->terminal || str_eq(data, STR("[DONE]"))) {
		o.d->terminal = true;
		return 1;
	}
	n = jscan_event(data, scratch, &v);
	if (str_eq(ev->name, STR("error")) ||
	    (n == -1 && data.n > 0 && data.p[0] == '[')) {
		if (openai_read_error(scratch, data, &inner)) {
			*e = inner;
			return -1;
		}
	}
	if (n == -1) {
		o.d->facts.skipped++;
		return 0;
	}
	return take_chunk(&o, f, v, n, "delta") == -1 ? -1 : 0;
}

/* One call as a block; `args` is a raw string without quotes. */
static int
put_call(struct openai_out *o, const struct openai_call *c)
{
	struct llm_event ev = { .kind = LLM_EV_OPEN };
	struct str args;
	char made[32];

	openai_call_id(c, str_from(o->d->id), made);
	ev.open.kind = LLM_CALL;
	ev.open.id = c->id.n > 0 ? buf_str(&c->id) : str_from(made);
	ev.open.name = buf_str(&c->name);
	ev.open.custom = c->custom;
	if (c->seal.n > 0)
		ev.open.seal = jscan_text(buf_str(&c->seal), o->a);
	if (openai_open(o, c->choice, &ev) == -1)
		return -1;
	args = jscan_text(
	    arena_fmt(o->a, "\"%.*s\"", (int)c->args.n, buf_str(&c->args).p),
	    o->a);
	ev = (struct llm_event){ .kind = LLM_EV_DELTA };
	ev.delta.text = args.n > 0 || c->custom ? args : STR("{}");
	return openai_event(o, &ev, c->choice);
}

static int
put_calls(struct openai_out *o, int choice)
{
	struct openai_call *c;
	int i;

	for (i = 0; i < openai_call_count(&o->d->calls); i++) {
		c = openai_call_at(&o->d->calls, i);
		if (c->choice == choice && put_call(o, c) == -1)
			return -1;
	}
	return openai_close(o, choice);
}

static int
put_end(struct openai_out *o)
{
	struct openai_choice *c = o->d->choice;
	struct llm_event ev;
	int i;

	for (i = 0; i < LLM_CHOICES_MAX; i++)
		if ((c[i].bits & OPENAI_SEEN) != 0 &&
		    (openai_close(o, i) == -1 || put_calls(o, i) == -1))
			return -1;
	for (i = 0; i < LLM_CHOICES_MAX; i++) {
		if ((c[i].bits & OPENAI_SEEN) == 0)
			continue;
		ev = (struct llm_event){ .kind = LLM_EV_STOP };
		ev.stop.why = openai_choice_why(&c[i]);
		ev.stop.raw = str_from(o->d->facts.raw_stop);
		if (openai_event(o, &ev, i) == -1)
			return -1;
	}
	return answer_put_end(&o->d->facts, o->to, o->e);
}

static bool
any_ended(const struct openai_dec *d)
{
	int i;

	for (i = 0; i < LLM_CHOICES_MAX; i++)
		if ((d->choice[i].bits & OPENAI_ENDED) != 0)
			return true;
	return d->terminal;
}

int
openai_decode_end(void *dec, struct llm_sink *to, struct err *e)
{
	struct openai_dec *d = dec;
	struct arena *a = arena_new(4096, SSE_IMAGE_MAX);
	struct openai_out o = { d, to, a, e };
	int rc;

	if (!any_ended(d) || !d->started)
		rc = answer_cut(e);
	else if ((rc = llm_no_content(&d->facts, e)) == 0)
		rc = put_end(&o);
	arena_free(a);
	openai_decode_free(d);
	return rc;
}

void
openai_decode_free(void *dec)
{
	struct openai_dec *d = dec;

	openai_calls_free(&d->calls);
}

int
openai_decode_answer(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct openai_dec *d = ARENA_NEW(a, struct openai_dec);
	struct openai_out o = { d, to, a, e };
	struct jmember *v;
	int n = openai_scan(a, body, &v, e), rc = -1;

	if (n == -1)
		return -1;
	n = take_chunk(&o, f, v, n, "message");
	if (n == 0)
		openai_error_inside(a, body, e);
	else if (n > 0 && llm_no_content(&d->facts, e) == 0)
		rc = put_end(&o);
	openai_decode_free(d);
	return rc;
}
