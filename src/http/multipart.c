#include "http/multipart.h"

/*
 *	DATA	bytes of a part (or before the first), until the mark
 *	MARKED	behind a mark: CR begins a head, a hyphen ends it all
 *	CR	of the line of the mark
 *	DASH	the second hyphen
 *	HEAD	lines, until an empty one
 *	DONE	the last boundary has been seen
 */
enum { DATA, MARKED, CR, DASH, HEAD, DONE };

static int
bad(struct err *e, const char *why)
{
	e->param = STR_NONE;
	return err_set(e, ERR_BAD_PARAM,
	    "Invalid request parameters: multipart/form-data: %s", why);
}

bool
multipart_is(struct str type)
{
	struct str rest = type;

	return str_is_nocase(
	    str_trim(str_split(&rest, ';')), "multipart/form-data");
}

/* The value of a parameter: `name="x"` or `name=x`; absent if there is none. */
static struct str
parameter(struct str *rest, struct str *name)
{
	struct str v;
	size_t i;

	while (rest->n > 0 &&
	    (*rest->p == ';' || *rest->p == ' ' || *rest->p == '\t')) {
		rest->p++;
		rest->n--;
	}
	for (i = 0; i < rest->n && rest->p[i] != '=' && rest->p[i] != ';'; i++)
		;
	*name = str_trim((struct str){ rest->p, i });
	v = (struct str){ rest->p + i, rest->n - i };
	if (v.n == 0 || *v.p == ';') {
		*rest = v;
		return STR_NONE;
	}
	v.p++;
	v.n--;
	if (v.n > 0 && *v.p == '"') {
		for (i = 1; i < v.n && v.p[i] != '"'; i++)
			i += v.p[i] == '\\' && i + 1 < v.n;
		*rest = i < v.n ? (struct str){ v.p + i + 1, v.n - i - 1 } :
				  STR("");
		return (struct str){ v.p + 1, i - 1 };
	}
	for (i = 0; i < v.n && v.p[i] != ';'; i++)
		;
	*rest = (struct str){ v.p + i, v.n - i };
	return str_trim((struct str){ v.p, i });
}

/* RFC 2046: these, and a blank that is not the last. */
static bool
good_boundary(struct str s)
{
	static const char set[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(set, s.p[i]) == NULL)
			return false;
	return s.n >= 1 && s.n <= MULTIPART_BOUNDARY && s.p[s.n - 1] != ' ';
}

int
multipart_init(
    struct multipart *m, struct str type, struct arena *a, struct err *e)
{
	struct str rest = type, name, v, boundary = STR_NONE;

	if (!multipart_is(type))
		return bad(e, "wrong Content-Type");
	str_split(&rest, ';');
	while (rest.n > 0) {
		v = parameter(&rest, &name);
		if (str_is_nocase(name, "boundary") && boundary.p == NULL)
			boundary = v;
	}
	if (boundary.p == NULL)
		return bad(e, "the boundary is missing");
	if (!good_boundary(boundary))
		return bad(e, "the boundary is not 1 to 70 characters");
	*m = (struct multipart){
		.arena = a, .head = BUF_LIMIT(MULTIPART_HEAD), .met = 2
	}; /* the first boundary has no line before it */
	memcpy(m->mark, "\r\n--", 4);
	memcpy(m->mark + 4, boundary.p, boundary.n);
	m->nmark = boundary.n + 4;
	return 0;
}

/* Of Content-Disposition: what browsers escape stays as it is. */
static int
take_disposition(struct multipart *m, struct str v, struct err *e)
{
	struct multipart_part *p = &m->parts[m->n];
	struct str rest = v, name, value;

	if (!str_is_nocase(str_trim(str_split(&rest, ';')), "form-data"))
		return bad(e, "a part is no form-data");
	while (rest.n > 0) {
		value = parameter(&rest, &name);
		if (str_is_nocase(name, "name") && p->name.p == NULL)
			p->name = arena_dup(m->arena, value);
		else if (str_is_nocase(name, "filename") &&
		    p->filename.p == NULL)
			p->filename = arena_dup(m->arena, value);
	}
	return 0;
}

static int
take_line(struct multipart *m, struct str line, struct err *e)
{
	struct str rest = line, name = str_split(&rest, ':');

	rest = str_trim(rest);
	if (rest.p == NULL)
		return bad(e, "a line of a part's head has no colon");
	if (memchr(line.p, '\0', line.n) != NULL)
		return bad(e, "a part's head has a zero byte");
	if (str_is_nocase(name, "content-disposition"))
		return take_disposition(m, rest, e);
	if (str_is_nocase(name, "content-type"))
		m->parts[m->n].type = arena_dup(m->arena, rest);
	return 0;
}

/* The head is there as a whole, CRLF behind each line. */
static int
take_head(struct multipart *m, struct err *e)
{
	struct str rest = buf_str(&m->head), line;

	if (m->n == MULTIPART_PARTS)
		return bad(e, "more than 64 parts");
	m->parts[m->n] = (struct multipart_part){ .from = m->at };
	while (rest.n > 2) {
		line = str_split(&rest, '\n');
		line.n--; /* its CR */
		if (take_line(m, line, e) == -1)
			return -1;
	}
	buf_free(&m->head);
	if (m->parts[m->n].name.n == 0)
		return bad(e, "a part has no name");
	m->n++;
	return 0;
}

/* One byte of a head; an empty line ends it. */
static int
head_byte(struct multipart *m, char c, struct err *e)
{
	const struct buf *h = &m->head;
	bool line = h->n > 0 && h->p[h->n - 1] == '\r';

	if ((c == '\n') != line)
		return bad(e, "a line of a part's head does not end with CRLF");
	buf_addc(&m->head, c);
	if (h->full)
		return bad(e, "a part's head is longer than 8192 bytes");
	if (c != '\n' ||
	    (h->n != 2 &&
		(h->n < 4 || memcmp(h->p + h->n - 4, "\r\n\r\n", 4) != 0)))
		return 0;
	m->state = DATA;
	m->met = 0;
	return take_head(m, e);
}

/* The mark is complete: what was before it is the data of a part. */
static void
marked(struct multipart *m)
{
	struct multipart_part *p = &m->parts[m->n == 0 ? 0 : m->n - 1];

	m->state = MARKED;
	if (m->n > 0)
		p->n = m->at - m->nmark - p->from;
}

static int
data_byte(struct multipart *m, char c, struct err *e)
{
	/* CR begins every mark, and stands nowhere else in it. */
	if (m->mark[m->met] != c)
		m->met = c == '\r';
	else if (++m->met == m->nmark)
		marked(m);
	if (m->n == 0 && m->state == DATA && m->met == 0)
		return bad(e, "it does not begin with the boundary");
	return 0;
}

static int
byte(struct multipart *m, char c, struct err *e)
{
	switch (m->state) {
	case DATA:
		return data_byte(m, c, e);
	case MARKED:
		m->state = c == '\r' ? CR : DASH;
		return c == '\r' || c == '-' ? 0 : bad(e, "a boundary goes on");
	case CR:
		m->state = HEAD;
		return c == '\n' ? 0 : bad(e, "a boundary goes on");
	case DASH:
		m->state = DONE;
		return c == '-' ? 0 : bad(e, "a boundary goes on");
	case HEAD:
		return head_byte(m, c, e);
	default:
		return 0;
	}
}

int
multipart_feed(struct multipart *m, struct str s, struct err *e)
{
	const char *p = s.p, *end = s.p + s.n, *q;

	while (p < end && m->state != DONE) {
		/* Data without a CR is passed over at once. */
		if (m->state == DATA && m->met == 0 && m->n > 0 && *p != '\r') {
			q = memchr(p, '\r', (size_t)(end - p));
			q = q == NULL ? end : q;
			m->at += (uint64_t)(q - p);
			p = q;
			continue;
		}
		m->at++;
		if (byte(m, *p++, e) == -1) {
			buf_free(&m->head);
			return -1;
		}
	}
	return 0;
}

int
multipart_end(struct multipart *m, struct err *e)
{
	buf_free(&m->head);
	return m->state == DONE ? 0 :
				  bad(e, "it ends before its last boundary");
}
