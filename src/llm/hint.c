#include "llm/llm.h"

static const struct {
	unsigned bit;
	const char *word;
} says[] = {
	{ LLM_SAY_NATIVE, "messages" },
	{ LLM_SAY_MANY, "n" },
	{ LLM_SAY_LOGPROBS, "logprobs" },
	{ LLM_SAY_BIAS, "logit_bias" },
	{ LLM_SAY_CUSTOM, "tools" },
	{ LLM_SAY_AUDIO, "messages" },
	{ LLM_SAY_URL, "messages" },
	{ LLM_SAY_SPEAK, "modalities" },
	{ LLM_SAY_SEARCH, "tools" },
	{ LLM_SAY_VIDEO, "messages" },
	{ LLM_SAY_DRAW, "modalities" },
	{ LLM_SAY_STOP, "stop" },
};

/* In requests for images. */
static const char *
image_word(unsigned bit)
{
	switch (bit) {
	case LLM_SAY_MASK:
		return "mask";
	case LLM_SAY_LINK:
		return "response_format";
	case LLM_SAY_PARTIAL:
		return "stream";
	default:
		return "image";
	}
}

const char *
llm_say_word(enum llm_task task, unsigned bit)
{
	size_t i;

	if (task == LLM_EMBED)
		return "input";
	if (task == LLM_IMAGE)
		return image_word(bit);

	for (i = 0; i < NROWS(says); i++)
		if (says[i].bit == bit)
			return says[i].word;
	return "messages";
}

/* Is the name in a list with commas? */
bool
llm_is_dropped(struct str list, struct str name)
{
	while (list.p != NULL)
		if (str_eq(str_split(&list, ','), name))
			return true;
	return false;
}

static void
drop(const struct llm_aim *aim, struct str name)
{
	if (aim->dropped == NULL || llm_is_dropped(buf_str(aim->dropped), name))
		return;
	if (aim->dropped->n > 0)
		buf_addc(aim->dropped, ',');
	buf_add(aim->dropped, name);
}

void
llm_drop(const struct llm_aim *aim, const char *name)
{
	drop(aim, str_from(name));
}

void
llm_drop_hints(const struct llm_aim *aim, const struct llm_request *r,
    const char *const *taken)
{
	const struct llm_hint *h;
	int i;

	for (h = r->hints; h != NULL; h = h->next) {
		for (i = 0; taken[i] != NULL; i++)
			if (str_is(h->name, taken[i]))
				break;
		if (taken[i] == NULL)
			drop(aim, h->name);
	}
}

struct json_object *
llm_hint(const struct llm_request *r, const char *name)
{
	const struct llm_hint *h;

	for (h = r->hints; h != NULL; h = h->next)
		if (str_is(h->name, name))
			return h->node;
	return NULL;
}
