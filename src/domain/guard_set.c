/* Rules become databases. */
#include <stdlib.h>

#include "domain/guard_parts.h"

#define RULES_MAX 1000

static atomic_int *
refs_of(const struct guard_set *s)
{
	return &((struct guard_set *)(uintptr_t)s)->refs;
}

static void
set_free(struct guard_set *s)
{
	for (int i = 0; i < 2 && s->hs != NULL; i++) {
		s->hs->free_database(s->db[i].block);
		s->hs->free_database(s->db[i].stream);
	}
	while (s->nspare > 0)
		s->hs->free_scratch(s->spare[--s->nspare]);
	if (s->hs != NULL)
		s->hs->free_scratch(s->first);
	pthread_mutex_destroy(&s->lock);
	arena_free(s->arena);
}

const struct guard_set *
guard_set_hold(const struct guard_set *s)
{
	atomic_fetch_add(refs_of(s), 1);
	return s;
}

void
guard_set_drop(const struct guard_set *s)
{
	if (s != NULL && atomic_fetch_sub(refs_of(s), 1) == 1)
		set_free((struct guard_set *)(uintptr_t)s);
}

hs_scratch_t *
guard_scratch(const struct guard_set *c)
{
	struct guard_set *s = (struct guard_set *)(uintptr_t)c;
	hs_scratch_t *out = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->nspare > 0)
		out = s->spare[--s->nspare];
	pthread_mutex_unlock(&s->lock);
	if (out == NULL && s->hs->clone_scratch(s->first, &out) != HS_SUCCESS)
		abort();
	return out;
}

void
guard_scratch_back(const struct guard_set *c, hs_scratch_t *x)
{
	struct guard_set *s = (struct guard_set *)(uintptr_t)c;

	pthread_mutex_lock(&s->lock);
	if (s->nspare < (int)NROWS(s->spare)) {
		s->spare[s->nspare++] = x;
		x = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	s->hs->free_scratch(x);
}

/* --- compiling --- */

/*
 * Of a text that is there as a whole the matcher tells where a match begins,
 * if that matters; of a stream only that there is one.
 */
static unsigned
flags_of(const struct guard_set *s, const struct guard_pattern *p, bool stream)
{
	enum guard_action action = s->rules[p->rule].action;

	if (p->kind == GUARD_PHRASE || p->kind == GUARD_TOPIC)
		return p->flags | HS_FLAG_SINGLEMATCH;
	if (p->kind != GUARD_REGEX || stream)
		return p->flags;
	if (action == GUARD_REDACT || p->whole)
		return p->flags | HS_FLAG_SOM_LEFTMOST;
	return p->flags | HS_FLAG_SINGLEMATCH;
}

/* Does every match end where the text does: "(?:a|b)$", but not "a|b$"? */
static bool
ends_text(const char *s)
{
	bool class = false;
	int depth = 0;

	for (; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0') {
			if (*++s == 'Q') /* what follows is quoted */
				return false;
			continue;
		}
		if (class)
			class = *s != ']';
		else if (*s == '[')
			class = true;
		else if (*s == '(' && s[1] == '?' && s[2] != ':')
			return false; /* it may change what "$" means */
		else if (*s == '(' || *s == ')')
			depth += *s == '(' ? 1 : -1;
		else if (*s == '|' && depth == 0)
			return false;
		else if (*s == '$' && depth == 0)
			return s[1] == '\0';
	}
	return false;
}

/*
 * Of a whole text Vectorscan (seen with 5.4.9, mended in 2026) looks from behind
 * for two characters that all matches of an automaton end with; for them alone
 * its search aborts the process on texts of more than 255 bytes.  With bytes
 * that are in no normalised text, two and so no letter in two cases, there are
 * no such characters.
 */
static const char *
whole_text(const struct guard_pattern *p, struct arena *a)
{
	/* A literal is no automaton; ends of the text are sought otherwise. */
	if (p->kind == GUARD_WORD || ends_text(p->text))
		return p->text;
	return arena_cstr(
	    a, arena_fmt(a, "(?:%s)[\\x01\\x02]{0,16}", p->text));
}

static int
compile(struct guard_set *s, struct guard_db *db, bool stream, struct err *e)
{
	size_t n = (size_t)db->n;
	struct arena *a = arena_new(4096, SIZE_MAX);
	const char **text = arena_alloc(a, n * sizeof(*text));
	unsigned *flags = arena_alloc(a, n * sizeof(*flags));
	unsigned *ids = arena_alloc(a, n * sizeof(*ids));
	hs_compile_error_t *why = NULL;
	unsigned m = 0;
	int rc = 0;

	for (int i = 0; i < db->n; i++) {
		if (!stream && db->v[i].kind == GUARD_LOOK)
			continue;
		text[m] = stream ? db->v[i].text : whole_text(&db->v[i], a);
		flags[m] = flags_of(s, &db->v[i], stream);
		ids[m++] = (unsigned)i;
	}
	if (s->hs->compile_multi(text, flags, ids, m,
		stream ? HS_MODE_STREAM : HS_MODE_BLOCK, NULL,
		stream ? &db->stream : &db->block, &why) != HS_SUCCESS) {
		rc = guard_bad(e,
		    why->expression < 0 ? STR_NONE :
					  db->v[ids[why->expression]].member,
		    strstr(why->message, "index") != NULL ? "%s" :
							    "%s, at index 0",
		    why->message);
		s->hs->free_compile_error(why);
	} else if (s->hs->alloc_scratch(stream ? db->stream : db->block,
		       &s->first) != HS_SUCCESS)
		abort();
	arena_free(a);
	return rc;
}

/* --- rules --- */

static int
by_priority(const void *x, const void *y)
{
	const struct guard_rule *a = x, *b = y;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return str_cmp(a->id, b->id);
}

static bool
holds_for(const struct guard_rule *r, struct str project)
{
	return r->project.n == 0 || str_eq(r->project, project);
}

static void
copy_rules(
    struct guard_set *s, const struct guard_rule *v, int n, struct str project)
{
	struct guard_rule *r;

	s->rules = arena_zalloc(s->arena, (size_t)(n + 1) * sizeof(*s->rules));
	for (int i = 0; i < n && s->n < RULES_MAX; i++) {
		if (!holds_for(&v[i], project) ||
		    guard_type_find(v[i].type) == NULL)
			continue;
		r = &s->rules[s->n++];
		*r = v[i];
		r->id = arena_dup(s->arena, v[i].id);
		r->name = arena_dup(s->arena, v[i].name);
		r->type = arena_dup(s->arena, v[i].type);
		r->project = arena_dup(s->arena, v[i].project);
		r->config = arena_dup(s->arena, v[i].config);
	}
	qsort(s->rules, (size_t)s->n, sizeof(*s->rules), by_priority);
	s->types = arena_zalloc(
	    s->arena, (size_t)(s->n + 1) * sizeof(struct guard_type *));
	for (int i = 0; i < s->n; i++)
		s->types[i] = guard_type_find(s->rules[i].type);
}

static int
make_db(struct guard_set *s, const struct guard_build *b, unsigned direction,
    struct err *e)
{
	struct guard_db *db = &s->db[direction == GUARD_OUTPUT];

	db->v = arena_alloc(s->arena, (size_t)(b->n + 1) * sizeof(*db->v));
	for (int i = 0; i < s->n; i++)
		db->any |= (s->rules[i].direction & direction) != 0;
	for (int i = 0; i < b->n; i++)
		if ((s->rules[b->v[i].rule].direction & direction) != 0)
			db->v[db->n++] = b->v[i];
	if (db->n == 0)
		return 0;
	if (compile(s, db, false, e) == -1)
		return -1;
	return direction == GUARD_OUTPUT ? compile(s, db, true, e) : 0;
}

int
guard_set_make(const struct guard_rule *v, int n, struct str project,
    struct guard_set **out, struct err *e)
{
	struct arena *a = arena_new(8192, SIZE_MAX);
	struct guard_set *s = ARENA_NEW(a, struct guard_set);
	struct guard_build b = { .arena = a };
	int rc = -1;

	s->arena = a;
	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	copy_rules(s, v, n, project);
	b.judges = arena_zalloc(a, (size_t)(s->n + 1) * sizeof(*b.judges));
	if (s->n == 0 || guard_hs_load(a, &s->hs, e) == 0)
		rc = 0;
	b.hs = s->hs;
	for (int i = 0; i < s->n && rc == 0; i++) {
		b.rule = &s->rules[i];
		b.number = i;
		rc = s->types[i]->build(&b, e);
	}
	s->judges = b.judges;
	s->njudges = b.njudges;
	s->files = b.files;
	s->topics = b.topics;
	if (rc == -1 || make_db(s, &b, GUARD_INPUT, e) == -1 ||
	    make_db(s, &b, GUARD_OUTPUT, e) == -1) {
		guard_set_drop(s);
		return -1;
	}
	*out = s;
	return 0;
}
