#include "dialect/dialect.h"

static const struct dialect *const dialects[] = {
	&dialect_anthropic_count,
	&dialect_anthropic_messages,
	&dialect_openai_chat,
	&dialect_bedrock_converse,
	&dialect_bedrock_count,
	&dialect_chat_image,
	&dialect_cohere_chat,
	&dialect_dashscope_image,
	&dialect_gemini,
	&dialect_gemini_count,
	&dialect_gemini_embed,
	&dialect_gemini_image,
	&dialect_openai_edits,
	&dialect_openai_embed,
	&dialect_openai_images,
	&dialect_openai_responses,
	&dialect_reve_edit,
	&dialect_reve_image,
};

const struct dialect *
dialect_find(struct str name)
{
	size_t i;

	for (i = 0; i < NROWS(dialects); i++)
		if (str_is(name, dialects[i]->name))
			return dialects[i];
	return NULL;
}

int
dialect_fits(const struct buf *out, struct err *e)
{
	return out->full ? err_set(e, ERR_TOO_LARGE, "Request is too large") :
			   0;
}

static bool
has_path(const struct jpatch *p, int n, struct str path)
{
	int i;

	for (i = 0; i < n; i++)
		if (str_eq(p[i].path, path))
			return true;
	return false;
}

/* The given patches, then the dialect's own for paths that are not among. */
static int
all_patches(const struct dialect *to, const struct llm_request *r,
    const struct jpatch *patches, int n, struct jpatch *all)
{
	struct jpatch own[DIALECT_PATCHES];
	int i, nown = 0;

	for (i = 0; i < n; i++)
		all[i] = patches[i];
	if (to == r->from && to->body_patches != NULL)
		nown = to->body_patches(r, own, DIALECT_PATCHES);
	for (i = 0; i < nown && n < JPATCH_MAX; i++)
		if (!has_path(all, n, own[i].path))
			all[n++] = own[i];
	return n;
}

int
dialect_body(const struct dialect *to, struct llm_request *r,
    const struct llm_aim *aim, const struct jpatch *patches, int npatch,
    struct buf *out, struct err *e)
{
	struct arena *a = aim->arena;
	struct jmember *members = r->members;
	struct jpatch all[JPATCH_MAX];
	int n = r->nmembers, rc = -1;
	struct buf tmp = BUF_LIMIT(out->limit);
	struct jw w;

	if (to != r->from) {
		if (r->doc == NULL && r->from->decode_request(r, a, e) == -1)
			goto out;
		if (r->brief != LLM_EFFORT_NONE) {
			r->effort = r->brief;
			r->has_effort = true;
		}
		w = JW_TO(&tmp);
		if (to->encode_request(r, aim, &w, e) == -1)
			goto out;
		n = jscan_object(buf_str(&tmp), a, &members, e);
		if (n == -1)
			goto out;
	}
	npatch = all_patches(to, r, patches, npatch, all);
	jscan_splice(members, n, all, npatch, out);
	rc = dialect_fits(out, e);
out:
	buf_free(&tmp);
	return rc;
}
