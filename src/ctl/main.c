#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "ctl/ctl.h"

#define OUT_MAX ((size_t)512 << 20)
#define ARENA_FIRST ((size_t)64 << 10)

static int
exit_code(const struct ctl *c, const struct err *e)
{
	if (c->bad_usage)
		return EX_USAGE;
	if (e->code == ERR_STORE)
		return EX_UNAVAILABLE;
	if (e->code == ERR_CONFIG)
		return EX_CONFIG;
	return EXIT_FAILURE;
}

static const char *
code_word(const struct ctl *c, const struct err *e)
{
	if (c->bad_usage)
		return "usage";
	return e->code == ERR_CONFIG ? "configuration" : err_rows[e->code].code;
}

/* What went wrong: for people on standard error, for scripts as JSON. */
static int
fail(struct ctl *c, const struct err *e)
{
	buf_clear(&c->out);
	c->w = JW_TO(&c->out);
	fprintf(stderr, "llmgwctl: %s\n", e->msg);
	if (c->bad_usage)
		fprintf(stderr, "try: llmgwctl %s%s--help\n",
		    c->command == NULL ? "" : c->command->name,
		    c->command == NULL ? "" : " ");
	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_obj(&c->w, "error");
		jw_strc(&c->w, "code", code_word(c, e));
		jw_strc(&c->w, "message", e->msg);
		jw_end(&c->w);
		jw_end(&c->w);
	}
	return exit_code(c, e);
}

/* Print what there is; a key that nobody got to see must not pass unnoticed. */
static int
print(struct ctl *c, int code)
{
	struct str s = buf_str(&c->out);

	if (c->out.full) {
		fprintf(stderr, "llmgwctl: the answer is too large\n");
		return EXIT_FAILURE;
	}
	fwrite(s.p, 1, s.n, stdout);
	if (s.n > 0 && s.p[s.n - 1] != '\n')
		putchar('\n');
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "llmgwctl: standard output: %m\n");
		return EX_IOERR;
	}
	return code;
}

static int
run(struct ctl *c, struct err *e)
{
	int rc = ctl_open(c, e);

	if (rc == 0)
		rc = c->command->run(c, e);
	if (rc == -1)
		return fail(c, e);
	return c->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Wanted before the command line is understood: it may be wrong. */
static bool
wants_json(char *argv[])
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--json") == 0)
			return true;
	return false;
}

int
main(int argc, char *argv[])
{
	struct ctl c = { .out = BUF_LIMIT(OUT_MAX) };
	struct err e = { 0 };
	int code = EXIT_SUCCESS;

	umask(077);
	c.w = JW_TO(&c.out);
	c.json = wants_json(argv);
	c.arena = arena_new(ARENA_FIRST, SIZE_MAX);
	if (args_parse(&c, argc, argv, &e) == -1)
		code = fail(&c, &e);
	else if (c.globals[CTL_VERSION] != NULL)
		buf_fmt(&c.out, "llmgw %s\n", PACKAGE_VERSION);
	else if (c.globals[CTL_HELP] != NULL)
		help_add(&c, &c.out);
	else
		code = run(&c, &e);
	code = print(&c, code);
	ctl_close(&c);
	buf_free(&c.out);
	arena_free(c.arena);
	return code;
}
