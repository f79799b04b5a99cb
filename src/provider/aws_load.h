#ifndef PROVIDER_AWS_LOAD_H
#define PROVIDER_AWS_LOAD_H

#include "base/secret.h"
#include "provider/place.h"

/* What the environment says of Bedrock; of the files aws*.c only. */

#define AWS_LOCALS_MAX 16

/* Where a model is asked. */
struct aws_spot {
	struct str region; /* that is signed for */
	struct str prefix; /* of model names: "eu." */
};

/* A key that is for one region, or group of them, only. */
struct aws_key {
	struct str place;
	struct secret key;
};

struct aws {
	struct str place;     /* of requests that name none */
	struct aws_spot spot; /* the same */
	bool fixed_host;      /* a base URL was given */
	struct str betas;     /* of Claude, that are allowed */
	struct aws_key locals[AWS_LOCALS_MAX];
	int nlocals;
	bool signs;
	struct secret key_id;
	struct secret secret;
	struct secret token; /* or none */
};

int aws_load(const struct load *, struct err *);
void aws_unload(struct upstream *);
int aws_load_mantle(const struct load *, struct err *);

bool aws_is_region(struct str); /* by its letters */
/* A group of regions, or a region itself. */
struct aws_spot aws_spot(struct str place);
/* "https://bedrock-runtime.eu-west-1.amazonaws.com", and back, or absent. */
struct str aws_host(struct arena *, struct str region);
struct str aws_host_region(struct str base);
/* Is the name of the model that of a profile? */
bool aws_has_prefix(struct str model);

#endif
