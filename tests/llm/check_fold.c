#include "llm/llm.h"
#include "room.h"

/* Events of two choices that alternate, with what each adds to. */
static const struct {
	enum llm_event_kind kind;
	int choice;
	enum llm_kind block;
	const char *text;
} script[] = {
	{ LLM_EV_START, 0, LLM_TEXT, "" },
	{ LLM_EV_OPEN, 0, LLM_REASONING, "" },
	{ LLM_EV_DELTA, 0, LLM_REASONING, "hm" },
	{ LLM_EV_OPEN, 1, LLM_TEXT, "" },
	{ LLM_EV_DELTA, 1, LLM_TEXT, "one" },
	{ LLM_EV_CLOSE, 0, LLM_REASONING, "" },
	{ LLM_EV_OPEN, 0, LLM_CALL, "" },
	{ LLM_EV_DELTA, 0, LLM_CALL, "{\"a\"" },
	{ LLM_EV_DELTA, 1, LLM_TEXT, " more" },
	{ LLM_EV_DELTA, 0, LLM_CALL, ":1}" },
	{ LLM_EV_CLOSE, 0, LLM_CALL, "" },
	{ LLM_EV_CLOSE, 1, LLM_TEXT, "" },
	{ LLM_EV_STOP, 0, LLM_TEXT, "" },
	{ LLM_EV_STOP, 1, LLM_TEXT, "" },
	{ LLM_EV_USAGE, 0, LLM_TEXT, "" },
	{ LLM_EV_END, 0, LLM_TEXT, "" },
};

static void
play(struct llm_sink *to)
{
	int block[2] = { 0, 0 };
	struct llm_event ev;
	struct err e = { 0 };
	size_t i;

	for (i = 0; i < NROWS(script); i++) {
		ev = (struct llm_event){ .kind = script[i].kind,
			.choice = script[i].choice,
			.block = block[script[i].choice] };
		if (ev.kind == LLM_EV_START)
			ev.start.id = STR("id1");
		else if (ev.kind == LLM_EV_OPEN) {
			ev.open.kind = script[i].block;
			ev.open.id = STR("c1");
			ev.open.name = STR("f");
		} else if (ev.kind == LLM_EV_DELTA)
			ev.delta.text = str_from(script[i].text);
		else if (ev.kind == LLM_EV_CLOSE)
			block[ev.choice]++;
		else if (ev.kind == LLM_EV_STOP)
			ev.stop.why = LLM_STOP_CALLS;
		else if (ev.kind == LLM_EV_USAGE)
			ev.usage.output = 7;
		ck_assert_msg(llm_put(to, &ev, &e) == 0, "%zu: %s", i, e.msg);
	}
}

static void
check(const struct llm_answer *a)
{
	const struct llm_part *p = a->choices->parts;

	ck_assert(a->ended && !a->failed);
	ck_assert(str_is(a->id, "id1"));
	ck_assert_int_eq(a->usage.output, 7);
	ck_assert(str_is(p->reasoning.text, "hm"));
	ck_assert(str_is(p->next->call.args, "{\"a\":1}"));
	ck_assert(str_is(p->next->call.name, "f"));
	ck_assert_ptr_null(p->next->next);
	ck_assert_int_eq(a->choices->why, LLM_STOP_CALLS);
	ck_assert(str_is(a->choices->next->parts->text, "one more"));
}

START_TEST(fold_and_replay)
{
	struct arena *a = arena_new(512, 1 << 20);
	struct llm_answer first = { .ended = false };
	struct llm_answer second = { .ended = false };
	struct llm_grammar g;
	struct err e = { 0 };

	llm_grammar_init(&g, &llm_fold_new(a, &first)->sink);
	play(&g.sink);
	check(&first);
	llm_grammar_init(&g, &llm_fold_new(a, &second)->sink);
	ck_assert_int_eq(llm_replay(&first, &g.sink, &e), 0);
	check(&second);
	arena_free(a);
}
END_TEST

START_TEST(failed)
{
	struct arena *a = arena_new(512, 1 << 20);
	struct llm_answer answer = { .ended = false };
	struct llm_fold *f = llm_fold_new(a, &answer);
	struct err why = { .code = ERR_TIMEOUT, .word = STR("w") };
	struct llm_event ev = { .kind = LLM_EV_ERROR, .error = &why };
	struct err e = { 0 };

	ck_assert_int_eq(llm_put(&f->sink, &ev, &e), 0);
	ck_assert(answer.failed);
	ck_assert_int_eq(answer.error.code, ERR_TIMEOUT);
	ck_assert(str_is(answer.error.word, "w"));
	ev = (struct llm_event){ .kind = LLM_EV_DELTA };
	ck_assert_int_eq(llm_put(&f->sink, &ev, &e), -1);
	arena_free(a);
}
END_TEST

CASE(case_fold)
{
	TCase *t = tcase_create("fold");

	tcase_add_test(t, fold_and_replay);
	tcase_add_test(t, failed);
	return t;
}
