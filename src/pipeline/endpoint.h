#ifndef PIPELINE_ENDPOINT_H
#define PIPELINE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct dialect;
struct err;
struct stage;
struct world;

/* One method and path, and what is done there. */
struct endpoint {
	const char *name;   /* in logs and metrics */
	const char *method; /* "*": any */
	const char *path;   /* a last "*" stands for any rest */
	const struct dialect *dialect;
	const struct stage *stages; /* ends with a NULL name */
	unsigned flags;             /* ENDPOINT_* */
};
enum {
	ENDPOINT_QUICK = 1, /* stages defer what may block: for the loop */
	ENDPOINT_FORM = 2,  /* takes multipart/form-data, too */
	ENDPOINT_FIELDS = 4, /* takes application/x-www-form-urlencoded, too */
	ENDPOINT_HEAD = 8,   /* the body is none of its business: dropped */
	ENDPOINT_CHAT = 16,  /* of the family chat_completion* of metrics */
};

/* One per program in fcgi-bin; `admin` is in the room admin. */
struct program {
	const char *name;
	const struct endpoint *endpoints; /* ends with a NULL name */
	/* What it has besides, in world.own; NULL: nothing. */
	int (*open)(struct world *, struct err *);
	void (*close)(struct world *); /* also after a failed open() */
	/*
	 * Its first endpoint takes whatever path and method, and FastCGI's role
	 * of authorizer, too.
	 */
	bool authorizes;
	/* Writes the OpenAPI description; NULL: it has none to give. */
	void (*describe)(struct buf *);
};

extern const struct program program_authorizer;
extern const struct program program_chat;
extern const struct program program_health;
extern const struct program program_images;
extern const struct program program_mcp;
extern const struct endpoint endpoint_mcp_image; /* not of its table */
extern const struct program program_messages;
extern const struct program program_models;
extern const struct program program_responses;
extern const struct program program_sim;

#endif
