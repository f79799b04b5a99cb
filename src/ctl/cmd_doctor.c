#include <stdio.h>

#include <curl/curl.h>

#include "base/secret.h"
#include "ctl/cmd.h"
#include "ctl/doctor.h"
#include "http/url.h"

#define KEY_TEXT_MAX 100

/* Read at the beginning: doctor_host() may give up root. */
static int
read_key(struct ctl *c, char out[KEY_TEXT_MAX], struct err *e)
{
	const char *key = ctl_value(c, "key");
	const char *file = ctl_value(c, "key-file");
	struct secret s = { 0 };
	struct str text = str_from(key);

	if (key != NULL && file != NULL)
		return ctl_usage(c, e, "--key and --key-file: one of them");
	if (file != NULL) {
		if (secret_read(&s, file, e) == -1)
			return err_set(e, ERR_BAD_PARAM, "%s", e->msg);
		text = secret_str(&s);
	}
	if (text.n < KEY_TEXT_MAX)
		snprintf(out, KEY_TEXT_MAX, "%.*s", STR_ARG(text));
	secret_free(&s);
	return 0;
}

static int
read_url(struct ctl *c, struct doctor_url *out, struct err *e)
{
	struct str root = str_from(c->args[0]);
	struct url parsed;

	if (url_parse(root, &parsed, e) == -1)
		return ctl_usage(c, e, "URL: %s", e->msg);
	while (root.n > 0 && root.p[root.n - 1] == '/')
		root.n--;
	out->root = arena_dup(c->arena, root);
	out->full = ctl_value(c, "full") != NULL;
	return 0;
}

int
cmd_doctor(struct ctl *c, struct err *e)
{
	bool outside = ctl_value(c, "outside") != NULL;
	struct doctor_url url = { 0 };
	struct doctor d = { .c = c };
	char key[KEY_TEXT_MAX] = "";

	if (c->nargs == 0 && outside)
		return ctl_usage(c, e, "--outside needs a URL");
	if ((c->nargs > 0 && read_url(c, &url, e) == -1) ||
	    read_key(c, key, e) == -1)
		return -1;
	url.key = key[0] == '\0' ? NULL : key;
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_arr(&c->w, "checks");
	}
	if (!outside)
		doctor_host(&d);
	if (c->nargs > 0) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		doctor_url(&d, &url);
		curl_global_cleanup();
	}
	if (c->json) {
		jw_end(&c->w);
		jw_bool(&c->w, "ok", d.nfail == 0);
		jw_end(&c->w);
	}
	explicit_bzero(key, sizeof(key));
	c->failed = d.nfail > 0;
	return 0;
}
