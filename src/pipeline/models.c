/* The list of models, in OpenAI's shape and in Anthropic's: api.md 9. */
#include "base/hash.h"
#include "domain/iam.h"
#include "pipeline/models.h"
#include "pipeline/path.h"
#include "pipeline/reply.h"

#define LIST_MAX ((size_t)32 * 1024 * 1024)
#define PAGE_DEFAULT 20
#define PAGE_MAX 1000

static bool
is_true(struct str s)
{
	return str_is(s, "true") || str_is(s, "1");
}

struct view
models_view(struct req *r)
{
	struct view v = { .world = r->world, .who = r->who };
	struct err why = { 0 };

	if (v.who != NULL)
		v.barred = iam_address(v.who, req_address(r), &why) == -1;

	world_today(v.today);
	v.all = is_true(path_query(r, "all"));
	v.deactivated = is_true(path_query(r, "include_deactivated"));
	v.no_deprecated = is_true(path_query(r, "exclude_deprecated"));
	v.anthropic = req_param(r, "HTTP_ANTHROPIC_VERSION").p != NULL;
	return v;
}

static void
list_openai(struct req *r, const struct view *v, struct buf *b)
{
	const struct catalog *c = r->world->catalog;
	struct jw w = JW_TO(b);
	int i;

	jw_obj(&w, NULL);
	jw_strc(&w, "object", "list");
	jw_arr(&w, "data");
	if (!v->barred)
		models_put_auto(&w, v);
	for (i = 0; i < catalog_count(c); i++)
		if (models_listed(v, catalog_at(c, i)))
			models_put(&w, v, catalog_at(c, i));
	jw_end(&w);
	jw_end(&w);
}

/* One page: `limit` models after after_id, or before before_id. */
struct page {
	const struct model **v;
	int n;
	int from, to;
};

static int
find_page(struct req *r, struct page *p)
{
	struct str after = path_query(r, "after_id");
	struct str before = path_query(r, "before_id");
	struct str limit = path_query(r, "limit");
	int64_t max = PAGE_DEFAULT;
	int i;

	if (limit.p != NULL &&
	    (!jscan_int(limit, &max) || max < 1 || max > PAGE_MAX)) {
		r->err.param = STR("limit");
		return err_set(&r->err, ERR_BAD_PARAM,
		    "Invalid request parameters: limit: must be a number from "
		    "1 to %d",
		    PAGE_MAX);
	}
	p->from = 0;
	p->to = p->n;
	for (i = 0; i < p->n; i++) {
		if (after.n > 0 && str_eq(p->v[i]->id, after))
			p->from = i + 1;
		if (before.n > 0 && str_eq(p->v[i]->id, before))
			p->to = i;
	}
	if (before.n > 0 && p->to - p->from > max)
		p->from = p->to - (int)max;
	else if (p->to - p->from > max)
		p->to = p->from + (int)max;
	return 0;
}

static int
list_anthropic(struct req *r, const struct view *v, struct buf *b)
{
	const struct catalog *c = r->world->catalog;
	struct page p = { 0 };
	struct jw w = JW_TO(b);
	int i;

	p.v = arena_zalloc(
	    r->setup, ((size_t)catalog_count(c) + 1) * sizeof(*p.v));
	for (i = 0; i < catalog_count(c); i++)
		if (models_listed(v, catalog_at(c, i)))
			p.v[p.n++] = catalog_at(c, i);
	if (find_page(r, &p) == -1)
		return -1;
	jw_obj(&w, NULL);
	jw_arr(&w, "data");
	for (i = p.from; i < p.to; i++)
		models_put_anthropic(&w, p.v[i]);
	jw_end(&w);
	jw_bool(&w, "has_more", p.to < p.n);
	if (p.from < p.to) {
		jw_str(&w, "first_id", p.v[p.from]->id);
		jw_str(&w, "last_id", p.v[p.to - 1]->id);
	} else {
		jw_null(&w, "first_id");
		jw_null(&w, "last_id");
	}
	jw_end(&w);
	return 0;
}

/* With a tag, so that a client that has it already is told so (304). */
static void
answer_tagged(struct req *r, struct str body)
{
	unsigned char digest[HASH_SIZE];
	char hex[HASH_SIZE * 2 + 1];
	struct str tag, extra, known = req_param(r, "HTTP_IF_NONE_MATCH");

	hash_sha256(body, digest);
	hash_hex(digest, sizeof(digest), hex);
	tag = arena_fmt(r->setup, "\"%.32s\"", hex);
	extra = arena_fmt(r->setup,
	    "Cache-Control: max-age=60\r\nETag: %.*s\r\n", STR_ARG(tag));
	if (known.n > 0 &&
	    (str_is(known, "*") ||
		memmem(known.p, known.n, tag.p, tag.n) != NULL))
		reply_whole(r, 304, NULL, extra, STR(""));
	else
		reply_whole(r, 200, NULL, extra, body);
}

enum verdict
stage_models(struct req *r)
{
	struct view v = models_view(r);
	struct buf b = BUF_LIMIT(LIST_MAX);
	int rc = 0;

	if (v.anthropic)
		rc = list_anthropic(r, &v, &b);
	else
		list_openai(r, &v, &b);
	if (rc == 0)
		answer_tagged(r, buf_str(&b));
	buf_free(&b);
	return rc == 0 ? DONE : FAIL;
}

/* "provider/model" or a model: the rest of the path. */
static const struct model *
find_model(const struct view *v, struct str id)
{
	const struct model *m = catalog_find(v->world->catalog, id);
	struct str rest = id, provider;
	int i;

	if (m != NULL)
		return m;
	provider = str_split(&rest, '/');
	m = rest.n == 0 ? NULL : catalog_find(v->world->catalog, rest);
	for (i = 0; m != NULL && i < m->nmappings; i++)
		if (str_eq(m->mappings[i].provider, provider))
			return m;
	return NULL;
}

enum verdict
stage_model(struct req *r)
{
	struct str id = { r->path.p + 11, r->path.n - 11 };
	struct view v = models_view(r);
	const struct model *m = find_model(&v, id);
	bool automatic = str_is(id, "auto") && !v.anthropic && !v.barred;
	struct buf b = BUF_LIMIT(LIST_MAX);
	struct jw w = JW_TO(&b);

	v.all = !automatic;
	if (!automatic && (m == NULL || !models_offered(&v, m))) {
		err_set(&r->err, ERR_NOT_FOUND, "Model %.*s not found",
		    (int)(id.n > 200 ? 200 : id.n), id.p);
		return FAIL;
	}
	if (automatic)
		models_put_auto(&w, &v);
	else if (v.anthropic)
		models_put_anthropic(&w, m);
	else
		models_put(&w, &v, m);
	answer_tagged(r, buf_str(&b));
	buf_free(&b);
	return DONE;
}
