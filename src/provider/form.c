#include <stdio.h>

#include "base/b64.h"
#include "provider/image.h"

#define FIELDS_MAX ((size_t)33 * 1024 * 1024)
#define PARTS_MAX (2 * PIECES_MAX + 1)

/* A form on its way: small text, and the files where they are. */
struct form {
	struct pieces pieces;
	char boundary[40];
	struct arena *arena;
};

static void
free_form(void *arg)
{
	struct form *f = arg;

	buf_free(&f->pieces.text);
}

static void
put_head(struct form *f, struct str name)
{
	struct buf *b = &f->pieces.text;

	buf_fmt(
	    b, "--%s\r\nContent-Disposition: form-data; name=\"", f->boundary);
	buf_add(b, name);
	buf_addc(b, '"');
}

static struct str
text_of(struct form *f, const struct jmember *m)
{
	return *m->raw.p == '"' ? jscan_text(m->raw, f->arena) : m->raw;
}

static void
put_field(struct form *f, const struct jmember *m)
{
	if (jscan_null(m->raw))
		return;
	put_head(f, m->key);
	buf_add(&f->pieces.text, STR("\r\n\r\n"));
	buf_add(&f->pieces.text, text_of(f, m));
	buf_add(&f->pieces.text, STR("\r\n"));
}

static void
put_file(struct form *f, struct str field, struct str name, struct str type,
    struct str data)
{
	struct buf *b = &f->pieces.text;

	/* One that needs quoting says no more than another. */
	if (name.n == 0 || memchr(name.p, '"', name.n) != NULL)
		name = STR("image");
	put_head(f, field);
	buf_add(b, STR("; filename=\""));
	buf_add(b, name);
	buf_add(b, STR("\"\r\nContent-Type: "));
	buf_add(b, type);
	buf_add(b, STR("\r\n\r\n"));
	pieces_add(&f->pieces, data);
	buf_add(b, STR("\r\n"));
}

static int
decoded(struct str data, struct arena *a, struct str *out, struct err *e)
{
	size_t n = data.n / 4 * 3 + 3;
	struct buf b = { .p = arena_alloc(a, n + 1), .cap = n, .limit = n };

	if (b64_decode(data, &b) == -1 || b.full)
		return err_set(e, ERR_BAD_IMAGE,
		    "Invalid request parameters: images: is not base64");
	*out = buf_str(&b);
	return 0;
}

/* Images that came in JSON, or were fetched, as if they had been in a form. */
static int
read_media(struct llm_request *r, struct arena *a, struct llm_file **tail,
    struct err *e)
{
	const struct llm_part *p;
	bool several = r->images > 1;
	struct llm_file *f;

	if (r->doc == NULL && r->from->decode_request(r, a, e) == -1)
		return -1;
	for (p = r->messages->parts; p != NULL; p = p->next) {
		if (p->kind != LLM_MEDIA)
			continue;
		*tail = f = ARENA_NEW(a, struct llm_file);
		tail = &f->next;
		f->type = p->media.mime;
		f->field = p == r->mask ? STR("mask") :
		    several             ? STR("image[]") :
					  STR("image");
		if (decoded(p->media.data, a, &f->data, e) == -1)
			return -1;
	}
	return 0;
}

static bool
holds(struct str s, const char *boundary)
{
	return s.n > 0 && memmem(s.p, s.n, boundary, strlen(boundary)) != NULL;
}

/*
 * One that stands nowhere in the form: what a client puts into a file must not
 * become a field of ours.
 */
static void
choose_boundary(struct form *f, const struct jmember *v, int n,
    const struct llm_file *files)
{
	const struct llm_file *file;
	int i, at = 0;

again:
	snprintf(f->boundary, sizeof(f->boundary), "llmgw-form-%d-end", at++);
	for (i = 0; i < n; i++)
		if (holds(v[i].key, f->boundary) ||
		    holds(text_of(f, &v[i]), f->boundary))
			goto again;
	for (file = files; file != NULL; file = file->next)
		if (holds(file->data, f->boundary) ||
		    holds(file->name, f->boundary) ||
		    holds(file->field, f->boundary))
			goto again;
}

static void
take_parts(struct form *f, struct http_request *q)
{
	struct str *v = arena_alloc(f->arena, PARTS_MAX * sizeof(*v));
	int i;

	q->nparts = pieces_list(&f->pieces, v);
	q->parts = v;
	q->body = (struct str){ NULL, 0 };
	for (i = 0; i < q->nparts; i++)
		q->body.n += v[i].n;
}

int
form_body(struct llm_request *r, struct str json, struct arena *a,
    struct http_request *q, struct str *type, struct err *e)
{
	struct form *f = ARENA_NEW(a, struct form);
	struct llm_file *files = r->files, *file;
	struct jmember *v;
	int i, n = jscan_object(json, a, &v, e);

	if (n == -1 || (files == NULL && read_media(r, a, &files, e) == -1))
		return -1;
	f->pieces = PIECES_LIMIT(FIELDS_MAX);
	f->arena = a;
	arena_defer(a, free_form, f);
	choose_boundary(f, v, n, files);
	for (i = 0; i < n; i++)
		put_field(f, &v[i]);
	for (file = files; file != NULL; file = file->next)
		put_file(f, file->field, file->name, file->type, file->data);
	buf_fmt(&f->pieces.text, "--%s--\r\n", f->boundary);
	if (f->pieces.text.full)
		return err_set(e, ERR_TOO_LARGE, "Request is too large");
	take_parts(f, q);
	*type = arena_fmt(
	    a, "Content-Type: multipart/form-data; boundary=%s", f->boundary);
	return 0;
}
