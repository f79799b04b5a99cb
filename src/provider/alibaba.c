#include <assert.h>
#include <ctype.h>

#include "provider/alibaba.h"
#include "provider/place.h"

#define HEADER "X-DashScope-WorkSpace: "

static const struct way images = {
	.dialect = &dialect_dashscope_image,
	.path = "/api/v1/services/aigc/multimodal-generation/generation",
	.without = LLM_CAN_CHAT,
	.one = true,
	.links = true,
};

/* Images are made beside the part of the host that is compatible. */
static int
place(const struct target *t, const struct llm_request *r, struct arena *a,
    struct str *url, struct err *e)
{
	struct str base = t->upstream->base_url;
	const char *host, *path;

	(void)r;
	(void)e;
	if (t->way->dialect != images.dialect)
		return 0;
	host = strstr(base.p, "://") + 3;
	path = strchrnul(host, '/');
	*url = arena_fmt(a, "%.*s%s", (int)(path - base.p), base.p,
	    images.path);
	return 0;
}

static int
load(const struct load *l, struct err *e)
{
	const char *v = place_variable(l, "WORKSPACE_ID");

	for (const char *p = v; p != NULL && *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_", *p) == NULL)
			return err_set(e, ERR_CONFIG,
			    "%.*sWORKSPACE_ID: must be letters, digits and "
			    "dashes",
			    STR_ARG(l->env));
	assert(l->u->nways < WAYS_MAX);
	l->u->ways[l->u->nways++] = images;
	if (v != NULL)
		l->u->own =
		    (void *)(uintptr_t)arena_fmt(l->arena, HEADER "%s", v).p;
	return 0;
}

static int
headers(const struct target *t, const struct llm_request *r, struct arena *a,
    struct http_request *q, struct err *e)
{
	(void)r;
	(void)a;
	return t->upstream->own == NULL ?
	    0 :
	    provider_put_header(q, str_from(t->upstream->own), e);
}

const struct provider_ops alibaba_ops = { .load = load,
	.place = place,
	.headers = headers };
