#ifndef DOMAIN_SETTINGS_H
#define DOMAIN_SETTINGS_H

#include "base/conf.h"

/*
 * What a row of the table cannot tell of a value: URLs of stores and a price.
 * Nothing is opened.  ERR_CONFIG names the setting.  See http/settings.h, too.
 */
int settings_check(const struct conf *, struct err *);

#endif
