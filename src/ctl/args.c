/*
 * Options may stand anywhere, also before the command: "llmgwctl -c FILE key
 * list --json".  Those of a command count from its name on.
 */
#include "ctl/ctl.h"

const struct ctl_option ctl_globals[] = {
	[CTL_CONFIG] = { "config", "FILE",
	    "settings, instead of LLMGW_CONF and the installed file" },
	[CTL_JSON] = { "json", NULL, "print JSON" },
	[CTL_VERBOSE] = { "verbose", NULL, "say what the database says" },
	[CTL_HELP] = { "help", NULL, "print this" },
	[CTL_VERSION] = { "version", NULL, "print the version" },
	[CTL__GLOBALS] = { NULL, NULL, NULL },
};

static const struct {
	char letter;
	enum ctl_global global;
} letters[] = {
	{ 'c', CTL_CONFIG },
	{ 'h', CTL_HELP },
	{ 'v', CTL_VERBOSE },
};

struct parsing {
	struct ctl *c;
	struct str group; /* the first word of a command of two */
	char **next;      /* argument */
	struct err *e;
};

/* The row of "first" or of "first second". */
static const struct ctl_command *
find(struct str first, struct str second)
{
	const struct ctl_command *m;
	struct str rest;

	for (m = ctl_commands; m->name != NULL; m++) {
		rest = str_from(m->name);
		if (str_eq(str_split(&rest, ' '), first) &&
		    str_eq(rest, second) && (rest.p == NULL) == !second.n)
			return m;
	}
	return NULL;
}

static bool
is_group(struct str word)
{
	const struct ctl_command *m;
	struct str rest;

	for (m = ctl_commands; m->name != NULL; m++) {
		rest = str_from(m->name);
		if (str_eq(str_split(&rest, ' '), word) && rest.p != NULL)
			return true;
	}
	return false;
}

static int
take_word(struct parsing *p, const char *text)
{
	struct str word = str_from(text);
	struct ctl *c = p->c;

	if (c->command != NULL) {
		if (c->nargs == c->command->max)
			return ctl_usage(
			    c, p->e, "too many arguments: %.100s", text);
		c->args[c->nargs++] = text;
		return 0;
	}
	if (p->group.p == NULL) {
		c->command = find(word, STR_NONE);
		if (c->command == NULL && is_group(word))
			p->group = word;
		else if (c->command == NULL)
			return ctl_usage(
			    c, p->e, "no command \"%.100s\"", text);
		return 0;
	}
	c->command = find(p->group, word);
	if (c->command == NULL)
		return ctl_usage(c, p->e, "no command \"%.*s %.100s\"",
		    STR_ARG(p->group), text);
	return 0;
}

/* "--name", "--name=value" or "--name value". */
static int
set(struct parsing *p, const struct ctl_option *o, const char **where,
    struct str value)
{
	if (o->arg == NULL) {
		if (value.p != NULL)
			return ctl_usage(
			    p->c, p->e, "--%s takes no value", o->name);
		*where = "";
		return 0;
	}
	if (*where != NULL)
		return ctl_usage(p->c, p->e, "--%s is there twice", o->name);
	if (value.p == NULL && *p->next == NULL)
		return ctl_usage(p->c, p->e, "--%s needs %s", o->name, o->arg);
	if (value.p == NULL)
		value = str_from(*p->next++);
	*where = value.p;
	return 0;
}

static int
take_long(struct parsing *p, const char *text)
{
	struct str value = str_from(text + 2), name = str_split(&value, '=');
	const struct ctl_option *o;
	struct ctl *c = p->c;

	/* "models --all" is "models list --all". */
	for (o = ctl_globals; o->name != NULL; o++)
		if (str_is(name, o->name))
			return set(p, o, &c->globals[o - ctl_globals], value);
	if (c->command == NULL && p->group.p != NULL)
		c->command = find(p->group, STR("list"));
	o = c->command == NULL ? NULL : c->command->options;
	for (; o != NULL && o->name != NULL; o++)
		if (str_is(name, o->name))
			return set(
			    p, o, &c->values[o - c->command->options], value);
	return ctl_usage(c, p->e, "no option --%.*s%s%s",
	    name.n < 100 ? (int)name.n : 100, name.p,
	    c->command == NULL ? "" : " of ",
	    c->command == NULL ? "" : c->command->name);
}

static int
take_short(struct parsing *p, const char *text)
{
	for (size_t i = 0; i < NROWS(letters); i++)
		if (text[1] == letters[i].letter && text[2] == '\0')
			return set(p, &ctl_globals[letters[i].global],
			    &p->c->globals[letters[i].global], STR_NONE);
	return ctl_usage(p->c, p->e, "no option %.100s", text);
}

static int
take(struct parsing *p, const char *text, bool *words_only)
{
	if (*words_only || text[0] != '-' || text[1] == '\0')
		return take_word(p, text);
	if (strcmp(text, "--") == 0) {
		*words_only = true;
		return 0;
	}
	return text[1] == '-' ? take_long(p, text) : take_short(p, text);
}

int
args_parse(struct ctl *c, int argc, char *argv[], struct err *e)
{
	struct parsing p = { .c = c, .next = argv + (argc > 0), .e = e };
	bool words_only = false;

	while (*p.next != NULL)
		if (take(&p, *p.next++, &words_only) == -1)
			return -1;
	c->json = c->globals[CTL_JSON] != NULL;
	c->group = p.group;
	if (c->globals[CTL_HELP] != NULL || c->globals[CTL_VERSION] != NULL)
		return 0;
	if (c->command == NULL && p.group.p != NULL)
		c->command = find(p.group, STR("list"));
	if (c->command == NULL)
		return ctl_usage(c, e,
		    p.group.p == NULL ? "a command is missing" :
					"\"%.*s\" needs a second word",
		    STR_ARG(p.group));
	if (c->nargs < c->command->min)
		return ctl_usage(
		    c, e, "%s needs %s", c->command->name, c->command->args);
	return 0;
}
