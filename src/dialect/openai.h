#ifndef DIALECT_OPENAI_H
#define DIALECT_OPENAI_H

#include "dialect/answer.h"
#include "dialect/check.h"

/*
 * Shared by the files of the OpenAI chat dialect only.  "Raw" is JSON text as
 * it stood in a checked document.
 */

/* Blanks between tokens may be line ends, but an event is one line. */
struct str openai_one_line(struct str, struct arena *scratch);

/* A string that says something? */
static inline bool
openai_says(struct str raw)
{
	return raw.n > 2 && raw.p[0] == '"';
}

/* Comma if one is due, and a member with its raw value. */
void openai_put(struct buf *, const char *key, struct str raw);
/* The same with the member's own bytes. */
void openai_put_raw(struct buf *, const struct jmember *);
void openai_comma(struct buf *);

/* A thought in reasoning_details; `by` NOBODY: nobody signed it. */
struct openai_detail {
	enum llm_issuer by;
	bool hidden; /* the seal is all of it */
	struct str id;
	struct str text;
	struct str seal;
	int index;
};
enum llm_issuer openai_issuer(struct str format);
void openai_put_detail(struct jw *, const struct openai_detail *);
/* The member, if any of the thoughts is somebody's. */
void openai_put_details(const struct llm_part *, struct jw *);

/* What the answer needs to know of the request; of an arena, or NULL. */
struct openai_asked {
	bool hide;   /* reasoning.exclude */
	bool legacy; /* functions: function_call in the answer */
};
const void *openai_note(const struct llm_request *, struct arena *);
static inline bool
openai_hides(const struct frame *f)
{
	const struct openai_asked *asked = f->asked;

	return asked != NULL && asked->hide;
}

/* The id of the end user, no longer than OpenAI takes it. */
void openai_put_user(struct str user, struct jw *);

/* An element of tool_calls, of a request or of a whole answer. */
void openai_put_call(const struct llm_part *, struct jw *);
/* The same where all tools are functions: free text is their "input". */
void openai_put_function(const struct llm_part *, struct jw *);
/* Google's signature of a call: extra_content; an empty one is not written. */
void openai_put_signature(struct str seal, struct jw *);
/* cache_control, of a part or a tool. */
void openai_put_mark(enum llm_cache, struct jw *);
void openai_put_messages(const struct llm_request *, struct jw *);

/* How many bytes of text a raw string stands for, closely enough. */
int64_t openai_text_len(struct str raw);

/*
 * What a provider's finish word means (api.md 4.3).  *broken: the words for
 * answers that went wrong, which are an error unless there is content.
 */
enum llm_stop openai_stop(struct str word, bool *broken);
const char *openai_stop_word(enum llm_stop);

/*
 * Content that is an array of parts (Mistral): write what belongs to the text,
 * or what belongs to the reasoning, as one raw string.
 */
void openai_put_parts(struct buf *, struct str array, bool reasoning);
bool openai_has_reasoning_part(struct str array);

/* The members for reasoning that the frame asks for; raw is a string. */
void openai_put_reasoning(struct buf *, const struct frame *, struct str raw);

/*
 * Read a raw usage object of any OpenAI-like provider over what is known; each
 * member that is there wins.  False if it told no counts.
 */
bool openai_read_usage(
    struct str raw, const struct frame *, struct llm_usage *);
/* Our usage, with the members of the provider's (raw) that we do not know. */
void openai_put_usage(
    struct jw *, const char *key, const struct tail *, struct str raw);

/* Find an error in a parsed or unparsed body: true, and err is filled. */
bool openai_read_error(struct arena *, struct str body, struct err *);
/* An error told inside a success: message and status of it, ERR_UPSTREAM. */
int openai_error_inside(struct arena *, struct str raw, struct err *);
/* answer_scan() where an error may stand in an array, too; -1: or an error. */
int openai_scan(
    struct arena *, struct str body, struct jmember **, struct err *);
/* The same of who tells an error in a member "error": that is one, too. */
int openai_scan_good(
    struct arena *, struct str body, struct jmember **, struct err *);

/*
 * Tool calls of a stream, across the ways servers spoil them (wire.md 11, the
 * repair rule).  The strings of a call are raw, without quotes.
 */
struct openai_call {
	int choice;
	int index;      /* ours: 0, 1, 2 in order of appearance */
	int64_t up;     /* the provider's, -1: none */
	bool announced; /* relay: id and name have gone out */
	bool has_args;
	bool custom;
	struct buf id;
	struct buf name;
	struct buf args; /* relay: only until it is announced */
	struct buf seal; /* Google's signature, with quotes */
};

struct openai_calls {
	struct buf store;
};

/* One element of tool_calls taken apart; raw values, absent if not there. */
struct openai_piece {
	int64_t index; /* -1: not there */
	struct str id;
	struct str type;
	struct str fn; /* the object */
	struct str name;
	struct str args;
	struct str seal;
	bool custom;
};

void openai_piece_read(struct str raw, struct openai_piece *);
/* The call that a piece belongs to, made if it is new; NULL: too many. */
struct openai_call *openai_call_for(
    struct openai_calls *, int choice, const struct openai_piece *);
int openai_call_count(const struct openai_calls *);
struct openai_call *openai_call_at(const struct openai_calls *, int);
/* An id for a call that got none, from the answer's id and its place. */
void openai_call_id(
    const struct openai_call *, struct str answer, char out[32]);
/* The raw arguments as the inner bytes of a string: objects are quoted. */
void openai_call_args(struct str raw, struct buf *);
void openai_calls_free(struct openai_calls *);

/* What is known of a choice in a stream: bits, and how it ended. */
enum {
	OPENAI_SEEN = 1u << 0,   /* its first chunk, with the role, has gone */
	OPENAI_CALLED = 1u << 1, /* it has a tool call */
	OPENAI_ENDED = 1u << 2   /* a finish word came */
};

struct openai_choice {
	unsigned char bits;
	unsigned char why; /* enum llm_stop */
};

/* The last plain chunk, to know by it those that are like it. */
#define OPENAI_LIKE_MAX 2
struct openai_like {
	int strings; /* that may differ: the text, padding; 0: none is known */
	size_t in[OPENAI_LIKE_MAX + 1]; /* bytes around them, as it came */
	size_t out[OPENAI_LIKE_MAX + 1]; /* and as it went */
	struct buf bytes;
};

/* A stream that is patched (openai_relay.c). */
struct openai_relay {
	struct llm_facts facts;
	struct openai_choice choice[LLM_CHOICES_MAX];
	struct openai_calls calls;
	struct buf head; /* the members that all chunks begin with */
	struct buf held; /* finish chunk that may be the last */
	size_t held_at;  /* of its finish word, with the quotes */
	size_t held_n;
	int held_choice;
	struct buf extras;  /* array of objects: members that wait for a chunk */
	size_t extras_last; /* where the last of them begins */
	struct buf usage;  /* the provider's last usage object */
	struct openai_like like;
	char id[256];      /* raw, the first that is not empty */
	int64_t created;
	bool terminal; /* [DONE] came */
};

/* One event of such a stream on its way through (openai_chunk.c). */
struct openai_chunk {
	struct openai_relay *r;
	const struct frame *f;
	const struct jmember *v; /* members of the event */
	int n;
	struct str data; /* the event */
	struct str choices;
	struct buf *out;
	size_t from; /* of out: where the event begins */
	struct str content; /* raw, if only it may change; see again_keep */
	size_t content_at;  /* of out */
};

/* What a member of a chunk is to us; OURS are written anew. */
enum openai_top {
	OPENAI_TOP_OTHER,
	OPENAI_TOP_OURS,
	OPENAI_TOP_USAGE,
	OPENAI_TOP_CHOICES,
	OPENAI_TOP_ERROR,
	OPENAI_TOP_GROQ
};
enum openai_top openai_top_of(struct str key);

/* A finish chunk, or members that wait for a chunk. */
#define OPENAI_HELD_MAX ((size_t)1024 * 1024)

/* Up to the bracket of the choices; from there on, to the closing bracket. */
void openai_chunk_begin(const struct openai_chunk *, struct buf *);
void openai_chunk_end(const struct openai_chunk *, struct buf *);
/*
 * The chunk is not sent: its unknown members wait for the next one.  Values
 * that differ under one name (padding, mostly) wait for one each.
 */
void openai_chunk_keep(const struct openai_chunk *);
/*
 * Before a chunk with the members of `next` (or none): what waits and cannot
 * go out in it does in chunks of their own, of this choice and with an empty
 * delta, since only the last chunk may be without a choice.
 */
void openai_chunk_carry(
    const struct openai_chunk *, struct str next, int choice);
/*
 * Hold a finish: the buffer for its chunk, or one that says nothing else.  The
 * finish of another choice that was held goes out.
 */
struct buf *openai_chunk_hold(const struct openai_chunk *, int choice);
void openai_chunk_hold_bare(const struct openai_chunk *, int choice);
/*
 * Send what was held, with the right word, what its choice lacks before it,
 * what waited, and `tail` (members with a comma before them, or nothing).
 */
void openai_chunk_release(const struct openai_chunk *, struct str tail);

/*
 * Is the event like the one that is kept?  Then it is written, and counted.
 * Keep the one that was written just now: its members, and c->content.
 */
bool openai_again(struct openai_relay *, struct str data, struct buf *out);
void openai_again_keep(
    const struct openai_chunk *, const struct jmember *, int n);

/* Finish word of a choice: never "stop" beside a tool call. */
enum llm_stop openai_choice_why(const struct openai_choice *);

/* Note that a choice ended so; -1: the word says that the answer is broken. */
int openai_take_finish(struct llm_facts *, struct openai_choice *,
    struct str raw, bool substance, struct err *);

/* One element of `choices` taken apart; raw values, absent if not there. */
struct openai_view {
	int index;
	bool has_index;
	struct str raw;
	struct str body; /* delta or message */
	struct str finish;
	struct str usage;
	struct str error;
	struct str role;
	struct str content;
	struct str calls;
	struct str reasoning; /* the first that says something */
	bool substance;       /* it holds something to read */
	bool dirty;           /* members must be changed */
};

/* `key` is "delta" or "message"; facts are kept on the way. */
void openai_view_read(
    struct str raw, const char *key, struct openai_view *, struct llm_facts *);

/*
 * Write a choice of a chunk as it must be (openai_delta.c): role in the first
 * and only there, clean tool calls, no usage.  `ends`: all it says is the
 * finish; its place is noted in r->held_at, the word is put in later.
 */
int openai_put_choice(struct buf *, struct openai_relay *, const struct frame *,
    const struct openai_view *, bool ends, struct err *);
/* Does the choice go out as it came? */
bool openai_is_plain(const struct openai_relay *, const struct openai_view *);

/* A stream that is decoded (openai_decode.c). */
struct openai_block {
	bool open;
	bool hidden;        /* a thought that is encrypted */
	bool sealed;        /* a thought that has its signature */
	unsigned char kind; /* enum llm_kind */
	short index;        /* of the thought in reasoning_details */
	int block;
};

struct openai_dec {
	struct openai_choice choice[LLM_CHOICES_MAX];
	struct openai_block block[LLM_CHOICES_MAX];
	struct openai_calls calls; /* whole; they come out at the finish */
	struct llm_facts facts;
	char id[256];
	bool started;
	bool terminal;
};

/* One decoding: where events go and what they are made with. */
struct openai_out {
	struct openai_dec *d;
	struct llm_sink *to;
	struct arena *a;
	struct err *e;
};
int openai_event(struct openai_out *, struct llm_event *, int choice);
int openai_open(struct openai_out *, int choice, const struct llm_event *);
int openai_close(struct openai_out *, int choice); /* if one is open */
/* All of a delta or a message but its tool calls (openai_blocks.c). */
int openai_take_body(struct openai_out *, const struct openai_view *);

/* A stream that is encoded (openai_answer.c). */
struct openai_enc {
	char id[256];
	enum llm_kind kind[LLM_CHOICES_MAX]; /* of the open block */
	int calls[LLM_CHOICES_MAX];          /* opened so far */
	bool told[LLM_CHOICES_MAX];          /* the open call has arguments */
	bool custom[LLM_CHOICES_MAX];        /* it takes free text */
	bool hidden[LLM_CHOICES_MAX];        /* the open thought is encrypted */
	unsigned char by[LLM_CHOICES_MAX];   /* enum llm_issuer of it */
	short thoughts[LLM_CHOICES_MAX];     /* opened so far */
	bool seen[LLM_CHOICES_MAX];          /* the role has gone */
	int stop_choice;
	enum llm_stop why; /* NONE: no finish is held */
	bool failed;
};

/* Pieces of an answer, of a chunk as of a whole one. */
void openai_put_text(const struct frame *, struct str reasoning, struct jw *);
void openai_put_cite(const struct llm_cite *, struct jw *);
void openai_put_image(struct str url, struct jw *);
void openai_put_tail(const struct tail *, struct jw *);
/* The clients of `functions` know one call, and that without an id. */
bool openai_is_legacy(const struct frame *);

/* What the checks see on their way: ids of calls in chains; jcheck.arg. */
#define OPENAI_CHAINS 1024
struct openai_id {
	struct openai_id *next;
	struct str id;
};
struct openai_seen {
	struct check_seen common;
	struct openai_id **ids; /* OPENAI_CHAINS of them, or NULL */
};

#define OPENAI_EFFORTS "none|minimal|low|medium|high|xhigh|max"

extern const struct jrule openai_chat_rules[];
extern const struct jrule openai_function_rules[]; /* of a tool */
int openai_check_image(struct jcheck *, struct str raw);
/* What is wrong with the text; *type is that of data ("png"), or NULL. */
enum openai_image_fault {
	OPENAI_IMAGE_GOOD,
	OPENAI_IMAGE_FORM, /* neither an https URL nor data of an image */
	OPENAI_IMAGE_BASE64,
	OPENAI_IMAGE_BYTES /* not of the type that it says */
};
enum openai_image_fault openai_image_fault(struct str url, const char **type);
/* "png", "jpeg", "gif", "webp", by the first bytes; NULL: none of them. */
const char *openai_image_type(struct str bytes);
int openai_check_name(struct jcheck *, struct str raw);
int openai_check_effort(struct jcheck *, struct str raw);

/* What decoding a request carries from message to message. */
struct openai_decoding {
	struct str old_id; /* of the last function_call, which has none */
	int old_calls;
};
void openai_decode_reasoning(
    struct json_object *message, struct llm_part ***tail, struct arena *);
int openai_decode_message(struct openai_decoding *, struct json_object *,
    struct llm_message *, struct arena *, struct err *);

/* The halves of the vtable. */
int openai_peek(struct llm_request *, struct arena *, struct err *);
int openai_body_patches(const struct llm_request *, struct jpatch *, int max);
int openai_decode_request(struct llm_request *, struct arena *, struct err *);
int openai_encode_request(const struct llm_request *, const struct llm_aim *,
    struct jw *, struct err *);

void openai_encode_event(void *, const struct frame *, const struct llm_event *,
    const struct tail *, struct buf *);
void openai_encode_answer(const struct frame *, const struct llm_answer *,
    const struct tail *, struct jw *);
void openai_encode_error(const struct err *, struct buf *);

int openai_decode_answer(struct arena *, const struct frame *, struct str,
    struct llm_sink *, struct err *);
int openai_decode_event(void *, struct arena *, const struct frame *,
    const struct sse_event *, struct llm_sink *, struct err *);
int openai_decode_end(void *, struct llm_sink *, struct err *);
void openai_decode_free(void *);
void openai_decode_error(struct arena *, struct str, struct err *);

int openai_relay_event(void *, struct arena *, const struct frame *,
    const struct sse_event *, struct buf *, struct err *);
int openai_relay_end(void *, struct arena *, const struct frame *,
    const struct tail *, struct buf *, struct err *);
const struct llm_facts *openai_relay_facts(const void *);
void openai_relay_free(void *);

int openai_patch_read(struct arena *, const struct frame *, struct str,
    struct llm_facts *, struct err *);
int openai_patch_write(struct arena *, const struct frame *,
    const struct tail *, struct str, struct buf *, struct err *);

#endif
