#ifndef PIPELINE_KEEP_KEY_H
#define PIPELINE_KEEP_KEY_H

#include "llm/llm.h"
#include "store/cache.h"

/*
 * Under what an answer is kept: a digest of everything that changes it (api.md
 * 16).  Members of the body count with the bytes they were sent in and in the
 * order they were sent in: another spelling of the same request misses, and no
 * other request ever hits.
 */
struct keep_ask {
	struct str project;
	struct str endpoint;         /* path */
	struct str version, betas;   /* headers of Anthropic's clients */
	struct str model;            /* root id */
	struct str provider, region; /* pinned, or absent */
	bool stream;
	int64_t updated_ms; /* of the project's settings: anew, the cache too */
	int64_t guardrails; /* generation of the rules */
	struct str shape;   /* settings that change how answers look */
	const struct jmember *members; /* of the body */
	int nmembers;
};

void keep_key(const struct keep_ask *, unsigned char out[CACHE_KEY]);

/* Does a tool of it run at the provider, so that its answer ages? */
bool keep_is_hosted(const struct llm_request *);

#endif
