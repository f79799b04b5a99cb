#include <stdlib.h>

#include "base/rand.h"
#include "pipeline/loop.h"
#include "pipeline/path.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define QUERY_MAX 4096
#define ASKED_MAX 8192 /* names in a preflight */

static int
hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decode once; -1 on a bad escape, NUL, or "/" hidden in one. */
static int
decode(struct str in, bool is_path, char *out, size_t *n)
{
	size_t i, k = 0;
	int hi, lo;

	for (i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '%') {
			if (in.n - i < 3 || (hi = hex_of(in.p[i + 1])) == -1 ||
			    (lo = hex_of(in.p[i + 2])) == -1)
				return -1;
			c = (char)(hi << 4 | lo);
			i += 2;
			if (is_path && (c == '/' || c == '\0'))
				return -1;
		} else if (c == '+' && !is_path)
			c = ' ';
		out[k++] = c;
	}
	*n = k;
	return 0;
}

static bool
good_segments(struct str path)
{
	struct str rest = { path.p + 1, path.n - 1 }, one;

	if (path.n == 0 || path.p[0] != '/' ||
	    (path.n > 1 && path.p[path.n - 1] == '/'))
		return false;
	while (rest.n > 0) {
		one = str_split(&rest, '/');
		if (one.n == 0 || str_is(one, ".") || str_is(one, ".."))
			return false;
	}
	return true;
}

int
path_decode(struct arena *a, struct str uri, struct str *path,
    struct str *query)
{
	struct str rest = uri;
	struct str raw = str_split(&rest, '?');
	char *p = arena_alloc(a, raw.n + 1);
	size_t n;

	*query = rest;
	if (decode(raw, true, p, &n) == -1)
		return -1;
	p[n] = '\0';
	if (memchr(p, '\0', n) != NULL)
		return -1;
	if (n > 1 && p[n - 1] == '/')
		n--;
	*path = (struct str){ p, n };
	return good_segments(*path) ? 0 : -1;
}

struct str
path_origin(struct str url)
{
	const char *p = memmem(url.p, url.n, "://", 3);
	const char *end;

	if (p == NULL)
		return url;
	end = memchr(p + 3, '/', url.n - (size_t)(p + 3 - url.p));
	return end == NULL ? url : (struct str){ url.p, (size_t)(end - url.p) };
}

bool
path_is_fields(struct str type)
{
	struct str rest = type;

	return str_is_nocase(str_trim(str_split(&rest, ';')),
	    "application/x-www-form-urlencoded");
}

struct str
path_field(struct arena *a, struct str fields, const char *name)
{
	struct str rest = fields, pair, value;
	char *p;
	size_t n;

	while (rest.n > 0) {
		pair = str_split(&rest, '&');
		value = pair;
		if (!str_is(str_split(&value, '='), name) ||
		    value.n > QUERY_MAX)
			continue;
		p = arena_alloc(a, value.n + 1);
		if (value.p == NULL || decode(value, false, p, &n) == -1)
			return STR("");
		return (struct str){ p, n };
	}
	return STR_NONE;
}

struct str
path_query(const struct req *r, const char *name)
{
	return path_field(r->setup, r->query, name);
}

void
path_drop_body(struct req *r)
{
	struct err ignored = { 0 };
	struct str body;

	if (r->body_read || r->in.params == NULL)
		return;
	r->body_read = true;
	r->client->ops->body(r->client, r->setup, r->in.length > 0 ? 1 : 0, 0,
	    &body, &ignored);
}

static bool
good_request_id(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			   "0123456789._:-",
			s.p[i]) == NULL ||
		    s.p[i] == '\0')
			return false;
	return s.n >= 1 && s.n <= 128;
}

static void
take_request_id(struct req *r)
{
	struct str given = req_param(r, "HTTP_X_REQUEST_ID");

	if (good_request_id(given)) {
		memcpy(r->request_id, given.p, given.n);
		r->request_id[given.n] = '\0';
		return;
	}
	/* Ids in order of time keep the index of the table small and warm. */
	memcpy(r->request_id, "req_", 4);
	rand_pool_timed(
	    &r->ids, r->request_id + 4, 24, r->record.started_ms);
}

/* api.md 1.6: the origin that answers name, or none. */
static void
take_origin(struct req *r)
{
	struct str list = str_from(r->world->conf.cors_origins), one;
	struct str origin = req_param(r, "HTTP_ORIGIN");

	while (origin.n > 0 && list.n > 0) {
		one = str_trim(str_split(&list, ','));
		if (str_is(one, "*"))
			r->origin = STR("*");
		else if (str_eq(one, origin))
			r->origin = arena_dup(r->life, origin);
	}
}

/* Digits only; what is no number is treated as a body without a length. */
static int64_t
take_length(struct str s)
{
	int64_t n = 0;
	size_t i;

	if (s.n == 0 || s.n > 15)
		return -1;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		n = n * 10 + (s.p[i] - '0');
	}
	return n;
}

static void
take_params(struct req *r)
{
	struct inbound *in = &r->in;

	in->method = req_param(r, "REQUEST_METHOD");
	in->uri = req_param(r, "REQUEST_URI");
	in->content_type = req_param(r, "CONTENT_TYPE");
	in->coding = req_param(r, "HTTP_CONTENT_ENCODING");
	in->address = req_param(r, "REMOTE_ADDR");
	in->length = take_length(req_param(r, "CONTENT_LENGTH"));
	in->snippet = req_param(r, "LLMGW_SNIPPET").p != NULL;
	take_request_id(r);
	take_origin(r);
}

/* Below the mount prefix, or absent. */
static struct str
below(struct str path, const char *prefix)
{
	size_t n = prefix == NULL ? 0 : strlen(prefix);

	while (n > 0 && prefix[n - 1] == '/')
		n--;
	if (path.n < n || (n > 0 && memcmp(path.p, prefix, n) != 0))
		return STR_NONE;
	if (path.n == n)
		return n == 0 ? path : STR("/");
	return path.p[n] == '/' ? (struct str){ path.p + n, path.n - n } :
				  STR_NONE;
}

static bool
path_matches(const struct endpoint *ep, struct str path)
{
	size_t n = strlen(ep->path);

	if (ep->path[n - 1] == '*')
		return path.n >= n && memcmp(path.p, ep->path, n - 1) == 0;
	return str_is(path, ep->path);
}

static bool
method_matches(const struct endpoint *ep, struct str method)
{
	return strcmp(ep->method, "*") == 0 || str_is(method, ep->method) ||
	    (str_is(method, "HEAD") && strcmp(ep->method, "GET") == 0);
}

/* "GET, HEAD, OPTIONS" for what a path offers, into the arena. */
static struct str
allowed(const struct endpoint *ep, struct arena *a)
{
	bool get = strcmp(ep->method, "GET") == 0;

	return arena_fmt(a, "%s, OPTIONS", get ? "GET, HEAD" : ep->method);
}

static bool
is_token(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr("\"(),/:;<=>?@[\\]{}", s.p[i]) != NULL)
			return false;
	return s.n > 0;
}

/* Of the names that a preflight asks for those that are some. */
static struct str
asked_headers(struct req *r)
{
	struct str list = req_param(r, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS");
	struct buf b = BUF_LIMIT(ASKED_MAX);
	struct str one, out;

	while (list.n > 0) {
		one = str_trim(str_split(&list, ','));
		if (!is_token(one))
			continue;
		if (b.n > 0)
			buf_add(&b, STR(", "));
		buf_add(&b, one);
	}
	out = b.full ? STR("") : arena_dup(r->setup, buf_str(&b));
	buf_free(&b);
	return out;
}

static enum verdict
answer_options(struct req *r, struct str allow)
{
	struct str ask = asked_headers(r);
	struct str cors = STR("");

	if (r->origin.p != NULL)
		cors = arena_fmt(r->setup,
		    "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"
		    "Access-Control-Max-Age: 600\r\n%s%.*s%s",
		    ask.n > 0 ? "Access-Control-Allow-Headers: " : "",
		    STR_ARG(ask), ask.n > 0 ? "\r\n" : "");
	reply_whole(r, 204, NULL,
	    arena_fmt(r->setup, "Allow: %.*s\r\n%.*s", STR_ARG(allow),
		STR_ARG(cors)),
	    STR(""));
	return DONE;
}

/* LLMGW_SNIPPET tells that the web server was set up as we ship it. */
static void
check_snippet(struct req *r)
{
	struct world *w = r->world;

	if (r->in.snippet || atomic_exchange(&w->snippet_said, true))
		return;
	log_say(&w->log, LOG_WARN_,
	    "the web server's configuration does not pass LLMGW_SNIPPET: "
	    "streams may be buffered; compare it with the shipped snippet");
}

static enum verdict
not_found(struct req *r)
{
	err_set(&r->err, ERR_NOT_FOUND, "Not found");
	return FAIL;
}

enum verdict
path_begin(struct req *r)
{
	const struct endpoint *ep, *other = NULL;

	take_params(r);
	check_snippet(r);
	if (r->world->program->authorizes) { /* paths of somebody else */
		r->endpoint = r->world->program->endpoints;
		r->head_only = str_is(r->in.method, "HEAD");
		return NEXT;
	}
	if (path_decode(r->setup, r->in.uri, &r->path, &r->query) == -1)
		return not_found(r);
	r->path = below(r->path, r->world->conf.mount_prefix);
	if (r->path.p == NULL)
		return not_found(r);
	for (ep = r->world->program->endpoints; ep->name != NULL; ep++) {
		if (!path_matches(ep, r->path))
			continue;
		if (method_matches(ep, r->in.method)) {
			if (other != NULL && strcmp(ep->path, "*") == 0)
				break;
			r->endpoint = ep;
			r->head_only = str_is(r->in.method, "HEAD");
			return NEXT;
		}
		if (other == NULL)
			other = ep;
	}
	if (other == NULL)
		return not_found(r);
	if (str_is(r->in.method, "OPTIONS"))
		return answer_options(r, allowed(other, r->setup));
	err_set(&r->err, ERR_METHOD, "Method not allowed");
	r->err.param = allowed(other, r->setup);
	return FAIL;
}
