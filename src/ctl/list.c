#include "ctl/list.h"

int
list_open(struct list *l, struct ctl *c, struct err *e)
{
	*l = (struct list){ .c = c };
	l->file = catalog_path(&c->conf, c->arena);
	l->today = ctl_today(c);
	if (catalog_load(&l->catalog, l->file, &c->conf, e) == -1)
		return -1;
	return providers_load(&l->providers, &c->conf, e);
}

void
list_close(struct list *l)
{
	if (l->catalog != NULL)
		catalog_free(l->catalog);
	providers_free(l->providers);
}

bool
list_usable(const struct list *l, const struct mapping *m)
{
	const struct upstream *u = providers_find(l->providers, m->provider);

	return u != NULL && upstream_usable(u) && !mapping_ended(m, l->today.p);
}
