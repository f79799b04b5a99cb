#ifndef PROVIDER_GOOGLE_H
#define PROVIDER_GOOGLE_H

#include "provider/quirk.h"

/*
 * Vertex AI: a project and a place in every path, a host for each place, and
 * tokens instead of keys.  google-vertex takes API keys as well, and then needs
 * no project.
 */
extern const struct provider_ops google_vertex_ops;
/* Claude there: the differences of the body, too. */
extern const struct provider_ops google_claude_ops;

/* These, with the betas that are allowed. */
void google_claude_change(const struct target *, const struct llm_request *,
    struct changes *, struct arena *, struct str allowed);

#endif
