#include <stdio.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "ctl/probe.h"
#include "json/jx.h"

#define CONNECT_MS 5000L
#define HEADER_MAX 200

/* curl's write callback; what does not fit is read and dropped. */
static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct probe *r = arg;

	r->last_ms = clock_ms();
	if (r->first_ms == 0)
		r->first_ms = r->last_ms;
	buf_add(&r->answer, (struct str){ p, size * n });
	return size * n;
}

/* X-LLMGW-Error-Format: one shape of errors, whatever the settings say. */
static struct curl_slist *
headers(const struct probe *r)
{
	struct curl_slist *l = NULL;
	char text[HEADER_MAX];

	l = curl_slist_append(l, "X-LLMGW-Error-Format: flat");
	l = curl_slist_append(l, "Expect:");
	if (r->body.p != NULL)
		l = curl_slist_append(l, "Content-Type: application/json");
	if (r->bearer != NULL) {
		snprintf(
		    text, sizeof(text), "Authorization: Bearer %s", r->bearer);
		l = curl_slist_append(l, text);
		explicit_bzero(text, sizeof(text));
	}
	return l;
}

static void
set_options(CURL *h, struct probe *r, struct curl_slist *l)
{
	curl_easy_setopt(h, CURLOPT_URL, r->url);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, l);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "llmgwctl/" PACKAGE_VERSION);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, r);
	if (*r->ca_file != '\0')
		curl_easy_setopt(h, CURLOPT_CAINFO, r->ca_file);
	if (r->body.p != NULL) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, r->body.p);
		curl_easy_setopt(
		    h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
	}
}

void
probe_run(struct probe *r)
{
	struct curl_slist *l = headers(r);
	CURL *h = curl_easy_init();
	const char *type = NULL;
	long status = 0;
	CURLcode rc;

	r->answer = BUF_LIMIT(PROBE_ANSWER_MAX);
	if (h == NULL)
		goto out;
	set_options(h, r, l);
	rc = curl_easy_perform(h);
	/* A server that refuses a body may answer and close before its end. */
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &type);
	r->status = (int)status;
	if (type != NULL)
		snprintf(r->type, sizeof(r->type), "%s", type);
	if (rc != CURLE_OK && r->error[0] == '\0')
		snprintf(
		    r->error, sizeof(r->error), "%s", curl_easy_strerror(rc));
	if (rc == CURLE_OPERATION_TIMEDOUT)
		r->status = 0;
	curl_easy_cleanup(h);
out:
	curl_slist_free_all(l);
}

void
probe_free(struct probe *r)
{
	buf_free(&r->answer);
}

struct str
probe_code(const struct probe *r, struct arena *a, struct str *message)
{
	struct err ignored = { 0 };
	struct json_object *o;

	if (message != NULL)
		*message = STR("");
	if (strncmp(r->type, "application/json", 16) != 0)
		return STR_NONE;
	if ((o = jx_parse(a, buf_str(&r->answer), &ignored)) == NULL)
		return STR_NONE;
	if (message != NULL)
		*message = jx_str(o, "message");
	return jx_str(o, "code");
}
