#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "fixture.h"
#include "json/jx.h"
#include "provider/sigv4.h"
#include "room.h"

/* Known answers, made with another language's hmac; headers one a line. */
static const struct {
	const char *name;
	const char *method, *path, *query, *headers, *body;
	const char *date, *region, *service, *id, *secret;
	bool keep_path;
	const char *canonical; /* without the hash of the body, or NULL */
	const char *out;
} own[] = {
	{ "trap 71: once on the wire, twice in the signature", "POST",
	    "/model/us.vendor.model-v1%3A0/converse", "",
	    "Host: bedrock-runtime.eu-west-1.amazonaws.com\n"
	    "Content-Type: application/json\nX-Amz-Date: 20261123T000102Z",
	    "{\"messages\":[]}", "20261123T000102Z", "eu-west-1", "bedrock",
	    "AKIDOWN", "own/secret+key", false,
	    "POST\n/model/us.vendor.model-v1%253A0/converse\n\n"
	    "content-type:application/json\n"
	    "host:bedrock-runtime.eu-west-1.amazonaws.com\n"
	    "x-amz-date:20261123T000102Z\n\ncontent-type;host;x-amz-date\n",
	    "AWS4-HMAC-SHA256 Credential=AKIDOWN/20261123/eu-west-1/bedrock/"
	    "aws4_request, SignedHeaders=content-type;host;x-amz-date, "
	    "Signature=c7d0789e1e2ca077fe594cf002eb0723fc7c4ad8a5d4a4e014262016"
	    "397567c6" },
	{ "session token, port, empty body", "POST",
	    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprofile%2Fx/"
	    "converse-stream",
	    "",
	    "x-amz-security-token: tok//en==\nHost: h:8080\n"
	    "content-type: application/json\nx-amz-date: 20260101T235959Z",
	    "", "20260101T235959Z", "us-east-1", "bedrock", "AKIDOWN",
	    "own/secret+key", false, NULL,
	    "AWS4-HMAC-SHA256 Credential=AKIDOWN/20260101/us-east-1/bedrock/"
	    "aws4_request, SignedHeaders=content-type;host;x-amz-date;"
	    "x-amz-security-token, Signature="
	    "231b871bf7b5d94b3705fd1ac08e68640443435e9e78ac1807866d60c3b7ee6"
	    "a" },
	{ "query sorted, blanks folded", "GET", "/a", "b=2&a=1&a=%20",
	    "Host:h\nX-Amz-Date:20260101T000000Z\nMy-Header:  x   y ", "",
	    "20260101T000000Z", "r", "s", "K", "S", false,
	    "GET\n/a\na=%20&a=1&b=2\nhost:h\nmy-header:x y\n"
	    "x-amz-date:20260101T000000Z\n\nhost;my-header;x-amz-date\n",
	    "AWS4-HMAC-SHA256 Credential=K/20260101/r/s/aws4_request, "
	    "SignedHeaders=host;my-header;x-amz-date, Signature="
	    "73d4606d5cc059431ca3a74aa5189f41ab06e42b580c56226142bb13a134154"
	    "7" },
	{ "dots and slashes", "GET", "/a/./b//../c//", "", "Host:h", "",
	    "20260101T000000Z", "r", "s", "K", "S", false,
	    "GET\n/a/c/\n\nhost:h\n\nhost\n", NULL },
	{ "dots and slashes kept", "GET", "/a/./b//../c//", "", "Host:h", "",
	    "20260101T000000Z", "r", "s", "K", "S", true,
	    "GET\n/a/./b//../c//\n\nhost:h\n\nhost\n", NULL },
	{ "nothing above the root", "GET", "/../..", "flag", "Host:h", "",
	    "20260101T000000Z", "r", "s", "K", "S", false,
	    "GET\n/\nflag=\nhost:h\n\nhost\n", NULL },
	{ "names are sorted before values, and encoded once", "GET", "/",
	    "a-b=1&a=2&a%2Fb=%zz&a=1", "Host:h", "", "20260101T000000Z", "r",
	    "s", "K", "S", false,
	    "GET\n/\na=1&a=2&a%2Fb=%25zz&a-b=1\nhost:h\n\nhost\n", NULL },
	{ "no path", "GET", "", "", "Host:h\nb:1\nB:0", "", "20260101T000000Z",
	    "r", "s", "K", "S", false, "GET\n/\n\nb:1,0\nhost:h\n\nb;host\n",
	    NULL },
};

static int
split_lines(const char *text, struct str *v, int max)
{
	struct str rest = str_from(text);
	int n = 0;

	while (rest.p != NULL && n < max)
		v[n++] = str_split(&rest, '\n');
	return n;
}

START_TEST(known)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct buf b = BUF_LIMIT(1 << 16);
	struct str headers[8];
	struct sigv4 s = { .method = own[_i].method,
		.path = str_from(own[_i].path),
		.query = str_from(own[_i].query),
		.body = str_from(own[_i].body),
		.headers = headers,
		.nheaders = split_lines(own[_i].headers, headers, 8),
		.date = str_from(own[_i].date),
		.region = str_from(own[_i].region),
		.service = str_from(own[_i].service),
		.key_id = str_from(own[_i].id),
		.secret = str_from(own[_i].secret),
		.keep_path = own[_i].keep_path };

	sigv4_canonical(&s, a, &b);
	if (own[_i].canonical != NULL)
		ck_assert_msg(b.n == strlen(own[_i].canonical) + 64 &&
			str_starts(buf_str(&b), own[_i].canonical),
		    "%s: %.*s", own[_i].name, (int)b.n, b.p);
	buf_clear(&b);
	sigv4_authorize(&s, a, &b);
	if (own[_i].out != NULL)
		ck_assert_msg(str_is(buf_str(&b), own[_i].out), "%s: %.*s",
		    own[_i].name, (int)b.n, b.p);
	buf_free(&b);
	arena_free(a);
}
END_TEST

START_TEST(dates)
{
	char d[SIGV4_DATE_SIZE];

	sigv4_date(1795398119, d);
	ck_assert_str_eq(d, "20261123T014159Z");
	sigv4_date(0, d);
	ck_assert_str_eq(d, "19700101T000000Z");
}
END_TEST

static struct str
no_newline(struct str s)
{
	while (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	return s;
}

static void
expect(struct arena *a, struct str dir, const char *file, struct str got)
{
	struct str want = no_newline(fixture_read(a, dir, file));

	ck_assert_msg(str_eq(want, got), "%.*s/%s:\n%.*s\n%.*s", STR_ARG(dir),
	    file, STR_ARG(want), STR_ARG(got));
}

/* "2015-08-30T12:36:00Z" without its marks. */
static struct str
compact(struct arena *a, struct str t)
{
	char *p = arena_zalloc(a, t.n + 1);
	size_t i, n = 0;

	for (i = 0; i < t.n; i++)
		if (t.p[i] != '-' && t.p[i] != ':')
			p[n++] = t.p[i];
	return (struct str){ p, n };
}

static const char *
sha256(struct arena *a, struct str s)
{
	char *hex = arena_zalloc(a, 2 * HASH_SIZE + 1);
	unsigned char h[HASH_SIZE];

	hash_sha256(s, h);
	hash_hex(h, sizeof(h), hex);
	return hex;
}

/* A request file of the published suite: first line, headers, body. */
static void
one_of_suite(struct arena *a, struct str dir)
{
	struct str text = fixture_read(a, dir, "request.txt"), line, rest;
	struct str headers[16], token;
	struct json_object *o, *who;
	struct sigv4 s = { .headers = headers };
	struct buf b = BUF_LIMIT(1 << 16), c = BUF_LIMIT(1 << 16);
	struct err e = { 0 };
	int n = 0;

	o = jx_parse(a, fixture_read(a, dir, "context.json"), &e);
	who = jx_get(o, "credentials");
	ck_assert_ptr_nonnull(who);
	line = str_split(&text, '\n');
	s.method = arena_cstr(a, str_split(&line, ' '));
	line.n -= strlen(" HTTP/1.1");
	s.path = str_split(&line, '?');
	s.query = line;
	for (rest = text; rest.p != NULL;) {
		line = str_split(&rest, '\n');
		if (line.n == 0)
			break;
		headers[n++] = line;
	}
	s.body = no_newline(rest.p == NULL ? STR("") : rest);
	s.date = compact(a, jx_str(o, "timestamp"));
	headers[n++] = arena_fmt(a, "x-amz-date:%.*s", STR_ARG(s.date));
	token = jx_str(who, "token");
	if (token.n > 0 && !jx_true(o, "omit_session_token"))
		headers[n++] =
		    arena_fmt(a, "x-amz-security-token:%.*s", STR_ARG(token));
	if (jx_true(o, "sign_body"))
		headers[n++] =
		    arena_fmt(a, "x-amz-content-sha256:%s", sha256(a, s.body));
	s.nheaders = n;
	s.region = jx_str(o, "region");
	s.service = jx_str(o, "service");
	s.key_id = jx_str(who, "access_key_id");
	s.secret = jx_str(who, "secret_access_key");
	s.keep_path = !jx_true(o, "normalize");
	sigv4_canonical(&s, a, &b);
	expect(a, dir, "header-canonical-request.txt", buf_str(&b));
	sigv4_to_sign(&s, buf_str(&b), &c);
	expect(a, dir, "header-string-to-sign.txt", buf_str(&c));
	buf_clear(&b);
	sigv4_authorize(&s, a, &b);
	rest = no_newline(fixture_read(a, dir, "header-signature.txt"));
	ck_assert(memmem(b.p, b.n, rest.p, rest.n) != NULL);
	buf_free(&b);
	buf_free(&c);
}

/* Paths of Bedrock: input.json and what must come out. */
static void
one_of_bedrock(struct arena *a, struct str dir)
{
	struct json_object *in, *out;
	struct err e = { 0 };
	struct str headers[3];
	struct buf b = BUF_LIMIT(1 << 16);
	struct sigv4 s;

	in = jx_parse(a, fixture_read(a, dir, "input.json"), &e);
	out = jx_parse(a, fixture_read(a, dir, "expect.json"), &e);
	s = (struct sigv4){ .method = "POST",
		.path = jx_str(in, "path_on_the_wire"),
		.body = jx_str(in, "body"),
		.headers = headers,
		.nheaders = 3,
		.date = jx_str(in, "amz_date"),
		.region = jx_str(in, "region"),
		.service = jx_str(in, "service"),
		.key_id = jx_str(in, "access_key_id"),
		.secret = jx_str(in, "secret_access_key") };
	headers[0] = arena_fmt(a, "Host: %.*s", STR_ARG(jx_str(in, "host")));
	headers[1] = arena_fmt(a, "X-Amz-Date: %.*s", STR_ARG(s.date));
	headers[2] = STR("Content-Type: application/json");
	sigv4_authorize(&s, a, &b);
	ck_assert_msg(str_eq(buf_str(&b), jx_str(out, "authorization")),
	    "%.*s: %.*s", STR_ARG(dir), (int)b.n, b.p);
	buf_free(&b);
}

static void
each(struct arena *a, const char *pattern,
    void (*fn)(struct arena *, struct str))
{
	glob_t g;
	size_t i;

	if (glob(pattern, GLOB_ONLYDIR, NULL, &g) != 0)
		return;
	for (i = 0; i < g.gl_pathc; i++)
		fn(a, str_from(g.gl_pathv[i]));
	globfree(&g);
}

/* Other people's; LLMGW_CASES is a directory of them. */
START_TEST(others)
{
	const char *top = getenv("LLMGW_CASES");
	struct arena *a = arena_new(4096, 1 << 20);

	if (top != NULL) {
		each(a, arena_fmt(a, "%s/sigv4/*", top).p, one_of_suite);
		each(a, arena_fmt(a, "%s/sigv4-bedrock-*", top).p,
		    one_of_bedrock);
	}
	arena_free(a);
}
END_TEST

CASE(case_sigv4)
{
	TCase *t = tcase_create("sigv4");

	tcase_add_loop_test(t, known, 0, NROWS(own));
	tcase_add_test(t, dates);
	tcase_add_test(t, others);
	return t;
}
