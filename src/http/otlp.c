#include "http/otlp.h"
#include "http/url.h"

#define HEADERS_MAX (HTTP_HEADERS_MAX - 1)

static int
add_header(struct http_request *q, struct str one, struct arena *a,
    struct err *e)
{
	struct str rest = one, name = str_trim(str_split(&rest, '='));

	if (name.n == 0 || rest.p == NULL)
		return err_set(e, ERR_CONFIG,
		    "otlp_headers: it is name=value, with commas between");
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
			return err_set(e, ERR_CONFIG,
			    "otlp_headers: \"%.*s\" is no name of a header",
			    STR_ARG(name));
	if (q->nheaders > HEADERS_MAX)
		return err_set(e, ERR_CONFIG, "otlp_headers: more than %d",
		    HEADERS_MAX);
	rest = str_trim(rest);
	q->headers[q->nheaders++] =
	    arena_fmt(a, "%.*s: %.*s", STR_ARG(name), STR_ARG(rest));
	return 0;
}

int
otlp_request(const struct conf *c, struct arena *a, struct http_request *q,
    struct err *e)
{
	struct str list = str_from(c->otlp_headers), one;
	struct url u;

	*q = (struct http_request){ .way.proxy = "" };
	if (c->otlp_endpoint[0] == '\0')
		return 0;
	if (url_parse(str_from(c->otlp_endpoint), &u, e) == -1)
		return err_set(e, ERR_CONFIG, "otlp_endpoint: %.900s", e->msg);
	if (!u.tls && !url_host_in(str_from(c->insecure_hosts), u.host))
		return err_set(e, ERR_CONFIG,
		    "otlp_endpoint: http only to hosts in insecure_hosts");
	q->url = url_join(a, str_from(c->otlp_endpoint), STR("/v1/traces"));
	q->headers[q->nheaders++] = STR("Content-Type: application/json");
	while (list.n > 0) {
		one = str_trim(str_split(&list, ','));
		if (one.n > 0 && add_header(q, one, a, e) == -1)
			return -1;
	}
	return 0;
}
