#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "base/pieces.h"
#include "http/sse.h"
#include "json/jw.h"
#include "llm/llm.h"

/*
 * What the gateway puts into every answer, whatever made it.  Const from the
 * first byte of the answer on.
 */
enum frame_usage { FRAME_USAGE_FINISH, FRAME_USAGE_EXTRA, FRAME_USAGE_OFF };
enum frame_reasoning { FRAME_BOTH, FRAME_REASONING, FRAME_REASONING_CONTENT };

struct frame {
	struct str model;   /* "openai/gpt-4o-mini", api.md 4.3 */
	struct str id;      /* used if the provider gives none */
	int64_t created;    /* Unix seconds, used if the provider gives none */
	bool include_usage; /* the client asked for a usage chunk */
	bool keep_usage;    /* the provider's usage means what OpenAI's does */
	bool reasoning_apart; /* completion_tokens lack the reasoning (xAI) */
	enum frame_usage usage;
	enum frame_reasoning reasoning;
	const void *asked; /* what the client's dialect->note() made */
	bool ids;          /* the provider's calls have ids of their own */
};

/* What is known when the answer is over. */
struct tail {
	const struct llm_usage *usage;
	const struct llm_cost *cost;
	struct str metadata; /* raw JSON object, api.md 4.5 */
};

/*
 * A dialect is a way of writing chats on the wire: a pure translation between
 * bytes and the neutral model.  No I/O, no clock, no globals.
 *
 * Each function below is one direction.  A dialect only clients speak leaves
 * the upstream half NULL, and the other way round.
 */
#define DIALECT_PATCHES 14

struct dialect {
	const char *name; /* "openai-chat" */
	enum llm_task task;
	const char *id_prefix; /* of an answer without an id: "chatcmpl-" */
	const char *ping; /* sent while nothing is, once the answer has begun;
			     NULL: a comment */
	unsigned hears;        /* LLM_SAY_* that a request may say to it */
	bool form; /* it is spoken as multipart/form-data, too: as such to
		      providers (provider/form.c) */

	/* Its requests are those of another, only answers differ; or NULL. */
	const struct dialect *asks;

	/*
	 * Client side: request in, answer out.
	 *
	 * peek() checks the body (api.md 1.3, and the members of its endpoint)
	 * and fills what the gates need; no tree is built.
	 */
	int (*peek)(struct llm_request *, struct arena *, struct err *);
	int (*decode_request)(
	    struct llm_request *, struct arena *, struct err *);
	/*
	 * What encoding the answer needs of the request, in the arena of the
	 * answer (the body does not live so long); NULL function: nothing.
	 */
	const void *(*note)(const struct llm_request *, struct arena *life);
	/* The tail is needed with LLM_EV_END only. */
	void (*encode_event)(void *enc, const struct frame *,
	    const struct llm_event *, const struct tail *, struct buf *);
	void (*encode_answer)(const struct frame *, const struct llm_answer *,
	    const struct tail *, struct jw *);
	/*
	 * Instead of it, where answers are long: what the answer holds is sent
	 * from where it is.
	 */
	void (*encode_pieces)(const struct frame *, const struct llm_answer *,
	    const struct tail *, struct pieces *);
	/* The error as an event of a stream that has begun. */
	void (*encode_error)(const struct err *, struct buf *);
	/*
	 * The same where it depends on what went before: instead of
	 * encode_error.  One of the states of encode_event and relay_event is
	 * given, unless the stream has not begun.
	 */
	void (*encode_failure)(void *enc, void *relayed, const struct frame *,
	    const struct err *, struct buf *);
	void (*encode_free)(void *enc); /* its buffers; NULL: it has none */
	size_t enc_size; /* state of encode_event; zero is valid */

	/*
	 * What this dialect itself changes in the body for a provider that
	 * speaks it too: the gateway's own members go, usage is asked for.
	 * Written to `out`, returns how many; at most DIALECT_PATCHES.
	 * dialect_body() does this.
	 */
	int (*body_patches)(
	    const struct llm_request *, struct jpatch *out, int max);

	/* Upstream side: request out, answer in. */
	int (*encode_request)(const struct llm_request *,
	    const struct llm_aim *, struct jw *, struct err *);
	/* A tool's name as encode_request() writes it; NULL: as it is. */
	struct str (*tool_name)(struct str, struct arena *);
	int (*decode_answer)(struct arena *, const struct frame *,
	    struct str body, struct llm_sink *, struct err *);
	/*
	 * `dec` is taken zeroed; 1: that was the terminal event.  After the
	 * last event decode_end() is called; decode_free() always, at last.
	 */
	int (*decode_event)(void *dec, struct arena *scratch,
	    const struct frame *, const struct sse_event *, struct llm_sink *,
	    struct err *);
	int (*decode_end)(void *dec, struct llm_sink *, struct err *);
	void (*decode_free)(void *dec); /* its buffers */
	/*
	 * A status of 400 and more, or an error inside a 200: message, code
	 * word and param into err; provider/fault.c makes the class of it.
	 */
	void (*decode_error)(struct arena *, struct str body, struct err *);
	size_t dec_size; /* state of decode_event; zero is valid */

	/*
	 * Both sides speak this dialect: answers are patched in place and keep
	 * every byte that is not ours.  relay_event() takes one event of the
	 * provider, appends what goes to the client now (nothing, while the
	 * finish is held back for the usage) and keeps the facts.  1: that was
	 * the terminal event.  -1: the provider's error, or garbage.
	 * relay_end() writes what was held, the tail and the terminal event; -1
	 * if the stream broke off before its finish.
	 */
	int (*relay_event)(void *state, struct arena *scratch,
	    const struct frame *, const struct sse_event *, struct buf *out,
	    struct err *);
	int (*relay_end)(void *state, struct arena *scratch,
	    const struct frame *, const struct tail *, struct buf *out,
	    struct err *);
	const struct llm_facts *(*relay_facts)(const void *state);
	void (*relay_free)(void *state); /* its buffers; zero is valid */
	size_t relay_size;               /* zero is valid */

	/* The same for a whole answer: look at it, then write it. */
	int (*patch_read)(struct arena *, const struct frame *, struct str body,
	    struct llm_facts *, struct err *);
	int (*patch_write)(struct arena *, const struct frame *,
	    const struct tail *, struct str body, struct buf *out,
	    struct err *);
	/* Instead of it: long parts of the body go out from where they are. */
	int (*patch_pieces)(struct arena *, const struct frame *,
	    const struct tail *, struct str body, struct pieces *out,
	    struct err *);
};

/*
 * A tool of free text, where a dialect has functions only: one argument, called
 * "input", whose value is the text (api.md 6).
 */
#define CUSTOM_SCHEMA                                                          \
	STR("{\"type\":\"object\",\"properties\":{\"input\":"                 \
	    "{\"type\":\"string\"}},\"required\":[\"input\"],"               \
	    "\"additionalProperties\":false}")

extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_anthropic_messages;
extern const struct dialect dialect_anthropic_count;
extern const struct dialect dialect_bedrock_converse;
extern const struct dialect dialect_bedrock_count;
extern const struct dialect dialect_gemini;
extern const struct dialect dialect_gemini_count;
extern const struct dialect dialect_gemini_embed;
extern const struct dialect dialect_openai_embed;
extern const struct dialect dialect_openai_responses;
extern const struct dialect dialect_cohere_chat;
extern const struct dialect dialect_openai_images;
extern const struct dialect dialect_openai_edits;
extern const struct dialect dialect_gemini_image;
extern const struct dialect dialect_chat_image;
extern const struct dialect dialect_dashscope_image;
extern const struct dialect dialect_reve_image;
extern const struct dialect dialect_reve_edit; /* of one image, or of several */

const struct dialect *dialect_find(struct str name);

/* What encode_request() returns: -1 if the body has no room. */
int dialect_fits(const struct buf *body, struct err *);

/*
 * The body to send to a provider that speaks `to`.  Equal dialects keep the
 * client's own bytes, patched by body_patches(); others are encoded from the
 * neutral view.  Either way the given patches are applied, before the dialect's
 * own: the first patch of a path counts.  Memory is of aim->arena.
 */
int dialect_body(const struct dialect *to, struct llm_request *,
    const struct llm_aim *, const struct jpatch *, int npatch, struct buf *out,
    struct err *);

#endif
