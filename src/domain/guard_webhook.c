/* A judge elsewhere; pipeline/judge.c asks it. */
#include "domain/guard_parts.h"

#define TIMEOUT_MS 500
#define TIMEOUT_MAX 10000

int
guard_build_webhook(struct guard_build *b, struct err *e)
{
	struct guard_judge *j = &b->judges[b->njudges];
	struct str config = b->rule->config;
	struct str max = jscan_at(config, "timeout_ms");
	struct str fails = jscan_word(config, "on_failure");

	*j = (struct guard_judge){ .rule = b->number,
		.url = arena_dup(
		    b->arena, jscan_text(jscan_at(config, "url"), b->arena)),
		.timeout_ms = TIMEOUT_MS,
		.open = str_is(fails, "open") };
	if (guard_members(b->rule, "url timeout_ms on_failure", e) == -1)
		return -1;
	if (!str_starts(j->url, "https://") && !str_starts(j->url, "http://"))
		return guard_bad(e, STR("url"), "must be an https address");
	if (max.p != NULL &&
	    (!jscan_int(max, &j->timeout_ms) || j->timeout_ms < 1 ||
		j->timeout_ms > TIMEOUT_MAX))
		return guard_bad(
		    e, STR("timeout_ms"), "must be from 1 to %d", TIMEOUT_MAX);
	if (fails.p != NULL && !j->open && !str_is(fails, "closed"))
		return guard_bad(
		    e, STR("on_failure"), "must be open or closed");
	b->njudges++;
	return 0;
}
