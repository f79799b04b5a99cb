/*
 * What a body gets when it goes to a provider of the same dialect.
 */
#include "dialect/openai.h"

/* Add a web_search tool unless one is there; writing nothing keeps all. */
static void
add_search(struct str tools, struct buf *out)
{
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(tools); jscan_next(&it, &m);)
		if (str_eq(jscan_word(m.raw, "type"), STR("web_search")))
			return;
	if (tools.n < 2 || tools.p[0] != '[')
		return;
	buf_add(out, (struct str){ tools.p, tools.n - 1 });
	openai_comma(out);
	buf_add(out, STR("{\"type\":\"web_search\"}]"));
}

static void
push(struct jpatch *v, int *n, int max, struct jpatch p)
{
	if (*n < max)
		v[(*n)++] = p;
}

/* `effort` and `reasoning` are how the gateway lets clients say it. */
static void
patch_effort(const struct llm_request *r, struct jpatch *v, int *n, int max)
{
	struct str reasoning = check_get(r, "reasoning");
	struct str effort = jscan_at(reasoning, "effort");
	struct str budget = jscan_at(reasoning, "max_tokens");

	if (effort.p == NULL || jscan_null(effort))
		effort = check_get(r, "effort");
	if (r->brief != LLM_EFFORT_NONE)
		effort = r->brief == LLM_EFFORT_MINIMAL ? STR("\"minimal\"") :
							   STR("\"low\"");
	if (effort.p != NULL)
		push(v, n, max,
		    (struct jpatch){
			JPATCH_SET, STR("reasoning_effort"), effort, NULL });
	/* A budget has no other place; only providers that know it get it. */
	if (budget.p == NULL || jscan_null(budget))
		push(v, n, max,
		    (struct jpatch){
			JPATCH_DEL, STR("reasoning"), STR_NONE, NULL });
}

/* Usage is asked for always; other options stay as they are. */
static void
patch_stream(const struct llm_request *r, struct jpatch *v, int *n, int max)
{
	struct jpatch p = { .path = STR("stream_options") };

	if (!r->stream)
		p.op = JPATCH_DEL; /* refused without stream */
	else if (check_get(r, "stream_options").p != NULL) {
		p.op = JPATCH_SET;
		p.path = STR("stream_options/include_usage");
		p.arg = STR("true");
	} else {
		p.op = JPATCH_SET;
		p.arg = STR("{\"include_usage\":true}");
	}
	push(v, n, max, p);
}

int
openai_body_patches(const struct llm_request *r, struct jpatch *v, int max)
{
	static const struct str ours[] = { STR("image_config"),
		STR("web_search"), STR("plugins"), STR("routing"),
		STR("free_models_only"), STR("no_reasoning"), STR("onboarding"),
		STR("effort") };
	int n = jpatch_delete(ours, NROWS(ours), v, max);

	patch_effort(r, v, &n, max);
	patch_stream(r, v, &n, max);
	if (!str_eq(check_get(r, "web_search"), STR("true")))
		return n;
	if (check_get(r, "tools").p != NULL)
		push(v, &n, max,
		    (struct jpatch){
			JPATCH_MAP, STR("tools"), STR_NONE, add_search });
	else
		push(v, &n, max,
		    (struct jpatch){ JPATCH_SET, STR("tools"),
			STR("[{\"type\":\"web_search\"}]"), NULL });
	return n;
}
