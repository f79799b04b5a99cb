/*
 * A text in pieces.  The matcher's stream sees each piece once and only says
 * that something ends here; then the window, which is what is held back and a
 * little of what went before it, is looked at as a whole text is.
 */
#include <stdlib.h>

#include "domain/guard_parts.h"

#define BEFORE 96 /* bytes that have gone out and are seen again */
#define PIECE_MAX ((size_t)64 * 1024 * 1024)

/* What is left out behind a redacted match that had not ended. */
enum swallow { SWALLOW_NOTHING, SWALLOW_TOKEN, SWALLOW_BLOCK };

struct guard_stream {
	struct arena *arena; /* where this is */
	struct guard_verdict *verdict;
	hs_stream_t *stream; /* NULL: no pattern */
	struct guard_fold fold;
	struct buf folded; /* of the piece */
	struct buf window; /* original text; `out` bytes of it have gone */
	size_t gone;
	bool hit;  /* the stream said that something ended */
	bool wait; /* a match touched the end */
	enum swallow swallow;
	char tail[32]; /* of a block that is swallowed */
	size_t ntail;
	int64_t allowed;
};

struct guard_stream *
guard_stream_new(struct guard_verdict *v)
{
	struct arena *a = arena_new(sizeof(struct guard_stream) + 64, SIZE_MAX);
	struct guard_stream *s = ARENA_NEW(a, struct guard_stream);
	const struct guard_db *db = guard_db(v->set, v->direction);

	s->arena = a;
	s->verdict = v;
	s->allowed = INT64_MAX;
	s->folded.limit = s->window.limit = PIECE_MAX;
	if (db->stream != NULL &&
	    v->set->hs->open_stream(db->stream, 0, &s->stream) != HS_SUCCESS)
		abort();
	return s;
}

void
guard_stream_free(struct guard_stream *s)
{
	if (s == NULL)
		return;
	if (s->stream != NULL)
		s->verdict->set->hs->close_stream(
		    s->stream, NULL, NULL, NULL);
	buf_free(&s->folded);
	buf_free(&s->window);
	arena_free(s->arena);
}

static int
on_match(unsigned id, unsigned long long from, unsigned long long to,
    unsigned flags, void *arg)
{
	struct guard_stream *s = arg;

	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	s->hit = true;
	return 0;
}

/* Does something end in this piece? */
static void
feed(struct guard_stream *s, struct str piece, bool last)
{
	const struct guard_set *set = s->verdict->set;
	hs_scratch_t *scratch;

	buf_clear(&s->folded);
	guard_fold(&s->fold, piece, &s->folded);
	if (s->folded.n == 0 && !last)
		return;
	scratch = guard_scratch(set);
	if (s->folded.n > 0 &&
	    set->hs->scan_stream(s->stream, s->folded.p, (unsigned)s->folded.n, 0,
		scratch, on_match, s) != HS_SUCCESS)
		abort();
	if (last) {
		set->hs->close_stream(s->stream, scratch, on_match, s);
		s->stream = NULL;
	}
	guard_scratch_back(set, scratch);
}

static bool
in_token(char c)
{
	return guard_alnum(c) || (c != '\0' && strchr("_-./+=~%", c) != NULL);
}

/* How much of the text belongs to what is swallowed. */
static size_t
swallowed(struct guard_stream *s, struct str text)
{
	static const struct str mark = STR("-----END");
	size_t i;

	for (i = 0; i < text.n && s->swallow == SWALLOW_TOKEN; i++)
		if (!in_token(text.p[i])) {
			s->swallow = SWALLOW_NOTHING;
			return i;
		}
	if (s->swallow == SWALLOW_TOKEN)
		return i;
	for (i = 0; i < text.n; i++) {
		if (s->ntail < mark.n) {
			s->ntail = text.p[i] == mark.p[s->ntail] ?
			    s->ntail + 1 :
			    text.p[i] == '-' ? (s->ntail >= 5 ? 5 : 1) :
					       0;
			continue;
		}
		/* The five dashes behind it end the block. */
		s->ntail = text.p[i] == '-' ? s->ntail + 1 : mark.n;
		if (s->ntail == mark.n + 5) {
			s->swallow = SWALLOW_TOKEN;
			s->ntail = 0;
			return i + 1 +
			    swallowed(s,
				(struct str){ text.p + i + 1, text.n - i - 1 });
		}
	}
	return i;
}

/* Take n bytes out of the window, with a mask in their place. */
static void
replace(struct buf *b, size_t from, size_t to, const char *mask)
{
	struct buf rest = BUF_LIMIT(b->n + 1);

	buf_add(&rest, (struct str){ b->p + to, b->n - to });
	b->n = from;
	buf_add(b, str_from(mask));
	buf_add(b, buf_str(&rest));
	buf_free(&rest);
}

static size_t
end_of(const struct guard_norm *g, struct str text, size_t at)
{
	size_t to = guard_original(g, at - 1) + 1;

	while (to < text.n && ((unsigned char)text.p[to] & 0xc0) == 0x80)
		to++;
	return to;
}

static void
redact(struct guard_stream *s, const struct guard_norm *g,
    const struct guard_look *l)
{
	struct str text = buf_str(&s->window);
	size_t from, to;

	for (int i = l->n; i-- > 0;) {
		to = end_of(g, text, l->v[i].to);
		from = guard_original(g, l->v[i].from);
		if (from < s->gone)
			from = s->gone;
		if (to <= from)
			continue;
		/* What goes on beyond the window goes with it. */
		if (to == s->window.n && !l->last)
			s->swallow = SWALLOW_TOKEN;
		if (l->v[i].category != NULL &&
		    strcmp(l->v[i].category, "private_key") == 0 &&
		    to == s->window.n) {
			s->swallow = SWALLOW_BLOCK;
			s->ntail = 0; /* its end may have begun */
			swallowed(s, (struct str){ text.p + from, to - from });
		}
		replace(&s->window, from, to, l->v[i].mask);
	}
}

/* Look at the window; returns from where on it has to wait. */
static size_t
look(struct guard_stream *s, bool last, bool full, struct arena *a)
{
	struct guard_norm g, before;
	struct guard_look l = { .verdict = s->verdict,
		.last = last || full,
		.allowed = &s->allowed,
		.again = true };
	size_t held;

	guard_normalise(buf_str(&s->window), a, &g);
	guard_normalise((struct str){ s->window.p, s->gone }, a, &before);
	l.norm = g.text;
	l.skip = before.text.n;
	guard_look(&l, a);
	held = l.held == SIZE_MAX ? s->window.n : guard_original(&g, l.held);
	s->wait = l.held != SIZE_MAX;
	l.last = last;
	if (l.n > 0 && !s->verdict->blocked)
		redact(s, &g, &l);
	return l.n > 0 ? s->window.n : held;
}

/* Where the last GUARD_WINDOW characters begin. */
static size_t
window_start(const struct guard_stream *s)
{
	size_t i = s->window.n, n = 0;

	while (i > s->gone && n < GUARD_WINDOW)
		n += ((unsigned char)s->window.p[--i] & 0xc0) != 0x80;
	return i;
}

/* What has gone out and is too far away is forgotten. */
static void
forget(struct guard_stream *s)
{
	size_t n;

	if (s->gone < 4 * BEFORE)
		return;
	n = s->gone - BEFORE;
	while (n > 0 && ((unsigned char)s->window.p[n] & 0xc0) == 0x80)
		n--;
	memmove(s->window.p, s->window.p + n, s->window.n - n);
	s->window.n -= n;
	s->gone -= n;
}

void
guard_stream_put(struct guard_stream *s, struct str piece, bool last,
    struct arena *a, struct buf *out)
{
	size_t until, held = SIZE_MAX;

	if (s->stream != NULL)
		feed(s, piece, last);
	if (s->swallow != SWALLOW_NOTHING) {
		size_t n = swallowed(s, piece);

		piece.p += n;
		piece.n -= n;
	}
	buf_add(&s->window, piece);
	if (s->hit || s->wait) {
		s->hit = false;
		held = look(s, last, false, a);
	}
	until = last ? s->window.n : window_start(s);
	/* A match that is longer than the window: what is there of it goes. */
	if (!last && s->wait && held < until) {
		look(s, false, true, a);
		until = window_start(s);
		s->wait = false;
	}
	if (s->verdict->blocked || until <= s->gone)
		return;
	buf_add(out, (struct str){ s->window.p + s->gone, until - s->gone });
	s->gone = until;
	forget(s);
}
