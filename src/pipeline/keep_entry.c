/*
 * The form of an entry: "llmgw", format, CRC of the rest, key, numbers (8
 * bytes, lowest first), strings (their length before them).
 */
#include "base/hash.h"
#include "pipeline/keep_entry.h"

#define MAGIC "llmgw\0\0" /* and the format */
#define FORMAT 1
#define HEAD (sizeof(MAGIC) + 4)
#define MARKS_MAX ((size_t)1024 * 1024)

/* All that an entry says in numbers and in strings, in this order. */
#define E(member) offsetof(struct keep_entry, member)
static const size_t counts[] = { E(usage.input), E(usage.cache_read),
	E(usage.cache_write_5m), E(usage.cache_write_1h), E(usage.audio_in),
	E(usage.image_in), E(usage.output), E(usage.reasoning),
	E(usage.audio_out), E(usage.image_out) };
static const size_t strings[] = { E(used_model), E(used_provider),
	E(upstream_model), E(used_region), E(dropped), E(raw_stop),
	E(answer.tail), E(answer.rest), E(answer.head), E(answer.text) };

static int64_t *
count_at(const struct keep_entry *e, size_t i)
{
	return (int64_t *)(void *)((char *)(uintptr_t)e + counts[i]);
}

static struct str *
string_at(const struct keep_entry *e, size_t i)
{
	return (struct str *)(void *)((char *)(uintptr_t)e + strings[i]);
}

static void
put(struct buf *b, uint64_t v)
{
	char c[8];

	for (size_t i = 0; i < sizeof(c); i++, v >>= 8)
		c[i] = (char)(v & 0xff);
	buf_add(b, (struct str){ c, sizeof(c) });
}

static void
put_body(const struct keep_entry *e, struct buf *b)
{
	size_t i;

	for (i = 0; i < NROWS(counts); i++)
		put(b, (uint64_t)*count_at(e, i));
	put(b, (uint64_t)e->usage.images_in);
	put(b, (uint64_t)e->usage.images_out);
	put(b, (uint64_t)e->usage.searches);
	put(b, e->usage.estimated);
	put(b, (uint64_t)e->why);
	put(b, (uint64_t)e->answer.nholes);
	for (i = 0; i < (size_t)e->answer.nholes; i++)
		put(b,
		    (uint64_t)e->answer.holes[i].at << 8 |
			e->answer.holes[i].kind);
	put(b, e->nmarks);
	for (i = 0; i < e->nmarks; i++)
		put(b,
		    (uint64_t)e->marks[i].events << 32 | e->marks[i].wait_ms);
	for (i = 0; i < NROWS(strings); i++) {
		put(b, string_at(e, i)->n);
		buf_add(b, *string_at(e, i));
	}
}

void
keep_pack(const struct keep_entry *e, const unsigned char key[CACHE_KEY],
    struct buf *out)
{
	struct str rest;
	uint32_t crc;

	buf_add(out, (struct str){ MAGIC, sizeof(MAGIC) - 1 });
	buf_addc(out, FORMAT);
	buf_add(out, (struct str){ "\0\0\0\0", 4 });
	buf_add(out, (struct str){ (const char *)key, CACHE_KEY });
	put_body(e, out);
	if (out->full)
		return;
	rest = (struct str){ out->p + HEAD, out->n - HEAD };
	crc = hash_crc32c(rest);
	for (size_t i = 0; i < 4; i++, crc >>= 8)
		out->p[sizeof(MAGIC) + i] = (char)(crc & 0xff);
}

/* What is left to read; `bad` stays set, and then all is 0. */
struct in {
	struct str s;
	bool bad;
};

static uint64_t
get_bytes(struct in *in, size_t n)
{
	uint64_t v = 0;

	if (in->bad || in->s.n < n) {
		in->bad = true;
		return 0;
	}
	for (size_t i = n; i-- > 0;)
		v = v << 8 | (unsigned char)in->s.p[i];
	in->s.p += n;
	in->s.n -= n;
	return v;
}

static uint64_t
get(struct in *in)
{
	return get_bytes(in, 8);
}

/* A number below `max`. */
static uint64_t
get_below(struct in *in, uint64_t max)
{
	uint64_t v = get(in);

	if (v < max)
		return v;
	in->bad = true;
	return 0;
}

static struct str
get_str(struct in *in)
{
	struct str s;

	s.n = get_below(in, (uint64_t)in->s.n + 1);
	if (in->bad || s.n > in->s.n) {
		in->bad = true;
		return STR("");
	}
	s.p = in->s.p;
	in->s.p += s.n;
	in->s.n -= s.n;
	return s;
}

static void
get_holes(struct in *in, struct reuse *u)
{
	uint64_t v;

	u->nholes = (int)get_below(in, REUSE_HOLES + 1);
	for (int i = 0; i < u->nholes; i++) {
		v = get(in);
		u->holes[i] = (struct reuse_hole){ (uint32_t)(v >> 8),
			(uint8_t)(v & 0xff) };
		if (u->holes[i].kind >= REUSE__MAX ||
		    (i > 0 && u->holes[i].at < u->holes[i - 1].at))
			in->bad = true;
	}
}

static void
get_marks(struct in *in, struct keep_entry *e, struct arena *a)
{
	struct keep_mark *v;
	uint64_t raw;

	e->nmarks = get_below(in, MARKS_MAX);
	if (e->nmarks > in->s.n / 8) {
		in->bad = true;
		return;
	}
	v = arena_alloc(a, e->nmarks * sizeof(*v) + 1);
	for (size_t i = 0; i < e->nmarks; i++) {
		raw = get(in);
		v[i] =
		    (struct keep_mark){ (uint32_t)(raw >> 32), (uint32_t)raw };
	}
	e->marks = v;
}

int
keep_unpack(struct keep_entry *e, const unsigned char key[CACHE_KEY],
    struct str value, struct arena *a)
{
	struct in in = { .s = value };
	struct reuse *u = &e->answer;
	size_t i;

	*e = (struct keep_entry){ .nmarks = 0 };
	if (value.n < HEAD + CACHE_KEY ||
	    memcmp(value.p, MAGIC, sizeof(MAGIC) - 1) != 0 ||
	    value.p[sizeof(MAGIC) - 1] != FORMAT ||
	    memcmp(value.p + HEAD, key, CACHE_KEY) != 0)
		return -1;
	get(&in);
	if (get_bytes(&in, 4) != hash_crc32c(in.s))
		return -1;
	in.s.p += CACHE_KEY;
	in.s.n -= CACHE_KEY;
	for (i = 0; i < NROWS(counts); i++)
		*count_at(e, i) = (int64_t)get(&in);
	e->usage.images_in = (int)get(&in);
	e->usage.images_out = (int)get(&in);
	e->usage.searches = (int)get(&in);
	e->usage.estimated = get_below(&in, 2) != 0;
	e->why = (enum llm_stop)get_below(&in, LLM_STOP_OTHER + 1);
	get_holes(&in, u);
	get_marks(&in, e, a);
	for (i = 0; i < NROWS(strings); i++)
		*string_at(e, i) = get_str(&in);
	if (in.bad || in.s.n > 0 ||
	    (u->nholes > 0 && u->holes[u->nholes - 1].at > u->text.n))
		return -1;
	return 0;
}
