#include "domain/guard_parts.h"

enum sort { KEEP, BLANK, DROP, CUT };

/* Bytes of the character that begins with c. */
static size_t
length(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* White space and zero-width characters beyond ASCII. */
static enum sort
sort_wide(unsigned v)
{
	if (v == 0xa0 || v == 0x1680 || (v >= 0x2000 && v <= 0x200a) ||
	    v == 0x2028 || v == 0x2029 || v == 0x202f || v == 0x205f ||
	    v == 0x3000)
		return BLANK;
	if (v == 0xad || v == 0x34f || v == 0x61c || v == 0x180e ||
	    (v >= 0x200b && v <= 0x200f) || (v >= 0x202a && v <= 0x202e) ||
	    (v >= 0x2060 && v <= 0x2064) || v == 0xfeff)
		return DROP;
	return KEEP;
}

/* The next character, and how many bytes it has. */
static enum sort
next(const unsigned char *p, size_t n, size_t *used)
{
	*used = 1;
	if (*p == 1 || *p == 2)
		return DROP; /* see guard_set.c */
	if (*p < 0x80)
		return *p == ' ' || (*p >= '\t' && *p <= '\r') ? BLANK : KEEP;
	if (*p < 0xc2)
		return KEEP;
	*used = length(*p);
	if (*used > n)
		return CUT;
	if (*used == 2)
		return sort_wide((*p & 0x1fu) << 6 | (p[1] & 0x3fu));
	if (*used == 3)
		return sort_wide(
		    (*p & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
	return KEEP;
}

/* How many bytes from here are printable ASCII. */
static size_t
plain(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] > ' ' && p[i] < 0x80)
		i++;
	return i;
}

/* How far the text is normal already. */
static size_t
normal(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	bool blank = false;
	size_t i = 0, used;

	while (i < s.n) {
		if ((used = plain(p + i, s.n - i)) > 0) {
			blank = false;
			i += used;
			continue;
		}
		switch (next(p + i, s.n - i, &used)) {
		case BLANK:
			if (blank || p[i] != ' ')
				return i;
			blank = true;
			break;
		case DROP:
			return i;
		case KEEP:
		case CUT:
			blank = false;
			break;
		}
		i += used > s.n - i ? s.n - i : used;
	}
	return i;
}

static struct guard_break *
add_break(struct guard_norm *g, struct arena *a, size_t at, size_t add)
{
	const struct guard_break *old = g->v;
	struct guard_break *v = (struct guard_break *)(uintptr_t)old;

	if (g->n > 0 && v[g->n - 1].at == at) {
		v[g->n - 1].add = add;
		return v;
	}
	if ((g->n & (g->n - 1)) == 0) { /* a power of two: it is full */
		v = arena_alloc(a, (g->n == 0 ? 8 : g->n * 2) * sizeof(*v));
		if (g->n > 0)
			memcpy(v, old, g->n * sizeof(*v));
	}
	v[g->n++] = (struct guard_break){ at, add };
	g->v = v;
	return v;
}

void
guard_normalise(struct str s, struct arena *a, struct guard_norm *g)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = normal(s), o = i, used;
	bool blank = i > 0 && p[i - 1] == ' ';
	enum sort sort;
	char *out;

	*g = (struct guard_norm){ .text = s };
	if (i == s.n)
		return;
	out = arena_alloc(a, s.n);
	memcpy(out, s.p, i);
	for (; i < s.n; i += used) {
		if ((used = plain(p + i, s.n - i)) > 0) {
			memcpy(out + o, p + i, used);
			o += used;
			blank = false;
			continue;
		}
		sort = next(p + i, s.n - i, &used);
		if (used > s.n - i)
			used = s.n - i;
		if (sort == BLANK && !blank) {
			out[o++] = ' ';
			if (used > 1)
				add_break(g, a, o, i + used - o);
		} else if (sort == BLANK || sort == DROP)
			add_break(g, a, o, i + used - o);
		else {
			memcpy(out + o, p + i, used);
			o += used;
		}
		if (sort != DROP)
			blank = sort == BLANK;
	}
	g->text = (struct str){ out, o };
}

size_t
guard_original(const struct guard_norm *g, size_t at)
{
	size_t lo = 0, hi = g->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (g->v[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == 0 ? at : at + g->v[lo - 1].add;
}

static void
fold_one(struct guard_fold *f, const unsigned char *p, size_t n, enum sort sort,
    struct buf *out)
{
	if (sort == DROP || (sort == BLANK && f->blank))
		return;
	if (sort == BLANK)
		buf_addc(out, ' ');
	else
		buf_add(out, (struct str){ (const char *)p, n });
	f->blank = sort == BLANK;
}

void
guard_fold(struct guard_fold *f, struct str s, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	enum sort sort;
	size_t used;

	while (f->nkept > 0 && s.n > 0) { /* the rest of a character */
		f->kept[f->nkept++] = *p++;
		s.n--;
		sort = next(f->kept, f->nkept, &used);
		if (sort == CUT)
			continue;
		fold_one(f, f->kept, f->nkept, sort, out);
		f->nkept = 0;
	}
	while (s.n > 0) {
		sort = next(p, s.n, &used);
		if (sort == CUT) {
			memcpy(f->kept, p, s.n);
			f->nkept = s.n;
			return;
		}
		fold_one(f, p, used, sort, out);
		p += used;
		s.n -= used;
	}
}
