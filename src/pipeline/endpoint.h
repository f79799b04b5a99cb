#ifndef PIPELINE_ENDPOINT_H
#define PIPELINE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

struct dialect;
struct stage;

/* One method and path, and what is done there. */
struct endpoint {
	const char *name;   /* in logs and metrics */
	const char *method; /* "*": any */
	const char *path;   /* a last "*" stands for any rest */
	const struct dialect *dialect;
	const struct stage *stages; /* ends with a NULL name */
	bool quick; /* its stages defer what may block: the loop may run them */
};

/* One per program in fcgi-bin. */
struct program {
	const char *name;
	const struct endpoint *endpoints; /* ends with a NULL name */
};

extern const struct program program_chat;
extern const struct program program_health;
extern const struct program program_messages;
extern const struct program program_models;
extern const struct program program_responses;
extern const struct program program_sim;

#endif
