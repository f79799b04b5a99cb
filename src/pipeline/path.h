#ifndef PIPELINE_PATH_H
#define PIPELINE_PATH_H

#include "pipeline/stage.h"

/*
 * From the web server's parameters to an endpoint, api.md 1.1: step 1 of the
 * order of checks.  NEXT: r->endpoint is set.  DONE: answered (OPTIONS).
 * FAIL: 404 or 405.  Also fills path, query, request id and CORS origin.
 */
enum verdict path_begin(struct req *);

/* A body that nobody has read is read now and dropped. */
void path_drop_body(struct req *);

/*
 * Path of a REQUEST_URI: without query, decoded once.  -1: something in it is
 * refused (an empty, "." or ".." segment, %2F, NUL, bad %).
 */
int path_decode(struct arena *, struct str uri, struct str *path,
    struct str *query);

/* "https://host:port" of a URL. */
struct str path_origin(struct str url);

/*
 * A value of "a=b&c=d", decoded, or absent; longer ones than 4096 bytes are
 * left out, and a bad escape makes it "".
 */
struct str path_field(struct arena *, struct str fields, const char *name);
/* The type of such a body? */
bool path_is_fields(struct str type);

/* A parameter of the query, decoded, or absent. */
struct str path_query(const struct req *, const char *name);

#endif
