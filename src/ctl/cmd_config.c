#include <stdio.h>
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/list.h"
#include "domain/settings.h"
#include "http/settings.h"

/* What the programs load at start, with the same messages. */
int
cmd_config_test(struct ctl *c, struct err *e)
{
	const char *path = c->conf.path;
	struct list l;
	int usable = 0, rc = list_open(&l, c, e);

	if (rc == 0)
		rc = settings_check(&c->conf, e);
	if (rc == 0)
		rc = http_check_settings(&c->conf, e);
	for (int i = 0; rc == 0 && i < providers_count(l.providers); i++)
		usable += upstream_usable(providers_at(l.providers, i));
	if (rc == 0 && c->json) {
		jw_obj(&c->w, NULL);
		jw_bool(&c->w, "ok", true);
		if (path == NULL)
			jw_null(&c->w, "file");
		else
			jw_strc(&c->w, "file", path);
		jw_strc(&c->w, "catalog", l.file);
		jw_int(&c->w, "models", catalog_count(l.catalog));
		jw_int(&c->w, "usable_providers", usable);
		jw_end(&c->w);
	} else if (rc == 0)
		buf_fmt(&c->out,
		    "%s: good; %d models of %s, %d providers can be asked\n",
		    path == NULL ? "no file, defaults and environment" : path,
		    catalog_count(l.catalog), l.file, usable);
	list_close(&l);
	return rc;
}

/* A text that conf_dump() or conf_manual() prints, in the arena. */
static int
capture(struct ctl *c, void (*print)(const struct conf *, FILE *),
    struct str *out, struct err *e)
{
	char *p = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&p, &n);

	if (f == NULL)
		return err_set(e, ERR_INTERNAL, "%m");
	print(&c->conf, f);
	fclose(f);
	*out = arena_dup(c->arena, (struct str){ p, n });
	free(p);
	return 0;
}

/* One line of the dump: "[section]", "name = value" or "# name (set)". */
static void
put_line(struct jw *w, struct str line, struct str *section)
{
	struct str value = line, name;
	bool secret = str_starts(line, "# ");

	if (line.n == 0)
		return;
	if (*line.p == '[') {
		*section = (struct str){ line.p + 1, line.n - 2 };
		return;
	}
	if (secret)
		value = (struct str){ line.p + 2, line.n - 2 };
	name = str_trim(str_split(&value, secret ? ' ' : '='));
	jw_obj(w, NULL);
	jw_str(w, "section", *section);
	jw_str(w, "name", name);
	if (secret)
		jw_null(w, "value");
	else
		jw_str(w, "value", str_trim(value));
	jw_bool(w, "secret", secret);
	jw_end(w);
}

int
cmd_config_dump(struct ctl *c, struct err *e)
{
	struct str text = STR_NONE, section = STR("");

	if (capture(c, conf_dump, &text, e) == -1)
		return -1;
	if (!c->json) {
		buf_add(&c->out, text);
		return 0;
	}
	jw_obj(&c->w, NULL);
	jw_arr(&c->w, "data");
	while (text.p != NULL)
		put_line(&c->w, str_split(&text, '\n'), &section);
	jw_end(&c->w);
	jw_end(&c->w);
	return 0;
}

static void
print_manual(const struct conf *ignored, FILE *f)
{
	(void)ignored;
	conf_manual(f);
}

static void
put_rows(struct jw *w)
{
	static const char *const sections[] = {
		[CONF_GATEWAY] = "llmgw",
		[CONF_PROVIDER] = "provider NAME",
		[CONF_MODEL] = "model NAME",
	};
	const struct conf_row *r;

	for (r = conf_rows; r->name != NULL; r++) {
		jw_obj(w, NULL);
		jw_strc(w, "section", sections[r->scope]);
		jw_strc(w, "name", r->name);
		jw_strc(w, "default", r->def);
		jw_strc(w, "text", r->text);
		jw_end(w);
	}
}

int
cmd_config_manual(struct ctl *c, struct err *e)
{
	struct str text = STR_NONE;

	if (c->json) {
		jw_obj(&c->w, NULL);
		jw_arr(&c->w, "data");
		put_rows(&c->w);
		jw_end(&c->w);
		jw_end(&c->w);
		return 0;
	}
	if (capture(c, print_manual, &text, e) == -1)
		return -1;
	buf_add(&c->out, text);
	return 0;
}
