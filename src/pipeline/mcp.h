#ifndef PIPELINE_MCP_H
#define PIPELINE_MCP_H

#include "pipeline/stage.h"

/*
 * Reads the JSON-RPC of a POST to /mcp.  DONE: answered.  NEXT: a tool that
 * needs a model; body and endpoint are those of the request that it stands for,
 * and the envelope is set.
 */
enum verdict stage_mcp(struct req *);

/*
 * r->err: as the tool's failed result once there is an envelope, else as an
 * error of JSON-RPC for the HTTP status.
 */
void mcp_error(const struct req *, int status, struct jw *);

#endif
