#include <stdio.h>
#include <string.h>

#include "admin/openapi.h"
#include "admin/openapi_schema.h"
#include "admin/program.h"
#include "dialect/anthropic.h"
#include "dialect/image.h"
#include "dialect/openai.h"
#include "dialect/responses.h"
#include "pipeline/endpoint.h"

/* What the tables of programs do not say, by the name of the endpoint. */
static const struct about {
	const char *name;
	const char *text;
	const struct jrule *body; /* NULL: there is none, or it is free */
	const char *statuses;     /* besides 200 and 405 */
	const char *param;        /* what stands for "*" */
	bool open;                /* no key is needed */
} abouts[] = {
	{ "chat-completions", "Chat completion in OpenAI's format",
	    openai_chat_rules,
	    "400 401 402 403 410 413 415 429 500 502 503 504", NULL, false },
	{ "embeddings", "Embeddings in OpenAI's format", NULL,
	    "400 401 402 403 410 413 415 429 500 502 503 504", NULL, false },
	{ "images-generations", "Images from text", image_rules,
	    "400 401 402 403 410 413 415 429 500 502 503 504", NULL, false },
	{ "images-edits",
	    "Images from images and text; as multipart/form-data with files "
	    "in image or image[], and mask",
	    image_edit_rules, "400 401 402 403 410 413 415 429 500 502 503 504",
	    NULL, false },
	{ "messages", "Messages in Anthropic's format", anthropic_rules,
	    "400 401 402 403 410 413 415 429 500 502 503 504", NULL, false },
	{ "count-tokens", "Count the tokens of messages", anthropic_count_rules,
	    "400 401 402 403 410 413 415 429 500 502 503 504", NULL, false },
	{ "responses", "Responses in OpenAI's format, stateless",
	    responses_rules, "400 401 402 403 410 413 415 429 500 502 503 504",
	    NULL, false },
	{ "response", "A stored response; there is none", NULL, "401 404", "id",
	    false },
	{ "mcp", "Tools by JSON-RPC (Model Context Protocol)", NULL,
	    "202 400 401 415", NULL, false },
	{ "oauth-server", "The authorization server (RFC 8414)", NULL, "",
	    NULL, true },
	{ "oauth-resource", "The protected resource (RFC 9728)", NULL, "",
	    NULL, true },
	{ "oauth-register", "Register a client for an API key", NULL,
	    "201 400 401 415 503", NULL, false },
	{ "oauth-authorize", "A code for a registered client", NULL,
	    "302 400 401 503", NULL, true },
	{ "oauth-token", "An access token for a code, or for the key", NULL,
	    "400 401 415 503", NULL, true },
	{ "models", "Models and their capabilities", NULL, "401", NULL, true },
	{ "model", "One model", NULL, "401 404", "id", true },
	{ "health", "Health of the gateway", NULL, "503", NULL, true },
	{ "metrics", "Metrics for Prometheus", NULL, "401", NULL, true },
	{ "openapi", "This description", NULL, "", NULL, true },
	{ "key", "The calling key: limits and usage", NULL, "401 429 503", NULL,
	    false },
	{ "usage", "Tokens and cost of one request", NULL, "401 404 503",
	    "request_id", false },
};

static const struct program *const programs[] = { &program_chat,
	&program_messages, &program_responses, &program_images, &program_models,
	&program_mcp, &program_health };

static const struct about *
about(const char *name)
{
	for (size_t i = 0; i < NROWS(abouts); i++)
		if (strcmp(abouts[i].name, name) == 0)
			return &abouts[i];
	return NULL;
}

static void
put_path_param(struct jw *w, const char *name)
{
	jw_obj(w, NULL);
	jw_strc(w, "name", name);
	jw_strc(w, "in", "path");
	jw_bool(w, "required", true);
	jw_obj(w, "schema");
	jw_strc(w, "type", "string");
	jw_end(w);
	jw_end(w);
}

/* Answers: the good one, then the errors of the list. */
static void
put_statuses(struct jw *w, const char *good, const char *list)
{
	struct str rest = str_from(list), one;
	char key[8];

	jw_obj(w, "responses");
	jw_obj(w, good);
	jw_strc(w, "description", "done");
	jw_end(w);
	while (rest.n > 0) {
		one = str_split(&rest, ' ');
		if (one.n == 0 || one.n >= sizeof(key))
			continue;
		memcpy(key, one.p, one.n);
		key[one.n] = '\0';
		jw_obj(w, key);
		jw_strc(w, "$ref", "#/components/responses/Error");
		jw_end(w);
	}
	jw_end(w);
}

static void
put_schema(struct jw *w, const struct endpoint *ep, const struct about *a)
{
	if (a->body != NULL)
		openapi_rules(w, "schema", a->body);
	else if (ep->dialect == &dialect_openai_embed)
		openapi_embeddings(w, "schema");
	else { /* others say what is in it */
		jw_obj(w, "schema");
		jw_strc(w, "type", "object");
		jw_end(w);
	}
}

static void
put_endpoint(struct jw *w, const struct endpoint *ep, const struct about *a)
{
	static const char *const files[] = { "image", "image[]", "mask",
		NULL };

	jw_obj(w, strcmp(ep->method, "POST") == 0 ? "post" : "get");
	jw_strc(w, "operationId", ep->name);
	jw_strc(w, "summary", a->text);
	if (a->open) {
		jw_arr(w, "security");
		jw_end(w);
	}
	if (a->param != NULL) {
		jw_arr(w, "parameters");
		put_path_param(w, a->param);
		jw_end(w);
	}
	if (strcmp(ep->method, "POST") == 0) {
		openapi_body(w);
		put_schema(w, ep, a);
		if (ep->dialect != NULL && ep->dialect->form)
			openapi_form(w, a->body, files);
		openapi_body_end(w);
	}
	put_statuses(w, "200", a->statuses);
	jw_end(w);
}

static void
put_program(struct jw *w, const struct program *p)
{
	const struct endpoint *ep;
	const struct about *a;
	char path[128];
	size_t n;

	for (ep = p->endpoints; ep->name != NULL; ep++) {
		if ((a = about(ep->name)) == NULL)
			continue;
		if (ep > p->endpoints && strcmp(ep->name, ep[-1].name) == 0)
			continue; /* the same at another path */
		n = strlen(ep->path);
		if (a->param != NULL)
			snprintf(path, sizeof(path), "%.*s{%s}", (int)n - 1,
			    ep->path, a->param);
		else
			snprintf(path, sizeof(path), "%s", ep->path);
		jw_obj(w, path);
		put_endpoint(w, ep, a);
		jw_end(w);
	}
}

/* --- the admin API --- */

static const struct {
	unsigned method;
	const char *verb, *good, *statuses;
	bool item;
} methods[] = {
	{ METHOD_LIST, "get", "200", "400 401 404 503", false },
	{ METHOD_POST, "post", "201", "400 401 403 404 409 413 415 503",
	    false },
	{ METHOD_GET, "get", "200", "401 404 503", true },
	{ METHOD_PATCH, "patch", "200", "400 401 403 404 409 413 415 503",
	    true },
	{ METHOD_DELETE, "delete", "200", "401 403 404 503", true },
};

static void
put_query(struct jw *w, const char *name)
{
	jw_obj(w, NULL);
	jw_strc(w, "name", name);
	jw_strc(w, "in", "query");
	jw_obj(w, "schema");
	jw_strc(w, "type", "string");
	jw_end(w);
	jw_end(w);
}

static void
put_params(struct jw *w, const struct resource *r, size_t i)
{
	jw_arr(w, "parameters");
	if (strchr(r->path, '*') != NULL)
		put_path_param(w, "parent_id");
	if (methods[i].item && r->prefix != NULL)
		put_path_param(w, "id");
	if (methods[i].method == METHOD_LIST) {
		put_query(w, "limit");
		put_query(w, "cursor");
		for (const struct field *f = r->fields; f->name != NULL; f++)
			if ((f->flags & F_FILTER) != 0)
				put_query(w, f->name);
	}
	jw_end(w);
}

/* What POST answers where nothing is made. */
static const char *
good_of(const struct resource *r, size_t i)
{
	return methods[i].method == METHOD_POST && r->table == NULL &&
		strcmp(r->path, "sessions") != 0 ?
	    "200" :
	    methods[i].good;
}

static void
put_method(struct jw *w, const struct resource *r, size_t i)
{
	bool post = methods[i].method == METHOD_POST;

	jw_obj(w, methods[i].verb);
	jw_strc(w, "summary", r->text);
	jw_arr(w, "tags");
	jw_strc(w, NULL, "admin");
	jw_end(w);
	put_params(w, r, i);
	if (post || methods[i].method == METHOD_PATCH) {
		openapi_body(w);
		openapi_fields(w, "schema", r, post ? F_CREATE : F_PATCH);
		openapi_body_end(w);
	}
	put_statuses(w, good_of(r, i), methods[i].statuses);
	jw_end(w);
}

static void
put_resource(struct jw *w, const struct resource *r, bool item)
{
	const char *star = strchr(r->path, '*');
	char path[128];
	size_t i;
	bool any = false;

	snprintf(path, sizeof(path), "/admin/v1/%.*s%s%s%s",
	    star == NULL ? (int)strlen(r->path) : (int)(star - r->path),
	    r->path, star == NULL ? "" : "{parent_id}",
	    star == NULL ? "" : star + 1, item ? "/{id}" : "");
	for (i = 0; i < NROWS(methods); i++) {
		/* A session is deleted without an id. */
		if ((r->methods & methods[i].method) == 0 ||
		    (methods[i].item && r->prefix != NULL) != item)
			continue;
		if (!any)
			jw_obj(w, path);
		any = true;
		put_method(w, r, i);
	}
	if (any)
		jw_end(w);
}

/* --- all of it --- */

static void
put_components(struct jw *w)
{
	static const char *const words[] = { "message", "code", "type",
		"request_id" };

	jw_obj(w, "components");
	jw_obj(w, "securitySchemes");
	jw_obj(w, "bearerAuth");
	jw_strc(w, "type", "http");
	jw_strc(w, "scheme", "bearer");
	jw_end(w);
	jw_end(w);
	jw_obj(w, "responses");
	jw_obj(w, "Error");
	jw_strc(w, "description", "what went wrong");
	jw_obj(w, "content");
	jw_obj(w, "application/json");
	jw_obj(w, "schema");
	jw_strc(w, "type", "object");
	jw_obj(w, "properties");
	for (size_t i = 0; i < NROWS(words); i++) {
		jw_obj(w, words[i]);
		jw_strc(w, "type", "string");
		jw_end(w);
	}
	for (int i = 0; i < 6; i++)
		jw_end(w);
	jw_end(w);
}

static void
put_server(struct jw *w, const char *url, const char *text)
{
	jw_obj(w, NULL);
	jw_strc(w, "url", url);
	jw_strc(w, "description", text);
	jw_end(w);
}

void
openapi_write(struct buf *b)
{
	struct jw w = JW_TO(b);

	jw_obj(&w, NULL);
	jw_strc(&w, "openapi", "3.0.3");
	jw_obj(&w, "info");
	jw_strc(&w, "title", "LLM Gateway API");
	jw_strc(&w, "version", PACKAGE_VERSION);
	jw_end(&w);
	jw_arr(&w, "servers");
	put_server(&w, "https://api.llmgateway.io", "production");
	put_server(&w, "http://localhost:4001", "local development");
	jw_end(&w);
	jw_arr(&w, "security");
	jw_obj(&w, NULL);
	jw_arr(&w, "bearerAuth");
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	jw_obj(&w, "paths");
	for (size_t i = 0; i < NROWS(programs); i++)
		put_program(&w, programs[i]);
	for (const struct resource *r = resources; r->path != NULL; r++) {
		put_resource(&w, r, false);
		put_resource(&w, r, true);
	}
	jw_end(&w);
	put_components(&w);
	jw_end(&w);
}
