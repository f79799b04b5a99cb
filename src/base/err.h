#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/str.h"

/* Why a request failed.  What each means to clients is one row in err.c. */
enum err_code {
	ERR_NONE = 0,
	ERR_BAD_JSON,
	ERR_BAD_PARAM,
	ERR_NO_MODEL,
	ERR_NO_CAPABILITY,
	ERR_NO_SUCH_PARAM,
	ERR_CONTEXT,
	ERR_NO_PROVIDER,
	ERR_NO_PROVIDER_KEY,
	ERR_BAD_IMAGE,
	ERR_BLOCKED, /* by a guardrail */
	ERR_REFUSED, /* by the provider, for content */
	ERR_UPSTREAM_REQUEST,
	ERR_AUTH,
	ERR_KEY_INACTIVE,
	ERR_KEY_EXPIRED,
	ERR_KEY_LIMIT,
	ERR_CREDITS,
	ERR_BUDGET,
	ERR_FORBIDDEN,
	ERR_SUSPENDED,
	ERR_EMAIL,
	ERR_NOT_FOUND,
	ERR_METHOD,
	ERR_CONFLICT,
	ERR_PROJECT_ARCHIVED,
	ERR_ORG_ARCHIVED,
	ERR_MODEL_GONE,
	ERR_TOO_LARGE,
	ERR_MEDIA_TYPE,
	ERR_RATE_LIMIT,
	ERR_UPSTREAM_RATE,
	ERR_CLIENT_GONE,
	ERR_INTERNAL,
	ERR_UPSTREAM,
	ERR_NO_CONTENT, /* the provider answered nothing */
	ERR_GATEWAY,    /* the provider refused us, not the client */
	ERR_FETCH,
	ERR_ALL_FAILED,
	ERR_UNHEALTHY,
	ERR_OVERLOADED,
	ERR_SHUTTING_DOWN,
	ERR_STORE,
	ERR_FIRST_BYTE, /* timed out before the answer began */
	ERR_TIMEOUT,    /* later */
	ERR_CONFIG,     /* of the operator, never shown to clients */
	ERR__MAX
};

/* The strings are borrowed and live as long as the request. */
struct err {
	enum err_code code;
	int status;         /* upstream HTTP status, 0 if none */
	char msg[1001];     /* for people; shown to the client */
	struct str word;    /* provider's own code, instead of the row's */
	struct str param;   /* "messages[2].content" */
	struct str members; /* further members of the body: raw JSON object */
	int retry_after;    /* seconds; 0: the row's */
};

struct err_row {
	const char *code;      /* to clients, in logs and metrics */
	int http;              /* status sent to the client */
	bool retry;            /* another target may succeed */
	const char *type;      /* flat and OpenAI */
	const char *anthropic; /* error.type there; 503 is sent as 529 */
};

extern const struct err_row err_rows[ERR__MAX];

/*
 * Record what went wrong and return -1, so that "return err_set(...)" reads.
 * Only code and msg change.  Adding to what is there works:
 * err_set(e, e->code, "%s: %s", file, e->msg).
 */
int err_set(struct err *, enum err_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));

#endif
