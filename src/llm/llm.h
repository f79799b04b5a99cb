#ifndef LLM_LLM_H
#define LLM_LLM_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "json/jscan.h"

/*
 * The neutral model: what a chat request, a stream and an answer mean, in no
 * vendor's words.  Rules for what belongs here:
 *
 *  - a thing enters only if at least two dialects can express it;
 *  - fields we do not know never enter.  They survive because traffic between
 *    equal dialects is edited in place (see dialect_body()), not re-encoded;
 *  - everything is a view into the request arena.  Nothing here is freed.
 */

struct dialect;
struct json_object;

enum llm_role { LLM_SYSTEM, LLM_USER, LLM_ASSISTANT, LLM_TOOL };

enum llm_kind { /* of a part, and of a stream block */
	LLM_TEXT,
	LLM_MEDIA,
	LLM_CALL,   /* the model asks for a tool */
	LLM_RESULT, /* the client answers that */
	LLM_REASONING,
	LLM_REFUSAL,
	LLM_NATIVE, /* only the dialect it came in can say this */
	/*
	 * In an answer to LLM_EMBED: a vector.  Its text is the base64 of
	 * 32-bit floats, lowest byte first (dialect/vector.h).  Block n of
	 * choice 0 belongs to input n.
	 */
	LLM_VECTOR = LLM_NATIVE
};

/* A mark of the client: the prompt up to here is worth caching. */
enum llm_cache { LLM_CACHE_NONE, LLM_CACHE_5M, LLM_CACHE_1H };

/*
 * Who signed or encrypted something: it goes back to that kind of model byte
 * for byte, and to no other.  Anthropic is also Claude on Vertex and Bedrock.
 */
enum llm_issuer {
	LLM_BY_NOBODY,
	LLM_BY_ANTHROPIC,
	LLM_BY_GOOGLE,
	LLM_BY_OPENAI,
	LLM_BY__MAX
};

/* Where a text comes from: a citation. */
struct llm_cite {
	struct llm_cite *next;
	struct str url;
	struct str title;
	int64_t start; /* characters of the answer's text; -1: not known */
	int64_t end;
};

struct llm_part {
	struct llm_part *next;
	enum llm_kind kind;
	enum llm_cache cache;
	struct llm_cite *cites;   /* TEXT of an answer */
	struct json_object *node; /* where its text lives, or NULL */
	union {
		struct str text; /* TEXT, REFUSAL */
		struct {
			struct str mime; /* "image/png" */
			struct str url;  /* one of url, data, id */
			struct str data; /* base64 */
			struct str id;   /* upstream file id */
			struct str name; /* of a file */
			struct str detail; /* of an image: "low" */
			struct str text; /* of a plain text document */
		} media;
		struct {
			struct str id;
			struct str name;
			struct str args; /* JSON text; custom: any text */
			struct str seal; /* Google's signature of the call */
			bool custom;     /* of a tool that takes free text */
		} call;
		struct {
			struct str id; /* of the call */
			struct llm_part *parts;
			bool failed;
		} result;
		struct {
			struct str text;
			struct str seal; /* opaque: signature, or all of it */
			enum llm_issuer by;
			bool hidden;   /* the seal is the thought, encrypted */
			struct str id; /* of a reasoning item (responses) */
		} reasoning;
	};
};

struct llm_message {
	struct llm_message *next;
	enum llm_role role;
	struct str name;
	struct llm_part *parts;
};

struct llm_tool {
	struct llm_tool *next;
	struct str name;
	struct str text;
	struct json_object *schema; /* borrowed; custom: its format as chat
				       spells it, or NULL */
	enum llm_cache cache;
	bool strict;
	bool custom; /* free text in, no schema */
	bool barred; /* allowed_tools leaves it out */
};

/* Native web search, as all who have it let a client ask for it. */
struct llm_search {
	bool on;
	struct str city, region, country, timezone;
	struct str size;             /* of the context that is searched */
	struct json_object *allowed; /* arrays of domains, or NULL */
	struct json_object *blocked;
	int64_t max_uses; /* 0: not given */
};

/*
 * A top-level member that is no part of the neutral view.  An encoder that has
 * the same member may take it; all others are told as dropped.
 */
struct llm_hint {
	struct llm_hint *next;
	struct str name;
	struct json_object *node;
};

/* Scalar settings: dialects map them with a table (dialect/setting.h). */
enum llm_setting {
	LLM_TEMPERATURE,
	LLM_TOP_P,
	LLM_TOP_K,
	LLM_MAX_OUTPUT,
	LLM_FREQUENCY_PENALTY,
	LLM_PRESENCE_PENALTY,
	LLM_REASONING_BUDGET,
	LLM_SEED,
	LLM_SETTING__MAX
};

/*
 * What a request needs and what a mapping of the catalogue can: a mapping
 * serves a request if its bits hold all that the request needs.  The rows with
 * the words for them (catalogue file, llmgw.conf) are in domain/catalog.c.
 */
enum {
	LLM_CAN_TOOLS = 1u << 0,
	LLM_CAN_PARALLEL = 1u << 1, /* parallel_tool_calls */
	LLM_CAN_IMAGES = 1u << 2,   /* image input */
	LLM_CAN_AUDIO = 1u << 3,    /* audio input */
	LLM_CAN_FILES = 1u << 4,    /* documents */
	LLM_CAN_VIDEO = 1u << 5,
	LLM_CAN_JSON = 1u << 6,   /* response_format json_object */
	LLM_CAN_SCHEMA = 1u << 7, /* response_format json_schema */
	LLM_CAN_REASON = 1u << 8,
	LLM_CAN_BUDGET = 1u << 9,  /* a thinking budget in tokens */
	LLM_CAN_SEARCH = 1u << 10, /* native web search */
	LLM_CAN_STREAM = 1u << 11,
	LLM_CAN_PLAIN = 1u << 12, /* absent: streams only */
	LLM_CAN_EMBED = 1u << 13, /* embeddings, and no chat */
	LLM_CAN_DRAW = 1u << 14,  /* image output */
	LLM_CAN_SPEAK = 1u << 15, /* audio output */
	LLM_CAN_CHAT = 1u << 16,  /* text output */
	/* How the model wants to be asked; requests never need these. */
	LLM_WANTS_RESPONSES = 1u << 17, /* served as responses only */
	LLM_WANTS_MESSAGES = 1u << 18,  /* Claude where others are, too */
	LLM_WANTS_SEALS = 1u << 19,     /* calls go back signed (Gemini 3) */
	LLM_WANTS_MAX_COMPLETION = 1u << 20, /* max_tokens is refused */
	LLM_WANTS_NO_SAMPLING = 1u << 21,    /* temperature and kin refused */
	LLM_WANTS_NO_TOOL_EFFORT = 1u << 22, /* effort beside tools refused */
	LLM_WANTS_DEVELOPER = 1u << 23,      /* no system role */
	LLM_WANTS_ADAPTIVE = 1u << 24,       /* thinking is adaptive + effort */
	LLM_WANTS_LEVEL = 1u << 25,          /* thinkingLevel, no budget */
	LLM_WANTS_FREE_CHOICE = 1u << 26,    /* a forced tool is refused */
	LLM_WANTS_ONE_SAMPLING = 1u << 27,   /* temperature or top_p */
	LLM_WANTS_NO_PENALTIES = 1u << 28,
	LLM_WANTS_NO_PREFILL = 1u << 29, /* last turn must be the user's */
	LLM_WANTS_THOUGHT = 1u << 30     /* thinking cannot be turned off */
};
/* Embeddings of a size that the client chooses; an enum holds no bit 31. */
#define LLM_CAN_RESIZE (1u << 31)

/*
 * What a request says that changes its meaning and that not every dialect can
 * say (api.md 18): one with a bit that the target does not hear does not go
 * there.  Bits that LLM_CAN_* does not use, so that both fit into one word.
 */
enum {
	LLM_SAY_NATIVE = 1u << 20, /* what only its own dialect has */
	LLM_SAY_MANY = 1u << 21,   /* n > 1 */
	LLM_SAY_LOGPROBS = 1u << 22,
	LLM_SAY_BIAS = 1u << 23,   /* logit_bias */
	LLM_SAY_CUSTOM = 1u << 24, /* custom tools */
	LLM_SAY_AUDIO = 1u << 25,  /* audio in the input */
	LLM_SAY_URL = 1u << 26,    /* media by URL */
	LLM_SAY_SPEAK = 1u << 27,  /* audio in the answer */
	LLM_SAY_SEARCH = 1u << 28, /* native web search */
	LLM_SAY_VIDEO = 1u << 29,
	LLM_SAY_DRAW = 1u << 30, /* images in the answer */
};
#define LLM_SAY_STOP (1u << 31) /* stop strings; no int, so no enum */
#define LLM_NEEDS_MASK ((1u << 20) - 1)
#define LLM_SAYS_MASK (~LLM_NEEDS_MASK)

/* What is done: each endpoint's dialect does one of them. */
enum llm_task { LLM_CHAT, LLM_COUNT, LLM_EMBED, LLM_IMAGE };

/* Requests for images say nothing of chats; in them these bits mean: */
enum {
	LLM_SAY_EDIT = LLM_SAY_LOGPROBS, /* images come with it */
	LLM_SAY_MASK = LLM_SAY_BIAS,
	LLM_SAY_LINK = LLM_SAY_CUSTOM,   /* response_format url */
	LLM_SAY_PARTIAL = LLM_SAY_SPEAK, /* a stream */
};

/* The member that a bit is about: "n", "logprobs"; for err.param. */
const char *llm_say_word(enum llm_task, unsigned bit);

/* Words of api.md 8.1. */
enum llm_quality {
	LLM_QUALITY_AUTO,
	LLM_QUALITY_STANDARD,
	LLM_QUALITY_HD,
	LLM_QUALITY_LOW,
	LLM_QUALITY_MEDIUM,
	LLM_QUALITY_HIGH,
	LLM_QUALITY_XHIGH,
	LLM_QUALITY_MAX,
	LLM_QUALITY__COUNT
};
extern const char *const llm_quality_words[LLM_QUALITY__COUNT];
enum llm_quality llm_quality_find(struct str); /* AUTO: no such word */

/* How a picture is to be, or is. */
struct llm_picture {
	int w, h;             /* pixels; 0: not said */
	int ratio_w, ratio_h; /* reduced; 0: not said */
	enum llm_quality quality;
};

/*
 * "1024x768" or "auto" (which says nothing), "4:3".  A size has a ratio, too.
 * false: it is none.
 */
bool llm_picture_size(struct llm_picture *, struct str);
bool llm_picture_ratio(struct llm_picture *, struct str);

/* A file of a form, views of the body. */
struct llm_file {
	struct llm_file *next;
	struct str field; /* "image[]" */
	struct str name;  /* as the client calls it; absent: it does not */
	struct str type;  /* "image/png", by its bytes */
	struct str data;
};

/* Words of api.md 4.1.  Bits of mapping.efforts too. */
enum llm_effort {
	LLM_EFFORT_NONE,
	LLM_EFFORT_MINIMAL,
	LLM_EFFORT_LOW,
	LLM_EFFORT_MEDIUM,
	LLM_EFFORT_HIGH,
	LLM_EFFORT_XHIGH,
	LLM_EFFORT_MAX,
	LLM_EFFORT__COUNT
};
extern const char *const llm_effort_words[LLM_EFFORT__COUNT];

/* false: no such word. */
bool llm_effort_find(struct str, enum llm_effort *);
/* The nearest of a set (bit per effort; 0: any); a tie goes down. */
enum llm_effort llm_effort_near(enum llm_effort, unsigned set);
/*
 * Tokens for an effort, and the other way (api.md 18).  A budget below
 * below[e] is the effort e; the lowest that fits counts, and HIGH if none does.
 */
struct llm_scale {
	int64_t budgets[LLM_EFFORT__COUNT];
	int64_t below[LLM_EFFORT__COUNT]; /* 0: not an answer */
};
extern const struct llm_scale llm_scale_default;
/*
 * Texts as "low:1024,medium:4096" and "low:2048,medium:8192"; the first
 * changes what it names, the second replaces all.  "": the default.
 */
int llm_scale_parse(
    struct llm_scale *, struct str budgets, struct str efforts, struct err *);
/* By the default scale; where there is an aim, llm_aim_budget() is right. */
int64_t llm_effort_budget(enum llm_effort);
enum llm_effort llm_budget_effort(int64_t tokens);

enum llm_choose { LLM_AUTO, LLM_NONE, LLM_ANY, LLM_NAMED };

/* How the answer must look. */
enum llm_format { LLM_FORMAT_FREE, LLM_FORMAT_JSON, LLM_FORMAT_SCHEMA };

/* Highest number of choices that one request may ask for. */
#define LLM_CHOICES_MAX 128

struct llm_request {
	/* As it came in; immutable. */
	const struct dialect *from;
	struct str path; /* some dialects name the model here */
	struct str body;
	struct jmember *members;
	int nmembers;

	/* Known after dialect->peek(): enough to authorise and route. */
	struct str model;
	bool stream;
	bool include_usage; /* the client wants a usage chunk of its own */
	bool heal;          /* repair JSON content: dialect/heal.h */
	unsigned needs;     /* LLM_CAN_* */
	unsigned says;      /* LLM_SAY_* */
	unsigned wishes;    /* LLM_CAN_*: heeded where somebody can */
	const char *native; /* the member LLM_SAY_NATIVE is about, or NULL */
	struct str envelope; /* raw id of the MCP call that it is, in the
				arena of the answer; or absent */
	struct str version; /* header anthropic-version, or absent */
	struct str betas;   /* header anthropic-beta, or absent */
	int64_t max_output; /* 0: not given */
	int64_t n;          /* choices, 1 if not given */
	size_t text_bytes;  /* of text, names and roles, for estimates */
	size_t audio_bytes; /* of the input, as base64 */
	size_t file_bytes;
	int images; /* of the input */

	/* Of an embeddings request, known after peek(). */
	int64_t dimensions; /* 0: not given */

	/* Of a request for images, known after peek(). */
	struct str type;  /* Content-Type, known before */
	int64_t pictures; /* how many, as n; 0: it is no such request */
	struct llm_picture picture;
	struct llm_file *files; /* of a form; its fields are the body then */

	/*
	 * Known after dialect->decode_request(): the neutral view.  For
	 * embeddings each message is one input: a user's, with one TEXT part.
	 * For images there is one message, the prompt and MEDIA parts.
	 */
	struct json_object *doc;
	struct llm_message *messages;
	struct str input_type; /* what embeddings are for, in Cohere's words:
				"search_query", "search_document",
				"classification", "clustering"; or absent */
	struct llm_tool *tools;
	enum llm_choose choose;
	struct str choose_name;
	unsigned has; /* bit per llm_setting */
	double set[LLM_SETTING__MAX];
	struct llm_part *stops; /* TEXT parts */
	bool has_effort;
	enum llm_effort effort;
	enum llm_effort brief; /* set for a client that gave none, or NONE */
	bool hide_reasoning; /* the client wants none of it */
	bool serial;         /* no parallel tool calls */
	struct llm_search search;
	struct str user; /* opaque id of the end user */
	enum llm_format format;
	struct str format_name;     /* SCHEMA */
	struct str format_text;     /* what it is for, or empty */
	struct json_object *schema; /* SCHEMA; of the answer */
	bool schema_strict;
	struct llm_hint *hints;
	struct llm_part *mask; /* of an edit: the last of the parts */
	bool edited; /* a part was changed */
};

static inline bool
llm_has(const struct llm_request *r, enum llm_setting s)
{
	return (r->has & 1u << s) != 0;
}

/* What an encoder must know of where a request goes, and tells back. */
struct llm_aim {
	struct str model;    /* the provider's name for it */
	unsigned caps;       /* LLM_CAN_*, LLM_WANTS_* of the mapping */
	unsigned efforts;    /* bit per enum llm_effort; 0: not known */
	int64_t max_output;  /* of the model, 0: not known */
	bool stream;         /* ask for a stream */
	bool ids;            /* calls have ids (Gemini: not on Vertex) */
	bool tiers;          /* takes service tiers (Gemini: not on Vertex) */
	struct arena *arena; /* of the attempt */
	struct buf *dropped; /* llm_drop() adds names to it */
	const struct llm_scale *scale; /* NULL: the default */
};

/* llm_effort_budget() and llm_budget_effort() by the aim's scale. */
int64_t llm_aim_budget(const struct llm_aim *, enum llm_effort);
enum llm_effort llm_aim_effort(const struct llm_aim *, int64_t tokens);

/* Note a member that is left out, once: "temperature". */
void llm_drop(const struct llm_aim *, const char *name);
/* The same for all hints but those named in the NULL-ended list. */
void llm_drop_hints(const struct llm_aim *, const struct llm_request *,
    const char *const *taken);
/* Is the name among those in *dropped? */
bool llm_is_dropped(struct str list, struct str name);
/* The node of a hint, or NULL. */
struct json_object *llm_hint(const struct llm_request *, const char *name);

/*
 * Seals that cross a dialect which has no word for their issuer: written as
 * "llmgw:<issuer>:<seal>" unless it is `home`, the dialect's own, which goes
 * as it is.  Reading gives the seal and its issuer back.
 */
void llm_seal_put(
    struct buf *, enum llm_issuer by, struct str seal, enum llm_issuer home);
struct str llm_seal_read(
    struct str wire, enum llm_issuer home, enum llm_issuer *by);

/* The class of service, of which some providers make the price depend. */
enum llm_tier {
	LLM_TIER_UNTOLD, /* or left to the provider: "auto" */
	LLM_TIER_STANDARD,
	LLM_TIER_FLEX,
	LLM_TIER_PRIORITY
};
/* Of a request's or an answer's word; what costs as usual is STANDARD. */
enum llm_tier llm_tier_of(struct str word);

/* Tokens, unless said otherwise.  The parts are included in their whole. */
struct llm_usage {
	int64_t input; /* all of it: cached, written, audio, images */
	int64_t cache_read;
	int64_t cache_write_5m; /* also when the lifetime is not told */
	int64_t cache_write_1h;
	int64_t audio_in;
	int64_t image_in;
	int64_t output; /* all of it: reasoning, audio, images */
	int64_t reasoning;
	int64_t audio_out;
	int64_t image_out;
	int images_in; /* pieces */
	int images_out;
	int searches;
	bool estimated; /* by us: the provider told nothing */
	enum llm_tier tier; /* by which it was served, as the provider told */
	struct llm_picture picture; /* of images_out, for prices by size */
};
void llm_usage_add(struct llm_usage *to, const struct llm_usage *);

/* What that cost, in nano-dollars; each part is rounded once (api.md 14.2). */
struct llm_cost {
	int64_t total; /* the sum of the parts below */
	int64_t input;
	int64_t cached_input;
	int64_t cache_write;
	int64_t output;
	int64_t request;
	int64_t web_search;
	int64_t image_in;
	int64_t image_out;
	int64_t audio_in;
	int64_t audio_out;
	int64_t content_filter;
	int64_t data_storage;
	int64_t billed; /* of the total: what the credits pay */
	int64_t discount; /* what it would cost more without discounts */
};

/* Members "cost" and "cost_details" (api.md 4.4) into the open object. */
struct jw;
void llm_put_cost(struct jw *, const struct llm_cost *);

/* Tokens in so many bytes of text, when nobody told: api.md 4.4. */
int64_t llm_count(int64_t bytes);

enum llm_stop {
	LLM_STOP_NONE, /* not seen yet */
	LLM_STOP_END,
	LLM_STOP_LENGTH,
	LLM_STOP_CALLS,
	LLM_STOP_SEQUENCE,
	LLM_STOP_FILTER,
	LLM_STOP_OTHER
};

/*
 * What the record, the cost and the checks need to know of an answer, however
 * it was passed on.  Filled while the answer goes by.
 */
struct llm_facts {
	struct llm_usage usage;
	bool has_usage;     /* the provider told */
	enum llm_stop why;  /* of the last choice that ended */
	char raw_stop[40];  /* the provider's own word for it */
	int64_t text_bytes; /* content and reasoning that went by */
	int calls;          /* tool calls */
	int images;
	bool refused; /* a refusal text */
	bool audio;   /* spoken */
	bool reasons; /* a thought has begun */
	int skipped;  /* events that were no JSON */
	char id[64];  /* the answer's id */
};

/* -1: a success that says nothing at all (api.md 2.4). */
int llm_no_content(const struct llm_facts *, struct err *);

/*
 * Events are the one currency of answers.  Decoders only make events, whether
 * the upstream streamed or not; llm_fold turns events into an answer for
 * clients that did not ask for a stream, and for the log.
 *
 *	START ( OPEN DELTA* CLOSE | USAGE | PING )* STOP+ USAGE? END
 *
 * ERROR END may take the place of any tail.  llm_grammar checks this.
 */
enum llm_event_kind {
	LLM_EV_START,
	LLM_EV_OPEN,  /* block begins */
	LLM_EV_DELTA, /* more of the open block */
	LLM_EV_CLOSE,
	LLM_EV_USAGE, /* running totals; the last one counts */
	LLM_EV_STOP,  /* one per choice */
	LLM_EV_PING,
	LLM_EV_ERROR, /* failure after the answer began */
	LLM_EV_END
};

struct llm_event {
	enum llm_event_kind kind;
	int choice; /* 0 unless n > 1 was asked */
	int block;  /* counts up within a choice */
	union {
		struct {
			struct str id;
			struct str model;
		} start;
		struct {
			enum llm_kind kind;
			struct str id;      /* CALL; REASONING: of its item */
			struct str name;    /* CALL; MEDIA: its type, if
					       base64 follows, else absent */
			struct str seal;    /* CALL: Google's signature */
			bool custom;        /* CALL */
			bool hidden;        /* REASONING: only a seal follows */
			enum llm_issuer by; /* REASONING */
		} open;
		struct {
			struct str text; /* or argument JSON, by block; MEDIA:
					  a data: or https: URL */
			struct str seal; /* REASONING, in pieces too */
			const struct llm_cite *cite; /* TEXT, or NULL */
		} delta;
		struct llm_usage usage;
		struct {
			enum llm_stop why;
			struct str seq; /* the stop string that was met */
			struct str raw; /* the provider's own word */
		} stop;
		const struct err *error;
	};
};

/* Where events go.  An event and all it points to die when put() returns. */
struct llm_sink {
	int (*put)(struct llm_sink *, const struct llm_event *, struct err *);
};

static inline int
llm_put(struct llm_sink *s, const struct llm_event *ev, struct err *e)
{
	return s->put(s, ev, e);
}

/* A whole answer: what a stream adds up to. */
struct llm_choice {
	struct llm_choice *next;
	int index;
	struct llm_part *parts;
	enum llm_stop why;
	struct str seq;
	struct str raw; /* the provider's word for why */
};

struct llm_answer {
	struct str id;
	struct str model;
	struct llm_choice *choices;
	struct llm_usage usage;
	bool ended;  /* END was seen */
	bool failed; /* ERROR was seen; error says what */
	struct err error;
};

/* Collects events into an answer that lives in the arena. */
struct llm_fold {
	struct llm_sink sink;
	struct arena *arena;
	struct llm_answer *answer;
	bool views; /* media live as long as the arena: they are not copied */
	struct llm_open *open; /* per choice: the block that grows */
};

struct llm_fold *llm_fold_new(struct arena *, struct llm_answer *);

/* The other way: a whole answer for a client that wants a stream. */
int llm_replay(const struct llm_answer *, struct llm_sink *, struct err *);

/* Change a part where it lives, so that equal dialects see it too. */
void llm_part_set_text(struct llm_request *, struct llm_part *, struct str);

/*
 * Run fn for each text that people or models wrote: texts, refusals, reasoning
 * and what tools gave back, in order.  -1 as soon as fn says -1.
 */
typedef int llm_text_fn(void *arg, struct llm_part *, struct str);
int llm_each_text(const struct llm_message *, llm_text_fn *, void *arg);
int llm_each_answer_text(const struct llm_answer *, llm_text_fn *, void *arg);

/* How many characters a text has, as citations count them. */
int64_t llm_characters(struct str);

/* The neutral view as JSON, the same bytes for the same meaning: for tests. */
void llm_dump(const struct llm_request *, struct jw *);

/*
 * Catches decoders that break the grammar; on in tests and debug builds.
 * Blocks count up within each choice, and choices may alternate.
 */
struct llm_grammar {
	struct llm_sink sink; /* first, so casts work */
	struct llm_sink *next;
	int state;
	struct {
		bool open;
		bool stopped;
		int block;
	} choice[LLM_CHOICES_MAX];
};

void llm_grammar_init(struct llm_grammar *, struct llm_sink *next);

#endif
