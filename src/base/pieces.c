#include "base/pieces.h"

void
pieces_add(struct pieces *p, struct str s)
{
	if (s.n < PIECES_FAR || p->n == PIECES_MAX) {
		buf_add(&p->text, s);
		return;
	}
	p->v[p->n].at = p->text.n;
	p->v[p->n++].far = s;
}

int
pieces_list(const struct pieces *p, struct str *out)
{
	struct str text = buf_str(&p->text);
	size_t from = 0;
	int i, n = 0;

	for (i = 0; i < p->n; i++) {
		out[n++] = (struct str){ text.p + from, p->v[i].at - from };
		out[n++] = p->v[i].far;
		from = p->v[i].at;
	}
	out[n++] = (struct str){ text.p + from, text.n - from };
	return n;
}
