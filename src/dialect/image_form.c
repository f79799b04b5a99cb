/*
 * An edit as multipart/form-data: its fields become the JSON body that all
 * checks and changes are about, its files stay where they are.
 */
#include "dialect/image.h"
#include "dialect/openai.h"
#include "http/multipart.h"

#define BODY_MAX ((size_t)32 * 1024 * 1024)

static int
bad(struct err *e, struct str name, const char *why)
{
	e->param = name;
	return err_set(e, ERR_BAD_PARAM, "Invalid request parameters: %.*s: %s",
	    (int)(name.n < 64 ? name.n : 64), name.p, why);
}

static bool
is_mask(struct str name)
{
	return str_is(name, "mask");
}

static bool
is_file(struct str name)
{
	return str_is(name, "image") || str_is(name, "image[]") ||
	    str_is(name, "file") || is_mask(name);
}

/* By the bytes; what the client says of it counts for nothing (T13). */
static int
take_file(struct llm_file ***tail, const struct multipart_part *p,
    struct str data, struct arena *a, struct err *e)
{
	const char *type = openai_image_type(data);
	struct llm_file *f;

	if (type == NULL || strcmp(type, "gif") == 0) {
		bad(e, p->name, "is neither PNG, JPEG nor WebP");
		e->code = ERR_BAD_IMAGE;
		return -1;
	}
	f = ARENA_NEW(a, struct llm_file);
	f->field = p->name;
	f->name = p->filename;
	f->type = arena_fmt(a, "image/%s", type);
	f->data = data;
	**tail = f;
	*tail = &f->next;
	return 0;
}

/* Text that is a whole number, or true or false, where the member is one. */
static bool
is_raw(struct str name, struct str text)
{
	static const char *const numbers[] = { "n", "output_compression",
		"partial_images", "seed" };
	static const char *const flags[] = { "stream", "free_models_only",
		"no_reasoning", "onboarding" };
	struct str digits = text;
	size_t i;

	for (i = 0; i < NROWS(flags); i++)
		if (str_is(name, flags[i]))
			return str_is(text, "true") || str_is(text, "false");
	for (i = 0; i < NROWS(numbers); i++)
		if (str_is(name, numbers[i]))
			break;
	if (i == NROWS(numbers))
		return false;
	if (digits.n > 1 && *digits.p == '-') {
		digits.p++;
		digits.n--;
	}
	for (i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
	return digits.n > 0 && digits.n < 16 &&
	    (*digits.p != '0' || digits.n == 1);
}

static int
put_field(struct jw *w, struct str name, struct str text, struct arena *a,
    struct err *e)
{
	const char *key;
	size_t i;

	for (i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= 0x20 || name.p[i] == '"' ||
		    name.p[i] == '\\' || (unsigned char)name.p[i] > 0x7e)
			return bad(e, STR("multipart/form-data"),
			    "a field has an odd name");
	key = arena_cstr(a, name);
	/* An empty field is one that was left out in a browser. */
	if (text.n == 0 && strcmp(key, "prompt") != 0)
		return 0;
	if (is_raw(name, text))
		jw_raw(w, key, text);
	else
		jw_str(w, key, text);
	return 0;
}

static bool
is_twice(const struct multipart *m, int i)
{
	int k;

	for (k = 0; k < i; k++)
		if (str_eq(m->parts[k].name, m->parts[i].name))
			return true;
	return false;
}

static int
take_part(struct llm_request *r, const struct multipart *m, int i,
    struct llm_file ***tail, struct jw *w, struct arena *a, struct err *e)
{
	const struct multipart_part *p = &m->parts[i];
	struct str data = { r->body.p + p->from, (size_t)p->n };

	if (!is_file(p->name) || is_mask(p->name))
		if (is_twice(m, i))
			return bad(e, p->name, "is given twice");
	if (is_file(p->name))
		return take_file(tail, p, data, a, e);
	return put_field(w, p->name, data, a, e);
}

int
image_form(struct llm_request *r, struct arena *a, struct err *e)
{
	struct multipart *m = ARENA_NEW(a, struct multipart);
	struct llm_file **tail = &r->files;
	struct buf b = BUF_LIMIT(BODY_MAX);
	struct jw w = JW_TO(&b);
	int i, rc = -1;

	if (multipart_init(m, r->type, a, e) == -1 ||
	    multipart_feed(m, r->body, e) == -1 || multipart_end(m, e) == -1)
		return -1;
	jw_obj(&w, NULL);
	for (i = 0; i < m->n; i++)
		if (take_part(r, m, i, &tail, &w, a, e) == -1)
			goto out;
	jw_end(&w);
	if (b.full) {
		err_set(e, ERR_TOO_LARGE, "Request is too large");
		goto out;
	}
	r->body = arena_dup(a, buf_str(&b));
	rc = 0;
out:
	buf_free(&b);
	return rc;
}
