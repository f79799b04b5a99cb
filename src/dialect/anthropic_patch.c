/*
 * A whole answer between equal dialects: looked at, then written again around
 * what is ours (api.md 5.2).
 */
#include "dialect/anthropic.h"

#define USAGE_MAX ((size_t)1024 * 1024)

int
anthropic_patch_read(struct arena *a, const struct frame *f, struct str body,
    struct llm_facts *facts, struct err *e)
{
	struct anthropic_usage usage = { .input = 0 };
	struct str content, id;
	struct jmember *v, m;
	struct jiter it;
	int n;

	if ((n = answer_scan(a, &body, &v, e)) == -1)
		return -1;
	if (anthropic_error_in(a, body, v, n, e))
		return -1;
	content = jscan_get(v, n, "content");
	if (content.n == 0 || content.p[0] != '[')
		return err_set(
		    e, ERR_UPSTREAM, "Answer of the provider has no content");
	for (it = jscan_into(content); jscan_next(&it, &m);)
		anthropic_see_block(m.raw, facts);
	anthropic_see_stop(body, facts);
	anthropic_read_usage(jscan_get(v, n, "usage"), &usage);
	anthropic_count_usage(&usage, &facts->usage);
	facts->has_usage = usage.told;
	id = jscan_inner(jscan_get(v, n, "id"));
	str_copy(facts->id, sizeof(facts->id), id.n == 0 ? f->id : id);
	return llm_no_content(facts, e);
}

int
anthropic_patch_write(struct arena *a, const struct frame *f,
    const struct tail *t, struct str body, struct buf *out, struct err *e)
{
	struct buf usage = BUF_LIMIT(USAGE_MAX);
	struct jw w = JW_TO(&usage);
	struct jpatch p[5];
	struct jmember *v;
	int n, k = 0;

	if ((n = answer_scan(a, &body, &v, e)) == -1)
		return -1;
	anthropic_put_usage(&w, NULL, t, jscan_get(v, n, "usage"));
	if (jscan_inner(jscan_get(v, n, "id")).n == 0)
		p[k++] = (struct jpatch){ JPATCH_SET, STR("id"),
			answer_quoted(a, f->id), NULL };
	p[k++] = (struct jpatch){ JPATCH_SET, STR("model"),
		answer_quoted(a, f->model), NULL };
	p[k++] =
	    (struct jpatch){ JPATCH_SET, STR("usage"), buf_str(&usage), NULL };
	if (jscan_inner(jscan_get(v, n, "stop_reason")).n == 0)
		p[k++] = (struct jpatch){ JPATCH_SET, STR("stop_reason"),
			STR("\"end_turn\""), NULL };
	if (t->metadata.n > 0)
		p[k++] = (struct jpatch){ JPATCH_SET, STR("metadata"),
			t->metadata, NULL };
	jscan_splice(v, n, p, k, out);
	buf_free(&usage);
	return answer_fits(out, e);
}
