#include "pipeline/client.h"

struct str
inbound_param(const struct inbound *in, const char *name)
{
	const struct str *p;
	size_t n = strlen(name);

	for (p = in->params; p != NULL && p->p != NULL; p++)
		if (p->n > n && p->p[n] == '=' && memcmp(p->p, name, n) == 0)
			return (struct str){ p->p + n + 1, p->n - n - 1 };
	return STR_NONE;
}
