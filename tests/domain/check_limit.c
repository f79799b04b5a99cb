#include <stdio.h>

#include "domain/limit.h"
#include "room.h"

#define NONE                                                                   \
	{                                                                      \
		-1, -1, -1                                                     \
	}

static struct org
some_org(void)
{
	return (struct org){ .id = "org_1", .limits = NONE };
}

static struct principal
somebody(const struct org *o)
{
	return (struct principal){ .org = o,
		.key = "key_1",
		.key_created_ms = 7,
		.project = "prj_1",
		.mode = "credits",
		.usage_limit_nano = -1,
		.key_limits = NONE,
		.project_limits = NONE };
}

static struct limit_ask
ask_of(const struct principal *who)
{
	return (struct limit_ask){ .who = who,
		.key_defaults = NONE,
		.model = STR("m1"),
		.tokens = 100,
		.count_rpm = -1,
		.wall_ms = 1000000 };
}

/* "kind key by/limit;" of each. */
static struct str
told(const struct limit_plan *p, struct buf *b)
{
	char line[300];

	buf_clear(b);
	for (int i = 0; i < p->n; i++) {
		snprintf(line, sizeof(line), "%d %.*s %lld/%lld;",
		    p->ops[i].kind, STR_ARG(p->ops[i].key),
		    (long long)p->ops[i].by, (long long)p->ops[i].limit);
		buf_add(b, str_from(line));
	}
	return buf_str(b);
}

START_TEST(nothing)
{
	struct org o = some_org();
	struct principal who = somebody(&o);
	struct limit_ask ask = ask_of(&who);
	struct limit_plan p;

	limit_make(&p, &ask);
	ck_assert_int_eq(p.n, 0);
}
END_TEST

START_TEST(order)
{
	const struct model_limit models[] = {
		{ STR("m0"), { 1, 1, 1 } },
		{ STR("m1"), { 7, -1, -1 } },
	};
	struct org o = some_org();
	struct principal who = somebody(&o);
	struct limit_ask ask = ask_of(&who);
	struct buf b = BUF_LIMIT(4096);
	struct limit_plan p;

	who.usage_limit_nano = 5;
	who.key_period =
	    (struct period){ .limit_nano = 6, .count = 1, PERIOD_HOUR };
	ask.needs_credit = ask.free_rules = true;
	ask.key_defaults.rpm = 60;
	who.project_limits.tpm = 1000;
	o.limits.concurrent = 3;
	o.model_limits = models;
	o.nmodel_limits = 2;
	limit_make(&p, &ask);
	ck_assert_msg(
	    str_is(told(&p, &b),
		"3 k:key_1:u 0/5;3 k:key_1:p:7 0/6;3 o:c 0/0;"
		"0 k:key_1:rpm 1/60;0 p:prj_1:tpm 100/1000;2 o:con 1/3;"
		"0 m:m1:rpm 1/7;0 f:m1:600 1/5;"),
	    "%.*s", STR_ARG(told(&p, &b)));
	who.key_limits.rpm = 2;
	o.credits_nano = 1;
	ask.free_high = true;
	ask.needs_credit = false;
	limit_make(&p, &ask);
	ck_assert(memmem(told(&p, &b).p, b.n, "k:key_1:rpm 1/2;", 16) != NULL);
	ck_assert(memmem(told(&p, &b).p, b.n, "f:m1:60 1/100;", 14) != NULL);
	ask.count_rpm = 600;
	limit_make(&p, &ask);
	ck_assert_msg(str_is(told(&p, &b),
			  "3 k:key_1:u 0/5;3 k:key_1:p:7 0/6;"
			  "0 k:key_1:count 1/600;"),
	    "%.*s", STR_ARG(told(&p, &b)));
	buf_free(&b);
}
END_TEST

/* For paths of others: requests, and whatever money is used up. */
START_TEST(bare)
{
	struct org o = some_org();
	struct principal who = somebody(&o);
	struct limit_ask ask = ask_of(&who);
	struct buf b = BUF_LIMIT(4096);
	struct limit_plan p;
	struct err e = { 0 };

	ask.model = STR_NONE;
	ask.bare = ask.needs_credit = true;
	ask.key_defaults = (struct limits){ 60, 100, 1 };
	who.project_limits = who.key_limits = (struct limits){ 5, 6, 7 };
	o.limits.concurrent = 3;
	who.project_budget =
	    (struct period){ .limit_nano = 8, .count = 1, PERIOD_HOUR };
	o.budget = who.project_budget;
	who.project_created_ms = o.created_ms = 7;
	limit_make(&p, &ask);
	ck_assert_msg(str_is(told(&p, &b),
			  "3 o:c 0/0;3 p:prj_1:b:7 0/8;3 o:b:7 0/8;"
			  "0 k:key_1:rpm 1/5;0 p:prj_1:rpm 1/5;"),
	    "%.*s", STR_ARG(told(&p, &b)));
	ck_assert_str_eq(limit_scope_word(&p.rows[1]), "project");
	limit_refused(&p, 1, &ask, &e);
	ck_assert_int_eq(e.code, ERR_BUDGET);
	ck_assert_str_eq(e.msg, "Budget of project is used up");
	limit_refused(&p, 2, &ask, &e);
	ck_assert_str_eq(e.msg, "Budget of organization is used up");
	limit_refused(&p, 0, &ask, &e);
	ck_assert_int_eq(e.code, ERR_CREDITS);
	buf_free(&b);
}
END_TEST

START_TEST(words)
{
	struct org o = some_org();
	struct principal who = somebody(&o);
	struct limit_ask ask = ask_of(&who);
	struct limit_plan p;
	struct err e = { 0 };

	who.key_limits = (struct limits){ 3, 200, 2 };
	who.usage_limit_nano = 1;
	who.key_period =
	    (struct period){ .limit_nano = 6, .count = 1, PERIOD_HOUR };
	ask.needs_credit = true;
	limit_make(&p, &ask);
	ck_assert_int_eq(limit_refused(&p, 0, &ask, &e), -1);
	ck_assert_int_eq(e.code, ERR_KEY_LIMIT);
	ck_assert_str_eq(
	    e.msg, "Unauthorized: API key reached its usage limit");
	limit_refused(&p, 1, &ask, &e);
	ck_assert_str_eq(e.msg,
	    "Unauthorized: API key reached its current period usage limit");
	ck_assert_int_eq(e.retry_after, 0);
	limit_refused(&p, 2, &ask, &e);
	ck_assert_int_eq(e.code, ERR_CREDITS);
	ck_assert_str_eq(e.msg, "Organization org_1 has insufficient credits");
	p.ops[3].wait_ms = 2001;
	limit_refused(&p, 3, &ask, &e);
	ck_assert_int_eq(e.retry_after, 3);
	ck_assert_str_eq(
	    e.msg, "Rate limit exceeded for key: 3 requests per minute");
	limit_refused(&p, 4, &ask, &e);
	ck_assert_str_eq(
	    e.msg, "Rate limit exceeded for key: 200 tokens per minute");
	limit_refused(&p, 5, &ask, &e);
	ck_assert_int_eq(e.retry_after, 1);
	ck_assert_str_eq(
	    e.msg, "Too many concurrent requests for key: limit 2");
}
END_TEST

START_TEST(headers)
{
	struct org o = some_org();
	struct principal who = somebody(&o);
	struct limit_ask ask = ask_of(&who);
	struct buf b = BUF_LIMIT(4096);
	struct limit_plan p;

	who.key_limits = (struct limits){ 10, 1000, 5 };
	o.limits.rpm = 10;
	limit_make(&p, &ask);
	p.ops[0].used = 2;   /* 7 of 10 left */
	p.ops[1].used = 500; /* 400 of 1000 left: the least */
	p.ops[3].used = 4;   /* organisation: 5 of 10 */
	limit_headers(&p, -1, 1700000000000, &b);
	ck_assert_msg(
	    str_is(buf_str(&b),
		"RateLimit-Policy: \"requests\";q=10;w=60, "
		"\"tokens\";q=1000;w=60\r\n"
		"RateLimit: \"requests\";r=7;t=60, \"tokens\";r=400;t=60\r\n"
		"RateLimit-Limit: 10\r\nRateLimit-Remaining: 7\r\n"
		"RateLimit-Reset: 60\r\n"
		"X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 7\r\n"
		"X-RateLimit-Reset: 1700000060\r\n"
		"X-RateLimit-Limit-Tokens: 1000\r\n"
		"X-RateLimit-Remaining-Tokens: 400\r\n"
		"X-RateLimit-Reset-Tokens: 1700000060\r\n"),
	    "%.*s", STR_ARG(b));
	buf_clear(&b);
	p.ops[3].used = 10;
	p.ops[3].wait_ms = 7500;
	limit_headers(&p, 3, 1700000000000, &b);
	ck_assert_msg(
	    str_is(buf_str(&b),
		"RateLimit-Policy: \"requests\";q=10;w=60\r\n"
		"RateLimit: \"requests\";r=0;t=8\r\n"
		"RateLimit-Limit: 10\r\nRateLimit-Remaining: 0\r\n"
		"RateLimit-Reset: 8\r\n"
		"X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 0\r\n"
		"X-RateLimit-Reset: 1700000008\r\n"),
	    "%.*s", STR_ARG(b));
	buf_free(&b);
}
END_TEST

CASE(case_limit)
{
	TCase *t = tcase_create("limit");

	tcase_add_test(t, nothing);
	tcase_add_test(t, order);
	tcase_add_test(t, bare);
	tcase_add_test(t, words);
	tcase_add_test(t, headers);
	return t;
}
