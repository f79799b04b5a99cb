#ifndef DIALECT_BEDROCK_H
#define DIALECT_BEDROCK_H

#include "dialect/anthropic.h"

/*
 * Shared by the files of Bedrock's Converse dialect only.  Its turns, and the
 * way in which Claude is asked to think, are those of Anthropic's dialect.
 */

/* What encoding a request carries along. */
struct bedrock_out {
	const struct llm_request *r;
	const struct llm_aim *aim;
	struct jw *w;
	struct err *e;
	struct anthropic_turn *turns;
	struct anthropic_plan plan;
	bool claude; /* marks, thoughts and the like mean something */
	int skip;    /* cache marks that are too many, the first ones */
	bool short_; /* a mark of five minutes has gone: no hours after it */
	struct bedrock_name *names; /* of documents */
};

/* A name of a document, or of a tool, that is taken. */
struct bedrock_name {
	struct bedrock_name *next;
	struct str name;
};
bool bedrock_name_taken(const struct bedrock_name *, struct str);

/* What one may be called there, the same for the same (wire.md 9.2). */
struct str bedrock_tool_name(struct str, struct arena *);

/* The mark behind a block, as an element of the open array. */
void bedrock_put_mark(struct bedrock_out *, enum llm_cache);

/* -1: something that Bedrock cannot be told. */
int bedrock_put_media(struct bedrock_out *, const struct llm_part *);

/* Members "system" and "messages", with what they are made of. */
void bedrock_put_system(struct bedrock_out *);
int bedrock_put_messages(struct bedrock_out *);

/* Member "toolConfig", and what else is said of tools. */
void bedrock_put_tools(struct bedrock_out *);
/* The choice as Claude itself has it, or nothing. */
void bedrock_put_own_choice(struct bedrock_out *);
bool bedrock_has_own_choice(const struct bedrock_out *);

int bedrock_encode_request(const struct llm_request *, const struct llm_aim *,
    struct jw *, struct err *);
int bedrock_encode_count(const struct llm_request *, const struct llm_aim *,
    struct jw *, struct err *);

/* A stream that is decoded. */
struct bedrock_dec {
	struct llm_facts facts;
	bool started;
	bool open;
	enum llm_kind kind; /* of the open block */
	bool hidden;        /* it is a thought that only has a seal */
	bool told;          /* a call: there were arguments */
	int block;
	int64_t up;   /* the provider's number of the open block */
	bool stopped; /* messageStop came */
	bool broken;  /* and said that the model failed */
	char seq[256];
};

void bedrock_read_usage(struct str raw, struct llm_facts *);

int bedrock_decode_answer(struct arena *, const struct frame *, struct str,
    struct llm_sink *, struct err *);
int bedrock_decode_event(void *, struct arena *, const struct frame *,
    const struct sse_event *, struct llm_sink *, struct err *);
int bedrock_decode_end(void *, struct llm_sink *, struct err *);

#endif
