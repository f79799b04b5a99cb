#ifndef HTTP_OTLP_H
#define HTTP_OTLP_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "http/request.h"

/*
 * The request to the collector of otlp_endpoint, without its body; past any
 * proxy.  Strings in the arena.  ERR_CONFIG names the setting that is wrong.
 */
int otlp_request(const struct conf *, struct arena *, struct http_request *,
    struct err *);

#endif
