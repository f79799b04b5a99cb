#include "http/otlp.h"
#include "http/settings.h"
#include "http/url.h"

static int
bad(struct err *e, const char *name, struct str value, const char *why)
{
	return err_set(e, ERR_CONFIG, "%s: \"%.*s\" %s", name,
	    value.n < 100 ? (int)value.n : 100, value.p, why);
}

/* What curl takes; a password may be in it, so it is not told. */
static int
check_proxy(const char *name, const char *url, struct err *e)
{
	static const char *const schemes[] = { "http://", "https://",
		"socks4://", "socks4a://", "socks5://", "socks5h://" };
	struct str s = str_from(url);

	for (size_t i = 0; i < NROWS(schemes); i++)
		if (s.n == 0 || str_starts(s, schemes[i]))
			return 0;
	return err_set(e, ERR_CONFIG,
	    "%s: a proxy is http://, https://, socks4:// or socks5://", name);
}

/* "*", or scheme, host and port as browsers send them. */
static int
check_origins(struct str list, struct err *e)
{
	struct err ignored = { 0 };
	struct str one;
	struct url u;

	while (list.n > 0) {
		one = str_trim(str_split(&list, ','));
		if (!str_is(one, "*") &&
		    (url_parse(one, &u, &ignored) == -1 || u.path.n > 0))
			return bad(e, "cors_origins", one,
			    "is no origin, as https://app.example");
	}
	return 0;
}

static int
check_header(struct str name, struct err *e)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' ||
		    strchr("\"(),/:;<=>?@[\\]{}", name.p[i]) != NULL)
			return bad(e, "client_ip_header", name,
			    "is no name of a header");
	return 0;
}

static int
check_proxies(const struct conf *c, struct err *e)
{
	const struct conf_provider *p;

	if (check_proxy("upstream_proxy", c->upstream_proxy, e) == -1)
		return -1;
	for (p = c->providers; p != NULL; p = p->next)
		if (p->upstream_proxy != NULL &&
		    check_proxy("upstream_proxy", p->upstream_proxy, e) == -1)
			return -1;
	return 0;
}

int
http_check_settings(const struct conf *c, struct err *e)
{
	struct http_request ignored;
	struct arena *a;
	int rc;

	if (check_proxies(c, e) == -1 ||
	    check_origins(str_from(c->cors_origins), e) == -1 ||
	    check_header(str_from(c->client_ip_header), e) == -1)
		return -1;
	a = arena_new(1024, SIZE_MAX);
	rc = otlp_request(c, a, &ignored, e);
	arena_free(a);
	return rc;
}
