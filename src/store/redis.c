#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <hiredis/sds.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "store/metrics.h"
#include "store/redis.h"

#define CONNS 16
#define PROBE_MS 1000
#define FIRST_PROBE_MS 100
#define PROBE_JITTER_MS 250

struct rds {
	struct arena *arena;
	struct log *log;
	struct metrics *metrics;
	struct str script;
	/* Where; host NULL: a socket. */
	const char *host, *path;
	int port;
	struct str user, pass, db;
	pthread_mutex_t lock;
	pthread_cond_t given;
	int64_t down_until; /* 0: it is up */
	int64_t down_since, failed_ms; /* the first failure, and the last */
	bool said;          /* that it is down */
	atomic_bool looked; /* at its policy */
	struct rds_conn conns[CONNS];
};

/* %41 and the like, in place of a copy in the arena. */
static struct str
unescape(struct arena *a, struct str s)
{
	char *p = arena_cstr(a, s), *out = p;
	char hex[3] = { 0 };

	for (const char *q = p; *q != '\0'; q++) {
		if (*q == '%' && q[1] != '\0' && q[2] != '\0') {
			hex[0] = q[1];
			hex[1] = q[2];
			*out++ = (char)strtol(hex, NULL, 16);
			q += 2;
		} else
			*out++ = *q;
	}
	return (struct str){ p, (size_t)(out - p) };
}

static void
parse_host(struct rds *r, struct str s)
{
	const char *colon = memrchr(s.p, ':', s.n);

	r->port = 6379;
	if (colon != NULL &&
	    memchr(colon, ']', (size_t)(s.p + s.n - colon)) == NULL) {
		r->port = (int)strtol(colon + 1, NULL, 10);
		s.n = (size_t)(colon - s.p);
	}
	if (s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct str){ s.p + 1, s.n - 2 };
	r->host = s.n == 0 ? "localhost" : arena_cstr(r->arena, s);
}

int
rds_check(const char *url, struct err *e)
{
	struct str s = str_from(url);

	if (str_starts(s, "rediss:"))
		return err_set(e, ERR_CONFIG,
		    "store_kv: rediss: needs a Redis library with TLS; use a "
		    "tunnel (stunnel) and redis: to its local end");
	if (!str_starts(s, "redis://") && !str_starts(s, "unix:"))
		return err_set(e, ERR_CONFIG,
		    "store_kv: a Redis is redis://HOST or unix:PATH");
	return 0;
}

static int
parse(struct rds *r, const char *url, struct err *e)
{
	struct str rest = str_from(url), who;
	const char *at;

	if (rds_check(url, e) == -1)
		return -1;
	if (str_starts(rest, "unix:")) {
		r->path = arena_cstr(
		    r->arena, (struct str){ rest.p + 5, rest.n - 5 });
		return 0;
	}
	rest = str_from(url + strlen("redis://"));
	if ((at = memrchr(rest.p, '@', rest.n)) != NULL) {
		who = (struct str){ rest.p, (size_t)(at - rest.p) };
		rest =
		    (struct str){ at + 1, rest.n - (size_t)(at + 1 - rest.p) };
		r->user = unescape(r->arena, str_split(&who, ':'));
		if (who.p != NULL)
			r->pass = unescape(r->arena, who);
	}
	parse_host(r, str_split(&rest, '/'));
	r->db = arena_dup(r->arena, rest);
	return 0;
}

int
rds_open(struct rds **out, const char *url, const char *script, struct log *l,
    struct metrics *m, struct err *e)
{
	struct arena *a = arena_new(sizeof(struct rds) + 512, SIZE_MAX);
	struct rds *r = ARENA_NEW(a, struct rds);
	pthread_condattr_t ca;

	*out = NULL;
	r->arena = a;
	r->log = l;
	r->metrics = m;
	r->script = str_from(script);
	if (parse(r, url, e) == -1) {
		arena_free(a);
		return -1;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_init(&r->given, &ca);
	pthread_condattr_destroy(&ca);
	*out = r;
	return 0;
}

void
rds_close(struct rds *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < CONNS; i++)
		redisFree(r->conns[i].ctx);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->given);
	arena_free(r->arena);
}

void
rds_add(struct rds_conn *c, int argc, const struct str *argv)
{
	const char *texts[256];
	size_t sizes[256];

	if (argc > (int)NROWS(texts)) {
		c->broken = true;
		return;
	}
	for (int i = 0; i < argc; i++) {
		texts[i] = argv[i].p == NULL ? "" : argv[i].p;
		sizes[i] = argv[i].n;
	}
	if (redisAppendCommandArgv(c->ctx, argc, texts, sizes) != REDIS_OK)
		c->broken = true;
	else
		c->pending++;
}

/* redisBufferWrite() would raise SIGPIPE where a server has gone. */
static bool
flush(struct rds_conn *c)
{
	ssize_t n;

	while (!c->broken && sdslen(c->ctx->obuf) > 0) {
		n = send(c->ctx->fd, c->ctx->obuf, sdslen(c->ctx->obuf),
		    MSG_NOSIGNAL);
		if (n > 0)
			sdsrange(c->ctx->obuf, (int)n, -1);
		else if (errno != EINTR)
			c->broken = true;
	}
	return !c->broken;
}

/* What a server says that is no good any more, until we connect again. */
static bool
is_fatal(const redisReply *r)
{
	struct str s;

	if (r->type != REDIS_REPLY_ERROR)
		return false;
	s = (struct str){ r->str, r->len };
	return str_starts(s, "LOADING") || str_starts(s, "READONLY") ||
	    str_starts(s, "MASTERDOWN") || str_starts(s, "NOAUTH") ||
	    str_starts(s, "BUSY") || str_starts(s, "MISCONF");
}

redisReply *
rds_reply(struct rds_conn *c, int64_t until_ms)
{
	struct pollfd p = { .fd = c->ctx->fd, .events = POLLIN };
	void *reply = NULL;
	int64_t left;

	while (flush(c)) {
		if (redisGetReplyFromReader(c->ctx, &reply) != REDIS_OK)
			break;
		if (reply != NULL) {
			c->pending--;
			if (is_fatal(reply))
				c->broken = true;
			return reply;
		}
		left = until_ms - clock_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0 ||
		    redisBufferRead(c->ctx) != REDIS_OK)
			break;
	}
	c->broken = true;
	return NULL;
}

struct str
rds_str(const redisReply *r)
{
	if (r == NULL ||
	    (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_STATUS))
		return STR_NONE;
	return (struct str){ r->str, r->len };
}

int64_t
rds_int(const redisReply *r, int64_t other)
{
	char *end;
	long long v;

	if (r == NULL)
		return other;
	if (r->type == REDIS_REPLY_INTEGER)
		return r->integer;
	if (r->type != REDIS_REPLY_STRING || r->len == 0)
		return other;
	v = strtoll(r->str, &end, 10);
	return *end == '\0' ? v : other;
}

static bool
is_good(redisReply *r)
{
	bool good = r != NULL && r->type != REDIS_REPLY_ERROR;

	freeReplyObject(r);
	return good;
}

static void
read_run_id(struct rds_conn *c, redisReply *r)
{
	struct str s = r != NULL && r->type == REDIS_REPLY_STRING ?
	    (struct str){ r->str, r->len } :
	    rds_str(r);
	const char *at = s.n == 0 ? NULL : strstr(s.p, "run_id:");

	c->run_id[0] = '\0';
	if (at != NULL && strlen(at) >= 47)
		snprintf(c->run_id, sizeof(c->run_id), "%.40s", at + 7);
	else
		c->broken = true;
	freeReplyObject(r);
}

/* One round trip: who we are, which data base, which server, the script. */
static void
greet(struct rds *r, struct rds_conn *c, int64_t until_ms)
{
	struct str v[3] = { STR("AUTH"), r->user, r->pass };
	redisReply *sha;

	if (r->pass.n > 0 && r->user.n == 0)
		rds_add(c, 2, (struct str[]){ v[0], r->pass });
	else if (r->pass.n > 0)
		rds_add(c, 3, v);
	if (r->db.n > 0)
		rds_add(c, 2, (struct str[]){ STR("SELECT"), r->db });
	rds_add(c, 2, (struct str[]){ STR("INFO"), STR("server") });
	if (r->script.p != NULL)
		rds_add(c, 3,
		    (struct str[]){ STR("SCRIPT"), STR("LOAD"), r->script });
	if (r->pass.n > 0 && !is_good(rds_reply(c, until_ms)))
		c->broken = true;
	if (r->db.n > 0 && !c->broken && !is_good(rds_reply(c, until_ms)))
		c->broken = true;
	if (!c->broken)
		read_run_id(c, rds_reply(c, until_ms));
	c->sha[0] = '\0';
	if (r->script.p == NULL || c->broken)
		return;
	sha = rds_reply(c, until_ms);
	if (rds_str(sha).n == 40)
		snprintf(c->sha, sizeof(c->sha), "%.40s", rds_str(sha).p);
	else
		c->broken = true;
	freeReplyObject(sha);
}

/* A line "name:value" of INFO; absent: it has none. */
static struct str
info_line(struct str info, const char *name)
{
	struct str line, key;

	while (info.p != NULL) {
		line = str_split(&info, '\n');
		key = str_split(&line, ':');
		if (str_is(key, name) && line.n > 0)
			return (struct str){ line.p, line.n - 1 }; /* \r */
	}
	return STR_NONE;
}

/* -1: no answer. */
static int
read_policy(struct rds_conn *c, int64_t until_ms, char out[RDS_POLICY])
{
	redisReply *reply;
	struct str info, policy;

	rds_add(c, 2, (struct str[]){ STR("INFO"), STR("memory") });
	reply = rds_reply(c, until_ms);
	info = rds_str(reply);
	policy = info_line(info, "maxmemory_policy");
	if (str_is(info_line(info, "maxmemory"), "0") ||
	    str_is(policy, "noeviction"))
		policy = STR_NONE;
	str_copy(out, RDS_POLICY, policy);
	freeReplyObject(reply);
	return info.p == NULL ? -1 : 0;
}

static void
warn_policy(struct rds *r, struct rds_conn *c)
{
	char policy[RDS_POLICY];

	if (read_policy(c, clock_ms() + RDS_TIMEOUT_MS, policy) == 0 &&
	    policy[0] != '\0' && r->log != NULL)
		log_say(r->log, LOG_WARN_,
		    "Redis may throw away limits and reservations: its "
		    "maxmemory-policy is %s, and should be noeviction",
		    policy);
}

int
rds_policy(struct rds *r, char out[RDS_POLICY], struct err *e)
{
	int64_t until_ms = clock_ms() + RDS_TIMEOUT_MS;
	struct rds_conn *c = rds_take(r, until_ms, e);
	int rc;

	if (c == NULL)
		return -1;
	rc = read_policy(c, until_ms, out);
	rds_give(r, c);
	return rc == -1 ? err_set(e, ERR_STORE, "Redis is not available") : 0;
}

static void
connect_one(struct rds *r, struct rds_conn *c)
{
	struct timeval t = { 0, RDS_TIMEOUT_MS * 1000 };

	c->ctx = r->path != NULL ? redisConnectUnixWithTimeout(r->path, t) :
				   redisConnectWithTimeout(r->host, r->port, t);
	c->pending = 0;
	c->broken = c->ctx == NULL || c->ctx->err != 0;
	if (c->broken)
		return;
	redisSetTimeout(c->ctx, t);
	greet(r, c, clock_ms() + RDS_TIMEOUT_MS);
	if (!c->broken && r->script.p != NULL &&
	    !atomic_exchange(&r->looked, true))
		warn_policy(r, c);
}

static struct rds_conn *
find(struct rds *r, int use)
{
	for (int i = 0; i < CONNS; i++)
		if ((int)r->conns[i].use == use)
			return &r->conns[i];
	return NULL;
}

/* Under the lock: one that is free, waited for; NULL: none, or it is down. */
static struct rds_conn *
pick(struct rds *r, int64_t until_ms)
{
	struct timespec t = { until_ms / 1000, until_ms % 1000 * 1000000 };
	struct rds_conn *c;

	for (;;) {
		if (r->down_until != 0 && clock_ms() < r->down_until)
			return NULL;
		if ((c = find(r, RDS_IDLE)) != NULL ||
		    (c = find(r, RDS_NONE)) != NULL)
			break;
		if (pthread_cond_timedwait(&r->given, &r->lock, &t) != 0)
			return NULL;
	}
	if (r->down_until != 0) /* this is the probe: the others wait for it */
		r->down_until = clock_ms() + PROBE_MS;
	return c;
}

/* Under the lock. */
static void
went_down(struct rds *r)
{
	struct str store = STR("redis");
	uint16_t dice;

	rand_bytes(&dice, sizeof(dice));
	r->failed_ms = clock_ms();
	if (r->down_since == 0)
		r->down_since = r->failed_ms;
	/* Calls that had begun together are one failure. */
	if (r->failed_ms - r->down_since < FIRST_PROBE_MS)
		r->down_until = r->down_since + FIRST_PROBE_MS;
	else
		r->down_until =
		    r->failed_ms + PROBE_MS + dice % PROBE_JITTER_MS;
	if (r->metrics != NULL)
		metrics_add(r->metrics, METRIC_STORE_ERRORS, &store, 1);
	if (!r->said && r->log != NULL)
		log_say(r->log, LOG_ERROR_, "redis: does not answer");
	r->said = true;
	/* Those of a server that is gone or is no primary any more. */
	for (int i = 0; i < CONNS; i++)
		if (r->conns[i].use == RDS_IDLE) {
			redisFree(r->conns[i].ctx);
			r->conns[i] = (struct rds_conn){ 0 };
		}
}

struct rds_conn *
rds_take(struct rds *r, int64_t until_ms, struct err *e)
{
	struct rds_conn *c;
	bool fresh = false;

	pthread_mutex_lock(&r->lock);
	c = pick(r, until_ms);
	if (c != NULL) {
		fresh = c->use == RDS_NONE;
		c->use = RDS_BUSY;
	}
	pthread_mutex_unlock(&r->lock);
	if (c != NULL && fresh) {
		connect_one(r, c);
		if (c->broken) {
			rds_give(r, c);
			c = NULL;
		}
	}
	if (c == NULL)
		err_set(e, ERR_STORE, "Redis is not available");
	return c;
}

int64_t
rds_down_ms(struct rds *r)
{
	int64_t ms;

	pthread_mutex_lock(&r->lock);
	ms = r->down_since == 0 ? 0 : r->failed_ms - r->down_since + 1;
	pthread_mutex_unlock(&r->lock);
	return ms;
}

void
rds_give(struct rds *r, struct rds_conn *c)
{
	pthread_mutex_lock(&r->lock);
	if (c->broken || c->pending != 0) {
		redisFree(c->ctx);
		*c = (struct rds_conn){ 0 };
		went_down(r);
	} else {
		c->use = RDS_IDLE;
		if (r->said && r->log != NULL)
			log_say(r->log, LOG_WARN_, "redis: answers again");
		r->said = false;
		r->down_until = r->down_since = 0;
	}
	pthread_cond_signal(&r->given);
	pthread_mutex_unlock(&r->lock);
}
