/*
 * Why an attempt failed (api.md 2.4, wire.md section 13).
 *
 * A provider's text may hold what the client sent, so nothing is decided by
 * words inside messages; only by the status, by codes that stand in members of
 * their own, and by how a few messages begin.
 */
#include "http/eventstream.h"
#include "provider/provider.h"

#define READ_MAX ((size_t)64 * 1024)
#define WORD_MAX 64
#define PARAM_MAX 128

const struct fault_row fault_rows[FAULT__MAX] = {
	[FAULT_NONE] = { "none", false, ERR_NONE },
	[FAULT_CLIENT] = { "client_error", false, ERR_UPSTREAM_REQUEST },
	[FAULT_FILTER] = { "content_filter", false, ERR_REFUSED },
	[FAULT_GATEWAY] = { "gateway_error", true, ERR_GATEWAY },
	[FAULT_RATE] = { "rate_limited", true, ERR_UPSTREAM_RATE },
	[FAULT_UPSTREAM] = { "upstream_error", true, ERR_UPSTREAM },
	[FAULT_NETWORK] = { "network_error", true, ERR_FETCH },
	[FAULT_TIMEOUT] = { "timeout", true, ERR_FIRST_BYTE },
	[FAULT_CANCELLED] = { "cancelled", false, ERR_CLIENT_GONE },
};

/* What a body says in members of their own; texts without their quotes. */
struct refusal {
	struct str code;
	struct str type;
	struct str inner;  /* innererror.code of Azure */
	struct str reason; /* details[].reason of Google */
	struct str message;
	struct str exception; /* __type of AWS, where no header names it */
	bool daily;           /* a quota of the day is used up (Google) */
	bool flagged;         /* by the moderation of OpenRouter */
};

/* A raw string without its quotes; escapes stay, our words have none. */
static struct str
text_at(struct str raw, const char *key)
{
	struct str v = jscan_at(raw, key);

	return v.n >= 2 && *v.p == '"' ? (struct str){ v.p + 1, v.n - 2 } :
					 STR_NONE;
}

static bool
is_object(struct str raw)
{
	return raw.n > 0 && *raw.p == '{';
}

/* The first of an array, or the value itself. */
static struct str
first_of(struct str raw)
{
	struct jmember m;
	struct jiter it;

	if (raw.n == 0 || *raw.p != '[')
		return raw;
	it = jscan_into(raw);
	return jscan_next(&it, &m) ? m.raw : STR_NONE;
}

/* google.rpc details: ErrorInfo has a reason, QuotaFailure violations. */
static void
read_details(struct str details, struct refusal *f)
{
	struct jiter it, in;
	struct jmember m, v;
	struct str id;

	for (it = jscan_into(details); jscan_next(&it, &m);) {
		if (!is_object(m.raw))
			continue;
		if (f->reason.p == NULL)
			f->reason = text_at(m.raw, "reason");
		in = jscan_into(jscan_at(m.raw, "violations"));
		while (jscan_next(&in, &v)) {
			id = text_at(v.raw, "quotaId");
			if (id.p != NULL &&
			    memmem(id.p, id.n, "PerDay", 6) != NULL)
				f->daily = true;
		}
	}
}

static struct refusal
read_refusal(struct str body)
{
	struct refusal f = { 0 };
	struct str s = jscan_sole_object(body, READ_MAX), o, meta;

	if (s.p == NULL)
		return f;
	o = first_of(jscan_at(s, "error"));
	if (!is_object(o)) {
		f.message = text_at(s, "error"); /* xAI: code beside it */
		o = s;
	}
	f.exception = text_at(s, "__type");
	f.code = text_at(o, "code");
	f.type = text_at(o, "type");
	if (f.message.p == NULL)
		f.message = text_at(o, "message");
	f.inner = text_at(jscan_at(o, "innererror"), "code");
	read_details(jscan_at(o, "details"), &f);
	meta = jscan_at(o, "metadata");
	f.flagged = jscan_at(meta, "flagged_input").p != NULL;
	return f;
}

static bool
is_one_of(struct str s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_is(s, *words))
			return true;
	return false;
}

static bool
is_refused(const struct refusal *f)
{
	static const char *const words[] = { "content_filter",
		"content_policy_violation", "ResponsibleAIPolicyViolation",
		"moderation_blocked", "data_inspection_failed",
		"DataInspectionFailed", NULL };

	return is_one_of(f->code, words) || is_one_of(f->type, words) ||
	    is_one_of(f->inner, words);
}

/* Balance or a long quota: waiting a little does not help. */
static bool
is_empty(const struct refusal *f)
{
	static const char *const words[] = { "insufficient_quota",
		"insufficient_balance", "insufficient_credits",
		"credit_balance_exhausted", "billing_error",
		"billing_hard_limit_reached", "billing_not_active",
		"enforced_spend_limit_reached", "contract_spend_limit_reached",
		"exceeded_current_quota_error", "Arrearage", NULL };

	/* Anthropic says it in words only, with a 400. */
	return f->daily || is_one_of(f->code, words) ||
	    is_one_of(f->type, words) ||
	    str_starts(f->message, "Your credit balance is too low") ||
	    str_starts(f->message, "You have reached your specified API usage "
				   "limits");
}

/* Some answer 400 for a bad key (wire.md trap 120); xAI only in words. */
static bool
is_bad_key(const struct refusal *f)
{
	static const char *const words[] = { "invalid_api_key",
		"API_KEY_INVALID", NULL };

	return is_one_of(f->code, words) || is_one_of(f->reason, words) ||
	    str_starts(f->message, "Incorrect API key provided") ||
	    str_starts(f->message, "Invalid API key") ||
	    str_starts(f->message, "API key not valid");
}

/* xAI says 403 to a text that breaks its rules. */
static bool
is_forbidden_text(const struct refusal *f)
{
	return is_refused(f) || f->flagged ||
	    str_starts(f->message, "Content violates usage guidelines");
}

static enum fault
classify(int status, const struct refusal *f)
{
	switch (status) {
	case 401:
	case 402:
	case 404:
	case 405:
		return FAULT_GATEWAY;
	case 403:
		return is_forbidden_text(f) ? FAULT_FILTER : FAULT_GATEWAY;
	case 429:
		return is_empty(f) ? FAULT_GATEWAY : FAULT_RATE;
	case 408:
	case 409:
	case 424:
	case 425:
	case 498:
		return FAULT_UPSTREAM;
	case 400:
		if (is_refused(f))
			return FAULT_FILTER;
		if (is_empty(f) || is_bad_key(f))
			return FAULT_GATEWAY;
		return FAULT_CLIENT;
	default:
		return status >= 400 && status < 500 ? FAULT_CLIENT :
						       FAULT_UPSTREAM;
	}
}

enum key_harm
provider_key_harm(int status, struct str body)
{
	struct refusal f = read_refusal(body);

	if (status == 402)
		return KEY_EMPTY;
	if (status == 401 || (status == 403 && !is_forbidden_text(&f)))
		return is_empty(&f) ? KEY_EMPTY : KEY_BAD;
	if (status != 400 && status != 429)
		return KEY_UNHARMED;
	if (is_empty(&f))
		return KEY_EMPTY;
	return status == 400 && is_bad_key(&f) ? KEY_BAD : KEY_UNHARMED;
}

void
provider_fault_set(
    enum fault fault, const struct target *t, int status, struct err *e)
{
	*e = (struct err){ .status = status };
	if (fault == FAULT_NETWORK)
		err_set(e, ERR_FETCH, "Failed to connect to provider");
	else if (fault == FAULT_TIMEOUT)
		err_set(e, ERR_FIRST_BYTE, "Upstream provider timeout");
	else
		err_set(e, fault_rows[fault].code,
		    "Error from provider %.*s: HTTP %d",
		    STR_ARG(t->upstream->name), status);
}

static bool
is_word(struct str s)
{
	bool letter = false;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] >= 'a' && s.p[i] <= 'z')
			letter = true;
		else if (s.p[i] != '_' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	}
	return letter && s.n <= WORD_MAX;
}

/* A path into the request; anything else is a text that was not checked. */
static bool
is_param(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"')
			return false;
	return s.n > 0 && s.n <= PARAM_MAX;
}

/* The only class whose words reach the client. */
static void
pass_on(const struct target *t, int status, struct str body,
    const struct refusal *f, struct arena *a, struct err *e)
{
	struct err said = { 0 };

	provider_fault_set(FAULT_CLIENT, t, status, e);
	if (is_word(f->code))
		e->word = arena_dup(a, f->code);
	if (t->way->dialect->decode_error == NULL)
		return;
	t->way->dialect->decode_error(a, body, &said);
	if (said.msg[0] != '\0') {
		memcpy(e->msg, said.msg, sizeof(e->msg));
		provider_scrub(t, e->msg);
	}
	if (is_param(said.param))
		e->param = said.param;
}

/* Whole seconds, rounded up, within the bounds of api.md 2.4. */
static int
delay_s(struct str body)
{
	int64_t ms = provider_retry_ms(body);

	if (ms < 0)
		return 0;
	ms = (ms + 999) / 1000;
	return ms < 1 ? 1 : ms > 3600 ? 3600 : (int)ms;
}

/* What AWS means is in the name; the status is often 400. */
static int
real_status(int status, struct str name)
{
	int told = eventstream_status(name);

	return told != 0 ? told : status;
}

enum fault
provider_fault(const struct target *t, int status, struct str body,
    struct arena *a, struct err *e)
{
	return provider_fault_named(t, status, STR_NONE, body, a, e);
}

enum fault
provider_fault_named(const struct target *t, int status, struct str name,
    struct str body, struct arena *a, struct err *e)
{
	struct refusal f = read_refusal(body);
	enum fault fault =
	    classify(real_status(status, name.n > 0 ? name : f.exception), &f);
	/* A name the catalogue does not know is the client's own. */
	bool unknown =
	    status == 404 && t->upstream->any_model && t->mapping == NULL;

	/* Nor is a file or container that the provider does not have ours. */
	if (unknown || (status == 404 && t->names))
		fault = FAULT_CLIENT;
	if (fault == FAULT_CLIENT)
		pass_on(t, status, body, &f, a, e);
	else
		provider_fault_set(fault, t, status, e);
	if (unknown)
		e->word = STR("model_not_found");
	if (fault == FAULT_RATE)
		e->retry_after = delay_s(body);
	return fault;
}
