#include <assert.h>

#include "store/counters_ops.h"
#include "store/redis.h"

/* api.md 2.3: every 503 of a store says when to come again. */
#define RETRY_AFTER 5

static const struct {
	const char *scheme;
	int (*open)(struct counters *, const char *where, struct err *);
} backends[] = {
	{ "embedded:", counters_shm_open },
	{ "redis:", counters_redis_open },
	{ "rediss:", counters_redis_open }, /* which says why not */
	{ "unix:", counters_redis_open },
};

int
counters_down(struct err *e)
{
	e->retry_after = RETRY_AFTER;
	return err_set(e, ERR_STORE, "The store of limits is not available");
}

int
counters_check(const char *url, struct err *e)
{
	if (strncmp(url, "rediss:", 7) == 0)
		return rds_check(url, e);
	for (size_t i = 0; i < NROWS(backends); i++)
		if (strncmp(url, backends[i].scheme,
			strlen(backends[i].scheme)) == 0)
			return 0;
	return err_set(e, ERR_CONFIG,
	    "store_kv: no store this program has: "
	    "it is embedded:DIR, redis://HOST or unix:PATH");
}

int
counters_open(
    struct counters **out, const struct counters_setup *setup, struct err *e)
{
	struct arena *a = arena_new(1024, SIZE_MAX);
	struct counters *c = ARENA_NEW(a, struct counters);
	size_t n;

	*out = c;
	c->arena = a;
	c->setup = *setup;
	for (size_t i = 0; i < NROWS(backends); i++) {
		n = strlen(backends[i].scheme);
		if (strncmp(setup->url, backends[i].scheme, n) != 0)
			continue;
		if (backends[i].open(c, setup->url + n, e) == 0)
			return 0;
		goto fail;
	}
	counters_check(setup->url, e);
fail:
	*out = NULL;
	arena_free(a);
	return -1;
}

void
counters_close(struct counters *c)
{
	if (c == NULL)
		return;
	c->ops->close(c);
	arena_free(c->arena);
}

const char *
counters_backend(const struct counters *c)
{
	return c->ops->name;
}

bool
counters_quick(const struct counters *c)
{
	return c->ops->quick;
}

enum counter_result
counters_apply(struct counters *c, struct str org, struct str id,
    struct counter_op *ops, int n, int *at, struct err *e)
{
	assert(n <= COUNTER_OPS_MAX && org.n <= COUNTER_ORG_MAX &&
	    id.n <= COUNTER_ID_MAX);
	*at = 0;
	for (int i = 0; i < n; i++) {
		assert(ops[i].key.n <= COUNTER_KEY_MAX && ops[i].by >= 0);
		ops[i].used = ops[i].held = ops[i].wait_ms = 0;
	}
	return n == 0 ? COUNTERS_TAKEN :
			c->ops->apply(c, org, id, ops, n, at, e);
}

int
counters_load(struct counters *c, struct str org, const struct counter_value *v,
    int n, struct err *e)
{
	return c->ops->load(c, org, v, n, e);
}

void
counters_change(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n, int64_t at_ms)
{
	assert(n <= COUNTER_OPS_MAX);
	c->ops->change(c, org, id, ops, n, at_ms);
}

int
counters_drop(
    struct counters *c, const struct counter_drop *d, int n, struct err *e)
{
	return n == 0 ? 0 : c->ops->drop(c, d, n, e);
}

int
counters_tend(struct counters *c, struct err *e)
{
	return c->ops->tend(c, e);
}

int
counters_renew(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n, struct err *e)
{
	assert(n <= COUNTER_OPS_MAX);
	return c->ops->renew(c, org, id, ops, n, e);
}

void
counters_renewed(struct counters *c)
{
	c->ops->renewed(c);
}

int
counters_ping(struct counters *c, int64_t timeout_ms, struct err *e)
{
	return c->ops->ping(c, timeout_ms, e);
}

void
counters_held(struct counters *c, int64_t *holds, int64_t *nano)
{
	*holds = *nano = 0;
	c->ops->held(c, holds, nano);
}
