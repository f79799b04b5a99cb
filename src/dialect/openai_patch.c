/*
 * A whole answer between equal dialects: looked at, then written again around
 * what is ours (api.md 4.3 to 4.5).
 */
#include "dialect/openai.h"

#define MEMBERS 32 /* of an answer, usually fewer */

/* Facts of one choice; -1: it is broken. */
static int
read_choice(struct arena *a, struct str raw, struct llm_facts *f, struct err *e)
{
	struct openai_choice ch = { .bits = 0 };
	struct openai_view v;
	struct jiter it;
	struct jmember m;

	openai_view_read(raw, "message", &v, f);
	if (v.error.p != NULL)
		return openai_error_inside(a, v.error, e);
	if (v.calls.p != NULL ||
	    jscan_at(v.body, "function_call").n > 4) { /* not null */
		ch.bits = OPENAI_CALLED;
		f->calls += v.calls.p == NULL;
	}
	for (it = jscan_into(v.calls); jscan_next(&it, &m);)
		f->calls++;
	return openai_take_finish(f, &ch, v.finish, v.substance, e);
}

int
openai_patch_read(struct arena *a, const struct frame *f, struct str body,
    struct llm_facts *facts, struct err *e)
{
	struct jmember *v, m;
	struct str choices, id;
	struct jiter it;
	int n, count = 0;

	if ((n = openai_scan_good(a, body, &v, e)) == -1)
		return -1;
	choices = jscan_get(v, n, "choices");
	if (openai_read_usage(jscan_get(v, n, "usage"), f, &facts->usage))
		facts->has_usage = true;
	facts->usage.tier =
	    llm_tier_of(jscan_inner(jscan_get(v, n, "service_tier")));
	for (it = jscan_into(choices); jscan_next(&it, &m); count++)
		if (read_choice(a, m.raw, facts, e) == -1)
			return -1;
	if (count == 0) { /* trap 117; some servers answer 200 with an error */
		openai_error_inside(a, body, e);
		return -1;
	}
	id = jscan_inner(jscan_get(v, n, "id"));
	str_copy(facts->id, sizeof(facts->id), id.n == 0 ? f->id : id);
	return llm_no_content(facts, e);
}

static void
put_function(struct buf *b, struct str raw)
{
	struct str args = jscan_at(raw, "arguments");
	struct jiter it;
	struct jmember m;
	size_t at;

	openai_put(b, "function", STR("{"));
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		if (!str_eq(m.key, STR("arguments")))
			openai_put_raw(b, &m);
	openai_put(b, "arguments", STR("\""));
	at = b->n;
	openai_call_args(args, b);
	if (b->n == at)
		buf_add(b, STR("{}"));
	buf_add(b, STR("\"}"));
}

/* id, type and arguments must be there and be strings. */
static void
put_call(struct buf *b, struct str raw, struct str answer, int choice, int pos)
{
	struct openai_call call = { .choice = choice, .index = pos };
	struct openai_piece d;
	struct jiter it;
	struct jmember m;
	char id[32];

	openai_piece_read(raw, &d);
	openai_comma(b);
	if (openai_says(d.id) && openai_says(d.type) &&
	    (d.custom || openai_says(d.args))) {
		buf_add(b, raw);
		return;
	}
	openai_call_id(&call, answer, id);
	buf_add(b, STR("{\"id\":\""));
	buf_add(b, openai_says(d.id) ? jscan_inner(d.id) : str_from(id));
	buf_add(b, STR("\",\"type\":"));
	buf_add(b, openai_says(d.type) ? d.type : STR("\"function\""));
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (str_eq(m.key, STR("function")))
			put_function(b, m.raw);
		else if (!str_eq(m.key, STR("id")) &&
		    !str_eq(m.key, STR("type")))
			openai_put_raw(b, &m);
	}
	buf_addc(b, '}');
}

static void
put_calls(struct buf *b, const struct openai_view *v, struct str answer)
{
	struct jiter it;
	struct jmember m;
	int pos = 0;

	openai_put(b, "tool_calls", STR("["));
	for (it = jscan_into(v->calls); jscan_next(&it, &m);)
		put_call(b, m.raw, answer, v->index, pos++);
	buf_addc(b, ']');
}

/* A string always, null only beside tool calls (api.md 4.3). */
static void
put_content(struct buf *b, const struct frame *f, const struct openai_view *v)
{
	struct buf tmp = BUF_LIMIT(SSE_IMAGE_MAX);

	if (v->content.n > 0 && v->content.p[0] == '[') { /* trap 43 */
		openai_put(b, "content", STR(""));
		openai_put_parts(b, v->content, false);
		if (openai_has_reasoning_part(v->content)) {
			openai_put_parts(&tmp, v->content, true);
			openai_put_reasoning(b, f, buf_str(&tmp));
			buf_free(&tmp);
		}
	} else if (v->content.n > 0 && v->content.p[0] == '"')
		openai_put(b, "content", v->content);
	else
		openai_put(b, "content",
		    v->calls.p != NULL ? STR("null") : STR("\"\""));
}

static void
put_message(struct buf *b, const struct frame *f, const struct openai_view *v,
    struct str answer)
{
	struct jiter it;
	struct jmember m;

	openai_put(b, "message", STR("{\"role\":\"assistant\""));
	put_content(b, f, v);
	if (v->reasoning.p != NULL)
		openai_put_reasoning(b, f, v->reasoning);
	if (v->calls.p != NULL)
		put_calls(b, v, answer);
	for (it = jscan_into(v->body); jscan_next(&it, &m);) {
		if (str_eq(m.key, STR("role")) ||
		    str_eq(m.key, STR("content")) ||
		    str_eq(m.key, STR("tool_calls")))
			continue;
		if (str_eq(m.key, STR("reasoning_details")) && openai_hides(f))
			continue;
		if (v->reasoning.p != NULL &&
		    (str_eq(m.key, STR("reasoning")) ||
			str_eq(m.key, STR("reasoning_content"))))
			continue;
		openai_put_raw(b, &m);
	}
	buf_addc(b, '}');
}

static void
put_choice(struct buf *b, const struct frame *f, struct str raw,
    struct str answer, int pos)
{
	struct llm_facts unused = { .calls = 0 };
	struct openai_choice ch = { .bits = 0 };
	struct openai_view v;
	struct jiter it;
	struct jmember m;
	bool broken;

	openai_view_read(raw, "message", &v, &unused);
	if (!v.has_index)
		v.index = pos;
	if (v.calls.p != NULL || jscan_at(v.body, "function_call").n > 4)
		ch.bits = OPENAI_CALLED;
	ch.why = (unsigned char)openai_stop(jscan_inner(v.finish), &broken);
	openai_comma(b);
	buf_add(b, STR("{\"index\":"));
	buf_int(b, v.index);
	put_message(b, f, &v, answer);
	openai_put(b, "finish_reason", STR("\""));
	buf_add(b, str_from(openai_stop_word(openai_choice_why(&ch))));
	buf_addc(b, '"');
	for (it = jscan_into(raw); jscan_next(&it, &m);)
		if (!str_eq(m.key, STR("index")) &&
		    !str_eq(m.key, STR("message")) &&
		    !str_eq(m.key, STR("finish_reason")) &&
		    !str_eq(m.key, STR("usage")))
			openai_put_raw(b, &m);
	buf_addc(b, '}');
}

static void
put_head(struct buf *b, const struct frame *f, const struct jmember *v, int n)
{
	struct str id = jscan_get(v, n, "id");
	struct jw w = JW_TO(b);
	int64_t created;

	buf_add(b, STR("{\"id\":"));
	if (openai_says(id))
		buf_add(b, id);
	else
		jw_str(&w, NULL, f->id);
	openai_put(b, "object", STR("\"chat.completion\""));
	openai_put(b, "created", STR(""));
	if (!jscan_int(jscan_get(v, n, "created"), &created) || created <= 0)
		created = f->created;
	buf_int(b, created);
	openai_put(b, "model", STR(""));
	w = JW_TO(b);
	jw_str(&w, NULL, f->model);
}

/* The members once more, of a body that openai_patch_read() has checked. */
static int
take_members(struct arena *a, struct str body, struct jmember **v)
{
	struct jmember *more;
	struct jiter it = jscan_into(body);
	struct jmember m;
	int n = 0, room = MEMBERS;

	*v = arena_alloc(a, (size_t)room * sizeof(m));
	while (jscan_next(&it, &m)) {
		if (n == room) {
			more = arena_alloc(a, (size_t)room * 2 * sizeof(m));
			memcpy(more, *v, (size_t)room * sizeof(m));
			*v = more;
			room *= 2;
		}
		(*v)[n++] = m;
	}
	return n;
}

int
openai_patch_write(struct arena *a, const struct frame *f, const struct tail *t,
    struct str body, struct buf *out, struct err *e)
{
	static const char *const ours[] = { "id", "object", "created", "model",
		"choices", "usage", "metadata", NULL };
	struct jw w = JW_TO(out);
	struct jmember *v, m;
	struct str id;
	struct jiter it;
	int n, i, k, pos = 0;

	n = take_members(a, body, &v);
	id = jscan_inner(jscan_get(v, n, "id"));
	put_head(out, f, v, n);
	openai_put(out, "choices", STR("["));
	for (it = jscan_into(jscan_get(v, n, "choices")); jscan_next(&it, &m);)
		put_choice(out, f, m.raw, id.n > 0 ? id : f->id, pos++);
	buf_addc(out, ']');
	for (i = 0; i < n; i++) {
		for (k = 0; ours[k] != NULL; k++)
			if (str_is(v[i].key, ours[k]))
				break;
		if (ours[k] == NULL)
			openai_put_raw(out, &v[i]);
	}
	openai_put(out, "usage", STR(""));
	openai_put_usage(&w, NULL, t, jscan_get(v, n, "usage"));
	if (t->metadata.n > 0)
		openai_put(out, "metadata", t->metadata);
	buf_addc(out, '}');
	return answer_fits(out, e);
}
