#include <stdarg.h>
#include <stdio.h>

#include "base/file.h"
#include "domain/catalog_read.h"
#include "json/jscan.h"

#define FILE_MAX ((size_t)16 << 20)
#define STRINGS 16384 /* slots; a power of two; twice what we expect */

int
catalog_read_fail(struct catalog_load *l, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(l->e, ERR_CONFIG, "%s:%d: %s", l->file, l->lineno, text);
}

/* Past the table's room strings are copied without being shared. */
struct str
catalog_read_keep(struct catalog_load *l, struct str s)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	struct str *slot;
	size_t i;

	if (s.n == 0)
		return s.p == NULL ? s : STR("");
	if (l->strings == NULL)
		l->strings = arena_zalloc(l->work, STRINGS * sizeof(*slot));
	for (i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	for (i = 0; i < 32; i++) {
		slot = &l->strings[(h + i) % STRINGS];
		if (slot->p == NULL)
			return *slot = arena_dup(l->keep, s);
		if (str_eq(*slot, s))
			return *slot;
	}
	return arena_dup(l->keep, s);
}

void
catalog_read_add(struct catalog_load *l, struct model *m)
{
	struct model **v;

	if (l->n == l->room) {
		l->room = l->room == 0 ? 256 : 2 * l->room;
		v = arena_zalloc(l->work, sizeof(*v) * (size_t)l->room);
		if (l->n > 0)
			memcpy(v, l->v, sizeof(*v) * (size_t)l->n);
		l->v = v;
	}
	l->v[l->n++] = m;
}

int
catalog_read_size(struct str raw)
{
	struct jmember m;
	struct jiter it;
	int n = 0;

	for (it = jscan_into(raw); jscan_next(&it, &m);)
		n++;
	return n;
}

/* Absent and null give STR_NONE. */
int
catalog_read_text(struct catalog_load *l, struct str raw, const char *what,
    bool needed, struct str *out)
{
	struct str s;

	*out = STR_NONE;
	if (raw.p == NULL || jscan_null(raw)) {
		if (needed)
			return catalog_read_fail(l, "\"%s\" is missing", what);
		return 0;
	}
	s = jscan_text(raw, l->line);
	if (s.p == NULL || s.n > 1000 || (needed && s.n == 0))
		return catalog_read_fail(l, "\"%s\" is no text", what);
	*out = catalog_read_keep(l, s);
	return 0;
}

int
catalog_read_count(
    struct catalog_load *l, struct str raw, const char *what, int64_t *out)
{
	*out = 0;
	if (raw.p == NULL || jscan_null(raw))
		return 0;
	if (!jscan_int(raw, out) || *out < 0)
		return catalog_read_fail(l, "\"%s\" is no count", what);
	return 0;
}

static int
get_day(
    struct catalog_load *l, struct str raw, const char *what, struct str *out)
{
	static const char form[] = "dddd-dd-dd";
	size_t i;

	if (catalog_read_text(l, raw, what, false, out) == -1)
		return -1;
	if (out->p == NULL)
		return 0;
	for (i = 0; i < out->n && i < sizeof(form) - 1; i++) {
		if (form[i] == '-' ? out->p[i] != '-' :
				     out->p[i] < '0' || out->p[i] > '9')
			break;
	}
	if (out->n != sizeof(form) - 1 || i != out->n)
		return catalog_read_fail(l, "\"%s\" is no day", what);
	return 0;
}

static unsigned
effort_bit(struct str word)
{
	int i;

	for (i = 0; i < LLM_EFFORT__COUNT; i++) {
		if (str_is(word, llm_effort_words[i]))
			return 1u << i;
	}
	return 0;
}

/* An array of words, each of which `bit` knows. */
static int
get_bits(struct catalog_load *l, struct str raw, const char *what,
    unsigned (*bit)(struct str), unsigned *out)
{
	struct jmember m;
	struct jiter it;
	struct str word;
	unsigned b;

	*out = 0;
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		word = jscan_text(m.raw, l->line);
		if (word.p == NULL || (b = bit(word)) == 0)
			return catalog_read_fail(l, "\"%s\" has no %.*s", what,
			    (int)(m.raw.n < 60 ? m.raw.n : 60), m.raw.p);
		*out |= b;
	}
	return 0;
}

static bool
known_stability(struct str s)
{
	return s.p == NULL || str_is(s, "stable") || str_is(s, "beta") ||
	    str_is(s, "unstable") || str_is(s, "experimental");
}

static int
get_mapping(struct catalog_load *l, struct str raw, struct mapping *p)
{
	if (catalog_read_text(l, jscan_at(raw, "provider"), "provider", true,
		&p->provider) == -1 ||
	    catalog_read_text(
		l, jscan_at(raw, "model"), "model", true, &p->upstream) == -1 ||
	    catalog_read_count(
		l, jscan_at(raw, "context"), "context", &p->context) == -1 ||
	    catalog_read_count(l, jscan_at(raw, "max_output"), "max_output",
		&p->max_output) == -1 ||
	    get_bits(l, jscan_at(raw, "caps"), "caps", catalog_cap_bit,
		&p->caps) == -1 ||
	    get_bits(l, jscan_at(raw, "efforts"), "efforts", effort_bit,
		&p->efforts) == -1 ||
	    catalog_tiers(l, jscan_at(raw, "tiers"), &p->tiers, &p->ntiers) ==
		-1 ||
	    catalog_lists(l, jscan_at(raw, "prices"), p) == -1 ||
	    catalog_pictures(l, jscan_at(raw, "pictures"), p) == -1 ||
	    catalog_discount(l, jscan_at(raw, "discount"), &p->discount) ==
		-1 ||
	    get_day(l, jscan_at(raw, "deprecated_at"), "deprecated_at",
		&p->deprecated_at) == -1 ||
	    get_day(l, jscan_at(raw, "deactivated_at"), "deactivated_at",
		&p->deactivated_at) == -1 ||
	    catalog_read_text(l, jscan_at(raw, "stability"), "stability", false,
		&p->stability) == -1)
		return -1;
	if (!known_stability(p->stability))
		return catalog_read_fail(l, "\"stability\" is no such word");
	if (p->caps == 0)
		return catalog_read_fail(l, "\"caps\" are missing");
	return 0;
}

static int
get_mappings(struct catalog_load *l, struct str raw, struct model *m)
{
	int n = catalog_read_size(raw);
	struct jmember v;
	struct jiter it;

	if (n < 1 || n > CATALOG_MAPPINGS_MAX)
		return catalog_read_fail(l, "1 to 32 \"mappings\" are needed");
	m->mappings = arena_zalloc(l->keep, sizeof(*m->mappings) * (size_t)n);
	for (it = jscan_into(raw); jscan_next(&it, &v);) {
		struct mapping *p = &m->mappings[m->nmappings];

		p->model = m;
		if (get_mapping(l, v.raw, p) == -1)
			return -1;
		if (catalog_mapping(m, p) != NULL)
			return catalog_read_fail(
			    l, "provider %.*s twice", STR_ARG(p->provider));
		m->nmappings++;
	}
	return 0;
}

static int
get_aliases(struct catalog_load *l, struct str raw, struct model *m)
{
	int n = catalog_read_size(raw);
	struct jmember v;
	struct jiter it;

	if (n > CATALOG_ALIASES_MAX)
		return catalog_read_fail(l, "more than 64 \"aliases\"");
	m->aliases = n == 0 ?
	    NULL :
	    arena_zalloc(l->keep, sizeof(*m->aliases) * (size_t)n);
	for (it = jscan_into(raw); jscan_next(&it, &v);) {
		if (catalog_read_text(l, v.raw, "aliases", true,
			&m->aliases[m->naliases++]) == -1)
			return -1;
	}
	return 0;
}

/* Only a star at the end is more than a model string may have. */
static bool
usable_id(struct str id)
{
	if (id.n > 1 && id.p[id.n - 1] == '*')
		id.n--;
	return catalog_is_name(id);
}

static int
get_model(struct catalog_load *l, const struct jmember *v, int n)
{
	struct model *m = ARENA_NEW(l->keep, struct model);
	struct str flag = jscan_get(v, n, "free");

	if (catalog_read_text(l, jscan_get(v, n, "id"), "id", true, &m->id) ==
	    -1)
		return -1;
	if (!usable_id(m->id))
		return catalog_read_fail(l, "\"id\" is no model name");
	if (catalog_read_text(
		l, jscan_get(v, n, "name"), "name", false, &m->name) == -1 ||
	    catalog_read_text(l, jscan_get(v, n, "family"), "family", false,
		&m->family) == -1 ||
	    catalog_read_text(l, jscan_get(v, n, "owned_by"), "owned_by", false,
		&m->owned_by) == -1 ||
	    catalog_read_text(l, jscan_get(v, n, "description"), "description",
		false, &m->description) == -1 ||
	    get_day(l, jscan_get(v, n, "released"), "released", &m->released) ==
		-1 ||
	    get_aliases(l, jscan_get(v, n, "aliases"), m) == -1 ||
	    get_mappings(l, jscan_get(v, n, "mappings"), m) == -1)
		return -1;
	if (m->name.p == NULL)
		m->name = m->id;
	m->free = str_is(flag, "true");
	m->free_high = str_is(jscan_get(v, n, "free_limit"), "\"high\"");
	if (l->n > 0 && str_cmp(l->v[l->n - 1]->id, m->id) >= 0)
		return catalog_read_fail(l, "ids must rise");
	catalog_read_add(l, m);
	return 0;
}

static int
get_first(struct catalog_load *l, struct str line, const struct jmember *v,
    int n, struct str *source)
{
	int64_t form;

	if (!jscan_int(jscan_get(v, n, "catalog"), &form) || form != 1)
		return catalog_read_fail(l, "this is no list of models");
	*source = arena_dup(l->keep, line);
	return 0;
}

static int
get_line(struct catalog_load *l, struct str line, struct str *source)
{
	struct jmember *v;
	struct err e = { 0 };
	int n;

	arena_reset(l->line);
	if (l->n == CATALOG_MODELS_MAX)
		return catalog_read_fail(l, "too many models");
	if ((n = jscan_object(line, l->line, &v, &e)) == -1)
		return catalog_read_fail(l, "%s", e.msg);
	if (l->lineno == 1)
		return get_first(l, line, v, n, source);
	return get_model(l, v, n);
}

int
catalog_read_file(struct catalog_load *l, struct str *source)
{
	struct str rest, line;

	if (file_read(l->work, l->file, FILE_MAX, &rest, l->e) == -1)
		return -1;
	while (rest.n > 0) {
		line = str_split(&rest, '\n');
		l->lineno++;
		if (get_line(l, line, source) == -1)
			return -1;
	}
	if (l->lineno == 0)
		return err_set(l->e, ERR_CONFIG, "%s: empty", l->file);
	return 0;
}
