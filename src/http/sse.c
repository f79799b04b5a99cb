#include "http/sse.h"

#define MARK_PAST 4

/* Where the next line feed and carriage return of one feeding are. */
struct ends {
	const char *lf;
	const char *cr;
};

static const char *
find(const char *p, char c, const char *end)
{
	const char *q = memchr(p, c, (size_t)(end - p));

	return q == NULL ? end : q;
}

/* The first end of line at or after p, or `end`; each byte is seen once. */
static const char *
line_end(struct ends *at, const char *p, const char *end)
{
	if (at->lf < p)
		at->lf = find(p, '\n', end);
	if (at->cr < p)
		at->cr = find(p, '\r', end);
	return at->lf < at->cr ? at->lf : at->cr;
}

static int
too_large(struct err *e)
{
	return err_set(e, ERR_UPSTREAM, "Event of the provider is too large");
}

/* A blank line ends an event; one without data is dropped, as the spec says. */
static int
dispatch(struct sse *s, sse_fn *fn, void *arg, struct err *e)
{
	struct sse_event ev = {
		.name = s->has_name ? s->name_at : STR_NONE,
		.data = s->data_at,
	};
	bool has_data = s->has_data;

	s->has_name = s->has_data = false;
	if (!has_data)
		return 0;
	if (s->rest.n > 0)
		buf_clear(&s->rest);
	if (ev.name.n == 0)
		ev.name = STR_NONE;
	return fn(arg, &ev, e);
}

/* Keep the views in the buffers, for the bytes they point to go away. */
static int
hold(struct sse *s, struct err *e)
{
	if (s->has_name && s->name_at.p != s->name.p) {
		buf_clear(&s->name);
		buf_add(&s->name, s->name_at);
		s->name_at = buf_str(&s->name);
	}
	if (s->has_data && (s->data.n == 0 || s->data_at.p != s->data.p)) {
		buf_clear(&s->data);
		buf_add(&s->data, s->data_at);
		s->data_at = buf_str(&s->data);
	}
	return s->data.full || s->name.full ? too_large(e) : 0;
}

static int
take_data(struct sse *s, struct str value, struct err *e)
{
	if (!s->has_data) {
		buf_clear(&s->data);
		s->data_at = value;
		s->has_data = true;
		return value.n > s->data.limit ? too_large(e) : 0;
	}
	if (hold(s, e) == -1)
		return -1;
	buf_addc(&s->data, '\n');
	buf_add(&s->data, value);
	s->data_at = buf_str(&s->data);
	return s->data.full ? too_large(e) : 0;
}

static void
take_rest(struct sse *s, struct str line)
{
	if (s->rest.n > 0)
		buf_addc(&s->rest, '\n');
	buf_add(&s->rest, line);
}

/* Take "field: value" apart; fields that nobody needs are ignored. */
static int
take_line(struct sse *s, struct str line, struct err *e)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct str field = line, value = STR("");

	if (colon == line.p) {
		s->comments++;
		return 0;
	}
	if (colon != NULL) {
		field.n = (size_t)(colon - line.p);
		value = (struct str){ colon + 1, line.n - field.n - 1 };
		if (value.n > 0 && *value.p == ' ') {
			value.p++;
			value.n--;
		}
	}
	if (str_eq(field, STR("data")))
		return take_data(s, value, e);
	if (str_eq(field, STR("event"))) {
		s->name_at = value;
		s->has_name = true;
	} else if (!str_eq(field, STR("id")) && !str_eq(field, STR("retry")))
		take_rest(s, line);
	return 0;
}

/* Skip a byte-order mark; what only began like one belongs to the line. */
static const char *
skip_mark(struct sse *s, const char *p, const char *end)
{
	static const char mark[] = "\xef\xbb\xbf";

	while (p < end && s->mark < 3 && *p == mark[s->mark]) {
		s->mark++;
		p++;
	}
	if (p == end)
		return p;
	if (s->mark < 3)
		buf_add(&s->line, (struct str){ mark, s->mark });
	s->mark = MARK_PAST;
	return p;
}

/* The line is over: `tail` is what this feeding has of it. */
static int
end_line(struct sse *s, struct str tail, sse_fn *fn, void *arg, struct err *e)
{
	struct str line = tail;

	if (s->line.n > 0) {
		buf_add(&s->line, tail);
		if (s->line.full)
			return too_large(e);
		line = buf_str(&s->line);
		buf_clear(&s->line); /* its bytes stay until the feeding ends */
	}
	return line.n == 0 ? dispatch(s, fn, arg, e) : take_line(s, line, e);
}

int
sse_feed(struct sse *s, struct str in, sse_fn *fn, void *arg, struct err *e)
{
	const char *p = in.p, *end = in.p + in.n, *q;
	struct ends at;
	int rc;

	if (in.n == 0)
		return 0;
	if (s->mark < MARK_PAST)
		p = skip_mark(s, p, end);
	at.lf = find(p, '\n', end);
	at.cr = find(p, '\r', end);
	while (p < end) {
		if (s->after_cr) { /* CRLF counts once */
			s->after_cr = false;
			if (*p == '\n') {
				p++;
				continue;
			}
		}
		if ((q = line_end(&at, p, end)) == end)
			break;
		s->after_cr = *q == '\r';
		rc =
		    end_line(s, (struct str){ p, (size_t)(q - p) }, fn, arg, e);
		if (rc != 0)
			return rc;
		p = q + 1;
	}
	if (hold(s, e) == -1)
		return -1;
	buf_add(&s->line, (struct str){ p, (size_t)(end - p) });
	return s->line.full ? too_large(e) : 0;
}

int
sse_end(struct sse *s, sse_fn *fn, void *arg, struct err *e)
{
	int rc = 0;

	if (s->line.n > 0)
		rc = end_line(s, STR(""), fn, arg, e);
	return rc != 0 ? rc : dispatch(s, fn, arg, e);
}

struct str
sse_rest(const struct sse *s)
{
	return buf_str(&s->rest);
}

void
sse_free(struct sse *s)
{
	buf_free(&s->line);
	buf_free(&s->name);
	buf_free(&s->data);
	buf_free(&s->rest);
}

void
sse_put(struct buf *b, struct str name, struct str data)
{
	if (name.p != NULL) {
		buf_add(b, STR("event: "));
		buf_add(b, name);
		buf_addc(b, '\n');
	}
	buf_add(b, STR("data: "));
	buf_add(b, data);
	buf_add(b, STR("\n\n"));
}
