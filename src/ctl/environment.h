#ifndef CTL_ENVIRONMENT_H
#define CTL_ENVIRONMENT_H

#include "base/arena.h"

/*
 * What the installed units give the programs, for whoever may read it: lines
 * NAME=VALUE of the file "environment" beside the settings go into our own
 * environment where NAME is not set.  Lines that are something else are left
 * out, as systemd does; no file, or none for us, is no error.
 * conf: path of the settings; NULL does nothing.
 */
void environment_add(struct arena *, const char *conf);

#endif
