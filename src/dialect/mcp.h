#ifndef DIALECT_MCP_H
#define DIALECT_MCP_H

#include "dialect/dialect.h"

/*
 * Tools of the Model Context Protocol (api.md 11.1): answers of models as the
 * results of JSON-RPC calls.  Requests are OpenAI's bodies, made of the tool's
 * arguments; llm_request.envelope is the call's id.
 */
extern const struct dialect dialect_mcp_chat;
extern const struct dialect dialect_mcp_image;

/* Codes of JSON-RPC 2.0, and of MCP's servers. */
enum {
	MCP_NOT_THERE = -32000,
	MCP_NO_KEY = -32001,
	MCP_BAD_REQUEST = -32600,
	MCP_NO_METHOD = -32601,
	MCP_BAD_PARAMS = -32602,
	MCP_INTERNAL = -32603,
	MCP_NO_JSON = -32700
};

/* An open object with "jsonrpc" and the raw id (absent: null). */
void mcp_put_head(struct jw *, struct str id);
void mcp_put_error(struct jw *, struct str id, int code, const char *message);
/* A result whose content is this text. */
void mcp_put_text(struct jw *, struct str id, struct str text, bool failed);

#endif
