#include "llm/llm.h"

static int
each_part(struct llm_part *p, llm_text_fn *fn, void *arg)
{
	int rc = 0;

	for (; p != NULL && rc == 0; p = p->next)
		switch (p->kind) {
		case LLM_TEXT:
		case LLM_REFUSAL:
			rc = fn(arg, p, p->text);
			break;
		case LLM_REASONING:
			rc = fn(arg, p, p->reasoning.text);
			break;
		case LLM_RESULT:
			rc = each_part(p->result.parts, fn, arg);
			break;
		case LLM_MEDIA:
		case LLM_CALL:
		case LLM_NATIVE:
			break;
		}
	return rc;
}

int
llm_each_text(const struct llm_message *m, llm_text_fn *fn, void *arg)
{
	for (; m != NULL; m = m->next)
		if (each_part(m->parts, fn, arg) != 0)
			return -1;
	return 0;
}

int
llm_each_answer_text(const struct llm_answer *a, llm_text_fn *fn, void *arg)
{
	const struct llm_choice *c;

	for (c = a->choices; c != NULL; c = c->next)
		if (each_part(c->parts, fn, arg) != 0)
			return -1;
	return 0;
}

int64_t
llm_characters(struct str s)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}
