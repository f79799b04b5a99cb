/*
 * Looking at one choice of an answer or of a chunk, without a tree.
 */
#include "dialect/openai.h"

static int
count_items(struct str array)
{
	struct jiter it;
	struct jmember m;
	int n = 0;

	if (array.n == 0 || array.p[0] != '[')
		return 0;
	for (it = jscan_into(array); jscan_next(&it, &m);)
		n++;
	return n;
}

static bool
is_value(struct str raw)
{
	return raw.n > 0 && !jscan_null(raw);
}

static void
read_content(struct openai_view *v, struct str raw, struct llm_facts *f)
{
	v->content = raw;
	if (raw.p[0] == '[') {
		v->dirty = true;
		v->substance = v->substance || count_items(raw) > 0;
		f->text_bytes += (int64_t)raw.n;
	} else if (openai_says(raw)) {
		v->substance = true;
		f->text_bytes += openai_text_len(raw);
	}
}

static void
read_reasoning(struct openai_view *v, struct str raw, struct llm_facts *f)
{
	if (!openai_says(raw))
		return;
	v->dirty = true; /* each name goes out as the frame says */
	if (v->reasoning.p != NULL)
		return; /* the same under its other name, trap 42 */
	v->substance = true;
	v->reasoning = raw;
	f->reasons = true;
	f->text_bytes += openai_text_len(raw);
}

/* Members that are neither empty nor null count as something to read. */
static void
read_other(struct openai_view *v, const struct jmember *m, struct llm_facts *f)
{
	if (str_eq(m->key, STR("refusal"))) {
		if (!openai_says(m->raw))
			return;
		f->refused = true;
		f->text_bytes += openai_text_len(m->raw);
	} else if (str_eq(m->key, STR("reasoning_details"))) {
		v->dirty = true; /* it may not be wanted */
		return;
	} else if (str_eq(m->key, STR("images")))
		f->images += count_items(m->raw);
	else if (str_eq(m->key, STR("audio"))) {
		if (!is_value(m->raw))
			return;
		f->audio = true;
	} else if (!str_eq(m->key, STR("function_call")))
		return;
	if (is_value(m->raw))
		v->substance = v->dirty = true;
}

static void
read_body(struct openai_view *v, struct str raw, struct llm_facts *f)
{
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (str_eq(m.key, STR("content")))
			read_content(v, m.raw, f);
		else if (str_eq(m.key, STR("role")))
			v->role = m.raw;
		else if (str_eq(m.key, STR("tool_calls"))) {
			v->dirty = true;
			if (count_items(m.raw) > 0)
				v->calls = m.raw;
		} else if (str_eq(m.key, STR("reasoning_content")) ||
		    str_eq(m.key, STR("reasoning")))
			read_reasoning(v, m.raw, f);
		else
			read_other(v, &m, f);
	}
	if (v->calls.p != NULL)
		v->substance = true;
}

void
openai_view_read(
    struct str raw, const char *key, struct openai_view *v, struct llm_facts *f)
{
	struct jiter it;
	struct jmember m;
	int64_t index;

	*v = (struct openai_view){ .raw = raw };
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		if (str_is(m.key, key)) {
			if (m.raw.p[0] == '{')
				v->body = m.raw;
		} else if (str_eq(m.key, STR("index"))) {
			if (!jscan_int(m.raw, &index) || index < 0 ||
			    index >= LLM_CHOICES_MAX)
				continue;
			v->index = (int)index;
			v->has_index = true;
		} else if (str_eq(m.key, STR("finish_reason")))
			v->finish = m.raw;
		else if (str_eq(m.key, STR("usage")))
			v->usage = m.raw;
		else if (str_eq(m.key, STR("error")) && is_value(m.raw))
			v->error = m.raw;
	}
	if (v->body.p != NULL)
		read_body(v, v->body, f);
	if (!v->has_index || v->body.p == NULL || v->finish.p == NULL ||
	    v->usage.p != NULL)
		v->dirty = true;
}

enum llm_stop
openai_choice_why(const struct openai_choice *c)
{
	enum llm_stop why = (enum llm_stop)c->why;

	if ((c->bits & OPENAI_CALLED) != 0 &&
	    (why == LLM_STOP_END || why == LLM_STOP_SEQUENCE ||
		why == LLM_STOP_OTHER || why == LLM_STOP_NONE))
		return LLM_STOP_CALLS;
	return why == LLM_STOP_NONE ? LLM_STOP_END : why;
}

int
openai_take_finish(struct llm_facts *f, struct openai_choice *c, struct str raw,
    bool substance, struct err *e)
{
	struct str word = jscan_inner(raw);
	bool broken;

	c->why = (unsigned char)openai_stop(word, &broken);
	c->bits |= OPENAI_ENDED;
	str_copy(f->raw_stop, sizeof(f->raw_stop), word);
	f->why = openai_choice_why(c);
	if (broken && !substance && f->text_bytes == 0 && f->calls == 0 &&
	    f->images == 0)
		return err_set(e, ERR_UPSTREAM,
		    "Response ended with finish reason %s", f->raw_stop);
	return 0;
}
