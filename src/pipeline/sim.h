#ifndef PIPELINE_SIM_H
#define PIPELINE_SIM_H

#include "json/jscan.h"
#include "json/jw.h"

/* Shared by the files of the simulated provider only. */
#define SIM_TOOLS_MAX 8
#define SIM_OUT_MAX ((size_t)16 * 1024 * 1024)

enum sim_fault {
	SIM_NONE,
	SIM_STATUS,
	SIM_HANG,
	SIM_CUT,
	SIM_GARBAGE,
	SIM_ERROR,
	SIM_EMPTY,
	SIM_NOFINISH
};

struct sim_tool {
	struct str name;
	struct str args; /* JSON */
};

struct sim {
	struct str model;
	struct str text;    /* what is answered, when not by count */
	struct str thought; /* reasoning, or absent */
	struct sim_tool tools[SIM_TOOLS_MAX];
	int ntools;
	bool stream;
	bool include_usage;
	bool json;         /* an object with the text */
	struct str schema; /* raw; the answer follows it */
	enum sim_fault fault;
	int status;
	int64_t words; /* how many are answered */
	int64_t limit; /* max_tokens, 0: none */
	int64_t interval_ms;
	int64_t latency_ms;
	int64_t choices;
	int64_t prompt;
	int64_t said; /* words so far, in a stream */
	struct str rest;
};

/* What a chat request asks for; strings live in the arena or in the body. */
void sim_ask(struct sim *, const struct jmember *, int n, struct arena *);

/* A value that follows a JSON Schema (raw); its strings are `text`. */
void sim_sample(struct str schema, struct str text, struct jw *);

/* Words of a text, parted by blanks. */
int64_t sim_count(struct str);

#endif
