#include <stdarg.h>
#include <stdio.h>

#include "ctl/doctor.h"

#define TEXT_MAX 600

static const struct {
	const char *json;
	const char *text;
} words[] = {
	[DOCTOR_OK] = { "ok", "ok  " },
	[DOCTOR_WARN] = { "warn", "warn" },
	[DOCTOR_FAIL] = { "fail", "FAIL" },
};

void
doctor_say(struct doctor *d, enum doctor_result result, const char *check,
    const char *remedy, const char *fmt, ...)
{
	struct ctl *c = d->c;
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->nfail += result == DOCTOR_FAIL;
	if (!c->json) {
		buf_fmt(
		    &c->out, "%s  %s: %s\n", words[result].text, check, text);
		if (remedy != NULL)
			buf_fmt(&c->out, "      %s\n", remedy);
		return;
	}
	jw_obj(&c->w, NULL);
	jw_strc(&c->w, "check", check);
	jw_strc(&c->w, "result", words[result].json);
	jw_strc(&c->w, "text", text);
	if (remedy == NULL)
		jw_null(&c->w, "remedy");
	else
		jw_strc(&c->w, "remedy", remedy);
	jw_end(&c->w);
}
