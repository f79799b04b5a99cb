#ifndef PIPELINE_MODELS_H
#define PIPELINE_MODELS_H

#include "json/jw.h"
#include "pipeline/stage.h"
#include "pipeline/world.h"

/* Models as JSON, api.md 9.1. */

/* What the query asks for, and the day. */
struct view {
	const struct world *world;
	const struct principal *who; /* NULL: nobody in particular */
	bool barred;                 /* the key is not for this address */
	char today[WORLD_DAY];
	bool all;         /* models of providers without a key too */
	bool deactivated; /* those that have ended too */
	bool no_deprecated;
	bool anthropic;
};

/* What key, headers and query of a request ask for. */
struct view models_view(struct req *);

/* At least one mapping that is offered, and that an endpoint can serve. */
bool models_offered(const struct view *, const struct model *);

/* The same, and its id is a name, not the pattern of many. */
bool models_listed(const struct view *, const struct model *);

/* One model in OpenAI's shape, with the gateway's members; or Anthropic's. */
void models_put(struct jw *, const struct view *, const struct model *);
void models_put_anthropic(struct jw *, const struct model *);

/* `auto`: the features of all models that it may choose. */
void models_put_auto(struct jw *, const struct view *);

#endif
