#ifndef PIPELINE_AUTHORIZE_H
#define PIPELINE_AUTHORIZE_H

#include "pipeline/stage.h"

/*
 * May the key ask at all?  For paths that the web server serves itself: address
 * rules (403), limits in money that are reached (401, 402) and rates of
 * requests (429), in which the request counts; then 200 without a body that
 * says whose it is.  Tokens, requests in progress and models are not looked at,
 * nothing is held, and there is no usage record.
 *
 * As FastCGI's authorizer it answers with Variable-LLMGW_KEY, _PROJECT and
 * _ORGANIZATION, which become variables of the web server; as a responder with
 * the headers X-LLMGW-Key, -Project and -Organization.
 *
 * A server that keeps nothing but the status of a refusal (nginx) asks again
 * for the rest of it, with the parameter LLMGW_REFUSED: that is never answered
 * with a 200, since then nobody would serve the request.
 */
enum verdict stage_authorize(struct req *);

#endif
