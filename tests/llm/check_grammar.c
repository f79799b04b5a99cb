#include "llm/llm.h"
#include "room.h"

/*
 * A sequence is a word of letters, each with the choice in front if it is not
 * 0: S start, O open, D delta, C close, U usage, P ping, F finish, X error,
 * E end.
 */
static const struct {
	const char *seq;
	int bad; /* index of the event that is refused, -1: none */
} cases[] = {
	{ "SODCFUE", -1 },
	{ "SODDCODCFE", -1 },
	{ "SPODPCUFE", -1 },
	{ "SFE", -1 },
	{ "SO1ODC1D1CF1FE", -1 }, /* choices alternate */
	{ "SODCF1O1D1C1FE", -1 }, /* one begins when another has ended */
	{ "SODXE", -1 },
	{ "XE", -1 },
	{ "O", 0 },
	{ "SS", 1 },
	{ "SD", 1 },
	{ "SOO", 2 },
	{ "SOF", 2 },
	{ "SODCE", 4 },
	{ "SODCFO", 5 },
	{ "SODCFF", 5 },
	{ "SFEE", 3 },
	{ "SFEX", 3 },
	{ "SO1D", 2 },
};

static int
feed(struct llm_grammar *g, const char **p, int block[2])
{
	static const char letters[] = "SODCUFPXE";
	static const enum llm_event_kind kinds[] = { LLM_EV_START, LLM_EV_OPEN,
		LLM_EV_DELTA, LLM_EV_CLOSE, LLM_EV_USAGE, LLM_EV_STOP,
		LLM_EV_PING, LLM_EV_ERROR, LLM_EV_END };
	struct llm_event ev = { .choice = 0 };
	struct err e = { 0 };
	int rc;

	if (**p == '1') {
		ev.choice = 1;
		++*p;
	}
	ev.kind = kinds[strchr(letters, *(*p)++) - letters];
	ev.block = block[ev.choice];
	rc = llm_put(&g->sink, &ev, &e);
	if (ev.kind == LLM_EV_CLOSE)
		block[ev.choice]++;
	return rc;
}

START_TEST(sequence)
{
	struct llm_grammar g;
	const char *p = cases[_i].seq;
	int block[2] = { 0, 0 }, n, bad = -1;

	llm_grammar_init(&g, NULL);
	for (n = 0; *p != '\0' && bad == -1; n++)
		if (feed(&g, &p, block) == -1)
			bad = n;
	ck_assert_msg(
	    bad == cases[_i].bad, "%s: %d refused", cases[_i].seq, bad);
}
END_TEST

START_TEST(numbers)
{
	struct llm_event ev = { .kind = LLM_EV_START };
	struct llm_grammar g;
	struct err e = { 0 };

	llm_grammar_init(&g, NULL);
	ck_assert_int_eq(llm_put(&g.sink, &ev, &e), 0);
	ev = (struct llm_event){ .kind = LLM_EV_OPEN, .block = 1 };
	ck_assert_int_eq(llm_put(&g.sink, &ev, &e), -1);
	ev = (struct llm_event){ .kind = LLM_EV_OPEN,
		.choice = LLM_CHOICES_MAX };
	ck_assert_int_eq(llm_put(&g.sink, &ev, &e), -1);
}
END_TEST

CASE(case_grammar)
{
	TCase *t = tcase_create("grammar");

	tcase_add_loop_test(t, sequence, 0, NROWS(cases));
	tcase_add_test(t, numbers);
	return t;
}
