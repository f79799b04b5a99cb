#ifndef PIPELINE_STAGE_H
#define PIPELINE_STAGE_H

#include <stdint.h>

#include "base/rand.h"
#include "domain/key.h"
#include "domain/principal.h"
#include "domain/route.h"
#include "domain/usage.h"
#include "http/call.h"
#include "http/sse.h"
#include "pipeline/client.h"
#include "pipeline/endpoint.h"
#include "pipeline/hold.h"
#include "provider/provider.h"

struct hedge;
struct kept;
struct loop;
struct own_set;
struct req_guard;
struct req;
struct world;

/* What a stage says when it has run. */
enum verdict {
	NEXT, /* go on */
	DONE, /* answered (cache hit, preflight) */
	FAIL, /* r->err says why */
	AWAY  /* somebody else owns the request now: do not touch it */
};

/*
 * One step in a request's life.  Stages run top down; when the request ends,
 * however it ends, the undo of each stage that said NEXT is called bottom up.
 * An undo gives back what this process holds; it may not block.
 */
struct stage {
	const char *name;
	enum verdict (*run)(struct req *);
	void (*undo)(struct req *);
};

/* In which shape the client wants its errors, api.md 2.2. */
enum error_format {
	FORMAT_AUTO,
	FORMAT_FLAT,
	FORMAT_OPENAI,
	FORMAT_ANTHROPIC,
	FORMAT_MCP,  /* of JSON-RPC */
	FORMAT_OAUTH /* RFC 6749, 5.2 */
};

#define ATTEMPTS_MAX 6

/* One try at one target, for metadata.routing and the record. */
struct attempt {
	const struct target *target;
	int status; /* of the provider, 0: none */
	enum fault fault;
	int64_t started_ms;
	int64_t call_ms; /* its last call began: images may take several */
	int64_t duration_ms;
	struct attempt_cost *cost; /* of one that failed; NULL: none */
};

/* What a provider told about an attempt that failed, in life. */
struct attempt_cost {
	struct llm_usage usage;
	struct llm_cost cost;
};

/*
 * Where a request stands while the loop has it:
 *
 *	NEW	nobody has decided yet
 *	FRONT	on its way to a front thread, or there
 *	CALL	a transfer runs; nothing of the answer has gone to the client
 *	DRAIN	all is said; the rest of it waits for the client to take it
 *	TIMED	no transfer: on_due() drives it (the simulated provider)
 *	OVER	to be ended when the batch of events is through
 */
enum req_state {
	REQ_NEW,
	REQ_FRONT,
	REQ_CALL,
	REQ_DRAIN,
	REQ_TIMED,
	REQ_OVER
};

struct relay;
struct retained;
struct trace;

/* Does the attempt lack a token (pipeline/token.h)? */
enum token { TOKEN_HELD, TOKEN_FETCH, TOKEN_WAIT, TOKEN_FAILED };

/*
 * One request, one owner at a time.  It travels from a front thread to the
 * loop and perhaps back; the ledger only ever sees its records.
 */
struct req {
	/* What stays when another request gets its place. */
	struct arena *setup; /* until the first event of the answer has left */
	struct arena *life;
	struct rand_pool ids; /* for the ids of this request */
	struct buf whole;     /* a body that is collected */

	/* All of this is cleared: req_new(). */
	struct req *next; /* in a queue */
	struct req *live_next, **live_prev; /* of the loop's requests */
	struct world *world;
	struct client *client;
	const struct endpoint *endpoint;
	const struct stage *at; /* the next to run */
	uint32_t ran;           /* bit per stage that said NEXT */
	enum req_state state;

	/* As it came; what setup holds is absent once setup is gone. */
	struct inbound in;
	struct str path, query;
	bool head_only; /* HEAD: no body goes out */
	char request_id[132];
	struct str origin; /* allowed by CORS: what to answer, in life */
	enum error_format format; /* asked for, then as decided */
	bool explicit_flat;
	const struct principal *who; /* a reference; NULL: not known yet */
	struct req_guard *guard; /* in life; NULL: no rules (pipeline/guard.h) */
	const struct own_set *own; /* a reference, or NULL: no own keys */
	char record_id[ID_SIZE];    /* log_..., once something is to be sent */
	struct usage_record record; /* strings in life */
	struct hold hold;           /* what the counters hold for it */
	struct str limited;         /* header lines of its limits, in life */
	int64_t max_output;         /* that a budget allows; 0: not lowered */
	struct llm_request chat;
	char today[11]; /* "2026-11-22" */
	struct route_world route_world;
	struct route route;
	struct err err;

	/* The attempts. */
	struct target targets[ATTEMPTS_MAX];
	int ntargets;
	int next_target; /* in them */
	struct attempt attempts[ATTEMPTS_MAX];
	int tries;
	bool retrying; /* counted in world.retries */
	bool waited;   /* the last target was asked once more */
	int64_t told_wait_ms; /* the provider's Retry-After, -1: none */
	uint64_t session_mark; /* of what its provider is kept for, or 0 */
	bool no_retry; /* X-No-Fallback, or a failure that ends it */
	struct http_request ask;
	struct call *call;
	struct hedge *hedge; /* a second transfer, or NULL */
	int64_t hedge_ms;    /* when it begins */
	bool hedged;         /* there is or was one */
	enum token token; /* what the call fetches, or waits for */
	bool renewed;     /* a refused token was replaced */
	struct relay *relay; /* how the answer is passed on */
	struct kept *kept;   /* the cache was asked; or NULL */
	struct retained *retained; /* the copy of what is said; or NULL */
	struct trace *trace;   /* pipeline/trace.h; NULL: it is not traced */
	const struct err *unrouted; /* what a miss fails with; or NULL */
	struct buf dropped;  /* members left out, for X-LLMGW-Dropped */
	struct buf seals;    /* of the answer's calls (pipeline/seals.h) */

	/* Times: monotonic ms, 0: not yet. */
	int64_t began_ms;
	int64_t due_ms;   /* when on_due() is to look again; 0: at once */
	int64_t heard_ms; /* last byte of the provider */
	int64_t said_ms;  /* last byte to the client */
	int64_t taken_ms; /* when the client last took what was kept */
	int64_t first_ms; /* first event of the answer */
	/* For gateway_overhead_seconds: monotonic us, 0: not yet. */
	int64_t began_us;
	int64_t asked_us; /* the first call began */
	int64_t told_us;  /* the last one ended */
	void (*on_due)(struct req *, int64_t now_ms);
	void *timed; /* of the stage that set on_due */

	/* The attempt that the gauges count, and whether they count a stream. */
	const struct target *flying;
	bool streaming;

	bool fetches;  /* URLs of the client are to be fetched first */
	bool watched;  /* the client's fd is in the epoll */
	bool wants_room; /* something is kept until the client takes it */
	bool body_read;  /* the body was, or was dropped */
	bool paused;   /* the provider waits for the client */
	bool headed;   /* the status line has gone out */
	bool answered; /* an event has left: no retry, no new status */
	bool complete; /* all of the answer has been handed to the client */
	bool broken;   /* r->err says what is wrong with the provider's bytes */
	bool broken_off; /* the provider was slow after it had begun */
	bool gone;     /* the client has left */
	bool paid;     /* a start record stands in the spool */
	int status;    /* what was answered */
	int64_t sent;  /* bytes of the answer */
	struct spool_segment *segment;
	int start_at;      /* its START is in the loop's batch: place + 1 */
	bool start_failed; /* the START could not be written */
};

/* A request for this client, with its arenas. */
struct req *req_new(struct world *, struct client *);

/* The memory of one that was never begun, or is over. */
void req_free(struct req *);

/* Read the head, find the endpoint, run its stages.  Front threads only. */
void req_begin(struct req *);
/* Run stages until the request is away or over.  Front threads only. */
void req_run(struct req *);

/* The last owner's last act, once, on any thread; does not block. */
void req_end(struct req *);

/* Is an arena past its limit?  Then r->err says so: 413, later 500. */
bool req_full(struct req *);

/* A request header by its CGI name, or absent.  While setup lives. */
struct str req_param(const struct req *, const char *name);
/* The address that rules are about; settings say who may tell it. */
struct str req_address(const struct req *);

/* The setup arena's end: what pointed there is absent now. */
void req_drop_setup(struct req *);

/* pipeline/stages.c */
enum verdict stage_read(struct req *);
void stage_read_undo(struct req *);
enum verdict stage_auth(struct req *);
enum verdict stage_auth_optional(struct req *);
/* Not stages: the key that came with the request, or absent; */
struct str stage_token(const struct req *);
/* whose it is, into r->who: 0, -1, or 1: ask again off the loop. */
int stage_look_up(struct req *, struct str token);
enum verdict stage_parse(struct req *);
enum verdict stage_tenant(struct req *);
enum verdict stage_iam(struct req *);
enum verdict stage_capability(struct req *);
enum verdict stage_route(struct req *);
enum verdict stage_begin(struct req *);
/* Not a stage: the model string into r->route; memory only. */
int resolve_model(struct req *, struct err *);
/* pipeline/guard.c */
enum verdict stage_guard(struct req *);
/* pipeline/judge.c */
enum verdict stage_judge(struct req *);
/* pipeline/keep.c */
enum verdict stage_keep(struct req *);
/* pipeline/fetch.c */
enum verdict stage_fetch(struct req *);
/* Not a stage: images of an answer, by the loop; then it goes on at r->at. */
void fetch_answer(struct req *, struct llm_part *);
/* pipeline/attempt.c */
enum verdict stage_relay(struct req *);
enum verdict stage_answer(struct req *);
enum verdict stage_send(struct req *);
/* pipeline/models.c, service.c, sim.c */
enum verdict stage_models(struct req *);
enum verdict stage_model(struct req *);
enum verdict stage_health(struct req *);
enum verdict stage_metrics(struct req *);
enum verdict stage_openapi(struct req *);
enum verdict stage_not_found(struct req *);
enum verdict stage_stored(struct req *);
enum verdict stage_sim(struct req *);
/* pipeline/account.c */
enum verdict stage_usage(struct req *);
enum verdict stage_key(struct req *);
enum verdict stage_sim_embed(struct req *);
enum verdict stage_sim_image(struct req *);
enum verdict stage_sim_file(struct req *);

#endif
