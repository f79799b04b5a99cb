#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "json/jscan.h"
#include "json/jw.h"
#include "pipeline/attempt.h"
#include "pipeline/guard.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/mcp.h"
#include "pipeline/oauth.h"
#include "pipeline/path.h"
#include "pipeline/relay.h"
#include "pipeline/retain.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define HEAD_MAX ((size_t)16 * 1024)
#define BODY_MAX ((size_t)64 * 1024)
#define JSON_TYPE "application/json; charset=utf-8"
#define SSE_TYPE "text/event-stream; charset=utf-8"

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 302, "Found" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 499, "Client Closed Request" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 529, "Overloaded" },
};

static const char *
reason_of(int status)
{
	for (size_t i = 0; i < NROWS(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Error";
}

/*
 * A header line.  Values that may hold text of clients lose what a header
 * cannot hold, so that no value ends its line (reliability.md T9).
 */
static void
put_header(struct buf *b, const char *name, struct str value)
{
	size_t i;

	buf_add(b, str_from(name));
	buf_add(b, STR(": "));
	for (i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 ||
		    (unsigned char)value.p[i] > 0x7e)
			break;
	if (i == value.n)
		buf_add(b, value);
	else
		for (i = 0; i < value.n; i++)
			buf_addc(b,
			    (unsigned char)value.p[i] < 0x20 ||
				    (unsigned char)value.p[i] > 0x7e ?
				'?' :
				value.p[i]);
	buf_add(b, STR("\r\n"));
}

static void
put_number(struct buf *b, const char *name, int64_t v)
{
	buf_add(b, str_from(name));
	buf_add(b, STR(": "));
	buf_int(b, v);
	buf_add(b, STR("\r\n"));
}

static const char exposed[] =
    "x-request-id, request-id, x-llmgateway-cache, X-LLMGW-Provider, "
    "X-LLMGW-Model, X-LLMGW-Dropped, X-LLMGW-Max-Output, X-LLMGW-Guardrail, "
    "RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, "
    "RateLimit-Reset, X-RateLimit-Limit, X-RateLimit-Remaining, "
    "X-RateLimit-Reset, X-RateLimit-Limit-Tokens, "
    "X-RateLimit-Remaining-Tokens, X-RateLimit-Reset-Tokens, Retry-After, "
    "x-should-retry, WWW-Authenticate, mcp-session-id";

static void
put_cors(struct req *r, struct buf *b)
{
	if (r->origin.p == NULL)
		return;
	put_header(b, "Access-Control-Allow-Origin", r->origin);
	put_header(b, "Vary", STR("Origin"));
	put_header(b, "Access-Control-Expose-Headers", str_from(exposed));
}

/* Who serves the request, known once an attempt has succeeded. */
static void
put_served(struct req *r, struct buf *b)
{
	if (!r->answered || r->record.used_provider.p == NULL)
		return;
	put_header(b, "X-LLMGW-Provider", r->record.used_provider);
	put_header(b, "X-LLMGW-Model", r->record.used_model);
	if (r->dropped.n > 0)
		put_header(b, "X-LLMGW-Dropped", buf_str(&r->dropped));
	if (r->max_output > 0)
		put_number(b, "X-LLMGW-Max-Output", r->max_output);
}

/* Matches that did not block. */
static void
put_guard(struct req *r, struct buf *b)
{
	struct buf value = BUF_LIMIT(80);

	guard_header(r, &value);
	if (value.n > 0)
		put_header(b, "X-LLMGW-Guardrail", buf_str(&value));
	buf_free(&value);
}

/* One of Anthropic's endpoints; the path is gone with the setup. */
static bool
is_messages(const struct req *r)
{
	return r->endpoint != NULL &&
	    str_starts(str_from(r->endpoint->path), "/v1/messages");
}

/* The head up to, but without, the empty line. */
static void
put_head(struct req *r, struct buf *b, int status, const char *type)
{
	buf_add(b, STR("Status: "));
	buf_int(b, status);
	buf_addc(b, ' ');
	buf_add(b, str_from(reason_of(status)));
	buf_add(b, STR("\r\n"));
	if (type != NULL)
		put_header(b, "Content-Type", str_from(type));
	buf_add(b, STR("X-Content-Type-Options: nosniff\r\n"));
	put_header(b, "x-request-id", str_from(r->request_id));
	if (is_messages(r))
		put_header(b, "request-id", str_from(r->request_id));
	put_cors(r, b);
	if (r->guard != NULL)
		put_guard(r, b);
	buf_add(b, r->limited);
	if (r->kept != NULL)
		put_header(b, "x-llmgateway-cache",
		    r->kept->hit ? STR("HIT") : STR("MISS"));
	r->status = status;
	r->headed = true;
}

static int
send_bytes(struct req *r, struct str s, bool last)
{
	r->sent += (int64_t)s.n;
	r->said_ms = clock_ms();
	if (r->gone || r->client->ops->send(r->client, s, last) == -1) {
		r->gone = true;
		return -1;
	}
	return 0;
}

/* All headers of what is not a stream, and the empty line. */
static void
put_whole_head(struct req *r, struct buf *b, int status, const char *type,
    struct str extra, int64_t length)
{
	bool none = status == 204 || status == 304;

	put_head(r, b, status, none ? NULL : type == NULL ? JSON_TYPE : type);
	if (memmem(extra.p, extra.n, "Cache-Control:", 14) == NULL)
		buf_add(b, STR("Cache-Control: no-store\r\n"));
	if (status == 200)
		put_served(r, b);
	buf_add(b, extra);
	if (!none)
		put_number(b, "Content-Length", length);
	buf_add(b, STR("\r\n"));
}

int
reply_whole(struct req *r, int status, const char *type, struct str extra,
    struct str body)
{
	struct buf b = BUF_LIMIT(HEAD_MAX + body.n);
	int rc;

	/* A server that still sends would take our end for a failure. */
	path_drop_body(r);
	put_whole_head(r, &b, status, type, extra, (int64_t)body.n);
	if (r->retained != NULL)
		retain_add(r, body);
	if (!r->head_only)
		buf_add(&b, body);
	rc = send_bytes(r, buf_str(&b), true);
	buf_free(&b);
	return rc;
}

int
reply_allow(struct req *r, struct str lines)
{
	struct buf b = BUF_LIMIT(HEAD_MAX);
	int rc;

	buf_add(&b, STR("Status: 200 OK\r\n"));
	buf_add(&b, lines);
	buf_add(&b, STR("\r\n"));
	r->status = 200;
	r->headed = true;
	rc = send_bytes(r, buf_str(&b), true);
	buf_free(&b);
	return rc;
}

int
reply_pieces(struct req *r, const struct pieces *body)
{
	struct str *v = arena_alloc(r->life, (2 * PIECES_MAX + 2) * sizeof(*v));
	struct buf b = BUF_LIMIT(HEAD_MAX);
	int n = pieces_list(body, v + 1), i;
	int64_t all = 0;

	for (i = 1; i <= n; i++)
		all += (int64_t)v[i].n;
	for (i = 1; r->retained != NULL && i <= n; i++)
		retain_add(r, v[i]);
	put_whole_head(r, &b, 200, NULL, STR(""), all);
	v[0] = arena_dup(r->life, buf_str(&b));
	buf_free(&b);
	r->sent += all + (int64_t)v[0].n;
	r->said_ms = clock_ms();
	if (r->gone || r->client->ops->lend(r->client, v, n + 1) == -1) {
		r->gone = true;
		return -1;
	}
	return 0;
}

/* The 200 of a stream, together with its first bytes. */
static int
begin_stream(struct req *r, struct str first, bool last)
{
	struct buf b = BUF_LIMIT(HEAD_MAX + first.n);
	int rc;

	put_head(r, &b, 200, SSE_TYPE);
	buf_add(&b,
	    STR("Cache-Control: no-cache, no-store\r\n"
		"X-Accel-Buffering: no\r\n"));
	put_served(r, &b);
	buf_add(&b, STR("\r\n"));
	buf_add(&b, first);
	rc = send_bytes(r, buf_str(&b), last);
	buf_free(&b);
	return rc;
}

int
reply_more(struct req *r, struct str bytes, bool last)
{
	if (r->retained != NULL)
		retain_add(r, bytes);
	return r->headed ? send_bytes(r, bytes, last) :
			   begin_stream(r, bytes, last);
}

/* --- errors --- */

static const struct {
	const char *word;
	enum error_format format;
} formats[] = {
	{ "flat", FORMAT_FLAT },
	{ "openai", FORMAT_OPENAI },
	{ "anthropic", FORMAT_ANTHROPIC },
};

static enum error_format
format_of(struct str word)
{
	for (size_t i = 0; i < NROWS(formats); i++)
		if (str_is(word, formats[i].word))
			return formats[i].format;
	return FORMAT_AUTO;
}

static bool
is_sdk(const struct req *r)
{
	struct str agent = req_param(r, "HTTP_USER_AGENT"), list, one;
	const struct str *p;

	for (p = r->in.params; p != NULL && p->p != NULL; p++)
		if (str_starts(*p, "HTTP_X_STAINLESS_"))
			return true;
	list = str_from(r->world->conf.sdk_user_agents);
	while (list.n > 0) {
		one = str_trim(str_split(&list, ','));
		if (one.n > 0 && agent.n >= one.n &&
		    strncasecmp(agent.p, one.p, one.n) == 0)
			return true;
	}
	return false;
}

static enum error_format
format_by_client(const struct req *r)
{
	bool version = req_param(r, "HTTP_ANTHROPIC_VERSION").p != NULL;
	bool messages = str_starts(r->path, "/v1/messages");

	if (!is_sdk(r) &&
	    !(version && (messages || str_starts(r->path, "/v1/models"))))
		return FORMAT_FLAT;
	return messages || version ? FORMAT_ANTHROPIC : FORMAT_OPENAI;
}

/* Paths whose errors are flat whatever is asked for. */
static bool
always_flat(const struct req *r)
{
	return str_is(r->path, "/") || str_is(r->path, "/metrics") ||
	    str_is(r->path, "/openapi.json") || str_starts(r->path, "/admin");
}

void
reply_asked_format(struct req *r)
{
	enum error_format f;

	f = format_of(req_param(r, "HTTP_X_LLMGW_ERROR_FORMAT"));
	if (f == FORMAT_AUTO && r->who != NULL)
		f = format_of(str_from(r->who->error_format));
	if (f == FORMAT_AUTO)
		f = format_of(str_from(r->world->conf.error_format));
	r->format = f;
	r->explicit_flat = f == FORMAT_FLAT;
}

/* Errors of these have shapes of their own. */
static enum error_format
format_by_path(const struct req *r)
{
	return str_is(r->path, "/mcp") ? FORMAT_MCP :
	    str_starts(r->path, "/oauth/") ||
		str_starts(r->path, "/.well-known/oauth-") ?
					 FORMAT_OAUTH :
					 FORMAT_AUTO;
}

void
reply_format(struct req *r)
{
	if ((r->format = format_by_path(r)) != FORMAT_AUTO)
		return;
	reply_asked_format(r);
	if (always_flat(r))
		r->format = FORMAT_FLAT;
	else if (r->format == FORMAT_AUTO)
		r->format = format_by_client(r);
}

static int
status_of(const struct req *r)
{
	int http = err_rows[r->err.code].http;

	if (r->chat.envelope.n > 0) /* a result that failed */
		return 200;
	if (r->err.code == ERR_UPSTREAM_REQUEST && r->err.status >= 400)
		return r->err.status;
	return http == 503 && r->format == FORMAT_ANTHROPIC ? 529 : http;
}

static struct str
code_of(const struct err *e)
{
	return e->word.p != NULL ? e->word : str_from(err_rows[e->code].code);
}

static void
put_members(struct jw *w, struct str members)
{
	struct jiter it = jscan_into(members);
	struct jmember m;
	char key[64];

	while (jscan_next(&it, &m)) {
		snprintf(key, sizeof(key), "%.*s", STR_ARG(m.key));
		jw_raw(w, key, m.raw);
	}
}

static void
put_param(struct jw *w, const struct err *e)
{
	if (e->param.p != NULL)
		jw_str(w, "param", e->param);
	else
		jw_null(w, "param");
}

static void
put_flat(struct req *r, struct jw *w, int status)
{
	const struct err *e = &r->err;

	jw_obj(w, NULL);
	jw_bool(w, "error", true);
	jw_int(w, "status", status);
	jw_strc(w, "message", e->msg);
	jw_str(w, "code", code_of(e));
	jw_strc(w, "type", err_rows[e->code].type);
	put_param(w, e);
	jw_strc(w, "request_id", r->request_id);
	put_members(w, e->members);
	jw_end(w);
}

static void
put_openai(struct req *r, struct jw *w, int status)
{
	const struct err *e = &r->err;

	jw_obj(w, NULL);
	jw_obj(w, "error");
	jw_strc(w, "message", e->msg);
	jw_strc(w, "type", err_rows[e->code].type);
	put_param(w, e);
	jw_str(w, "code", code_of(e));
	put_members(w, e->members);
	jw_end(w);
	jw_int(w, "status", status);
	jw_strc(w, "message", e->msg);
	jw_strc(w, "request_id", r->request_id);
	jw_end(w);
}

/* A provider's refusal has the word that goes with its status. */
static const char *
anthropic_type(const struct err *e)
{
	if (e->code == ERR_UPSTREAM_REQUEST && e->status == 404)
		return err_rows[ERR_NOT_FOUND].anthropic;
	if (e->code == ERR_UPSTREAM_REQUEST && e->status == 413)
		return err_rows[ERR_TOO_LARGE].anthropic;
	return err_rows[e->code].anthropic;
}

static void
put_anthropic(struct req *r, struct jw *w)
{
	jw_obj(w, NULL);
	jw_strc(w, "type", "error");
	jw_obj(w, "error");
	jw_strc(w, "type", anthropic_type(&r->err));
	jw_strc(w, "message", r->err.msg);
	jw_end(w);
	jw_strc(w, "request_id", r->request_id);
	jw_end(w);
}

static void
put_error(struct req *r, struct jw *w, int status)
{
	if (r->chat.envelope.n > 0) {
		mcp_error(r, status, w);
		return;
	}
	switch (r->format) {
	case FORMAT_MCP:
		mcp_error(r, status, w);
		break;
	case FORMAT_OAUTH:
		oauth_error(r, status, w);
		break;
	case FORMAT_OPENAI:
		put_openai(r, w, status);
		break;
	case FORMAT_ANTHROPIC:
		put_anthropic(r, w);
		break;
	case FORMAT_AUTO:
	case FORMAT_FLAT:
		put_flat(r, w, status);
		break;
	}
}

static void
put_error_headers(struct req *r, struct buf *b, int status)
{
	int after = r->err.retry_after;

	if (status == 401 && r->format == FORMAT_MCP)
		oauth_put_challenge(r, b);
	else if (status == 401)
		put_header(b, "WWW-Authenticate", STR("Bearer"));
	if (r->err.code == ERR_GATEWAY)
		put_header(b, "x-should-retry", STR("false"));
	if (after == 0 && err_rows[r->err.code].http == 503)
		after = r->err.code == ERR_OVERLOADED ||
			r->err.code == ERR_SHUTTING_DOWN ?
		    1 :
		    5;
	if (after > 0)
		put_number(b, "Retry-After", after);
	if (r->err.code == ERR_MEDIA_TYPE && r->in.coding.n > 0)
		put_header(b, "Accept-Encoding", STR("gzip, zstd"));
	if (r->err.code == ERR_METHOD && r->err.param.p != NULL)
		put_header(b, "Allow", r->err.param);
}

int
reply_error(struct req *r)
{
	struct buf body = BUF_LIMIT(BODY_MAX), extra = BUF_LIMIT(HEAD_MAX);
	struct jw w = JW_TO(&body);
	int status, rc;

	if (r->headed)
		return reply_stream_error(r);
	if (r->in.params != NULL)
		reply_format(r);
	status = status_of(r);
	put_error_headers(r, &extra, status);
	if (r->err.code == ERR_METHOD)
		r->err.param = STR_NONE;
	put_error(r, &w, status);
	rc = reply_whole(r, status, NULL, buf_str(&extra), buf_str(&body));
	buf_free(&body);
	buf_free(&extra);
	return rc;
}

/* A failure is an event of the dialect's own: no other shape fits. */
static bool
has_failures(const struct req *r)
{
	return r->endpoint->dialect->encode_failure != NULL;
}

int
reply_stream_error(struct req *r)
{
	struct buf b = BUF_LIMIT(BODY_MAX), flat = BUF_LIMIT(BODY_MAX);
	struct jw w = JW_TO(&flat);
	int rc;

	r->err.status = status_of(r);
	if (is_messages(r)) { /* the envelope has the request's id */
		put_anthropic(r, &w);
		sse_put(&b, STR("error"), buf_str(&flat));
	} else if (r->explicit_flat && !has_failures(r)) {
		put_flat(r, &w, r->err.status);
		sse_put(&b, STR_NONE, buf_str(&flat));
	} else
		relay_error(r, &b);
	rc = reply_more(r, buf_str(&b), true);
	buf_free(&b);
	buf_free(&flat);
	return rc;
}

enum verdict
reply_finish(struct req *r)
{
	if (r->gone || r->client->ops->pending(r->client) == 0)
		return DONE;
	r->state = REQ_DRAIN;
	r->due_ms = INT64_MAX;
	return loop_give(r);
}
