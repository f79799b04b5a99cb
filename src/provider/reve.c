#include "http/url.h"
#include "provider/reve.h"

#define REMIX "/v1/image/remix"

static int
place(const struct target *t, const struct llm_request *r, struct arena *a,
    struct str *url, struct err *e)
{
	(void)e;
	if (t->way->dialect == &dialect_reve_edit && r->images > 1)
		*url = url_join(a, t->upstream->base_url, STR(REMIX));
	return 0;
}

const struct provider_ops reve_ops = { .place = place };
