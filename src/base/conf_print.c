#include "base/conf_value.h"

#define VALUE_MAX ((size_t)1 << 20)
#define LINE_MAX_ 76

static void
dump_rows(FILE *f, enum conf_scope scope, const void *base)
{
	struct buf b = BUF_LIMIT(VALUE_MAX);
	const struct conf_row *r;
	struct str value;

	for (r = conf_rows; r->name != NULL; r++) {
		if (r->scope != scope)
			continue;
		if (conf_value_is_secret(r, base)) {
			fprintf(f, "# %s (set)\n", r->name);
			continue;
		}
		buf_clear(&b);
		conf_value_add(&b, r, base);
		value = buf_str(&b);
		fprintf(f, "%s =%s%.*s\n", r->name, value.n > 0 ? " " : "",
		    STR_ARG(value));
	}
	buf_free(&b);
}

void
conf_dump(const struct conf *c, FILE *f)
{
	const struct conf_provider *p;
	const struct conf_model *m;

	fprintf(f, "[llmgw]\n");
	dump_rows(f, CONF_GATEWAY, c);
	for (p = c->providers; p != NULL; p = p->next) {
		fprintf(f, "\n[provider %s]\n", p->name);
		dump_rows(f, CONF_PROVIDER, p);
	}
	for (m = c->models; m != NULL; m = m->next) {
		fprintf(f, "\n[model %s]\n", m->name);
		dump_rows(f, CONF_MODEL, m);
	}
}

/* A word of running text, safe from being taken for mdoc. */
static void
print_word(FILE *f, struct str word)
{
	if (word.n > 0 && (*word.p == '.' || *word.p == '\''))
		fputs("\\&", f);
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '\\')
			fputs("\\e", f);
		else
			fputc(word.p[i], f);
}

/* Each sentence on a line of its own and lines short, as mandoc's lint asks. */
static void
print_text(FILE *f, const char *text)
{
	struct str rest = str_from(text), word;
	size_t column = 0;
	bool sentence = true;

	while (rest.p != NULL) {
		word = str_split(&rest, ' ');
		if (word.n == 0) {
			sentence = true; /* two blanks */
			continue;
		}
		if (column > 0 && (sentence || column + word.n > LINE_MAX_)) {
			fputc('\n', f);
			column = 0;
		} else if (column > 0)
			column += fputc(' ', f) == ' ';
		print_word(f, word);
		column += word.n;
		sentence = false;
	}
	fputc('\n', f);
}

static void
print_shape(FILE *f, const struct conf_row *r)
{
	static const char *const shapes[] = {
		[CONF_STR] = "Ar text",
		[CONF_SECRET] = "Ar text",
		[CONF_NETS] = "Ar addresses",
		[CONF_USERS] = "Ar users",
		[CONF_INT] = "Ar number",
		[CONF_SIZE] = "Ar size",
		[CONF_TIME] = "Ar time",
		[CONF_MILLI] = "Ar number",
	};
	struct str rest = str_from(r->words), word;

	fprintf(f, ".It Ic %s No =", r->name);
	if (r->type == CONF_BOOL)
		rest = STR("on|off");
	if (rest.p == NULL)
		fprintf(f, " %s", shapes[r->type]);
	while (rest.p != NULL) {
		word = str_split(&rest, '|');
		fprintf(
		    f, " Cm %.*s%s", STR_ARG(word), rest.p != NULL ? " |" : "");
	}
	fputc('\n', f);
}

static void
print_row(FILE *f, const struct conf_row *r)
{
	struct buf range = BUF_LIMIT(100);

	print_shape(f, r);
	print_text(f, r->text);
	if (r->words == NULL && r->max != 0) {
		conf_value_add_range(&range, r);
		fprintf(f, "Range: %.*s.\n", STR_ARG(buf_str(&range)));
		buf_free(&range);
	}
	if (r->def[0] != '\0')
		fprintf(f, "Default:\n.Ql %s .\n", r->def);
}

void
conf_manual(FILE *f)
{
	static const char *const sections[] = {
		[CONF_GATEWAY] = "Section llmgw",
		[CONF_PROVIDER] = "Sections provider NAME",
		[CONF_MODEL] = "Sections model NAME",
	};
	const struct conf_row *r;

	fprintf(f, ".Sh SETTINGS\n");
	for (size_t i = 0; i < NROWS(sections); i++) {
		fprintf(f, ".Ss %s\n.Bl -tag -width Ds\n", sections[i]);
		for (r = conf_rows; r->name != NULL; r++)
			if (r->scope == (enum conf_scope)i)
				print_row(f, r);
		fprintf(f, ".El\n");
	}
}
