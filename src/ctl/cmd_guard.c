/* What a text would trigger: the same call that the admin API answers. */
#include <unistd.h>

#include "ctl/cmd.h"
#include "ctl/desk.h"
#include "ctl/table.h"
#include "json/jscan.h"

#define TEXT_MAX ((size_t)1024 * 1024)

/* The argument, or standard input. */
static struct str
read_text(struct ctl *c)
{
	struct buf b = BUF_LIMIT(TEXT_MAX);
	struct str out;
	char tmp[4096];
	ssize_t n;

	if (c->nargs > 1)
		return str_from(c->args[1]);
	while ((n = read(STDIN_FILENO, tmp, sizeof(tmp))) > 0)
		buf_add(&b, (struct str){ tmp, (size_t)n });
	out = arena_dup(c->arena, buf_str(&b));
	buf_free(&b);
	return out;
}

static struct str
cell(struct ctl *c, struct str object, const char *name)
{
	struct str raw = jscan_at(object, name);

	return raw.n > 0 && raw.p[0] == '"' ? jscan_text(raw, c->arena) : raw;
}

static void
put_text(struct ctl *c, struct str answer)
{
	static const char *const heads[] = { "RULE", "TYPE", "CATEGORY",
		"ACTION", ">COUNT", NULL };
	static const char *const names[] = { "rule_id", "type", "category",
		"action", "count" };
	struct table t;
	struct jmember m;

	table_start(&t, c->arena, heads);
	for (struct jiter it = jscan_into(jscan_at(answer, "matches"));
	     jscan_next(&it, &m);)
		for (size_t i = 0; i < NROWS(names); i++)
			table_cell(&t, cell(c, m.raw, names[i]));
	table_print(&t, &c->out);
	buf_fmt(&c->out, "\n%s\n%.*s\n",
	    str_is(jscan_at(answer, "blocked"), "true") ?
		"blocked; the text:" :
		"not blocked; the text as it goes on:",
	    STR_ARG(cell(c, answer, "redacted_text")));
}

int
cmd_guard_test(struct ctl *c, struct err *e)
{
	struct buf b = BUF_LIMIT(TEXT_MAX * 6 + 1024);
	struct jw w = JW_TO(&b);
	struct desk_call call = { .method = "POST",
		.path = arena_fmt(
		    c->arena, "organizations/%s/guardrails/test", c->args[0]) };
	const char *direction = ctl_value(c, "direction");
	const char *project = ctl_value(c, "project");
	struct str answer;

	if (strchr(c->args[0], '/') != NULL)
		return ctl_usage(c, e, "no id: %.100s", c->args[0]);
	jw_obj(&w, NULL);
	jw_str(&w, "text", read_text(c));
	if (direction != NULL)
		jw_strc(&w, "direction", direction);
	if (project != NULL)
		jw_strc(&w, "project_id", project);
	jw_end(&w);
	call.body = arena_dup(c->arena, buf_str(&b));
	buf_free(&b);
	if (desk_run(c, &call, &answer, e) == -1)
		return -1;
	if (c->json)
		jw_raw(&c->w, NULL, answer);
	else
		put_text(c, answer);
	return 0;
}
