#include <assert.h>

#include "json/jscan.h"

/* A patch on its way down. */
struct step {
	const struct jpatch *patch;
	struct str name; /* what it is about at this level */
	struct str rest; /* of the path, absent if it is about exactly that */
};

/* One object or array on its way out. */
struct level {
	const struct jmember *v; /* set: the members of the body */
	int n;
	struct str raw; /* else they are in here */
	bool any;       /* one has been written */
	struct str run; /* untouched members, not yet written */
	struct buf *out;
};

/* Its members, from the first. */
struct walk {
	const struct jmember *v;
	int n;
	struct jiter it;
};

static struct walk
walk_of(const struct level *l)
{
	struct walk w = { .v = l->v, .n = l->n };

	if (l->v == NULL)
		w.it = jscan_into(l->raw);
	return w;
}

static bool
walk_next(struct walk *w, struct jmember *m)
{
	if (w->v == NULL)
		return jscan_next(&w->it, m);
	if (w->n-- == 0)
		return false;
	*m = *w->v++;
	return true;
}

static bool
has_name(const struct level *l, struct str name)
{
	struct walk w = walk_of(l);
	struct jmember m;

	while (walk_next(&w, &m))
		if (jscan_key_is(m.key, name))
			return true;
	return false;
}

static bool
is_index(struct str name, size_t i)
{
	size_t v = 0, k;

	for (k = 0; k < name.n && k < 9; k++) {
		if (name.p[k] < '0' || name.p[k] > '9')
			return false;
		v = v * 10 + (size_t)(name.p[k] - '0');
	}
	return k > 0 && k == name.n && v == i;
}

/* The steps that lead into a member; returns how many. */
static int
steps_into(const struct step *in, int n, const struct jmember *m, size_t i,
    struct step *out)
{
	int j, k = 0;

	for (j = 0; j < n; j++)
		if (m->key.p != NULL ?
			jscan_key_is(m->key, in[j].name) :
			str_is(in[j].name, "*") || is_index(in[j].name, i))
			out[k++] = in[j];
	return k;
}

static void
flush_run(struct level *l)
{
	if (l->run.p == NULL)
		return;
	if (l->any)
		buf_addc(l->out, ',');
	l->any = true;
	buf_add(l->out, l->run);
	l->run = STR_NONE;
}

/* Comma and name before any value. */
static void
lead(struct level *l, struct str key)
{
	flush_run(l);
	if (l->any)
		buf_addc(l->out, ',');
	l->any = true;
	if (key.p != NULL) {
		buf_addc(l->out, '"');
		buf_add(l->out, key);
		buf_add(l->out, STR("\":"));
	}
}

/* As it is: inside a raw value whole runs of members are written at once. */
static void
keep(struct level *l, const struct jmember *m)
{
	const char *from = m->key.p != NULL ? m->key.p - 1 : m->raw.p;

	if (l->v != NULL) {
		lead(l, m->key);
		buf_add(l->out, m->raw);
		return;
	}
	if (l->run.p == NULL)
		l->run.p = from;
	l->run.n = (size_t)(m->raw.p + m->raw.n - l->run.p);
}

/*
 * Is the new name of a patch in use: by a member, by one that will be set, or
 * by another that an earlier patch renames to the same?
 */
static bool
is_taken(const struct level *l, const struct step *steps, int n,
    const struct jpatch *p)
{
	const struct jpatch *q;
	bool before = true;
	int i;

	if (has_name(l, p->arg))
		return true;
	for (i = 0; i < n; i++) {
		q = steps[i].patch;
		before = before && q != p;
		if (steps[i].rest.p != NULL)
			continue;
		if (q->op == JPATCH_SET && str_eq(steps[i].name, p->arg))
			return true;
		if (q->op == JPATCH_REN && before && str_eq(q->arg, p->arg) &&
		    has_name(l, steps[i].name))
			return true;
	}
	return false;
}

static void
apply(struct level *l, const struct jmember *m, const struct jpatch *p,
    bool taken)
{
	size_t was;

	flush_run(l); /* or one that goes out would be in the middle of it */
	switch (p->op) {
	case JPATCH_SET:
		lead(l, m->key);
		buf_add(l->out, p->arg);
		break;
	case JPATCH_DEL:
		break;
	case JPATCH_REN:
		if (m->key.p == NULL)
			keep(l, m);
		else if (!taken) {
			lead(l, p->arg);
			buf_add(l->out, m->raw);
		}
		break;
	case JPATCH_MAP:
		lead(l, m->key);
		was = l->out->n;
		p->map(m->raw, l->out);
		if (l->out->n == was)
			buf_add(l->out, m->raw);
		break;
	}
}

static void put_level(struct level *, const struct step *, int n);

static void
put_member(struct level *l, const struct jmember *m, size_t i,
    const struct step *steps, int n)
{
	struct step in[JPATCH_MAX];
	struct level sub = { .raw = m->raw, .out = l->out };
	int j, k = steps_into(steps, n, m, i, in);

	for (j = 0; j < k; j++) {
		if (in[j].rest.p != NULL)
			continue;
		apply(l, m, in[j].patch,
		    in[j].patch->op == JPATCH_REN && m->key.p != NULL &&
			is_taken(l, steps, n, in[j].patch));
		return;
	}
	if (k == 0 || jscan_into(m->raw).close == 0) {
		keep(l, m);
		return;
	}
	for (j = 0; j < k; j++)
		in[j].name = str_split(&in[j].rest, '/');
	lead(l, m->key);
	put_level(&sub, in, k);
}

/* What is set and was not there; only the first patch of a name counts. */
static void
put_missing(struct level *l, const struct step *steps, int n)
{
	const struct step *s;
	int i, j;

	for (i = 0; i < n; i++) {
		s = &steps[i];
		if (s->patch->op != JPATCH_SET || s->rest.p != NULL ||
		    has_name(l, s->name))
			continue;
		for (j = 0; j < i; j++)
			if (steps[j].rest.p == NULL &&
			    str_eq(steps[j].name, s->name))
				break;
		if (j < i)
			continue;
		lead(l, s->name);
		buf_add(l->out, s->patch->arg);
	}
}

static void
put_level(struct level *l, const struct step *steps, int n)
{
	struct walk w = walk_of(l);
	bool obj = l->v != NULL || w.it.close == '}';
	struct jmember m;
	size_t i = 0;

	buf_addc(l->out, obj ? '{' : '[');
	while (walk_next(&w, &m))
		put_member(l, &m, i++, steps, n);
	flush_run(l);
	if (obj)
		put_missing(l, steps, n);
	buf_addc(l->out, obj ? '}' : ']');
}

int
jpatch_delete(const struct str *names, int n, struct jpatch *v, int max)
{
	int i;

	for (i = 0; i < n && i < max; i++)
		v[i] = (struct jpatch){ JPATCH_DEL, names[i], STR_NONE, NULL };
	return i;
}

void
jscan_splice(const struct jmember *v, int n, const struct jpatch *patches,
    int npatch, struct buf *out)
{
	struct level l = { .v = v, .n = n, .out = out };
	struct step steps[JPATCH_MAX], *s;
	int i, k = 0;

	assert(npatch <= JPATCH_MAX && v != NULL);
	for (i = 0; i < npatch; i++) {
		if (patches[i].path.p == NULL)
			continue;
		s = &steps[k++];
		s->patch = &patches[i];
		s->rest = patches[i].path;
		s->name = str_split(&s->rest, '/');
	}
	put_level(&l, steps, k);
}
