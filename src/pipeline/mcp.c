/*
 * The Model Context Protocol (api.md 11.1): JSON-RPC 2.0, one request a POST,
 * answers as JSON.  What needs no model is answered here; a call of a tool that
 * does becomes a request of OpenAI's, and goes on as such.
 */
#include "base/rand.h"
#include "dialect/mcp.h"
#include "pipeline/mcp.h"
#include "pipeline/models.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define ANSWER_MAX ((size_t)32 * 1024 * 1024)
#define MODELS_DEFAULT 20
#define MODELS_MAX 1000
#define QUOTE_MAX 100

/* Newest first. */
static const char *const versions[] = { "2025-11-25", "2025-06-18",
	"2024-11-05" };

#define TEXT(about) "{\"type\":\"string\",\"description\":\"" about "\"}"

/* clang-format off */
static const char tools[] = "{\"tools\":["
"{\"name\":\"chat\",\"description\":\"Ask a language model\","
"\"inputSchema\":{\"type\":\"object\",\"properties\":{"
"\"model\":" TEXT("Model, or auto, the default") ","
"\"messages\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\","
"\"properties\":{\"role\":{\"type\":\"string\",\"enum\":[\"system\",\"user\","
"\"assistant\"]},\"content\":{\"type\":\"string\"}},"
"\"required\":[\"role\",\"content\"]}},"
"\"temperature\":{\"type\":\"number\",\"minimum\":0,\"maximum\":2},"
"\"max_tokens\":{\"type\":\"integer\",\"minimum\":1}},"
"\"required\":[\"messages\"],\"additionalProperties\":false}},"

"{\"name\":\"list-models\",\"description\":\"Models with their prices and "
"abilities, as JSON\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
"\"family\":" TEXT("Only models of this family, such as anthropic") ","
"\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":20},"
"\"include_deactivated\":{\"type\":\"boolean\",\"default\":false}},"
"\"additionalProperties\":false}},"

"{\"name\":\"generate-image\",\"description\":\"Draw images from a text\","
"\"inputSchema\":{\"type\":\"object\",\"properties\":{"
"\"prompt\":" TEXT("What is to be seen") ","
"\"model\":" TEXT("Model, or auto, the default") ","
"\"size\":" TEXT("Width and height, such as 1024x1024") ","
"\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10}},"
"\"required\":[\"prompt\"],\"additionalProperties\":false}},"

"{\"name\":\"list-image-models\",\"description\":\"Models that draw, as JSON\","
"\"inputSchema\":{\"type\":\"object\",\"properties\":{},"
"\"additionalProperties\":false}},"

"{\"name\":\"generate-nano-banana\",\"description\":\"Draw an image with the "
"gateway's own choice of model\",\"inputSchema\":{\"type\":\"object\","
"\"properties\":{\"prompt\":" TEXT("What is to be seen") ","
"\"aspect_ratio\":" TEXT("Such as 16:9") "},"
"\"required\":[\"prompt\"],\"additionalProperties\":false}}]}";
/* clang-format on */

/* --- answers --- */

/* What was asked, and where the answer is put together. */
struct call {
	struct req *r;
	struct str id; /* raw; absent: a notification */
	struct str params;
	struct buf out;
	struct jw w;
};

static enum verdict
answer(struct call *c, int status, struct str extra)
{
	reply_whole(c->r, status, NULL, extra, buf_str(&c->out));
	buf_free(&c->out);
	return DONE;
}

static enum verdict
fail(struct call *c, int status, int code, const char *message)
{
	mcp_put_error(&c->w, c->id, code, message);
	return answer(c, status, STR(""));
}

static enum verdict
send_raw(struct call *c, struct str result)
{
	mcp_put_head(&c->w, c->id);
	jw_raw(&c->w, "result", result);
	jw_end(&c->w);
	return answer(c, 200, STR(""));
}

/* --- methods --- */

static enum verdict
initialize(struct call *c)
{
	struct str asked = jscan_word(c->params, "protocolVersion");
	const char *version = versions[0];
	char session[33];

	for (size_t i = 0; i < NROWS(versions); i++)
		if (str_is(asked, versions[i]))
			version = versions[i];
	rand_word(session, 32);
	mcp_put_head(&c->w, c->id);
	jw_obj(&c->w, "result");
	jw_strc(&c->w, "protocolVersion", version);
	jw_obj(&c->w, "capabilities");
	jw_obj(&c->w, "tools");
	jw_bool(&c->w, "listChanged", false);
	jw_end(&c->w);
	jw_end(&c->w);
	jw_obj(&c->w, "serverInfo");
	jw_strc(&c->w, "name", "llmgateway");
	jw_strc(&c->w, "version", PACKAGE_VERSION);
	jw_end(&c->w);
	jw_end(&c->w);
	jw_end(&c->w);
	return answer(
	    c, 200, arena_fmt(c->r->setup, "mcp-session-id: %s\r\n", session));
}

static enum verdict
ping(struct call *c)
{
	return send_raw(c, STR("{}"));
}

static enum verdict
list_tools(struct call *c)
{
	return send_raw(c, str_from(tools));
}

/* --- tools --- */

enum kind { RAW, STRING, ARRAY, INTEGER, BOOLEAN };

struct argument {
	const char *name;
	enum kind kind;
	bool required;
};

static const struct argument chat_arguments[] = {
	{ "model", STRING, false },
	{ "messages", ARRAY, true },
	{ "temperature", RAW, false },
	{ "max_tokens", RAW, false },
	{ NULL, RAW, false },
};
static const struct argument list_arguments[] = {
	{ "family", STRING, false },
	{ "limit", INTEGER, false },
	{ "include_deactivated", BOOLEAN, false },
	{ NULL, RAW, false },
};
static const struct argument image_arguments[] = {
	{ "prompt", STRING, true },
	{ "model", STRING, false },
	{ "size", STRING, false },
	{ "n", RAW, false },
	{ NULL, RAW, false },
};
static const struct argument banana_arguments[] = {
	{ "prompt", STRING, true },
	{ "aspect_ratio", STRING, false },
	{ NULL, RAW, false },
};
static const struct argument no_arguments[] = { { NULL, RAW, false } };

static const char *const kinds[] = { [STRING] = "must be a string",
	[ARRAY] = "must be an array",
	[INTEGER] = "must be an integer of 1 to 1000",
	[BOOLEAN] = "must be true or false" };

static bool
is_of_kind(struct str raw, enum kind kind)
{
	int64_t n;

	switch (kind) {
	case STRING:
		return raw.p[0] == '"';
	case ARRAY:
		return raw.p[0] == '[';
	case INTEGER:
		return jscan_int(raw, &n) && n >= 1 && n <= MODELS_MAX;
	case BOOLEAN:
		return str_is(raw, "true") || str_is(raw, "false");
	case RAW:
		break;
	}
	return true;
}

static const struct argument *
argument_of(const struct argument *list, struct str name)
{
	for (; list->name != NULL; list++)
		if (str_is(name, list->name))
			return list;
	return NULL;
}

/* What is wrong with the arguments, or NULL. */
static const char *
check(struct call *c, const struct argument *list, struct str raw)
{
	struct jiter it = jscan_into(raw);
	const struct argument *arg;
	struct jmember m;

	while (jscan_next(&it, &m)) {
		if ((arg = argument_of(list, m.key)) == NULL)
			return arena_fmt(c->r->setup, "Unknown argument: %.*s",
			    (int)(m.key.n > QUOTE_MAX ? QUOTE_MAX : m.key.n),
			    m.key.p)
			    .p;
		if (!is_of_kind(m.raw, arg->kind))
			return arena_fmt(c->r->setup, "Argument %s %s",
			    arg->name, kinds[arg->kind])
			    .p;
	}
	for (arg = list; arg->name != NULL; arg++)
		if (arg->required && jscan_at(raw, arg->name).p == NULL)
			return arena_fmt(
			    c->r->setup, "Argument %s is missing", arg->name)
			    .p;
	return NULL;
}

/*
 * The arguments become the body; the answer and all that goes wrong from here
 * on is the tool's.
 */
static enum verdict
go_on(struct call *c, struct str arguments, const struct endpoint *as)
{
	struct req *r = c->r;
	struct jiter it = jscan_into(arguments);
	struct jmember m;

	jw_obj(&c->w, NULL);
	if (jscan_at(arguments, "model").p == NULL)
		jw_strc(&c->w, "model", "auto");
	while (jscan_next(&it, &m))
		jw_raw(&c->w, arena_cstr(r->setup, m.key), m.raw);
	jw_end(&c->w);
	r->chat.body = arena_dup(r->setup, buf_str(&c->out));
	r->chat.envelope = arena_dup(r->life, c->id);
	r->endpoint = as;
	buf_free(&c->out);
	return NEXT;
}

static enum verdict
chat(struct call *c, struct str arguments)
{
	return go_on(c, arguments, c->r->endpoint);
}

static enum verdict
draw(struct call *c, struct str arguments)
{
	return go_on(c, arguments, &endpoint_mcp_image);
}

static bool
draws(const struct model *m)
{
	for (int i = 0; i < m->nmappings; i++)
		if ((m->mappings[i].caps & LLM_CAN_DRAW) != 0)
			return true;
	return false;
}

/* As GET /v1/models has them. */
static enum verdict
list(struct call *c, struct view *v, struct str family, int64_t max,
    bool (*wanted)(const struct model *))
{
	const struct catalog *all = c->r->world->catalog;
	struct buf b = BUF_LIMIT(ANSWER_MAX);
	struct jw w = JW_TO(&b);
	const struct model *m;
	int64_t n = 0;

	jw_obj(&w, NULL);
	jw_strc(&w, "object", "list");
	jw_arr(&w, "data");
	for (int i = 0; i < catalog_count(all); i++) {
		m = catalog_at(all, i);
		if (!models_listed(v, m) ||
		    (family.n > 0 && !str_eq(family, m->family)) ||
		    (wanted != NULL && !wanted(m)))
			continue;
		if (n++ < max)
			models_put(&w, v, m);
	}
	jw_end(&w);
	jw_int(&w, "total", n);
	jw_end(&w);
	mcp_put_text(&c->w, c->id, buf_str(&b), false);
	buf_free(&b);
	return answer(c, 200, STR(""));
}

static enum verdict
list_models(struct call *c, struct str arguments)
{
	struct view v = models_view(c->r);
	int64_t max = MODELS_DEFAULT;

	jscan_int(jscan_at(arguments, "limit"), &max);
	v.deactivated =
	    str_is(jscan_at(arguments, "include_deactivated"), "true");
	return list(c, &v,
	    jscan_text(jscan_at(arguments, "family"), c->r->setup), max, NULL);
}

static enum verdict
list_image_models(struct call *c, struct str arguments)
{
	struct view v = models_view(c->r);

	(void)arguments;
	return list(c, &v, STR_NONE, INT64_MAX, draws);
}

static const struct {
	const char *name;
	const struct argument *arguments;
	enum verdict (*run)(struct call *, struct str arguments);
} tool_rows[] = {
	{ "chat", chat_arguments, chat },
	{ "list-models", list_arguments, list_models },
	{ "generate-image", image_arguments, draw },
	{ "list-image-models", no_arguments, list_image_models },
	{ "generate-nano-banana", banana_arguments, draw },
};

static enum verdict
call_tool(struct call *c)
{
	struct str name = jscan_word(c->params, "name");
	struct str arguments = jscan_at(c->params, "arguments");
	const char *why;
	size_t i;

	for (i = 0; i < NROWS(tool_rows); i++)
		if (str_is(name, tool_rows[i].name))
			break;
	if (i == NROWS(tool_rows))
		return fail(c, 200, MCP_BAD_PARAMS,
		    arena_fmt(c->r->setup, "Unknown tool: %.*s",
			(int)(name.n > QUOTE_MAX ? QUOTE_MAX : name.n), name.p)
			.p);
	if (arguments.p == NULL || jscan_null(arguments))
		arguments = STR("{}");
	if (arguments.p[0] != '{')
		return fail(
		    c, 200, MCP_BAD_PARAMS, "arguments must be an object");
	if ((why = check(c, tool_rows[i].arguments, arguments)) != NULL)
		return fail(c, 200, MCP_BAD_PARAMS, why);
	/* What follows is the tool's own: archived projects, too. */
	if (key_tenant(c->r->who, &c->r->err) == -1) {
		c->r->chat.envelope = arena_dup(c->r->life, c->id);
		buf_free(&c->out);
		return FAIL;
	}
	return tool_rows[i].run(c, arguments);
}

static const struct {
	const char *name;
	enum verdict (*run)(struct call *);
} methods[] = {
	{ "initialize", initialize },
	{ "ping", ping },
	{ "tools/list", list_tools },
	{ "tools/call", call_tool },
};

/* --- the request --- */

/* JSON of any kind? */
static bool
is_json(struct req *r)
{
	struct str body = r->chat.body;
	struct err ignored = { 0 };
	struct jmember *v;

	return jscan_object(arena_fmt(r->setup, "{\"x\":%.*s}", STR_ARG(body)),
		   r->setup, &v, &ignored) != -1;
}

static bool
is_id(struct str raw)
{
	return raw.p[0] == '"' || raw.p[0] == '-' ||
	    (raw.p[0] >= '0' && raw.p[0] <= '9');
}

/* The versions that we speak, and the header's absence. */
static bool
is_version(struct str s)
{
	for (size_t i = 0; i < NROWS(versions); i++)
		if (str_is(s, versions[i]))
			return true;
	return s.n == 0;
}

static enum verdict
run(struct call *c, struct str method)
{
	for (size_t i = 0; i < NROWS(methods); i++)
		if (str_is(method, methods[i].name))
			return methods[i].run(c);
	return fail(c, 200, MCP_NO_METHOD,
	    arena_fmt(c->r->setup, "Method not found: %.*s",
		(int)(method.n > QUOTE_MAX ? QUOTE_MAX : method.n), method.p)
		.p);
}

enum verdict
stage_mcp(struct req *r)
{
	struct call c = { .r = r, .out = BUF_LIMIT(ANSWER_MAX) };
	struct jmember *v;
	struct err why = { 0 };
	struct str id, method;
	int n;

	c.w = JW_TO(&c.out);
	if ((n = jscan_object(r->chat.body, r->setup, &v, &why)) == -1)
		return is_json(r) ?
		    fail(&c, 400, MCP_BAD_REQUEST,
			"Invalid Request: must be one JSON-RPC object") :
		    fail(&c, 400, MCP_NO_JSON,
			arena_fmt(r->setup, "Parse error: %s", why.msg).p);
	id = jscan_get(v, n, "id");
	method = jscan_get(v, n, "method");
	c.params = jscan_get(v, n, "params");
	if (!str_is(jscan_get(v, n, "jsonrpc"), "\"2.0\""))
		return fail(&c, 400, MCP_BAD_REQUEST,
		    "Invalid Request: jsonrpc must be \"2.0\"");
	if (id.p != NULL && !is_id(id))
		return fail(&c, 400, MCP_BAD_REQUEST,
		    "Invalid Request: id must be a string or a number");
	c.id = id;
	if (!is_version(req_param(r, "HTTP_MCP_PROTOCOL_VERSION")))
		return fail(&c, 400, MCP_BAD_REQUEST,
		    "Unsupported MCP-Protocol-Version");
	/* A notification, or an answer to what we never asked. */
	if (id.p == NULL ||
	    (method.p == NULL &&
		(jscan_get(v, n, "result").p != NULL ||
		    jscan_get(v, n, "error").p != NULL)))
		return method.p == NULL && id.p == NULL ?
		    fail(&c, 400, MCP_BAD_REQUEST,
			"Invalid Request: method is missing") :
		    answer(&c, 202, STR(""));
	if (jscan_inner(method).n == 0)
		return fail(&c, 400, MCP_BAD_REQUEST,
		    "Invalid Request: method must be a string");
	if (c.params.p != NULL && c.params.p[0] != '{')
		return fail(
		    &c, 200, MCP_BAD_PARAMS, "params must be an object");
	return run(&c, jscan_inner(method));
}

/* --- errors --- */

static int
code_of(int status)
{
	return status == 401              ? MCP_NO_KEY :
	    status == 405                 ? MCP_NOT_THERE :
	    status >= 400 && status < 500 ? MCP_BAD_REQUEST :
					    MCP_INTERNAL;
}

void
mcp_error(const struct req *r, int status, struct jw *w)
{
	if (r->chat.envelope.n > 0)
		mcp_put_text(w, r->chat.envelope, str_from(r->err.msg), true);
	else
		mcp_put_error(w, STR_NONE, code_of(status), r->err.msg);
}
