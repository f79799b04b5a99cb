#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

/* clang-format off */
const struct err_row err_rows[ERR__MAX] = {
[ERR_NONE] = { "ok", 200, false,
    NULL, NULL },
[ERR_BAD_JSON] = { "invalid_json", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_BAD_PARAM] = { "invalid_parameters", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_NO_MODEL] = { "model_not_found", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_NO_CAPABILITY] = { "unsupported_capability", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_NO_SUCH_PARAM] = { "unsupported_parameter", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_CONTEXT] = { "context_length_exceeded", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_NO_PROVIDER] = { "no_provider_available", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_NO_PROVIDER_KEY] = { "no_provider_key", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_BAD_IMAGE] = { "invalid_image", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_BLOCKED] = { "content_policy_violation", 400, false,
    "guardrail_violation", "invalid_request_error" },
[ERR_REFUSED] = { "content_policy_violation", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_UPSTREAM_REQUEST] = { "upstream_invalid_request", 400, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_AUTH] = { "invalid_api_key", 401, false,
    "authentication_error", "authentication_error" },
[ERR_KEY_INACTIVE] = { "key_inactive", 401, false,
    "authentication_error", "authentication_error" },
[ERR_KEY_EXPIRED] = { "key_expired", 401, false,
    "authentication_error", "authentication_error" },
[ERR_KEY_LIMIT] = { "key_limit_reached", 401, false,
    "authentication_error", "authentication_error" },
[ERR_CREDITS] = { "insufficient_credits", 402, false,
    "billing_error", "billing_error" },
[ERR_BUDGET] = { "insufficient_budget", 402, false,
    "billing_error", "billing_error" },
[ERR_FORBIDDEN] = { "permission_denied", 403, false,
    "permission_error", "permission_error" },
[ERR_SUSPENDED] = { "organization_suspended", 403, false,
    "permission_error", "permission_error" },
[ERR_EMAIL] = { "email_not_verified", 403, false,
    "permission_error", "permission_error" },
[ERR_NOT_FOUND] = { "not_found", 404, false,
    "invalid_request_error", "not_found_error" },
[ERR_METHOD] = { "method_not_allowed", 405, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_CONFLICT] = { "conflict", 409, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_PROJECT_ARCHIVED] = { "project_archived", 410, false,
    "invalid_request_error", "not_found_error" },
[ERR_ORG_ARCHIVED] = { "organization_archived", 410, false,
    "invalid_request_error", "not_found_error" },
[ERR_MODEL_GONE] = { "model_deactivated", 410, false,
    "invalid_request_error", "not_found_error" },
[ERR_TOO_LARGE] = { "request_too_large", 413, false,
    "invalid_request_error", "request_too_large" },
[ERR_MEDIA_TYPE] = { "unsupported_media_type", 415, false,
    "invalid_request_error", "invalid_request_error" },
[ERR_RATE_LIMIT] = { "rate_limit_exceeded", 429, false,
    "rate_limit_error", "rate_limit_error" },
[ERR_UPSTREAM_RATE] = { "upstream_rate_limited", 429, true,
    "rate_limit_error", "rate_limit_error" },
[ERR_CLIENT_GONE] = { "request_cancelled", 499, false,
    "invalid_request_error", "api_error" },
[ERR_INTERNAL] = { "internal_error", 500, false,
    "api_error", "api_error" },
[ERR_UPSTREAM] = { "upstream_error", 500, true,
    "upstream_error", "api_error" },
[ERR_NO_CONTENT] = { "upstream_error", 500, true,
    "upstream_error", "api_error" },
[ERR_GATEWAY] = { "gateway_error", 500, true,
    "gateway_error", "api_error" },
[ERR_FETCH] = { "fetch_failed", 502, true,
    "upstream_error", "api_error" },
[ERR_ALL_FAILED] = { "all_providers_failed", 502, false,
    "upstream_error", "api_error" },
[ERR_UNHEALTHY] = { "unhealthy", 503, false,
    "api_error", "overloaded_error" },
[ERR_OVERLOADED] = { "overloaded", 503, false,
    "api_error", "overloaded_error" },
[ERR_SHUTTING_DOWN] = { "shutting_down", 503, false,
    "api_error", "overloaded_error" },
[ERR_STORE] = { "store_unavailable", 503, false,
    "api_error", "overloaded_error" },
[ERR_FIRST_BYTE] = { "timeout", 504, true,
    "upstream_timeout", "timeout_error" },
[ERR_TIMEOUT] = { "timeout", 504, false,
    "upstream_timeout", "timeout_error" },
[ERR_CONFIG] = { "internal_error", 500, false,
    "api_error", "api_error" },
};
/* clang-format on */

/* Take off the last character if it is one of several bytes: maybe cut. */
static void
cut_tail(char *text, size_t n)
{
	size_t i = n;

	while (
	    i > 0 && n - i < 3 && ((unsigned char)text[i - 1] & 0xc0) == 0x80)
		i--;
	if (i > 0 && (unsigned char)text[i - 1] >= 0xc0)
		text[i - 1] = '\0';
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	char msg[sizeof(e->msg)]; /* fmt may print the old one */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		msg[0] = '\0';
	else if ((size_t)n >= sizeof(msg))
		cut_tail(msg, sizeof(msg) - 1);
	memcpy(e->msg, msg, strlen(msg) + 1);
	e->code = code;
	return -1;
}
