#include <stdlib.h>

#include "base/clock.h"
#include "pipeline/authorize.h"
#include "pipeline/gate.h"
#include "pipeline/guard.h"
#include "pipeline/keep.h"
#include "dialect/mcp.h"
#include "pipeline/loop.h"
#include "pipeline/mcp.h"
#include "pipeline/oauth.h"
#include "pipeline/own.h"
#include "pipeline/path.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/reply.h"
#include "pipeline/retain.h"
#include "pipeline/seals.h"
#include "pipeline/trace.h"
#include "pipeline/world.h"

#define STAGES_MAX 32 /* bits of req.ran */

#define SETUP_FIRST ((size_t)6 * 1024)
#define LIFE_FIRST ((size_t)2560) /* what a patched stream needs */
#define WHOLE_KEPT ((size_t)8 * 1024)
#define LIFE_MAX ((size_t)64 * 1024 * 1024)
/* Body, tree or patches, and the body that is sent, at worst. */
#define SETUP_FACTOR 8

/* The order of checks is part of the API: the first that fails answers. */
static const struct stage chat_stages[] = {
	{ "read", stage_read, stage_read_undo }, /* counts us in, and out */
	{ "auth", stage_auth, NULL },
	{ "parse", stage_parse, NULL },
	{ "tenant", stage_tenant, NULL },
	{ "limit", stage_limit, NULL }, /* rates; model, candidates */
	{ "iam", stage_iam, NULL },
	{ "guard", stage_guard, NULL }, /* texts of the request */
	{ "judge", stage_judge, NULL }, /* webhooks */
	{ "capability", stage_capability, NULL },
	{ "route", stage_route, NULL }, /* who can be asked, in which order */
	{ "hold", stage_hold, NULL },   /* what they may cost at worst */
	{ "retain", stage_retain, NULL }, /* a copy, if it is wanted */
	{ "cache", stage_keep, NULL },  /* a hit is answered here */
	{ "seals", stage_seals, NULL }, /* of Google's calls, not sent back */
	{ "fetch", stage_fetch, NULL }, /* images that were given by URL */
	{ "begin", stage_begin, NULL }, /* start record */
	{ "relay", stage_relay, NULL },
	{ "answer", stage_answer, NULL }, /* a whole one, big for the loop */
	{ "send", stage_send, NULL },     /* one whose images were fetched */
	{ NULL, NULL, NULL },
};

/* The same behind JSON-RPC.  Tools share it: the place in it stays right. */
static const struct stage mcp_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "auth", stage_auth, NULL },
	{ "mcp", stage_mcp, NULL },
	{ "parse", stage_parse, NULL },
	{ "tenant", stage_tenant, NULL },
	{ "limit", stage_limit, NULL },
	{ "iam", stage_iam, NULL },
	{ "guard", stage_guard, NULL },
	{ "judge", stage_judge, NULL },
	{ "capability", stage_capability, NULL },
	{ "route", stage_route, NULL },
	{ "hold", stage_hold, NULL },
	{ "retain", stage_retain, NULL },
	{ "fetch", stage_fetch, NULL },
	{ "begin", stage_begin, NULL },
	{ "relay", stage_relay, NULL },
	{ "answer", stage_answer, NULL },
	{ "send", stage_send, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage oauth_server_stages[] = {
	{ "oauth-server", stage_oauth_server, NULL },
	{ NULL, NULL, NULL },
};
static const struct stage oauth_resource_stages[] = {
	{ "oauth-resource", stage_oauth_resource, NULL },
	{ NULL, NULL, NULL },
};
static const struct stage oauth_register_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "oauth-register", stage_oauth_register, NULL },
	{ NULL, NULL, NULL },
};
static const struct stage oauth_authorize_stages[] = {
	{ "oauth-authorize", stage_oauth_authorize, NULL },
	{ NULL, NULL, NULL },
};
static const struct stage oauth_token_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "oauth-token", stage_oauth_token, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage stored_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "auth", stage_auth, NULL },
	{ "stored", stage_stored, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage models_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "auth", stage_auth_optional, NULL },
	{ "tenant", stage_tenant, NULL },
	{ "models", stage_models, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage model_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "auth", stage_auth_optional, NULL },
	{ "tenant", stage_tenant, NULL },
	{ "model", stage_model, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage health_stages[] = {
	{ "health", stage_health, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage metrics_stages[] = {
	{ "metrics", stage_metrics, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage usage_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "auth", stage_auth, NULL },
	{ "tenant", stage_tenant, NULL },
	{ "usage", stage_usage, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage key_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "auth", stage_auth, NULL },
	{ "tenant", stage_tenant, NULL },
	{ "key", stage_key, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage openapi_stages[] = {
	{ "openapi", stage_openapi, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage nothing_stages[] = {
	{ "not-found", stage_not_found, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage sim_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "sim", stage_sim, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage sim_embed_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "sim-embed", stage_sim_embed, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage sim_image_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "sim-image", stage_sim_image, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage sim_file_stages[] = {
	{ "sim-file", stage_sim_file, NULL },
	{ NULL, NULL, NULL },
};

static const struct stage authorize_stages[] = {
	{ "read", stage_read, stage_read_undo },
	{ "auth", stage_auth, NULL },
	{ "tenant", stage_tenant, NULL },
	{ "authorize", stage_authorize, NULL },
	{ NULL, NULL, NULL },
};

static const struct endpoint chat_endpoints[] = {
	{ "chat-completions", "POST", "/v1/chat/completions",
	    &dialect_openai_chat, chat_stages, ENDPOINT_QUICK | ENDPOINT_CHAT },
	{ "embeddings", "POST", "/v1/embeddings", &dialect_openai_embed,
	    chat_stages, ENDPOINT_QUICK },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

static const struct endpoint messages_endpoints[] = {
	{ "messages", "POST", "/v1/messages", &dialect_anthropic_messages,
	    chat_stages, ENDPOINT_QUICK | ENDPOINT_CHAT },
	{ "count-tokens", "POST", "/v1/messages/count_tokens",
	    &dialect_anthropic_count, chat_stages, ENDPOINT_QUICK },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

static const struct endpoint responses_endpoints[] = {
	{ "responses", "POST", "/v1/responses", &dialect_openai_responses,
	    chat_stages, ENDPOINT_QUICK | ENDPOINT_CHAT },
	{ "response", "GET", "/v1/responses/*", NULL, stored_stages, 0 },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

static const struct endpoint images_endpoints[] = {
	{ "images-generations", "POST", "/v1/images/generations",
	    &dialect_openai_images, chat_stages, ENDPOINT_QUICK },
	{ "images-edits", "POST", "/v1/images/edits", &dialect_openai_edits,
	    chat_stages, ENDPOINT_QUICK | ENDPOINT_FORM },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

#define SERVER "/.well-known/oauth-authorization-server"
#define RESOURCE "/.well-known/oauth-protected-resource"

static const struct endpoint mcp_endpoints[] = {
	{ "mcp", "POST", "/mcp", &dialect_mcp_chat, mcp_stages, 0 },
	{ "oauth-server", "GET", SERVER, NULL, oauth_server_stages, 0 },
	{ "oauth-server", "GET", SERVER "/mcp", NULL, oauth_server_stages, 0 },
	{ "oauth-resource", "GET", RESOURCE, NULL, oauth_resource_stages, 0 },
	{ "oauth-resource", "GET", RESOURCE "/mcp", NULL,
	    oauth_resource_stages, 0 },
	{ "oauth-register", "POST", "/oauth/register", NULL,
	    oauth_register_stages, ENDPOINT_FIELDS },
	{ "oauth-authorize", "GET", "/oauth/authorize", NULL,
	    oauth_authorize_stages, 0 },
	{ "oauth-token", "POST", "/oauth/token", NULL, oauth_token_stages,
	    ENDPOINT_FIELDS },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};
/* What a call of a tool that draws goes on as. */
const struct endpoint endpoint_mcp_image = { "mcp", "POST", "/mcp",
	&dialect_mcp_image, mcp_stages, 0 };

static const struct endpoint models_endpoints[] = {
	{ "models", "GET", "/v1/models", NULL, models_stages, 0 },
	{ "model", "GET", "/v1/models/*", NULL, model_stages, 0 },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

static const struct endpoint health_endpoints[] = {
	{ "health", "GET", "/", NULL, health_stages, 0 },
	{ "metrics", "GET", "/metrics", NULL, metrics_stages, 0 },
	{ "openapi", "GET", "/openapi.json", NULL, openapi_stages, 0 },
	{ "key", "GET", "/v1/key", NULL, key_stages, 0 },
	{ "usage", "GET", "/v1/usage/*", NULL, usage_stages, 0 },
	{ "not-found", "*", "*", NULL, nothing_stages, 0 },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

static const struct endpoint sim_endpoints[] = {
	{ "sim-chat", "POST", "/sim/v1/chat/completions", NULL, sim_stages,
	    ENDPOINT_QUICK },
	{ "sim-embed", "POST", "/sim/v1/embeddings", NULL, sim_embed_stages,
	    ENDPOINT_QUICK },
	{ "sim-images", "POST", "/sim/v1/images/generations", NULL,
	    sim_image_stages, 0 },
	{ "sim-edits", "POST", "/sim/v1/images/edits", NULL, sim_image_stages,
	    ENDPOINT_FORM },
	{ "sim-file", "GET", "/sim/v1/images/files/*", NULL, sim_file_stages,
	    0 },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

static const struct endpoint authorizer_endpoints[] = {
	{ "authorize", "*", "*", NULL, authorize_stages,
	    ENDPOINT_QUICK | ENDPOINT_HEAD },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

const struct program program_authorizer = { .name = "authorizer",
	.endpoints = authorizer_endpoints,
	.authorizes = true };
const struct program program_chat = { .name = "chat", .endpoints = chat_endpoints };
const struct program program_messages = { .name = "messages", .endpoints = messages_endpoints };
const struct program program_responses = { .name = "responses", .endpoints = responses_endpoints };
const struct program program_images = { .name = "images",
	.endpoints = images_endpoints };
const struct program program_mcp = { .name = "mcp",
	.endpoints = mcp_endpoints,
	.open = oauth_open,
	.close = oauth_close };
const struct program program_models = { .name = "models", .endpoints = models_endpoints };
const struct program program_health = { .name = "health", .endpoints = health_endpoints };
const struct program program_sim = { .name = "sim", .endpoints = sim_endpoints };

/* A place for a request: one that was used before, or a new one. */
static struct req *
take_place(struct world *w)
{
	const size_t kept = offsetof(struct req, next);
	struct req *r = loop_spare(w->loop);

	if (r != NULL)
		memset((char *)r + kept, 0, sizeof(*r) - kept);
	else if ((r = calloc(1, sizeof(*r))) == NULL)
		abort();
	if (r->setup == NULL)
		r->setup = arena_new(SETUP_FIRST,
		    (size_t)w->conf.max_body_bytes * SETUP_FACTOR);
	if (r->life == NULL)
		r->life = arena_new(LIFE_FIRST, LIFE_MAX);
	return r;
}

struct req *
req_new(struct world *w, struct client *c)
{
	struct req *r = take_place(w);

	r->world = w;
	r->client = c;
	r->began_us = clock_us();
	r->began_ms = r->began_us / 1000;
	r->due_ms = INT64_MAX;
	r->dropped.limit = 2048;
	r->record.started_ms = clock_wall_ms();
	r->record.ttft_ms = -1;
	r->format = FORMAT_FLAT;
	return r;
}

void
req_free(struct req *r)
{
	buf_free(&r->whole);
	arena_free(r->setup);
	arena_free(r->life);
	free(r);
}

/* It is over: its place may be used again, without what was big. */
static void
leave_place(struct req *r)
{
	struct loop *l = r->world->loop;

	relay_free(r);
	guard_free(r);
	own_drop(r->own);
	r->own = NULL;
	principal_drop(r->who);
	r->who = NULL;
	buf_free(&r->dropped);
	buf_free(&r->seals);
	if (r->whole.cap > WHOLE_KEPT)
		buf_free(&r->whole);
	buf_clear(&r->whole);
	if (r->setup != NULL)
		arena_reset(r->setup);
	arena_reset(r->life);
	if (!loop_keep_spare(l, r))
		req_free(r);
}

bool
req_full(struct req *r)
{
	if (r->setup != NULL && arena_full(r->setup)) {
		err_set(&r->err, ERR_TOO_LARGE, "Request is too large");
		return true;
	}
	if (arena_full(r->life)) {
		err_set(&r->err, ERR_INTERNAL, "Internal Server Error");
		return true;
	}
	return false;
}

struct str
req_param(const struct req *r, const char *name)
{
	return inbound_param(&r->in, name);
}

void
req_drop_setup(struct req *r)
{
	if (r->setup == NULL)
		return;
	arena_free(r->setup);
	r->setup = NULL;
	r->in = (struct inbound){ .length = -1 };
	r->path = r->query = STR_NONE;
	r->chat = (struct llm_request){ .from = r->chat.from,
		.stream = r->chat.stream,
		.include_usage = r->chat.include_usage,
		.envelope = r->chat.envelope,
		.text_bytes = r->chat.text_bytes };
	r->route.root = r->route.provider = STR_NONE;
	r->ask = (struct http_request){ 0 };
}

/* One stage.  After AWAY the request is no longer ours to look at. */
static enum verdict
step(struct req *r)
{
	const struct stage *s = r->at++;
	enum verdict v = s->name == NULL ? DONE : s->run(r);

	if (v != NEXT)
		return v;
	r->ran |= UINT32_C(1) << (s - r->endpoint->stages);
	return req_full(r) ? FAIL : NEXT;
}

void
req_run(struct req *r)
{
	enum verdict v;

	while ((v = step(r)) == NEXT)
		;
	if (v == FAIL)
		reply_error(r);
	if (v != AWAY && reply_finish(r) == DONE)
		req_end(r);
}

void
req_begin(struct req *r)
{
	enum verdict v = DONE;

	if (r->client->ops->head(r->client, r->setup, &r->in) == -1 ||
	    (r->in.authorizer && !r->world->program->authorizes)) {
		r->gone = true;
		req_end(r);
		return;
	}
	v = path_begin(r);
	if (v == NEXT) {
		r->at = r->endpoint->stages;
		if (r->world->tracer != NULL && r->endpoint->dialect != NULL)
			trace_begin(r);
		if ((r->endpoint->flags & ENDPOINT_QUICK) == 0 &&
		    loop_is_here(r->world->loop))
			loop_queue(r);
		else
			req_run(r);
		return;
	}
	if (v == FAIL)
		reply_error(r);
	if (reply_finish(r) == DONE)
		req_end(r);
}

/*
 * The order lets a kill at any point lose nothing: the start record stands in
 * the spool until the end record is there, and whoever adopts a dead process's
 * spool writes the record that is missing.
 */
void
req_end(struct req *r)
{
	const struct stage *s;
	struct world *w = r->world;
	int i;

	if (r->endpoint != NULL) {
		s = r->endpoint->stages;
		for (i = STAGES_MAX - 1; i >= 0; i--)
			if ((r->ran & UINT32_C(1) << i) != 0 &&
			    s[i].undo != NULL)
				s[i].undo(r);
		record_end(r);
		if (r->kept != NULL)
			keep_end(r);
		if (r->retained != NULL)
			retain_end(r);
		seals_end(r);
	}
	if (r->retrying)
		atomic_fetch_sub(&w->retries, 1);
	if (r->client->ops->end(r->client,
		!r->gone && !atomic_load(&w->draining)) == 1)
		loop_keep(w->loop, r->client);
	leave_place(r);
	atomic_fetch_sub(&w->inflight, 1);
	loop_nudge(w->loop);
}
