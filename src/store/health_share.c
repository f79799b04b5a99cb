#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/health_map.h"
#include "store/health_share.h"
#include "store/redis.h"

#define MINUTE_MS 60000
#define EVERY_MS 1000
#define HOUR 60                        /* minutes that count */
#define KEPT "4000"                    /* seconds that Redis keeps a minute */
#define PIECES (2 + 2 * HEALTH_PLACES) /* of an HSET */

struct health_share {
	struct arena *arena;
	struct arena *work; /* of one round */
	struct health *health;
	struct rds *rds;
};

int
health_share_open(struct health_share **out, struct health *h, const char *url,
    struct log *l, struct err *e)
{
	struct health_share *s;
	struct arena *a;
	struct rds *rds;

	*out = NULL;
	if (str_starts(str_from(url), "embedded:"))
		return 0;
	if (rds_open(&rds, url, NULL, l, NULL, e) == -1)
		return -1;
	a = arena_new(sizeof(*s) + 64, SIZE_MAX);
	s = ARENA_NEW(a, struct health_share);
	*s = (struct health_share){ a, arena_new(64 * 1024, SIZE_MAX), h, rds };
	*out = s;
	return 0;
}

void
health_share_close(struct health_share *s)
{
	if (s == NULL)
		return;
	rds_close(s->rds);
	arena_free(s->work);
	arena_free(s->arena);
}

static struct str
key_of(struct arena *a, uint32_t minute)
{
	return arena_fmt(a, "llmgw:{health}:m:%" PRIu32, minute);
}

/* --- what we counted --- */

/* Host and place, the texts of which have no such byte. */
static struct str
field_of(
    struct arena *a, const struct health_map *map, const struct health_place *p)
{
	const char *model = p->text + p->nprovider;

	return arena_fmt(a, "%s\x1f%.*s\x1f%.*s\x1f%.*s", map->host,
	    (int)p->nprovider, p->text, (int)p->nmodel, model, (int)p->nregion,
	    model + p->nmodel);
}

static struct str
value_of(struct arena *a, const struct health_minute *m)
{
	return arena_fmt(a,
	    "%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64
	    " %" PRIu64,
	    m->requests, m->failed, m->firsts, m->first_ms, m->tokens,
	    m->busy_ms);
}

/* What is new of this minute into the pipeline; how many commands. */
static int
tell_minute(struct health_share *s, struct rds_conn *c, uint32_t minute)
{
	struct health_map *map = s->health->map;
	struct str *v = arena_alloc(s->work, PIECES * sizeof(*v));
	size_t at = minute % HEALTH_MINUTES;
	const struct health_minute *m;
	struct health_place *p;
	uint64_t now;
	int n = 2;

	for (int i = 0; i < HEALTH_PLACES; i++) {
		p = &map->places[i];
		m = &p->minutes[at];
		now = (uint64_t)minute << 32 | m->requests;
		if (!p->ready || m->minute != minute || m->requests == 0 ||
		    atomic_exchange(&p->told[at], now) == now)
			continue;
		v[n++] = field_of(s->work, map, p);
		v[n++] = value_of(s->work, m);
	}
	if (n == 2)
		return 0;
	v[0] = STR("HSET");
	v[1] = key_of(s->work, minute);
	rds_add(c, n, v);
	v[0] = STR("EXPIRE");
	v[2] = STR(KEPT);
	rds_add(c, 3, v);
	return 2;
}

/* It did not arrive, or may not have: all of the hour is told anew. */
static void
forget_told(struct health_share *s)
{
	struct health_map *map = s->health->map;

	for (int i = 0; i < HEALTH_PLACES; i++)
		for (int k = 0; map->places[i].ready && k < HEALTH_MINUTES; k++)
			map->places[i].told[k] = 0;
}

/* --- what others counted --- */

struct counts {
	bool any;
	uint64_t v[6]; /* in the order of value_of() */
};

static bool
read_counts(const char *p, uint64_t v[6])
{
	char *end;

	for (int i = 0; i < 6; i++) {
		if (*p < '0' || *p > '9')
			return false;
		v[i] = strtoull(p, &end, 10);
		p = *end == ' ' ? end + 1 : end;
	}
	return *p == '\0' && v[0] <= UINT32_MAX && v[1] <= v[0] && v[2] <= v[0];
}

static void
take_field(struct health_share *s, struct counts *all, struct str field,
    const char *value)
{
	struct str host = str_split(&field, '\x1f');
	struct str provider = str_split(&field, '\x1f');
	struct str model = str_split(&field, '\x1f');
	uint64_t v[6];
	int place;

	if (str_is(host, s->health->map->host) || field.p == NULL ||
	    !read_counts(value, v) ||
	    (place = health_find(s->health, provider, model, field)) == -1)
		return;
	all[place].any = true;
	for (int i = 0; i < 6; i++)
		all[place].v[i] += v[i];
}

/* Who reads meanwhile may see some of these with some of those before. */
static void
set_others(struct health_place *p, uint32_t minute, const struct counts *c)
{
	struct health_minute *m = &p->others[minute % HEALTH_MINUTES];

	m->requests = (uint32_t)c->v[0];
	m->failed = (uint32_t)c->v[1];
	m->firsts = (uint32_t)c->v[2];
	m->first_ms = c->v[3];
	m->tokens = c->v[4];
	m->busy_ms = c->v[5];
	m->minute = minute;
}

static int
hear_minute(struct health_share *s, uint32_t minute, const redisReply *r)
{
	struct counts *all;

	if (r == NULL || r->type != REDIS_REPLY_ARRAY)
		return -1;
	if (r->elements == 0)
		return 0;
	all = arena_zalloc(s->work, HEALTH_PLACES * sizeof(*all));
	for (size_t i = 0; i + 1 < r->elements; i += 2)
		if (r->element[i + 1]->type == REDIS_REPLY_STRING)
			take_field(s, all, rds_str(r->element[i]),
			    r->element[i + 1]->str);
	for (int i = 0; i < HEALTH_PLACES; i++)
		if (all[i].any)
			set_others(&s->health->map->places[i], minute, &all[i]);
	return 0;
}

/* --- a round --- */

/* Minutes that may have changed since the last round: two, or the hour. */
static uint32_t
first_minute(const struct health_share *s, uint32_t now)
{
	uint32_t upto = s->health->map->shared_upto;

	if (upto > now || upto + HOUR <= now)
		return now - HOUR + 1;
	return upto == now ? now - 1 : upto - 1;
}

static int
talk(struct health_share *s, struct rds_conn *c, uint32_t from, uint32_t now)
{
	int64_t wait_ms = (now - from > 2 ? 10 : 1) * RDS_TIMEOUT_MS;
	int64_t until_ms = clock_ms() + wait_ms;
	struct str get[2] = { STR("HGETALL") };
	redisReply *r;
	int told = 0, rc = 0;

	for (uint32_t m = from; m <= now; m++)
		told += tell_minute(s, c, m);
	for (uint32_t m = from; m <= now; m++) {
		get[1] = key_of(s->work, m);
		rds_add(c, 2, get);
	}
	for (; told > 0 && rc == 0; told--) {
		r = rds_reply(c, until_ms);
		rc = r == NULL || r->type == REDIS_REPLY_ERROR ? -1 : 0;
		freeReplyObject(r);
	}
	for (uint32_t m = from; m <= now && rc == 0; m++) {
		r = rds_reply(c, until_ms);
		rc = hear_minute(s, m, r);
		freeReplyObject(r);
	}
	return rc;
}

int
health_share_tend(struct health_share *s, struct err *e)
{
	struct health_map *map = s->health->map;
	int64_t now_ms = s->health->now() | 1, seen = map->shared_at;
	uint32_t now, from;
	struct rds_conn *c;
	int rc;

	if ((seen != 0 && now_ms - seen < EVERY_MS) ||
	    !atomic_compare_exchange_strong(&map->shared_at, &seen, now_ms))
		return 0;
	now = (uint32_t)(s->health->wall() / MINUTE_MS);
	from = first_minute(s, now);
	c = rds_take(s->rds, clock_ms() + RDS_TIMEOUT_MS, e);
	if (c == NULL)
		return -1;
	rc = talk(s, c, from, now);
	rds_give(s->rds, c);
	arena_reset(s->work);
	if (rc == 0) {
		map->shared_upto = now;
		return 1;
	}
	forget_told(s);
	map->shared_upto = 0;
	return err_set(e, ERR_STORE, "Redis is not available");
}
