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
	LLM_NATIVE /* only the dialect it came in can say this */
};

struct llm_part {
	struct llm_part *next;
	enum llm_kind kind;
	struct json_object *node; /* where its text lives, or NULL */
	union {
		struct str text; /* TEXT, REFUSAL */
		struct {
			struct str mime; /* "image/png" */
			struct str url;  /* one of url, data, id */
			struct str data; /* base64 */
			struct str id;   /* upstream file id */
		} media;
		struct {
			struct str id;
			struct str name;
			struct str args; /* JSON text */
		} call;
		struct {
			struct str id; /* of the call */
			struct llm_part *parts;
			bool failed;
		} result;
		struct {
			struct str text;
			struct str seal; /* opaque signature */
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
	struct json_object *schema; /* borrowed */
	bool strict;
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
	LLM_WANTS_MAX_COMPLETION = 1u << 20, /* max_tokens is refused */
	LLM_WANTS_NO_SAMPLING = 1u << 21,    /* temperature and kin refused */
	LLM_WANTS_NO_TOOL_EFFORT = 1u << 22, /* effort beside tools refused */
	LLM_WANTS_DEVELOPER = 1u << 23,      /* no system role */
};

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
	bool same_dialect;  /* says something only this dialect can */
	int64_t max_output; /* 0: not given */
	int64_t n;          /* choices, 1 if not given */
	size_t text_bytes;  /* of text, names and roles, for estimates */
	size_t audio_bytes; /* of the input, as base64 */
	size_t file_bytes;
	int images; /* of the input */

	/* Known after dialect->decode_request(): the neutral view. */
	struct json_object *doc;
	struct llm_message *messages;
	struct llm_tool *tools;
	enum llm_choose choose;
	struct str choose_name;
	unsigned has; /* bit per llm_setting */
	double set[LLM_SETTING__MAX];
	struct llm_part *stops; /* TEXT parts */
	struct str effort;      /* word of api.md 4.1, absent: not given */
	bool serial;            /* no parallel tool calls */
	enum llm_format format;
	struct str format_name;     /* SCHEMA */
	struct json_object *schema; /* SCHEMA; of the answer */
	struct str dropped;         /* hints a target could not be told */
	bool edited;                /* a part was changed */
};

static inline bool
llm_has(const struct llm_request *r, enum llm_setting s)
{
	return (r->has & 1u << s) != 0;
}

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
};

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
	int skipped;  /* events that were no JSON */
	char id[64];  /* the answer's id */
};

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
			struct str id;   /* CALL */
			struct str name; /* CALL */
		} open;
		struct {
			struct str text; /* or argument JSON, by block */
			struct str seal; /* REASONING signature */
		} delta;
		struct llm_usage usage;
		struct {
			enum llm_stop why;
			struct str seq;
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
