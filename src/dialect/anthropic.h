#ifndef DIALECT_ANTHROPIC_H
#define DIALECT_ANTHROPIC_H

#include "dialect/answer.h"
#include "dialect/check.h"
#include "json/jx.h"

/*
 * Shared by the files of Anthropic's messages dialect only.  "Raw" is JSON text
 * as it stood in a checked document.
 */

/* Line that Claude Code puts before its prompt, other on each call. */
#define ANTHROPIC_BILLING "x-anthropic-billing-header:"
/* --- words (anthropic_messages.c) --- */

enum llm_stop anthropic_stop(struct str word);
/* `raw` is kept where only this dialect has the word: pause_turn. */
struct str anthropic_stop_word(enum llm_stop, struct str raw);

/* What a content block is to us. */
enum anthropic_block {
	ANTHROPIC_OTHER, /* passes, and is hidden from other dialects */
	ANTHROPIC_TEXT,
	ANTHROPIC_THINKING,
	ANTHROPIC_REDACTED,
	ANTHROPIC_TOOL
};
enum anthropic_block anthropic_block_of(struct str raw);

/* --- usage (anthropic_usage.c) --- */

/* As it was told; each member that comes again overwrites (trap 34). */
struct anthropic_usage {
	int64_t input; /* without what the cache gave or took */
	int64_t read;
	int64_t created;
	int64_t created_5m;
	int64_t created_1h;
	int64_t output;
	int64_t thinking;
	int64_t searches;
	bool lives; /* the lifetimes were told */
	bool told;
};

void anthropic_read_usage(struct str raw, struct anthropic_usage *);
/* The same as neutral counts. */
void anthropic_count_usage(const struct anthropic_usage *, struct llm_usage *);
/* Our usage, with members of the provider's (raw) that we do not know. */
void anthropic_put_usage(
    struct jw *, const char *key, const struct tail *, struct str raw);

/* --- errors (anthropic_error.c) --- */

/*
 * {"type":"error",...} or a document that has "error": err gets message and
 * status, and true is returned.  The members are those of raw.
 */
bool anthropic_error_in(struct arena *, struct str raw, const struct jmember *,
    int n, struct err *);
void anthropic_encode_error(const struct err *, struct buf *);

/* --- requests --- */

extern const struct jrule anthropic_rules[];
extern const struct jrule anthropic_count_rules[];

int anthropic_peek(struct llm_request *, struct arena *, struct err *);
int anthropic_count_peek(struct llm_request *, struct arena *, struct err *);
int anthropic_decode_request(
    struct llm_request *, struct arena *, struct err *);
/* The messages, from the tree and the raw array side by side. */
void anthropic_decode_messages(
    struct llm_request *, struct llm_message ***tail, struct arena *);
/* A text, or blocks of text, as parts of the system prompt. */
void anthropic_decode_system(
    struct json_object *, struct llm_part ***tail, struct arena *);
int anthropic_body_patches(
    const struct llm_request *, struct jpatch *, int max);
int anthropic_count_patches(
    const struct llm_request *, struct jpatch *, int max);

/* What encoding a request carries along. */
struct anthropic_out {
	const struct llm_request *r;
	const struct llm_aim *aim;
	struct jw *w;
	int skip;    /* cache marks that are too many, the first ones */
	bool thinks; /* thinking is asked for by a budget */
};

/* A tool's name, as it is taken: api.md 4.1 lets clients write more. */
struct str anthropic_tool_name(struct str, struct arena *);

/* At most four marks pass, the last ones (trap 92). */
#define ANTHROPIC_MARKS 4

/* The mark of a block, as a member of the open object. */
void anthropic_put_mark(struct anthropic_out *, enum llm_cache);

/* Turns: user and assistant by turns, made of the messages. */
struct anthropic_item {
	struct anthropic_item *next;
	const struct llm_part *part;
	struct str text; /* of TEXT and REFUSAL, as it is sent */
};
struct anthropic_turn {
	struct anthropic_turn *next;
	bool assistant;
	struct anthropic_item *results; /* go first (trap 63) */
	struct anthropic_item *rest;
};

/* Nothing but blanks: such texts are refused. */
bool anthropic_blank(struct str);
enum {
	ANTHROPIC_KEEP_BLANK = 1u << 0, /* texts beside thoughts */
	ANTHROPIC_NO_THOUGHTS = 1u << 1
};
/* -1: a call without its result. */
int anthropic_turns(const struct llm_request *, unsigned flags, struct arena *,
    struct anthropic_turn **, struct err *);
/* Does the turn that is going on lack the thought it began with? */
bool anthropic_lacks_thought(const struct anthropic_turn *);
int anthropic_count_marks(
    const struct llm_request *, const struct anthropic_turn *);
void anthropic_put_tools(struct anthropic_out *);
/* Can it be written without escapes? */
bool anthropic_plain_key(const char *);
/* The schema of an answer. */
void anthropic_put_schema(struct jw *, const char *key, struct json_object *);
void anthropic_put_system(struct anthropic_out *);
void anthropic_put_turns(struct anthropic_out *, const struct anthropic_turn *);

/* How the model is asked to think; Bedrock asks Claude in the same words. */
struct anthropic_plan {
	enum {
		ANTHROPIC_THINK_DEFAULT,
		ANTHROPIC_THINK_OFF,
		ANTHROPIC_THINK_BUDGET,
		ANTHROPIC_THINK_ADAPTIVE
	} mode;
	int64_t max_tokens;
	int64_t budget;
	const char *effort;      /* of output_config, or NULL */
	struct json_object *own; /* the client said it in this dialect */
};
void anthropic_make_plan(const struct llm_request *, const struct llm_aim *,
    const struct anthropic_turn *, struct anthropic_plan *);
/* Note the settings and names that Claude has no word for. */
void anthropic_drop_settings(
    const struct llm_request *, const struct llm_aim *);
/* Are thoughts asked for? */
bool anthropic_thinks(const struct anthropic_plan *);
/* The member "thinking". */
void anthropic_put_thinking(const struct anthropic_plan *, struct jw *);
/* An object at the top, whatever the client gave (trap 90). */
void anthropic_put_tool_schema(
    const struct llm_tool *, const char *key, struct jw *);
/* JSON without a schema is only asked for in words. */
extern const struct str anthropic_json_only;

int anthropic_encode_request(const struct llm_request *, const struct llm_aim *,
    struct jw *, struct err *);
int anthropic_encode_count(const struct llm_request *, const struct llm_aim *,
    struct jw *, struct err *);

/* --- answers --- */

/* A stream that is decoded. */
struct anthropic_dec {
	struct llm_facts facts;
	struct anthropic_usage usage;
	enum anthropic_block kind; /* of the provider's open block */
	bool open;                 /* it has been opened for the sink */
	bool told;                 /* and something of it was told */
	int block;                 /* of ours */
	bool started;
	bool stopped; /* a stop_reason came */
	bool terminal;
	char seq[256];
	struct buf input; /* of a call, given with its start */
	struct buf cites; /* of the open text, until it ends: raw, a comma
			     after each */
	int64_t chars;    /* of all texts so far */
	int64_t begin;    /* of them before the open one */
};

int anthropic_decode_answer(struct arena *, const struct frame *, struct str,
    struct llm_sink *, struct err *);
int anthropic_decode_event(void *, struct arena *, const struct frame *,
    const struct sse_event *, struct llm_sink *, struct err *);
int anthropic_decode_end(void *, struct llm_sink *, struct err *);
void anthropic_decode_free(void *);

/* A stream that is encoded. */
struct anthropic_enc {
	int next;   /* index of the next block */
	bool open;  /* a block has been begun for the client */
	bool calls; /* there was one */
	bool refused;
	bool failed;
	bool hidden; /* the open block is only a seal */
	bool sealed; /* which has gone */
	bool mute;   /* nothing of the block is told */
	bool cut;    /* such a block came inside the open one */
	enum llm_kind kind;
	enum llm_issuer by;
	enum llm_stop why;
	char raw[64];
	char seq[256];
};

/* What streams and whole answers share. */
struct str anthropic_own_id(struct str id, const struct frame *);
void anthropic_put_seal(
    struct jw *, const char *key, enum llm_issuer, struct str seal);
void anthropic_put_cite(struct jw *, const char *key, const struct llm_cite *);
void anthropic_put_image(struct jw *, struct str url);
void anthropic_put_seq(struct jw *, struct str seq);
bool anthropic_is_mute(enum llm_kind, bool hidden, enum llm_issuer);
bool anthropic_is_text(enum llm_kind);
/* The stop_reason, by what the answer held too. */
struct str anthropic_why(
    enum llm_stop, bool calls, bool refused, struct str raw);

void anthropic_encode_event(void *, const struct frame *,
    const struct llm_event *, const struct tail *, struct buf *);
void anthropic_encode_answer(const struct frame *, const struct llm_answer *,
    const struct tail *, struct jw *);
/* An object whatever the model wrote: {} or {"raw": text}. */
void anthropic_put_input(struct jw *, const struct llm_part *call);
void anthropic_encode_count_answer(const struct frame *,
    const struct llm_answer *, const struct tail *, struct jw *);

/* A stream that is patched. */
struct anthropic_relay {
	struct llm_facts facts;
	struct anthropic_usage usage;
	struct buf held; /* the message_delta */
	int64_t theirs;  /* index of the open block, as the provider has it */
	int index;       /* and as the client is told */
	int next;
	bool open;
	bool started;
	bool stopped;
	bool terminal;
};

int anthropic_relay_event(void *, struct arena *, const struct frame *,
    const struct sse_event *, struct buf *, struct err *);
int anthropic_relay_end(void *, struct arena *, const struct frame *,
    const struct tail *, struct buf *, struct err *);
const struct llm_facts *anthropic_relay_facts(const void *);
void anthropic_relay_free(void *);

/* Facts of a content block as it begins, or of a whole one. */
void anthropic_see_block(struct str raw, struct llm_facts *);
/* Why it stopped, into the facts. */
void anthropic_see_stop(struct str raw, struct llm_facts *);

int anthropic_patch_read(struct arena *, const struct frame *, struct str,
    struct llm_facts *, struct err *);
int anthropic_patch_write(struct arena *, const struct frame *,
    const struct tail *, struct str, struct buf *, struct err *);

#endif
