/*
 * Most chunks of a stream differ from the one before in their text only, and
 * in a string at the very end that pads them.  What was found out about one
 * holds for all that are like it: the bytes around the strings are compared,
 * the strings are checked, and what the first became comes out again.
 */
#include "dialect/openai.h"
#include "json/jlex.h"

#define AGAIN_MAX ((size_t)4096) /* of a chunk that is remembered */

bool
openai_again(struct openai_relay *r, struct str data, struct buf *out)
{
	const struct openai_like *k = &r->like;
	const char *p = data.p, *end = p + data.n, *known = k->bytes.p, *q;
	struct str found[OPENAI_LIKE_MAX];
	bool escaped;
	int i;

	if (k->strings == 0 || r->extras.n > 0)
		return false;
	for (i = 0;; i++) {
		if ((size_t)(end - p) < k->in[i] ||
		    memcmp(p, known, k->in[i]) != 0)
			return false;
		p += k->in[i];
		known += k->in[i];
		if (i == k->strings)
			break;
		if ((q = jlex_string(p, end, &escaped)) == NULL)
			return false;
		found[i] = (struct str){ p, (size_t)(q - p) };
		p = q;
	}
	if (p != end)
		return false;
	for (i = 0;; i++) {
		buf_add(out, (struct str){ known, k->out[i] });
		known += k->out[i];
		if (i == k->strings)
			break;
		buf_add(out, found[i]);
	}
	r->facts.text_bytes += openai_text_len(
	    (struct str){ found[0].p - 1, found[0].n + 1 });
	return true;
}

/* Is there a member that means something each time it comes? */
static bool
counts(const struct jmember *v, int n)
{
	int i;

	for (i = 0; i < n; i++)
		switch (openai_top_of(v[i].key)) {
		case OPENAI_TOP_USAGE:
			if (!jscan_null(v[i].raw))
				return true;
			break;
		case OPENAI_TOP_GROQ:
			return true;
		case OPENAI_TOP_OTHER:
		case OPENAI_TOP_OURS:
		case OPENAI_TOP_CHOICES:
		case OPENAI_TOP_ERROR:
			break;
		}
	return false;
}

/* The bytes of s without the insides and closing quotes of the strings. */
static void
put_around(struct buf *b, struct str s, const size_t *at, const struct str *v,
    int n, size_t *len)
{
	size_t from = 0;
	int i;

	for (i = 0; i < n; i++) {
		len[i] = at[i] + 1 - from;
		buf_add(b, (struct str){ s.p + from, len[i] });
		from = at[i] + v[i].n;
	}
	len[n] = s.n - from;
	buf_add(b, (struct str){ s.p + from, len[n] });
}

void
openai_again_keep(const struct openai_chunk *c, const struct jmember *v, int n)
{
	struct openai_like *k = &c->r->like;
	struct str made = { c->out->p + c->from, c->out->n - c->from };
	struct str s[OPENAI_LIKE_MAX] = { c->content, v[n - 1].raw };
	size_t in[OPENAI_LIKE_MAX] = { (size_t)(s[0].p - c->data.p),
		(size_t)(s[1].p - c->data.p) };
	size_t out[OPENAI_LIKE_MAX] = { c->content_at - c->from,
		made.n - s[1].n - 3 }; /* before bracket and line ends */
	bool padded = s[1].p[0] == '"' &&
	    openai_top_of(v[n - 1].key) == OPENAI_TOP_OTHER;

	k->strings = 0;
	if (c->out->full || c->data.n > AGAIN_MAX || counts(v, n))
		return;
	k->strings = padded ? 2 : 1;
	k->bytes.limit = 4 * AGAIN_MAX;
	buf_clear(&k->bytes);
	put_around(&k->bytes, c->data, in, s, k->strings, k->in);
	put_around(&k->bytes, made, out, s, k->strings, k->out);
	if (k->bytes.full)
		k->strings = 0;
}
