#include "dialect/heal.h"
#include "json/jscan.h"
#include "json/jw.h"

#define DEPTH_MAX 120
#define STARTS_MAX 64 /* places where a value is looked for in a text */

/* A forgiving reader that writes what it understood. */
struct heal {
	const char *p;
	const char *end;
	struct buf *out;
	int depth;
};

static void heal_value(struct heal *);

static bool
is_json(struct str s, struct arena *a)
{
	struct err e = { .code = ERR_NONE };

	return s.n > 0 && jscan_value(s, a, &e) == 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && is_blank(*s.p)) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* What stands between the first ``` line and the next ```, or to the end. */
static struct str
code_block(struct str s)
{
	const char *end = s.p + s.n, *p, *q;

	if ((p = memmem(s.p, s.n, "```", 3)) == NULL)
		return STR_NONE;
	p += 3;
	while (p < end && *p != '\n' && *p != '{' && *p != '[')
		p++; /* the language */
	q = memmem(p, (size_t)(end - p), "```", 3);
	return trim((struct str){ p, (size_t)((q == NULL ? end : q) - p) });
}

/* The value that begins at p by its brackets, or absent. */
static struct str
balanced(const char *p, const char *end)
{
	const char *start = p;
	bool quoted = false;
	int depth = 0;

	for (; p < end; p++) {
		if (quoted) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				quoted = false;
		} else if (*p == '"')
			quoted = true;
		else if (*p == '{' || *p == '[')
			depth++;
		else if ((*p == '}' || *p == ']') && --depth == 0)
			return (struct str){ start, (size_t)(p - start) + 1 };
	}
	return STR_NONE;
}

static const char *
opening(const char *p, const char *end)
{
	while (p < end && *p != '{' && *p != '[')
		p++;
	return p;
}

static bool
first_balanced(struct str s, struct arena *a, struct str *out)
{
	const char *end = s.p + s.n, *p = s.p;
	int i;

	for (i = 0; i < STARTS_MAX; i++, p++) {
		if ((p = opening(p, end)) == end)
			return false;
		*out = balanced(p, end);
		if (is_json(*out, a))
			return true;
	}
	return false;
}

static void
skip_blanks(struct heal *h)
{
	while (h->p < h->end && is_blank(*h->p))
		h->p++;
}

/* A string in either quotes; what is wrong inside is escaped or dropped. */
static void
heal_string(struct heal *h)
{
	char quote = *h->p++;
	char u[8] = "\\u00";

	buf_addc(h->out, '"');
	for (; h->p < h->end && *h->p != quote; h->p++) {
		unsigned char c = (unsigned char)*h->p;

		if (c == '\\') {
			if (++h->p == h->end)
				break;
			if (strchr("\"\\/bfnrtu", *h->p) != NULL)
				buf_addc(h->out, '\\');
			buf_addc(h->out, *h->p);
		} else if (c == '"')
			buf_add(h->out, STR("\\\""));
		else if (c < 0x20) {
			u[4] = "01"[c >> 4];
			u[5] = "0123456789abcdef"[c & 15];
			buf_add(h->out, (struct str){ u, 6 });
		} else
			buf_addc(h->out, (char)c);
	}
	if (h->p < h->end)
		h->p++;
	buf_addc(h->out, '"');
}

/* A bare word up to a delimiter: a literal, a number, or else a string. */
static void
heal_word(struct heal *h, bool is_name)
{
	static const struct {
		const char *word;
		const char *json;
	} words[] = { { "true", "true" }, { "false", "false" },
		{ "null", "null" }, { "True", "true" }, { "False", "false" },
		{ "None", "null" }, { "undefined", "null" },
		{ "NaN", "null" } };
	struct str s = { h->p, 0 };
	struct jw w = JW_TO(h->out);
	double v;
	size_t i;

	while (h->p < h->end && strchr(",:{}[]\"\n", *h->p) == NULL)
		h->p++;
	if (h->p == s.p && h->p < h->end)
		h->p++; /* a stray delimiter */
	s.n = (size_t)(h->p - s.p);
	s = trim(s);
	for (i = 0; i < NROWS(words) && !is_name; i++)
		if (str_is(s, words[i].word)) {
			buf_add(h->out, str_from(words[i].json));
			return;
		}
	if (!is_name && jscan_num(s, &v))
		buf_add(h->out, s);
	else
		jw_str(&w, NULL, s);
}

static void
heal_name(struct heal *h)
{
	if (*h->p == '"' || *h->p == '\'')
		heal_string(h);
	else
		heal_word(h, true);
	skip_blanks(h);
	buf_addc(h->out, ':');
	if (h->p < h->end && *h->p == ':')
		h->p++;
	skip_blanks(h);
	if (h->p == h->end || *h->p == ',' || *h->p == '}')
		buf_add(h->out, STR("null"));
	else
		heal_value(h);
}

static void
heal_nested(struct heal *h)
{
	char close = *h->p == '{' ? '}' : ']';
	bool any = false;

	buf_addc(h->out, *h->p++);
	h->depth++;
	for (;;) {
		while (h->p < h->end && (is_blank(*h->p) || *h->p == ','))
			h->p++;
		if (h->p == h->end)
			break;
		if (*h->p == '}' || *h->p == ']') {
			if (*h->p == close)
				h->p++;
			break; /* the wrong one closes this and an outer one */
		}
		if (any)
			buf_addc(h->out, ',');
		any = true;
		if (close == '}')
			heal_name(h);
		else
			heal_value(h);
	}
	h->depth--;
	buf_addc(h->out, close);
}

static void
heal_value(struct heal *h)
{
	if (h->depth >= DEPTH_MAX) {
		h->p = h->end;
		buf_add(h->out, STR("null"));
	} else if (*h->p == '{' || *h->p == '[')
		heal_nested(h);
	else if (*h->p == '"' || *h->p == '\'')
		heal_string(h);
	else
		heal_word(h, false);
}

static bool
repair(struct str s, struct arena *a, struct str *out)
{
	struct buf b = BUF_LIMIT(4 * s.n + 1024);
	struct heal h = { opening(s.p, s.p + s.n), s.p + s.n, &b, 0 };
	bool ok = false;

	if (h.p < h.end) {
		heal_value(&h);
		ok = !b.full && is_json(buf_str(&b), a);
	}
	if (ok)
		*out = arena_dup(a, buf_str(&b));
	buf_free(&b);
	return ok;
}

bool
heal_json(struct str in, struct arena *a, struct str *out)
{
	struct str s = trim(in), block;

	*out = s;
	if (is_json(s, a))
		return true;
	block = s.n == 0 ? STR_NONE : code_block(s);
	if (block.n > 0) {
		*out = block;
		if (is_json(block, a))
			return true;
		s = block;
	}
	if (s.n > 0 && (first_balanced(s, a, out) || repair(s, a, out)))
		return true;
	*out = in;
	return false;
}
