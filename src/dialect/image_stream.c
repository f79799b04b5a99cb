/*
 * Streams of images.  Drafts pass as they are; the event of a finished picture
 * is left open for usage, cost and metadata, which are known at the end.
 */
#include "dialect/image.h"
#include "dialect/openai.h"

static void
close_event(struct image_relay *s, const struct tail *t, struct buf *out)
{
	struct jw w = { .out = out, .depth = 1, .is_obj = 2, .has_item = 2 };

	if (!s->open)
		return;
	s->open = false;
	if (t != NULL)
		image_put_tail(&w, t, STR_NONE);
	buf_add(out, STR("}\n\n"));
}

/* The members but for usage, in one line, without the last bracket. */
static void
put_members(const struct jmember *v, int n, struct buf *out)
{
	bool any = false;
	int i;

	buf_addc(out, '{');
	for (i = 0; i < n; i++) {
		if (str_is(v[i].key, "usage") || str_is(v[i].key, "metadata"))
			continue;
		if (any)
			buf_addc(out, ',');
		any = true;
		buf_addc(out, '"');
		buf_add(out, v[i].key);
		buf_add(out, STR("\":"));
		answer_put_line(out, v[i].raw);
	}
}

static void
put_event(struct image_relay *s, const struct frame *f, const struct jmember *v,
    int n, struct buf *out)
{
	struct str type = jscan_inner(jscan_get(v, n, "type"));
	struct llm_facts one = { .calls = 0 };

	buf_add(out, STR("event: "));
	buf_add(out, type);
	buf_add(out, STR("\ndata: "));
	put_members(v, n, out);
	if (!(type.n > 10 &&
		str_is(
		    (struct str){ type.p + type.n - 10, 10 }, ".completed"))) {
		buf_add(out, STR("}\n\n"));
		return;
	}
	s->open = true;
	s->facts.images++;
	s->facts.why = LLM_STOP_END;
	image_read_usage(v, n, f, &one);
	s->facts.has_usage |= one.has_usage;
	llm_usage_add(&s->facts.usage, &one.usage);
	s->facts.usage.picture = one.usage.picture;
}

int
image_relay_event(void *state, struct arena *scratch, const struct frame *f,
    const struct sse_event *ev, struct buf *out, struct err *e)
{
	struct image_relay *s = state;
	struct str data = str_trim(ev->data), error;
	struct jmember *v;
	int n;

	if (data.n == 0)
		return 0;
	if (str_is(data, "[DONE]"))
		return 1;
	if ((n = jscan_event(data, scratch, &v)) == -1) {
		s->facts.skipped++;
		return 0;
	}
	error = jscan_get(v, n, "error");
	if (error.p != NULL && !jscan_null(error))
		return openai_error_inside(scratch, error, e);
	if (!answer_is_name(jscan_inner(jscan_get(v, n, "type"))))
		return 0;
	close_event(s, NULL, out);
	put_event(s, f, v, n, out);
	return 0;
}

int
image_relay_end(void *state, struct arena *scratch, const struct frame *f,
    const struct tail *t, struct buf *out, struct err *e)
{
	struct image_relay *s = state;

	(void)scratch;
	(void)f;
	if (s->facts.images == 0)
		return image_none(e);
	close_event(s, t, out);
	return 0;
}

const struct llm_facts *
image_relay_facts(const void *state)
{
	const struct image_relay *s = state;

	return &s->facts;
}

void
image_relay_free(void *state)
{
	(void)state;
}

/* --- from an answer that came in one piece --- */

static void
put_completed(struct image_relay *s, const struct frame *f,
    const struct llm_event *ev, struct buf *out)
{
	close_event(s, NULL, out);
	buf_fmt(out, "event: %s.completed\ndata: {\"type\":\"%s.completed\",",
	    image_event_head(f), image_event_head(f));
	buf_add(out, STR("\"b64_json\":\""));
	buf_add(out, ev->delta.text);
	buf_fmt(out, "\",\"created_at\":%lld", (long long)f->created);
	s->open = true;
}

void
image_encode_event(void *enc, const struct frame *f, const struct llm_event *ev,
    const struct tail *t, struct buf *out)
{
	struct image_relay *s = enc;

	if (ev->kind == LLM_EV_DELTA)
		put_completed(s, f, ev, out);
	else if (ev->kind == LLM_EV_END)
		close_event(s, t, out);
}
