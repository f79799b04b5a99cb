#include <stdio.h>

#include "ctl/ctl.h"

#define COLUMN 26

static void
add_line(struct buf *b, const char *left, const char *mid, const char *right)
{
	size_t n = strlen(left) + 1 + strlen(mid);

	buf_fmt(b, "  %s %s", left, mid);
	if (n >= COLUMN) {
		buf_addc(b, '\n');
		n = 0;
		buf_add(b, STR("  "));
	}
	buf_fmt(b, "%*s%s\n", (int)(COLUMN - n + 1), "", right);
}

static void
add_options(struct buf *b, const struct ctl_option *o)
{
	char left[40];

	for (; o != NULL && o->name != NULL; o++) {
		snprintf(left, sizeof(left), "--%s", o->name);
		add_line(b, left, o->arg == NULL ? "" : o->arg, o->text);
	}
}

static void
add_commands(struct buf *b, struct str group)
{
	const struct ctl_command *m;
	struct str rest;

	for (m = ctl_commands; m->name != NULL; m++) {
		rest = str_from(m->name);
		if (group.p == NULL || str_eq(str_split(&rest, ' '), group))
			add_line(b, m->name, m->args, m->text);
	}
}

void
help_add(const struct ctl *c, struct buf *b)
{
	const struct ctl_command *m = c->command;

	if (m == NULL) {
		buf_fmt(b, "usage: llmgwctl [-c FILE] [--json] %.*s%s ...\n\n",
		    STR_ARG(c->group), c->group.p == NULL ? "COMMAND" : "");
		add_commands(b, c->group);
	} else
		buf_fmt(b, "usage: llmgwctl %s%s%s%s\n\n  %s.\n", m->name,
		    m->options == NULL ? "" : " [options]",
		    *m->args == '\0' ? "" : " ", m->args, m->text);
	if (m != NULL && m->options != NULL) {
		buf_addc(b, '\n');
		add_options(b, m->options);
	}
	buf_add(b,
	    STR("\nfor all commands (-c, -v and -h are short for the "
		"first letters):\n\n"));
	add_options(b, ctl_globals);
}
