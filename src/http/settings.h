#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include "base/conf.h"

/*
 * What a row of the table cannot tell of a value: proxies, origins, a name of a
 * header, the collector.  Programs ask at start, and so does the configuration
 * test.  ERR_CONFIG names the setting.
 */
int http_check_settings(const struct conf *, struct err *);

#endif
