#include "base/file.h"
#include "ctl/cmd.h"
#include "ctl/desk.h"
#include "ctl/table.h"
#include "json/jscan.h"

#define BODY_MAX ((size_t)16 << 20)

/* The model, the key and the body as the admin API wants them. */
static int
make_ask(struct ctl *c, struct str *out, struct err *e)
{
	struct str key = ctl_str(c, "key"), body = STR_NONE;
	const char *file = ctl_value(c, "body");
	struct err why = { 0 };
	struct buf b;
	struct jw w = JW_TO(&b);

	if (file != NULL && strcmp(file, "-") == 0)
		file = "/dev/stdin";
	if (file != NULL && file_read(c->arena, file, BODY_MAX, &body, e) == -1)
		return -1;
	if (file != NULL && jscan_value(body, c->arena, &why) == -1)
		return err_set(
		    e, ERR_BAD_PARAM, "%.200s: %.200s", file, why.msg);
	b = (struct buf)BUF_LIMIT(body.n + 4096);
	jw_obj(&w, NULL);
	jw_str(&w, "model", str_from(c->args[0]));
	if (key.p != NULL)
		jw_str(&w, "key_id", key);
	if (body.p != NULL)
		jw_raw(&w, "body", str_trim(body));
	jw_end(&w);
	*out = arena_dup(c->arena, buf_str(&b));
	buf_free(&b);
	return 0;
}

/* A member's text or number; absent if it is null. */
static struct str
cell(struct ctl *c, struct str object, const char *name)
{
	struct str raw = jscan_at(object, name);

	if (raw.n == 0 || jscan_null(raw))
		return STR_NONE;
	return raw.p[0] == '"' ? jscan_text(raw, c->arena) : raw;
}

static void
put_rows(struct ctl *c, struct str answer)
{
	static const char *const heads[] = { "PROVIDER", "MODEL", "KEY",
		">SCORE", ">PRICE", ">UPTIME", ">SPEED", ">LATENCY",
		">PRIORITY", ">PENALTY", "LEFT OUT BY", NULL };
	static const char *const parts[] = { "price", "uptime", "throughput",
		"latency", "priority", "penalty" };
	struct str all;
	struct table t;
	struct jmember m;

	table_start(&t, c->arena, heads);
	for (struct jiter it = jscan_into(jscan_at(answer, "candidates"));
	     jscan_next(&it, &m);) {
		all = jscan_at(m.raw, "parts");
		table_cell(&t, cell(c, m.raw, "provider"));
		table_cell(&t, cell(c, m.raw, "model"));
		table_cell(&t, cell(c, m.raw, "credential"));
		table_cell(&t, cell(c, m.raw, "score"));
		for (size_t i = 0; i < NROWS(parts); i++)
			table_cell(&t,
			    all.p == NULL ? STR_NONE : cell(c, all, parts[i]));
		table_cell(&t, cell(c, m.raw, "filtered_by"));
	}
	table_print(&t, &c->out);
}

/* Reasons that say more than their word. */
static void
put_reasons(struct ctl *c, struct str answer)
{
	struct str why;
	struct jmember m;

	for (struct jiter it = jscan_into(jscan_at(answer, "candidates"));
	     jscan_next(&it, &m);)
		if ((why = cell(c, m.raw, "why")).p != NULL)
			buf_fmt(&c->out, "%.*s: %.*s\n",
			    STR_ARG(cell(c, m.raw, "provider")), STR_ARG(why));
}

/* Who is asked, one after the other. */
static void
put_order(struct ctl *c, struct str answer)
{
	struct jmember m;
	int n = 0;

	for (struct jiter it = jscan_into(jscan_at(answer, "order"));
	     jscan_next(&it, &m); n++)
		buf_fmt(&c->out, "%s%.*s (%.*s key %.*s)",
		    n == 0 ? "" : ", then ",
		    STR_ARG(cell(c, m.raw, "provider")),
		    STR_ARG(cell(c, m.raw, "credential")),
		    STR_ARG(cell(c, m.raw, "key_index")));
}

int
cmd_explain(struct ctl *c, struct err *e)
{
	struct desk_call call = { .method = "POST", .path = STR("explain") };
	struct str answer, error;

	if (make_ask(c, &call.body, e) == -1 ||
	    desk_run(c, &call, &answer, e) == -1)
		return -1;
	if (c->json) {
		jw_raw(&c->w, NULL, answer);
		return 0;
	}
	put_rows(c, answer);
	put_reasons(c, answer);
	error = jscan_at(answer, "error");
	if (!jscan_null(error)) {
		buf_fmt(&c->out, "\nrefused: %.*s %.*s\n",
		    STR_ARG(cell(c, error, "status")),
		    STR_ARG(cell(c, error, "message")));
		return 0;
	}
	buf_fmt(&c->out, "\n%.*s: ", STR_ARG(cell(c, answer, "reason")));
	put_order(c, answer);
	buf_add(&c->out, STR("\n"));
	return 0;
}
