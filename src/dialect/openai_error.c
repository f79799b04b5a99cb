/*
 * Errors, in all the shapes that servers give them (wire.md 13), and ours.
 */
#include "dialect/openai.h"

#define WORD_MAX 64
#define READ_MAX ((size_t)64 * 1024)

/* The text of a raw string, cut where the message's room ends. */
static void
set_message(struct err *e, struct str text)
{
	str_copy(e->msg, sizeof(e->msg), str_cut(text, sizeof(e->msg) - 1));
}

/* A code is passed on if it is a short word; numbers are statuses. */
static void
set_code(struct err *e, struct str raw, struct arena *a)
{
	struct str word = jscan_inner(raw);
	int64_t v = 0;
	size_t i;

	if (word.n == 0)
		jscan_int(raw, &v);
	for (i = 0; i < word.n; i++) {
		char c = word.p[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'z') &&
		    (c < 'A' || c > 'Z') && c != '_' && c != '-' && c != '.')
			return;
		v = c >= '0' && c <= '9' && v >= 0 && v < 1000 ?
		    v * 10 + (c - '0') :
		    -1;
	}
	if (v >= 100 && v < 600)
		e->status = (int)v; /* "401" of Azure is one as well */
	else if (word.n > 0 && word.n <= WORD_MAX && e->word.p == NULL)
		e->word = arena_dup(a, word);
}

static bool
text_of(struct str raw, struct arena *a, struct err *e)
{
	struct str text = jscan_text(raw, a);

	if (text.n == 0)
		return false;
	set_message(e, text);
	return true;
}

/* {"detail":[{"loc":[...],"msg":"..."}]} as FastAPI says it. */
static bool
read_detail(struct str raw, struct arena *a, struct err *e)
{
	struct jiter it = jscan_into(raw);
	struct jmember m;

	if (text_of(raw, a, e))
		return true;
	return raw.n > 0 && raw.p[0] == '[' && jscan_next(&it, &m) &&
	    (text_of(jscan_at(m.raw, "msg"), a, e) ||
		text_of(jscan_at(m.raw, "message"), a, e));
}

/* The members of an error object, wherever it stands. */
static bool
read_object(struct str raw, struct arena *a, struct err *e)
{
	static const char *const names[] = { "message", "Message", "msg",
		"error", "detail", NULL };
	struct str v;
	bool found = false;
	int i;

	for (i = 0; names[i] != NULL && !found; i++)
		found = read_detail(jscan_at(raw, names[i]), a, e);
	set_code(e, jscan_at(raw, "code"), a);
	v = jscan_at(raw, "type"); /* "insufficient_quota" */
	if (v.n < 8 || memcmp(v.p + v.n - 7, "_error\"", 7) != 0)
		set_code(e, v, a);
	if (e->status == 0)
		set_code(e, jscan_at(raw, "status"), a);
	if (e->status == 0)
		set_code(e, jscan_at(raw, "statusCode"), a);
	v = jscan_text(jscan_at(raw, "param"), a);
	if (v.n > 0)
		e->param = arena_dup(a, v);
	return found;
}

/* The first object of an array: Gemini's compatible form wraps errors so. */
static struct str
unwrap(struct str raw)
{
	struct jiter it;
	struct jmember m;

	if (raw.n == 0 || raw.p[0] != '[')
		return raw;
	it = jscan_into(raw);
	return jscan_next(&it, &m) ? m.raw : STR_NONE;
}

bool
openai_read_error(struct arena *a, struct str body, struct err *e)
{
	struct str s = jscan_sole_object(body, READ_MAX), inner;

	if (s.p == NULL)
		return false;
	inner = unwrap(jscan_at(s, "error"));
	if (inner.p == NULL || jscan_null(inner))
		inner = unwrap(jscan_at(s, "errors"));
	if (inner.p == NULL || jscan_null(inner))
		return read_object(s, a, e);
	if (inner.p[0] != '{') { /* {"code":"...","error":"text"} of xAI */
		set_code(e, jscan_at(s, "code"), a);
		return text_of(inner, a, e);
	}
	return read_object(inner, a, e);
}

void
openai_decode_error(struct arena *a, struct str body, struct err *e)
{
	e->msg[0] = '\0';
	if (!openai_read_error(a, body, e))
		e->msg[0] = '\0'; /* HTML or text: the caller has words */
}

int
openai_error_inside(struct arena *a, struct str raw, struct err *e)
{
	*e = (struct err){ .code = ERR_UPSTREAM };
	raw = unwrap(raw);
	if (raw.n > 0 && raw.p[0] == '{')
		read_object(raw, a, e);
	else
		text_of(raw, a, e);
	if (e->msg[0] == '\0')
		err_set(e, ERR_UPSTREAM, "Provider sent an error");
	return -1;
}

int
openai_scan(struct arena *a, struct str body, struct jmember **v, struct err *e)
{
	struct err inner = { .code = ERR_UPSTREAM };
	int n = jscan_event(body, a, v);

	if (n == -1 && openai_read_error(a, body, &inner)) {
		*e = inner;
		return -1;
	}
	return n == -1 ? answer_not_json(e) : n;
}

int
openai_scan_good(
    struct arena *a, struct str body, struct jmember **v, struct err *e)
{
	int n = openai_scan(a, body, v, e);
	struct str error;

	if (n == -1)
		return -1;
	error = jscan_get(*v, n, "error");
	if (error.p != NULL && !jscan_null(error))
		return openai_error_inside(a, error, e);
	return n;
}

/* A provider's own refusal keeps its status (api.md 2.4). */
static int
status_of(const struct err *er)
{
	if (er->code == ERR_UPSTREAM_REQUEST && er->status >= 400 &&
	    er->status < 500)
		return er->status;
	return err_rows[er->code].http;
}

void
openai_encode_error(const struct err *er, struct buf *out)
{
	struct jw w = JW_TO(out);
	struct jiter it;
	struct jmember m;

	buf_add(out, STR("data: "));
	jw_obj(&w, NULL);
	jw_obj(&w, "error");
	jw_strc(&w, "message", er->msg);
	jw_strc(&w, "type", err_rows[er->code].type);
	if (er->param.p != NULL)
		jw_str(&w, "param", er->param);
	else
		jw_null(&w, "param");
	if (er->word.p != NULL)
		jw_str(&w, "code", er->word);
	else
		jw_strc(&w, "code", err_rows[er->code].code);
	jw_int(&w, "status", status_of(er));
	for (it = jscan_into(er->members); jscan_next(&it, &m);)
		openai_put_raw(out, &m);
	jw_end(&w);
	jw_end(&w);
	buf_add(out, STR("\n\n"));
}
