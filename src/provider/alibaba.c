#include <ctype.h>

#include "provider/alibaba.h"
#include "provider/place.h"

#define HEADER "X-DashScope-WorkSpace: "

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

const struct provider_ops alibaba_ops = { .load = load, .headers = headers };
