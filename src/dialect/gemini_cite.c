/*
 * groundingMetadata as citations.  Its offsets count bytes of UTF-8.
 */
#include "dialect/gemini.h"

/* A text longer than eight times this has citations without offsets. */
#define BITS_MAX ((size_t)32 * 1024)

void
gemini_map_add(struct gemini_map *m, struct str text)
{
	unsigned char byte;
	int64_t at;
	size_t i;

	m->bits.limit = BITS_MAX;
	for (i = 0; i < text.n; i++, m->bytes++) {
		byte = (unsigned char)text.p[i];
		if (m->bits.n == 0 && byte < 0x80) {
			m->plain++;
			continue;
		}
		at = m->bytes - m->plain;
		if (at % 8 == 0)
			buf_addc(&m->bits, 0);
		if (m->bits.full)
			continue;
		if ((byte & 0xc0) == 0x80)
			m->bits.p[m->bits.n - 1] |= (char)(1 << (at % 8));
	}
}

int64_t
gemini_map_at(const struct gemini_map *m, int64_t byte)
{
	int64_t n = byte, i, last = byte - m->plain;

	if (byte < 0 || byte > m->bytes)
		return -1;
	if (last > (int64_t)m->bits.n * 8)
		return -1; /* too long to be known */
	for (i = 0; i + 8 <= last; i += 8)
		n -= __builtin_popcount((unsigned char)m->bits.p[i / 8]);
	for (; i < last; i++)
		n -= (unsigned char)m->bits.p[i / 8] >> (i % 8) & 1;
	return n;
}

static struct str
nth(struct str array, int64_t n)
{
	struct jiter it;
	struct jmember m;

	if (n < 0)
		return STR_NONE;
	for (it = jscan_into(array); jscan_next(&it, &m); n--)
		if (n == 0)
			return m.raw;
	return STR_NONE;
}

/* One cite for each chunk that a support names; chunks without URL are none. */
static int
put_cite(struct str chunk, const struct gemini_map *map, struct str segment,
    struct arena *a, gemini_cite_fn *put, void *arg)
{
	struct str web = jscan_at(chunk, "web");
	struct llm_cite c = { .start = -1, .end = -1 };
	int64_t from = 0, to;

	if (web.p == NULL)
		web = jscan_at(chunk, "retrievedContext");
	c.url = jscan_text(jscan_at(web, "uri"), a);
	c.title = jscan_text(jscan_at(web, "title"), a);
	if (c.url.n == 0)
		return 0;
	jscan_int(jscan_at(segment, "startIndex"), &from);
	if (jscan_int(jscan_at(segment, "endIndex"), &to) && from <= to) {
		c.start = gemini_map_at(map, from);
		c.end = gemini_map_at(map, to);
		if (c.start == -1 || c.end == -1)
			c.start = c.end = -1;
	}
	return put(arg, &c);
}

int
gemini_each_cite(struct str grounding, const struct gemini_map *map, int from,
    struct arena *a, gemini_cite_fn *put, void *arg)
{
	struct str chunks = jscan_at(grounding, "groundingChunks");
	struct str supports = jscan_at(grounding, "groundingSupports");
	struct jiter it, in;
	struct jmember m, i;
	int64_t index;
	int n = 0;

	for (it = jscan_into(supports); jscan_next(&it, &m); n++) {
		if (n < from)
			continue;
		in = jscan_into(jscan_at(m.raw, "groundingChunkIndices"));
		while (jscan_next(&in, &i))
			if (jscan_int(i.raw, &index) &&
			    put_cite(nth(chunks, index), map,
				jscan_at(m.raw, "segment"), a, put, arg) == -1)
				return -1;
	}
	return n;
}
