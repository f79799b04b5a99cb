#include "dialect/dialect.h"
#include "room.h"

/* The shapes of wire.md 13 and what must be read from them. */
static const struct {
	const char *name;
	const char *body;
	const char *msg;
	const char *word;
	const char *param;
	int status;
} bodies[] = {
	{ "OpenAI",
	    "{\"error\":{\"message\":\"m\",\"type\":\"x_error\",\"param\":"
	    "\"p\",\"code\":\"c_1\"}}",
	    "m", "c_1", "p", 0 },
	{ "type instead of a code",
	    "{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\","
	    "\"code\":null}}",
	    "m", "insufficient_quota", "", 0 },
	{ "text", "{\"error\":\"m\"}", "m", "", "", 0 },
	{ "Google",
	    "{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_"
	    "EXHAUSTED\"}}",
	    "m", "", "", 429 },
	{ "Google in an array",
	    "[{\"error\":{\"code\":400,\"message\":\"m\"}}]\n", "m", "", "",
	    400 },
	{ "Anthropic",
	    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
	    "\"message\":\"m\"}}",
	    "m", "", "", 0 },
	{ "AWS", "{\"message\":\"m\"}", "m", "", "", 0 },
	{ "AWS, other case", "{\"Message\":\"m\"}", "m", "", "", 0 },
	{ "detail", "{\"detail\":\"m\"}", "m", "", "", 0 },
	{ "detail list",
	    "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"m\",\"type\":\"x\"}]}",
	    "m", "", "", 0 },
	{ "vLLM", "{\"object\":\"error\",\"message\":\"m\",\"code\":404}", "m",
	    "", "", 404 },
	{ "xAI", "{\"code\":\"bad\",\"error\":\"m\"}", "m", "bad", "", 0 },
	{ "API Management", "{\"statusCode\":401,\"message\":\"m\"}", "m", "",
	    "", 401 },
	{ "code that is a status",
	    "{\"error\":{\"code\":\"401\",\"message\":\"m\"}}", "m", "", "",
	    401 },
	{ "errors", "{\"errors\":[{\"message\":\"m\"}]}", "m", "", "", 0 },
	{ "code that is no word",
	    "{\"error\":{\"code\":\"a b\",\"message\":\"m\"}}", "m", "", "",
	    0 },
	{ "HTML", "<html>gone</html>", "", "", "", 0 },
	{ "nothing", "", "", "", "", 0 },
	{ "other JSON", "[1,2]", "", "", "", 0 },
};

START_TEST(decode)
{
	struct arena *a = arena_new(512, 1 << 20);
	struct err e = { 0 };

	dialect_openai_chat.decode_error(a, str_from(bodies[_i].body), &e);
	ck_assert_msg(strcmp(e.msg, bodies[_i].msg) == 0, "%s: message %s",
	    bodies[_i].name, e.msg);
	ck_assert_msg(str_is(e.word, bodies[_i].word), "%s: word %.*s",
	    bodies[_i].name, STR_ARG(e.word));
	ck_assert_msg(str_is(e.param, bodies[_i].param), "%s: param %.*s",
	    bodies[_i].name, STR_ARG(e.param));
	ck_assert_msg(e.status == bodies[_i].status, "%s: status %d",
	    bodies[_i].name, e.status);
	arena_free(a);
}
END_TEST

START_TEST(long_message)
{
	struct arena *a = arena_new(512, 1 << 20);
	struct buf b = BUF_LIMIT(8192);
	struct err e = { 0 };
	int i;

	buf_add(&b, STR("{\"message\":\"x"));
	for (i = 0; i < 700; i++)
		buf_add(&b, STR("\xc3\xa4"));
	buf_add(&b, STR("\"}"));
	dialect_openai_chat.decode_error(a, buf_str(&b), &e);
	ck_assert_uint_eq(strlen(e.msg), 999); /* no half character */
	buf_free(&b);
	arena_free(a);
}
END_TEST

START_TEST(encode)
{
	struct err e = { .code = ERR_UPSTREAM, .msg = "broken" };
	struct buf b = BUF_LIMIT(1024);

	dialect_openai_chat.encode_error(&e, &b);
	ck_assert(str_is(buf_str(&b),
	    "data: {\"error\":{\"message\":\"broken\",\"type\":"
	    "\"upstream_error\",\"param\":null,\"code\":\"upstream_error\","
	    "\"status\":500}}\n\n"));
	buf_clear(&b);
	e = (struct err){ .code = ERR_UPSTREAM_REQUEST,
		.status = 422,
		.msg = "m",
		.word = STR("w"),
		.param = STR("p"),
		.members = STR("{\"used_model\":\"x\"}") };
	dialect_openai_chat.encode_error(&e, &b);
	ck_assert(str_is(buf_str(&b),
	    "data: {\"error\":{\"message\":\"m\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"p\",\"code\":\"w\","
	    "\"status\":422,\"used_model\":\"x\"}}\n\n"));
	buf_free(&b);
}
END_TEST

CASE(case_error)
{
	TCase *t = tcase_create("error");

	tcase_add_loop_test(t, decode, 0, NROWS(bodies));
	tcase_add_test(t, long_message);
	tcase_add_test(t, encode);
	return t;
}
