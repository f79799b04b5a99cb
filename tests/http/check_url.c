#include "http/url.h"
#include "room.h"

static const struct {
	const char *text;
	const char *host; /* "" means refused */
	int port;
	const char *path;
	bool tls;
} urls[] = {
	{ "https://api.openai.com", "api.openai.com", 0, "", true },
	{ "https://api.openai.com/", "api.openai.com", 0, "", true },
	{ "HTTPS://h/v1/", "h", 0, "/v1", true },
	{ "http://127.0.0.1:9101/v1", "127.0.0.1", 9101, "/v1", false },
	{ "http://[::1]:80/a/b", "::1", 80, "/a/b", false },
	{ "http://[fd00::1]", "fd00::1", 0, "", false },
	{ "https://my_host.local:65535", "my_host.local", 65535, "", true },
	{ "", "", 0, "", false },
	{ "https://", "", 0, "", false },
	{ "ftp://h", "", 0, "", false },
	{ "//h/v1", "", 0, "", false },
	{ "api.openai.com", "", 0, "", false },
	{ "https:///v1", "", 0, "", false },
	{ "https://user@h", "", 0, "", false },
	{ "https://user:pw@h/v1", "", 0, "", false },
	{ "https://h?x=1", "", 0, "", false },
	{ "https://h/v1?x=1", "", 0, "", false },
	{ "https://h/v1#x", "", 0, "", false },
	{ "https://h/a/../b", "", 0, "", false },
	{ "https://h/.", "", 0, "", false },
	{ "https://h/a b", "", 0, "", false },
	{ "https://h/a\r\nX: y", "", 0, "", false },
	{ "https://h\\@evil/", "", 0, "", false },
	{ "https://h:0", "", 0, "", false },
	{ "https://h:", "", 0, "", false },
	{ "https://h:65536", "", 0, "", false },
	{ "https://h:8o", "", 0, "", false },
	{ "https://[::1", "", 0, "", false },
	{ "https://[127.0.0.1]", "", 0, "", false },
	{ "https://[::1]x", "", 0, "", false },
	{ "https://h\xc3\xa4", "", 0, "", false },
	{ "https://-h", "", 0, "", false },
};

START_TEST(parse)
{
	struct err e = { 0 };
	struct url u;
	int rc = url_parse(str_from(urls[_i].text), &u, &e);

	if (urls[_i].host[0] == '\0') {
		ck_assert_msg(rc == -1, "%s: accepted", urls[_i].text);
		ck_assert_int_eq(e.code, ERR_CONFIG);
		return;
	}
	ck_assert_msg(rc == 0, "%s: %s", urls[_i].text, e.msg);
	ck_assert(str_is(u.host, urls[_i].host));
	ck_assert(str_is(u.path, urls[_i].path));
	ck_assert_int_eq(u.port, urls[_i].port);
	ck_assert(u.tls == urls[_i].tls);
}
END_TEST

static const struct {
	const char *list;
	const char *host;
	bool in;
} hosts[] = {
	{ "localhost, 127.0.0.0/8, ::1", "localhost", true },
	{ "localhost, 127.0.0.0/8, ::1", "LocalHost", true },
	{ "localhost, 127.0.0.0/8, ::1", "127.1.2.3", true },
	{ "localhost, 127.0.0.0/8, ::1", "128.0.0.1", false },
	{ "localhost, 127.0.0.0/8, ::1", "::1", true },
	{ "localhost, 127.0.0.0/8, ::1", "0:0:0:0:0:0:0:1", true },
	{ "localhost, 127.0.0.0/8, ::1", "::2", false },
	{ "localhost", "localhost.evil.com", false },
	{ "127.0.0.0/8", "127.0.0.1.evil.com", false },
	{ "127.0.0.0/8", "127.1", false },
	{ "127.0.0.0/8", "2130706433", false },
	{ "127.0.0.0/8", "0x7f000001", false },
	{ "10.1.2.128/25", "10.1.2.200", true },
	{ "10.1.2.128/25", "10.1.2.100", false },
	{ "0.0.0.0/0", "8.8.8.8", true },
	{ "0.0.0.0/0", "::1", false },
	{ "fd00::/7", "fc12::1", true },
	{ "10.0.0.0/33", "10.0.0.1", false },
	{ "10.0.0.0/", "10.0.0.0", false },
	{ "", "h", false },
	{ "vllm ,gpu-1", "gpu-1", true },
};

START_TEST(host_in)
{
	ck_assert_msg(url_host_in(str_from(hosts[_i].list),
			  str_from(hosts[_i].host)) == hosts[_i].in,
	    "%s in %s", hosts[_i].host, hosts[_i].list);
}
END_TEST

START_TEST(private)
{
	ck_assert(url_host_private(STR("10.2.3.4")));
	ck_assert(url_host_private(STR("172.31.0.1")));
	ck_assert(url_host_private(STR("localhost")));
	ck_assert(url_host_private(STR("fd12::1")));
	ck_assert(!url_host_private(STR("172.32.0.1")));
	ck_assert(!url_host_private(STR("169.254.169.254")));
	ck_assert(!url_host_private(STR("fe80::1")));
	ck_assert(!url_host_private(STR("example.org")));
}
END_TEST

static const struct {
	const char *base;
	const char *path;
	const char *url;
} joins[] = {
	{ "http://h:1", "/v1/chat/completions",
	    "http://h:1/v1/chat/completions" },
	{ "http://h:1/", "/v1/chat/completions",
	    "http://h:1/v1/chat/completions" },
	{ "http://h:1/v1", "/v1/chat/completions",
	    "http://h:1/v1/chat/completions" },
	{ "http://h:1/v1/", "/v1/chat/completions",
	    "http://h:1/v1/chat/completions" },
	{ "http://h:1/v1/chat/completions", "/v1/chat/completions",
	    "http://h:1/v1/chat/completions" },
	{ "https://h/openai/v1", "/openai/v1/chat/completions",
	    "https://h/openai/v1/chat/completions" },
	{ "https://h/openai", "/openai/v1/chat/completions",
	    "https://h/openai/v1/chat/completions" },
	{ "https://h/xv1", "/v1/chat", "https://h/xv1/v1/chat" },
	{ "http://v1", "/v1/chat", "http://v1/v1/chat" },
	{ "http://chat", "/chat/completions", "http://chat/chat/completions" },
	{ "https://h/models", "/models/chat?api-version=1",
	    "https://h/models/chat?api-version=1" },
	{ "https://h/models/chat", "/models/chat?api-version=1",
	    "https://h/models/chat?api-version=1" },
};

START_TEST(join)
{
	struct arena *a = arena_new(1024, 1 << 16);

	ck_assert_str_eq(
	    url_join(a, str_from(joins[_i].base), str_from(joins[_i].path)).p,
	    joins[_i].url);
	arena_free(a);
}
END_TEST

START_TEST(segment)
{
	struct buf b = BUF_LIMIT(100);

	url_segment(&b, STR("a/b:c?d%\xc3\xa4-._~"));
	ck_assert(str_is(buf_str(&b), "a%2Fb%3Ac%3Fd%25%C3%A4-._~"));
	buf_free(&b);
}
END_TEST

CASE(case_url)
{
	TCase *c = tcase_create("url");

	tcase_add_loop_test(c, parse, 0, (int)NROWS(urls));
	tcase_add_loop_test(c, host_in, 0, (int)NROWS(hosts));
	tcase_add_test(c, private);
	tcase_add_loop_test(c, join, 0, (int)NROWS(joins));
	tcase_add_test(c, segment);
	return c;
}
