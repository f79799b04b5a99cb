#include <ctype.h>

#include "base/clock.h"
#include "base/unpack.h"
#include "domain/alias.h"
#include "domain/iam.h"
#include "http/multipart.h"
#include "pipeline/batch.h"
#include "pipeline/loop.h"
#include "pipeline/own.h"
#include "pipeline/path.h"
#include "pipeline/record.h"
#include "pipeline/reply.h"
#include "pipeline/server.h"
#include "pipeline/world.h"

#define SMALL_BODY_MAX ((size_t)1024 * 1024) /* outside /v1 */
#define PROCESS_MAX 5000 /* requests in one process, api.md 15.4 */
#define HEADERS_KEPT 16  /* X-LLMGateway-<Name> */
#define HEADER_BYTES ((size_t)256)

static bool
has_body(const struct req *r)
{
	return str_is(r->in.method, "POST") || str_is(r->in.method, "PUT") ||
	    str_is(r->in.method, "PATCH");
}

/* "application/json" in any case, with or without parameters. */
static bool
is_json_type(struct str type)
{
	struct str rest = type;

	return str_is_nocase(
	    str_trim(str_split(&rest, ';')), "application/json");
}

/* Fields may stand for members. */
static bool
takes_fields(const struct req *r)
{
	return (r->endpoint->flags & ENDPOINT_FIELDS) != 0;
}

/* Files may come with it. */
static bool
takes_form(const struct req *r)
{
	return (r->endpoint->flags & ENDPOINT_FORM) != 0;
}

static int
check_type(struct req *r)
{
	struct str coding = str_trim(r->in.coding);

	if (takes_form(r)) {
		if (!is_json_type(r->in.content_type) &&
		    !multipart_is(r->in.content_type))
			return err_set(&r->err, ERR_MEDIA_TYPE,
			    "Unsupported Media Type: Content-Type must be "
			    "multipart/form-data or application/json");
	} else if (!is_json_type(r->in.content_type) &&
	    !(takes_fields(r) && path_is_fields(r->in.content_type)))
		return err_set(&r->err, ERR_MEDIA_TYPE,
		    "Unsupported Media Type: Content-Type must be "
		    "application/json");
	if (coding.n == 0 || str_is_nocase(coding, "identity") ||
	    str_is_nocase(coding, "gzip") || str_is_nocase(coding, "zstd"))
		return 0;
	return err_set(&r->err, ERR_MEDIA_TYPE,
	    "Unsupported Media Type: Content-Encoding must be gzip or zstd");
}

static size_t
body_max(const struct req *r)
{
	if (takes_form(r))
		return (size_t)r->world->conf.max_upload_bytes;
	return str_starts(r->path, "/v1/") || str_starts(r->path, "/sim/") ?
	    (size_t)r->world->conf.max_body_bytes :
	    SMALL_BODY_MAX;
}

/*
 * mod_proxy_balancer asks the next machine when one breaks off, also after it
 * had the request, but the body is used up by then.  The first one may have
 * called a provider, so that is not the client's mistake, and no 400.
 */
static int
sent_again(struct req *r)
{
	return err_set(&r->err, ERR_FETCH,
	    "The machine that had this request broke off, and it is not sent "
	    "to another");
}

static int
read_body(struct req *r, struct str *out)
{
	struct str coding = str_trim(r->in.coding);
	size_t max = body_max(r);

	r->body_read = true;
	if (r->client->ops->body(
		r->client, r->setup, r->in.length, max, out, &r->err) == -1)
		return out->n == 0 && r->err.code == ERR_BAD_PARAM &&
			req_param(r, "BALANCER_NAME").p != NULL ?
		    sent_again(r) :
		    -1;
	r->record.request_bytes = (int64_t)out->n;
	if (str_is_nocase(coding, "gzip"))
		return unpack_gzip(r->setup, *out, max, out, &r->err);
	if (str_is_nocase(coding, "zstd"))
		return unpack_zstd(r->setup, *out, max, out, &r->err);
	return 0;
}

static int
shed(struct req *r, struct str scope, const char *what)
{
	metrics_leave(r->world->metrics);
	metrics_add(r->world->metrics, METRIC_SHED, &scope, 1);
	return err_set(&r->err, ERR_OVERLOADED,
	    "The gateway is at its limit of %s", what);
}

/* Too much already?  Counts us in, in this process and on the host. */
static int
admit(struct req *r)
{
	struct world *w = r->world;
	int64_t all = metrics_enter(w->metrics);

	if (atomic_load(&w->inflight) > PROCESS_MAX ||
	    all > w->conf.max_inflight)
		return shed(r, STR("inflight"), "requests in progress");
	if (atomic_load_explicit(&w->crowded, memory_order_relaxed))
		return shed(r, STR("memory"), "memory");
	if (r->client->ops->fd(r->client) >= w->fd_high ||
	    atomic_load(&w->inflight) > w->fd_pairs)
		return shed(r, STR("descriptors"), "open descriptors");
	return 0;
}

enum verdict
stage_read(struct req *r)
{
	struct str name = str_from(r->endpoint->name);
	struct str coding = str_trim(r->in.coding);

	bool body = (r->endpoint->flags & ENDPOINT_HEAD) == 0;

	if (body && has_body(r) && check_type(r) == -1)
		return FAIL;
	/* Unpacking may be long. */
	if (body && coding.n > 0 && loop_is_here(r->world->loop))
		return loop_defer(r);
	if ((body && read_body(r, &r->chat.body) == -1) || admit(r) == -1)
		return FAIL;
	metrics_gauge(r->world->metrics, GAUGE_INFLIGHT, &name, 1);
	return NEXT;
}

void
stage_read_undo(struct req *r)
{
	struct str name = str_from(r->endpoint->name);

	metrics_gauge(r->world->metrics, GAUGE_INFLIGHT, &name, -1);
	metrics_leave(r->world->metrics);
}

/* "Bearer KEY", any case, one blank or more between; else absent. */
static struct str
bearer(struct str header)
{
	if (header.n < 7 || strncasecmp(header.p, "Bearer ", 7) != 0)
		return STR_NONE;
	return str_trim((struct str){ header.p + 7, header.n - 7 });
}

/* Authorization wins over x-api-key, api.md 3. */
struct str
stage_token(const struct req *r)
{
	struct str token = bearer(req_param(r, "HTTP_AUTHORIZATION"));

	return token.n > 0 ? token : str_trim(req_param(r, "HTTP_X_API_KEY"));
}

static void
note_who(struct req *r)
{
	r->record.org = str_from(r->who->org->id);
	r->record.project = str_from(r->who->project);
	r->record.key = str_from(r->who->key);
	r->record.mode = str_from(r->who->mode);
	reply_asked_format(r);
}

int
stage_look_up(struct req *r, struct str token)
{
	struct world *w = r->world;
	int rc;

	rc = loop_is_here(w->loop) ?
	    keys_recall(w->keys, token, clock_wall_ms(), &r->who, &r->err) :
	    keys_find(w->keys, token, clock_wall_ms(), &r->who, &r->err);
	if (rc == 0)
		note_who(r);
	return rc;
}

static int
look_up_identity(struct req *r, const struct identity *who)
{
	struct world *w = r->world;
	int rc;

	if (server_check_origin(r) == -1)
		return -1;
	rc = keys_identify(w->keys, who, clock_wall_ms(),
	    !loop_is_here(w->loop), &r->who, &r->err);
	if (rc == 0)
		note_who(r);
	return rc;
}

/* By the key that came with it, else by whom the web server names. */
static enum verdict
authenticate(struct req *r, bool optional)
{
	struct str token = stage_token(r);
	struct identity who;
	int rc;

	if (token.n > 0)
		rc = stage_look_up(r, token);
	else if (server_identity(r, &who))
		rc = look_up_identity(r, &who);
	else if (optional)
		return NEXT;
	else
		rc = err_set(&r->err, ERR_AUTH,
		    "Unauthorized: No API key provided. Expected "
		    "'Authorization: Bearer your-api-token' header or "
		    "'x-api-key: your-api-token' header");
	return rc == 1 ? loop_defer(r) : rc == -1 ? FAIL : NEXT;
}

enum verdict
stage_auth(struct req *r)
{
	return authenticate(r, false);
}

enum verdict
stage_auth_optional(struct req *r)
{
	return authenticate(r, !r->world->conf.models_require_key);
}

/* "https://www.example.org/x" -> "example.org/x"; absent if it does not fit. */
static struct str
clean_source(struct str s)
{
	static const char *const heads[] = { "http://", "https://", "www." };
	size_t i;

	for (i = 0; i < NROWS(heads); i++)
		if (str_starts(s, heads[i])) {
			s.p += strlen(heads[i]);
			s.n -= strlen(heads[i]);
		}
	for (i = 0; i < s.n; i++)
		if (s.p[i] == '\0' ||
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789./-",
			s.p[i]) == NULL)
			return STR_NONE;
	return s.n >= 1 && s.n <= 128 ? s : STR_NONE;
}

static int
take_source(struct req *r)
{
	struct str given = req_param(r, "HTTP_X_SOURCE"), s;

	if (given.n > 0) {
		s = clean_source(given);
		if (s.p == NULL) {
			r->err.param = STR("x-source");
			return err_set(&r->err, ERR_BAD_PARAM,
			    "Invalid request parameters: x-source: must be "
			    "letters, digits, dots, slashes and hyphens");
		}
	} else { /* the header is called HTTP-Referer; Referer is taken too */
		s = clean_source(req_param(r, "HTTP_HTTP_REFERER"));
		if (s.p == NULL)
			s = clean_source(req_param(r, "HTTP_REFERER"));
	}
	r->record.source = arena_dup(r->life, s);
	return 0;
}

/* The headers of api.md 1.4, else what the body says (12.4). */
static struct str
find_session(const struct req *r)
{
	static const char *const names[] = { "HTTP_X_SESSION_ID",
		"HTTP_X_SESSION_AFFINITY", "HTTP_SESSION_ID",
		"HTTP_X_CLAUDE_CODE_SESSION_ID" };
	static const char *const members[] = { "prompt_cache_key", "user" };
	const struct llm_request *q = &r->chat;
	struct str s = STR_NONE;
	size_t i;

	for (i = 0; s.n == 0 && i < NROWS(names); i++)
		s = req_param(r, names[i]);
	if (s.n == 0 && q->from == &dialect_anthropic_messages)
		s = jscan_word(jscan_get(q->members, q->nmembers, "metadata"),
		    "user_id");
	for (i = 0; s.n == 0 && i < NROWS(members); i++)
		s = jscan_inner(jscan_get(q->members, q->nmembers, members[i]));
	return (struct str){ s.p, s.n > 256 ? 256 : s.n };
}

/* Of a CGI variable's name, as in the header's; what is odd becomes "-". */
static char
header_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

/* X-LLMGateway-<Name> headers, as a JSON object with lower-case names. */
static void
take_headers(struct req *r)
{
	static const char prefix[] = "HTTP_X_LLMGATEWAY_";
	struct buf b = BUF_LIMIT(HEADERS_KEPT * (HEADER_BYTES * 7 + 128));
	struct jw w = JW_TO(&b);
	struct str *p, name, value;
	char key[96];
	int n = 0;
	size_t i;

	jw_obj(&w, NULL);
	for (p = r->in.params; p->p != NULL && n < HEADERS_KEPT; p++) {
		value = *p;
		name = str_split(&value, '=');
		if (!str_starts(name, prefix) || value.n > HEADER_BYTES)
			continue;
		name.p += sizeof(prefix) - 1;
		name.n -= sizeof(prefix) - 1;
		for (i = 0; i < name.n && i < sizeof(key) - 1; i++)
			key[i] = header_char(name.p[i]);
		key[i] = '\0';
		jw_str(&w, key, value);
		n++;
	}
	jw_end(&w);
	if (n > 0)
		r->record.headers = arena_dup(r->life, buf_str(&b));
	buf_free(&b);
}

enum verdict
stage_parse(struct req *r)
{
	struct str agent = req_param(r, "HTTP_USER_AGENT");

	if (take_source(r) == -1)
		return FAIL;
	r->chat.from = r->endpoint->dialect;
	if (r->chat.from->asks != NULL)
		r->chat.from = r->chat.from->asks;
	r->chat.version = req_param(r, "HTTP_ANTHROPIC_VERSION");
	r->chat.betas = req_param(r, "HTTP_ANTHROPIC_BETA");
	r->chat.type = r->in.content_type;
	if (!takes_form(r) || !multipart_is(r->chat.type))
		r->chat.body = jscan_repair(r->chat.body, r->setup);
	if (r->chat.from->peek(&r->chat, r->setup, &r->err) == -1)
		return FAIL;
	r->no_retry = str_is_nocase(req_param(r, "HTTP_X_NO_FALLBACK"), "true");
	r->record.session = arena_dup(r->life, find_session(r));
	r->record.user_agent = arena_dup(
	    r->life, (struct str){ agent.p, agent.n > 256 ? 256 : agent.n });
	take_headers(r);
	r->record.streamed = r->chat.stream;
	r->record.requested_model = arena_dup(r->life, r->chat.model);
	record_body(r);
	return NEXT;
}

enum verdict
stage_tenant(struct req *r)
{
	if (r->who == NULL) /* where no key is needed */
		return NEXT;
	return key_tenant(r->who, &r->err) == -1 ? FAIL : NEXT;
}

static const struct upstream *
find_upstream(void *arg, struct str id)
{
	const struct req *r = arg;

	return providers_find(r->world->providers, id);
}

static bool
is_allowed(void *arg, const struct mapping *m)
{
	const struct req *r = arg;

	return iam_allows(r->who, m);
}

static bool
is_known(void *arg, struct str id)
{
	return find_upstream(arg, id) != NULL;
}

static bool
has_own(const struct req *r, struct str id)
{
	int at = -1;

	return own_next(r->own, id, &at) != NULL;
}

/* May our own key serve?  Not in mode api-keys. */
static bool
has_ours(const struct req *r, struct str id)
{
	const struct upstream *u = providers_find(r->world->providers, id);

	return strcmp(r->who->mode, "api-keys") != 0 && u != NULL &&
	    upstream_usable(u);
}

static bool
is_usable(void *arg, struct str id)
{
	return has_own(arg, id) || has_ours(arg, id);
}

/* route.h: a custom provider of the organisation. */
static int
find_custom(
    void *arg, struct str name, struct route_custom *out, struct err *e)
{
	const struct req *r = arg;
	const struct org *o = r->who->org;
	int i;

	for (i = 0; i < o->nkeys && strcmp(r->who->mode, "credits") == 0; i++)
		if (str_is(o->keys[i].provider, "custom") &&
		    (name.p == NULL || str_eq(o->keys[i].name, name)))
			return err_set(e, ERR_NO_PROVIDER_KEY,
			    "Custom providers are not supported in credits "
			    "mode. Please change your project settings to API "
			    "keys or hybrid mode.");
	return own_custom(r->own, name, out) ? 1 : 0;
}

static bool
takes_any(void *arg, struct str id)
{
	const struct upstream *u = find_upstream(arg, id);

	return u != NULL && u->any_model;
}

static bool
has_region(void *arg, struct str id, struct str region)
{
	const struct req *r = arg;
	const struct upstream *u;
	int at = -1;

	if ((u = own_next(r->own, id, &at)) == NULL)
		u = find_upstream(arg, id);
	return u != NULL && u->ops->regional != NULL &&
	    u->ops->regional(u, region);
}

/* What discounts leave of the prices. */
static int64_t
factor_of(void *arg, const struct mapping *m)
{
	return record_factor(arg, m, false);
}

int
resolve_model(struct req *r, struct err *e)
{
	const struct world *w = r->world;
	struct str by = r->record.session.n > 0 ? r->record.session :
						  str_from(r->request_id);
	struct str alias;

	/* For images "auto" is a model that draws (api.md 8.1). */
	if (r->chat.pictures > 0 && str_is(r->chat.model, "auto"))
		r->chat.model = str_from(w->conf.auto_image_model);
	world_today(r->today);
	r->route_world = (struct route_world){ w->catalog, r->today,
		r, is_known, is_usable, takes_any, has_region, factor_of,
		is_allowed, find_custom,
		strcmp(r->who->mode, "api-keys") == 0, w->conf.auto_models };
	alias = alias_find(r->who->org, r->chat.model, by);
	return route_resolve(&r->route, &r->route_world,
	    alias.p != NULL ? alias : r->chat.model, e);
}

struct str
req_address(const struct req *r)
{
	const struct conf *c = &r->world->conf;
	struct str header = STR_NONE;
	char name[80] = "HTTP_";
	size_t i;

	for (i = 0; c->client_ip_header[i] != '\0' && i < 64; i++)
		name[5 + i] = c->client_ip_header[i] == '-' ?
		    '_' :
		    (char)toupper((unsigned char)c->client_ip_header[i]);
	name[5 + i] = '\0';
	if (i > 0)
		header = req_param(r, name);
	return iam_client(req_param(r, "REMOTE_ADDR"), header,
	    str_from(c->trusted_proxies));
}

enum verdict
stage_iam(struct req *r)
{
	if (r->who->nrules == 0)
		return NEXT;
	return iam_route(r->who, &r->route, req_address(r), &r->err) == -1 ?
	    FAIL :
	    NEXT;
}

enum verdict
stage_capability(struct req *r)
{
	return route_narrow(&r->route, &r->chat, &r->err) == -1 ? FAIL : NEXT;
}

/* Before a provider is called its record stands in the spool (F11). */
enum verdict
stage_begin(struct req *r)
{
	struct buf b = BUF_LIMIT(64 * 1024);
	int rc = 0;

	r->record.request_id = str_from(r->request_id);
	usage_start(&r->record, &b); /* stage_hold() gave it its id */
	if (loop_is_here(r->world->loop))
		batch_start(loop_batch(r->world->loop), r, buf_str(&b));
	else
		rc = spool_start(
		    r->world->spool, buf_str(&b), &r->segment, &r->err);
	buf_free(&b);
	if (rc == -1)
		return FAIL;
	r->paid = true;
	return NEXT;
}
