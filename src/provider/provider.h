#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include <stdint.h>

#include "base/conf.h"
#include "base/secret.h"
#include "dialect/dialect.h"
#include "http/request.h"

enum auth {
	AUTH_NONE,
	AUTH_BEARER,    /* Authorization: Bearer KEY */
	AUTH_X_API_KEY, /* x-api-key: KEY */
	AUTH_API_KEY,   /* api-key: KEY (Azure) */
	AUTH_X_GOOG,    /* x-goog-api-key: KEY */
	AUTH__MAX
};

/* Oddities, one bit each; the words for them are in provider/quirk.c. */
enum {
	QUIRK_NO_STREAM_OPTIONS = 1u << 0, /* refuses stream_options */
	QUIRK_MAX_TOKENS = 1u << 1,  /* max_completion_tokens -> max_tokens */
	QUIRK_RANDOM_SEED = 1u << 2, /* seed -> random_seed */
	QUIRK_ANY_CHOICE = 1u << 3,  /* tool_choice required -> any */
	QUIRK_NINE_IDS = 1u << 4,    /* tool ids of nine letters and digits */
	QUIRK_STRICT = 1u << 5,      /* refuses members it does not know */
	QUIRK_REASONING_BACK = 1u << 6,  /* takes old reasoning back */
	QUIRK_REASONING_APART = 1u << 7, /* completion_tokens lack reasoning */
	QUIRK_MAX_COMPLETION = 1u << 8,  /* heeds LLM_WANTS_* */
	QUIRK_NO_CACHE_MARKS = 1u << 9,  /* refuses cache_control */
	QUIRK_SEALS_BACK = 1u << 10, /* takes signed reasoning and calls back */
	QUIRK_NO_CALL_IDS = 1u << 11, /* Gemini\'s calls have no ids */
	QUIRK_NO_TIERS = 1u << 12,    /* Gemini without serviceTier */
};

struct changes;
struct image_words;
struct load;
struct target;
struct upstream;

/* How a stream of events is cut into events. */
enum framing {
	FRAMING_SSE,
	FRAMING_AWS,      /* event stream; an event's name is its :event-type */
	FRAMING_AWS_CHUNK /* the same, the event is base64 in "bytes" */
};

/*
 * One way of asking a provider: a dialect and where it is spoken.  The first
 * way is the usual one; a client's own dialect goes before it, so that what he
 * sends is relayed.  {model} and what the provider's ops know are filled into
 * the paths when a request is made.
 */
struct way {
	const struct dialect *dialect;
	const char *path;
	const char *stream_path; /* NULL: the same */
	enum framing framing;
	unsigned with;    /* only for mappings with all of these caps */
	unsigned without; /* and with none of these */
	unsigned deaf;    /* LLM_SAY_* that its dialect hears, but not here:
			     URLs at Vertex */
	bool one;         /* draws one image a call */
	bool links;       /* and answers URLs, whatever it is told */
	const struct image_words *image; /* provider/image.h; NULL: it takes
					    all that OpenAI's does */
};
#define WAYS_MAX 8

/*
 * What cannot be said as data.  Each may be NULL: then it is as for all.  All
 * but load() run on several threads.
 */
struct provider_ops {
	/*
	 * Once, after base URL and keys: what else the environment says, into
	 * u->own (memory of the load's arena, lives as long as the upstream).
	 */
	int (*load)(const struct load *, struct err *);
	void (*unload)(struct upstream *); /* what no arena frees */
	/* Can it be asked in this region?  NULL: it has none to choose. */
	bool (*regional)(const struct upstream *, struct str region);
	/* Replace base URL and path: *url is the one made from the way. */
	int (*place)(const struct target *, const struct llm_request *,
	    struct arena *, struct str *url, struct err *);
	/* More changes of the body, before the general ones. */
	void (*change)(const struct target *, const struct llm_request *,
	    struct changes *, struct arena *);
	/* More headers, before those of credentials. */
	int (*headers)(const struct target *, const struct llm_request *,
	    struct arena *, struct http_request *, struct err *);
	/* Headers of credentials, when URL and body stand. */
	int (*sign)(const struct target *, struct arena *,
	    struct http_request *, struct err *);
	/*
	 * Is something to be fetched before the target can be asked (a token)?
	 * 1: *q asks for it, and took() gets the answer; 2: another request is
	 * fetching it, wait; 0: no.  -1: it cannot be had.
	 */
	int (*need)(const struct target *, struct arena *,
	    struct http_request *q, struct err *);
	/*
	 * t->now is the time of the answer.  status 0: no answer came; -1:
	 * nobody waits for it any more.
	 */
	int (*took)(
	    const struct target *, int status, struct str body, struct err *);
	/* The provider said 401 to what took() got: it is not to be used. */
	void (*forget)(const struct target *);
};

/*
 * A provider is data: which dialect it speaks, where, and its few oddities.
 * The rows are in provider/table.c; [provider NAME] of the configuration adds
 * more and changes these.
 */
struct provider {
	const char *id;   /* "together-ai": in model strings */
	const char *name; /* "Together AI": for people */
	const struct dialect *dialect;
	const char *base_url;   /* {resource} and the like are filled in */
	const char *path;       /* of chat completions */
	const struct way *ways; /* instead of dialect and path: up to one with
				 a NULL dialect */
	const struct provider_ops *ops; /* or NULL */
	enum auth auth;
	unsigned quirks;
	const char *env;         /* "X_AI": LLM_<env>_API_KEY, _BASE_URL; NULL:
				  the id in capitals, the rest as '_' */
	const char *key_env;     /* if the key's variable has another name */
	const char *sdk_env;     /* the vendor's own name for it, or NULL */
	const char *needs_env;   /* variable that fills {resource}, or NULL */
	const char *version_env; /* of the api-version in the path, or NULL */
	const char *responses;   /* path of OpenAI's responses beside chat */
	const char *images;      /* path of images/generations */
	const char *edits;       /* path of images/edits */
	const struct image_words *image;
	/* What its tiers flex and priority cost, in millionths of the price. */
	int64_t flex, fast; /* 0: as much as others */
	bool one_image; /* a call makes one */
	bool any_model; /* names that the catalogue lacks pass, at no price */
	bool no_stream; /* cannot stream */
};

/* Sorted by id; ends with a NULL id. */
extern const struct provider provider_rows[];

#define UPSTREAM_KEYS_MAX 16

/* A provider as it is configured in this process.  Const after start. */
struct upstream {
	struct str id;
	struct str name;
	struct way ways[WAYS_MAX];
	int nways;
	const struct provider_ops *ops; /* never NULL */
	void *own;                      /* of the ops */
	struct str base_url;            /* "" or absent: not configured */
	enum auth auth;
	unsigned quirks;
	struct secret keys[UPSTREAM_KEYS_MAX];
	uint64_t marks[UPSTREAM_KEYS_MAX]; /* by which its health is known */
	int nkeys;
	int64_t priority_milli; /* 1000; 0: only if asked for by name */
	int64_t flex, fast; /* as of the row, never 0 */
	bool any_model;
	bool no_stream;
	int64_t timeout_first_byte; /* ms */
	int64_t timeout_idle;
	struct http_way way;
	const struct llm_scale *scale; /* of the configuration */
	struct str own_key; /* pkey_..., of an organisation; absent: ours */
	bool public_only;   /* its base URL is: http/request.h */
	bool credential;    /* its key is changed into what is sent */
};

/*
 * The upstream for an organisation's own key, in the arena (upstream_own_free()
 * first): the row or section of its provider with the key's base_url and options
 * (option.h), or, with provider "custom", OpenAI's chats at the base URL under
 * the name.  The secret is what the provider's variable would hold: a key, the
 * JSON of a service account (Vertex), or ACCESS_KEY_ID:SECRET[:SESSION_TOKEN]
 * (Bedrock).  A base URL is
 * https at a public address, unless the operator has put its host into
 * insecure_hosts (the default list does not count).  ERR_BAD_PARAM with
 * err->param tells what is wrong.
 */
struct providers;
struct own_spec {
	struct str id;
	struct str provider, name;
	struct str base_url, options; /* or absent */
	struct str secret;
	uint64_t mark; /* by which its health is known */
};
int upstream_own(struct upstream *, const struct own_spec *,
    const struct conf *, const struct llm_scale *, struct arena *,
    struct err *);
void upstream_own_free(struct upstream *);
const struct llm_scale *providers_scale(const struct providers *);
/* [a-z]+(-[a-z]+)* and no provider's id. */
bool upstream_own_name(struct str);

/* What a tier costs there, in millionths of the price. */
int64_t upstream_tier(const struct upstream *, enum llm_tier);

/* Can it be asked at all?  It has a key, or needs none, and a base URL. */
bool upstream_usable(const struct upstream *);

/* One key more; false: there are UPSTREAM_KEYS_MAX. */
bool upstream_add_key(struct upstream *, struct str key);

/* All providers of this process, sorted by id. */
struct providers;

/*
 * Rows, configuration and environment become upstreams.  They borrow from the
 * configuration, which must outlive them.
 *
 * Keys: LLM_<P>_API_KEY, LLM_<P>_API_KEY_FILE, key or key_file of the section,
 * the plain OPENAI_API_KEY and the like, the systemd credential
 * LLM_<P>_API_KEY; the first that is there and not empty counts.  Base URL:
 * LLM_<P>_BASE_URL, the section's, the row's.
 *
 * http is for hosts in insecure_hosts; in a section and in a built-in row also
 * for loopback and private addresses, because there nobody but the operator
 * chose them.  Fails on a bad URL, key or key file, naming the variable, or
 * file and line.
 */
int providers_load(struct providers **, const struct conf *, struct err *);
void providers_free(struct providers *);
const struct upstream *providers_find(const struct providers *, struct str id);
int providers_count(const struct providers *);
const struct upstream *providers_at(const struct providers *, int);

/* Where one attempt goes. */
struct target {
	const struct upstream *upstream;
	const struct way *way; /* of the upstream */
	int key;               /* index */
	struct str model;      /* upstream's name for it */
	struct str region;     /* that was asked for, or absent */
	unsigned caps;         /* LLM_CAN_*, LLM_WANTS_* */
	unsigned efforts;      /* bit per enum llm_effort; 0: not known */
	int64_t max_output;  /* to send if the client gave none; 0: leave out */
	int64_t limit;       /* the model's own, 0: not known */
	int64_t now;         /* Unix seconds, for signatures */
	const void *mapping; /* of the catalogue; the pipeline's business */
	int place;           /* of its health, -1: none; the pipeline's, too */
	bool spare;          /* if no other is left; the pipeline's, too */
	bool names;          /* the request names an object of the provider */
};

/*
 * The way to ask for a task on behalf of a client who speaks `from` and says
 * these LLM_SAY_*; NULL: there is none.  *deaf is then the first bit that no
 * way hears, or 0: the provider does not do the task at all.
 */
const struct way *provider_way(const struct upstream *,
    const struct dialect *from, unsigned caps, unsigned says, unsigned *deaf);

/*
 * Will the call of this attempt be a stream?  What the client asked for, unless
 * provider or mapping can do only the other.  The caller picks the decoder by
 * this, and replays or folds if it is not what the client wants.
 */
bool provider_streams(const struct target *, const struct llm_request *);

/*
 * The request for one attempt: body (patched or encoded), URL, credentials.
 * Names of members that were left out are appended to *dropped, comma between
 * them.  What is built lives in the arena; the text of the credentials is
 * wiped when the arena is reset.
 */
int provider_request(const struct target *, struct llm_request *,
    struct arena *, struct http_request *, struct buf *dropped, struct err *);

/* Why an attempt failed, api.md 2.4. */
enum fault {
	FAULT_NONE,
	FAULT_CLIENT,  /* client_error */
	FAULT_FILTER,  /* content_filter */
	FAULT_GATEWAY, /* gateway_error: our key, our balance, our deployment */
	FAULT_RATE,    /* rate_limited */
	FAULT_UPSTREAM, /* upstream_error */
	FAULT_NETWORK,  /* network_error */
	FAULT_TIMEOUT,
	FAULT_CANCELLED, /* another transfer was faster: pipeline/hedge.h */
	FAULT__MAX
};

struct fault_row {
	const char *word; /* "client_error" */
	bool retry;
	enum err_code code; /* what the client gets if all failed like this */
};
extern const struct fault_row fault_rows[FAULT__MAX];

/*
 * Make of a provider's refusal (status >= 300, body as it came) the class and
 * the error for the client: code, message with secrets removed, param, word.
 * err->status is the provider's.  err->retry_after is set only if the body
 * tells a delay; a header's goes before it.
 *
 * Classes come from statuses and from codes in their own JSON members, never
 * from words inside a message: providers echo what clients send, and a client
 * must not be able to bar a key.
 */
enum fault provider_fault(const struct target *, int status, struct str body,
    struct arena *, struct err *);
/* The same with the name that a header gave: x-amzn-errortype (trap 122). */
enum fault provider_fault_named(const struct target *, int status,
    struct str name, struct str body, struct arena *, struct err *);

/*
 * The error of a class with its fixed message; for FAULT_NETWORK,
 * FAULT_TIMEOUT and for answers that are broken (FAULT_UPSTREAM).
 */
void provider_fault_set(
    enum fault, const struct target *, int status, struct err *);

/* What a refusal says about the key that was used (api.md 12.6). */
enum key_harm {
	KEY_UNHARMED,
	KEY_EMPTY, /* 402, exhausted balance or quota: skip it for a while */
	KEY_BAD    /* 401, 403, bad key: bar it */
};
enum key_harm provider_key_harm(int status, struct str body);

/* The delay a body asks for, in ms: "retryDelay", "try again in 20s"; or -1. */
int64_t provider_retry_ms(struct str body);

/*
 * For sign(): a header with a secret behind its name ("Authorization: Bearer
 * "), wiped with the arena.
 */
int provider_put_secret(struct http_request *, struct arena *, const char *name,
    struct str secret, struct err *);
/* The key of the target in the header that its upstream says. */
int provider_put_key(const struct target *, struct arena *,
    struct http_request *, struct err *);
/* A line that holds a line end of its own is refused. */
int provider_put_header(struct http_request *, struct str line, struct err *);

/*
 * Take keys, account numbers, project paths and host names out of a text, in
 * place: it never grows.
 */
void provider_scrub(const struct target *, char *text);

#endif
