#include "llm/llm.h"

#define SIDE_MAX 65535

const char *const llm_quality_words[LLM_QUALITY__COUNT] = {
	[LLM_QUALITY_AUTO] = "auto",
	[LLM_QUALITY_STANDARD] = "standard",
	[LLM_QUALITY_HD] = "hd",
	[LLM_QUALITY_LOW] = "low",
	[LLM_QUALITY_MEDIUM] = "medium",
	[LLM_QUALITY_HIGH] = "high",
	[LLM_QUALITY_XHIGH] = "xhigh",
	[LLM_QUALITY_MAX] = "max",
};

enum llm_quality
llm_quality_find(struct str word)
{
	int i;

	for (i = 0; i < LLM_QUALITY__COUNT; i++)
		if (str_is(word, llm_quality_words[i]))
			return (enum llm_quality)i;
	return LLM_QUALITY_AUTO;
}

/* Digits only, from 1 on. */
static bool
side(struct str s, int *out)
{
	size_t i;
	int v = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || v > SIDE_MAX / 10)
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*out = v;
	return v >= 1 && v <= SIDE_MAX;
}

static bool
pair(struct str s, char between, int *w, int *h)
{
	struct str rest = s, first = str_split(&rest, between);

	return rest.p != NULL && side(first, w) && side(rest, h);
}

static void
reduce(struct llm_picture *p)
{
	int a = p->ratio_w, b = p->ratio_h, c;

	while (b != 0) {
		c = a % b;
		a = b;
		b = c;
	}
	p->ratio_w /= a;
	p->ratio_h /= a;
}

bool
llm_picture_ratio(struct llm_picture *p, struct str s)
{
	int w, h;

	if (!pair(s, ':', &w, &h))
		return false;
	p->ratio_w = w;
	p->ratio_h = h;
	reduce(p);
	return true;
}

bool
llm_picture_size(struct llm_picture *p, struct str s)
{
	int w, h;

	if (str_is(s, "auto"))
		return true;
	if (!pair(s, 'x', &w, &h))
		return false;
	p->w = p->ratio_w = w;
	p->h = p->ratio_h = h;
	reduce(p);
	/* Sizes that mean a ratio they do not quite have (api.md 8.1). */
	if (p->ratio_w == 7 && p->ratio_h == 4) {
		p->ratio_w = 16;
		p->ratio_h = 9;
	} else if (p->ratio_w == 4 && p->ratio_h == 7) {
		p->ratio_w = 9;
		p->ratio_h = 16;
	}
	return true;
}
