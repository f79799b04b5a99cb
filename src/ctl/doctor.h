#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "ctl/ctl.h"

/* One look at an installation: each check says one thing, and its remedy. */
enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	struct ctl *c;
	int nfail;
};

/* `remedy` is NULL if nothing is to be done. */
void doctor_say(struct doctor *, enum doctor_result, const char *check,
    const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* On this host: files, database, limits. */
void doctor_host(struct doctor *);

/* From outside: what the web server makes of requests. */
struct doctor_url {
	struct str root; /* without a slash at the end */
	const char *key; /* or NULL */
	bool full;
};
void doctor_url(struct doctor *, const struct doctor_url *);

#endif
