#include <assert.h>

#include "ctl/table.h"

#define CELL_MAX 200
#define GAP 2

void
table_start(struct table *t, struct arena *a, const char *const *heads)
{
	*t = (struct table){ .arena = a, .heads = heads };
	while (heads[t->ncols] != NULL)
		t->ncols++;
	assert(t->ncols > 0);
}

/*
 * The text as a terminal may have it: what clients sent must not move its
 * cursor (reliability.md T16).  C1 controls are 0xc2 and a byte below 0xa0.
 */
static struct str
clean(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	unsigned char c;

	for (size_t i = 0; i < s.n; i++) {
		c = (unsigned char)s.p[i];
		if (c == 0xc2 && i + 1 < s.n &&
		    (unsigned char)s.p[i + 1] < 0xa0)
			p[i] = '?', p[++i] = '?';
		else
			p[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	return (struct str){ p, s.n };
}

void
table_cell(struct table *t, struct str s)
{
	struct str *old = t->cells;

	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = arena_alloc(t->arena, t->cap * sizeof(*t->cells));
		if (t->n > 0)
			memcpy(t->cells, old, t->n * sizeof(*old));
	}
	if (s.n > CELL_MAX)
		s.n = CELL_MAX;
	t->cells[t->n++] = s.p == NULL ? STR("-") : clean(t->arena, s);
}

void
table_int(struct table *t, int64_t v)
{
	table_cell(t, arena_fmt(t->arena, "%lld", (long long)v));
}

/* Characters, not bytes of UTF-8. */
static size_t
width(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool
is_number(const char *head)
{
	return head[0] == '>';
}

static struct str
head_of(const struct table *t, size_t col)
{
	return str_from(t->heads[col] + is_number(t->heads[col]));
}

static struct str
cell_of(const struct table *t, size_t row, size_t col)
{
	return t->cells[row * t->ncols + col];
}

static size_t
column_width(const struct table *t, size_t col)
{
	size_t w = width(head_of(t, col)), n;

	for (size_t row = 0; row < t->n / t->ncols; row++) {
		n = width(cell_of(t, row, col));
		if (n > w)
			w = n;
	}
	return w;
}

static void
print_cell(
    const struct table *t, struct buf *b, struct str s, size_t col, size_t w)
{
	size_t pad = w - width(s);
	bool right = is_number(t->heads[col]);
	bool last = col + 1 == t->ncols;

	for (size_t i = 0; right && i < pad; i++)
		buf_addc(b, ' ');
	buf_add(b, s);
	for (size_t i = 0; !right && !last && i < pad; i++)
		buf_addc(b, ' ');
	for (size_t i = 0; !last && i < GAP; i++)
		buf_addc(b, ' ');
	if (!last)
		return;
	while (b->n > 0 && b->p[b->n - 1] == ' ')
		b->n--;
	buf_addc(b, '\n');
}

void
table_print(const struct table *t, struct buf *b)
{
	size_t *w = arena_alloc(t->arena, t->ncols * sizeof(*w));
	size_t row, col;

	assert(t->ncols > 0);
	for (col = 0; col < t->ncols; col++) {
		w[col] = column_width(t, col);
		print_cell(t, b, head_of(t, col), col, w[col]);
	}
	for (row = 0; row < t->n / t->ncols; row++)
		for (col = 0; col < t->ncols; col++)
			print_cell(t, b, cell_of(t, row, col), col, w[col]);
}
