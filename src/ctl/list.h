#ifndef CTL_LIST_H
#define CTL_LIST_H

#include "ctl/ctl.h"
#include "domain/catalog.h"
#include "provider/provider.h"

/* The list of models and the providers of a configuration. */
struct list {
	struct ctl *c;
	struct catalog *catalog;
	struct providers *providers;
	const char *file; /* of the catalogue */
	struct str today;
};

/* As the programs load them at start.  list_close() in any case. */
int list_open(struct list *, struct ctl *, struct err *);
void list_close(struct list *);

/* Can this one be asked: has the provider what it needs, is it in time? */
bool list_usable(const struct list *, const struct mapping *);

#endif
