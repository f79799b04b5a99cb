#ifndef CTL_PROBE_H
#define CTL_PROBE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* One request to the gateway, as a client sends it, and what came of it. */
struct probe {
	const char *url;
	const char *bearer;  /* or NULL */
	struct str body;     /* a POST of JSON if not absent */
	const char *ca_file; /* "": those of the system */
	int64_t timeout_ms;
	/* The answer. */
	int status;        /* 0: there was none */
	char type[64];     /* its media type */
	struct buf answer; /* at most PROBE_ANSWER_MAX of it */
	int64_t first_ms;  /* when its first piece came, monotonic */
	int64_t last_ms;
	char error[256]; /* if there was none */
};

#define PROBE_ANSWER_MAX ((size_t)256 << 10)

/* Fills the answer; probe_free() lets go of it. */
void probe_run(struct probe *);
void probe_free(struct probe *);

/*
 * The "code" of an error in the gateway's flat format, absent if it is no such
 * answer; `message` may be NULL.
 */
struct str probe_code(
    const struct probe *, struct arena *, struct str *message);

#endif
