#include "base/b64.h"
#include "base/hash.h"
#include "dialect/parts.h"
#include "json/jx.h"

#define TEXT_MAX ((size_t)32 * 1024 * 1024)

struct llm_part *
parts_add(struct llm_part ***tail, enum llm_kind kind, struct arena *a)
{
	struct llm_part *p = ARENA_NEW(a, struct llm_part);

	p->kind = kind;
	**tail = p;
	*tail = &p->next;
	return p;
}

void
parts_add_text(struct llm_part ***tail, enum llm_kind kind,
    struct json_object *node, struct arena *a)
{
	struct llm_part *p;

	if (jx_text(node).p == NULL)
		return;
	p = parts_add(tail, kind, a);
	p->node = node;
	p->text = jx_text(node);
}

bool
parts_have(const struct llm_part *p, enum llm_kind kind)
{
	for (; p != NULL; p = p->next)
		if (p->kind == kind)
			return true;
	return false;
}

bool
parts_is_word(struct str s, size_t max)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
			(s.p[i] >= 'a' && s.p[i] <= 'z') ||
			(s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '_' ||
			s.p[i] == '-'))
			return false;
	return s.n > 0 && (max == 0 || s.n <= max);
}

struct str
parts_call_id(struct str s, size_t max, struct arena *a)
{
	unsigned char h[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];

	if (parts_is_word(s, max))
		return s;
	hash_sha256(s, h);
	hash_hex(h, sizeof(h), hex);
	return arena_fmt(a, "tooluse_%.32s", hex);
}

struct str
parts_tool_name(struct str s, size_t max, struct arena *a)
{
	char *p;
	size_t i;

	if (parts_is_word(s, max))
		return s;
	if (s.n == 0)
		return STR("unnamed");
	s.n = s.n > max ? max : s.n;
	p = arena_cstr(a, s);
	for (i = 0; i < s.n; i++)
		if (!parts_is_word((struct str){ p + i, 1 }, 0))
			p[i] = '_';
	return (struct str){ p, s.n };
}

/* A text document: those who take documents want its text. */
static void
take_text(struct llm_part *p, struct arena *a)
{
	struct buf b = BUF_LIMIT(TEXT_MAX);

	if (b64_decode(p->media.data, &b) == 0 && !b.full) {
		p->media.text = arena_dup(a, buf_str(&b));
		p->media.data = STR_NONE;
	}
	buf_free(&b);
}

void
parts_take_url(struct llm_part *p, struct str url, struct arena *a)
{
	struct str rest = url, head;

	p->media.url = url;
	if (!str_starts(url, "data:"))
		return;
	rest.p += 5;
	rest.n -= 5;
	head = str_split(&rest, ',');
	if (rest.p == NULL)
		return;
	p->media.url = STR_NONE;
	p->media.data = rest;
	p->media.mime = str_split(&head, ';');
	if (str_is(p->media.mime, "image/jpg"))
		p->media.mime = STR("image/jpeg");
	if (str_starts(p->media.mime, "text/"))
		take_text(p, a);
}

void
parts_take_file(struct llm_part *p, struct json_object *o, struct arena *a)
{
	struct str data = jx_str(o, "file_data");

	p->media.id = jx_str(o, "file_id");
	p->media.name = jx_str(o, "filename");
	if (str_starts(data, "data:"))
		parts_take_url(p, data, a);
	else if (data.p != NULL)
		p->media.data = data;
	if (p->media.mime.p == NULL)
		p->media.mime = STR("application/pdf");
}

void
parts_put_url(const struct llm_part *p, struct buf *b)
{
	if (p->media.data.p == NULL && p->media.text.p == NULL) {
		buf_add(b, p->media.url);
		return;
	}
	buf_add(b, STR("data:"));
	buf_add(b, p->media.mime.n > 0 ? p->media.mime : STR("text/plain"));
	buf_add(b, STR(";base64,"));
	if (p->media.data.p != NULL)
		buf_add(b, p->media.data);
	else
		b64_encode(p->media.text, b);
}

bool
parts_is(const struct llm_part *p, const char *kind)
{
	return p->media.mime.n == 0 ? strcmp(kind, "image/") == 0 :
				      str_starts(p->media.mime, kind);
}

enum llm_cache
parts_cache(struct json_object *mark)
{
	if (!json_object_is_type(mark, json_type_object))
		return LLM_CACHE_NONE;
	return str_is(jx_str(mark, "ttl"), "1h") ? LLM_CACHE_1H : LLM_CACHE_5M;
}

void
parts_hints(struct llm_request *r, const char *const *known, struct arena *a)
{
	struct llm_hint **tail = &r->hints;
	struct str key;
	int i, k;

	for (i = 0; i < r->nmembers; i++) {
		for (k = 0; known[k] != NULL; k++)
			if (str_is(r->members[i].key, known[k]))
				break;
		if (known[k] != NULL || jscan_null(r->members[i].raw))
			continue;
		key = arena_dup(a, r->members[i].key);
		*tail = ARENA_NEW(a, struct llm_hint);
		(*tail)->name = key;
		(*tail)->node = jx_get(r->doc, key.p);
		tail = &(*tail)->next;
	}
}
