/*
 * What web servers do wrong with a gateway behind them, seen from outside:
 * design notes in api.md 1 and the table of servers in llmgw(8).
 */
#include <stdio.h>

#include "ctl/doctor.h"
#include "ctl/probe.h"
#include "domain/key.h"

#define TIMEOUT_MS 15000
#define BODY_TIMEOUT_MS 120000
/* Above nginx' own limit of 1 MiB, which people forget to raise. */
#define SMALL_BODY ((size_t)2 << 20)
/* sim-slow-c5-i200 takes 800 ms between its first and its last piece. */
#define SPREAD_MS 300

static const char stream_body[] =
    "{\"model\":\"sim-slow-c5-i200\",\"stream\":true,"
    "\"messages\":[{\"role\":\"user\",\"content\":\"doctor\"}]}";

struct look {
	struct doctor *d;
	const struct doctor_url *url;
	struct arena *a;
	char wrong_key[KEY_SIZE];
};

static struct probe
ask(struct look *l, const char *path, const char *bearer, struct str body)
{
	struct probe p = { .bearer = bearer, .body = body };

	p.url = arena_fmt(l->a, "%.*s%s", STR_ARG(l->url->root), path).p;
	p.ca_file = l->d->c->conf.ca_file;
	p.timeout_ms = body.n > SMALL_BODY / 2 ? BODY_TIMEOUT_MS : TIMEOUT_MS;
	probe_run(&p);
	return p;
}

/* What came instead of what was wanted. */
static struct str
instead(struct look *l, const struct probe *p)
{
	struct str code = probe_code(p, l->a, NULL);

	if (p->status == 0)
		return arena_fmt(l->a, "no answer: %s", p->error);
	if (code.n > 0)
		return arena_fmt(
		    l->a, "status %d, code %.*s", p->status, STR_ARG(code));
	return arena_fmt(l->a, "status %d, %s", p->status,
	    p->type[0] == '\0' ? "no content type" : p->type);
}

/* What to do if "/" is not answered by health.fcgi. */
static const char *
health_advice(struct look *l, const struct probe *p, struct str code)
{
	struct str root = l->url->root;
	const char *path = strchr(strstr(root.p, "://") + 3, '/');

	if (p->status == 0)
		return "is the web server running, and the URL right?";
	if (str_is(code, "not_found"))
		return arena_fmt(l->a,
		    "set mount_prefix = %s in llmgw.conf, and reload the "
		    "programs",
		    path == NULL ? "\"\"" : path)
		    .p;
	if (p->status == 502 || p->status == 503)
		return "does health.fcgi run, and may the web server's user "
		       "connect to its socket, as group www-data?";
	return "the web server must send \"/\" to health.fcgi: see the mounts "
	       "in llmgw(8)";
}

/* false: nothing more can be found out. */
static bool
check_health(struct look *l)
{
	struct probe p = ask(l, "/", NULL, STR_NONE);
	struct str message, code = probe_code(&p, l->a, &message);
	bool ours = message.n > 0 && strstr(message.p, "LLM Gateway") != NULL;
	bool more =
	    p.status != 0 && p.status != 503 && !str_is(code, "not_found");

	if (p.status == 200 && ours)
		doctor_say(l->d, DOCTOR_OK, "health", NULL, "%s", message.p);
	else if (p.status == 503 && code.n > 0)
		doctor_say(l->d, DOCTOR_FAIL, "health",
		    "the log of health.fcgi says why", "%s", message.p);
	else
		doctor_say(l->d, DOCTOR_FAIL, "health",
		    health_advice(l, &p, code), "%s/: %s", l->url->root.p,
		    instead(l, &p).p);
	probe_free(&p);
	return more;
}

static void
check_paths(struct look *l)
{
	struct probe p = ask(l, "/llmgw-doctor/no/such/path", NULL, STR_NONE);

	if (p.status == 404 && str_is(probe_code(&p, l->a, NULL), "not_found"))
		doctor_say(l->d, DOCTOR_OK, "paths", NULL,
		    "unknown ones reach the gateway");
	else
		doctor_say(l->d, DOCTOR_FAIL, "paths",
		    "mount everything below the URL: lighttpd fastcgi.server "
		    "\"/\" with check-local disable; nginx location /; Apache "
		    "ProxyPass \"/\"",
		    "an unknown one gives %s", instead(l, &p).p);
	probe_free(&p);
}

static void
check_authorization(struct look *l)
{
	struct probe p = ask(l, "/v1/models", l->wrong_key, STR_NONE);
	struct str message, code = probe_code(&p, l->a, &message);
	bool dropped = p.status == 200 ||
	    (message.n > 0 && strstr(message.p, "No API key") != NULL);

	if (p.status == 401 && str_is(code, "invalid_api_key") && !dropped)
		doctor_say(l->d, DOCTOR_OK, "authorization", NULL,
		    "the header reaches the gateway");
	else if (dropped)
		doctor_say(l->d, DOCTOR_FAIL, "authorization",
		    "Apache: CGIPassAuth On in the <Location>; nginx: "
		    "fastcgi_param HTTP_AUTHORIZATION $http_authorization; "
		    "lighttpd: take auth.require off these paths",
		    "the web server keeps the header Authorization");
	else
		doctor_say(l->d, DOCTOR_FAIL, "authorization",
		    "the web server must send /v1/models to models.fcgi",
		    "a wrong key gives %s", instead(l, &p).p);
	probe_free(&p);
}

/* Blanks with a wrong key: 401 once the body is in, 413 if it is too large. */
static void
check_body(
    struct look *l, const char *check, size_t n, int status, const char *code)
{
	char *bytes = arena_alloc(l->a, n);
	struct probe p;

	memset(bytes, ' ', n);
	p = ask(
	    l, "/v1/chat/completions", l->wrong_key, (struct str){ bytes, n });
	if (p.status == status && str_is(probe_code(&p, l->a, NULL), code))
		doctor_say(l->d, DOCTOR_OK, check, NULL,
		    "%zu bytes: answered by the gateway", n);
	else
		doctor_say(l->d, DOCTOR_FAIL, check,
		    "lighttpd server.max-request-size = 65600; nginx "
		    "client_max_body_size 65600k; Apache LimitRequestBody "
		    "67174400",
		    "%zu bytes: %s", n, instead(l, &p).p);
	probe_free(&p);
}

static void
say_stream(struct look *l, const struct probe *p)
{
	int64_t spread_ms = p->last_ms - p->first_ms;
	struct str code = probe_code(p, l->a, NULL);

	if (p->status == 200 && spread_ms >= SPREAD_MS)
		doctor_say(l->d, DOCTOR_OK, "stream", NULL,
		    "its pieces come one by one, over %lld ms",
		    (long long)spread_ms);
	else if (p->status == 200)
		doctor_say(l->d, DOCTOR_FAIL, "stream",
		    "lighttpd server.stream-response-body = 2; nginx "
		    "fastcgi_buffering off; Apache flushpackets=on in "
		    "ProxyPass",
		    "the web server holds it back: all of it came within "
		    "%lld ms",
		    (long long)spread_ms);
	else if (str_is(code, "model_not_found") ||
	    str_starts(code, "no_provider"))
		doctor_say(l->d, DOCTOR_WARN, "stream",
		    "set sim = on and sim_url, start llmgw@sim.socket, or "
		    "look at \"curl -N\" with a model of yours",
		    "not tested: the provider sim is off");
	else
		doctor_say(l->d, DOCTOR_FAIL, "stream",
		    p->status >= 500 ? "does sim.fcgi run, and does sim_url, "
				       "with its host, port and mount_prefix, "
				       "lead to it?" :
				       NULL,
		    "%s", instead(l, p).p);
}

static void
check_stream(struct look *l)
{
	struct probe p;

	if (l->url->key == NULL) {
		doctor_say(l->d, DOCTOR_WARN, "stream",
		    "--key KEY or --key-file FILE", "not tested without a key");
		return;
	}
	p = ask(l, "/v1/chat/completions", l->url->key, str_from(stream_body));
	say_stream(l, &p);
	probe_free(&p);
}

void
doctor_url(struct doctor *d, const struct doctor_url *url)
{
	struct look l = { .d = d, .url = url, .a = d->c->arena };
	size_t too_large = (size_t)d->c->conf.max_body_bytes + 1;

	key_make(strlen(d->c->conf.key_prefix) > KEY_PREFIX_MAX ?
		"" :
		d->c->conf.key_prefix,
	    l.wrong_key);
	if (!check_health(&l))
		return;
	check_paths(&l);
	check_authorization(&l);
	if (too_large > SMALL_BODY)
		check_body(&l, "body", SMALL_BODY, 401, "invalid_api_key");
	if (url->full)
		check_body(
		    &l, "body limit", too_large, 413, "request_too_large");
	check_stream(&l);
}
