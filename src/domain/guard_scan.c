/* One text against a set. */
#include <assert.h>
#include <stdlib.h>

#include "domain/guard_parts.h"

/* What the matcher reports, rule by rule. */
struct hits {
	struct guard_look *look;
	const struct guard_db *db;
	struct arena *arena;
	struct rule_hits {
		struct guard_span *v; /* by their ends */
		int n, cap;
		int64_t count; /* matches, whether spans are kept or not */
		const char *category;
	} * rules;
	size_t *seen; /* per pattern */
};

static void
keep_span(struct hits *h, struct rule_hits *r, const struct guard_span *s)
{
	struct guard_span *last = r->n == 0 ? NULL : &r->v[r->n - 1], *old;

	/* What the rule has found is found again, longer or in part. */
	if (last != NULL && s->from < last->to && last->from < s->to) {
		if (s->from < last->from)
			last->from = s->from;
		if (s->to > last->to)
			last->to = s->to;
		return;
	}
	if (r->n == r->cap) {
		old = r->v;
		r->cap = r->cap == 0 ? 4 : r->cap * 2;
		r->v = arena_alloc(h->arena, (size_t)r->cap * sizeof(*r->v));
		if (r->n > 0)
			memcpy(r->v, old, (size_t)r->n * sizeof(*old));
	}
	r->v[r->n++] = *s;
	r->count++;
	r->category = s->category;
}

static bool
stands_alone(struct str s, size_t from, size_t to)
{
	return (from == 0 || !guard_alnum(s.p[from - 1]) ||
		   !guard_alnum(s.p[from])) &&
	    (to == s.n || !guard_alnum(s.p[to]) || !guard_alnum(s.p[to - 1]));
}

/* The span of a hit; false: it is none. */
static bool
span_of(struct hits *h, const struct guard_pattern *p, size_t *seen,
    size_t from, size_t to, struct guard_span *s)
{
	struct str text = h->look->norm;

	*s = (struct guard_span){ from, to, 0, p->category, NULL };
	if (p->kind == GUARD_WORD)
		s->from = to - p->n;
	if (p->kind == GUARD_ANCHOR) {
		bool found;

		if (to <= *seen)
			return false;
		found = p->verify(text, to, s);
		if (s->seen > *seen)
			*seen = s->seen;
		return found;
	}
	return !p->whole || stands_alone(text, s->from, to);
}

static int
on_match(unsigned id, unsigned long long from, unsigned long long to,
    unsigned flags, void *arg)
{
	struct hits *h = arg;
	const struct guard_pattern *p = &h->db->v[id];
	struct guard_look *l = h->look;
	struct guard_span s;

	(void)flags;
	if (p->kind == GUARD_LOOK ||
	    !span_of(h, p, &h->seen[id], (size_t)from, (size_t)to, &s))
		return 0;
	if (p->kind == GUARD_TOPIC) {
		if (l->asked)
			l->verdict->topics |= UINT32_C(1) << p->rule % 32;
		return 0;
	}
	if (s.to <= l->skip && l->skip > 0)
		return 0;
	if (!l->last &&
	    (s.to == l->norm.n ||
		(p->kind == GUARD_ANCHOR &&
		    s.seen == l->norm.n))) { /* it may go on, or be none */
		if (s.from < l->held)
			l->held = s.from;
		return 0;
	}
	keep_span(h, &h->rules[p->rule], &s);
	return 0;
}

static int
by_place(const void *x, const void *y)
{
	const struct guard_span *a = x, *b = y;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to > b->to ? -1 : a->to < b->to;
}

/* Overlapping spans become one, masked as the first. */
static void
tidy(struct guard_look *l)
{
	int n = 0;

	qsort(l->v, (size_t)l->n, sizeof(*l->v), by_place);
	for (int i = 0; i < l->n; i++) {
		if (n > 0 && l->v[i].from < l->v[n - 1].to) {
			if (l->v[i].to > l->v[n - 1].to)
				l->v[n - 1].to = l->v[i].to;
		} else
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

static void
take_spans(struct guard_look *l, const struct rule_hits *r, const char *mask)
{
	for (int i = 0; i < r->n; i++) {
		l->v[l->n] = r->v[i];
		if (l->v[l->n].mask == NULL)
			l->v[l->n].mask = mask;
		l->n++;
	}
}

/* Rules in the order of their priority, until one allows. */
static void
judge(struct guard_look *l, struct hits *h)
{
	struct guard_verdict *v = l->verdict;
	const struct guard_set *set = v->set;
	enum guard_action action;
	int total = 0;

	for (int i = 0; i < set->n; i++)
		total += h->rules[i].n;
	l->v = arena_alloc(h->arena, (size_t)(total + 1) * sizeof(*l->v));
	for (int i = 0; i < set->n; i++) {
		const struct rule_hits *r = &h->rules[i];

		if (set->rules[i].priority > *l->allowed)
			break;
		if (r->n == 0)
			continue;
		if (l->again && v->found[i].count > 0 &&
		    set->rules[i].action != GUARD_REDACT)
			continue;
		action = guard_note(v, i, r->category, r->count);
		if (action == GUARD_ALLOW)
			*l->allowed = set->rules[i].priority;
		else if (action == GUARD_REDACT)
			take_spans(l, r, set->types[i]->mask);
	}
	if (l->n > 1)
		tidy(l);
}

void
guard_look(struct guard_look *l, struct arena *a)
{
	const struct guard_set *set = l->verdict->set;
	struct hits h = { .look = l,
		.db = guard_db(set, l->verdict->direction),
		.arena = a };
	hs_scratch_t *scratch;

	l->held = SIZE_MAX;
	l->n = 0;
	if (h.db->block == NULL || l->norm.n == 0)
		return;
	h.rules = arena_zalloc(a, (size_t)(set->n + 1) * sizeof(*h.rules));
	h.seen = arena_zalloc(a, (size_t)(h.db->n + 1) * sizeof(*h.seen));
	scratch = guard_scratch(set);
	if (set->hs->scan(h.db->block, l->norm.p, (unsigned)l->norm.n, 0, scratch,
		on_match, &h) != HS_SUCCESS)
		abort();
	guard_scratch_back(set, scratch);
	judge(l, &h);
}

/* The original text with masks where the spans of the normalised one are. */
static struct str
redact(struct str text, const struct guard_norm *g, const struct guard_look *l,
    struct arena *a)
{
	struct buf b = BUF_LIMIT(text.n + (size_t)l->n * 64 + 64);
	size_t at = 0, from, to;
	struct str out;

	for (int i = 0; i < l->n; i++) {
		from = guard_original(g, l->v[i].from);
		to = guard_original(g, l->v[i].to - 1) + 1;
		while (
		    to < text.n && ((unsigned char)text.p[to] & 0xc0) == 0x80)
			to++;
		buf_add(&b, (struct str){ text.p + at, from - at });
		buf_add(&b, str_from(l->v[i].mask));
		at = to;
	}
	buf_add(&b, (struct str){ text.p + at, text.n - at });
	out = arena_dup(a, buf_str(&b));
	buf_free(&b);
	return out;
}

struct str
guard_scan(
    struct guard_verdict *v, struct str text, bool asked, struct arena *a)
{
	int64_t allowed = INT64_MAX;
	struct guard_look l = {
		.verdict = v, .last = true, .asked = asked, .allowed = &allowed
	};
	struct guard_norm g;

	v->topic_asked |= asked;
	if (text.n == 0)
		return text;
	guard_normalise(text, a, &g);
	l.norm = g.text;
	guard_look(&l, a);
	return l.n == 0 || v->blocked ? text : redact(text, &g, &l, a);
}

void
guard_finish(struct guard_verdict *v)
{
	const struct guard_set *s = v->set;

	if (!v->topic_asked)
		return;
	for (int i = 0; i < s->n && i < 32; i++)
		if ((s->topics & ~v->topics & UINT32_C(1) << i) != 0 &&
		    (s->rules[i].direction & v->direction) != 0)
			guard_note(v, i, "off_topic", 1);
}
