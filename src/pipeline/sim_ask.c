/*
 * What a request asks the simulated provider for.
 */
#include "pipeline/sim.h"

#define WORDS_MAX 100000
#define CHOICES_MAX 8

static const struct {
	const char *word;
	enum sim_fault fault;
} faults[] = {
	{ "hang", SIM_HANG },
	{ "cut", SIM_CUT },
	{ "garbage", SIM_GARBAGE },
	{ "error", SIM_ERROR },
	{ "empty", SIM_EMPTY },
	{ "nofinish", SIM_NOFINISH },
};

static int64_t
number(struct str s)
{
	int64_t v = 0;
	size_t i;

	for (i = 0; i < s.n && i < 9 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

static void
take_fault(struct sim *s, struct str word)
{
	s->status = (int)number(word);
	if (s->status >= 300 && s->status <= 599)
		s->fault = SIM_STATUS;
	for (size_t i = 0; i < NROWS(faults); i++)
		if (str_is(word, faults[i].word))
			s->fault = faults[i].fault;
}

/* "sim-slow-c20-i50-l100": what each piece of the name asks for. */
static void
take_model(struct sim *s)
{
	struct str rest = s->model, piece, value;
	bool slow = str_starts(rest, "sim-slow-");

	if (slow)
		s->words = 20;
	while (rest.n > 0) {
		piece = str_split(&rest, '-');
		value = (struct str){ piece.p + 1, piece.n - 1 };
		if (str_starts(s->model, "sim-fault-") && rest.p == NULL)
			take_fault(s, piece);
		if (!slow || piece.n < 2)
			continue;
		if (piece.p[0] == 'c')
			s->words = number(value);
		else if (piece.p[0] == 'i')
			s->interval_ms = number(value);
		else if (piece.p[0] == 'l')
			s->latency_ms = number(value);
	}
	if (s->words > WORDS_MAX)
		s->words = WORDS_MAX;
}

/* The text of a message: a string, or the last text part. */
static struct str
text_of(struct str content, struct arena *a)
{
	struct jiter it = jscan_into(content);
	struct str text = jscan_text(content, a), t;
	struct jmember m;

	while (jscan_next(&it, &m)) {
		t = jscan_text(jscan_at(m.raw, "text"), a);
		if (t.p != NULL)
			text = t;
	}
	return text;
}

/* "call NAME {...}": the tool that a text asks for, with its arguments. */
static bool
take_order(struct str text, struct sim_tool *order)
{
	struct str rest = text, line = str_split(&rest, '\n');

	if (!str_starts(line, "call "))
		return false;
	line.p += 5;
	line.n -= 5;
	order->name = str_split(&line, ' ');
	order->args = str_trim(line);
	return order->args.p != NULL && jscan_is_object(order->args);
}

/* What is said since the model spoke last. */
struct talk {
	struct str text;
	struct str result; /* of a tool, or absent */
	struct sim_tool order;
};

static void
take_message(struct talk *t, struct str raw, struct arena *a)
{
	struct str role = jscan_text(jscan_at(raw, "role"), a);
	struct str content = jscan_at(raw, "content"), text;
	struct jiter it;
	struct jmember m;

	if (str_is(role, "assistant")) {
		*t = (struct talk){ .text = STR("") };
		return;
	}
	t->text = text_of(content, a);
	if (str_is(role, "tool"))
		t->result = t->text;
	take_order(t->text, &t->order);
	for (it = jscan_into(content); jscan_next(&it, &m);) {
		text = jscan_text(jscan_at(m.raw, "text"), a);
		take_order(text, &t->order);
	}
}

static struct str
make_args(const struct sim *s, struct str schema, struct arena *a)
{
	struct buf b = BUF_LIMIT(SIM_OUT_MAX);
	struct jw w = JW_TO(&b);
	struct str args;

	if (jscan_at(schema, "properties").p != NULL)
		sim_sample(schema, s->text, &w);
	else {
		jw_obj(&w, NULL);
		jw_str(&w, "text", s->text);
		jw_end(&w);
	}
	args = arena_dup(a, buf_str(&b));
	buf_free(&b);
	return args;
}

static void
take_tool(struct sim *s, struct str raw, const struct sim_tool *order,
    struct str only, struct arena *a)
{
	struct str fn = jscan_at(raw, "function");
	struct str name = jscan_text(jscan_at(fn, "name"), a);
	struct sim_tool *t = &s->tools[s->ntools];

	if (name.n == 0 || s->ntools == SIM_TOOLS_MAX ||
	    (only.p != NULL && !str_eq(only, name)) ||
	    (order->name.p != NULL && !str_eq(order->name, name)))
		return;
	t->name = name;
	t->args = order->name.p != NULL ?
	    order->args :
	    make_args(s, jscan_at(fn, "parameters"), a);
	s->ntools++;
}

static int
count_items(struct str array)
{
	struct jiter it;
	struct jmember m;
	int n = 0;

	for (it = jscan_into(array); jscan_next(&it, &m);)
		n++;
	return n;
}

/* An agent offers more than are called at once: it must order one. */
static void
take_tools(struct sim *s, const struct jmember *v, int n,
    const struct sim_tool *order, struct arena *a)
{
	struct str choice = jscan_get(v, n, "tool_choice");
	struct str tools = jscan_get(v, n, "tools");
	struct str only =
	    jscan_text(jscan_at(jscan_at(choice, "function"), "name"), a);
	struct jiter it;
	struct jmember m;

	if (str_is(choice, "\"none\"") ||
	    (only.p == NULL && order->name.p == NULL &&
		count_items(tools) > SIM_TOOLS_MAX))
		return;
	for (it = jscan_into(tools); jscan_next(&it, &m);)
		take_tool(s, m.raw, order, only, a);
}

int64_t
sim_count(struct str s)
{
	int64_t n = 0;

	while (s.n > 0)
		n += str_split(&s, ' ').n > 0;
	return n;
}

static void
take_format(struct sim *s, struct str format)
{
	struct str type = jscan_at(format, "type");

	s->json =
	    str_is(type, "\"json_object\"") || str_is(type, "\"json_schema\"");
	s->schema = jscan_at(jscan_at(format, "json_schema"), "schema");
}

static void
take_talk(struct sim *s, const struct jmember *v, int n, struct arena *a)
{
	struct talk t = { .text = STR("") };
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(jscan_get(v, n, "messages")); jscan_next(&it, &m);)
		take_message(&t, m.raw, a);
	s->text = t.result.p != NULL ? t.result : t.text;
	if (t.result.p == NULL)
		take_tools(s, v, n, &t.order, a);
}

/* Reasoning is shown to those who ask for some. */
static void
take_effort(struct sim *s, struct str effort)
{
	if (effort.p != NULL && !jscan_null(effort) &&
	    !str_is(effort, "\"none\""))
		s->thought = STR("Thinking it over.");
}

void
sim_ask(struct sim *s, const struct jmember *v, int n, struct arena *a)
{
	s->model = jscan_text(jscan_get(v, n, "model"), a);
	s->stream = str_is(jscan_get(v, n, "stream"), "true");
	s->include_usage =
	    str_is(jscan_at(jscan_get(v, n, "stream_options"), "include_usage"),
		"true");
	take_format(s, jscan_get(v, n, "response_format"));
	take_effort(s, jscan_get(v, n, "reasoning_effort"));
	take_talk(s, v, n, a);
	if (!jscan_int(jscan_get(v, n, "max_tokens"), &s->limit))
		jscan_int(jscan_get(v, n, "max_completion_tokens"), &s->limit);
	s->choices = 1;
	jscan_int(jscan_get(v, n, "n"), &s->choices);
	if (s->choices > CHOICES_MAX)
		s->choices = CHOICES_MAX;
	take_model(s);
	s->prompt = (int64_t)(jscan_get(v, n, "messages").n + 3) / 4;
	if (s->words == 0)
		s->words = sim_count(s->text);
	if (s->words == 0) {
		s->text = STR("silence");
		s->words = 1;
	}
	s->rest = s->text;
}
