#include "store/cache_ops.h"

int
cache_open(struct cache **out, const char *url, int64_t max_bytes,
    struct log *l, struct err *e)
{
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct cache *c = ARENA_NEW(a, struct cache);
	int rc;

	c->arena = a;
	c->log = l;
	c->max_bytes = max_bytes;
	rc = str_starts(str_from(url), "embedded:") ?
	    cache_lmdb_open(c, url + strlen("embedded:"), e) :
	    cache_redis_open(c, url, e);
	*out = rc == 0 ? c : NULL;
	if (rc == -1)
		arena_free(a);
	return rc;
}

int
cache_check(const char *url, struct err *e)
{
	static const char *const schemes[] = { "embedded:", "redis://",
		"unix:" };

	for (size_t i = 0; i < NROWS(schemes); i++)
		if (str_starts(str_from(url), schemes[i]))
			return 0;
	return err_set(e, ERR_CONFIG,
	    "store_cache: it is embedded:DIR, redis://HOST or unix:PATH");
}

void
cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	c->ops->close(c);
	arena_free(c->arena);
}

int
cache_get(struct cache *c, struct str org, const unsigned char key[CACHE_KEY],
    struct arena *a, struct str *value, struct err *e)
{
	*value = STR_NONE;
	return c->ops->get(c, org, key, a, value, e);
}

int
cache_put(struct cache *c, struct str org, const unsigned char key[CACHE_KEY],
    struct str value, int64_t ttl_ms, struct err *e)
{
	return ttl_ms <= 0 ? 0 : c->ops->put(c, org, key, value, ttl_ms, e);
}

void
cache_tend(struct cache *c)
{
	c->ops->tend(c);
}
