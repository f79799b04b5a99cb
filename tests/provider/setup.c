#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "setup.h"

extern char **environ;

void
setup_clear(void)
{
	const struct provider *p;
	char name[128], **v;
	size_t n;

	for (p = provider_rows; p->id != NULL; p++)
		if (p->sdk_env != NULL)
			unsetenv(p->sdk_env);
	unsetenv("CREDENTIALS_DIRECTORY");
	for (v = environ; *v != NULL;) {
		n = strcspn(*v, "=");
		if (strncmp(*v, "LLM", 3) != 0 || n >= sizeof(name)) {
			v++;
			continue;
		}
		memcpy(name, *v, n);
		name[n] = '\0';
		unsetenv(name); /* moves the others down */
	}
}

int
setup_load(struct setup *s, const char *text)
{
	int fd;

	*s = (struct setup){ 0 };
	snprintf(s->path, sizeof(s->path), "/tmp/llmgw-provider-XXXXXX");
	fd = mkstemp(s->path);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	ck_assert_msg(
	    conf_load(&s->conf, s->path, &s->err) == 0, "%s", s->err.msg);
	return providers_load(&s->providers, &s->conf, &s->err);
}

void
setup_free(struct setup *s)
{
	providers_free(s->providers);
	conf_free(&s->conf);
	unlink(s->path);
}

struct sent
setup_send(struct arena *a, const struct target *to, const char *body)
{
	struct target copy = *to, *t = &copy;
	struct llm_request r = { .from = &dialect_openai_chat, .n = 1 };
	struct buf dropped = BUF_LIMIT(1000), lines = BUF_LIMIT(10000);
	struct sent out = { 0 };
	struct http_request q;
	int i;

	r.body = str_from(body);
	r.nmembers = jscan_object(r.body, a, &r.members, &out.err);
	ck_assert_msg(r.nmembers >= 0, "%s", out.err.msg);
	r.stream = str_is(jscan_get(r.members, r.nmembers, "stream"), "true");
	jscan_int(
	    jscan_get(r.members, r.nmembers, "max_tokens"), &r.max_output);
	if (t->way == NULL)
		t->way = &t->upstream->ways[0];
	if (t->way->dialect->task == LLM_IMAGE) {
		r = (struct llm_request){ .from = &dialect_openai_images };
		r.body = STR("{\"prompt\":\"x\"}");
		ck_assert_int_eq(r.from->peek(&r, a, &out.err), 0);
		ck_assert_int_eq(r.from->decode_request(&r, a, &out.err), 0);
	}
	out.rc = provider_request(t, &r, a, &q, &dropped, &out.err);
	if (out.rc == 0) {
		out.url = arena_dup(a, q.url).p;
		out.body = arena_dup(a, q.body).p;
	}
	for (i = 0; out.rc == 0 && i < q.nheaders; i++) {
		buf_add(&lines, q.headers[i]);
		buf_addc(&lines, '\n');
	}
	out.headers = arena_dup(a, buf_str(&lines)).p;
	out.dropped = arena_dup(a, buf_str(&dropped)).p;
	buf_free(&lines);
	buf_free(&dropped);
	return out;
}
